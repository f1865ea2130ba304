"""Whether the difference of two releases tells that one person is in it: pairs of worlds that differ in one person.

A country publishes again and again. In one of two worlds a person is registered in some period; in the other somebody
else is, or the person is registered one period later. Who knows every attribute of the person compares each later
release with the last one before: by how much have the figures of the person's groups grown, over all tables? The
advantage is how well the best limit on that tells the worlds apart (the distance of Kolmogorov and Smirnov): 0 is
guessing, 1 is certainty. The floor is the same between two draws of the same world: what chance alone gives.

What the gate would withhold is shown here, so that the advantage is rather too large than too small. What happens to a
case after it was counted - removal, edit, erratum - changes no figure, or does not pass the gate: `test_disclosure.py`.
"""

import random
from bisect import bisect_right
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from domain.statistics.counts import Count, counted
from domain.statistics.windows import Window, window_of
from tests.statistics.populations import POPULATION, RULES, Record, records, repeatable

BEFORE = 40
"""New cases in a period of the past."""

LATER = 6
"""Releases after the event that are compared with the one before it."""

TRICKLE = 12
"""New cases in each period from the event on: more than three of them make a window."""

TOLERATED = 0.05
"""So much more than chance an attacker may do."""

EVENTS = ("addition", "edit", "period shift")

History = list[list[Record]]
Shown = Mapping[str, Window]


def ours(periods: Sequence[Count], published: Sequence[Window]) -> list[Window]:
    """Publish what is due by our rules."""
    found = []
    for table in POPULATION.tables:
        window = window_of(POPULATION, RULES, table, [one for one in published if one.table == table], periods)
        found += [window] if isinstance(window, Window) else []
    return found


def rolling(periods: Sequence[Count], _published: Sequence[Window]) -> list[Window]:
    """Publish everything so far again, however little is new: what must be found."""
    found = []
    for table in POPULATION.tables:
        exact: Counter[tuple[str, ...]] = Counter()
        levels = POPULATION.coarsest(table)
        for one in periods:
            exact.update(one.everybody.grouped(POPULATION, table, levels))
        cells = {cell: RULES.rounded(number) for cell, number in exact.items()}
        found.append(Window(table, 0, len(periods) - 1, levels, 0, cells))
    return found


Publish = Callable[[Sequence[Count], Sequence[Window]], list[Window]]


@dataclass(frozen=True)
class Advantage:
    """How well worlds are told apart.

    Attributes:
        found: The advantage.
        floor: What chance gives.
        pairs: How many pairs of worlds.
        compared: How many pairs of releases.
    """

    found: float
    floor: float
    pairs: int
    compared: int


def advantage(publish: Publish, pairs: int, cases: int) -> Advantage:
    """Return how well the attacker does.

    Args:
        publish: How releases follow one another.
        pairs: Pairs of worlds: each an event in another release of a row of releases.
        cases: New cases in each period from the event on, besides the person.
    """
    scores: list[list[list[int]]] = [[[] for _ in range(LATER)] for _ in range(4)]
    for number in range(pairs):
        chance = repeatable("differencing", publish.__name__, cases, number)
        for several, one in zip(scores, _fork(publish, chance, cases, EVENTS[number % len(EVENTS)]), strict=True):
            for place, score in enumerate(one):
                several[place].append(score)
    with_person, without, once, again = scores
    found = max(distance(one, other) for one, other in zip(with_person, without, strict=True))
    floor = max(distance(one, other) for one, other in zip(once, again, strict=True))
    return Advantage(round(found, 3), round(floor, 3), pairs, pairs * LATER)


def _fork(publish: Publish, chance: random.Random, cases: int, event: str) -> list[list[int]]:
    """Return the scores with the person, without, and twice more without, each with a future of its own."""
    past = [records(chance, BEFORE) for _ in range(chance.randrange(4, 16))]
    (person,), published, counts = records(chance, 1), list[Window](), list[Count]()
    for one in past:
        counts.append(counted(POPULATION, one))
        published += publish(counts, published)
    found = []
    for world in range(4):
        future = [records(chance, cases) for _ in range(LATER)]
        if world == 0:
            future[0].append(person)
        elif event == "period shift":
            future[1].append(person)
        elif event == "edit":
            future[0].append((records(chance, 1)[0][0], person[1]))
        else:
            future[0] += records(chance, 1) if cases else []
        found.append(_scores(publish, counts, published, future, person))
    return found


def _scores(
    publish: Publish, counts: Sequence[Count], published: Sequence[Window], future: History, person: Record
) -> list[int]:
    counts, published, scores = list(counts), list(published), []
    before = _sum(published, person)
    for one in future:
        counts.append(counted(POPULATION, one))
        published += publish(counts, published)
        scores.append(_sum(published, person) - before)
    return scores


def _sum(published: Sequence[Window], person: Record) -> int:
    """Return the sum of the figures that are shown of a person's groups."""
    total = 0
    for window in {one.table: one for one in published}.values():
        (grouping,) = POPULATION.groupings(window.table, window.levels)
        total += window.cells[(grouping[person[0][window.table]],)]
    return total


def distance(some: Sequence[int], others: Sequence[int]) -> float:
    """Return the greatest difference between the shares of two samples that are above a limit."""
    some, others = sorted(some), sorted(others)
    limits = {*some, *others}
    return max(
        abs(bisect_right(some, limit) / len(some) - bisect_right(others, limit) / len(others)) for limit in limits
    )
