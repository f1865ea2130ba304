"""What the life of a shelter referral does to the places that it holds: starting admits, ending frees.

The referral decides and the placement follows in the same transaction, so that the two cannot contradict each other.
"""

from uuid import UUID

from sqlalchemy import func, update
from sqlalchemy.dialects.postgresql import insert
from sqlmodel import col, select

from domain.audit.actions import AuditAction
from domain.codes import PlacementStatus, Service
from domain.columns import FOREVER
from domain.deadlines.commands import settle
from domain.deadlines.models import Deadline, DeadlineKind
from domain.errors import StateConflict
from domain.permits import Permit
from domain.places.models import HeldPlace, Place, Placement
from domain.places.rules import LONGEST_MONTHS, months_later, status_of
from domain.referrals.models import Referral
from domain.unit_of_work import UnitOfWork


async def running_placement(work: UnitOfWork, referral_id: UUID) -> Placement | None:
    """Return the placement of a referral that has not been ended; its reservation may be over."""
    rows = await work.session.execute(
        select(Placement).where(col(Placement.referral_id) == referral_id, col(Placement.ended_at).is_(None))
    )
    return rows.scalar_one_or_none()


async def admit(work: UnitOfWork, permit: Permit, referral: Referral) -> None:
    """The stay begins in the places that were reserved for it. Called under the lock of the referral.

    Raises:
        StateConflict: the shelter keeps places, and none is reserved for this referral now.
    """
    placement = await running_placement(work, referral.id)
    if placement is None or status_of(placement, work.now) != PlacementStatus.RESERVED:
        if referral.service == Service.SHELTER and await _keeps_places(work, referral.receiving_organisation_id):
            raise StateConflict(current="no-place-reserved")
        return
    placement.admitted_at = work.now
    placement.stay_until = months_later(work.now, LONGEST_MONTHS)
    placement.version += 1
    await hold_until(work, placement, FOREVER)
    await settle(work, placement.id, DeadlineKind.RESERVATION_EXPIRY)
    await expect_end(work, placement)
    work.audit(AuditAction.PLACEMENT_OCCUPIED, permit, stream_id=referral.case_id, subject_id=placement.id)


async def _keeps_places(work: UnitOfWork, organisation_id: UUID) -> bool:
    rows = await work.session.execute(select(Place.id).where(col(Place.organisation_id) == organisation_id).limit(1))
    return rows.scalar_one_or_none() is not None


async def free(work: UnitOfWork, permit: Permit | None, referral: Referral) -> None:
    """Give back what an ended referral holds. Called under the lock of the referral, by whoever ends it."""
    placement = await running_placement(work, referral.id)
    if placement is None:
        return
    await end(work, placement)
    action = AuditAction.PLACEMENT_LEFT if placement.admitted_at is not None else AuditAction.PLACEMENT_RELEASED
    if permit is not None:
        work.audit(action, permit, stream_id=referral.case_id, subject_id=placement.id)
    else:
        work.audit_clock(action, stream_id=referral.case_id, subject_id=placement.id, rule="clock")


async def end(work: UnitOfWork, placement: Placement) -> None:
    """End a placement now, or when its reservation ended, if that was earlier."""
    over = placement.admitted_at is None and placement.reserved_until <= work.now
    placement.ended_at = placement.reserved_until if over else work.now
    placement.version += 1
    if not over:
        await hold_until(work, placement, work.now)
    await settle(work, placement.id, DeadlineKind.RESERVATION_EXPIRY, DeadlineKind.STAY_END)


async def hold_until(work: UnitOfWork, placement: Placement, until: object) -> None:
    """Set until when the places of a placement are held; never before they began to be."""
    await work.flush()
    await work.session.execute(
        update(HeldPlace)
        .where(col(HeldPlace.placement_id) == placement.id)
        .values(held_until=func.greatest(col(HeldPlace.held_from), until))
        .execution_options(synchronize_session=False)
    )


async def expect_end(work: UnitOfWork, placement: Placement) -> None:
    """Let the shelter be told when a stay comes to its end; nobody is put out by a clock."""
    await settle(work, placement.id, DeadlineKind.STAY_END)
    if placement.stay_until is not None:
        work.add(
            Deadline(
                id=work.ids.uuid(),
                case_id=placement.case_id,
                subject_id=placement.id,
                organisation_id=placement.organisation_id,
                kind=DeadlineKind.STAY_END,
                rule="stay",
                anchored_at=work.now,
                due_at=placement.stay_until,
            )
        )
        await work.flush()


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
