"""What somebody can work out from everything that was published, who knows more than is published. Pure.

The attacker knows the rules, the exact number of cases of every period, and can subtract every case that it knows
itself (an organisation's caseload, a list of press reports). How many other cases there are in each combination of
groups and each period is then a linear programme, of which every solution could be true.

The programme falls apart. Dimensions that no published table shows together bound one another through the number of
cases alone, since any people with the one may be any people with the other. So each set of dimensions that hang
together is a small programme of its own, and their least and greatest numbers are put together as Fréchet did, without
loss.

Sources: the attacker's subproblem of cell suppression, as in J. Castro, "Recent advances in optimization techniques for
statistical tabular data protection", European Journal of Operational Research 216 (2012); M. Fréchet, "Généralisation
du théorème des probabilités totales", Fundamenta Mathematicae 25 (1935).
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain

import numpy as np

from domain.statistics.counts import NOBODY, Caseload
from domain.statistics.declaration import Cell, Population, Rules
from domain.statistics.programme import Mask, Programme
from domain.statistics.windows import Window

Values = frozenset[str]
Groups = Mapping[str, Values]


@dataclass(frozen=True, slots=True)
class Bounds:
    """The least and the most cases that a combination can have.

    Attributes:
        among: So many unknown cases there are in those periods at all: what was known before anything was published.
        whole: The combination is one value in every dimension, not a group of them.
    """

    least: int
    most: int
    among: int
    whole: bool = False


@dataclass(frozen=True)
class Knowledge:
    """What an attacker knows besides all releases.

    Attributes:
        totals: The exact number of cases, by period.
        own: What it can subtract, by period.
        beyond: The least cases in every published cell without any two organisations; 0 if the rules are not kept.
        allied: So many organisations it is.
    """

    totals: Sequence[int]
    own: Mapping[int, Caseload] = field(default_factory=dict)
    beyond: int = 0
    allied: int = 0

    def unknown(self, period: int) -> int:
        """Return how many cases of a period it does not know itself."""
        return self.totals[period] - self.own.get(period, NOBODY).total

    def left(self, own: int) -> int:
        """Return the least cases that the rules leave in a published cell in which it knows so many."""
        return self.beyond and self.beyond + 2 - (self.allied if own else 0)


@dataclass(frozen=True)
class _Row:
    """So many unknown cases, at least and at most, have these values and were registered in these periods."""

    groups: Groups
    first: int
    last: int
    least: int
    most: int

    def covers(self, period: int) -> bool:
        return self.first <= period <= self.last


class Attack:
    """Bounds how many cases that the attacker does not know can be in a combination of groups.

    Args:
        population: What is counted.
        rules: The rules, which the attacker knows.
        windows: Everything that was ever published of the population.
        knowledge: What it knows besides.
    """

    def __init__(self, population: Population, rules: Rules, windows: Iterable[Window], knowledge: Knowledge) -> None:
        self.population, self.rules, self.knowledge = population, rules, knowledge
        self.windows = [window for window in windows if window.cells]
        self._rows = [[*self._rows_of(window), *self._betrayed(window)] for window in self.windows]
        used = [set(population.tables[window.table].dimensions) for window in self.windows]
        self._together = {name: together for together in _joined(used) for name in together}
        self._parts: dict[tuple[int, ...], list[Part]] = {}
        self._covering: dict[int, tuple[int, ...]] = {}

    def bounds(self, values: Cell, period: int) -> Bounds:
        """Return how many unknown cases can share the published groups of these values.

        Args:
            values: One value for each dimension of the population, in its order.
            period: When they were registered; periods that every table puts in the same windows count as one.

        Raises:
            Contradiction: the releases and the knowledge do not agree.
        """
        parts = self._parts_at(period)
        if not parts:
            unknown = self.knowledge.unknown(period)
            return Bounds(0, unknown, unknown)
        found = [part.bounds(values) for part in parts]
        among = parts[0].among
        least = max(0, sum(one.least for one in found) - (len(found) - 1) * among)
        named = sum(len(part.names) for part in parts)
        whole = named == len(values) and all(one.whole for one in found)
        return Bounds(least, min(one.most for one in found), among, whole)

    def _parts_at(self, period: int) -> list["Part"]:
        """Return the programmes for a period: the same for all periods that the same windows cover."""
        if period not in self._covering:
            self._covering[period] = tuple(
                number for number, window in enumerate(self.windows) if window.first <= period <= window.last
            )
        covering = self._covering[period]
        if covering not in self._parts:
            self._parts[covering] = self._parts_of(period)
        return self._parts[covering]

    def stretches(self, since: int) -> Iterator[tuple[range, list[list["Part"]]]]:
        """Yield periods that windows bind to one another, up to the newest, with the programmes of each part.

        Between two stretches every window ends, so that nothing is learnt from both of them together.
        """
        first = 0
        for end in range(1, len(self.knowledge.totals) + 1):
            if end < len(self.knowledge.totals) and any(one.first < end <= one.last for one in self.windows):
                continue
            stretch, first = range(first, end), end
            if end > since:
                parts = [self._within(names, stretch) for names in sorted(set(self._together.values()), key=sorted)]
                yield stretch, [programmes for programmes in parts if programmes]

    def _within(self, names: frozenset[str], stretch: range) -> list["Part"]:
        """Return the programmes of some dimensions that say something about a stretch; no two about one period."""
        found: list[Part] = []
        for period in stretch:
            if any(period in span for part in found for span in part.spans):
                continue
            rows = self._concerned(names, period)
            if rows:
                spans = _spans(list(chain.from_iterable(rows)), period)
                unknown = [sum(self.knowledge.unknown(one) for one in span) for span in spans]
                found.append(Part(self.population, sorted(names), rows, spans, unknown, 0))
        return found

    def _rows_of(self, window: Window) -> Iterator[_Row]:
        total = sum(self.knowledge.totals[window.first : window.last + 1])
        for groups, cell, own in self._cells(window, window.levels):
            if cell not in window.cells:
                continue
            least, most = self.rules.uncertainty(window.cells[cell])
            if self.knowledge.beyond:
                most = min(most, total - self.rules.minimum)
            yield _Row(groups, window.first, window.last, max(self.knowledge.left(own), least - own), most - own)

    def _betrayed(self, window: Window) -> Iterator[_Row]:
        """Yield what the levels of the next window tell of this one: finer ones are taken where many were in each."""
        levels = _betraying(self.population, self.windows, window) if self.knowledge.beyond else None
        if levels is not None:
            total = sum(self.knowledge.unknown(one) for one in range(window.first, window.last + 1))
            for groups, _, own in self._cells(window, levels):
                least = max(self.knowledge.left(own), 2 * self.rules.minimum - own)
                yield _Row(groups, window.first, window.last, least, total)

    def _cells(self, window: Window, levels: tuple[int, ...]) -> Iterator[tuple[Groups, Cell, int]]:
        """Yield the cells of a window at some levels: their groups of values, and how many it knows there."""
        names = self.population.tables[window.table].dimensions
        groupings = self.population.groupings(window.table, levels)
        own: Counter[Cell] = Counter()
        for period in range(window.first, window.last + 1):
            own.update(self.knowledge.own.get(period, NOBODY).grouped(self.population, window.table, levels))
        for cell in self.population.cells(window.table, levels):
            groups = {
                name: frozenset(value for value, group in grouping.items() if group == wanted)
                for name, grouping, wanted in zip(names, groupings, cell, strict=True)
            }
            yield groups, cell, own[cell]

    def _parts_of(self, period: int) -> list["Part"]:
        """Return the programmes that say something about a period."""
        used = {
            name
            for window in self.windows
            if window.first <= period <= window.last
            for name in self.population.tables[window.table].dimensions
        }
        parts = {tuple(sorted(self._together[name])): self._concerned(self._together[name], period) for name in used}
        rows = [row for found in parts.values() for several in found for row in several]
        spans = _spans(rows, period)
        unknown = [sum(self.knowledge.unknown(one) for one in span) for span in spans]
        (at,) = [number for number, span in enumerate(spans) if period in span]
        return [Part(self.population, names, found, spans, unknown, at) for names, found in sorted(parts.items())]

    def _concerned(self, names: frozenset[str], period: int) -> list[list[_Row]]:
        """Return the rows of windows with these dimensions that reach the period, also by way of others."""
        mine = [
            rows
            for window, rows in zip(self.windows, self._rows, strict=True)
            if names.issuperset(self.population.tables[window.table].dimensions)
        ]
        found = [rows for rows in mine if rows[0].covers(period)]
        while found:
            first, last = min(rows[0].first for rows in found), max(rows[0].last for rows in found)
            more = [rows for rows in mine if rows not in found and rows[0].first <= last and rows[0].last >= first]
            if not more:
                break
            found += more
        return found


def _betraying(population: Population, windows: Iterable[Window], window: Window) -> tuple[int, ...] | None:
    """Return the levels of the window that follows in a table, if they tell anything of this one."""
    later = [one for one in windows if one.table == window.table and one.first > window.last]
    levels = min(later, key=lambda one: one.first).levels if later else population.coarsest(window.table)
    return None if levels == population.coarsest(window.table) else levels


def betrayed_since(population: Population, windows: Sequence[Window], since: int) -> int:
    """Return the first period of which something is learnt by what is published of a period and later ones."""
    return min(
        (
            window.first
            for window in windows
            if window.last < since
            and _betraying(population, windows, window)
            and any(one.table == window.table and one.first == window.last + 1 for one in windows if one.first >= since)
        ),
        default=since,
    )


def told_apart(population: Population, windows: Iterable[Window], cross: Iterable[Cell], period: int) -> list[Cell]:
    """Return one combination for each that what was published of a period puts into groups of its own.

    All combinations in the same groups have the same bounds, whoever attacks.
    """
    place = {name: number for number, name in enumerate(population.dimensions)}
    groupings = [
        (place[name], grouping)
        for window in windows
        if window.first <= period <= window.last
        for name, grouping in zip(
            population.tables[window.table].dimensions, population.groupings(window.table, window.levels), strict=True
        )
    ]
    found: dict[tuple[str, ...], Cell] = {}
    for values in cross:
        found.setdefault(tuple(grouping[values[number]] for number, grouping in groupings), values)
    return list(found.values())


class Part:
    """The programme of some dimensions that hang together, for the periods that are treated alike with one.

    Attributes:
        names: The dimensions.
        among: How many unknown cases those periods have.
        spans: All periods that are bound to them; those that every row treats alike together.
    """

    def __init__(
        self,
        population: Population,
        names: Sequence[str],
        windows: Sequence[Sequence[_Row]],
        spans: Sequence[tuple[int, ...]],
        unknown: Sequence[int],
        at: int,
    ) -> None:
        self.names, self.among, self.spans = names, unknown[at], spans
        place = {name: number for number, name in enumerate(population.dimensions)}
        self._places = [place[name] for name in names]
        rows = [row for window in windows for row in window]
        self._atoms = {name: _atoms(population, name, rows) for name in names}
        self._speaking = [row for row in rows if row.covers(spans[at][0])]
        self._here = [number == at for number in range(len(spans))]
        limits = [
            (self._mask(row.groups, [row.covers(span[0]) for span in spans]), row.least, row.most) for row in rows
        ]
        for number, among in enumerate(unknown):
            limits.append((self._mask({}, [one == number for one in range(len(spans))]), among, among))
        self._programme = Programme(limits, whole=len(windows) > 1 or len(names) > 1)
        self._solved: dict[Cell, Bounds] = {}
        self._optima: dict[bytes, tuple[int, int]] = {}
        self.groups = {name: _groups(rows, self._atoms[name], name) for name in names}

    def least(self, groups: Groups, spans: Sequence[bool]) -> int:
        """Return how many cases there are in groups at least, in several spans together."""
        aim = self._mask(groups, spans)
        return self._programme.least(aim) if aim.any() else 0

    def bounds(self, values: Cell) -> Bounds:
        """Return the bounds of the finest groups of these values, of all dimensions, that the windows tell apart."""
        mine = tuple([values[place] for place in self._places])
        if mine not in self._solved:
            self._solved[mine] = self._bounded(dict(zip(self.names, mine, strict=True)))
        return self._solved[mine]

    def _bounded(self, mine: Mapping[str, str]) -> Bounds:
        target: dict[str, Values] = {}
        for row in self._speaking:
            if all(mine[name] in group for name, group in row.groups.items()):
                for name, group in row.groups.items():
                    target[name] = target.get(name, group) & group
        aim = self._mask(target, self._here)
        key = aim.tobytes()
        if key not in self._optima:
            self._optima[key] = self._programme.ends(aim)
        single = len(target) == len(self.names) and all(len(group) == 1 for group in target.values())
        return Bounds(*self._optima[key], self.among, single)

    def _mask(self, groups: Groups, spans: Sequence[bool]) -> Mask:
        """Return which of the combinations of atoms and periods a row, or a target, is about."""
        mask = np.ones((*(len(one) for one in self._atoms.values()), len(spans)), dtype=bool)
        for axis, (name, sets) in enumerate(self._atoms.items()):
            if name in groups:
                inside = np.array([one <= groups[name] for one in sets])
                mask &= inside.reshape([-1 if place == axis else 1 for place in range(mask.ndim)])
        mask &= np.array(spans)
        return mask.ravel()


def _joined(sets: Iterable[set[str]]) -> list[frozenset[str]]:
    """Return sets in which those that share a member have become one."""
    found: list[frozenset[str]] = []
    for one in sets:
        touching = [other for other in found if other & one]
        found = [other for other in found if not other & one] + [frozenset(one).union(*touching)]
    return found


def _atoms(population: Population, name: str, rows: Sequence[_Row]) -> list[Values]:
    """Return the values of a dimension in the coarsest sets of which every group asked for is put together."""
    groups = {row.groups[name] for row in rows if name in row.groups}
    signatures: dict[frozenset[Values], set[str]] = {}
    for value in population.dimensions[name].values:
        signatures.setdefault(frozenset(group for group in groups if value in group), set()).add(value)
    return [frozenset(one) for one in signatures.values()]


def _groups(rows: Sequence[_Row], atoms: Iterable[Values], name: str) -> list[Values]:
    """Return the groups of a dimension that rows speak of, and the parts that they cut it into."""
    named = (row.groups[name] for row in rows if name in row.groups)
    return list(dict.fromkeys([*named, *atoms]))


def _spans(rows: Sequence[_Row], period: int) -> list[tuple[int, ...]]:
    """Return the periods concerned; those that every row treats alike together."""
    first, last = min((row.first for row in rows), default=period), max((row.last for row in rows), default=period)
    spans: dict[frozenset[tuple[int, int]], list[int]] = {}
    windows = {(row.first, row.last) for row in rows}
    for one in range(first, last + 1):
        spans.setdefault(frozenset(window for window in windows if window[0] <= one <= window[1]), []).append(one)
    return [tuple(one) for one in spans.values()]
