"""Capacity first: ask providers without identity, and answer; who waits where there is none."""

from collections.abc import Sequence
from typing import Annotated

from fastapi import APIRouter, Response
from sqlmodel import col, select

from api.dependencies import IDEMPOTENT, CurrentActor, Cursor, Limit, May, Reference, Version, Work, etag
from api.pagination import page
from api.problems import InvalidRequest, PreconditionRequired, Unavailable, problems
from api.routes.referrals import READ_PROBLEMS
from api.schemas.base import AtMost200
from api.schemas.capacity import CapacityAnswerIn, CapacityQuestionOut, CapacityQuestionPage, CapacityQuestionsIn
from api.schemas.referrals import ReferralSummary
from api.shown_referrals import summaries
from api.transaction import UnitOfWorkRoute
from auth.authorisation import visible
from auth.roles import Permission
from auth.tokens import TokenRefused
from domain.capacity.commands import answer_capacity, ask_capacity, close_question
from domain.capacity.models import CapacityQuestion
from domain.capacity.queries import questions_of
from domain.errors import InvalidInput, NotFound, NotPermitted, StateConflict, VersionStale
from domain.referrals.queries import codes_of
from domain.referrals.waiting import waiting_list
from domain.unit_of_work import UnitOfWork

WRITE_PROBLEMS = problems(
    TokenRefused, NotFound, NotPermitted, InvalidRequest, InvalidInput, StateConflict, Unavailable
)
CHANGE_PROBLEMS = WRITE_PROBLEMS | problems(VersionStale, PreconditionRequired)

router = APIRouter(tags=["capacity"], route_class=UnitOfWorkRoute)


@router.post(
    "/cases/{reference}/capacity-questions", status_code=201, dependencies=[IDEMPOTENT], responses=WRITE_PROBLEMS
)
async def create_capacity_questions(
    reference: Reference, body: CapacityQuestionsIn, may: May, work: Work
) -> Annotated[list[CapacityQuestionOut], AtMost200]:
    """Ask providers whether they could take somebody: no name, no case, and no provider learns of another."""
    _, permit = await may.case(reference, Permission.CAPACITY_ASK)
    return await _shown(work, await ask_capacity(body.to_command(), permit, work))


@router.get("/cases/{reference}/capacity-questions", responses=READ_PROBLEMS)
async def list_capacity_questions(
    reference: Reference, may: May, work: Work
) -> Annotated[list[CapacityQuestionOut], AtMost200]:
    """List what your organisation asked for a case, oldest first, with the answers."""
    case, _ = await may.case(reference, Permission.CAPACITY_ASK)
    return await _shown(work, await questions_of(work, case.id))


@router.get("/capacity-questions", responses=READ_PROBLEMS)
async def list_asked_capacity(
    may: May, work: Work, actor: CurrentActor, cursor: Cursor = None, limit: Limit = 50
) -> CapacityQuestionPage:
    """List the questions that your organisation was asked, newest first."""
    may.own(Permission.CAPACITY_ANSWER)
    rows, following = await page(
        work.session,
        select(CapacityQuestion).where(visible(CapacityQuestion, Permission.CAPACITY_ANSWER, actor)),
        (col(CapacityQuestion.asked_at), col(CapacityQuestion.id)),
        cursor,
        limit,
        lambda row: (row.asked_at, row.id),
    )
    return CapacityQuestionPage(items=await _shown(work, rows), next=following)


@router.get("/capacity-questions/{reference}", responses=READ_PROBLEMS)
async def read_capacity_question(reference: Reference, may: May, work: Work, response: Response) -> CapacityQuestionOut:
    """Look at a question that your organisation asked or was asked: both see the same."""
    question, _ = await may.question(reference, Permission.CAPACITY_READ)
    return await _one(work, question, response)


@router.post("/capacity-questions/{reference}/answer", dependencies=[IDEMPOTENT], responses=CHANGE_PROBLEMS)
async def answer_capacity_question(
    reference: Reference, body: CapacityAnswerIn, may: May, work: Work, version: Version, response: Response
) -> CapacityQuestionOut:
    """Say whether there is room; a later answer takes the place of an earlier one while the question stands."""
    _, permit = await may.question(reference, Permission.CAPACITY_ANSWER)
    return await _one(work, await answer_capacity(body.to_command(version), permit, work), response)


@router.post("/capacity-questions/{reference}/closure", dependencies=[IDEMPOTENT], responses=CHANGE_PROBLEMS)
async def close_capacity_question(
    reference: Reference, may: May, work: Work, version: Version, response: Response
) -> CapacityQuestionOut:
    """Take a question back that needs no answer any more."""
    _, permit = await may.question(reference, Permission.CAPACITY_ASK)
    return await _one(work, await close_question(version, permit, work), response)


@router.get("/referrals/waiting-list", responses=READ_PROBLEMS)
async def list_waiting(may: May, work: Work, actor: CurrentActor) -> Annotated[list[ReferralSummary], AtMost200]:
    """List who waits at your organisation, service by service, in order; you may accept in another order."""
    may.own(Permission.REFERRAL_HANDLE)
    return await summaries(work, await waiting_list(work, actor.organisation_id))


async def _one(work: UnitOfWork, question: CapacityQuestion, response: Response) -> CapacityQuestionOut:
    etag(response, question.version)
    return (await _shown(work, [question]))[0]


async def _shown(work: UnitOfWork, questions: Sequence[CapacityQuestion]) -> list[CapacityQuestionOut]:
    sides = [one for row in questions for one in (row.asking_organisation_id, row.asked_organisation_id)]
    codes = await codes_of(work, sides)
    return [
        CapacityQuestionOut.of(row, codes[row.asking_organisation_id], codes[row.asked_organisation_id], work.now)
        for row in questions
    ]
