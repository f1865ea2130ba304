"""What is stored of webhooks: who is to be told of what, where, and how far the telling got. No secret, no content."""

from datetime import datetime
from enum import StrEnum
from uuid import UUID

from sqlalchemy import ForeignKeyConstraint, Index, Text, text
from sqlmodel import Field, SQLModel

from domain.columns import Codes, Instant


class WebhookStatus(StrEnum):
    """Whether an organisation's webhook is called."""

    ACTIVE = "active"
    PAUSED = "paused"
    ENDED = "ended"


class DeliveryState(StrEnum):
    """How far an event got: `waiting` is tried, `dead` was tried too long, `withheld` is no longer to be sent."""

    WAITING = "waiting"
    DELIVERED = "delivered"
    DEAD = "dead"
    WITHHELD = "withheld"


class AttemptOutcome(StrEnum):
    """What came of one attempt. Nothing else of an answer is kept."""

    ACCEPTED = "accepted"
    REFUSED = "refused"
    REDIRECTED = "redirected"
    TOO_SLOW = "too_slow"
    UNREACHABLE = "unreachable"
    NOT_ALLOWED = "not_allowed"


class Webhook(SQLModel, table=True):
    """An organisation's wish to be told of events at an address of its own.

    Attributes:
        kinds: Of notifications (`NotificationKind`).
        secret_version: Which signing secret is the present one; secrets are derived and stored nowhere.
        previous_secret_until: Until when the secret before signs as well.
        staff_id: Who registered it.
    """

    __tablename__ = "webhooks"
    __table_args__ = (Index("webhooks_of_organisation", "organisation_id", text("created_at DESC"), "id"),)

    id: UUID = Field(primary_key=True)
    organisation_id: UUID = Field(foreign_key="organisations.id")
    url: str = Field(max_length=400)
    kinds: list[str] = Field(sa_type=Codes)
    status: WebhookStatus = Field(sa_type=Text)
    secret_version: int
    previous_secret_until: datetime = Field(sa_type=Instant)
    created_at: datetime = Field(sa_type=Instant)
    staff_id: UUID = Field(foreign_key="staff_members.id")
    version: int


class WebhookTurn(SQLModel, table=True):
    """Whose turn it is: the row that a dispatcher locks while it calls a webhook, so that one calls it at a time.

    Apart from the webhook, so that a call that takes long keeps nobody from pausing it.

    Attributes:
        failures: In a row; the pause before the next call grows with them.
        resume_at: Not called before; of several webhooks the one that has waited longest comes first.
    """

    __tablename__ = "webhook_turns"

    webhook_id: UUID = Field(primary_key=True, foreign_key="webhooks.id")
    organisation_id: UUID = Field(foreign_key="organisations.id")
    failures: int
    resume_at: datetime = Field(sa_type=Instant)


class Delivery(SQLModel, table=True):
    """One event for one webhook. The database writes it with the notification itself, in the same transaction.

    Attributes:
        offered_at: Since when it is tried: its beginning, or when a dead letter was offered again.
        attempts: Since then.
        outcome: Of the last attempt.
    """

    __tablename__ = "deliveries"
    __table_args__ = (
        ForeignKeyConstraint(["notification_id"], ["notifications.id"]),
        Index("deliveries_due", "webhook_id", "next_attempt_at", postgresql_where=text("state = 'waiting'")),
        Index("deliveries_in_state", "state", "webhook_id", text("offered_at DESC"), "notification_id"),
    )

    webhook_id: UUID = Field(primary_key=True, foreign_key="webhooks.id")
    notification_id: UUID = Field(primary_key=True)
    organisation_id: UUID = Field(foreign_key="organisations.id")
    state: DeliveryState = Field(sa_type=Text)
    attempts: int
    offered_at: datetime = Field(sa_type=Instant)
    next_attempt_at: datetime = Field(sa_type=Instant)
    outcome: AttemptOutcome | None = Field(default=None, sa_type=Text)
    settled_at: datetime | None = Field(default=None, sa_type=Instant)
