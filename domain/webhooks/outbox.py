"""The dispatcher's side of the outbox: whose turn it is, what is due, and what came of it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

from sqlalchemy import delete, exists, text, update
from sqlmodel import col, select

from domain.codes import OrganisationStatus
from domain.organisations.models import Organisation
from domain.unit_of_work import UnitOfWork
from domain.webhooks.models import AttemptOutcome, Delivery, DeliveryState, Webhook, WebhookStatus, WebhookTurn
from domain.webhooks.rules import Patience
from domain.webhooks.signing import Event

KEPT = timedelta(days=30)
"""How long it is remembered that an event was delivered or withheld."""

DUE = text("SELECT * FROM nrm_due_events(:webhook, :now, :most)")


@dataclass(frozen=True, slots=True)
class Due:
    """An event that is to be sent now, or that may be sent no more: a conflict wall came between."""

    event: Event
    withheld: bool


async def take_turn(work: UnitOfWork) -> tuple[WebhookTurn, Webhook] | None:
    """Return the webhook that has waited longest of those that have something due and that nobody else serves, or None.

    The lock on its turn holds until the transaction ends, so a webhook is called by one dispatcher at a time, and a
    dispatcher that dies frees it at once.
    """
    found = await work.session.execute(
        select(WebhookTurn, Webhook)
        .join(Webhook, col(Webhook.id) == col(WebhookTurn.webhook_id))
        .join(Organisation, col(Organisation.id) == col(Webhook.organisation_id))
        .where(
            col(WebhookTurn.resume_at) <= work.now,
            col(Webhook.status) == WebhookStatus.ACTIVE,
            col(Organisation.status).in_((OrganisationStatus.ACTIVE, OrganisationStatus.PROBATION)),
            col(Organisation.active_until) > work.now,
            exists().where(
                col(Delivery.webhook_id) == col(WebhookTurn.webhook_id),
                col(Delivery.state) == DeliveryState.WAITING,
                col(Delivery.next_attempt_at) <= work.now,
            ),
        )
        .order_by(col(WebhookTurn.resume_at), col(WebhookTurn.webhook_id))
        .limit(1)
        .with_for_update(of=WebhookTurn, key_share=True, skip_locked=True)
    )
    row = found.first()
    return (row[0], row[1]) if row is not None else None


async def due(work: UnitOfWork, webhook: Webhook, most: int) -> list[Due]:
    """Return what is due for a webhook, in the order in which it happened; what failed comes after its pause."""
    rows = await work.session.execute(DUE, {"webhook": webhook.id, "now": work.now, "most": most})
    return [Due(Event(row.id, row.kind, row.reference, row.occurred_at), row.withheld) for row in rows]


async def settle(work: UnitOfWork, webhook_id: UUID, events: Sequence[UUID], state: DeliveryState) -> None:
    """Mark events as delivered or withheld."""
    if events:
        outcome = {"outcome": AttemptOutcome.ACCEPTED} if state == DeliveryState.DELIVERED else {}
        attempted = {"attempts": col(Delivery.attempts) + 1} if state == DeliveryState.DELIVERED else {}
        await work.session.execute(
            update(Delivery)
            .where(col(Delivery.webhook_id) == webhook_id, col(Delivery.notification_id).in_(events))
            .where(col(Delivery.state) == DeliveryState.WAITING)
            .values(state=state, settled_at=work.now, **outcome, **attempted)
        )


async def fail(
    work: UnitOfWork, turn: WebhookTurn, event_id: UUID, outcome: AttemptOutcome, patience: Patience, jitter: float
) -> bool:
    """Note a failed attempt: the event is tried again after a pause, or is dead; returns whether it died."""
    delivery = await work.lock_if_free(Delivery, (turn.webhook_id, event_id))
    turn.failures += 1
    turn.resume_at = patience.resume(turn.failures, work.now, jitter)
    if delivery is None or delivery.state != DeliveryState.WAITING:
        return False
    delivery.attempts += 1
    delivery.outcome = outcome
    following = patience.next_attempt(delivery.attempts, delivery.offered_at, work.now, jitter)
    if following is None:
        delivery.state, delivery.settled_at = DeliveryState.DEAD, work.now
    else:
        delivery.next_attempt_at = following
    return following is None


def succeed(work: UnitOfWork, turn: WebhookTurn) -> None:
    """Note that a webhook answers: it joins the queue of webhooks again at its end."""
    turn.failures, turn.resume_at = 0, work.now


async def forget(work: UnitOfWork) -> None:
    """Delete what was delivered or withheld long ago. A dead letter stays until it is offered again."""
    over = (DeliveryState.DELIVERED, DeliveryState.WITHHELD)
    await work.session.execute(
        delete(Delivery).where(col(Delivery.state).in_(over), col(Delivery.settled_at) < work.now - KEPT)
    )
