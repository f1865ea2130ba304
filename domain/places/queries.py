"""What can be asked about places. Who holds a place is asked through functions that answer for the whole shelter.

Row-level security hides a placement from whom a conflict wall stops; the place is taken all the same. So what is taken
is told without saying by whom.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import text
from sqlmodel import col, select

from domain.codes import FreePlaces, PlaceFamily, PlaceSex, PlaceState
from domain.places.models import HeldPlace, Place, Placement
from domain.places.rules import state_of
from domain.unit_of_work import UnitOfWork


async def held_places(work: UnitOfWork, organisation_id: UUID) -> dict[UUID, bool]:
    """Return the places of a shelter that are held now, and of each whether it is occupied."""
    rows = await work.session.execute(
        text("SELECT place_id, occupied FROM nrm_held_places(:organisation)"), {"organisation": organisation_id}
    )
    return {row.place_id: row.occupied for row in rows}


async def states(work: UnitOfWork, organisation_id: UUID) -> list[tuple[Place, PlaceState]]:
    """Return every place of a shelter with what it is now, by number."""
    rows = await work.session.execute(
        select(Place).where(col(Place.organisation_id) == organisation_id).order_by(col(Place.number)).limit(1000)
    )
    held = await held_places(work, organisation_id)
    occupied = {place_id for place_id, is_occupied in held.items() if is_occupied}
    return [(one, state_of(one, held, occupied, work.now)) for one in rows.scalars()]


def counted(places: Sequence[tuple[Place, PlaceState]]) -> dict[tuple[PlaceSex, PlaceFamily], Counter[PlaceState]]:
    """Return how many places of each type are in which state: counts of what is there, so none is below zero."""
    found: dict[tuple[PlaceSex, PlaceFamily], Counter[PlaceState]] = {}
    for place, state in places:
        found.setdefault((PlaceSex(place.sex), PlaceFamily(place.family)), Counter())[state] += 1
    return found


@dataclass(frozen=True, slots=True)
class TypeTold:
    """What the directory tells of one type of place: whether any is free, not how many."""

    sex: PlaceSex
    family: PlaceFamily
    free: FreePlaces


async def directory_of_places(work: UnitOfWork) -> dict[UUID, list[TypeTold]]:
    """Return what the directory tells of the shelters of the caller's country; who keeps no places is not in it."""
    rows = await work.session.execute(text("SELECT organisation_id, sex, family, free FROM nrm_free_place_types()"))
    found: dict[UUID, list[TypeTold]] = {}
    for row in rows:
        free = FreePlaces.YES if row.free else FreePlaces.NO
        found.setdefault(row.organisation_id, []).append(TypeTold(PlaceSex(row.sex), PlaceFamily(row.family), free))
    return found


async def keeps_places(work: UnitOfWork, organisation_id: UUID) -> bool:
    """Whether a shelter has recorded any place; where none is, nothing is known and nothing is refused."""
    rows = await work.session.execute(select(Place.id).where(col(Place.organisation_id) == organisation_id).limit(1))
    return rows.scalar_one_or_none() is not None


async def admitted_placement(work: UnitOfWork, referral_id: UUID) -> Placement | None:
    """Return the placement by which the person of a referral came to stay, if they did; there is one at most."""
    rows = await work.session.execute(
        select(Placement).where(col(Placement.referral_id) == referral_id, col(Placement.admitted_at).is_not(None))
    )
    return rows.scalar_one_or_none()


async def places_of(work: UnitOfWork, placement: Placement) -> Sequence[Place]:
    """Return the places that a placement holds or held."""
    rows = await work.session.execute(
        select(Place)
        .join(HeldPlace, col(HeldPlace.place_id) == col(Place.id))
        .where(col(HeldPlace.placement_id) == placement.id)
        .order_by(col(Place.number))
    )
    return rows.scalars().all()


async def latest_placement(work: UnitOfWork, referral_id: UUID) -> Placement | None:
    """Return the placement of a referral that was made last."""
    rows = await work.session.execute(
        select(Placement)
        .where(col(Placement.referral_id) == referral_id)
        .order_by(col(Placement.reserved_at).desc(), col(Placement.id))
        .limit(1)
    )
    return rows.scalar_one_or_none()
