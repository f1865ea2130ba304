"""Workers that erase in processes of their own, and kill themselves before a statement of their own choice."""

import asyncio
import multiprocessing
import os
import signal
from dataclasses import dataclass, replace
from multiprocessing.process import BaseProcess
from typing import Any

from sqlalchemy import event

from api import worker
from api.database import Database
from api.runtime import offline
from api.settings import DatabaseRole
from tests.patience import patient

OFFLINE = offline()
"""Made once in the process that all others are forked from."""

NEVER = 0


@dataclass(frozen=True)
class Plan:
    """Before which statement a worker kills itself, counting from its first; `NEVER` to work until nothing is due."""

    dsn: str
    statement: int = NEVER


def live(plan: Plan) -> None:
    """Fire what is due until killed."""
    database = Database({DatabaseRole.WORKER: plan.dsn}, pool=patient(4))
    said = 0

    def count(*_: Any) -> None:
        nonlocal said
        said += 1
        if said == plan.statement:
            os.kill(os.getpid(), signal.SIGKILL)

    event.listen(database.engine(DatabaseRole.WORKER).sync_engine, "before_cursor_execute", count)
    event.listen(database.engine(DatabaseRole.WORKER).sync_engine, "commit", count)

    async def work() -> None:
        await worker.fire_all(replace(OFFLINE, database=database))
        await database.close()

    asyncio.run(work())


def started(plan: Plan) -> BaseProcess:
    """Start a process, forked from one that has loaded everything, so that many can live and die in little time."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload([__name__])
    process = context.Process(target=live, args=(plan,), daemon=True)
    process.start()
    return process
