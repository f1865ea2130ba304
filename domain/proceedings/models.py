"""What is stored of compensation. Stages, hearings and charges are facts of the course of proceedings itself."""

from datetime import date, datetime
from decimal import Decimal
from uuid import UUID

from sqlalchemy import Index, Numeric, Text
from sqlmodel import Field, SQLModel

from domain.codes import CompensationStage
from domain.columns import Instant


class CompensationRecord(SQLModel, table=True):
    """Compensation was claimed, awarded, refused or paid. For whoever leads the case; no authority reads it.

    Attributes:
        claim_id: The row that claimed; its own id for that row itself.
        amount: In units of the currency, to the hundredth.
        currency: ISO 4217.
        on_day: The day of the claim, the award, the refusal or the payment.
    """

    __tablename__ = "compensation_records"
    __table_args__ = (Index("compensation_records_of_course", "course_id", "recorded_at"),)

    id: UUID = Field(primary_key=True)
    claim_id: UUID
    course_id: UUID = Field(foreign_key="courses.id")
    case_id: UUID = Field(foreign_key="cases.id")
    stage: CompensationStage = Field(sa_type=Text)
    amount: Decimal | None = Field(default=None, sa_type=Numeric(14, 2))
    currency: str | None = Field(default=None, max_length=3)
    on_day: date
    recorded_at: datetime = Field(sa_type=Instant)
    staff_id: UUID = Field(foreign_key="staff_members.id")
    organisation_id: UUID = Field(foreign_key="organisations.id")
