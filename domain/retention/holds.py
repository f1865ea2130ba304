"""Keep a case beyond its period, for something that the person needs it for; and let that end."""

from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from domain.audit.actions import AuditAction
from domain.cases.models import Case
from domain.codes import HoldGround
from domain.errors import InvalidInput, NotFound, StateConflict
from domain.permits import Permit
from domain.retention.models import RetentionHold
from domain.unit_of_work import UnitOfWork

LONGEST: Final = timedelta(days=3 * 366)
"""A hold ends at some time, or is placed anew: nothing is kept because somebody forgot."""


async def place_hold(ground: HoldGround, until: datetime, permit: Permit, work: UnitOfWork) -> RetentionHold:
    """Keep a case beyond its period. It does not stand against the person's own wish to be erased.

    Raises:
        InvalidInput: it ends in the past, or too far ahead.
    """
    case = await work.lock(Case, permit.subject_id)
    if not work.now < until <= work.now + LONGEST:
        raise InvalidInput(field="holds_until", reason="between now and three years ahead")
    hold = RetentionHold(
        id=work.ids.uuid(),
        case_id=case.id,
        ground=ground,
        placed_at=work.now,
        holds_until=until,
        staff_id=permit.actor.staff_id,
        organisation_id=permit.actor.organisation_id,
    )
    work.add(hold)
    work.audit(AuditAction.HOLD_PLACED, permit, stream_id=case.id, subject_id=hold.id, ground=ground)
    return hold


async def lift_hold(hold_id: UUID, permit: Permit, work: UnitOfWork) -> RetentionHold:
    """Keep a case no longer than its period.

    Raises:
        NotFound: the case has no such hold.
        StateConflict: it was lifted already.
    """
    case = await work.lock(Case, permit.subject_id)
    hold = await work.lock(RetentionHold, hold_id)
    if hold.case_id != case.id:
        raise NotFound
    if hold.lifted_at is not None:
        raise StateConflict(current="lifted")
    hold.lifted_at = work.now
    work.audit(AuditAction.HOLD_LIFTED, permit, stream_id=case.id, subject_id=hold.id)
    return hold
