"""Shelter places and placements: what goes in, what comes out. No address, and no word about who stays."""

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated
from uuid import UUID

from pydantic import Field

from api.schemas.base import Flag, In, Instant, InstantIn, Out, Whole
from domain.codes import PlaceFamily, PlacementStatus, PlaceSex, PlaceState
from domain.places.commands import ChangePlace, RecordPlaces
from domain.places.models import Place, Placement
from domain.places.queries import counted
from domain.places.rules import status_of

MOST_ADDED = 100
MOST_PLACES = 1000


class PlacesIn(In):
    """Places of one type that your shelter has."""

    sex: PlaceSex
    family: PlaceFamily
    count: Whole = Field(ge=1, le=MOST_ADDED)
    offered_from: InstantIn | None = Field(default=None, description="Now if left out.")
    offered_until: InstantIn | None = Field(default=None, description="Without end if left out.")

    def to_command(self) -> RecordPlaces:
        """Return the command."""
        return RecordPlaces(self.sex, self.family, self.count, self.offered_from, self.offered_until)


class PlaceIn(In):
    """What changes about a place. Who stays in it is not put out."""

    out_of_order: Flag | None = None
    offered_until: InstantIn | None = None

    def to_command(self, version: int) -> ChangePlace:
        """Return the command."""
        return ChangePlace(version, self.out_of_order, self.offered_until)


class PlaceOut(Out):
    """A place and what it is now; not who is in it."""

    id: UUID
    number: int = Field(ge=1, le=2**31)
    sex: PlaceSex
    family: PlaceFamily
    offered_from: Instant
    offered_until: Instant
    state: PlaceState
    version: int = Field(ge=1, le=2**31)


class PlaceCount(Out):
    """How many places of one type are in which state now; counted, never kept."""

    sex: PlaceSex
    family: PlaceFamily
    free: int = Field(ge=0, le=MOST_PLACES)
    reserved: int = Field(ge=0, le=MOST_PLACES)
    occupied: int = Field(ge=0, le=MOST_PLACES)
    out_of_order: int = Field(ge=0, le=MOST_PLACES)


class PlaceList(Out):
    """The places of your own shelter, and how many of each type are free."""

    items: list[PlaceOut] = Field(max_length=MOST_PLACES)
    counts: list[PlaceCount] = Field(max_length=len(PlaceSex) * len(PlaceFamily))

    @classmethod
    def of(cls, places: Sequence[tuple[Place, PlaceState]]) -> "PlaceList":
        """Return the places as shown."""
        return cls(
            items=[PlaceOut.taken(place, state=state) for place, state in places],
            counts=[
                PlaceCount(
                    sex=sex,
                    family=family,
                    free=states[PlaceState.FREE],
                    reserved=states[PlaceState.RESERVED],
                    occupied=states[PlaceState.OCCUPIED],
                    out_of_order=states[PlaceState.OUT_OF_ORDER],
                )
                for (sex, family), states in sorted(counted(places).items())
            ],
        )


class PlacementIn(In):
    """Reserve places for the person of an accepted referral, and for the children with them: all or none."""

    children: Whole = Field(default=0, ge=0, le=9)


class PlacementOut(Out):
    """The places that a referral holds. How far the stay is, says its course."""

    status: PlacementStatus
    places: list[Annotated[int, Field(ge=1, le=2**31)]] = Field(max_length=10, description="Numbers of the places.")
    reserved_until: Instant
    admitted_at: Instant | None
    ended_at: Instant | None
    version: int = Field(ge=1, le=2**31)

    @classmethod
    def of(cls, placement: Placement, places: Sequence[Place], now: datetime) -> "PlacementOut":
        """Return the placement as shown."""
        return cls.taken(
            placement,
            status=status_of(placement, now),
            places=[one.number for one in places],
        )
