"""What is stored of shelter places, and of who holds them. Where a shelter is, is not stored at all."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import Index, Text, UniqueConstraint, text
from sqlmodel import Field, SQLModel

from domain.codes import PlaceFamily, PlaceSex
from domain.columns import FOREVER, Instant


class Place(SQLModel, table=True):
    """One bed of a shelter. Whether it is free is derived from what holds it, never stored.

    Attributes:
        number: Counts within the shelter, from 1; never given twice.
        offered_from: From when until when the shelter has the place.
        out_of_order_since: Since when it cannot be given; none if it can.
    """

    __tablename__ = "places"
    __table_args__ = (UniqueConstraint("organisation_id", "number"),)

    id: UUID = Field(primary_key=True)
    organisation_id: UUID = Field(foreign_key="organisations.id")
    number: int
    sex: PlaceSex = Field(sa_type=Text)
    family: PlaceFamily = Field(sa_type=Text)
    offered_from: datetime = Field(sa_type=Instant)
    offered_until: datetime = Field(default=FOREVER, sa_type=Instant)
    out_of_order_since: datetime | None = Field(default=None, sa_type=Instant)
    version: int = 1


class Placement(SQLModel, table=True):
    """The places that an accepted referral holds: reserved, then occupied, then left; a family has one for all.

    Attributes:
        reserved_until: Without admission the reservation ends by itself here.
        admitted_at: When the person came.
        ended_at: When they left, or the reservation was given back.
    """

    __tablename__ = "placements"
    __table_args__ = (
        Index("placements_one_running", "referral_id", unique=True, postgresql_where=text("ended_at IS NULL")),
        Index("placements_of_organisation", "organisation_id"),
        Index("placements_of_case", "case_id"),
    )

    id: UUID = Field(primary_key=True)
    organisation_id: UUID = Field(foreign_key="organisations.id")
    referral_id: UUID = Field(foreign_key="referrals.id")
    case_id: UUID = Field(foreign_key="cases.id")
    reserved_at: datetime = Field(sa_type=Instant)
    reserved_until: datetime = Field(sa_type=Instant)
    admitted_at: datetime | None = Field(default=None, sa_type=Instant)
    ended_at: datetime | None = Field(default=None, sa_type=Instant)
    version: int = 1


class HeldPlace(SQLModel, table=True):
    """One place of a placement, from and until. The database refuses two that hold one place at the same time.

    A reservation is written with its end, so that it frees the place with nobody's help; an admission has none.
    """

    __tablename__ = "held_places"

    placement_id: UUID = Field(primary_key=True, foreign_key="placements.id")
    place_id: UUID = Field(primary_key=True, foreign_key="places.id")
    held_from: datetime = Field(sa_type=Instant)
    held_until: datetime = Field(sa_type=Instant)
