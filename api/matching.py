"""The search for duplicates, in the background of every process that holds keys; each search is made once."""

import asyncio
from datetime import timedelta

import structlog

from api.database import is_unavailable
from api.runtime import Runtime
from auth.authentication import enter_as_search
from domain.duplicates.matching import compact, search_waiting
from domain.duplicates.pages import SEALING, SLOTS

PAUSE = timedelta(seconds=1)
"""How long to sleep when no search waits."""

AFTER_FAILURE = timedelta(seconds=5)

log = structlog.get_logger()


async def search_once(runtime: Runtime) -> int:
    """Make a few waiting searches in one transaction; returns how many."""
    async with runtime.database.sessions()() as session:
        work = runtime.work(session, await enter_as_search(session, runtime.clock.shift))
        found = await search_waiting(work, runtime.matching.index)
        await work.commit()
    return found


async def search_all(runtime: Runtime) -> int:
    """Make every search that waits now; returns how many."""
    count = 0
    while made := await search_once(runtime):
        count += made
    return count


async def compact_once(runtime: Runtime, at_least: int = SLOTS) -> int:
    """Move entries into a page in one transaction; returns how many."""
    async with runtime.database.sessions()() as session:
        work = runtime.work(session, await enter_as_search(session, runtime.clock.shift))
        moved = await compact(work, at_least)
        await work.commit()
    return moved


async def step(runtime: Runtime) -> timedelta:
    """Make what waits; returns how long to sleep.

    Where the keys are sealed, or something does not open, all that is held in memory is wiped and read again later.
    """
    try:
        runtime.keys.derive(SEALING)
        await search_all(runtime)
        while await compact_once(runtime):
            pass
    except Exception as error:  # noqa: BLE001 - the service goes on; a page that does not open is an alarm, no end
        if not is_unavailable(error):
            log.error("search_failed", kind=type(error).__name__)  # noqa: TRY400 - a trace would show what it held
            runtime.matching.wipe()
        return AFTER_FAILURE
    return PAUSE


async def run(runtime: Runtime) -> None:
    """Search until cancelled. A database that is away is waited for; what waits, waits in the database."""
    while True:  # noqa: ASYNC110 - no other process could set an event: what waits, waits in the database
        await asyncio.sleep((await step(runtime)).total_seconds())
