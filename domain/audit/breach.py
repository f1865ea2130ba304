"""After a breach: which cases an account or an organisation opened in a time, and who else opened them.

For notification within 72 hours. Says ids and codes, as the audit does: nothing of any person.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from domain.audit.actions import AuditAction
from domain.audit.models import AuditEntry
from domain.audit.openings import opened_something
from domain.audit.sink import is_opening
from domain.cases.models import Case
from domain.organisations.models import Organisation, StaffMember


@dataclass(frozen=True, slots=True)
class Breach:
    """Who is taken to be in the wrong hands, and when.

    Attributes:
        staff_id: The account; None for all of an organisation.
        organisation_id: The organisation; None for one account, wherever it acted.
        since: The first instant.
        until: The first instant that is over.
    """

    staff_id: UUID | None
    organisation_id: UUID | None
    since: datetime
    until: datetime

    def acted(self) -> ColumnElement[bool]:
        """Return the condition that an entry is theirs."""
        if self.staff_id is not None:
            return col(AuditEntry.actor_id) == self.staff_id
        return col(AuditEntry.organisation_id) == self.organisation_id


@dataclass(slots=True)
class Reach:
    """What one reader did with one case.

    Attributes:
        openings: How often something was shown.
        changes: How often something was recorded.
        compartments: What was opened in the clear.
    """

    first_at: datetime
    last_at: datetime
    openings: int = 0
    changes: int = 0
    compartments: set[str] = field(default_factory=set)

    def count(self, entry: AuditEntry) -> None:
        """Count an entry."""
        self.first_at, self.last_at = min(self.first_at, entry.at), max(self.last_at, entry.at)
        if is_opening(entry.action):
            self.openings += 1
            self.compartments.update(entry.details.get("compartments", ()))
        else:
            self.changes += 1


Reader = tuple[UUID | None, UUID | None]
"""A member of staff, and for which organisation they acted."""


@dataclass(frozen=True, slots=True)
class Pack:
    """What must be told, and to whom.

    Attributes:
        cases: By case and reader, what those in the wrong hands did.
        others: By case and reader, who else opened the same cases, at any time.
        elsewhere: What they opened beside cases: contacts, courses, requests to a commission; and exact figures.
        leading: By case: its reference and the organisation that leads it now, which must be notified.
        codes: The codes of organisations.
        refused: How often they were refused.
    """

    cases: dict[tuple[UUID, Reader], Reach]
    others: dict[tuple[UUID, Reader], Reach]
    elsewhere: list[AuditEntry]
    leading: dict[UUID, tuple[str, UUID]]
    codes: dict[UUID, str]
    refused: int


async def find_account(session: AsyncSession, subject: str) -> UUID | None:
    """Return the id of the member of staff with this token subject, or None."""
    found: UUID | None = await session.scalar(select(col(StaffMember.id)).where(col(StaffMember.subject) == subject))
    return found


async def find_organisation(session: AsyncSession, code: str) -> UUID | None:
    """Return the id of the organisation with this code, or None."""
    found: UUID | None = await session.scalar(select(col(Organisation.id)).where(col(Organisation.code) == code))
    return found


async def reach_of(session: AsyncSession, breach: Breach) -> Pack:
    """Put together what must be told; reads the audit, references and the directory, and nothing else."""
    during = (col(AuditEntry.at) >= breach.since) & (col(AuditEntry.at) < breach.until)
    rows = (await session.execute(select(AuditEntry).where(breach.acted(), during))).scalars().all()
    leading = await _leading(session, {row.stream_id for row in rows})
    cases = _gathered(row for row in rows if row.stream_id in leading)
    theirs = select(AuditEntry).where(col(AuditEntry.stream_id).in_(leading), opened_something(), ~breach.acted())
    others = (await session.execute(theirs)).scalars().all()
    organisations = await session.execute(select(col(Organisation.id), col(Organisation.code)))
    return Pack(
        cases,
        _gathered(others),
        [row for row in rows if row.stream_id not in leading and is_opening(row.action)],
        leading,
        {row.id: row.code for row in organisations},
        sum(row.action == AuditAction.ACCESS_DENIED for row in rows),
    )


async def _leading(session: AsyncSession, streams: set[UUID]) -> dict[UUID, tuple[str, UUID]]:
    rows: Any = await session.execute(
        select(col(Case.id), col(Case.reference), col(Case.owner_organisation_id)).where(col(Case.id).in_(streams))
    )
    return {row.id: (row.reference, row.owner_organisation_id) for row in rows}


def _gathered(entries: Iterable[AuditEntry]) -> dict[tuple[UUID, Reader], Reach]:
    found: dict[tuple[UUID, Reader], Reach] = {}
    for entry in entries:
        key = entry.stream_id, (entry.actor_id, entry.organisation_id)
        found.setdefault(key, Reach(entry.at, entry.at)).count(entry)
    return found
