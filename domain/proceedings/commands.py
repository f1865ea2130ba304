"""What can be done about compensation: record that it was claimed, awarded, refused or paid."""

from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from uuid import UUID

from sqlmodel import col, select

from domain.audit.actions import AuditAction
from domain.codes import CompensationStage, CourseSubject
from domain.courses.commands import leads
from domain.courses.models import Course
from domain.errors import InvalidInput, NotPermitted, StateConflict
from domain.permits import Permit
from domain.proceedings.models import CompensationRecord
from domain.unit_of_work import UnitOfWork

AFTER = {
    CompensationStage.AWARDED: frozenset({CompensationStage.CLAIMED, CompensationStage.REFUSED}),
    CompensationStage.REFUSED: frozenset({CompensationStage.CLAIMED}),
    CompensationStage.PAID: frozenset({CompensationStage.AWARDED, CompensationStage.PAID}),
}
"""What a claim must have come to before; a claim itself begins, and may be paid in parts."""


@dataclass(frozen=True, slots=True)
class RecordCompensation:
    """Something happened to a claim.

    Attributes:
        claim: The claim; None begins one.
        amount: Claimed, awarded or paid; none for a refusal.
        currency: ISO 4217.
    """

    stage: CompensationStage
    on_day: date
    claim: UUID | None = None
    amount: Decimal | None = None
    currency: str | None = None


async def compensation_of(work: UnitOfWork, course_id: UUID) -> list[CompensationRecord]:
    """Return what was recorded of compensation, oldest first."""
    rows = await work.session.execute(
        select(CompensationRecord)
        .where(col(CompensationRecord.course_id) == course_id)
        .order_by(col(CompensationRecord.recorded_at), col(CompensationRecord.id))
    )
    return list(rows.scalars())


async def record_compensation(command: RecordCompensation, permit: Permit, work: UnitOfWork) -> CompensationRecord:
    """Record that compensation was claimed, awarded, refused or paid.

    Raises:
        NotPermitted: the actor's organisation does not lead the case: an authority does not record the person's claims.
        InvalidInput: the course is no proceedings, the claim is not one of it, the day is to come, or the amount is
            missing, in another currency, or given for a refusal.
        StateConflict: the claim has not come that far; says where it stands.
    """
    course = await work.lock(Course, permit.subject_id)
    if not leads(course, permit):
        raise NotPermitted(rule="owner-of-case")
    if course.subject != CourseSubject.PROCEEDINGS:
        raise InvalidInput(field="reference", reason="compensation belongs to proceedings")
    if command.on_day > work.today(course.country):
        raise InvalidInput(field="on_day", reason="still to come")
    await _fits(command, course, work)
    record_id = work.ids.uuid()
    record = CompensationRecord(
        id=record_id,
        claim_id=command.claim or record_id,
        course_id=course.id,
        case_id=course.case_id,
        stage=command.stage,
        amount=command.amount,
        currency=command.currency,
        on_day=command.on_day,
        recorded_at=work.now,
        staff_id=permit.actor.staff_id,
        organisation_id=permit.actor.organisation_id,
    )
    work.add(record)
    work.audit(
        AuditAction.COMPENSATION_RECORDED, permit, stream_id=course.id, subject_id=record.id, stage=command.stage
    )
    course.version += 1
    return record


async def _fits(command: RecordCompensation, course: Course, work: UnitOfWork) -> None:
    """Refuse what does not follow from what was recorded before."""
    refused = command.stage == CompensationStage.REFUSED
    if refused != (command.amount is None) or (command.amount is None) != (command.currency is None):
        raise InvalidInput(field="amount", reason="with its currency, for all but a refusal")
    if command.amount is not None and command.amount <= 0:
        raise InvalidInput(field="amount", reason="nothing")
    if (command.stage == CompensationStage.CLAIMED) != (command.claim is None):
        raise InvalidInput(field="claim", reason="a new claim names none, everything else names one")
    if command.claim is None:
        return
    known = [row for row in await compensation_of(work, course.id) if row.claim_id == command.claim]
    if not known:
        raise InvalidInput(field="claim", reason="not one of these proceedings")
    if command.currency not in {None, known[0].currency}:
        raise InvalidInput(field="currency", reason="not that of the claim")
    if known[-1].stage not in AFTER[command.stage]:
        raise StateConflict(current=str(known[-1].stage))
