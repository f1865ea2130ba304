"""Who opened a case, as its own chain tells: for whoever leads it, and for whoever must notify after a breach."""

from collections.abc import Sequence
from typing import Final

from sqlalchemy import ColumnElement, or_, select
from sqlmodel import col

from domain.audit.actions import AuditAction
from domain.audit.models import AuditEntry
from domain.permits import Permit
from domain.unit_of_work import UnitOfWork

ENDINGS: Final = ("%.read", r"%\_read", "%.revealed")
"""As `is_opening` tells by the name, for the database."""


def opened_something() -> ColumnElement[bool]:
    """Return the condition that an entry showed something of a case."""
    named = or_(*(col(AuditEntry.action).like(ending) for ending in ENDINGS))
    return named & (col(AuditEntry.action) != AuditAction.OPENINGS_READ)


async def openings_of_case(
    work: UnitOfWork, permit: Permit, before: int | None, limit: int
) -> tuple[Sequence[AuditEntry], int | None]:
    """Return who opened the permit's case, newest first, and where the next page begins, or None at the end.

    Only what stands in the case's own chain: a refusal stands in the chain of whoever was refused and names no case,
    or it would tell that the case exists; what is recorded beside the case has chains of its own.
    """
    statement = select(AuditEntry).where(col(AuditEntry.stream_id) == permit.subject_id, opened_something())
    if before is not None:
        statement = statement.where(col(AuditEntry.sequence) < before)
    statement = statement.order_by(col(AuditEntry.sequence).desc()).limit(limit + 1)
    rows = (await work.session.execute(statement)).scalars().all()
    work.audit(AuditAction.OPENINGS_READ, permit, stream_id=permit.subject_id)
    return rows[:limit], rows[limit - 1].sequence if len(rows) > limit else None
