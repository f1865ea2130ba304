"""What is stored of screenings, assessments and identification decisions. Reasons are sealed."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import Index, Text
from sqlmodel import Field, SQLModel

from domain.codes import Danger, DecisionBody, DecisionOutcome, ScreeningResult
from domain.columns import Codes, Document, Instant


class Screening(SQLModel, table=True):
    """One pass through an indicator set: what was seen, what the rule found, what the assessor decided."""

    __tablename__ = "screenings"
    __table_args__ = (Index("screenings_of_case", "case_id", "recorded_at"),)

    id: UUID = Field(primary_key=True)
    case_id: UUID = Field(foreign_key="cases.id")
    indicator_set: str = Field(max_length=60)
    indicator_set_version: str = Field(max_length=20)
    hits: list[dict[str, str]] = Field(sa_type=Document)
    dimensions: dict[str, bool] = Field(sa_type=Document)
    rule_indicated: bool
    result: ScreeningResult = Field(sa_type=Text)
    recorded_at: datetime = Field(sa_type=Instant)
    staff_id: UUID = Field(foreign_key="staff_members.id")
    organisation_id: UUID = Field(foreign_key="organisations.id")


class Assessment(SQLModel, table=True):
    """How much danger the person is in, and which services they need."""

    __tablename__ = "assessments"
    __table_args__ = (Index("assessments_of_case", "case_id", "recorded_at"),)

    id: UUID = Field(primary_key=True)
    case_id: UUID = Field(foreign_key="cases.id")
    danger: Danger = Field(sa_type=Text)
    needs: list[str] = Field(sa_type=Codes)
    recorded_at: datetime = Field(sa_type=Instant)
    staff_id: UUID = Field(foreign_key="staff_members.id")
    organisation_id: UUID = Field(foreign_key="organisations.id")


class IdentificationDecision(SQLModel, table=True):
    """An NGO or the state said whether the person is a victim. Later decisions never overwrite earlier ones."""

    __tablename__ = "identification_decisions"
    __table_args__ = (Index("identification_decisions_of_case", "case_id", "recorded_at"),)

    id: UUID = Field(primary_key=True)
    case_id: UUID = Field(foreign_key="cases.id")
    body: DecisionBody = Field(sa_type=Text)
    outcome: DecisionOutcome = Field(sa_type=Text)
    legal_basis: str = Field(max_length=120)
    review_of_id: UUID | None = Field(default=None, foreign_key="identification_decisions.id")
    recorded_at: datetime = Field(sa_type=Instant)
    staff_id: UUID = Field(foreign_key="staff_members.id")
    organisation_id: UUID = Field(foreign_key="organisations.id")
