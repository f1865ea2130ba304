"""What is stored of an emergency access: who asked for what, why in codes, and what the independent body said."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import Index, Text, text
from sqlmodel import Field, SQLModel

from domain.codes import BreakGlassReason, Compartment, ReviewOutcome, Role
from domain.columns import Instant


class BreakGlass(SQLModel, table=True):
    """One emergency access, also one for which there was no case: both look the same to whoever asked.

    Written by `nrm_break_glass` (see the migration) alone, together with the grant.

    Attributes:
        reference: The case, as it was named; it need not exist.
        about_case_id: The case that it opened, if there is one and no conflict wall stood before the asker.
    """

    __tablename__ = "break_glasses"
    __table_args__ = (
        Index("break_glasses_of_staff", "staff_id", text("broken_at DESC"), "id"),
        Index("break_glasses_of_organisation", "organisation_id", text("broken_at DESC")),
        Index("break_glasses_of_country", "country", text("broken_at DESC"), "id"),
    )

    id: UUID = Field(primary_key=True)
    reference: str = Field(max_length=24)
    about_case_id: UUID | None = Field(default=None, foreign_key="cases.id")
    country: str = Field(max_length=2)
    organisation_id: UUID = Field(foreign_key="organisations.id")
    staff_id: UUID = Field(foreign_key="staff_members.id")
    role: Role = Field(sa_type=Text)
    compartment: Compartment = Field(sa_type=Text)
    reason: BreakGlassReason = Field(sa_type=Text)
    broken_at: datetime = Field(sa_type=Instant)
    valid_until: datetime = Field(sa_type=Instant)
    review_due_at: datetime = Field(sa_type=Instant)
    suspended_at: datetime | None = Field(default=None, sa_type=Instant)
    outcome: ReviewOutcome | None = Field(default=None, sa_type=Text)
    reviewed_at: datetime | None = Field(default=None, sa_type=Instant)
    reviewer_id: UUID | None = Field(default=None, foreign_key="staff_members.id")
    reviewer_organisation_id: UUID | None = Field(default=None, foreign_key="organisations.id")
    restored_at: datetime | None = Field(default=None, sa_type=Instant)
    restoring_approval_id: UUID | None = Field(default=None, foreign_key="approvals.id")
