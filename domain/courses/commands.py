"""What can be done with a course: open it, do a step of its procedure, record what happened, close it."""

from dataclasses import dataclass
from datetime import date
from uuid import UUID

from sqlmodel import col, select

from domain.audit.actions import AuditAction
from domain.cases.commands import responsible
from domain.cases.models import Case, CaseAccess, Relation
from domain.cases.rules import RUNNING
from domain.codes import CourseSubject, OrganisationType, Role, Service
from domain.courses.models import Course, CourseFact
from domain.courses.queries import PROCEDURES, CourseSituation, courses_of, led_with_case, situation_of
from domain.courses.rules import BY_PLACEMENT, LED_WITH_CASE, NEEDS_DAY, by_hand, may_happen
from domain.deadlines.commands import Followed, ask_for_refresh, set_steps
from domain.deadlines.models import Deadline, DeadlineKind
from domain.errors import InvalidInput, NotPermitted, StateConflict
from domain.organisations.models import Organisation
from domain.permits import Permit
from domain.places.holding import call_next, free
from domain.places.queries import keeps_places
from domain.referrals.models import Referral
from domain.unit_of_work import UnitOfWork
from domain.workflow.engine import OpenStep, StepNotOpen, step_that_records, step_to_take
from domain.workflow.facts import step_fact
from domain.workflow.sop import Step

MAY_LEAD = {
    CourseSubject.PROCEEDINGS: frozenset({Role.NGO_CASEWORKER, Role.POLICE_OFFICER}),
    CourseSubject.REHABILITATION: frozenset({Role.NGO_CASEWORKER}),
    CourseSubject.STAY: frozenset({Role.SHELTER_STAFF, Role.NGO_CASEWORKER}),
}
"""Who opens which course, if their organisation stands to the case as it must."""

AUTHORITIES = frozenset(
    {OrganisationType.LAW_ENFORCEMENT, OrganisationType.PROSECUTION, OrganisationType.IMMIGRATION_SERVICE}
)
"""Types of organisations that see nothing of rehabilitation and of stays, whatever their staff are called."""


@dataclass(frozen=True, slots=True)
class RecordStep:
    """A step of a course was done.

    Attributes:
        step: Its key.
        fact: What it recorded; may be left out where the step records one fact only.
        value: The value; may be left out where the step has one outcome only.
        on_day: The day that the value speaks of, if any.
    """

    step: str
    fact: str | None = None
    value: str | None = None
    on_day: date | None = None


@dataclass(frozen=True, slots=True)
class Happened:
    """Something happened in a course outside its steps, such as a new stage of the proceedings."""

    fact: str
    value: str
    on_day: date | None = None


async def open_course(subject: CourseSubject, permit: Permit, work: UnitOfWork) -> Course:
    """Open a course beside the permit's case, under the version of its procedure that counts for the case.

    Raises:
        NotPermitted: another organisation or role opens such a course; a stay needs an accepted referral for shelter.
        StateConflict: there is one already; it is taken up again, not opened twice.
        InvalidInput: the country has no procedure for it.
    """
    case = await work.lock(Case, permit.subject_id)
    return await begin_course(subject, case, await _stands_on(subject, case, permit, work), permit, work)


async def begin_course(
    subject: CourseSubject, case: Case, referral_id: UUID | None, permit: Permit, work: UnitOfWork
) -> Course:
    """Open a course beside a case on the ground of a referral; raises as `open_course` does."""
    await _may_lead(subject, case, permit, work)
    for known in await courses_of(work, case.id):
        if known.subject == subject and (subject in LED_WITH_CASE or known.referral_id == referral_id):
            raise StateConflict(current="opened-already")
    key = PROCEDURES.get(case.country, {}).get(subject)
    if key is None:
        raise InvalidInput(field="subject", reason="the country has no procedure for it")
    course = Course(
        id=work.ids.uuid(),
        reference=work.ids.reference("K"),
        case_id=case.id,
        country=case.country,
        organisation_id=permit.actor.organisation_id,
        referral_id=referral_id,
        subject=subject,
        sop=key,
        sop_version=case.sop_versions.get(key) or work.catalogue.current(case.country)[key],
        opened_at=work.now,
    )
    work.add(course)
    work.audit(AuditAction.COURSE_OPENED, permit, stream_id=course.id, subject_id=course.id, subject=subject)
    await refresh_course(work, course, leads=subject in LED_WITH_CASE)
    return course


async def _may_lead(subject: CourseSubject, case: Case, permit: Permit, work: UnitOfWork) -> None:
    if permit.actor.role not in MAY_LEAD[subject]:
        raise NotPermitted(rule="role", needed=[str(role) for role in sorted(MAY_LEAD[subject])])
    if subject in LED_WITH_CASE and case.owner_organisation_id != permit.actor.organisation_id:
        raise NotPermitted(rule="owner-of-case")
    organisation = await work.get(Organisation, permit.actor.organisation_id)
    if subject != CourseSubject.PROCEEDINGS and organisation.type in AUTHORITIES:
        raise NotPermitted(rule="apart-from-authorities")


async def _stands_on(subject: CourseSubject, case: Case, permit: Permit, work: UnitOfWork) -> UUID | None:
    """Return the accepted referral that a course stands on: of a stay always, of proceedings if there is one."""
    if subject == CourseSubject.PROCEEDINGS:
        return await _referral_to_authority(work, case.id)
    if subject != CourseSubject.STAY:
        return None
    rows = await work.session.execute(
        select(Referral.id)
        .join(CaseAccess, col(CaseAccess.referral_id) == Referral.id)
        .where(
            col(CaseAccess.case_id) == case.id,
            col(CaseAccess.organisation_id) == permit.actor.organisation_id,
            col(CaseAccess.relation) == Relation.RECEIVER,
            col(CaseAccess.valid_until) > work.now,
            col(Referral.service) == Service.SHELTER,
        )
        .order_by(col(Referral.changed_at).desc())
        .limit(1)
    )
    found = rows.scalar_one_or_none()
    if found is None:
        raise NotPermitted(rule="accepted-referral-for-shelter")
    return found


async def _referral_to_authority(work: UnitOfWork, case_id: UUID) -> UUID | None:
    """Return the latest accepted referral for criminal proceedings: whoever accepted it records the proceedings too."""
    rows = await work.session.execute(
        select(Referral.id)
        .where(
            col(Referral.case_id) == case_id,
            col(Referral.service) == Service.CRIMINAL_PROCEEDINGS,
            col(Referral.status).in_(RUNNING),
        )
        .order_by(col(Referral.changed_at).desc())
        .limit(1)
    )
    return rows.scalar_one_or_none()


def leads(course: Course, permit: Permit) -> bool:
    """Whether the permit's organisation leads the case of the course; a shelter leads its stay alone."""
    return permit.holder_id == course.case_id


async def locked(work: UnitOfWork, permit: Permit) -> tuple[Course, CourseSituation]:
    """Lock the permit's course; returns it and where it stands."""
    course = await work.lock(Course, permit.subject_id)
    return course, await situation_of(work, course, leads=leads(course, permit))


def take(now: CourseSituation, permit: Permit, key: str) -> OpenStep:
    """Return a step of a course that is open now, and that the permit's actor may take.

    Raises:
        StepNotOpen, ConsentMissing, NotPermitted: as for a step of a case; NotPermitted too if the step looks at facts
            of the case that the actor's organisation may not know.
    """
    step = now.sop.by_key.get(key)
    if step is not None and step not in now.steps:
        raise NotPermitted(rule="owner-of-case")
    return responsible(step_to_take(now.sop, now.snapshot, now.calendar, key), permit)


def take_recording(now: CourseSituation, permit: Permit, fact: str, value: str) -> OpenStep:
    """Return the open step that sets a fact of a course to a value; raises as `take` does."""
    return take(now, permit, step_that_records(now.sop, now.snapshot, now.calendar, fact, value).step.key)


async def record_step(command: RecordStep, permit: Permit, work: UnitOfWork) -> Course:
    """Do a step of the course's procedure and record its outcome.

    Raises:
        InvalidInput: the step is done by a record of its own (says so), or the outcome is not one of the step's.
        StepNotOpen, ConsentMissing, NotPermitted: see `take`.
    """
    course, now = await locked(work, permit)
    step = take(now, permit, command.step).step
    fact, value = _outcome(step, CourseSubject(course.subject), command)
    await _heed_placement(work, permit, now, fact, value)
    await add_fact(work, permit, course, fact, value, command.on_day, step.key)
    await course_changed(work, course, permit)
    return course


async def _heed_placement(work: UnitOfWork, permit: Permit, now: CourseSituation, fact: str, value: str) -> None:
    """Refuse by hand what a placement tells, and give a reservation back when the admission is declined.

    Raises:
        InvalidInput: the shelter keeps places, so that the admission or the leaving is recorded with the placement.
    """
    course = now.course
    if course.subject != CourseSubject.STAY or course.referral_id is None:
        return
    if (fact, value) in BY_PLACEMENT and (now.record.placed or await keeps_places(work, course.organisation_id)):
        raise InvalidInput(field="step", reason="this step is done by recording what it is about")
    if (fact, value) == ("stay", "declined"):
        referral = await work.get(Referral, course.referral_id)
        if await free(work, permit, referral):
            await call_next(work, course.organisation_id, Service.SHELTER, referral.id, course.case_id)


def _outcome(step: Step, subject: CourseSubject, command: RecordStep) -> tuple[str, str]:
    """Return the fact and the value that doing a step records."""
    if step.done is None and not step.records:
        if command.fact is not None or command.value is not None:
            raise InvalidInput(field="fact", reason="the step records only that it was done")
        return step_fact(step.key).name, "yes"
    may_be = {one.fact: one.to for one in step.records if one.fact in by_hand(subject)}
    if step.opens is not None or not may_be:
        raise InvalidInput(field="step", reason="this step is done by recording what it is about")
    fact = command.fact or (next(iter(may_be)) if len(may_be) == 1 else "")
    if fact not in may_be:
        raise InvalidInput(field="fact", reason="not one that the step records")
    value = command.value or (may_be[fact][0] if len(may_be[fact]) == 1 else "")
    if value not in may_be[fact]:
        raise InvalidInput(field="value", reason="not an outcome of the step")
    return fact, value


async def record_happening(command: Happened, permit: Permit, work: UnitOfWork) -> Course:
    """Record what happened in a course outside its steps: what the person wished, an authority told, a date brings.

    Raises:
        InvalidInput: the vocabulary does not let this happen now, or it needs its day.
        StepNotOpen: the course is closed.
    """
    course, now = await locked(work, permit)
    if course.closed_at is not None:
        raise StepNotOpen(step=None, sop=now.sop.sop, version=now.sop.version)
    subject = CourseSubject(course.subject)
    if not may_happen(subject, now.facts, command.fact, command.value, command.on_day):
        raise InvalidInput(field="value", reason="not what may happen now")
    await add_fact(work, permit, course, command.fact, command.value, command.on_day, None)
    await course_changed(work, course, permit)
    return course


async def add_fact(
    work: UnitOfWork, permit: Permit, course: Course, fact: str, value: str, on_day: date | None, step: str | None
) -> CourseFact:
    """Write a fact of a course, and its end or new beginning if that is what the fact says.

    Whoever calls has checked that the step is open, and calls `course_changed` after.

    Raises:
        InvalidInput: the value means nothing without its day.
    """
    if (fact, value) in NEEDS_DAY and on_day is None:
        raise InvalidInput(field="on_day", reason="needed here")
    row = CourseFact(
        id=work.ids.uuid(),
        course_id=course.id,
        case_id=course.case_id,
        fact=fact,
        value=value,
        step=step,
        on_day=on_day,
        recorded_at=work.now,
        staff_id=permit.actor.staff_id,
        organisation_id=permit.actor.organisation_id,
    )
    work.add(row)
    action = AuditAction.COURSE_RECORDED
    ending, end = work.catalogue.sop(course.sop, course.sop_version).vocabulary.ended
    if fact == ending:
        if value == end:
            course.closed_at, action = work.now, AuditAction.COURSE_CLOSED
        elif course.closed_at is not None:
            course.closed_at, action = None, AuditAction.COURSE_REOPENED
    work.audit(action, permit, stream_id=course.id, subject_id=row.id, fact=fact, step=step)
    return row


async def course_changed(work: UnitOfWork, course: Course, permit: Permit) -> None:
    """Count the version of a changed course up, and set its deadlines, or leave them to the worker.

    An authority that serves in the proceedings does not see the case, and so not all that deadlines depend on.
    """
    course.version += 1
    await work.flush()
    if led_with_case(course) and not leads(course, permit):
        ask_for_refresh(work, course.case_id, permit.actor.organisation_id, course.id)
        return
    await refresh_course(work, course, leads=leads(course, permit))


async def refresh_courses(work: UnitOfWork, case_id: UUID) -> None:
    """Set the deadlines of all courses of a case: for the worker, who sees every one of them."""
    for course in await courses_of(work, case_id):
        await refresh_course(work, await work.lock(Course, course.id), leads=True)


async def refresh_course(work: UnitOfWork, course: Course, *, leads: bool) -> CourseSituation:
    """Set the deadlines of a course's open steps, and wake the worker when time alone changes something."""
    if course.subject == CourseSubject.PROCEEDINGS and course.referral_id is None:
        course.referral_id = await _referral_to_authority(work, course.case_id)
    await work.flush()
    now = await situation_of(work, course, leads=leads)
    called = course.organisation_id
    if led_with_case(course):
        called = (await work.get(Case, course.case_id)).owner_organisation_id
    await set_steps(work, [Followed(course.case_id, course.id, called, now.sop, now.snapshot, now.calendar)])
    await _wake(work, now, called)
    return now


async def _wake(work: UnitOfWork, now: CourseSituation, called: UUID) -> None:
    """Let the worker look again when time changes a fact, once for each instant."""
    rows = await work.session.execute(
        select(Deadline.rule).where(
            col(Deadline.subject_id) == now.course.id,
            col(Deadline.kind) == DeadlineKind.RECOMPUTE,
            col(Deadline.settled_at).is_(None),
        )
    )
    known = set(rows.scalars())
    for instant in sorted(set(now.facts.wakes)):
        if instant.isoformat() not in known:
            ask_for_refresh(work, now.course.case_id, called, now.course.id, instant)
    await work.flush()
