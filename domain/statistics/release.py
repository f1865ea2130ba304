"""Preparing a release: which tables are renewed, and which stay as they were. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from domain.statistics.counts import Count
from domain.statistics.declaration import Population, Rules
from domain.statistics.gate import Finding, Tell, inspect, silently
from domain.statistics.windows import Reason, Window, window_of


@dataclass(frozen=True)
class Candidate:
    """What would be published of one population.

    Attributes:
        renewed: The new windows, by table.
        carried: Tables that keep what was published last, with why; a table without a window has nothing to show.
        findings: What the gate found on the way, in the tables that were left out; for those who approve.
    """

    renewed: Mapping[str, Window]
    carried: Mapping[str, frozenset[Reason]]
    findings: tuple[Finding, ...]


def prepare(
    population: Population,
    rules: Rules,
    published: Sequence[Window],
    periods: Sequence[Count],
    *,
    tell: Tell = silently,
) -> Candidate:
    """Return the release of the period that has just ended.

    Where the gate finds something, the least important of the renewed tables waits for the next release, and the rest
    is inspected again: which one that is does not depend on the counts. Who found something is asked first, and
    everybody once more at the end: fewer tables seldom tell more.

    Args:
        population: What is counted, with its tables in the order of their worth.
        rules: The rules of protection.
        published: Every window published so far, in order.
        periods: The counts of all periods so far, the newest last.
        tell: Is told after each attacker that one more is done.
    """
    renewed: dict[str, Window] = {}
    carried: dict[str, frozenset[Reason]] = {}
    for table in population.tables:
        history = [window for window in published if window.table == table]
        found = window_of(population, rules, table, history, periods)
        if isinstance(found, Window):
            renewed[table] = found
        else:
            carried[table] = found
    findings: list[Finding] = []
    asked: set[str] | None = None
    while renewed:
        since = min(window.first for window in renewed.values())
        windows = [*published, *renewed.values()]
        refused = inspect(population, rules, windows, periods, since=since, of=asked, tell=tell)
        if refused:
            findings += refused
            table, _ = renewed.popitem()
            carried[table] = frozenset({Reason.GATE})
            asked = {finding.attacker for finding in refused}
        elif asked is None:
            break
        else:
            asked = None
    return Candidate(renewed, carried, tuple(findings))
