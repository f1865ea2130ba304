"""What is stored of escalations: references and codes of what has no responsible organisation."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import Index, Text, text
from sqlmodel import Field, SQLModel

from domain.codes import EscalationReason, EscalationUnit
from domain.columns import Instant


class Escalation(SQLModel, table=True):
    """A case, referral or due callback whose organisation is gone, until somebody answers for it again.

    Attributes:
        subject_id: The case, referral or contact.
        organisation_id: Who answered for it; for `no_consent`, who leads the case but may not open what is sealed.
        assigned_organisation_id: Whom the coordinator named; the worker hands over, or takes the name back.
    """

    __tablename__ = "escalations"
    __table_args__ = (
        Index("escalations_one_open", "subject_id", unique=True, postgresql_where=text("settled_at IS NULL")),
        Index("escalations_of_country", "country", text("raised_at DESC"), "id"),
    )

    id: UUID = Field(primary_key=True)
    subject_id: UUID
    unit: EscalationUnit = Field(sa_type=Text)
    case_id: UUID | None = Field(default=None, foreign_key="cases.id")
    reference: str = Field(max_length=40)
    country: str = Field(max_length=2)
    organisation_id: UUID = Field(foreign_key="organisations.id")
    reason: EscalationReason = Field(sa_type=Text)
    raised_at: datetime = Field(sa_type=Instant)
    assigned_organisation_id: UUID | None = Field(default=None, foreign_key="organisations.id")
    assigned_at: datetime | None = Field(default=None, sa_type=Instant)
    settled_at: datetime | None = Field(default=None, sa_type=Instant)
    version: int = 1
