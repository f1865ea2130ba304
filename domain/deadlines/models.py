"""What is stored of deadlines: what the worker looks at, and when. Derived from the SOP, rewritten with the facts."""

from datetime import datetime
from enum import StrEnum
from uuid import UUID

from sqlalchemy import Index, Text, text
from sqlmodel import Field, SQLModel

from domain.columns import Instant


class DeadlineKind(StrEnum):
    """What happens when a deadline falls due."""

    STEP = "step"
    REFERRAL_RESPONSE = "referral_response"
    REFERRAL_EXPIRY = "referral_expiry"
    CALLBACK = "callback"
    RECOMPUTE = "recompute"
    AWARD_DECISION = "award_decision"
    CAPACITY_ANSWER = "capacity_answer"
    WAITING_NEXT = "waiting_next"
    RESERVATION_EXPIRY = "reservation_expiry"
    ORGANISATION_CHANGED = "organisation_changed"
    CASE_LEFT = "case_left"
    RECEIVER_LEFT = "receiver_left"
    SENDER_LEFT = "sender_left"
    CONTACT_LEFT = "contact_left"
    ASSIGNED = "assigned"
    GROUND_END = "ground_end"
    WALL_REVIEW = "wall_review"
    GLASS_REVIEW = "glass_review"
    SUBJECT_REQUEST = "subject_request"
    RETENTION = "retention"
    CONTACT_RETENTION = "contact_retention"
    ERASURE = "erasure"


class Deadline(SQLModel, table=True):
    """Something that must have happened by an instant; fired at most once, or settled because it happened.

    Attributes:
        subject_id: The case, course, referral, contact, award, capacity question, place or placement; the organisation
            that changed; the escalation that was assigned; the emergency access or wall to be
            reviewed; the request of the person.
        rule: The step or priority of the SOP that set it, or the class of keeping.
    """

    __tablename__ = "deadlines"
    __table_args__ = (
        Index(
            "deadlines_due", "kind", "due_at", "id", postgresql_where=text("fired_at IS NULL AND settled_at IS NULL")
        ),
        Index(
            "deadlines_one_open",
            "subject_id",
            "kind",
            "rule",
            unique=True,
            postgresql_where=text("fired_at IS NULL AND settled_at IS NULL"),
        ),
        Index("deadlines_of_case", "case_id"),
        Index("deadlines_of_subject", "subject_id", "kind", postgresql_where=text("settled_at IS NULL")),
    )

    id: UUID = Field(primary_key=True)
    case_id: UUID | None = Field(default=None, foreign_key="cases.id")
    subject_id: UUID
    organisation_id: UUID = Field(foreign_key="organisations.id")
    kind: DeadlineKind = Field(sa_type=Text)
    rule: str = Field(max_length=80)
    escalate_to: str | None = Field(default=None, max_length=40)
    anchored_at: datetime = Field(sa_type=Instant)
    due_at: datetime = Field(sa_type=Instant)
    fired_at: datetime | None = Field(default=None, sa_type=Instant)
    settled_at: datetime | None = Field(default=None, sa_type=Instant)
