"""Emergency access: break the glass, look, and answer for it to an independent body."""

from collections.abc import Sequence
from uuid import UUID

from fastapi import APIRouter, Response
from sqlmodel import col, select

from api.dependencies import IDEMPOTENT, CurrentActor, Cursor, Limit, May, Work
from api.pagination import page
from api.problems import InvalidRequest, problems
from api.routes.cases import NEW_PROBLEMS, READ_PROBLEMS
from api.schemas.break_glass import (
    AccountOut,
    BreakGlassIn,
    BreakGlassOut,
    BreakGlassPage,
    ReviewIn,
    SeenOut,
)
from api.transaction import UnitOfWorkRoute
from auth.authorisation import visible
from auth.roles import Permission
from domain.approvals.rules import ApprovalMissing
from domain.break_glass.commands import (
    BreakTheGlass,
    break_glass,
    look_through,
    read_account,
    restore_right,
    review_glass,
)
from domain.break_glass.models import BreakGlass
from domain.errors import StateConflict
from domain.referrals.queries import codes_of
from domain.sealing.envelope import SealBroken
from domain.unit_of_work import UnitOfWork

router = APIRouter(tags=["break-glass"], route_class=UnitOfWorkRoute)


@router.post("/break-glass", status_code=201, dependencies=[IDEMPOTENT], responses=NEW_PROBLEMS)
async def create_break_glass(body: BreakGlassIn, may: May, work: Work, response: Response) -> BreakGlassOut:
    """Open one compartment of one case for an hour, because a life is at risk.

    Who leads the case and an independent body are told at once, and you answer for it: until it is reviewed in time
    you may do so again, afterwards not. The answer is the same whether there is such a case or not.
    """
    permit = may.own(Permission.GLASS_BREAK)
    command = BreakTheGlass(body.case, body.compartment, body.reason, body.account)
    glass = await break_glass(command, permit, work)
    response.headers["Location"] = f"/v1/break-glass/{glass.id}"
    return (await _shown(work, [glass]))[0]


@router.get("/break-glass", responses=READ_PROBLEMS)
async def list_break_glass(
    may: May, work: Work, actor: CurrentActor, cursor: Cursor = None, limit: Limit = 50
) -> BreakGlassPage:
    """List your own emergency accesses; the independent body lists those of the country. Newest first."""
    may.own(Permission.GLASS_READ)
    rows, following = await page(
        work.session,
        select(BreakGlass).where(visible(BreakGlass, Permission.GLASS_READ, actor)),
        (col(BreakGlass.broken_at), col(BreakGlass.id)),
        cursor,
        limit,
        lambda row: (row.broken_at, row.id),
    )
    return BreakGlassPage(items=await _shown(work, rows), next=following)


@router.get("/break-glass/{break_glass_id}", responses=READ_PROBLEMS | problems(InvalidRequest))
async def read_break_glass(break_glass_id: UUID, may: May, work: Work) -> BreakGlassOut:
    """Look at an emergency access; it shows nothing of the person."""
    glass, _ = await may.glass(break_glass_id, Permission.GLASS_READ)
    return (await _shown(work, [glass]))[0]


@router.get("/break-glass/{break_glass_id}/person", responses=READ_PROBLEMS | problems(SealBroken))
async def see_through(break_glass_id: UUID, may: May, work: Work) -> SeenOut:
    """See what the compartment holds, while the access is open. Recorded before you read it."""
    glass, permit = await may.glass(break_glass_id, Permission.GLASS_OPEN)
    return SeenOut(compartment=glass.compartment, fields=await look_through(glass, permit, work))


@router.get("/break-glass/{break_glass_id}/account", responses=READ_PROBLEMS | problems(SealBroken))
async def read_break_glass_account(break_glass_id: UUID, may: May, work: Work) -> AccountOut:
    """Read why the glass was broken, in order to review it. Recorded before you read it."""
    glass, permit = await may.glass(break_glass_id, Permission.GLASS_REVIEW)
    return AccountOut(account=await read_account(glass, permit, work))


@router.post(
    "/break-glass/{break_glass_id}/review",
    dependencies=[IDEMPOTENT],
    responses=READ_PROBLEMS | problems(StateConflict),
)
async def create_review(break_glass_id: UUID, body: ReviewIn, may: May, work: Work) -> BreakGlassOut:
    """Say, as the independent body, whether an emergency access was justified; once, and never of one's own."""
    _, permit = await may.glass(break_glass_id, Permission.GLASS_REVIEW)
    return (await _shown(work, [await review_glass(body.outcome, permit, work)]))[0]


@router.post(
    "/break-glass/{break_glass_id}/restoration",
    dependencies=[IDEMPOTENT],
    responses=READ_PROBLEMS | problems(StateConflict, ApprovalMissing),
)
async def create_restoration(break_glass_id: UUID, may: May, work: Work) -> BreakGlassOut:
    """Give the right back that an unjustified access took away; two must have agreed (`glass.restore`)."""
    _, permit = await may.glass(break_glass_id, Permission.GLASS_RESTORE)
    return (await _shown(work, [await restore_right(permit, work)]))[0]


async def _shown(work: UnitOfWork, rows: Sequence[BreakGlass]) -> list[BreakGlassOut]:
    codes = await codes_of(work, [row.organisation_id for row in rows])
    return [BreakGlassOut.taken(row, case=row.reference, organisation=codes[row.organisation_id]) for row in rows]
