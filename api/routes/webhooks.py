"""Webhooks: an organisation says where its events are to be told, and sees how far they got."""

from collections.abc import Sequence
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query, Request, Response
from sqlalchemy import func
from sqlmodel import col, select

from api.dependencies import IDEMPOTENT, CurrentActor, Cursor, Limit, May, Version, Work, etag
from api.pagination import page
from api.routes.cases import CHANGE_PROBLEMS, NEW_PROBLEMS, READ_PROBLEMS
from api.runtime import Runtime
from api.schemas.webhooks import (
    DeliveryOut,
    DeliveryPage,
    ReplayIn,
    ReplayOut,
    WebhookIn,
    WebhookList,
    WebhookOut,
    WebhookSecretOut,
    WebhookStatusIn,
    shown,
)
from api.transaction import UnitOfWorkRoute
from auth.authorisation import visible
from auth.roles import Permission
from domain.notifications.models import Notification
from domain.unit_of_work import UnitOfWork
from domain.webhooks import commands
from domain.webhooks.models import Delivery, DeliveryState, Webhook
from domain.webhooks.signing import secret_of

router = APIRouter(tags=["webhooks"], route_class=UnitOfWorkRoute)


@router.post("/webhooks", status_code=201, dependencies=[IDEMPOTENT], responses=NEW_PROBLEMS)
async def create_webhook(
    body: WebhookIn, may: May, work: Work, request: Request, response: Response
) -> WebhookSecretOut:
    """Ask to be told of events from now on. The signing secret is shown in this answer alone."""
    permit = may.own(Permission.WEBHOOK_KEEP)
    runtime: Runtime = request.app.state.runtime
    webhook = await commands.register(body.to_command(), runtime.allowed, permit, work)
    response.headers["Location"] = f"/v1/webhooks/{webhook.id}"
    return await _with_secret(webhook, work, request, response)


@router.get("/webhooks", responses=READ_PROBLEMS)
async def list_webhooks(may: May, work: Work, actor: CurrentActor) -> WebhookList:
    """List the webhooks of your organisation, newest first."""
    may.own(Permission.WEBHOOK_KEEP)
    rows = await work.session.execute(
        select(Webhook)
        .where(visible(Webhook, Permission.WEBHOOK_KEEP, actor))
        .order_by(col(Webhook.created_at).desc(), col(Webhook.id))
        .limit(200)
    )
    found = rows.scalars().all()
    counted = await _counted(work, found)
    return WebhookList(items=[shown(one, counted.get(one.id, {})) for one in found])


@router.get("/webhooks/{webhook_id}", responses=READ_PROBLEMS)
async def read_webhook(webhook_id: UUID, may: May, work: Work, response: Response) -> WebhookOut:
    """Look at a webhook, and at how many events wait or died."""
    webhook, _ = await may.webhook(webhook_id, Permission.WEBHOOK_KEEP)
    return await _shown(webhook, work, response)


@router.put("/webhooks/{webhook_id}/status", dependencies=[IDEMPOTENT], responses=CHANGE_PROBLEMS)
async def change_webhook_status(
    webhook_id: UUID, body: WebhookStatusIn, may: May, work: Work, version: Version, response: Response
) -> WebhookOut:
    """Pause a webhook, resume it, or end it. While it is paused, events wait; once it has ended, none is sent."""
    _, permit = await may.webhook(webhook_id, Permission.WEBHOOK_KEEP)
    return await _shown(await commands.set_status(body.status, version, permit, work), work, response)


@router.post("/webhooks/{webhook_id}/secret", dependencies=[IDEMPOTENT], responses=CHANGE_PROBLEMS)
async def rotate_webhook_secret(
    webhook_id: UUID, may: May, work: Work, version: Version, request: Request, response: Response
) -> WebhookSecretOut:
    """Begin a new signing secret. For a day both sign, so that you can change it without losing an event."""
    _, permit = await may.webhook(webhook_id, Permission.WEBHOOK_KEEP)
    webhook = await commands.rotate_secret(version, permit, work)
    return await _with_secret(webhook, work, request, response)


@router.get("/webhooks/{webhook_id}/deliveries", responses=READ_PROBLEMS)
async def list_deliveries(
    webhook_id: UUID,
    may: May,
    work: Work,
    state: Annotated[DeliveryState, Query(description="`dead` is the list of dead letters.")] = DeliveryState.DEAD,
    cursor: Cursor = None,
    limit: Limit = 50,
) -> DeliveryPage:
    """List how far events got, newest first."""
    webhook, _ = await may.webhook(webhook_id, Permission.WEBHOOK_KEEP)
    rows, following = await page(
        work.session,
        select(Delivery)
        .join(Notification, col(Notification.id) == col(Delivery.notification_id))
        .where(
            col(Delivery.webhook_id) == webhook.id,
            col(Delivery.state) == state,
            col(Notification.reference).not_in(select(func.nrm_walled_references())),
        ),
        (col(Delivery.offered_at), col(Delivery.notification_id)),
        cursor,
        limit,
        lambda row: (row.offered_at, row.notification_id),
    )
    told = await work.session.execute(
        select(Notification).where(col(Notification.id).in_([row.notification_id for row in rows]))
    )
    notifications = {one.id: one for one in told.scalars()}
    return DeliveryPage(items=[DeliveryOut.of(row, notifications[row.notification_id]) for row in rows], next=following)


@router.post("/webhooks/{webhook_id}/replay", dependencies=[IDEMPOTENT], responses=CHANGE_PROBLEMS)
async def replay_deliveries(
    webhook_id: UUID, body: ReplayIn, may: May, work: Work, version: Version, response: Response
) -> ReplayOut:
    """Offer dead letters again, all or some, under the ids that they have."""
    webhook, permit = await may.webhook(webhook_id, Permission.WEBHOOK_KEEP)
    count = await commands.replay(body.events, version, permit, work)
    etag(response, webhook.version)
    return ReplayOut(events=count)


async def _with_secret(webhook: Webhook, work: UnitOfWork, request: Request, response: Response) -> WebhookSecretOut:
    """Return a webhook with its present secret; what is stored for a repeat of the request has none."""
    runtime: Runtime = request.app.state.runtime
    plain = (await _shown(webhook, work, response)).model_dump()
    request.state.remembered = WebhookSecretOut(**plain, secret=None).model_dump_json().encode()
    key = runtime.webhook_key
    secret = secret_of(key, webhook.id, webhook.secret_version) if key is not None else None
    return WebhookSecretOut(**plain, secret=secret)


async def _shown(webhook: Webhook, work: UnitOfWork, response: Response) -> WebhookOut:
    etag(response, webhook.version)
    return shown(webhook, (await _counted(work, [webhook])).get(webhook.id, {}))


async def _counted(work: UnitOfWork, webhooks: Sequence[Webhook]) -> dict[UUID, dict[str, int]]:
    """Return how many events of each webhook are in each state that is not over; walls hide theirs."""
    rows = await work.session.execute(
        select(col(Delivery.webhook_id), col(Delivery.state), func.count())
        .where(
            col(Delivery.webhook_id).in_([one.id for one in webhooks]),
            col(Delivery.state).in_((DeliveryState.WAITING, DeliveryState.DEAD)),
        )
        .group_by(col(Delivery.webhook_id), col(Delivery.state))
    )
    counted: dict[UUID, dict[str, int]] = {}
    for webhook_id, state, count in rows:
        counted.setdefault(webhook_id, {})[state] = count
    return counted
