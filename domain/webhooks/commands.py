"""What an organisation can do with its webhooks: register, pause, resume, end, change the secret, offer again."""

from collections.abc import Collection
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import CursorResult, update
from sqlmodel import col

from domain.audit.actions import AuditAction
from domain.audit.chain import Detail
from domain.errors import InvalidInput, StateConflict, VersionStale
from domain.notifications.models import NotificationKind
from domain.permits import Permit
from domain.unit_of_work import UnitOfWork
from domain.webhooks.models import Delivery, DeliveryState, Webhook, WebhookStatus, WebhookTurn
from domain.webhooks.rules import SECRET_OVERLAP, Allowed, DestinationRefused


@dataclass(frozen=True, slots=True)
class RegisterWebhook:
    """Where to tell an organisation of which events."""

    url: str
    kinds: frozenset[NotificationKind]


async def register(command: RegisterWebhook, allowed: Allowed, permit: Permit, work: UnitOfWork) -> Webhook:
    """Register a webhook; it is told of what happens from now on.

    Raises:
        InvalidInput: events are not sent there.
    """
    try:
        allowed.destination(command.url)
    except DestinationRefused as refused:
        raise InvalidInput(field="url", reason=str(refused)) from None
    webhook = Webhook(
        id=work.ids.uuid(),
        organisation_id=permit.actor.organisation_id,
        url=command.url,
        kinds=sorted(command.kinds),
        status=WebhookStatus.ACTIVE,
        secret_version=1,
        previous_secret_until=work.now,
        created_at=work.now,
        staff_id=permit.actor.staff_id,
        version=1,
    )
    work.add(webhook)
    await work.flush()
    work.add(
        WebhookTurn(webhook_id=webhook.id, organisation_id=webhook.organisation_id, failures=0, resume_at=work.now)
    )
    _record(work, AuditAction.WEBHOOK_REGISTERED, permit, webhook, kinds=list(webhook.kinds))
    return webhook


async def set_status(status: WebhookStatus, version: int, permit: Permit, work: UnitOfWork) -> Webhook:
    """Pause, resume or end a webhook. While it is paused events wait; once it has ended they are withheld for good.

    Raises:
        StateConflict: it has ended.
        VersionStale: a colleague changed it meanwhile.
    """
    webhook = await _locked(version, permit, work)
    webhook.status = status
    if status == WebhookStatus.ENDED:
        await work.session.execute(
            update(Delivery)
            .where(col(Delivery.webhook_id) == webhook.id, col(Delivery.state) == DeliveryState.WAITING)
            .values(state=DeliveryState.WITHHELD, settled_at=work.now)
        )
    _record(work, AuditAction.WEBHOOK_CHANGED, permit, webhook, status=str(status))
    return webhook


async def rotate_secret(version: int, permit: Permit, work: UnitOfWork) -> Webhook:
    """Begin a new secret; the one before signs as well for a day, and no older one any more.

    Raises:
        StateConflict: the webhook has ended.
        VersionStale: a colleague changed it meanwhile.
    """
    webhook = await _locked(version, permit, work)
    webhook.secret_version += 1
    webhook.previous_secret_until = work.now + SECRET_OVERLAP
    _record(work, AuditAction.WEBHOOK_ROTATED, permit, webhook, secret=webhook.secret_version)
    return webhook


async def replay(events: Collection[UUID] | None, version: int, permit: Permit, work: UnitOfWork) -> int:
    """Offer dead letters again, all or some; returns how many.

    Raises:
        StateConflict: the webhook has ended.
        VersionStale: a colleague changed it meanwhile.
    """
    webhook = await _locked(version, permit, work)
    count = await offer_again(webhook.id, events, work)
    _record(work, AuditAction.WEBHOOK_REPLAYED, permit, webhook, events=count)
    return count


async def offer_again(webhook_id: UUID, events: Collection[UUID] | None, work: UnitOfWork) -> int:
    """Let dead letters of a webhook wait for their next attempt as if they had just happened; returns how many."""
    statement = update(Delivery).where(
        col(Delivery.webhook_id) == webhook_id, col(Delivery.state) == DeliveryState.DEAD
    )
    if events is not None:
        statement = statement.where(col(Delivery.notification_id).in_(events))
    values = {"offered_at": work.now, "next_attempt_at": work.now, "attempts": 0, "settled_at": None}
    done = await work.session.execute(statement.values(state=DeliveryState.WAITING, **values))
    assert isinstance(done, CursorResult)  # noqa: S101 - for the types
    return done.rowcount


async def _locked(version: int, permit: Permit, work: UnitOfWork) -> Webhook:
    webhook = await work.lock(Webhook, permit.subject_id)
    if webhook.status == WebhookStatus.ENDED:
        raise StateConflict(current=str(webhook.status))
    if webhook.version != version:
        raise VersionStale(current_version=webhook.version)
    webhook.version += 1
    return webhook


def _record(work: UnitOfWork, action: AuditAction, permit: Permit, webhook: Webhook, **details: Detail) -> None:
    work.audit(action, permit, stream_id=webhook.organisation_id, subject_id=webhook.id, **details)
