"""Dispatchers in processes of their own, which can be killed: at any moment, or at a named point of their own work."""

import asyncio
import multiprocessing
import os
import signal
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import timedelta
from multiprocessing.process import BaseProcess

from api.database import Database
from api.dispatcher import Dispatcher
from api.runtime import offline
from api.sending import Sender
from api.settings import DatabaseRole
from domain.webhooks.models import AttemptOutcome
from domain.webhooks.rules import Allowed, Patience
from tests.patience import patient

OFFLINE = offline()
"""Made once in the process that all others are forked from."""

IMPATIENT = Patience(
    first=timedelta(milliseconds=20),
    longest=timedelta(milliseconds=200),
    webhook_first=timedelta(milliseconds=10),
    webhook_longest=timedelta(milliseconds=50),
)

AFTER_CLAIMING, AFTER_SENDING, NEVER = "after claiming", "after sending", "never"


@dataclass(frozen=True)
class Plan:
    """When a dispatcher kills itself: before or after its so-manieth call; and how to reach database and receivers."""

    dsn: str
    key: bytes
    point: str = NEVER
    calls: int = 0


class Mortal(Sender):
    """A real sender that kills its process at a named point."""

    def __init__(self, plan: Plan) -> None:
        super().__init__(Allowed(frozenset({"127.0.0.1"}), development=True))
        self.plan, self.calls = plan, 0

    async def __call__(self, url: str, headers: Mapping[str, str], body: bytes) -> AttemptOutcome:
        self.calls += 1
        call = self.calls  # other lanes count on while this one waits for its answer
        self._die_at(AFTER_CLAIMING, call)
        outcome = await super().__call__(url, headers, body)
        self._die_at(AFTER_SENDING, call)
        return outcome

    def _die_at(self, point: str, call: int) -> None:
        if self.plan.point == point and call == self.plan.calls:
            os.kill(os.getpid(), signal.SIGKILL)


def dispatcher(plan: Plan) -> Dispatcher:
    """Return a dispatcher that tries again sooner than a real one."""
    database = Database({DatabaseRole.WORKER: plan.dsn}, pool=patient(4))
    runtime = replace(OFFLINE, database=database)
    return Dispatcher(runtime, Mortal(plan), plan.key, patience=IMPATIENT)


def live(plan: Plan) -> None:
    """Dispatch until killed: what a process does."""

    async def dispatch() -> None:
        await dispatcher(plan).run(asyncio.Event())

    asyncio.run(dispatch())


def started(plan: Plan) -> BaseProcess:
    """Start a process, forked from one that has loaded everything, so that many can live and die in little time."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload([__name__])
    process = context.Process(target=live, args=(plan,), daemon=True)
    process.start()
    return process
