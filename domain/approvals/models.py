"""What is stored of decisions of two: the exact act, who asked for it, who answered, and whether it was done."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import Index, Text, text
from sqlmodel import Field, SQLModel

from domain.codes import ApprovalDecision
from domain.columns import Instant


class Approval(SQLModel, table=True):
    """One act that somebody asked for, and somebody else, of another organisation, allowed or refused.

    Triggers of the database keep who asks and who answers apart, and let an act be done once.

    Attributes:
        action: The act as canonical JSON: verb and parameters, which are codes, ids and digests.
        digest: Its SHA-256, hexadecimal.
    """

    __tablename__ = "approvals"
    __table_args__ = (
        Index("approvals_of_country", "country", text("requested_at DESC"), "id"),
        Index("approvals_of_action", "digest", "expires_at"),
    )

    id: UUID = Field(primary_key=True)
    country: str = Field(max_length=2)
    action: str = Field(sa_type=Text)
    digest: str = Field(max_length=64)
    requester_id: UUID = Field(foreign_key="staff_members.id")
    requester_organisation_id: UUID = Field(foreign_key="organisations.id")
    requested_at: datetime = Field(sa_type=Instant)
    expires_at: datetime = Field(sa_type=Instant)
    decision: ApprovalDecision | None = Field(default=None, sa_type=Text)
    decided_at: datetime | None = Field(default=None, sa_type=Instant)
    decider_id: UUID | None = Field(default=None, foreign_key="staff_members.id")
    decider_organisation_id: UUID | None = Field(default=None, foreign_key="organisations.id")
    executed_at: datetime | None = Field(default=None, sa_type=Instant)
