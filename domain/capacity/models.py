"""What is stored of capacity questions: what is asked, apart from the case for which it is asked."""

from datetime import date, datetime
from uuid import UUID

from sqlalchemy import Index, Text, text
from sqlmodel import Field, SQLModel

from domain.codes import CapacityAnswer, Priority, Service
from domain.columns import Codes, Instant


class CapacityQuestion(SQLModel, table=True):
    """One organisation asks another whether it could take somebody. Tells neither who it is nor which case.

    Nothing here changes when a referral follows, so that the provider cannot tell which referral a question led to.

    Attributes:
        children: How many children would come along.
        wanted_from: The day from which the service is wanted.
        respond_by: When a missing answer is escalated.
        expires_at: When the question, and any answer to it, no longer holds.
        expected_on: With the answer `waitlist`: the day on which room is expected.
        holds_until: Until when the answer holds; not longer than the question.
    """

    __tablename__ = "capacity_questions"
    __table_args__ = (
        Index("capacity_questions_asked", "asked_organisation_id", text("asked_at DESC"), "id"),
        Index("capacity_questions_asking", "asking_organisation_id", text("asked_at DESC"), "id"),
    )

    id: UUID = Field(primary_key=True)
    reference: str = Field(unique=True, max_length=24)
    asking_organisation_id: UUID = Field(foreign_key="organisations.id")
    asked_organisation_id: UUID = Field(foreign_key="organisations.id")
    service: Service = Field(sa_type=Text)
    priority: Priority = Field(sa_type=Text)
    age_band: str = Field(sa_type=Text)
    sex: str = Field(sa_type=Text)
    languages: list[str] = Field(sa_type=Codes)
    region: str | None = Field(default=None, max_length=40)
    children: int
    wanted_from: date
    asked_at: datetime = Field(sa_type=Instant)
    respond_by: datetime = Field(sa_type=Instant)
    expires_at: datetime = Field(sa_type=Instant)
    answer: CapacityAnswer | None = Field(default=None, sa_type=Text)
    expected_on: date | None = None
    answered_at: datetime | None = Field(default=None, sa_type=Instant)
    holds_until: datetime | None = Field(default=None, sa_type=Instant)
    closed_at: datetime | None = Field(default=None, sa_type=Instant)
    version: int = 1


class CapacityAsking(SQLModel, table=True):
    """For which case a capacity question was asked, and which referral followed. Hidden from whoever was asked.

    The receiver of the referral may read it once it has accepted.
    """

    __tablename__ = "capacity_askings"
    __table_args__ = (Index("capacity_askings_of_case", "case_id"),)

    question_id: UUID = Field(primary_key=True, foreign_key="capacity_questions.id")
    case_id: UUID = Field(foreign_key="cases.id")
    organisation_id: UUID = Field(foreign_key="organisations.id")
    referral_id: UUID | None = Field(default=None, foreign_key="referrals.id", unique=True)
