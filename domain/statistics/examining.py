"""The blocking gate over a document as it would be published: its words, its past, its figures. Pure.

What the two approvers sign is its report. It names tables, rules and attackers, never a count, and is never published.
"""

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from domain.audit.chain import canonical_json
from domain.statistics.catalogue import Declared
from domain.statistics.document import address
from domain.statistics.gate import Finding, Leak, Tell, inspect, silently
from domain.statistics.reading import content_of, foreign, renewed_in, windows_of
from domain.statistics.windows import Window

if TYPE_CHECKING:
    from domain.statistics.counting import Counted


@dataclass(frozen=True)
class Report:
    """What the gate says of one document.

    Attributes:
        document: Its content address.
        findings: By population, or by place where a word is none of the declaration's; nothing, if it may be published.
        waiting: By population and table: why a table is not renewed; for the eyes of those who approve.
    """

    document: str
    findings: Mapping[str, Sequence[Finding]]
    waiting: Mapping[str, Mapping[str, Sequence[str]]]

    @property
    def passed(self) -> bool:
        """Whether nothing was found."""
        return not any(self.findings.values())

    @property
    def text(self) -> str:
        """The report as canonical JSON."""
        told: dict[str, Any] = {
            "document": self.document,
            "passed": self.passed,
            "findings": [
                {
                    "in": place,
                    "leak": one.leak.value,
                    "tables": list(one.tables),
                    "attacker": one.attacker,
                    "reason": one.reason.value if one.reason else None,
                }
                for place, several in self.findings.items()
                for one in several
            ],
            "waiting": {name: {table: list(why) for table, why in one.items()} for name, one in self.waiting.items()},
        }
        return canonical_json(told).decode("ascii")

    @property
    def digest(self) -> str:
        """SHA-256 of the text, hexadecimal: what an approver signs."""
        return hashlib.sha256(self.text.encode("ascii")).hexdigest()


def examine(
    raw: bytes,
    declared: Declared,
    counted: "Counted",
    before: bytes | None,
    *,
    waiting: Mapping[str, Mapping[str, Sequence[str]]] | None = None,
    tell: Tell = silently,
) -> Report:
    """Return the gate's report on a document.

    Args:
        raw: The document.
        declared: What is counted, in which words, under which rules.
        counted: The counts of all periods so far.
        before: The release before; None for the first.
        waiting: What the preparation said of the tables that it did not renew.
        tell: Is told after each attacker that one more is done.
    """
    places = foreign(raw, declared)
    if places:
        findings: dict[str, Sequence[Finding]] = {place: [Finding(Leak.WORDS, ())] for place in places}
    else:
        findings = {
            name: list(_found(name, content_of(raw), declared, counted, before, tell)) for name in declared.populations
        }
    return Report(address(raw), findings, waiting or {})


def _found(
    name: str, content: dict[str, Any], declared: Declared, counted: "Counted", before: bytes | None, tell: Tell
) -> Iterator[Finding]:
    windows = windows_of(content, declared.populations)[name]
    past = windows_of(content_of(before), declared.populations)[name] if before is not None else []
    renewed = renewed_in(content, name)
    fresh = [window for window in windows if not any(_same(window, one) for one in past)]
    kept = all(any(_same(window, one) and window.retracted >= one.retracted for window in windows) for one in past)
    newest = len(content["periods"]) - 1
    honest = all(window.last == newest and window.table in renewed for window in fresh) and len(fresh) == len(renewed)
    follows = (
        content["number"],
        content["previous"],
    ) == ((content_of(before)["number"] + 1, address(before)) if before is not None else (1, ""))
    if not (kept and honest and follows):
        yield Finding(Leak.REWRITTEN, tuple(sorted(renewed)))
        return
    if tuple(content["periods"]) != tuple(counted.periods[: newest + 1]):
        yield Finding(Leak.WRONG, ())
        return
    since = min((window.first for window in fresh), default=newest + 1)
    periods = counted.counts[name][: newest + 1]
    yield from inspect(declared.populations[name], declared.rules, windows, periods, since=since, tell=tell)


def _same(one: Window, other: Window) -> bool:
    """Whether two windows show the same, standing or retracted."""
    places = (one.table, one.first, one.last, one.levels, one.total)
    return places == (other.table, other.first, other.last, other.levels, other.total) and one.cells == other.cells
