"""Courses beside a case: proceedings, rehabilitation, stays."""

from typing import Annotated

from fastapi import APIRouter, Response
from sqlmodel import col, select

from api.dependencies import IDEMPOTENT, CurrentActor, May, Reader, Reference, Work, etag
from api.next_steps import steps_of_course
from api.routes.cases import READ_PROBLEMS, WRITE_PROBLEMS, StepName
from api.schemas.base import AtMost200, Labelled
from api.schemas.courses import (
    CourseEventOut,
    CourseFactOut,
    CourseIn,
    CourseOut,
    CourseSummary,
    HappenedIn,
    StepIn,
)
from api.transaction import UnitOfWorkRoute
from auth.authorisation import visible
from auth.roles import Permission
from domain.audit.actions import AuditAction
from domain.codes import CourseSubject, Language, Role
from domain.courses.commands import Happened, RecordStep, leads, open_course, record_happening, record_step
from domain.courses.models import Course
from domain.courses.queries import CourseSituation, situation_of
from domain.courses.rules import own_facts
from domain.referrals.queries import codes_of
from domain.unit_of_work import UnitOfWork

MOST = 200
MOST_EVENTS = 500

router = APIRouter(tags=["courses"], route_class=UnitOfWorkRoute)


@router.post("/cases/{reference}/courses", status_code=201, dependencies=[IDEMPOTENT], responses=WRITE_PROBLEMS)
async def create_course(
    reference: Reference, body: CourseIn, may: May, work: Work, response: Response
) -> CourseSummary:
    """Open proceedings or rehabilitation beside a case that you lead, or the stay of a person whom you took in."""
    _, permit = await may.case(reference, Permission.COURSE_OPEN)
    course = await open_course(body.subject, permit, work)
    etag(response, course.version)
    response.headers["Location"] = f"/v1/courses/{course.reference}"
    return CourseSummary.taken(course)


@router.get("/cases/{reference}/courses", responses=READ_PROBLEMS)
async def list_courses(
    reference: Reference, may: May, work: Work, actor: CurrentActor
) -> Annotated[list[CourseSummary], AtMost200]:
    """List what goes on beside a case, as far as you may know of it, oldest first."""
    may.own(Permission.COURSE_READ)
    case, _ = await may.case(reference, Permission.CASE_READ)
    rows = await work.session.execute(
        select(Course)
        .where(col(Course.case_id) == case.id, visible(Course, Permission.COURSE_READ, actor))
        .order_by(col(Course.opened_at), col(Course.id))
        .limit(MOST)
    )
    return [CourseSummary.taken(row) for row in rows.scalars()]


@router.get("/courses/{reference}", responses=READ_PROBLEMS)
async def read_course(reference: Reference, may: May, work: Work, reader: Reader, response: Response) -> CourseOut:
    """Look at a course: what it says now, what happened, what may be done, by when, and why the rest is closed."""
    course, permit = await may.course(reference, Permission.COURSE_READ)
    work.audit(AuditAction.COURSE_READ, permit, stream_id=course.id)
    etag(response, course.version)
    return await shown(work, await situation_of(work, course, leads=leads(course, permit)), may.actor.role, reader)


@router.post("/courses/{reference}/steps/{step}", status_code=201, dependencies=[IDEMPOTENT], responses=WRITE_PROBLEMS)
async def record_course_step(
    reference: Reference, step: StepName, body: StepIn, may: May, work: Work, reader: Reader, response: Response
) -> CourseOut:
    """Do a step of a course's procedure; ending and taking up again are steps too."""
    _, permit = await may.course(reference, Permission.COURSE_RECORD)
    course = await record_step(RecordStep(step, body.fact, body.value, body.on_day), permit, work)
    etag(response, course.version)
    return await shown(work, await situation_of(work, course, leads=leads(course, permit)), may.actor.role, reader)


@router.post("/courses/{reference}/happenings", status_code=201, dependencies=[IDEMPOTENT], responses=WRITE_PROBLEMS)
async def create_happening(
    reference: Reference, body: HappenedIn, may: May, work: Work, reader: Reader, response: Response
) -> CourseOut:
    """Record what happened in a course outside its steps: a new stage, a summons, charges, a wish."""
    _, permit = await may.course(reference, Permission.COURSE_RECORD)
    course = await record_happening(Happened(body.fact, body.value, body.on_day), permit, work)
    etag(response, course.version)
    return await shown(work, await situation_of(work, course, leads=leads(course, permit)), may.actor.role, reader)


async def shown(work: UnitOfWork, now: CourseSituation, role: Role, language: Language) -> CourseOut:
    """Return a course as the reader may see it."""
    messages = work.catalogue.messages
    facts = [
        CourseFactOut(
            fact=Labelled(code=name, label=messages.fact(name, language)),
            value=Labelled(code=value, label=messages.value(name, value, language)),
            since=now.facts.since.get(name),
        )
        for name, fact in own_facts(CourseSubject(now.course.subject)).items()
        for value in (now.facts.values.get(name, fact.initial),)
    ]
    newest = now.record.facts[-MOST_EVENTS:]
    codes = await codes_of(work, {row.organisation_id for row in newest})
    history = [CourseEventOut.taken(row, organisation=codes[row.organisation_id]) for row in newest]
    return CourseOut(
        **CourseSummary.taken(now.course).model_dump(),
        facts=facts,
        history=history,
        steps=steps_of_course(work, now, role, language),
    )
