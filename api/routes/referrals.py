"""Referrals: send, list, look, and every act of the life cycle."""

from collections.abc import Awaitable, Callable
from typing import Annotated, Any, TypeVar

from fastapi import APIRouter, Response
from sqlmodel import col, select

from api.dependencies import IDEMPOTENT, CurrentActor, Cursor, Limit, May, Reference, Version, Work, etag, opens
from api.pagination import page
from api.problems import (
    InvalidRequest,
    PreconditionRequired,
    Unavailable,
    problems,
)
from api.referral_lists import RECEIVED, SENT, listed
from api.schemas.base import AtMost200
from api.schemas.referrals import (
    CompletionIn,
    DeclineIn,
    FailureIn,
    NoteIn,
    NoteOut,
    OverdueItem,
    OverduePage,
    PackageOut,
    ReferralIn,
    ReferralOut,
    ReferralPage,
    ReferralSummary,
    StatusOut,
)
from api.shown_referrals import shown, status_of, summaries
from api.transaction import UnitOfWorkRoute
from auth.authorisation import Authorisation, visible
from auth.roles import Permission
from auth.tokens import TokenRefused
from domain.audit.actions import AuditAction
from domain.budgets.commands import ask_within_budget
from domain.errors import InvalidInput, NotFound, NotPermitted, StateConflict, VersionStale
from domain.referrals.commands import MoveReferral, move_referral, send_referral
from domain.referrals.models import Referral
from domain.referrals.openings import reveal_notes, reveal_package
from domain.referrals.queries import codes_of, unanswered
from domain.referrals.rules import Act
from domain.requests.rules import Restricted
from domain.sealing.envelope import SealBroken
from domain.unit_of_work import UnitOfWork
from domain.workflow.engine import ConsentMissing, StepNotOpen

READ_PROBLEMS = problems(TokenRefused, NotFound, NotPermitted, InvalidRequest, Unavailable)
ACT_PROBLEMS = problems(
    TokenRefused,
    NotFound,
    NotPermitted,
    InvalidRequest,
    StateConflict,
    VersionStale,
    PreconditionRequired,
    StepNotOpen,
    ConsentMissing,
    Restricted,
    InvalidInput,
    Unavailable,
)
SEND_PROBLEMS = problems(
    TokenRefused,
    NotFound,
    NotPermitted,
    InvalidRequest,
    InvalidInput,
    StepNotOpen,
    ConsentMissing,
    Restricted,
    Unavailable,
)

Endpoint = TypeVar("Endpoint", bound=Callable[..., Awaitable[ReferralOut]])

router = APIRouter(tags=["referrals"], route_class=UnitOfWorkRoute)


@router.post("/cases/{reference}/referrals", status_code=201, dependencies=[IDEMPOTENT], responses=SEND_PROBLEMS)
async def create_referral(
    reference: Reference, body: ReferralIn, may: May, work: Work, response: Response
) -> ReferralOut:
    """Ask another organisation to give a named service to the person of this case."""
    _, permit = await may.case(reference, Permission.REFERRAL_SEND)
    referral, warnings = await send_referral(body.to_command(), permit, work)
    etag(response, referral.version)
    return await shown(work, may, referral, warnings)


@router.get("/cases/{reference}/referrals", responses=READ_PROBLEMS)
async def list_referrals_of_case(
    reference: Reference, may: May, work: Work
) -> Annotated[list[ReferralSummary], AtMost200]:
    """List the referrals of a case, oldest first."""
    case, _ = await may.case(reference, Permission.RECORD_READ)
    rows = await work.session.execute(
        select(Referral).where(col(Referral.case_id) == case.id).order_by(col(Referral.created_at)).limit(200)
    )
    return await summaries(work, rows.scalars().all())


async def _listed(work: UnitOfWork, may: Authorisation, mine: Any, cursor: str | None, limit: int) -> Response:
    may.own(Permission.REFERRAL_READ)
    return Response(await listed(work, may.actor, mine, cursor, limit), media_type="application/json")


@router.get("/referrals/inbox", responses=READ_PROBLEMS, response_model=ReferralPage)
async def list_inbox(may: May, work: Work, cursor: Cursor = None, limit: Limit = 50) -> Response:
    """List what was referred to your organisation, newest first."""
    return await _listed(work, may, RECEIVED, cursor, limit)


@router.get("/referrals/outbox", responses=READ_PROBLEMS, response_model=ReferralPage)
async def list_outbox(may: May, work: Work, cursor: Cursor = None, limit: Limit = 50) -> Response:
    """List what your organisation referred to others, newest first."""
    return await _listed(work, may, SENT, cursor, limit)


@router.get("/referrals/overdue", responses=READ_PROBLEMS)
async def list_overdue(
    may: May, work: Work, actor: CurrentActor, cursor: Cursor = None, limit: Limit = 50
) -> OverduePage:
    """List the unanswered referrals of the country whose time has passed: without a word about the persons."""
    may.own(Permission.REFERRALS_OVERDUE_READ)
    rows, following = await page(
        work.session,
        unanswered().where(visible(Referral, Permission.REFERRALS_OVERDUE_READ, actor)),
        (col(Referral.created_at), col(Referral.id)),
        cursor,
        limit,
        lambda row: (row.created_at, row.id),
    )
    codes = await codes_of(work, [row.receiving_organisation_id for row in rows])
    items = [
        OverdueItem(**(await status_of(work, row)).model_dump(), receiver=codes[row.receiving_organisation_id])
        for row in rows
    ]
    return OverduePage(items=items, next=following)


@router.get("/referrals/{reference}", responses=READ_PROBLEMS)
async def read_referral(reference: Reference, may: May, work: Work, response: Response) -> ReferralOut:
    """Look at a referral that your organisation sent or received."""
    referral, _ = await may.referral(reference, Permission.REFERRAL_READ)
    etag(response, referral.version)
    return await shown(work, may, referral)


@router.get("/referrals/{reference}/status", responses=READ_PROBLEMS)
async def read_referral_status(reference: Reference, may: May, work: Work, response: Response) -> StatusOut:
    """Ask where a referral stands. The answer holds nothing about the person; asking is recorded."""
    await ask_within_budget(work, may.actor, reference)
    referral, permit = await may.referral(reference, Permission.REFERRAL_STATUS_READ)
    work.audit(AuditAction.REFERRAL_STATUS_READ, permit, stream_id=referral.case_id)
    etag(response, referral.version)
    return await status_of(work, referral)


@router.get("/referrals/{reference}/package", responses=READ_PROBLEMS | problems(StateConflict, SealBroken))
async def read_package(reference: Reference, may: May, work: Work, actor: CurrentActor) -> PackageOut:
    """Open the frozen package of a referral that your organisation accepted. Recorded before you read it."""
    referral, permit = await may.referral(reference, Permission.PACKAGE_REVEAL, opens(work, actor, "receiver"))
    opened = await reveal_package(permit, referral, work)
    return PackageOut(reference=referral.reference, compartments={key: dict(value) for key, value in opened.items()})


@router.get("/referrals/{reference}/notes", responses=READ_PROBLEMS | problems(SealBroken))
async def list_notes(reference: Reference, may: May, work: Work) -> Annotated[list[NoteOut], AtMost200]:
    """Read the questions and answers about a referral; sender and receiver may."""
    referral, permit = await may.referral(reference, Permission.NOTES_REVEAL)
    return [NoteOut(kind=kind, text=words) for kind, words in await reveal_notes(permit, referral, work)]


async def act(
    command: MoveReferral,
    permission: Permission,
    reference: str,
    may: Authorisation,
    work: UnitOfWork,
    response: Response,
) -> ReferralOut:
    """Move a referral and show it."""
    _, permit = await may.referral(reference, permission)
    referral = await move_referral(command, permit, work)
    etag(response, referral.version)
    return await shown(work, may, referral)


def acts(path: str) -> Callable[[Endpoint], Endpoint]:
    """Return the decorator of an act: a sub-resource that is created once."""
    return router.post(f"/referrals/{{reference}}/{path}", dependencies=[IDEMPOTENT], responses=ACT_PROBLEMS)


@acts("sending")
async def send_draft(reference: Reference, may: May, work: Work, version: Version, response: Response) -> ReferralOut:
    """Send a draft; consent is looked at again."""
    return await act(MoveReferral(Act.SEND, version), Permission.REFERRAL_REVOKE, reference, may, work, response)


@acts("receipt")
async def receive(reference: Reference, may: May, work: Work, version: Version, response: Response) -> ReferralOut:
    """Take note of a referral that arrived in your organisation's queue."""
    return await act(MoveReferral(Act.RECEIVE, version), Permission.REFERRAL_HANDLE, reference, may, work, response)


@acts("question")
async def ask(
    reference: Reference, body: NoteIn, may: May, work: Work, version: Version, response: Response
) -> ReferralOut:
    """Ask the sender something before answering; the question is sealed."""
    command = MoveReferral(Act.ASK, version, note=body.text)
    return await act(command, Permission.REFERRAL_HANDLE, reference, may, work, response)


@acts("answer")
async def answer_question(
    reference: Reference, body: NoteIn, may: May, work: Work, version: Version, response: Response
) -> ReferralOut:
    """Answer the receiver's question; the answer is sealed."""
    command = MoveReferral(Act.ANSWER, version, note=body.text)
    return await act(command, Permission.REFERRAL_REVOKE, reference, may, work, response)


@acts("waitlisting")
async def waitlist(reference: Reference, may: May, work: Work, version: Version, response: Response) -> ReferralOut:
    """Put a referral on the waiting list; it expires all the same if nothing follows."""
    return await act(MoveReferral(Act.WAITLIST, version), Permission.REFERRAL_HANDLE, reference, may, work, response)


@acts("acceptance")
async def accept(reference: Reference, may: May, work: Work, version: Version, response: Response) -> ReferralOut:
    """Accept a referral; its package opens. Accepting case management takes the case over."""
    return await act(MoveReferral(Act.ACCEPT, version), Permission.REFERRAL_HANDLE, reference, may, work, response)


@acts("decline")
async def decline(
    reference: Reference, body: DeclineIn, may: May, work: Work, version: Version, response: Response
) -> ReferralOut:
    """Decline a referral; its package is destroyed."""
    command = MoveReferral(Act.DECLINE, version, reason=body.reason, declined_by=body.declined_by)
    return await act(command, Permission.REFERRAL_HANDLE, reference, may, work, response)


@acts("service-start")
async def start_service(
    reference: Reference, may: May, work: Work, version: Version, response: Response
) -> ReferralOut:
    """Begin the service; opens a service episode."""
    return await act(MoveReferral(Act.START, version), Permission.REFERRAL_HANDLE, reference, may, work, response)


@acts("completion")
async def complete(
    reference: Reference, body: CompletionIn, may: May, work: Work, version: Version, response: Response
) -> ReferralOut:
    """End the service with its outcome; the package is destroyed."""
    command = MoveReferral(Act.COMPLETE, version, outcome=body.outcome)
    return await act(command, Permission.REFERRAL_HANDLE, reference, may, work, response)


@acts("failure")
async def fail(
    reference: Reference, body: FailureIn, may: May, work: Work, version: Version, response: Response
) -> ReferralOut:
    """Say that an accepted referral cannot be carried out, and why."""
    command = MoveReferral(Act.FAIL, version, reason=body.reason)
    return await act(command, Permission.REFERRAL_HANDLE, reference, may, work, response)


@acts("revocation")
async def revoke(reference: Reference, may: May, work: Work, version: Version, response: Response) -> ReferralOut:
    """Take a referral back before it is accepted."""
    return await act(MoveReferral(Act.REVOKE, version), Permission.REFERRAL_REVOKE, reference, may, work, response)


@acts("withdrawal")
async def withdraw(reference: Reference, may: May, work: Work, version: Version, response: Response) -> ReferralOut:
    """Record that the person withdrew the referral; it takes effect at once, at any stage."""
    return await act(MoveReferral(Act.WITHDRAW, version), Permission.REFERRAL_WITHDRAW, reference, may, work, response)


@acts("error-mark")
async def mark_in_error(
    reference: Reference, may: May, work: Work, version: Version, response: Response
) -> ReferralOut:
    """Mark a referral as entered in error; it is counted nowhere."""
    command = MoveReferral(Act.MARK_IN_ERROR, version)
    return await act(command, Permission.REFERRAL_REVOKE, reference, may, work, response)
