"""Requests of the person: to see, correct, restrict and erase their file; and what it is kept for beyond its period."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Response
from sqlmodel import col, select

from api.dependencies import IDEMPOTENT, CurrentActor, May, Reader, Reference, Work, opens
from api.file_of_person import file_of
from api.problems import problems
from api.routes.cases import READ_PROBLEMS, WRITE_PROBLEMS, fields_fit
from api.schemas.base import AtMost200
from api.schemas.requests import (
    FileOut,
    HoldIn,
    HoldOut,
    RequestAnswerIn,
    SubjectRequestIn,
    SubjectRequestOut,
    SubjectRequestRead,
)
from api.transaction import UnitOfWorkRoute
from auth.roles import Permission
from domain.audit.actions import AuditAction
from domain.errors import NotFound, NotPermitted, StateConflict
from domain.requests.commands import (
    REASONS,
    WORDS,
    answer_request,
    lift_restriction,
    record_request,
    reveal_words,
)
from domain.requests.models import SubjectRequest
from domain.retention.holds import lift_hold, place_hold
from domain.retention.models import RetentionHold
from domain.sealing.envelope import SealBroken
from domain.unit_of_work import UnitOfWork

router = APIRouter(tags=["requests"], route_class=UnitOfWorkRoute)
MOST = 200
OPEN_PROBLEMS = READ_PROBLEMS | problems(SealBroken)


@router.post(
    "/cases/{reference}/subject-requests", status_code=201, dependencies=[IDEMPOTENT], responses=WRITE_PROBLEMS
)
async def create_subject_request(
    reference: Reference, body: SubjectRequestIn, may: May, work: Work
) -> SubjectRequestOut:
    """Record what the person asks for. It must be answered within the time that the country's profile gives."""
    _, permit = await may.case(reference, Permission.SUBJECT_REQUEST_ANSWER)
    return SubjectRequestOut.taken(await record_request(body.to_command(), permit, work))


@router.get("/cases/{reference}/subject-requests", responses=READ_PROBLEMS)
async def list_subject_requests(
    reference: Reference, may: May, work: Work
) -> Annotated[list[SubjectRequestOut], AtMost200]:
    """List what the person asked for, oldest first."""
    case, permit = await may.case(reference, Permission.SUBJECT_REQUEST_ANSWER)
    work.audit(AuditAction.SUBJECT_REQUESTS_READ, permit, stream_id=case.id)
    rows = await work.session.execute(
        select(SubjectRequest)
        .where(col(SubjectRequest.case_id) == case.id)
        .order_by(col(SubjectRequest.received_at), col(SubjectRequest.id))
        .limit(MOST)
    )
    return [SubjectRequestOut.taken(row) for row in rows.scalars()]


@router.get("/cases/{reference}/subject-requests/{request_id}", responses=OPEN_PROBLEMS)
async def read_subject_request(
    reference: Reference, request_id: UUID, may: May, work: Work, actor: CurrentActor
) -> SubjectRequestRead:
    """Look at a request with what was said. Recorded before you read it."""
    case, permit = await may.case(reference, Permission.SUBJECT_REQUEST_ANSWER, opens(work, actor, "owner"))
    request = await _request(work, case.id, request_id)
    work.audit(AuditAction.SUBJECT_REQUESTS_READ, permit, stream_id=case.id, subject_id=request.id)
    said = await reveal_words(permit, request, work)
    return SubjectRequestRead.taken(request, words=said.get(WORDS), reasons=said.get(REASONS))


@router.post(
    "/cases/{reference}/subject-requests/{request_id}/answer", dependencies=[IDEMPOTENT], responses=WRITE_PROBLEMS
)
async def answer_subject_request(
    reference: Reference, request_id: UUID, body: RequestAnswerIn, may: May, work: Work, actor: CurrentActor
) -> SubjectRequestOut:
    """Grant a request, which does what it asks for, or refuse it on a named ground.

    What is erased cannot be brought back: open referrals are withdrawn at once, and the worker destroys the keys.
    """
    case, permit = await may.case(reference, Permission.SUBJECT_REQUEST_ANSWER)
    fields_fit(work, permit, {name: dict(fields) for name, fields in body.corrections.items()})
    if not set(body.corrections) <= opens(work, actor, "owner").at(case.case_work):
        raise NotPermitted(rule="role")
    return SubjectRequestOut.taken(await answer_request(request_id, body.to_command(), permit, work))


@router.get("/cases/{reference}/subject-requests/{request_id}/file", responses=OPEN_PROBLEMS | problems(StateConflict))
async def export_file(
    reference: Reference, request_id: UUID, may: May, work: Work, actor: CurrentActor, reader: Reader
) -> FileOut:
    """Open the person's own file for whoever asked, without what is about others or could endanger somebody.

    Only on a request for access that was granted. What is kept back is named with its reason.
    """
    case, permit = await may.case(reference, Permission.SUBJECT_REQUEST_ANSWER, opens(work, actor, "owner"))
    request = await _request(work, case.id, request_id)
    return await file_of(work, case, permit, request, reader)


@router.post("/cases/{reference}/restriction/end", status_code=204, dependencies=[IDEMPOTENT], responses=WRITE_PROBLEMS)
async def end_restriction(reference: Reference, may: May, work: Work) -> Response:
    """Let the file be passed on again, because the person wishes so."""
    _, permit = await may.case(reference, Permission.SUBJECT_REQUEST_ANSWER)
    await lift_restriction(permit, work)
    return Response(status_code=204)


@router.post("/cases/{reference}/retention-holds", status_code=201, dependencies=[IDEMPOTENT], responses=WRITE_PROBLEMS)
async def create_retention_hold(reference: Reference, body: HoldIn, may: May, work: Work) -> HoldOut:
    """Keep the file beyond its period, for something that the person needs it for; their own wish is stronger."""
    _, permit = await may.case(reference, Permission.RETENTION_HOLD)
    return HoldOut.taken(await place_hold(body.ground, body.holds_until, permit, work))


@router.get("/cases/{reference}/retention-holds", responses=READ_PROBLEMS)
async def list_retention_holds(reference: Reference, may: May, work: Work) -> Annotated[list[HoldOut], AtMost200]:
    """List what the file is or was kept for, oldest first."""
    case, _ = await may.case(reference, Permission.RETENTION_HOLD)
    rows = await work.session.execute(
        select(RetentionHold)
        .where(col(RetentionHold.case_id) == case.id)
        .order_by(col(RetentionHold.placed_at), col(RetentionHold.id))
        .limit(MOST)
    )
    return [HoldOut.taken(row) for row in rows.scalars()]


@router.post("/cases/{reference}/retention-holds/{hold_id}/end", dependencies=[IDEMPOTENT], responses=WRITE_PROBLEMS)
async def end_retention_hold(reference: Reference, hold_id: UUID, may: May, work: Work) -> HoldOut:
    """Keep the file no longer than its period."""
    _, permit = await may.case(reference, Permission.RETENTION_HOLD)
    return HoldOut.taken(await lift_hold(hold_id, permit, work))


async def _request(work: UnitOfWork, case_id: UUID, request_id: UUID) -> SubjectRequest:
    found = await work.one(SubjectRequest, id=request_id, case_id=case_id)
    if found is None:
        raise NotFound
    return found
