"""What is stored of services actually given."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import Index, Text
from sqlmodel import Field, SQLModel

from domain.codes import Outcome, Service
from domain.columns import Instant


class ServiceEpisode(SQLModel, table=True):
    """One service actually given to the person of a case, from start to outcome."""

    __tablename__ = "service_episodes"
    __table_args__ = (
        Index("service_episodes_of_case", "case_id", "started_at"),
        Index("service_episodes_of_referral", "referral_id"),
    )

    id: UUID = Field(primary_key=True)
    case_id: UUID = Field(foreign_key="cases.id")
    organisation_id: UUID = Field(foreign_key="organisations.id")
    referral_id: UUID | None = Field(default=None, foreign_key="referrals.id")
    service: Service = Field(sa_type=Text)
    started_at: datetime = Field(sa_type=Instant)
    ended_at: datetime | None = Field(default=None, sa_type=Instant)
    outcome: Outcome | None = Field(default=None, sa_type=Text)
    version: int = 1
