"""The places of one's own shelter, and the placement of an accepted referral."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Path, Response

from api.dependencies import IDEMPOTENT, CurrentActor, May, Reference, Version, Work, etag
from api.problems import problems
from api.routes.capacity import CHANGE_PROBLEMS, WRITE_PROBLEMS
from api.routes.referrals import READ_PROBLEMS
from api.schemas.places import PlaceIn, PlaceList, PlacementIn, PlacementOut, PlaceOut, PlacesIn
from api.transaction import UnitOfWorkRoute
from auth.roles import Permission
from domain.errors import StateConflict
from domain.places.commands import change_place, record_places, reserve
from domain.places.models import Placement
from domain.places.queries import latest_placement, places_of, states
from domain.places.rules import NoFreePlace
from domain.places.staying import record_leaving
from domain.unit_of_work import UnitOfWork
from domain.workflow.engine import StepNotOpen

PlaceId = Annotated[UUID, Path(description="The id of a place, from the list of places.")]

router = APIRouter(tags=["places"], route_class=UnitOfWorkRoute)


@router.post("/places", status_code=201, dependencies=[IDEMPOTENT], responses=WRITE_PROBLEMS)
async def create_places(body: PlacesIn, may: May, work: Work, actor: CurrentActor) -> PlaceList:
    """Add places to your own shelter; answers with all of them."""
    await record_places(body.to_command(), may.own(Permission.PLACE_KEEP), work)
    return PlaceList.of(await states(work, actor.organisation_id))


@router.get("/places", responses=READ_PROBLEMS)
async def list_places(may: May, work: Work, actor: CurrentActor) -> PlaceList:
    """List the places of your own shelter and count what is free; other shelters' are not told."""
    may.own(Permission.PLACE_KEEP)
    return PlaceList.of(await states(work, actor.organisation_id))


@router.patch("/places/{place_id}", dependencies=[IDEMPOTENT], responses=CHANGE_PROBLEMS)
async def change_place_offer(
    place_id: PlaceId, body: PlaceIn, may: May, work: Work, version: Version, response: Response
) -> PlaceOut:
    """Take a place out of order or back, or say until when your shelter has it."""
    place = await change_place(place_id, body.to_command(version), may.own(Permission.PLACE_KEEP), work)
    etag(response, place.version)
    state = next(state for one, state in await states(work, place.organisation_id) if one.id == place.id)
    return PlaceOut.taken(place, state=state)


@router.post(
    "/referrals/{reference}/placement",
    status_code=201,
    dependencies=[IDEMPOTENT],
    responses=WRITE_PROBLEMS | problems(NoFreePlace),
)
async def create_placement(
    reference: Reference, body: PlacementIn, may: May, work: Work, response: Response
) -> PlacementOut:
    """Reserve places for an accepted referral. Starting the service admits, its end frees them."""
    _, permit = await may.referral(reference, Permission.REFERRAL_HANDLE)
    return await _shown(work, await reserve(body.children, permit, work), response)


@router.get("/referrals/{reference}/placement", responses=READ_PROBLEMS | problems(StateConflict))
async def read_placement(reference: Reference, may: May, work: Work, response: Response) -> PlacementOut:
    """Look at the latest placement of a referral that your organisation received."""
    referral, _ = await may.referral(reference, Permission.REFERRAL_HANDLE)
    placement = await latest_placement(work, referral.id)
    if placement is None:
        raise StateConflict(current="no-placement")
    return await _shown(work, placement, response)


@router.post(
    "/referrals/{reference}/placement/leaving",
    dependencies=[IDEMPOTENT],
    responses=CHANGE_PROBLEMS | problems(StepNotOpen),
)
async def create_leaving(
    reference: Reference, may: May, work: Work, version: Version, response: Response
) -> PlacementOut:
    """Record that the person left, as the procedure of the stay lets them; the version is that of the placement."""
    _, permit = await may.referral(reference, Permission.REFERRAL_HANDLE)
    return await _shown(work, await record_leaving(version, permit, work), response)


async def _shown(work: UnitOfWork, placement: Placement, response: Response) -> PlacementOut:
    etag(response, placement.version)
    return PlacementOut.of(placement, await places_of(work, placement), work.now)
