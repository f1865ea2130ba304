"""The special commission: a plan is put to it without who the person is, and it says something. No support waits."""

from dataclasses import dataclass
from datetime import date
from typing import Any

from sqlmodel import col, select

from domain.audit.actions import AuditAction
from domain.cases.models import Case
from domain.cases.queries import refuse_walled
from domain.codes import CommissionOutcome, Compartment, NrmRole, OrganisationStatus, OrganisationType
from domain.courses.commands import course_changed, take_recording
from domain.courses.models import Course
from domain.deadlines.commands import ask_for_refresh
from domain.disclosures.grounds import to_put_plan, to_read_reasons
from domain.errors import InvalidInput, StateConflict
from domain.notifications.models import NotificationKind
from domain.organisations.models import Organisation
from domain.permits import Permit
from domain.rehabilitation.models import CommissionRecord
from domain.rehabilitation.plans import rehabilitation
from domain.requests.rules import refuse_restricted
from domain.unit_of_work import UnitOfWork

REASONS = "reasons"
"""The kind of sealed value that the reasons of a commission are."""


async def ask_commission(organisation_code: str, permit: Permit, work: UnitOfWork) -> CommissionRecord:
    """Put the agreed plan to the special commission: its services, in codes, and nothing else.

    Raises:
        StepNotOpen, ConsentMissing, NotPermitted: as for the step of the procedure.
        InvalidInput: the organisation holds no commission, or must not learn of the case.
    """
    # The case is held before the course, as everybody does.
    ground = await to_put_plan(work, permit, (await work.get(Course, permit.subject_id)).case_id)
    course, now = await rehabilitation(work, permit)
    take_recording(now, permit, "commission", CommissionOutcome.ASKED)
    commission = await work.one(Organisation, code=organisation_code)
    if commission is None or not _holds_commission(commission, course.country):
        raise InvalidInput(field="organisation", reason="holds no commission")
    await refuse_walled(work, course.case_id, commission.id, field="organisation")
    refuse_restricted(await work.get(Case, course.case_id))
    record_id = work.ids.uuid()
    asked = CommissionRecord(
        id=record_id,
        request_id=record_id,
        course_id=course.id,
        case_id=course.case_id,
        organisation_id=commission.id,
        asked_by_id=permit.actor.organisation_id,
        services=[str(one["service"]) for one in now.record.plans[-1].services],
        outcome=CommissionOutcome.ASKED,
        recorded_at=work.now,
        staff_id=permit.actor.staff_id,
    )
    work.add(asked)
    work.audit(AuditAction.COMMISSION_ASKED, permit, stream_id=course.id, subject_id=asked.id, **ground.told())
    work.notify(commission.id, NotificationKind.COMMISSION_ASKED, str(asked.id))
    await course_changed(work, course, permit)
    return asked


def _holds_commission(organisation: Organisation, country: str) -> bool:
    """Whether the organisation may hold a commission: an active competent authority, never law enforcement."""
    return (
        organisation.country == country
        and organisation.status == OrganisationStatus.ACTIVE
        and NrmRole.COMPETENT_AUTHORITY in organisation.nrm_roles
        and organisation.type not in {OrganisationType.LAW_ENFORCEMENT, OrganisationType.PROSECUTION}
    )


@dataclass(frozen=True, slots=True)
class Decide:
    """What the commission says; the reasons are sealed."""

    outcome: CommissionOutcome
    decided_on: date
    reasons: str | None = None


async def decide(command: Decide, permit: Permit, work: UnitOfWork) -> CommissionRecord:
    """Record what the commission decided about the request of the permit. Nothing that supports the person looks at it.

    Raises:
        InvalidInput: it was only asked, or the day is to come.
        StateConflict: it has decided already; says what.
    """
    request = await work.get(CommissionRecord, permit.subject_id)
    today = work.today(permit.actor.country)
    if command.outcome == CommissionOutcome.ASKED:
        raise InvalidInput(field="outcome", reason="not a decision")
    if command.decided_on > today:
        raise InvalidInput(field="decided_on", reason="still to come")
    if (earlier := await decision_on(work, request)) is not None:
        raise StateConflict(current=str(earlier.outcome))
    decision = CommissionRecord(
        id=work.ids.uuid(),
        request_id=request.id,
        course_id=request.course_id,
        case_id=request.case_id,
        organisation_id=request.organisation_id,
        asked_by_id=request.asked_by_id,
        services=request.services,
        outcome=command.outcome,
        decided_on=command.decided_on,
        recorded_at=work.now,
        staff_id=permit.actor.staff_id,
    )
    work.add(decision)
    await work.flush()
    if command.reasons is not None:
        await work.vault.put(
            {"reasons": command.reasons},
            holder_id=request.id,
            record_id=request.id,
            kind=REASONS,
            compartment=Compartment.LEGAL,
            now=work.now,
        )
    said = str(command.outcome)
    work.audit(
        AuditAction.COMMISSION_DECIDED, permit, stream_id=request.course_id, subject_id=decision.id, outcome=said
    )
    work.notify(request.asked_by_id, NotificationKind.COMMISSION_DECIDED, str(request.id))
    ask_for_refresh(work, request.case_id, permit.actor.organisation_id, request.id)
    return decision


async def decision_on(work: UnitOfWork, request: CommissionRecord) -> CommissionRecord | None:
    """Return what the commission decided about a request, or None."""
    rows = await work.session.execute(
        select(CommissionRecord).where(
            col(CommissionRecord.request_id) == request.id, col(CommissionRecord.outcome) != CommissionOutcome.ASKED
        )
    )
    return rows.scalar_one_or_none()


async def reveal_reasons(permit: Permit, request: CommissionRecord, work: UnitOfWork) -> dict[str, Any]:
    """Open the reasons of a decision; recorded before they are read."""
    ground = await to_read_reasons(work, permit, request.case_id)
    opened = await work.reveal(
        ground,
        action=AuditAction.REASONS_REVEALED,
        stream_id=request.course_id,
        record_id=request.id,
        kind=REASONS,
    )
    return opened.get(Compartment.LEGAL, {})
