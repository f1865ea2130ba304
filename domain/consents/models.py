"""What is stored of consent: immutable versions. Narrowing and withdrawal are new versions."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import Index, Text, UniqueConstraint
from sqlmodel import Field, SQLModel

from domain.codes import ConsentDecision, ConsentGiver, ConsentObtained
from domain.columns import Codes, Instant


class Consent(SQLModel, table=True):
    """One version of what a person agreed to: purposes × recipients × compartments, until it expires.

    Attributes:
        consent_id: The same in all versions of one consent; the highest version speaks.
        recipients: `any`, `type:<organisation type>` or `organisation:<code>`.
        informed_of: Which of the seven HTCDS points the person was told.
    """

    __tablename__ = "consents"
    __table_args__ = (UniqueConstraint("consent_id", "version"), Index("consents_of_case", "case_id", "recorded_at"))

    id: UUID = Field(primary_key=True)
    consent_id: UUID
    version: int
    case_id: UUID = Field(foreign_key="cases.id")
    giver: ConsentGiver = Field(sa_type=Text)
    decision: ConsentDecision = Field(sa_type=Text)
    purposes: list[str] = Field(sa_type=Codes)
    recipients: list[str] = Field(sa_type=Codes)
    compartments: list[str] = Field(sa_type=Codes)
    obtained: ConsentObtained = Field(sa_type=Text)
    language: str = Field(max_length=12)
    informed_of: list[str] = Field(sa_type=Codes)
    expires_at: datetime = Field(sa_type=Instant)
    recorded_at: datetime = Field(sa_type=Instant)
    staff_id: UUID = Field(foreign_key="staff_members.id")
    organisation_id: UUID = Field(foreign_key="organisations.id")
