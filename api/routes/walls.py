"""Conflict walls of a case: raised, seen and lifted by who leads it."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Response

from api.dependencies import IDEMPOTENT, May, Reference, Work
from api.routes.cases import READ_PROBLEMS, WRITE_PROBLEMS
from api.schemas.base import AtMost200
from api.schemas.cases import RecordedOut
from api.schemas.walls import WallIn, WallOut
from api.transaction import UnitOfWorkRoute
from auth.roles import Permission
from domain.cases.queries import walls_of
from domain.cases.walls import lift_wall, raise_wall

router = APIRouter(tags=["cases"], route_class=UnitOfWorkRoute)


@router.post("/cases/{reference}/walls", status_code=201, dependencies=[IDEMPOTENT], responses=WRITE_PROBLEMS)
async def create_wall(reference: Reference, body: WallIn, may: May, work: Work) -> RecordedOut:
    """Put an organisation or a member of staff behind a conflict wall: for them the case does not exist."""
    _, permit = await may.case(reference, Permission.WALL_RAISE)
    wall = await raise_wall(body.to_command(), permit, work)
    return RecordedOut(id=wall.id, recorded_at=wall.raised_at)


@router.get("/cases/{reference}/walls", responses=READ_PROBLEMS)
async def list_walls(reference: Reference, may: May, work: Work) -> Annotated[list[WallOut], AtMost200]:
    """See the conflict walls of a case that your organisation leads, oldest first."""
    case, _ = await may.case(reference, Permission.WALL_RAISE)
    rows = await walls_of(work.session, case.id)
    return [WallOut.taken(wall, organisation=code, staff=subject) for wall, code, subject in rows]


@router.post(
    "/cases/{reference}/walls/{wall_id}/lifting", status_code=204, dependencies=[IDEMPOTENT], responses=WRITE_PROBLEMS
)
async def lift(reference: Reference, wall_id: UUID, may: May, work: Work) -> Response:
    """Take a conflict wall away. It does not end by itself: whoever it stood before may then learn of the case."""
    _, permit = await may.case(reference, Permission.WALL_RAISE)
    await lift_wall(wall_id, permit, work)
    return Response(status_code=204)
