"""Whether somebody can be certain of a few: in any groups, and in any periods of those that were published. Pure.

A combination need not name every dimension, and exact totals cut a window into its periods. So each combination of
groups that must overlap is asked about, for every set of periods that windows bind together: by how much is Fréchet's
bound over the parts that hang together. Where a combination may be empty, each one that names more may be, too.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import chain, combinations, product
from typing import TYPE_CHECKING, Final

import numpy as np
from numpy.typing import NDArray

from domain.statistics.attack import Attack
from domain.statistics.counts import NOBODY, Caseload
from domain.statistics.declaration import Population

if TYPE_CHECKING:
    from domain.statistics.attack import Part

Numbers = NDArray[np.int64]
Marks = NDArray[np.bool_]
Combination = tuple[tuple[str, frozenset[str]], ...]

EVERY_SET: Final = 5
"""Of so many periods or spans every set is asked about; of more, every unbroken run."""


class Truth:
    """How many cases there are in groups, by period.

    Args:
        population: What is counted.
        caseloads: Of whose cases, by period.
    """

    def __init__(self, population: Population, caseloads: Mapping[int, Caseload]) -> None:
        self._caseloads = caseloads
        self._codes: dict[int, tuple[NDArray[np.int64], Numbers]] = {}
        self._found: dict[tuple[int, Combination], int] = {}
        self._place = {
            name: {value: place for place, value in enumerate(dimension.values)}
            for name, dimension in population.dimensions.items()
        }
        self._order = {name: number for number, name in enumerate(population.dimensions)}

    def among(self, groups: Combination, stretch: Iterable[int]) -> Numbers:
        """Return how many are in the groups, in each period."""
        return np.array([self._in(groups, period) for period in stretch], dtype=np.int64)

    def _in(self, groups: Combination, period: int) -> int:
        key = period, groups
        if key not in self._found:
            codes, numbers = self._coded(period)
            chosen = np.ones(len(numbers), dtype=bool)
            for name, values in groups:
                place = self._place[name]
                wanted = np.zeros(len(place), dtype=bool)
                wanted[[place[value] for value in values]] = True
                chosen &= wanted[codes[:, self._order[name]]]
            self._found[key] = int(numbers[chosen].sum())
        return self._found[key]

    def _coded(self, period: int) -> tuple[NDArray[np.int64], Numbers]:
        if period not in self._codes:
            cross = self._caseloads.get(period, NOBODY).cross
            places = list(self._place.values())
            rows = [[place[value] for place, value in zip(places, cell, strict=True)] for cell in cross]
            codes = np.array(rows, dtype=np.int64).reshape(-1, len(places))
            self._codes[period] = codes, np.array(list(cross.values()), dtype=np.int64)
        return self._codes[period]


def certain_of_few(attack: Attack, truth: Truth, since: int) -> bool:
    """Whether there are some for certain, besides the attacker's own, where there are fewer than the minimum.

    Raises:
        Contradiction: the releases and the knowledge do not agree.
    """
    minimum, own = attack.rules.minimum, Truth(attack.population, attack.knowledge.own)
    for stretch, parts in attack.stretches(since):
        runs = _sets(len(stretch))
        for groups, least in _certain(attack, stretch, parts, runs):
            few = (least > 0) & (least < minimum)
            if len(groups) == len(attack.population.dimensions) and all(len(values) == 1 for _, values in groups):
                return True
            if few.any():
                others = truth.among(groups, stretch) - own.among(groups, stretch)
                if (few & (runs @ others < minimum)).any():
                    return True
    return False


def _certain(
    attack: Attack, stretch: range, parts: Sequence[Sequence["Part"]], runs: Marks
) -> Iterator[tuple[Combination, Numbers]]:
    """Yield each combination that must be there, with how many at least in each set of periods."""
    unknown = np.array([attack.knowledge.unknown(period) for period in stretch], dtype=np.int64)
    among: Numbers = runs @ unknown
    told = [list(_asked(programmes, stretch, unknown, runs)) for programmes in parts]
    asked = [([groups for groups, _ in one], np.array([least for _, least in one]) - among) for one in told if one]
    waiting: list[tuple[Combination, int, Numbers]] = [((), 0, among)]
    while waiting:
        groups, start, left = waiting.pop()
        for number in range(start, len(asked)):
            several, less = asked[number]
            every = left + less
            for place in np.flatnonzero(every.max(axis=1) > 0):
                yield groups + several[place], every[place]
                waiting.append((groups + several[place], number + 1, every[place]))


def _asked(
    programmes: Sequence["Part"], stretch: range, unknown: Numbers, runs: Marks
) -> Iterator[tuple[Combination, Numbers]]:
    """Yield the groups of one part that must be there, with how many at least in each set of periods."""
    names = programmes[0].names
    groups = {name: list(dict.fromkeys(chain(*(one.groups[name] for one in programmes)))) for name in names}
    several = [(one, list(_elsewhere(one, stretch, unknown, runs))) for one in programmes]
    for some in chain.from_iterable(combinations(names, number) for number in range(1, len(names) + 1)):
        for values in product(*(groups[name] for name in some)):
            target = dict(zip(some, values, strict=True))
            least: Numbers = np.zeros(len(runs), dtype=np.int64)
            for one, elsewhere in several:
                ends = [one.least(target, spans) - most for spans, most in elsewhere]
                least += np.maximum(0, np.max(ends, axis=0))
            if least.any():
                yield tuple(target.items()), least


def _elsewhere(part: "Part", stretch: range, unknown: Numbers, runs: Marks) -> Iterator[tuple[Sequence[bool], Numbers]]:
    """Yield sets of spans, with how many of their cases may be in none of each set of periods."""
    spans = np.array([[period in span for period in stretch] for span in part.spans])
    for some in _sets(len(spans)):
        yield some.tolist(), (~runs & spans[some].any(axis=0)) @ unknown


def _sets(size: int) -> Marks:
    """Return sets of so many things, one in a row."""
    if size <= EVERY_SET:
        return np.array([one for one in product((False, True), repeat=size) if any(one)])
    bounds = combinations(range(size + 1), 2)
    return np.array([[first <= place < end for place in range(size)] for first, end in bounds])
