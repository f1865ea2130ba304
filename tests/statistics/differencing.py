"""Whether the difference of two releases tells that one person is in it: rows of 500 with a change before each.

A country publishes again and again. Before each release one thing happens to one case: it is added, removed, edited,
registered one period later, or found to have been counted wrongly. At each release the row divides into two worlds. In
one it happened to a person of whom the attacker knows every attribute; in the other it did not, or an erratum, which
everybody sees, was about somebody else of the same window. The attacker compares each of the next releases with the one
before the change: by how much have the figures of the person's groups grown, and how many tables are new? The advantage
is how well the best limit on either tells the worlds apart (the distance of Kolmogorov and Smirnov): 0 is guessing, 1
is certainty. The floor is what chance alone gives: the mean of the same over many draws in which a coin decides, for
each change, which of its two worlds is called which.

What the gate would withhold is shown here, so that the advantage is rather too large than too small.
"""

import random
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import accumulate
from statistics import mean
from typing import NamedTuple

from domain.statistics.counts import Count, counted
from domain.statistics.reading import retract
from domain.statistics.windows import Window, window_of
from tests.statistics.populations import HALF, POPULATION, RULES, Record, records, repeatable

RELEASES = 500
"""Successive releases of one row."""

LATER = 4
"""Releases from the change on that are compared with the one before it."""

BEFORE = 4
"""Periods before the first of them, so that there is somebody to remove."""

TOGETHER = 10
"""Cases in each of these, at least."""

PACES = (0, 12, 40)
"""Other new cases in each period: none but the change itself; some; so many that tables are renewed often."""

TOLERATED = 0.05
"""So much more than chance an attacker may do."""

CHANGES = {"addition": 7, "removal": 4, "edit": 4, "period shift": 3, "erratum": 2}
"""What happens, and how often in twenty: errata are rare, since each takes a figure back for good."""

MEASURES = range(2 * LATER)
"""So many releases after the change: the growth of figures, and the number of new tables."""

WORLDS = 2
"""With the person, and without: each with a future of its own."""

TOSSED = 200
"""Draws of what chance gives."""


COARSEST = {table: POPULATION.groupings(table, POPULATION.coarsest(table))[0] for table in POPULATION.tables}
"""By table: the group of each value; every table has one dimension."""


@dataclass
class World:
    """What a service holds and has published.

    Attributes:
        cases: By period: the cases as they are now.
        ledger: By period: what was counted when it ended.
        now: By table and coarsest group: the cases as they are now, for designs that count anew.
        published: The windows of all tables, in order.
    """

    cases: list[list[Record]] = field(default_factory=list)
    ledger: list[Count] = field(default_factory=list)
    now: Counter[tuple[str, str]] = field(default_factory=Counter)
    published: list[Window] = field(default_factory=list)

    def copy(self) -> "World":
        """Return a world that goes on by itself."""
        return World([*self.cases], [*self.ledger], Counter(self.now), [*self.published])

    def register(self, several: Sequence[Record]) -> None:
        """End a period with these new cases."""
        self.cases.append([*several])
        self.ledger.append(counted(POPULATION, several))
        self._count(several, 1)

    def put(self, period: int, old: Record, *new: Record) -> None:
        """Put another case, or none, in the place of one that was counted."""
        self.cases[period] = [*(one for one in self.cases[period] if one is not old), *new]
        self._count([old], -1)
        self._count(new, 1)

    def standing(self, table: str, period: int) -> Window | None:
        """Return the newest window of a table that covers a period and was not taken back."""
        windows = (one for one in reversed(self.published) if one.table == table and not one.retracted)
        return next((one for one in windows if one.first <= period <= one.last), None)

    def _count(self, several: Iterable[Record], times: int) -> None:
        for values, _ in several:
            for table, grouping in COARSEST.items():
                self.now[table, grouping[values[table]]] += times


def ours(world: World) -> list[Window]:
    """Publish what is due by our rules."""
    found = []
    for table in POPULATION.tables:
        history = [one for one in world.published if one.table == table]
        window = window_of(POPULATION, RULES, table, history, world.ledger)
        found += [window] if isinstance(window, Window) else []
    return found


def rolling(world: World) -> list[Window]:
    """Publish everything so far again, however little is new, as it is now: what must be found."""
    found = []
    for table, grouping in COARSEST.items():
        cells = {(group,): RULES.rounded(world.now[table, group]) for group in set(grouping.values())}
        levels = POPULATION.coarsest(table)
        found.append(Window(table, 0, len(world.ledger) - 1, levels, 0, cells))
    return found


Publish = Callable[[World], list[Window]]
DESIGNS: Mapping[str, Publish] = {"ours": ours, "rolling": rolling}


class Change(NamedTuple):
    """What happens before a release.

    Attributes:
        kind: One of `CHANGES`.
        period: In which period the case was counted; of what is new: the coming one.
        person: The case that the attacker knows.
        table: Where an erratum is found.
    """

    kind: str
    period: int
    person: Record
    table: str


@dataclass(frozen=True)
class Advantage:
    """How well worlds are told apart.

    Attributes:
        found: The advantage.
        floor: What chance gives.
        pairs: How many pairs of worlds: each a change before a release.
    """

    found: float
    floor: float
    pairs: int


Scores = list[list[list[int]]]
"""What an attacker saw: by world and measure, once for each change."""


@dataclass(frozen=True)
class Row:
    """What an attacker saw of a row of releases, by kind of change; and what had been published at its end."""

    scores: Mapping[str, Scores]
    windows: int
    retracted: int


def row(publish: Publish, pace: int, number: int, releases: int = RELEASES) -> Row:
    """Publish a row of releases, and divide it at each."""
    chance = repeatable("differencing", publish.__name__, pace, number)
    world = World()
    for _ in range(BEFORE):
        world.register(records(chance, max(pace, TOGETHER)))
        world.published += publish(world)
    scores: dict[str, Scores] = {kind: [[[] for _ in MEASURES] for _ in range(WORLDS)] for kind in CHANGES}
    for _ in range(releases):
        change, following = _change(chance, world), world
        for place, measures in enumerate(scores[change.kind]):
            one = world.copy()
            for step in range(LATER):
                _go_on(chance, one, change, step, pace, with_person=place == 0)
                new = publish(one)
                one.published += new
                measures[2 * step].append(_sum(one.published, change.person) - _sum(world.published, change.person))
                measures[2 * step + 1].append(len(new))
                if place == step == 0:
                    following = one.copy()
        world = following
    return Row(scores, len(world.published), sum(window.retracted for window in world.published))


def played(job: tuple[str, int, int]) -> tuple[str, int, Row]:
    """Return the design, the pace and a row of releases, as a process is told of it."""
    design, pace, number = job
    return design, pace, row(DESIGNS[design], pace, number)


def advantage(rows: Sequence[Row], kinds: Collection[str] = tuple(CHANGES)) -> Advantage:
    """Return how well the attacker does over all rows and some kinds of change."""
    with_person, without = (
        [
            [score for one in rows for kind in kinds for score in one.scores[kind][place][measure]]
            for measure in MEASURES
        ]
        for place in range(WORLDS)
    )
    found, pairs = max(map(distance, with_person, without)), len(without[0])
    chance = repeatable("floor", pairs, *kinds)
    tossed = []
    for _ in range(TOSSED):
        coins = [chance.random() < HALF for _ in range(pairs)]
        tossed.append(max(map(distance, _called(coins, with_person, without), _called(coins, without, with_person))))
    return Advantage(round(found, 3), round(mean(tossed), 3), pairs)


def _called(coins: Sequence[bool], heads: Sequence[Sequence[int]], tails: Sequence[Sequence[int]]) -> list[list[int]]:
    return [
        [one if coin else other for coin, one, other in zip(coins, some, others, strict=True)]
        for some, others in zip(heads, tails, strict=True)
    ]


def _change(chance: random.Random, world: World) -> Change:
    (kind,) = chance.choices(list(CHANGES), list(CHANGES.values()))
    table = chance.choice(list(POPULATION.tables))
    if kind in {"addition", "period shift"}:
        (person,) = records(chance, 1)
        return Change(kind, len(world.cases), person, table)
    period = chance.choice([number for number, cases in enumerate(world.cases) if cases])
    return Change(kind, period, chance.choice(world.cases[period]), table)


def _go_on(chance: random.Random, world: World, change: Change, step: int, pace: int, *, with_person: bool) -> None:
    """Let one more period end: at first with the change, of the person or of somebody else."""
    new = records(chance, pace if step == 0 else max(pace, 1))
    if change.kind == "addition":
        new += [change.person] if with_person and step == 0 else []
    elif change.kind == "period shift":
        new += [change.person] if step == (0 if with_person else 1) else []
    elif step == 0:
        _change_counted(chance, world, change, with_person=with_person)
    world.register(new)


def _change_counted(chance: random.Random, world: World, change: Change, *, with_person: bool) -> None:
    """Change the person's case, or nobody's; or take back a window for it, or for another case of the same window."""
    if change.kind == "erratum":
        window = world.standing(change.table, change.period)
        span = range(window.first, window.last + 1) if window else range(len(world.cases))
        others = [(period, case) for period in span for case in world.cases[period] if case is not change.person]
        period, case = (change.period, change.person) if with_person or not others else chance.choice(others)
        world.put(period, case)
        if window:
            world.published = retract(world.published, window.table, window.first, window.last)
    elif with_person:
        other_values = [(records(chance, 1)[0][0], change.person[1])] if change.kind == "edit" else []
        world.put(change.period, change.person, *other_values)


def _sum(published: Sequence[Window], person: Record) -> int:
    """Return the sum of the figures that are shown of a person's groups."""
    newest: dict[str, Window] = {}
    for window in reversed(published):
        newest.setdefault(window.table, window)
        if len(newest) == len(POPULATION.tables):
            break
    total = 0
    for table, window in newest.items():
        (grouping,) = POPULATION.groupings(table, window.levels)
        total += 0 if window.retracted else window.cells[(grouping[person[0][table]],)]
    return total


def distance(some: Sequence[int], others: Sequence[int]) -> float:
    """Return the greatest difference between the shares of two samples of one size that are above a limit."""
    differences = Counter(some)
    differences.subtract(others)
    above = accumulate(differences[value] for value in sorted(differences))
    return max(map(abs, above)) / len(some)
