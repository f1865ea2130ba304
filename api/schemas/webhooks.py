"""Webhooks: what comes in and what goes out."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

from pydantic import Field

from api.schemas.base import In, Instant, Out, Whole, Word
from domain.notifications.models import Notification, NotificationKind
from domain.webhooks.commands import RegisterWebhook
from domain.webhooks.models import AttemptOutcome, Delivery, DeliveryState, Webhook, WebhookStatus
from domain.webhooks.rules import LONGEST_URL


class WebhookIn(In):
    """Where to tell your organisation of which events."""

    url: Annotated[
        str,
        Field(
            max_length=LONGEST_URL,
            pattern=r"^https?://[a-z0-9.-]+(:[0-9]{1,5})?(/[A-Za-z0-9._~/-]*)?$",
            description="Without credentials, query and fragment; the host must be one that the installation allows.",
            examples=["https://cases.example.org/nrm"],
        ),
    ]
    kinds: Annotated[list[NotificationKind], Field(min_length=1, max_length=20)]

    def to_command(self) -> RegisterWebhook:
        """Return the command."""
        return RegisterWebhook(self.url, frozenset(self.kinds))


class WebhookStatusIn(In):
    """Whether it is called; what has ended stays so."""

    status: WebhookStatus


class ReplayIn(In):
    """Which dead letters to offer again."""

    events: Annotated[list[UUID], Field(min_length=1, max_length=100)] | None = Field(
        default=None, description="Ids of events; all of the webhook if left out."
    )


class WebhookOut(Out):
    """A webhook of your organisation."""

    id: UUID
    url: str = Field(max_length=LONGEST_URL)
    kinds: list[Word] = Field(max_length=20)
    status: WebhookStatus
    created_at: Instant
    previous_secret_until: Instant = Field(description="Until then the secret before the last rotation signs as well.")
    waiting: Whole = Field(ge=0, le=2**53, description="Events that are still to be delivered.")
    dead: Whole = Field(ge=0, le=2**53, description="Events that were tried too long.")
    version: Whole = Field(ge=1, le=2**31 - 1)


class WebhookSecretOut(WebhookOut):
    """A webhook and its new signing secret, which is shown this once."""

    secret: str | None = Field(
        max_length=60, description="`whsec_` and base64; a repeat of the request does not show it again."
    )


class WebhookList(Out):
    """The webhooks of your organisation, newest first."""

    items: list[WebhookOut] = Field(max_length=200)


class DeliveryOut(Out):
    """How far one event got, without a word more about it than its notification has."""

    event: UUID
    kind: str = Field(max_length=40)
    reference: str = Field(max_length=40)
    occurred_at: Instant
    state: DeliveryState
    attempts: Whole = Field(ge=0, le=2**53)
    outcome: AttemptOutcome | None = Field(description="Of the last attempt.")
    offered_at: Instant
    next_attempt_at: datetime | None = Field(description="While it waits.")

    @classmethod
    def of(cls, delivery: Delivery, notification: Notification) -> "DeliveryOut":
        """Return the delivery as shown."""
        waits = delivery.state == DeliveryState.WAITING
        return cls.taken(
            delivery,
            event=notification.id,
            kind=notification.kind,
            reference=notification.reference,
            occurred_at=notification.created_at,
            next_attempt_at=delivery.next_attempt_at if waits else None,
        )


class DeliveryPage(Out):
    """One page of deliveries, newest first."""

    items: list[DeliveryOut] = Field(max_length=100)
    next: str | None = Field(max_length=120)


class ReplayOut(Out):
    """How many dead letters were offered again."""

    events: Whole = Field(ge=0, le=2**53)


def shown(webhook: Webhook, counted: dict[str, int]) -> WebhookOut:
    """Return a webhook as shown, with how many of its events wait and died."""
    return WebhookOut.taken(
        webhook, waiting=counted.get(DeliveryState.WAITING, 0), dead=counted.get(DeliveryState.DEAD, 0)
    )
