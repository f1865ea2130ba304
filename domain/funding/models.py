"""What is stored of money: whole numbers of a currency's smallest unit. The unit of an award is the award."""

from datetime import date, datetime
from uuid import UUID

from sqlalchemy import BigInteger, Date, Index, Text, UniqueConstraint
from sqlmodel import Field, SQLModel

from domain.codes import (
    AwardGround,
    AwardRefusal,
    AwardStatus,
    Currency,
    FundingSource,
    Known,
    Service,
    VictimType,
)
from domain.columns import Instant


class ServiceTerms(SQLModel, table=True):
    """What was planned for a service episode, and whether a certificate was issued. Grows only; the newest speaks.

    Attributes:
        certificate: Whether one was issued; no name, number or file of it.
    """

    __tablename__ = "service_terms"
    __table_args__ = (Index("service_terms_of_episode", "episode_id", "recorded_at"),)

    id: UUID = Field(primary_key=True)
    case_id: UUID = Field(foreign_key="cases.id")
    episode_id: UUID = Field(foreign_key="service_episodes.id")
    planned_start: date | None = Field(default=None, sa_type=Date)
    planned_end: date | None = Field(default=None, sa_type=Date)
    certificate: Known = Field(sa_type=Text)
    certificate_issued_on: date | None = Field(default=None, sa_type=Date)
    recorded_at: datetime = Field(sa_type=Instant)
    staff_id: UUID = Field(foreign_key="staff_members.id")
    organisation_id: UUID = Field(foreign_key="organisations.id")


class ServiceCost(SQLModel, table=True):
    """One cost of a service episode. Grows only: a mistake is taken back by its reversal, a cost of less than nothing.

    Attributes:
        amount: In the smallest unit of the currency; negative only in a reversal.
        reverses_id: The cost that this one takes back, once and as a whole.
    """

    __tablename__ = "service_costs"
    __table_args__ = (
        Index("service_costs_of_episode", "episode_id", "recorded_at"),
        UniqueConstraint("reverses_id"),
    )

    id: UUID = Field(primary_key=True)
    case_id: UUID = Field(foreign_key="cases.id")
    episode_id: UUID = Field(foreign_key="service_episodes.id")
    amount: int = Field(sa_type=BigInteger)
    currency: Currency = Field(sa_type=Text)
    funding_source: FundingSource = Field(sa_type=Text)
    reverses_id: UUID | None = Field(default=None, foreign_key="service_costs.id")
    recorded_at: datetime = Field(sa_type=Instant)
    staff_id: UUID = Field(foreign_key="staff_members.id")
    organisation_id: UUID = Field(foreign_key="organisations.id")


class Award(SQLModel, table=True):
    """One request to the Emergency Fund. Names no case: whoever decides learns service, amount and ground."""

    __tablename__ = "awards"
    __table_args__ = (Index("awards_to_decide", "deciding_organisation_id", "asked_at"),)

    id: UUID = Field(primary_key=True)
    country: str = Field(max_length=2)
    asking_organisation_id: UUID = Field(foreign_key="organisations.id")
    deciding_organisation_id: UUID = Field(foreign_key="organisations.id")
    service: Service = Field(sa_type=Text)
    population: VictimType = Field(sa_type=Text)
    ground: AwardGround = Field(sa_type=Text)
    currency: Currency = Field(sa_type=Text)
    amount_asked: int = Field(sa_type=BigInteger)
    amount_granted: int | None = Field(default=None, sa_type=BigInteger)
    status: AwardStatus = Field(sa_type=Text)
    refusal: AwardRefusal | None = Field(default=None, sa_type=Text)
    asked_at: datetime = Field(sa_type=Instant)
    due_at: datetime = Field(sa_type=Instant)
    decided_at: datetime | None = Field(default=None, sa_type=Instant)
    paid_at: datetime | None = Field(default=None, sa_type=Instant)
    version: int = 1


class AwardCase(SQLModel, table=True):
    """For which case an award was asked: only the organisation that leads the case reads it."""

    __tablename__ = "award_cases"
    __table_args__ = (Index("award_cases_of_case", "case_id"),)

    award_id: UUID = Field(primary_key=True, foreign_key="awards.id")
    case_id: UUID = Field(foreign_key="cases.id")
