"""Follow-ups: set the day, ask, record the answers or that the person was not reached."""

from dataclasses import dataclass
from datetime import date
from uuid import UUID

from domain.audit.actions import AuditAction
from domain.codes import Known
from domain.courses.commands import course_changed, take_recording
from domain.errors import InvalidInput, NotFound, StateConflict
from domain.permits import Permit
from domain.rehabilitation.models import FollowUp
from domain.rehabilitation.plans import rehabilitation
from domain.rehabilitation.rules import ASKED, told
from domain.unit_of_work import UnitOfWork
from domain.workflow.engine import StepNotOpen


async def plan_follow_up(due_on: date, permit: Permit, work: UnitOfWork) -> FollowUp:
    """Set a day on which the person is asked how they are; one for a day.

    Raises:
        InvalidInput: the day is past.
        StateConflict: the day is set already.
        StepNotOpen: the rehabilitation is closed.
    """
    course, now = await rehabilitation(work, permit)
    if course.closed_at is not None:
        raise StepNotOpen(step=None, sop=now.sop.sop, version=now.sop.version)
    if due_on < now.calendar.day_of(work.now):
        raise InvalidInput(field="due_on", reason="past")
    if any(one.due_on == due_on for one in now.record.follow_ups):
        raise StateConflict(current="planned-already")
    planned = FollowUp(
        id=work.ids.uuid(),
        course_id=course.id,
        case_id=course.case_id,
        due_on=due_on,
        planned_at=work.now,
        staff_id=permit.actor.staff_id,
        organisation_id=permit.actor.organisation_id,
    )
    work.add(planned)
    work.audit(AuditAction.FOLLOW_UP_PLANNED, permit, stream_id=course.id, subject_id=planned.id)
    await course_changed(work, course, permit)
    return planned


@dataclass(frozen=True, slots=True)
class RecordFollowUp:
    """How a follow-up went. An answer is a code or one of the four kinds of not knowing.

    Attributes:
        reached: Whether the person could be reached; nobody else is asked about them.
        asked_on: The actual day.
    """

    reached: bool
    asked_on: date
    work: str = Known.NOT_ASKED
    income: str = Known.NOT_ASKED
    living_standard: str = Known.NOT_ASKED
    would_refer: Known = Known.NOT_ASKED


async def record_follow_up(follow_up_id: UUID, command: RecordFollowUp, permit: Permit, work: UnitOfWork) -> FollowUp:
    """Record what the person answered, or that they were not reached.

    Raises:
        NotFound: there is no such follow-up in this rehabilitation.
        StateConflict: it is recorded already.
        StepNotOpen, ConsentMissing, NotPermitted: as for the steps that ask.
        InvalidInput: an answer of somebody who was not reached, or a day that is to come.
    """
    course, now = await rehabilitation(work, permit)
    follow_up = next((one for one in now.record.follow_ups if one.id == follow_up_id), None)
    if follow_up is None:
        raise NotFound
    if follow_up.recorded_at is not None:
        raise StateConflict(current="done" if follow_up.reached else "not-reached")
    if command.asked_on > now.calendar.day_of(work.now):
        raise InvalidInput(field="asked_on", reason="still to come")
    answers = {name: getattr(command, name) for name in (*ASKED, "would_refer")}
    if not command.reached and set(answers.values()) != {Known.NOT_ASKED}:
        raise InvalidInput(field="reached", reason="who was not reached answered nothing")
    take_recording(now, permit, "follow_up", "done" if command.reached else "not_reached")
    if follow_up.due_on > now.calendar.day_of(work.now):
        raise InvalidInput(field="follow_up", reason="another one is due")
    for fact in ASKED:
        if told(answers[fact]) != "not_asked":
            take_recording(now, permit, fact, told(answers[fact]))
    for name, answer in answers.items():
        setattr(follow_up, name, answer)
    follow_up.reached, follow_up.asked_on = command.reached, command.asked_on
    follow_up.recorded_at, follow_up.staff_id = work.now, permit.actor.staff_id
    follow_up.organisation_id = permit.actor.organisation_id
    work.audit(AuditAction.FOLLOW_UP_RECORDED, permit, stream_id=course.id, subject_id=follow_up.id)
    await course_changed(work, course, permit)
    return follow_up
