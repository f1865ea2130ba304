"""What is stored of a referral: routing only. Its package of consented fields is sealed under keys of its own."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import Index, Text, UniqueConstraint, text
from sqlmodel import Field, SQLModel

from domain.codes import LegalBasis, Outcome, Priority, Purpose, ReferralStatus, Service
from domain.columns import Codes, Instant


class Referral(SQLModel, table=True):
    """A request that another organisation give a named service to the person of a case.

    It goes to an organisation's queue, not to a user. The row holds what both sides may know before acceptance.

    Attributes:
        step: The SOP step that opened it.
        purpose: What for: that of the step's consent.
        compartments: What its package holds.
        basis: Why the package may be shared: consent, or the named basis instead of it.
        consent_version_id: The version of the consent that covers it.
        shared_until: When the consent, or the other basis, that covers the package expires.
        changed_at: The instant of the last event.
        earlier_referral_id: The referral that this one repeats elsewhere: a return or re-referral is a new referral.
    """

    __tablename__ = "referrals"
    __table_args__ = (
        Index("referrals_inbox", "receiving_organisation_id", text("created_at DESC"), "id"),
        Index("referrals_outbox", "sending_organisation_id", text("created_at DESC"), "id"),
        Index("referrals_of_case", "case_id"),
    )

    id: UUID = Field(primary_key=True)
    reference: str = Field(unique=True, max_length=24)
    case_id: UUID = Field(foreign_key="cases.id")
    country: str = Field(max_length=2)
    step: str = Field(max_length=60)
    purpose: Purpose = Field(sa_type=Text, sa_column_kwargs={"server_default": Purpose.SUPPORT.value})
    service: Service = Field(sa_type=Text)
    priority: Priority = Field(sa_type=Text)
    sending_organisation_id: UUID = Field(foreign_key="organisations.id")
    receiving_organisation_id: UUID = Field(foreign_key="organisations.id")
    status: ReferralStatus = Field(sa_type=Text)
    compartments: list[str] = Field(sa_type=Codes)
    basis: LegalBasis = Field(sa_type=Text)
    consent_version_id: UUID | None = Field(default=None, foreign_key="consents.id")
    earlier_referral_id: UUID | None = Field(default=None, foreign_key="referrals.id")
    age_band: str = Field(sa_type=Text)
    sex: str = Field(sa_type=Text)
    languages: list[str] = Field(sa_type=Codes)
    outcome: Outcome | None = Field(default=None, sa_type=Text)
    created_at: datetime = Field(sa_type=Instant)
    changed_at: datetime = Field(sa_type=Instant)
    shared_until: datetime = Field(sa_type=Instant)
    version: int = 1


class ReferralEvent(SQLModel, table=True):
    """One thing that happened to a referral: the single source for its history, its instants and the funnel."""

    __tablename__ = "referral_events"
    __table_args__ = (UniqueConstraint("referral_id", "sequence"),)

    id: UUID = Field(primary_key=True)
    referral_id: UUID = Field(foreign_key="referrals.id")
    case_id: UUID = Field(foreign_key="cases.id")
    sequence: int
    act: str = Field(max_length=30)
    status: ReferralStatus = Field(sa_type=Text)
    at: datetime = Field(sa_type=Instant)
    organisation_id: UUID | None = Field(default=None, foreign_key="organisations.id")
    staff_id: UUID | None = Field(default=None, foreign_key="staff_members.id")
    reason: str | None = Field(default=None, sa_type=Text)
    declined_by: str | None = Field(default=None, sa_type=Text)
