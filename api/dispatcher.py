"""The dispatcher: tells webhooks of events. Run as many as you like; each webhook is called by one of them at a time.

An event waits in the database from the commit that it tells of. It is sent and then marked, in one transaction that
holds the webhook's turn: a dispatcher that dies before the mark is committed has sent it for nothing, and the next one
sends it again under the same id. So events are neither lost nor invented, and receivers tell repeats by the id.
"""

import asyncio
import random
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from functools import partial
from typing import Final

import structlog

from api.database import Database, Pool, is_unavailable
from api.runtime import Runtime
from api.sending import Send, Sender
from api.settings import DatabaseRole
from auth.authentication import enter_as_clock
from domain.unit_of_work import UnitOfWork
from domain.webhooks.models import AttemptOutcome, DeliveryState, Webhook
from domain.webhooks.outbox import Due, due, fail, forget, settle, succeed, take_turn
from domain.webhooks.rules import Patience
from domain.webhooks.signing import headers, secret_of

LANES: Final = 3
"""Webhooks that one process calls at once: one that hangs does not keep the others waiting."""

BATCH: Final = 20
"""Events of one turn: as many at most, for each lane, come twice when a dispatcher dies."""

LONGEST_TURN: Final = 1.0
"""Seconds after which a turn begins no further attempt: so old is what it knows of conflict walls, at most."""

PAUSE: Final = timedelta(seconds=1)
"""How long to sleep when nothing is due."""

AFTER_FAILURE: Final = timedelta(seconds=5)
BETWEEN_TIDYING: Final = timedelta(hours=1)

log = structlog.get_logger()


@dataclass(frozen=True)
class Dispatcher:
    """Sends what is due.

    Attributes:
        runtime: With a database of its own: a call that takes long must not keep deadlines waiting for a connection.
        send: Sends one event.
        key: The installation's webhook key, from which secrets are derived.
        jitter: Returns a random number between 0 and 1.
    """

    runtime: Runtime
    send: Send
    key: bytes
    patience: Patience = field(default_factory=Patience)
    jitter: Callable[[], float] = random.SystemRandom().random

    async def run(self, stop: asyncio.Event) -> None:
        """Work until told to stop; then finish the turns that have begun, and close the connections."""
        try:
            async with asyncio.TaskGroup() as group:
                for _ in range(LANES):
                    group.create_task(repeated(partial(self.serve_all, stop), PAUSE, stop))
                group.create_task(repeated(self.tidy, BETWEEN_TIDYING, stop))
        finally:
            await self.runtime.database.close()

    async def serve_all(self, stop: asyncio.Event | None = None) -> int:
        """Give turns until nothing is due or one is told to stop; returns how many."""
        turns = 0
        while not (stop is not None and stop.is_set()) and await self.serve_once():
            turns += 1
        return turns

    async def serve_once(self) -> bool:
        """Give one webhook its turn; returns whether one had something due."""
        async with self._work() as work:
            taken = await take_turn(work)
            if taken is None:
                return False
            turn, webhook = taken
            batch = await due(work, webhook, BATCH)
            delivered, failed = await self._sent(webhook, [one for one in batch if not one.withheld], work.now)
            await settle(work, webhook.id, [one.event.id for one in batch if one.withheld], DeliveryState.WITHHELD)
            await settle(work, webhook.id, [one.event.id for one in delivered], DeliveryState.DELIVERED)
            if delivered or failed is None:
                succeed(work, turn)
            self.runtime.metrics.attempt(AttemptOutcome.ACCEPTED, len(delivered))
            if failed is not None:
                one, outcome = failed
                self.runtime.metrics.attempt(outcome)
                await fail(work, turn, one.event.id, outcome, self.patience, self.jitter())
                log.warning("delivery", kind=outcome.value)
            await work.commit()
        return True

    async def tidy(self) -> None:
        """Forget what was delivered long ago."""
        async with self._work() as work:
            await forget(work)
            await work.commit()

    @asynccontextmanager
    async def _work(self) -> AsyncIterator[UnitOfWork]:
        async with self.runtime.database.sessions(DatabaseRole.WORKER)() as session:
            now = await enter_as_clock(session, self.runtime.clock.shift)
            yield self.runtime.work(session, now)

    async def _sent(
        self, webhook: Webhook, batch: list[Due], now: datetime
    ) -> tuple[list[Due], tuple[Due, AttemptOutcome] | None]:
        """Send events one after the other, up to the first failure; returns what arrived, and what did not."""
        versions = [webhook.secret_version]
        if webhook.secret_version > 1 and webhook.previous_secret_until > now:
            versions.append(webhook.secret_version - 1)
        secrets = [secret_of(self.key, webhook.id, version) for version in versions]
        delivered: list[Due] = []
        clock = asyncio.get_running_loop()
        began = clock.time()
        for one in batch:
            elapsed = clock.time() - began
            if elapsed > LONGEST_TURN:
                break
            body = one.event.body()
            signed = headers(one.event, body, secrets, now + timedelta(seconds=elapsed))
            outcome = await self.send(webhook.url, signed, body)
            if outcome != AttemptOutcome.ACCEPTED:
                return delivered, (one, outcome)
            delivered.append(one)
        return delivered, None


def for_runtime(runtime: Runtime) -> Dispatcher | None:
    """Return the dispatcher of an installation, or None where events are sent nowhere."""
    if runtime.webhook_key is None or not runtime.allowed.hosts:
        return None
    database = Database(runtime.database.dsns, pool=Pool(LANES + 1, runtime.settings.pool_wait))
    return Dispatcher(replace(runtime, database=database), Sender(runtime.allowed), runtime.webhook_key)


async def repeated(work: Callable[[], Awaitable[object]], pause: timedelta, stop: asyncio.Event) -> None:
    """Do some work again and again until told to stop; a database that is away is waited for."""
    while not stop.is_set():
        wait = pause
        try:
            await work()
        except Exception as error:
            if not is_unavailable(error):
                raise
            log.warning("database_away")
            wait = AFTER_FAILURE
        try:
            await asyncio.wait_for(stop.wait(), wait.total_seconds())
        except TimeoutError:
            continue
