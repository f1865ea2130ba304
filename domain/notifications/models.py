"""What is stored of notifications: to an organisation, by reference, without content, and with the change itself."""

from datetime import datetime
from enum import StrEnum
from uuid import UUID

from sqlalchemy import Index, Text, text
from sqlmodel import Field, SQLModel

from domain.columns import Instant


class NotificationKind(StrEnum):
    """What an organisation is told."""

    REFERRAL_ARRIVED = "referral_arrived"
    REFERRAL_CHANGED = "referral_changed"
    REFERRAL_RECALLED = "referral_recalled"
    SHARING_ENDED = "sharing_ended"
    REFERRAL_OVERDUE = "referral_overdue"
    REFERRAL_EXPIRED = "referral_expired"
    STEP_OVERDUE = "step_overdue"
    CALLBACK_OVERDUE = "callback_overdue"
    AWARD_ASKED = "award_asked"
    AWARD_CHANGED = "award_changed"
    AWARD_OVERDUE = "award_overdue"
    COMMISSION_ASKED = "commission_asked"
    COMMISSION_DECIDED = "commission_decided"
    CAPACITY_ASKED = "capacity_asked"
    CAPACITY_ANSWERED = "capacity_answered"
    CAPACITY_CLOSED = "capacity_closed"
    CAPACITY_OVERDUE = "capacity_overdue"
    REFERRAL_NEXT = "referral_next"
    RESERVATION_EXPIRED = "reservation_expired"
    CASE_HANDED_OVER = "case_handed_over"
    CALLBACK_HANDED_OVER = "callback_handed_over"
    SERVICE_INTERRUPTED = "service_interrupted"
    WORK_ESCALATED = "work_escalated"
    APPROVAL_ASKED = "approval_asked"
    APPROVAL_DECIDED = "approval_decided"
    BUDGET_EXCEEDED = "budget_exceeded"
    WALL_REVIEW = "wall_review"
    GLASS_BROKEN = "glass_broken"
    GLASS_UNREVIEWED = "glass_unreviewed"
    GLASS_REVIEWED = "glass_reviewed"
    HONEY_TOUCHED = "honey_touched"
    SUBJECT_REQUEST_OVERDUE = "subject_request_overdue"
    CASE_ERASED = "case_erased"


class Notification(SQLModel, table=True):
    """One content-free message to an organisation's queue; also the outbox that later deliveries read."""

    __tablename__ = "notifications"
    __table_args__ = (Index("notifications_of_organisation", "organisation_id", text("created_at DESC"), "id"),)

    id: UUID = Field(primary_key=True)
    organisation_id: UUID = Field(foreign_key="organisations.id")
    kind: NotificationKind = Field(sa_type=Text)
    reference: str = Field(max_length=40)
    detail: str | None = Field(default=None, max_length=80)
    created_at: datetime = Field(sa_type=Instant)
