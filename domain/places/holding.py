"""Who holds places until when, how they come free, and that somebody is called then."""

from uuid import UUID

from sqlalchemy import func, update
from sqlalchemy.dialects.postgresql import insert
from sqlmodel import col, select

from domain.audit.actions import AuditAction
from domain.deadlines.commands import settle
from domain.deadlines.models import Deadline, DeadlineKind
from domain.permits import Permit
from domain.places.models import HeldPlace, Placement
from domain.referrals.models import Referral
from domain.unit_of_work import UnitOfWork


async def running_placement(work: UnitOfWork, referral_id: UUID) -> Placement | None:
    """Return the placement of a referral that has not been ended; its reservation may be over."""
    rows = await work.session.execute(
        select(Placement).where(col(Placement.referral_id) == referral_id, col(Placement.ended_at).is_(None))
    )
    return rows.scalar_one_or_none()


async def free(work: UnitOfWork, permit: Permit | None, referral: Referral) -> bool:
    """Give back what a referral holds, when it ends or the shelter declines the stay; returns whether it held any."""
    placement = await running_placement(work, referral.id)
    if placement is None:
        return False
    await end(work, placement)
    action = AuditAction.PLACEMENT_LEFT if placement.admitted_at is not None else AuditAction.PLACEMENT_RELEASED
    if permit is not None:
        work.audit(action, permit, stream_id=referral.case_id, subject_id=placement.id)
    else:
        work.audit_clock(action, stream_id=referral.case_id, subject_id=placement.id, rule="clock")
    return True


async def end(work: UnitOfWork, placement: Placement) -> None:
    """End a placement now, or when its reservation ended, if that was earlier."""
    over = placement.admitted_at is None and placement.reserved_until <= work.now
    placement.ended_at = placement.reserved_until if over else work.now
    placement.version += 1
    if not over:
        await hold_until(work, placement, work.now)
    await settle(work, placement.id, DeadlineKind.RESERVATION_EXPIRY)


async def hold_until(work: UnitOfWork, placement: Placement, until: object) -> None:
    """Set until when the places of a placement are held; never before they began to be."""
    await work.flush()
    await work.session.execute(
        update(HeldPlace)
        .where(col(HeldPlace.placement_id) == placement.id)
        .values(held_until=func.greatest(col(HeldPlace.held_from), until))
        .execution_options(synchronize_session=False)
    )


async def call_next(
    work: UnitOfWork, organisation_id: UUID, service: str, subject_id: UUID, case_id: UUID | None = None
) -> None:
    """Leave it to the worker to tell who waits next: whoever frees a place may not know who waits for it."""
    await work.flush()
    row = insert(Deadline).values(
        id=work.ids.uuid(),
        case_id=case_id,
        subject_id=subject_id,
        organisation_id=organisation_id,
        kind=DeadlineKind.WAITING_NEXT,
        rule=service,
        anchored_at=work.now,
        due_at=work.now,
    )
    await work.session.execute(row.on_conflict_do_nothing())
