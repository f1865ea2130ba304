"""What can be done with the individual plan: write a version, review it, link what was given."""

from dataclasses import dataclass
from datetime import date
from uuid import UUID

from domain.audit.actions import AuditAction
from domain.codes import ConsentGiver, CourseSubject, PlanStatus, Service
from domain.courses.commands import course_changed, locked, take_recording
from domain.courses.models import Course
from domain.courses.queries import CourseSituation
from domain.errors import InvalidInput
from domain.permits import Permit
from domain.rehabilitation.models import PlanEpisode, PlanVersion
from domain.services.models import ServiceEpisode
from domain.unit_of_work import UnitOfWork
from domain.workflow.engine import StepNotOpen


@dataclass(frozen=True, slots=True)
class Planned:
    """A service of the plan, and the day it is planned for, if one was set."""

    service: Service
    planned_on: date | None = None


@dataclass(frozen=True, slots=True)
class RecordPlan:
    """A new version of the plan.

    Attributes:
        services: What is planned; what is left out stays as in the version before.
        review_on: When an agreed plan is looked at again.
        agreed_by: Who agreed, for an agreed plan.
        reviewed: Whether this is what came out of a review that was due.
    """

    status: PlanStatus
    services: tuple[Planned, ...] | None = None
    review_on: date | None = None
    agreed_by: ConsentGiver | None = None
    reviewed: bool = False


async def rehabilitation(work: UnitOfWork, permit: Permit) -> tuple[Course, CourseSituation]:
    """Lock the permit's rehabilitation; returns it and where it stands.

    Raises:
        InvalidInput: the course is something else.
    """
    course, now = await locked(work, permit)
    if course.subject != CourseSubject.REHABILITATION:
        raise InvalidInput(field="reference", reason="not a rehabilitation")
    return course, now


async def record_plan(command: RecordPlan, permit: Permit, work: UnitOfWork) -> PlanVersion:
    """Write a new version of the plan: draft it, let the person agree, review it, complete or end it.

    Raises:
        StepNotOpen, ConsentMissing, NotPermitted: as for the step that stands for it.
        InvalidInput: nobody, or the wrong one, agreed; an agreement adds services; a day is missing or past.
    """
    course, now = await rehabilitation(work, permit)
    _allowed(command, now, permit)
    before = now.record.plans[-1] if now.record.plans else None
    services = _services(command, before)
    _agreed(command, now, work)
    version = PlanVersion(
        id=work.ids.uuid(),
        course_id=course.id,
        case_id=course.case_id,
        number=before.number + 1 if before else 1,
        status=command.status,
        services=services,
        review_on=command.review_on,
        agreed_by=command.agreed_by,
        reviewed=command.reviewed,
        recorded_at=work.now,
        staff_id=permit.actor.staff_id,
        organisation_id=permit.actor.organisation_id,
    )
    work.add(version)
    work.audit(
        AuditAction.PLAN_RECORDED,
        permit,
        stream_id=course.id,
        subject_id=version.id,
        status=command.status,
        number=version.number,
    )
    await course_changed(work, course, permit)
    return version


def _allowed(command: RecordPlan, now: CourseSituation, permit: Permit) -> None:
    """Take the step that stands for a change of the plan, unless the person may change it without one."""
    plan = now.sop.facts["plan"]
    if command.reviewed:
        step = take_recording(now, permit, "plan_review", "held").step
        if not any(one.fact == "plan" and command.status in one.to for one in step.records):
            raise InvalidInput(field="status", reason="not what a review may lead to")
        return
    if now.course.closed_at is not None:
        raise StepNotOpen(step=None, sop=now.sop.sop, version=now.sop.version)
    if command.status in plan.moves.get(now.facts.values.get("plan", plan.initial), ()):
        return
    step = take_recording(now, permit, "plan", command.status).step
    if any(one.fact == "plan_review" for one in step.records):
        raise InvalidInput(field="reviewed", reason="a review is due: this is one, or waits for it")


def _services(command: RecordPlan, before: PlanVersion | None) -> list[dict[str, str | None]]:
    """Return what is planned: in an agreement no more than was drafted, since the person saw no more."""
    known = before.services if before else []
    if command.services is None:
        services = known
    else:
        services = [
            {"service": str(one.service), "planned_on": one.planned_on.isoformat() if one.planned_on else None}
            for one in command.services
        ]
    named = [one["service"] for one in services]
    if len(set(named)) < len(named) or (not named and command.status in {PlanStatus.DRAFTED, PlanStatus.AGREED}):
        raise InvalidInput(field="services", reason="each once, and at least one")
    drafted = {one["service"] for one in known}
    if command.status == PlanStatus.AGREED and not command.reviewed and not set(named) <= drafted:
        raise InvalidInput(field="services", reason="an agreement adds nothing to the draft")
    return services


def _agreed(command: RecordPlan, now: CourseSituation, work: UnitOfWork) -> None:
    """Make sure that the person themselves agreed, or for a child the guardian, and that a review is set."""
    if command.status != PlanStatus.AGREED:
        if command.agreed_by is not None or command.review_on is not None:
            raise InvalidInput(field="agreed_by", reason="only an agreed plan was agreed to and is reviewed")
        return
    may_agree = {ConsentGiver.SELF}
    if now.facts.values.get("age") != "adult":
        may_agree.add(ConsentGiver.GUARDIAN)
    if command.agreed_by not in may_agree:
        raise InvalidInput(field="agreed_by", reason="only the person agrees, or the guardian of a child")
    if command.review_on is None or command.review_on <= now.calendar.day_of(work.now):
        raise InvalidInput(field="review_on", reason="an agreed plan has a day of review to come")


async def link_episode(episode_id: UUID, permit: Permit, work: UnitOfWork) -> PlanEpisode:
    """Record that a service of the plan was given.

    Raises:
        InvalidInput: there is no such service episode in the case, or the plan does not name its service.
    """
    course, now = await rehabilitation(work, permit)
    episode = await work.session.get(ServiceEpisode, episode_id)
    if episode is None or episode.case_id != course.case_id:
        raise InvalidInput(field="episode", reason="not one of the case")
    planned = now.record.plans[-1].services if now.record.plans else []
    if str(episode.service) not in {one["service"] for one in planned}:
        raise InvalidInput(field="episode", reason="not a service of the plan")
    link = PlanEpisode(
        id=work.ids.uuid(),
        course_id=course.id,
        case_id=course.case_id,
        episode_id=episode.id,
        recorded_at=work.now,
        staff_id=permit.actor.staff_id,
        organisation_id=permit.actor.organisation_id,
    )
    work.add(link)
    work.audit(AuditAction.PLAN_SERVICE_GIVEN, permit, stream_id=course.id, subject_id=link.id)
    course.version += 1
    return link
