"""`nrm webhooks`: for whoever runs the installation: how far events got, dead letters, offering again, pausing."""

import argparse
import asyncio
from collections.abc import Awaitable, Callable
from uuid import UUID

from sqlalchemy import func, select, update
from sqlmodel import col

from api.bootstrap import database_access
from api.runtime import Runtime, for_worker
from api.settings import DatabaseRole, load_settings
from auth.authentication import enter_as_clock
from domain.audit.actions import AuditAction
from domain.organisations.models import Organisation
from domain.unit_of_work import UnitOfWork
from domain.webhooks.commands import offer_again
from domain.webhooks.models import Delivery, DeliveryState, Webhook, WebhookStatus

Task = Callable[[UnitOfWork, argparse.Namespace], Awaitable[int]]


def register(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the sub-command."""
    meaning = "show how far events got; offer dead letters again; pause a webhook"
    command = subparsers.add_parser("webhooks", help=meaning, description=meaning)
    tasks = command.add_subparsers(required=True, metavar="TASK")
    for name, task, told in (
        ("list", listed, "show every webhook: whose, status, events that wait, dead letters"),
        ("dead", dead, "show the dead letters of a webhook: ids and instants, no references"),
        ("replay", replayed, "offer dead letters of a webhook again, all or one"),
        ("pause", paused, "pause a webhook: its events wait"),
    ):
        one = tasks.add_parser(name, help=told, description=told)
        if task is not listed:
            one.add_argument("webhook", type=UUID, metavar="WEBHOOK", help="its id")
        if task is replayed:
            one.add_argument("--event", type=UUID, help="one event; all dead letters unless given")
        one.set_defaults(run=_run, task=task)


def _run(arguments: argparse.Namespace) -> int:
    settings = load_settings()
    with database_access(settings) as access:
        return asyncio.run(in_one_transaction(for_worker(settings, access.dsns), arguments.task, arguments))


async def in_one_transaction(runtime: Runtime, task: Task, arguments: argparse.Namespace) -> int:
    """Do one task as the worker, who acts for no organisation; returns the exit code."""
    try:
        async with runtime.database.sessions(DatabaseRole.WORKER)() as session:
            work = runtime.work(session, await enter_as_clock(session, runtime.clock.shift))
            code = await task(work, arguments)
            await work.commit()
            return code
    finally:
        await runtime.database.close()


async def listed(work: UnitOfWork, _: argparse.Namespace) -> int:
    """Print one line for each webhook."""
    counted = (
        func.count().filter(col(Delivery.state) == DeliveryState.WAITING),
        func.count().filter(col(Delivery.state) == DeliveryState.DEAD),
        func.min(col(Delivery.offered_at)).filter(col(Delivery.state) == DeliveryState.WAITING),
    )
    rows = await work.session.execute(
        select(col(Webhook.id), col(Organisation.code), col(Webhook.status))
        .add_columns(*counted)
        .join(Organisation, col(Organisation.id) == col(Webhook.organisation_id))
        .outerjoin(Delivery, col(Delivery.webhook_id) == col(Webhook.id))
        .group_by(col(Webhook.id), col(Organisation.code), col(Webhook.status))
        .order_by(col(Organisation.code), col(Webhook.id))
    )
    for webhook_id, code, status, waiting, died, oldest in rows:
        since = f" since {oldest.isoformat(timespec='seconds')}" if oldest is not None else ""
        print(f"{webhook_id}  {code}  {status}  {waiting} waiting{since}  {died} dead")
    return 0


async def dead(work: UnitOfWork, arguments: argparse.Namespace) -> int:
    """Print one line for each dead letter."""
    rows = await work.session.execute(
        select(Delivery)
        .where(col(Delivery.webhook_id) == arguments.webhook, col(Delivery.state) == DeliveryState.DEAD)
        .order_by(col(Delivery.offered_at), col(Delivery.notification_id))
    )
    for one in rows.scalars():
        when = one.offered_at.isoformat(timespec="seconds")
        print(f"{one.notification_id}  since {when}  {one.attempts} attempts  {one.outcome}")
    return 0


async def replayed(work: UnitOfWork, arguments: argparse.Namespace) -> int:
    """Offer dead letters again and print how many."""
    webhook = await work.get(Webhook, arguments.webhook)
    count = await offer_again(webhook.id, None if arguments.event is None else [arguments.event], work)
    work.audit_clock(
        AuditAction.WEBHOOK_REPLAYED,
        stream_id=webhook.organisation_id,
        subject_id=webhook.id,
        rule="operator",
        events=count,
    )
    print(f"{count} offered again")
    return 0 if count else 1


async def paused(work: UnitOfWork, arguments: argparse.Namespace) -> int:
    """Pause a webhook that is active."""
    done = await work.session.execute(
        update(Webhook)
        .where(col(Webhook.id) == arguments.webhook, col(Webhook.status) == WebhookStatus.ACTIVE)
        .values(status=WebhookStatus.PAUSED, version=col(Webhook.version) + 1)
        .returning(col(Webhook.organisation_id))
    )
    organisation_id = done.scalar_one_or_none()
    if organisation_id is None:
        print("there is no such active webhook")
        return 1
    work.audit_clock(
        AuditAction.WEBHOOK_CHANGED,
        stream_id=organisation_id,
        subject_id=arguments.webhook,
        rule="operator",
        status=str(WebhookStatus.PAUSED),
    )
    print("paused")
    return 0
