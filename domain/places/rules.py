"""Which place fits whom, and where a placement stands. Pure."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING
from uuid import UUID

from domain.codes import CHILD_BANDS, NOT_KNOWN, PlaceFamily, PlacementStatus, PlaceSex, PlaceState, Sex
from domain.errors import DomainError

if TYPE_CHECKING:
    from domain.places.models import Place, Placement


class NoFreePlace(DomainError):
    """The shelter has too few free places that fit; `wanted` says how many of which type."""

    code = "no-free-place"


@dataclass(frozen=True, slots=True)
class Guests:
    """Who would come: the person of a referral, and the children with them.

    Attributes:
        sex: A code of `Sex`, or a kind of not knowing.
        age_band: A code of `AgeBand`, or a kind of not knowing; who is of unknown age is treated as a child.
        children: How many children come along.
    """

    sex: str
    age_band: str
    children: int = 0

    @property
    def family(self) -> PlaceFamily:
        """The type of place by who comes along."""
        if self.children:
            return PlaceFamily.WITH_CHILDREN
        alone = self.age_band in CHILD_BANDS or self.age_band in NOT_KNOWN
        return PlaceFamily.UNACCOMPANIED_CHILD if alone else PlaceFamily.SINGLE

    @property
    def sexes(self) -> tuple[PlaceSex, ...]:
        """The types of place by sex, the one for their own first: places for anybody are kept for who needs them."""
        own = {Sex.FEMALE.value: PlaceSex.WOMEN, Sex.MALE.value: PlaceSex.MEN}.get(self.sex)
        return (own, PlaceSex.ANY) if own is not None else (PlaceSex.ANY,)

    def fit(self, sex: str, family: str) -> bool:
        """Whether a type of place is for them."""
        return family == self.family and sex in self.sexes


def chosen(guests: Guests, places: Iterable["Place"], held: Collection[UUID], now: datetime) -> "list[Place]":
    """Return free places for all the guests together: the same type for the whole family, or none.

    Raises:
        NoFreePlace: there are fewer than guests.
    """
    wanted = 1 + guests.children
    free = [one for one in places if state_of(one, held, (), now) == PlaceState.FREE]
    for sex in guests.sexes:
        fitting = [one for one in free if (one.sex, one.family) == (sex, guests.family)]
        if len(fitting) >= wanted:
            return fitting[:wanted]
    raise NoFreePlace(wanted=wanted, sexes=[str(sex) for sex in guests.sexes], family=str(guests.family))


def state_of(place: "Place", held: Collection[UUID], occupied: Collection[UUID], now: datetime) -> PlaceState:
    """Return what a place is now.

    Args:
        place: The place.
        held: Places that are reserved or occupied.
        occupied: Those of them that are occupied.
        now: The instant.
    """
    if place.id in occupied:
        return PlaceState.OCCUPIED
    if place.id in held:
        return PlaceState.RESERVED
    if place.out_of_order_since is not None:
        return PlaceState.OUT_OF_ORDER
    return PlaceState.FREE if place.offered_from <= now < place.offered_until else PlaceState.NOT_OFFERED


def status_of(placement: "Placement", now: datetime) -> PlacementStatus:
    """Return where a placement stands. A reservation whose time is over is given back, though nobody has said so."""
    if placement.admitted_at is not None:
        return PlacementStatus.OCCUPIED if placement.ended_at is None else PlacementStatus.LEFT
    if placement.ended_at is not None or placement.reserved_until <= now:
        return PlacementStatus.RELEASED
    return PlacementStatus.RESERVED
