"""The stay of a person whom a shelter took in: the placement decides when it begins and ends, the procedure whether.

Admission and leaving are steps of the stay's procedure, and are recorded with the placement alone: the course reads
them there, so that the two cannot contradict each other.
"""

from sqlmodel import col, select

from domain.audit.actions import AuditAction
from domain.cases.models import Case
from domain.codes import CourseSubject, PlacementStatus, Service
from domain.columns import FOREVER
from domain.courses.commands import begin_course, course_changed, take_recording
from domain.courses.models import Course
from domain.courses.queries import CourseSituation, situation_of
from domain.deadlines.commands import settle
from domain.deadlines.models import DeadlineKind
from domain.errors import StateConflict, VersionStale
from domain.permits import Permit
from domain.places.holding import call_next, end, hold_until, running_placement
from domain.places.models import Placement
from domain.places.queries import keeps_places
from domain.places.rules import status_of
from domain.referrals.models import Referral
from domain.unit_of_work import UnitOfWork


async def admit(work: UnitOfWork, permit: Permit, referral: Referral) -> None:
    """The stay begins in the places that were reserved for it. Called under the lock of the referral.

    Raises:
        StateConflict: the shelter keeps places, and none is reserved for this referral now.
        StepNotOpen, ConsentMissing, NotPermitted: the procedure of the stay does not allow the admission.
    """
    if referral.service != Service.SHELTER or not await keeps_places(work, referral.receiving_organisation_id):
        return
    placement = await running_placement(work, referral.id)
    if placement is None or status_of(placement, work.now) != PlacementStatus.RESERVED:
        raise StateConflict(current="no-place-reserved")
    now = await _stay(work, permit, referral)
    if now.facts.values.get("stay") != "staying":  # it may have begun before the shelter kept places here
        take_recording(now, permit, "stay", "staying")
    placement.admitted_at = work.now
    placement.version += 1
    await hold_until(work, placement, FOREVER)
    await settle(work, placement.id, DeadlineKind.RESERVATION_EXPIRY)
    work.audit(AuditAction.PLACEMENT_OCCUPIED, permit, stream_id=referral.case_id, subject_id=placement.id)
    await course_changed(work, now.course, permit)


async def leave(work: UnitOfWork, permit: Permit, referral: Referral) -> None:
    """The stay ends, if there is one, and its places are free. Called under the lock of the referral.

    Raises:
        StepNotOpen, NotPermitted: the procedure does not let the person be put out.
    """
    placement = await running_placement(work, referral.id)
    if placement is None or status_of(placement, work.now) != PlacementStatus.OCCUPIED:
        return
    now = await _stay(work, permit, referral)
    take_recording(now, permit, "stay", "left")
    await end(work, placement)
    work.audit(AuditAction.PLACEMENT_LEFT, permit, stream_id=referral.case_id, subject_id=placement.id)
    await call_next(work, placement.organisation_id, Service.SHELTER, referral.id, referral.case_id)
    await course_changed(work, now.course, permit)


async def record_leaving(version: int, permit: Permit, work: UnitOfWork) -> Placement:
    """Record that the person left the shelter; the referral is completed apart, with its outcome.

    Raises:
        StateConflict: nobody stays there now.
        VersionStale: a colleague changed the placement meanwhile.
        StepNotOpen, NotPermitted: see `leave`.
    """
    referral = await work.lock(Referral, permit.subject_id)
    placement = await running_placement(work, referral.id)
    if placement is None or status_of(placement, work.now) != PlacementStatus.OCCUPIED:
        raise StateConflict(current="nobody-stays")
    if placement.version != version:
        raise VersionStale(current_version=placement.version)
    await leave(work, permit, referral)
    return placement


async def _stay(work: UnitOfWork, permit: Permit, referral: Referral) -> CourseSituation:
    """Return where the stay of a referral stands, locked; it is opened with the admission if it was not before."""
    case = await work.lock(Case, referral.case_id)
    rows = await work.session.execute(select(Course.id).where(col(Course.referral_id) == referral.id))
    known = rows.scalar_one_or_none()
    if known is None:
        known = (await begin_course(CourseSubject.STAY, case, referral.id, permit, work)).id
    return await situation_of(work, await work.lock(Course, known), leads=False)
