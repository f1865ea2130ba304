"""What belongs to a course of its own kind: plans, the commission, follow-ups; compensation in proceedings."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter
from sqlmodel import col, select

from api.dependencies import IDEMPOTENT, May, Reference, Work
from api.problems import InvalidRequest, problems
from api.routes.cases import READ_PROBLEMS, WRITE_PROBLEMS
from api.schemas.base import AtMost200
from api.schemas.rehabilitation import (
    AnswersIn,
    CommissionIn,
    CommissionOut,
    CommissionReasonsOut,
    CompensationIn,
    CompensationOut,
    DecisionOfCommissionIn,
    EpisodeLinkIn,
    EpisodeLinkOut,
    FollowUpIn,
    FollowUpOut,
    PlanIn,
    PlanOut,
    PlansOut,
)
from api.transaction import UnitOfWorkRoute
from auth.authorisation import visible
from auth.roles import Permission
from domain.audit.actions import AuditAction
from domain.courses.queries import all_of_course
from domain.errors import InvalidInput, StateConflict
from domain.proceedings.commands import compensation_of, record_compensation
from domain.rehabilitation.commission import ask_commission, decide, reveal_reasons
from domain.rehabilitation.follow_ups import plan_follow_up, record_follow_up
from domain.rehabilitation.models import CommissionRecord, FollowUp, PlanEpisode, PlanVersion
from domain.rehabilitation.plans import link_episode, record_plan
from domain.requests.rules import Restricted
from domain.sealing.envelope import SealBroken
from domain.workflow.engine import ConsentMissing, StepNotOpen

MOST = 200

router = APIRouter(tags=["courses"], route_class=UnitOfWorkRoute)


@router.post("/courses/{reference}/plan", status_code=201, dependencies=[IDEMPOTENT], responses=WRITE_PROBLEMS)
async def create_plan_version(reference: Reference, body: PlanIn, may: May, work: Work) -> PlanOut:
    """Write a new version of the individual plan; an agreed one is agreed by the person themselves."""
    _, permit = await may.course(reference, Permission.COURSE_RECORD)
    return PlanOut.taken(await record_plan(body.to_command(), permit, work))


@router.get("/courses/{reference}/plan", responses=READ_PROBLEMS)
async def read_plan(reference: Reference, may: May, work: Work) -> PlansOut:
    """See every version of the individual plan, oldest first, and which services of it were given."""
    course, permit = await may.course(reference, Permission.COURSE_READ)
    work.audit(AuditAction.COURSE_READ, permit, stream_id=course.id)
    versions = await all_of_course(work, PlanVersion, course.id, PlanVersion.number)
    given = await all_of_course(work, PlanEpisode, course.id, PlanEpisode.recorded_at)
    return PlansOut(
        versions=[PlanOut.taken(row) for row in versions[-MOST:]],
        given=[EpisodeLinkOut.taken(row) for row in given[-MOST:]],
    )


@router.post("/courses/{reference}/plan/episodes", status_code=201, dependencies=[IDEMPOTENT], responses=WRITE_PROBLEMS)
async def create_plan_episode(reference: Reference, body: EpisodeLinkIn, may: May, work: Work) -> EpisodeLinkOut:
    """Record that a service episode of the case gave what the plan names."""
    _, permit = await may.course(reference, Permission.COURSE_RECORD)
    return EpisodeLinkOut.taken(await link_episode(body.episode, permit, work))


@router.post(
    "/courses/{reference}/commission-requests",
    status_code=201,
    dependencies=[IDEMPOTENT],
    responses=READ_PROBLEMS
    | problems(StateConflict, StepNotOpen, ConsentMissing, Restricted, InvalidInput, InvalidRequest),
)
async def create_commission_request(reference: Reference, body: CommissionIn, may: May, work: Work) -> CommissionOut:
    """Put the agreed plan to the special commission, without anything that tells who the person is."""
    _, permit = await may.course(reference, Permission.COURSE_RECORD)
    return CommissionOut.taken(await ask_commission(body.organisation, permit, work))


@router.get("/courses/{reference}/commission-requests", responses=READ_PROBLEMS)
async def list_commission_of_course(
    reference: Reference, may: May, work: Work
) -> Annotated[list[CommissionOut], AtMost200]:
    """List what was put to the commission and what it said, oldest first."""
    course, _ = await may.course(reference, Permission.COURSE_READ)
    rows = await all_of_course(work, CommissionRecord, course.id, CommissionRecord.recorded_at)
    return [CommissionOut.taken(row) for row in rows[-MOST:]]


@router.get("/commission-requests", responses=READ_PROBLEMS)
async def list_commission_requests(may: May, work: Work) -> Annotated[list[CommissionOut], AtMost200]:
    """List what was put to your organisation's commission and what it decided, newest first."""
    permit = may.own(Permission.COMMISSION_READ)
    work.audit(AuditAction.COMMISSION_READ, permit, stream_id=may.actor.organisation_id)
    rows = await work.session.execute(
        select(CommissionRecord)
        .where(visible(CommissionRecord, Permission.COMMISSION_READ, may.actor))
        .order_by(col(CommissionRecord.recorded_at).desc(), col(CommissionRecord.id))
        .limit(MOST)
    )
    return [CommissionOut.taken(row) for row in rows.scalars()]


@router.post(
    "/commission-requests/{request_id}/decision",
    status_code=201,
    dependencies=[IDEMPOTENT],
    responses=WRITE_PROBLEMS,
)
async def create_commission_decision(
    request_id: UUID, body: DecisionOfCommissionIn, may: May, work: Work
) -> CommissionOut:
    """Record what the commission decided. Support does not wait for it and does not end with it."""
    _, permit = await may.commission(request_id, Permission.COMMISSION_DECIDE)
    return CommissionOut.taken(await decide(body.to_command(), permit, work))


@router.get("/commission-requests/{request_id}/reasons", responses=READ_PROBLEMS | problems(SealBroken))
async def read_reasons(request_id: UUID, may: May, work: Work) -> CommissionReasonsOut:
    """Open the reasons that the commission gave. Recorded before you read it."""
    request, permit = await may.commission(request_id, Permission.COMMISSION_REASONS)
    opened = await reveal_reasons(permit, request, work)
    return CommissionReasonsOut(reasons=opened.get("reasons"))


@router.post("/courses/{reference}/follow-ups", status_code=201, dependencies=[IDEMPOTENT], responses=WRITE_PROBLEMS)
async def create_follow_up(reference: Reference, body: FollowUpIn, may: May, work: Work) -> FollowUpOut:
    """Set a day on which the person is asked how they are."""
    _, permit = await may.course(reference, Permission.COURSE_RECORD)
    return FollowUpOut.of(await plan_follow_up(body.due_on, permit, work))


@router.get("/courses/{reference}/follow-ups", responses=READ_PROBLEMS)
async def list_follow_ups(reference: Reference, may: May, work: Work) -> Annotated[list[FollowUpOut], AtMost200]:
    """List the follow-ups of a rehabilitation by day."""
    course, permit = await may.course(reference, Permission.COURSE_READ)
    work.audit(AuditAction.COURSE_READ, permit, stream_id=course.id)
    rows = await all_of_course(work, FollowUp, course.id, FollowUp.due_on)
    return [FollowUpOut.of(row) for row in rows[-MOST:]]


@router.post(
    "/courses/{reference}/follow-ups/{follow_up_id}/answers",
    status_code=201,
    dependencies=[IDEMPOTENT],
    responses=WRITE_PROBLEMS,
)
async def create_answers(
    reference: Reference, follow_up_id: UUID, body: AnswersIn, may: May, work: Work
) -> FollowUpOut:
    """Record what the person answered in a follow-up, or that they were not reached; nobody else is asked."""
    _, permit = await may.course(reference, Permission.COURSE_RECORD)
    return FollowUpOut.of(await record_follow_up(follow_up_id, body.to_command(), permit, work))


@router.post("/courses/{reference}/compensation", status_code=201, dependencies=[IDEMPOTENT], responses=WRITE_PROBLEMS)
async def create_compensation(reference: Reference, body: CompensationIn, may: May, work: Work) -> CompensationOut:
    """Record that compensation was claimed, awarded, refused or paid, with its amount and day."""
    _, permit = await may.course(reference, Permission.COURSE_RECORD)
    return CompensationOut.of(await record_compensation(body.to_command(), permit, work))


@router.get("/courses/{reference}/compensation", responses=READ_PROBLEMS)
async def list_compensation(reference: Reference, may: May, work: Work) -> Annotated[list[CompensationOut], AtMost200]:
    """List what was recorded of compensation, oldest first. An authority sees none of it."""
    course, permit = await may.course(reference, Permission.COURSE_READ)
    work.audit(AuditAction.COURSE_READ, permit, stream_id=course.id)
    return [CompensationOut.of(row) for row in (await compensation_of(work, course.id))[-MOST:]]
