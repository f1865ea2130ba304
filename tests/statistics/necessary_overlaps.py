"""What must overlap, without a solver: Boole's and Fréchet's bound over all windows at once.

Of N cases, if at most a are outside one group and at most b outside another, at least N - a - b are in both. For
windows of several periods the sum runs over the windows that touch the periods asked for. Where every table has one
dimension this is the exact bound (the cut of a flow from what is outside to the periods it may lie in); otherwise it
is a safe one.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import chain, combinations, groupby

import numpy as np
from numpy.typing import NDArray

from tests.statistics.published_limits import PERIOD, VALUES, Cases, Groups, Limit, Limits

Numbers = NDArray[np.int64]
Marks = NDArray[np.bool_]

SMALL = 9
ALL_SUBSETS = 5
"""With so many periods every set of them is asked about; with more, every unbroken run of them."""


@dataclass(frozen=True)
class Claim:
    """Somebody is there for certain, among few.

    Attributes:
        groups: The combination.
        periods: In which periods.
        least: So many at least, by what was published and known.
        truth: So many there are, besides those known one by one.
    """

    groups: Groups
    periods: tuple[int, ...]
    least: int
    truth: int


class Overlaps:
    """The necessary overlaps of groups under limits; the total of each period must be known."""

    def __init__(self, limits: Limits) -> None:
        self.limits = limits
        self.totals = np.array([least for least, _ in limits.totals], dtype=np.int64)
        self.runs = _runs(len(self.totals))
        self.asked: Marks = np.array([[one in run for one in range(len(self.totals))] for run in self.runs])
        self.size: Numbers = self.asked @ self.totals
        self.atoms = [limits.atoms(dimension) for dimension in range(len(limits.sizes))]
        self.sources = [self._sources(dimension) for dimension in range(len(limits.sizes))]

    def _sources(self, dimension: int) -> list[list[list[Limit]]]:
        """The limits on a dimension: by source, by window."""
        found = sorted(
            (limit for limit in self.limits.limits if dimension in limit.groups),
            key=lambda one: (one.source, one.first, one.last),
        )
        return [
            [list(window) for _, window in groupby(every, key=lambda one: (one.first, one.last))]
            for _, every in groupby(found, key=lambda one: one.source)
        ]

    def outside(self, dimension: int, parts: Marks) -> Numbers:
        """How many cases at most are outside each part of a dimension (rows), in each set of periods (columns)."""
        whole: Marks = np.all(parts, axis=1, keepdims=True)
        best = np.where(whole, 0, self.size[None, :])
        for windows in self.sources[dimension]:
            covered = np.zeros(len(self.totals), dtype=bool)
            several = np.zeros_like(best)
            for window in windows:
                here = np.zeros(len(self.totals), dtype=bool)
                here[list(window[0].periods)] = True
                covered |= here
                total = int(self.totals[here].sum())
                shared = (self.asked & here) @ self.totals
                several = several + np.minimum(self._missing(dimension, parts, window, total)[:, None], shared[None, :])
            best = np.minimum(best, several + (self.asked & ~covered) @ self.totals)
        return best

    def _missing(self, dimension: int, parts: Marks, window: Sequence[Limit], total: int) -> Numbers:
        """How many cases of a window at most are outside each part."""
        groups = _marks([limit.groups[dimension] for limit in window], parts.shape[1])
        inside = (~parts).astype(np.int64) @ groups.T == 0
        least = inside @ np.array([limit.least for limit in window])
        most = ~inside @ np.array([limit.most for limit in window])
        missing: Numbers = np.clip(np.minimum(total - least, most), 0, total)
        return missing

    def least(self, groups: Groups) -> Numbers:
        """Return how many cases must be in the groups, for each set of periods."""
        found = self.size.copy()
        for dimension, values in groups.items():
            found = found - self.outside(dimension, _marks([values], self.limits.sizes[dimension]))[0]
        return np.maximum(found, 0)

    def within(self, groups: Groups, periods: Sequence[int]) -> int:
        """Return how many cases must be in the groups in these periods, or in some of them."""
        here = [not set(run) - set(periods) for run in self.runs]
        return int(self.least(groups)[here].max(initial=0))

    def certain(self) -> Iterator[tuple[Groups, Numbers]]:
        """Give each combination of groups that must be there, with how many in each set of periods."""
        outside = [
            self.outside(dimension, _marks(atoms, self.limits.sizes[dimension]))
            for dimension, atoms in enumerate(self.atoms)
        ]
        waiting: list[tuple[dict[int, frozenset[int]], int, Numbers]] = [({}, 0, self.size)]
        while waiting:
            groups, start, left = waiting.pop()
            for dimension in range(start, len(self.atoms)):
                if len(self.atoms[dimension]) < 2:
                    continue
                for atom, missing in zip(self.atoms[dimension], outside[dimension], strict=True):
                    found = left - missing
                    if (found > 0).any():
                        grown = {**groups, dimension: atom}
                        yield grown, found
                        waiting.append((grown, dimension + 1, found))

    def claims(self, hidden: Cases) -> Iterator[Claim]:
        """Give each combination in which few are, and somebody for certain; `hidden` is the truth."""
        when: Marks = self.asked[:, hidden[:, PERIOD]].T
        for groups, least in self.certain():
            chosen = np.ones(len(hidden), dtype=bool)
            for dimension, values in groups.items():
                chosen &= np.isin(hidden[:, VALUES + dimension], list(values))
            truth = chosen.astype(np.int64) @ when
            if (truth < least).any():
                raise AssertionError(f"the truth is outside of its bounds: {groups}")
            for place in np.flatnonzero((least > 0) & (truth <= SMALL)):
                yield Claim(groups, self.runs[place], int(least[place]), int(truth[place]))

    def coarse_claims(self, hidden: Cases) -> Iterator[Claim]:
        """Give the same of two dimensions in any unions of their groups, such as "neither this nor that"."""
        parts = [_marks(_unions(atoms), size) for atoms, size in zip(self.atoms, self.limits.sizes, strict=True)]
        outside = [self.outside(dimension, marks) for dimension, marks in enumerate(parts)]
        for one, other in combinations(range(len(parts)), 2):
            for place, run in enumerate(self.runs):
                least = self.size[place] - outside[one][:, None, place] - outside[other][None, :, place]
                few = (least > 0) & (least <= SMALL)
                if not few.any():
                    continue
                truth = parts[one].astype(np.int64) @ self._crossed(hidden, one, other, run) @ parts[other].T
                for row, column in zip(*np.nonzero(few & (truth <= SMALL)), strict=True):
                    groups = {
                        one: frozenset(np.flatnonzero(parts[one][row]).tolist()),
                        other: frozenset(np.flatnonzero(parts[other][column]).tolist()),
                    }
                    yield Claim(groups, run, int(least[row, column]), int(truth[row, column]))

    def _crossed(self, hidden: Cases, one: int, other: int, run: Sequence[int]) -> Numbers:
        table = np.zeros((self.limits.sizes[one], self.limits.sizes[other]), dtype=np.int64)
        here = hidden[np.isin(hidden[:, PERIOD], run)]
        np.add.at(table, (here[:, VALUES + one], here[:, VALUES + other]), 1)
        return table


def _marks(parts: Sequence[frozenset[int]], size: int) -> Marks:
    return np.array([[value in part for value in range(size)] for part in parts], dtype=bool).reshape(-1, size)


def _unions(atoms: Sequence[frozenset[int]]) -> list[frozenset[int]]:
    chosen = chain.from_iterable(combinations(atoms, number) for number in range(1, len(atoms)))
    return [frozenset().union(*some) for some in chosen]


def _runs(periods: int) -> list[tuple[int, ...]]:
    every = range(periods)
    if periods <= ALL_SUBSETS:
        return list(chain.from_iterable(combinations(every, number) for number in range(1, periods + 1)))
    return [tuple(range(first, last + 1)) for first in every for last in range(first, periods)]
