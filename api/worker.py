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
from domain.budgets.commands import KNOWN
from domain.budgets.models import BudgetUse
from domain.deadlines.firing import fire_due
from domain.deadlines.models import DeadlineKind
from domain.deadlines.queries import WHOLE, Lane
from domain.duplicates.models import FINDINGS_KEPT, MatchFinding
from domain.statistics.counting import register

PAUSE = timedelta(seconds=1)
"""How long to sleep when nothing is due."""

AT_ONCE = 4
"""Batches at a time: while the database works on one, the next is prepared."""

AFTER_FAILURE = timedelta(seconds=5)

log = structlog.get_logger()


async def fire_once(runtime: Runtime, lane: Lane = WHOLE) -> int:
    """Fire a batch of due deadlines in one transaction; returns how many were looked at."""
    runtime.metrics.beat()
    async with runtime.database.sessions(DatabaseRole.WORKER)() as session:
        now = await enter_as_clock(session, runtime.clock.shift)
        work = runtime.work(session, now)
        looked_at = await fire_due(work, lane)
        await work.commit()
    for (kind, rule, fired), count in looked_at.items():
        runtime.metrics.deadlines_looked_at(DeadlineKind(kind), fired=fired, times=count)
        log.info("deadline", kind=kind, rule=rule, fired=fired, count=count)
    return looked_at.total()


async def fire_all(runtime: Runtime) -> int:
    """Fire everything that is due now, a few batches at a time; returns how many deadlines were looked at.

    A batch passes over the cases that another one holds, and its lane may then seem to have nothing left. So all begin
    again until none of them finds anything.
    """

    async def fire_on(lane: Lane) -> int:
        total = 0
        while count := await fire_once(runtime, lane):
            total += count
        return total

    total = 0
    while count := sum(await asyncio.gather(*(fire_on(Lane(number, AT_ONCE)) for number in range(AT_ONCE)))):
        total += count
    return total


async def forget_answers(runtime: Runtime) -> None:
    """Delete answers that are too old to be replayed, what counts for no budget any more, and old findings."""
    async with runtime.database.sessions(DatabaseRole.WORKER)() as session:
        now = await enter_as_clock(session, runtime.clock.shift)
        work = runtime.work(session, now)
        await session.execute(delete(IdempotencyRecord).where(col(IdempotencyRecord.answered_at) < now - KEPT))
        await session.execute(delete(BudgetUse).where(col(BudgetUse.used_at) < now - KNOWN))
        await session.execute(delete(MatchFinding).where(col(MatchFinding.found_at) < now - FINDINGS_KEPT))
        await work.commit()


async def close_periods(runtime: Runtime) -> tuple[str, ...]:
    """Count the cases of every period that ended long enough ago; returns the names of the periods that were closed."""
    closed: tuple[str, ...] = ()
    for country in runtime.catalogue.profiles:
        async with runtime.database.sessions(DatabaseRole.WORKER)() as session:
            now = await enter_as_clock(session, runtime.clock.shift)
            work = runtime.work(session, now)
            closed += await register(work, runtime.catalogue.statistics(country))
            await work.commit()
    for name in closed:
        log.info("period_closed", period=name)
    return closed


async def run(runtime: Runtime, stop: asyncio.Event) -> None:
    """Work until told to stop. A database that is away is waited for; nothing is lost, since nothing is held here."""
    while not stop.is_set():
        pause = PAUSE
        try:
            await fire_all(runtime)
            await forget_answers(runtime)
            await close_periods(runtime)
        except Exception as error:
            if not is_unavailable(error):
                raise
            log.warning("database_away")
            pause = AFTER_FAILURE
        try:
            await asyncio.wait_for(stop.wait(), pause.total_seconds())
        except TimeoutError:
            continue
