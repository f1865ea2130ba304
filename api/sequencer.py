"""The sequencer: a task of the worker that places what was committed, and signs the tree from time to time.

It must not keep deadlines from firing: whatever it finds wrong is logged, counted and tried again later.
"""

import asyncio
import contextlib
from datetime import timedelta
from typing import Final

import structlog
from sqlalchemy.exc import IntegrityError

from api.database import is_unavailable
from api.runtime import Runtime
from api.settings import DatabaseRole
from auth.authentication import enter_as_clock
from domain.audit.checkpoints import Checkpoint
from domain.audit.notes import NoteRefused
from domain.audit.sequencing import EVERY, MOST, TreeDiffers, place_entries, sign_checkpoint

PAUSE: Final = timedelta(seconds=5)
SHARE: Final = 20
"""Looking for what waits takes longer the more chains there are: this many times as long is waited between looks."""

log = structlog.get_logger()


async def place_all(runtime: Runtime, most: int = MOST) -> int:
    """Place everything that is committed now; returns how many entries were placed."""
    total, more = 0, True
    while more:
        async with runtime.database.sessions(DatabaseRole.WORKER)() as session:
            work = runtime.work(session, await enter_as_clock(session, runtime.clock.shift))
            placed = await place_entries(work, most)
            await work.commit()
        total, more = total + placed.entries, placed.more
    return total


async def sign(runtime: Runtime, every: timedelta = EVERY) -> Checkpoint | None:
    """Sign the tree, if the process has the key and there is something new; returns the new checkpoint."""
    if runtime.audit_key is None:
        return None
    async with runtime.database.sessions(DatabaseRole.WORKER)() as session:
        work = runtime.work(session, await enter_as_clock(session, runtime.clock.shift))
        made = await sign_checkpoint(work, runtime.audit_key, every)
        await work.commit()
    return made


async def once(runtime: Runtime) -> None:
    """Place and sign; what is wrong is told, and does not stop the worker."""
    try:
        placed = await place_all(runtime)
        made = await sign(runtime)
    except (TreeDiffers, NoteRefused, IntegrityError, KeyError, ValueError) as error:
        runtime.metrics.audit_faults.inc()
        log.error("audit_tree", kind=type(error).__name__)  # noqa: TRY400 - no traceback: it could show rows
        return
    if placed or made is not None:
        log.info("audit_tree", count=placed)


async def run(runtime: Runtime, stop: asyncio.Event) -> None:
    """Sequence until told to stop."""
    clock = asyncio.get_running_loop()
    while not stop.is_set():
        began = clock.time()
        try:
            await once(runtime)
        except Exception as error:
            if not is_unavailable(error):
                raise
            log.warning("database_away")
        pause = max(PAUSE.total_seconds(), (clock.time() - began) * SHARE)
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(stop.wait(), pause)
