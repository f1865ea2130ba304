"""What searches found and organisations said, opened in memory: the database alone tells of no pair."""

import hmac
from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Final
from uuid import UUID

from sqlalchemy import func, select
from sqlmodel import col

from domain.duplicates.models import MatchFinding, MatchStatement
from domain.duplicates.pages import SEALING, WARNING, open_finding, open_statement, seal_statement
from domain.duplicates.rules import Statement

if TYPE_CHECKING:
    from domain.sealing.providers import KeyProvider
    from domain.unit_of_work import UnitOfWork

OVERLAP: Final = timedelta(minutes=10)
"""How far back it is looked for what committed late: longer than any transaction lasts."""

BEGINNING: Final = datetime(2000, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Side:
    """A pair, seen by who leads its first case; told as much of the other as rights, walls and consent allow.

    Attributes:
        keeps_watch: Whether the first case's person was recorded first: who leads it is told of the other.
        agreed: Whether the person, in the other case, agreed that who leads the first may have their identity.
        same_leader: Whether the same organisation leads both.
        leader: Who leads the other, if that may be told.
        reference: The other case's, if the same organisation leads it.
    """

    mine: UUID
    other: UUID
    keeps_watch: bool
    same_leader: bool
    agreed: bool
    leader: str | None
    reference: str | None


@dataclass
class Warnings:
    """Pairs of cases that are alike, and what was said of them.

    Attributes:
        watched: By the case that was there first: which cases asked later and are like it, and on which day.
        asked: By the case that asked: which it is like.
        statements: What was said, by the pair.
    """

    watched: dict[UUID, dict[UUID, date]] = field(default_factory=dict, repr=False)
    asked: dict[UUID, set[UUID]] = field(default_factory=dict, repr=False)
    statements: dict[frozenset[UUID], list[Statement]] = field(default_factory=dict, repr=False)
    _seen: set[UUID] = field(default_factory=set, repr=False)
    _until: datetime = BEGINNING
    _said_until: datetime = BEGINNING

    async def learn(self, work: "UnitOfWork") -> None:
        """Read what is new; the transaction must see what the search sees."""
        key = work.keys.derive(SEALING)
        found = await work.session.execute(
            select(MatchFinding.id, MatchFinding.sealed, MatchFinding.found_at)  # type: ignore[call-overload]
            .where(col(MatchFinding.found_at) > self._until - OVERLAP)
            .order_by(col(MatchFinding.found_at))
        )
        for finding_id, sealed, found_at in found:
            if finding_id not in self._seen:
                self._add(*open_finding(sealed, finding_id, key), found_at)
                self._seen.add(finding_id)
            self._until = max(self._until, found_at)
        said = await work.session.execute(
            select(MatchStatement).where(col(MatchStatement.stated_at) > self._said_until - OVERLAP)
        )
        for row in said.scalars():
            if row.id not in self._seen:
                plain = open_statement(row.sealed, row.id, row.organisation_id, key)
                self.heard(Statement.of(plain, row.stated_at))
                self._seen.add(row.id)
            self._said_until = max(self._said_until, row.stated_at)

    def _add(self, asked: UUID, found: Collection[tuple[UUID, float]], at: datetime) -> None:
        for there_first, _ in found:
            self.watched.setdefault(there_first, {})[asked] = at.date()
            self.asked.setdefault(asked, set()).add(there_first)

    def heard(self, statement: Statement) -> None:
        """Remember what was said."""
        self.statements.setdefault(frozenset((statement.mine, statement.other)), []).append(statement)

    def knows(self, case_id: UUID) -> bool:
        """Whether anything was found about a case."""
        return case_id in self.watched or case_id in self.asked

    def said_of(self, mine: UUID, other: UUID) -> list[Statement]:
        """Return what both sides said of a pair."""
        return self.statements.get(frozenset((mine, other)), [])


def warning_id(mine: UUID, other: UUID, keys: "KeyProvider") -> UUID:
    """Return how one side calls a pair: another name than the other side's, and from neither follows a case."""
    return UUID(bytes=hmac.digest(keys.derive(WARNING), mine.bytes + other.bytes, "sha256")[:16], version=4)


async def sides(work: "UnitOfWork", warnings: Warnings, mine: Collection[UUID]) -> list[Side]:
    """Return the pairs of cases that the asker leads, but for what a wall hides and what was erased or merged."""
    pairs = [(one, other, True) for one in mine for other in warnings.watched.get(one, ())]
    pairs += [(one, other, False) for one in mine for other in warnings.asked.get(one, ())]
    if not pairs:
        return []
    rows = await work.session.execute(
        select("*").select_from(
            func.nrm_duplicate_sides(*(list(part) for part in zip(*pairs, strict=True))).table_valued(
                "mine", "other", "keeps_watch", "same_leader", "agreed", "leader", "reference"
            )
        )
    )
    return [Side(*row) for row in rows]


async def state(work: "UnitOfWork", statement: Statement, organisation_id: UUID) -> UUID:
    """Write down what an organisation said; returns the id of the statement."""
    statement_id = work.ids.uuid()
    sealed = seal_statement(statement.to_bytes(), statement_id, organisation_id, work.keys, work.ids.random)
    work.add(MatchStatement(id=statement_id, organisation_id=organisation_id, sealed=sealed, stated_at=statement.at))
    await work.flush()
    return statement_id
