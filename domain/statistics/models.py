"""Where counted cases lie, and what was published of them. The statistics role may read releases and nothing else."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Text
from sqlmodel import Field, SQLModel

from domain.codes import Population
from domain.columns import Codes, Document, Ids, Instant


class Release(SQLModel, table=True):
    """One immutable release.

    Attributes:
        id: Content address: SHA-256 of the tables, in hexadecimal.
        tables: Name → cells, units and notes, as published.
    """

    __tablename__ = "releases"

    id: str = Field(primary_key=True, sa_type=Text)
    period: str = Field(max_length=20)
    published_at: datetime = Field(sa_type=Instant)
    tables: dict[str, Any] = Field(sa_type=Document)


class CountedCase(SQLModel, table=True):
    """One person, counted in the period in which they were registered, as they were then known. Never changes.

    The database writes it (`nrm_count_cases`), and cuts the link to the case when the case is erased: from then on the
    row is a count and points to nobody.

    Attributes:
        case_id: None once the case was erased. No role can read it; it keeps a person from being counted twice.
        population: Whether as a victim of trafficking or as a vulnerable migrant; nobody is both.
        period: Such as `2026-H1`.
        sex, age, exploitation, entry_channel, citizenship, stage: A value of `catalogue.MEASURED`, or a kind of not
            knowing.
        services: The support that was begun.
        organisations: Ids of those who know of the case: who led it, worked in it, decided, was asked, or was called.
    """

    __tablename__ = "counted_cases"

    id: UUID = Field(primary_key=True)
    case_id: UUID | None = Field(default=None, foreign_key="cases.id", unique=True)
    country: str = Field(max_length=2)
    population: Population = Field(sa_type=Text)
    period: str = Field(max_length=7)
    sex: str = Field(sa_type=Text)
    age: str = Field(sa_type=Text)
    exploitation: str = Field(sa_type=Text)
    entry_channel: str = Field(sa_type=Text)
    citizenship: str = Field(sa_type=Text)
    stage: str = Field(sa_type=Text)
    services: list[str] = Field(sa_type=Codes)
    organisations: list[UUID] = Field(sa_type=Ids)


class ClosedPeriod(SQLModel, table=True):
    """A period whose cases were counted; it is never counted again, also if there was nobody to count.

    Attributes:
        ended_at: The first instant that is no longer of the period.
        closed_at: When its cases were counted: its end, and the lag.
        declaration: Key and version of the declaration under which.
    """

    __tablename__ = "closed_periods"

    country: str = Field(primary_key=True, max_length=2)
    period: str = Field(primary_key=True, max_length=7)
    ended_at: datetime = Field(sa_type=Instant)
    closed_at: datetime = Field(sa_type=Instant)
    declaration: str = Field(max_length=80)
