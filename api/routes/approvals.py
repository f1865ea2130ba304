"""The rule of two: ask for an act, agree or refuse. What was agreed is done once, by the route or command it is of."""

from collections.abc import Sequence
from uuid import UUID

from fastapi import APIRouter, Response
from sqlmodel import col, select

from api.dependencies import IDEMPOTENT, CurrentActor, Cursor, Limit, May, Work
from api.pagination import page
from api.problems import problems
from api.routes.cases import NEW_PROBLEMS, READ_PROBLEMS
from api.schemas.approvals import ApprovalIn, ApprovalOut, ApprovalPage, DecisionOnApprovalIn
from api.transaction import UnitOfWorkRoute
from auth.authorisation import visible
from auth.roles import Permission
from domain.approvals.commands import decide_approval, request_approval
from domain.approvals.models import Approval
from domain.approvals.rules import Action, status
from domain.errors import StateConflict
from domain.referrals.queries import codes_of
from domain.unit_of_work import UnitOfWork

router = APIRouter(tags=["approvals"], route_class=UnitOfWorkRoute)


@router.post("/approvals", status_code=201, dependencies=[IDEMPOTENT], responses=NEW_PROBLEMS)
async def create_approval(body: ApprovalIn, may: May, work: Work, response: Response) -> ApprovalOut:
    """Ask somebody of another organisation to agree to one exact act."""
    permit = may.own(Permission.APPROVAL_REQUEST)
    approval = await request_approval(Action(body.verb, body.parameters), permit, work)
    response.headers["Location"] = f"/v1/approvals/{approval.id}"
    return (await _shown(work, [approval]))[0]


@router.get("/approvals", responses=READ_PROBLEMS)
async def list_approvals(
    may: May, work: Work, actor: CurrentActor, cursor: Cursor = None, limit: Limit = 50
) -> ApprovalPage:
    """List the acts of two of the country, newest first."""
    may.own(Permission.APPROVAL_READ)
    rows, following = await page(
        work.session,
        select(Approval).where(visible(Approval, Permission.APPROVAL_READ, actor)),
        (col(Approval.requested_at), col(Approval.id)),
        cursor,
        limit,
        lambda row: (row.requested_at, row.id),
    )
    return ApprovalPage(items=await _shown(work, rows), next=following)


@router.get("/approvals/{approval_id}", responses=READ_PROBLEMS)
async def read_approval(approval_id: UUID, may: May, work: Work) -> ApprovalOut:
    """See what is to be agreed on, and how it stands."""
    approval, _ = await may.approval(approval_id, Permission.APPROVAL_READ)
    return (await _shown(work, [approval]))[0]


@router.post(
    "/approvals/{approval_id}/decision", dependencies=[IDEMPOTENT], responses=READ_PROBLEMS | problems(StateConflict)
)
async def create_approval_decision(approval_id: UUID, body: DecisionOnApprovalIn, may: May, work: Work) -> ApprovalOut:
    """Agree or refuse: never the same person, never the same organisation as asked for it."""
    _, permit = await may.approval(approval_id, Permission.APPROVAL_DECIDE)
    return (await _shown(work, [await decide_approval(body.decision, permit, work)]))[0]


async def _shown(work: UnitOfWork, rows: Sequence[Approval]) -> list[ApprovalOut]:
    named = [(one.requester_organisation_id, one.decider_organisation_id) for one in rows]
    codes = await codes_of(work, [one for both in named for one in both])
    return [
        ApprovalOut.taken(
            one,
            verb=Action.read(one.action).verb,
            parameters=dict(Action.read(one.action).parameters),
            status=status(one, work.now),
            requested_by=codes[one.requester_organisation_id],
            decided_by=codes[one.decider_organisation_id] if one.decider_organisation_id else None,
        )
        for one in rows
    ]
