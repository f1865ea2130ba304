"""What a stranger reads out of a published release: limits on counts, nothing more.

Written from the bytes of the document and the public declaration it names, without a look at how the gate attacks. The
stranger knows the rules, so that a count also says what the rules demand of it, and which groups were thought large
enough says something about the window before.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

Cases = NDArray[np.int64]
"""A row for each case: its number, its period, then the place of its value in each dimension."""

Groups = Mapping[int, frozenset[int]]
"""By dimension: the values that are meant. A dimension that is not named is free."""

NUMBER, PERIOD, VALUES = 0, 1, 2
REST: Final = "other_or_unknown"
WITHOUT_LIMIT: Final = 1_000_000


def none_of(declaration: Mapping[str, Any]) -> Cases:
    """No case at all."""
    return np.zeros((0, VALUES + len(declaration["dimensions"])), dtype=np.int64)


def cases_of(declaration: Mapping[str, Any], rows: Iterable[tuple[int, int, Mapping[str, str]]]) -> Cases:
    """Rows of number, period and values by dimension, as an array."""
    places = {
        name: {value: place for place, value in enumerate(one["values"])}
        for name, one in declaration["dimensions"].items()
    }
    found = [
        [number, period, *(place[values[name]] for name, place in places.items())] for number, period, values in rows
    ]
    return np.array(found, dtype=np.int64).reshape(-1, VALUES + len(places))


def among(cases: Cases, groups: Groups, periods: Iterable[int]) -> Cases:
    """Those of the cases that are in every group, in one of the periods."""
    chosen = _in(cases[:, PERIOD], periods)
    for dimension, values in groups.items():
        chosen &= _in(cases[:, VALUES + dimension], values)
    return cases[chosen]


def _in(column: Cases, wanted: Iterable[int]) -> NDArray[np.bool_]:
    """Do what numpy's `isin` does, a few times faster for few small numbers."""
    places = list(wanted)
    marks = np.zeros(1 + max([*places, column.max(initial=0)], default=0), dtype=bool)
    marks[places] = True
    found: NDArray[np.bool_] = marks[column]
    return found


@dataclass(frozen=True)
class Outside:
    """What the stranger knows without reading: exact totals, whole organisations, and reports in the press.

    Attributes:
        totals: The exact number of cases of each period; None where it is not known.
        own: For each organisation that takes part, all its cases.
        press: Cases that were in the newspapers, with all their attributes.
        believing: Whether a window that was retracted is believed still; the newest release says what it showed.
    """

    totals: Sequence[int] | None = None
    own: tuple[Cases, ...] = ()
    press: Cases | None = None
    believing: bool = False

    def known(self, nobody: Cases) -> Cases:
        """Each case that is known, once."""
        every = np.concatenate([nobody, *self.own, *(() if self.press is None else (self.press,))])
        return every[np.unique(every[:, NUMBER], return_index=True)[1]]


@dataclass(frozen=True)
class Limit:
    """Between `least` and `most` cases are in these groups, from the first to the last period.

    Attributes:
        source: Limits of one source and the same periods speak of groups that do not overlap.
    """

    source: str
    first: int
    last: int
    groups: Groups
    least: int
    most: int

    @property
    def periods(self) -> range:
        """The periods that it speaks of."""
        return range(self.first, self.last + 1)


@dataclass(frozen=True)
class Limits:
    """Everything that is known of the cases that are not known one by one.

    Attributes:
        sizes: How many values each dimension has.
        totals: Least and most cases of each period.
        limits: Of the published cells, and what follows from the rules.
        known: The cases that are known one by one, and counted in nothing here.
    """

    sizes: tuple[int, ...]
    totals: tuple[tuple[int, int], ...]
    limits: tuple[Limit, ...]
    known: Cases = field(compare=False)

    @property
    def exact_totals(self) -> bool:
        """Whether the number of cases of every period is known."""
        return all(least == most for least, most in self.totals)

    def atoms(self, dimension: int) -> list[frozenset[int]]:
        """The parts that no publication has cut further."""
        cuts = [limit.groups[dimension] for limit in self.limits if dimension in limit.groups]
        parts: dict[tuple[bool, ...], set[int]] = {}
        for value in range(self.sizes[dimension]):
            parts.setdefault(tuple(value in cut for cut in cuts), set()).add(value)
        return [frozenset(part) for part in parts.values()]

    def blocks(self) -> list[tuple[int, ...]]:
        """The dimensions, taken together where one table shows them together."""
        found: list[set[int]] = []
        for joined in [*({one} for one in range(len(self.sizes))), *(set(limit.groups) for limit in self.limits)]:
            touched = [block for block in found if block & joined]
            found = [block for block in found if not block & joined] + [joined.union(*touched)]
        return sorted(tuple(sorted(block)) for block in found if block)


@dataclass(frozen=True)
class _Reader:
    """One population of a document, with its declaration and what is known outside."""

    content: Mapping[str, Any]
    declaration: Mapping[str, Any]
    outside: Outside
    known: Cases

    @property
    def rules(self) -> Mapping[str, Any]:
        rules: Mapping[str, Any] = self.content["rules"]
        return rules

    def groups(self, dimension: str, level: int) -> dict[str, frozenset[int]]:
        """By name: the places of the values that a group of a level has."""
        declared = self.declaration["dimensions"][dimension]
        place = {value: number for number, value in enumerate(declared["values"])}
        named = {name: frozenset(place[one] for one in values) for name, values in declared["levels"][level].items()}
        rest = frozenset(place.values()).difference(*named.values())
        return named | ({REST: rest} if rest else {})

    def read(self, tables: Mapping[str, Any]) -> Iterable[Limit]:
        for table, told in tables.items():
            retracted = told.get("retracted", [])
            for window in [*told["windows"], *(retracted if self.outside.believing else [])]:
                yield from self.window(table, told["dimensions"], window)
            for before, after in pairwise(sorted([*told["windows"], *retracted], key=self.begins)):
                yield from self.hindsight(table, told["dimensions"], before, after)

    def begins(self, window: Mapping[str, Any]) -> int:
        return self.periods(window)[0]

    def window(self, table: str, dimensions: Sequence[str], window: Mapping[str, Any]) -> Iterable[Limit]:
        if window["total"] is not None:
            yield self.limit(f"{table}, total", window, {}, *self.meant(window["total"], self.rules["window"]))
        for cell in window["cells"]:
            suppressed = cell["count"] is None
            limits = self.rules["suppressed"] if suppressed else self.meant(cell["count"], self.rules["minimum"])
            groups = self.cell(dimensions, window["levels"], cell["groups"])
            yield self.limit(table, window, groups, *self.demanded(window, groups, *limits))

    def cell(self, dimensions: Sequence[str], levels: Sequence[int], names: Sequence[str]) -> Groups:
        order = list(self.declaration["dimensions"])
        named = zip(dimensions, levels, names, strict=True)
        return {order.index(dimension): self.groups(dimension, level)[name] for dimension, level, name in named}

    def meant(self, published: int, minimum: int) -> tuple[int, int]:
        half = self.rules["base"] // 2
        return max(minimum, published - half), published + half

    def demanded(self, window: Mapping[str, Any], groups: Groups, least: int, most: int) -> tuple[int, int]:
        """Sharpen by what the rules demand of a published cell, its complement and its organisations."""
        periods = self.periods(window)
        if self.rules["organisations"]:
            least = max(least, self.rules["minimum"] + self.two_largest(groups, periods))
        if self.outside.totals is not None:
            most = min(most, sum(self.outside.totals[one] for one in periods) - self.rules["minimum"])
        return least, most

    def limit(self, source: str, window: Mapping[str, Any], groups: Groups, least: int, most: int) -> Limit:
        """Take away who is known."""
        periods = self.periods(window)
        known = len(among(self.known, groups, periods))
        return Limit(source, periods[0], periods[-1], groups, max(0, least - known), most - known)

    def periods(self, window: Mapping[str, Any]) -> range:
        names = list(self.content["periods"])
        return range(names.index(window["first"]), names.index(window["last"]) + 1)

    def two_largest(self, groups: Groups, periods: range) -> int:
        """What the two organisations that know most of a cell know of it, at least."""
        own = [len(among(one, groups, periods)) for one in self.outside.own]
        others = self.rules["organisations"] - sum(one > 0 for one in own)
        return sum(sorted([*own, *[1] * max(0, others)], reverse=True)[:2])

    def hindsight(
        self, table: str, dimensions: Sequence[str], before: Mapping[str, Any], after: Mapping[str, Any]
    ) -> Iterable[Limit]:
        """Finer groups than the coarsest are taken where the window before had twice the minimum in each."""
        coarsest = [len(self.declaration["dimensions"][name]["levels"]) - 1 for name in dimensions]
        if list(after["levels"]) != coarsest and self.rules.get("patience"):
            for cell in after["cells"]:
                groups = self.cell(dimensions, after["levels"], cell["groups"])
                yield self.limit(f"{table}, in hindsight", before, groups, 2 * self.rules["minimum"], WITHOUT_LIMIT)


def limits_of(document: bytes, population: str, declaration: Mapping[str, Any], outside: Outside) -> Limits:
    """Return what one who reads a release, and knows something besides, knows of all other cases.

    Args:
        document: The bytes of the release.
        population: Which of its populations.
        declaration: Dimensions with their values and levels; it is public.
        outside: What is known besides.
    """
    content = json.loads(document)
    known = outside.known(none_of(declaration))
    reader = _Reader(content, declaration, outside, known)
    periods = range(len(content["periods"]))
    here = [len(among(known, {}, (one,))) for one in periods]
    if outside.totals is None:
        totals = tuple((0, WITHOUT_LIMIT) for _ in periods)
    else:
        totals = tuple((outside.totals[one] - here[one], outside.totals[one] - here[one]) for one in periods)
    sizes = tuple(len(one["values"]) for one in declaration["dimensions"].values())
    return Limits(sizes, totals, tuple(reader.read(content["populations"][population]["tables"])), known)
