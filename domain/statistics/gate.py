"""The gate: a release that says too much about anybody does not pass it. Pure.

First every rule is looked at again, in the counts themselves. What keeps them all is then attacked, together with all
that was ever published, by everybody whose knowledge the rules assume: who knows every total, and each organisation.
"""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from domain.statistics.attack import Attack, Knowledge, betrayed_since, told_apart
from domain.statistics.certainty import Truth, certain_of_few
from domain.statistics.counts import Caseload, Count, together
from domain.statistics.declaration import Cell, Population, Rules
from domain.statistics.programme import Contradiction
from domain.statistics.windows import Reason, Window, faults


class Leak(StrEnum):
    """What would be known that must not be."""

    RULE = "rule"  # a rule of protection does not hold
    WRONG = "wrong"  # a figure is not the count, rounded
    OVERLAP = "overlap"  # two windows of one table share a period
    PRESENCE = "presence"  # a few with this combination must exist, or one person is described in full
    NARROW = "narrow"  # how few have this combination is known too well
    CONTRADICTION = "contradiction"  # what was published cannot be true together
    WORDS = "words"  # a text of the release is none of its declaration's
    REWRITTEN = "rewritten"  # what was published before is not in it as it was


@dataclass(frozen=True)
class Finding:
    """One reason to refuse; for the eyes of the two who approve, never published.

    Attributes:
        tables: Which tables together.
        attacker: Who finds out: `anybody`, or the code of an organisation.
        reason: The rule, for a rule.
    """

    leak: Leak
    tables: tuple[str, ...]
    attacker: str = "anybody"
    reason: Reason | None = None


Tell = Callable[[int], object]


def silently(_: int) -> None:
    """Tell nobody how far it is."""


def inspect(
    population: Population,
    rules: Rules,
    windows: Sequence[Window],
    periods: Sequence[Count],
    *,
    since: int = 0,
    of: Collection[str] | None = None,
    tell: Tell = silently,
) -> list[Finding]:
    """Return what is wrong with everything published, the newest release included; nothing, if it may be published.

    Args:
        population: What is counted.
        rules: The rules of protection.
        windows: All windows ever published, and those of the release.
        periods: The counts of all periods so far.
        since: The first period of which something is published anew: what is earlier was inspected before.
        of: Which attackers to try; all if not given.
        tell: Is told after each attacker that one more is done.
    """
    tried = {name: own for name, own in attackers(periods) if of is None or name in of}
    return list(_broken(population, rules, windows, periods)) or list(
        _learnt(population, rules, windows, periods, since, tried, tell)
    )


def _broken(
    population: Population, rules: Rules, windows: Sequence[Window], periods: Sequence[Count]
) -> Iterator[Finding]:
    covered: set[tuple[str, int]] = set()
    for window in windows:
        spans = {(window.table, period) for period in range(window.first, window.last + 1)}
        if covered & spans:
            yield Finding(Leak.OVERLAP, (window.table,))
        covered |= spans
        if window.retracted:
            continue
        count = together(periods[window.first : window.last + 1])
        length = window.last - window.first + 1
        for reason in sorted(faults(population, rules, window.table, window.levels, count, length)):
            yield Finding(Leak.RULE, (window.table,), reason=reason)
        cells = count.everybody.grouped(population, window.table, window.levels)
        truth = {cell: rules.rounded(number) for cell, number in cells.items()}
        if truth != dict(window.cells) or window.total != rules.rounded(count.everybody.total):
            yield Finding(Leak.WRONG, (window.table,))


def _learnt(
    population: Population,
    rules: Rules,
    windows: Sequence[Window],
    periods: Sequence[Count],
    since: int,
    tried: Mapping[str, Mapping[int, Caseload]],
    tell: Tell,
) -> Iterator[Finding]:
    """Attack with what stands, and again with what was retracted: who has read it may believe it still."""
    standing = [window for window in windows if not window.retracted]
    beliefs = [standing] if len(standing) == len(windows) else [standing, [*windows]]
    told = betrayed_since(population, windows, since)
    asked = [_asked(population, believed, periods, since) for believed in beliefs]
    totals, truth = (
        [one.everybody.total for one in periods],
        Truth(population, {number: one.everybody for number, one in enumerate(periods)}),
    )
    for attacker, own in tried.items():
        knowledge = Knowledge(totals, own, rules.minimum, 1 if own else 0)
        attacks = (Attack(population, rules, believed, knowledge) for believed in beliefs)
        found, *more = (_found(attack, truth, told, each) for attack, each in zip(attacks, asked, strict=True))
        found |= {leak for also in more for leak in also} - {Leak.CONTRADICTION}
        tell(1)
        for leak in sorted(found):
            yield Finding(leak, tuple(sorted({window.table for window in windows})), attacker)


def _asked(
    population: Population, windows: Sequence[Window], periods: Sequence[Count], since: int
) -> Mapping[int, Sequence[Cell]]:
    """Return which combinations to ask for, by period: those that the windows tell apart."""
    later = range(since, len(periods))
    return {period: told_apart(population, windows, periods[period].cross, period) for period in later}


def _found(attack: Attack, truth: Truth, since: int, asked: Mapping[int, Sequence[Cell]]) -> set[Leak]:
    try:
        return set(_leaks(attack, truth, since, asked))
    except Contradiction:
        return {Leak.CONTRADICTION}


def attackers(periods: Sequence[Count]) -> Iterable[tuple[str, Mapping[int, Caseload]]]:
    """Yield who is assumed to attack, and what each can subtract, by period."""
    yield "anybody", {}
    for name in sorted({name for one in periods for name in one.organisations}):
        yield name, {number: one.organisations[name] for number, one in enumerate(periods) if name in one.organisations}


def _leaks(attack: Attack, truth: Truth, since: int, asked: Mapping[int, Sequence[Cell]]) -> Iterator[Leak]:
    rules = attack.rules
    if certain_of_few(attack, truth, since):
        yield Leak.PRESENCE
    for period, combinations in asked.items():
        for values in combinations:
            bounds = attack.bounds(values, period)
            if bounds.least > 0 and (bounds.least < rules.minimum or bounds.whole):
                yield Leak.PRESENCE
            # Who knows that there are five cases at all learns nothing by hearing that at most five are like this.
            if bounds.least < rules.minimum and bounds.most - bounds.least < min(rules.minimum, bounds.among):
                yield Leak.NARROW
