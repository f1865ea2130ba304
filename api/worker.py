"""The worker: fires deadlines on the database's clock. Run as many as you like; each deadline fires once."""

import asyncio
from datetime import timedelta

import structlog
from sqlalchemy import delete
from sqlmodel import col

from api.database import is_unavailable
from api.idempotency import KEPT, IdempotencyRecord
from api.runtime import Runtime
from api.settings import DatabaseRole
from auth.authentication import enter_as_clock
from domain.deadlines.firing import fire_next

PAUSE = timedelta(seconds=1)
"""How long to sleep when nothing is due."""

AFTER_FAILURE = timedelta(seconds=5)

log = structlog.get_logger()


async def fire_once(runtime: Runtime) -> bool:
    """Fire one due deadline in one transaction; returns whether there was one."""
    runtime.metrics.beat()
    async with runtime.database.sessions(DatabaseRole.WORKER)() as session:
        now = await enter_as_clock(session, runtime.clock.shift)
        work = runtime.work(session, now)
        deadline = await fire_next(work)
        await work.commit()
    if deadline is not None:
        runtime.metrics.deadline(deadline, now)
        log.info("deadline", kind=deadline.kind, rule=deadline.rule, fired=deadline.fired_at is not None)
    return deadline is not None


async def fire_all(runtime: Runtime) -> int:
    """Fire everything that is due now; returns how many deadlines were looked at."""
    count = 0
    while await fire_once(runtime):
        count += 1
    return count


async def forget_answers(runtime: Runtime) -> None:
    """Delete answers that are too old to be replayed."""
    async with runtime.database.sessions(DatabaseRole.WORKER)() as session:
        now = await enter_as_clock(session, runtime.clock.shift)
        work = runtime.work(session, now)
        await session.execute(delete(IdempotencyRecord).where(col(IdempotencyRecord.answered_at) < now - KEPT))
        await work.commit()


async def run(runtime: Runtime, stop: asyncio.Event) -> None:
    """Work until told to stop. A database that is away is waited for; nothing is lost, since nothing is held here."""
    while not stop.is_set():
        pause = PAUSE
        try:
            await fire_all(runtime)
            await forget_answers(runtime)
        except Exception as error:
            if not is_unavailable(error):
                raise
            log.warning("database_away")
            pause = AFTER_FAILURE
        try:
            await asyncio.wait_for(stop.wait(), pause.total_seconds())
        except TimeoutError:
            continue
