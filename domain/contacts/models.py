"""What is stored of contacts. What was said, and how to call back, is sealed under the contact's own keys."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import Index, Text, text
from sqlmodel import Field, SQLModel

from domain.codes import Channel, ContactOutcome, ContactTopic, HeardOfUs
from domain.columns import Instant


class Contact(SQLModel, table=True):
    """One conversation with a hotline or front desk. A contact is neither a case nor a person."""

    __tablename__ = "contacts"
    __table_args__ = (
        Index("contacts_of_organisation", "organisation_id", text("made_at DESC"), "id"),
        Index(
            "contacts_to_call_back",
            "organisation_id",
            "callback_due_at",
            postgresql_where=text("outcome = 'callback_due'"),
        ),
    )

    id: UUID = Field(primary_key=True)
    organisation_id: UUID = Field(foreign_key="organisations.id")
    channel: Channel = Field(sa_type=Text)
    made_at: datetime = Field(sa_type=Instant)
    recorded_at: datetime = Field(sa_type=Instant)
    language: str = Field(max_length=12)
    topic: ContactTopic = Field(sa_type=Text)
    country_of_interest: str | None = Field(default=None, max_length=2)
    heard_of_us: HeardOfUs = Field(sa_type=Text)
    anonymous: bool
    outcome: ContactOutcome = Field(sa_type=Text)
    sop_version: str = Field(max_length=20)
    callback_due_at: datetime | None = Field(default=None, sa_type=Instant)
    called_back_at: datetime | None = Field(default=None, sa_type=Instant)
    version: int = 1


class ContactCase(SQLModel, table=True):
    """A contact opened or concerns a case: zero or more of each."""

    __tablename__ = "contact_cases"
    __table_args__ = (Index("contact_cases_of_case", "case_id"),)

    contact_id: UUID = Field(primary_key=True, foreign_key="contacts.id")
    case_id: UUID = Field(primary_key=True, foreign_key="cases.id")
