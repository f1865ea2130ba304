"""What becomes of one random population: what is published, what attackers find, which weaker design is refused.

Everything is a number that adds up, so that populations can be measured in any order and by several processes.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

from domain.statistics.attack import Attack, Knowledge, told_apart
from domain.statistics.counts import NOBODY, Caseload, Count, counted
from domain.statistics.declaration import Population, Rules
from domain.statistics.gate import attackers, inspect
from domain.statistics.programme import Contradiction
from domain.statistics.release import prepare
from domain.statistics.windows import Reason, Window
from tests.statistics.designs import DESIGNS, TWO_WAYS, Weaker
from tests.statistics.populations import ORGANISATIONS, RULES, Record, kyrgyz, of_kyrgyzstan, records, repeatable

SIZES = (20, 60, 150, 400, 1000)
"""Cases of a population in one period."""

PAIRED, READ = 4, 10
"""In one population of so many each two organisations attack together; in one the weaker designs are only attacked."""

Numbers = Counter[str]

FORBIDDEN = (
    *(f"{leak}.{who}" for leak in ("exact", "presence", "narrow") for who in ("anybody", "one")),
    *(f"{leak}.two" for leak in ("exact", "narrow", "residual")),
    "residual.one",
)
"""What nobody may find after the gate, whom the rules assume."""


@dataclass(frozen=True)
class Setting:
    """Under which declaration populations are drawn.

    Attributes:
        periods: So many periods, each of them released.
        share: One population of so many is played in this setting too: what takes long is measured on fewer.
    """

    name: str
    periods: int
    share: int

    @property
    def population(self) -> Population:
        """What is counted."""
        return of_kyrgyzstan() if self.name == "kyrgyz" else TWO_WAYS

    def drawn(self, size: int, seed: int) -> list[list[Record]]:
        """Draw the records of each period, and of one more that has a single case."""
        chance = repeatable(self.name, size, seed)
        draw = kyrgyz if self.name == "kyrgyz" else records
        return [draw(chance, number) for number in (*[size] * self.periods, 1)]


SETTINGS = {one.name: one for one in (Setting("made_up", 2, 1), Setting("kyrgyz", 2, 10), Setting("pooled", 3, 250))}


def outcome(setting: Setting, size: int, seed: int) -> Numbers:
    """Return everything that is measured of one population."""
    population = setting.population
    drawn = setting.drawn(size, seed)
    counts = [counted(population, one) for one in drawn]
    found: Numbers = Counter(populations=1)
    published: list[Window] = []
    for number in range(1, setting.periods + 1):
        candidate = prepare(population, RULES, published, counts[:number])
        published += candidate.renewed.values()
        found[f"published.{number}"] += len(candidate.renewed)
        found[f"tables.{number}"] += len(population.tables)
        found["refused"] += bool(candidate.findings)
        found.update(f"finding.{one}" for one in {finding.leak for finding in candidate.findings})
        found.update(f"waits.{_first(reasons)}" for reasons in candidate.carried.values())
        for window in candidate.renewed.values():
            found += _utility(population, window, counts)
    pairs = seed % PAIRED == 0
    found["paired"] += pairs
    found += attacked(population, published, drawn[: setting.periods], counts[: setting.periods], pairs=pairs)
    if setting.name == "made_up":
        found["read"] += seed % READ == 0
        for design in DESIGNS:
            found[f"caught.{design.name}"] += refused(design, counts)
            found[f"shown.{design.name}"] += seed % READ == 0 and shown(design, counts)
    return found


def measured(job: tuple[str, int, int]) -> tuple[str, int, Numbers]:
    """Return the setting, the size and the outcome of a population, as a process is told of it."""
    setting, size, seed = job
    return setting, size, outcome(SETTINGS[setting], size, seed)


def _first(reasons: frozenset[Reason]) -> Reason:
    """Return the reason that is the plainest: the order of `Reason` is that of the rules."""
    return min(reasons, key=list(Reason).index)


def _utility(population: Population, window: Window, counts: Sequence[Count]) -> Numbers:
    exact: Counter[tuple[str, ...]] = Counter()
    for count in counts[window.first : window.last + 1]:
        exact.update(count.everybody.grouped(population, window.table, window.levels))
    finest = population.cells(window.table, tuple(0 for _ in window.levels))
    errors = [abs(number - exact[cell]) for cell, number in window.cells.items()]
    return Counter(
        {"cells": len(window.cells), "finest": len(finest), "error": sum(errors), "counted": sum(exact.values())}
    )


def paired(population: Population, drawn: Iterable[Sequence[Record]]) -> list[Count]:
    """Return what each two organisations know together, by period: a case that both know is known once."""
    return [
        counted(
            population,
            [
                (values, {"+".join(pair) for pair in combinations(sorted(ORGANISATIONS), 2) if known & set(pair)})
                for values, known in one
            ],
        )
        for one in drawn
    ]


def attacked(
    population: Population,
    windows: Sequence[Window],
    drawn: Sequence[Sequence[Record]],
    periods: Sequence[Count],
    *,
    pairs: bool,
) -> Numbers:
    """Return what everybody finds out whom the rules assume, and each two organisations: every combination is asked."""
    found: Numbers = Counter()
    asked = {period: told_apart(population, windows, one.cross, period) for period, one in enumerate(periods)}
    totals = [one.everybody.total for one in periods]
    everybody = [*attackers(periods)]
    if pairs:
        everybody += [one for one in attackers(paired(population, drawn)) if one[1]]
    for name, own in everybody:
        who = "anybody" if not own else "two" if "+" in name else "one"
        allied = {"anybody": 0, "one": 1, "two": 2}[who]
        attack = Attack(population, RULES, windows, Knowledge(totals, own, RULES.minimum, allied))
        for period, several in asked.items():
            for values in several:
                found[f"asked.{who}"] += 1
                found.update(f"{leak}.{who}" for leak in _learnt(attack, RULES, values, period))
        for residual in _residuals(population, windows, own, periods):
            found[f"residual.{who}"] += 0 <= residual < RULES.minimum
    return found


def _learnt(attack: Attack, rules: Rules, values: tuple[str, ...], period: int) -> Iterator[str]:
    """Yield what is learnt of a combination that occurs, though it was not known before."""
    bounds = attack.bounds(values, period)
    small = bounds.least < rules.minimum
    if small and bounds.most == bounds.least and bounds.among:
        yield "exact"
    if bounds.least and (small or bounds.whole):
        yield "presence"
    if small and bounds.most - bounds.least < min(rules.minimum, bounds.among):
        yield "narrow"


def _residuals(
    population: Population, windows: Iterable[Window], own: Mapping[int, Caseload], periods: Sequence[Count]
) -> Iterator[int]:
    """Yield what is left of each published cell without what somebody knows."""
    for window in windows:
        rest: Counter[tuple[str, ...]] = Counter()
        for period in range(window.first, window.last + 1):
            rest.update(periods[period].everybody.grouped(population, window.table, window.levels))
            rest.subtract(own.get(period, NOBODY).grouped(population, window.table, window.levels))
        yield from rest.values()


def refused(design: Weaker, counts: Sequence[Count]) -> bool:
    """Return whether the gate refuses what a weaker design would publish of the first period, and of one more case."""
    periods = [counts[0], counts[-1]]
    return bool(inspect(TWO_WAYS, RULES, design.publish(periods), periods))


def shown(design: Weaker, counts: Sequence[Count]) -> bool:
    """Return whether what it would publish tells anybody, without a look at the rules, of a few people."""
    periods = [counts[0], counts[-1]]
    windows = [one for one in design.publish(periods) if design.only in {None, one.table}]
    attack = Attack(TWO_WAYS, design.read, windows, Knowledge([one.everybody.total for one in periods]))
    try:
        return any(
            leak in {"exact", "presence"}
            for period, one in enumerate(periods)
            for values in told_apart(TWO_WAYS, windows, one.cross, period)
            for leak in _learnt(attack, RULES, values, period)
        )
    except Contradiction:
        return False
