"""`nrm migrate`, `nrm serve`, `nrm worker`: what an installation runs."""

import argparse
import asyncio
import functools
import signal
import sys
from dataclasses import replace
from types import FrameType

import uvicorn
from sqlalchemy.exc import ProgrammingError

from api import dispatcher, monitoring, sequencer, worker
from api.app import create_app
from api.bootstrap import Access, database_access, prepare
from api.control import controlled
from api.database import Database, is_unavailable
from api.development import ensure_keys
from api.logs import configure
from api.readiness import awaits_ledger
from api.runtime import Runtime, build, for_worker, keeper_of
from api.settings import DatabaseRole, Settings, UnsafeSettings, load_settings
from domain.sealing.keeper import Keeper
from domain.sealing.key_files import KeyFileRefused
from domain.sealing.pkcs11 import TokenRefused


def register(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the sub-commands."""
    for name, run, meaning in (
        ("migrate", migrate, "create roles and database, bring the schema to the newest version"),
        ("serve", serve, "serve the API"),
        ("worker", work, "fire deadlines, sequence the audit and tell webhooks of events until stopped"),
    ):
        command = subparsers.add_parser(name, help=meaning, description=meaning)
        command.set_defaults(run=run)


def _leave(_signal: int, _frame: FrameType | None) -> None:
    raise SystemExit(0)


def _prepared() -> Settings:
    settings = load_settings()
    # Being told to stop leaves through the same doors as an end does, so that the embedded server is stopped too.
    signal.signal(signal.SIGTERM, _leave)
    configure(settings.log_level)
    if settings.environment == "development":
        ensure_keys(settings)
    return settings


def migrate(_: argparse.Namespace) -> int:
    """Prepare the database."""
    with database_access(_prepared()) as access:
        asyncio.run(prepare(access))
    return 0


def _awaits_ledger(access: Access, role: DatabaseRole) -> bool:
    """Tell whether the database may serve nobody yet, and say what must be done. One that is away is waited for."""

    async def asked() -> bool:
        database = Database(access.dsns)
        try:
            return await awaits_ledger(database, role)
        except Exception as error:
            if is_unavailable(error) or isinstance(error, ProgrammingError):
                return False
            raise
        finally:
            await database.close()

    if found := asyncio.run(asked()):
        print(
            "refused: this database was restored, and what was erased since its backup is there again.\n"
            "Replay the newest shred ledger first: nrm ledger replay --input FILE",
            file=sys.stderr,
        )
    return found


def serve(_: argparse.Namespace) -> int:
    """Serve until stopped. The server's own access log is off: it would hold paths, and paths hold references.

    Returns:
        The exit code: 0, or 1 if the database was restored and its shred ledger is not replayed.
    """
    settings = _prepared()
    with database_access(settings) as access:
        keeper = _ready(keeper_of(settings))
        runtime = replace(build(settings, access.dsns), keys=keeper)
        if _awaits_ledger(access, DatabaseRole.APPLICATION):
            return 1
        app = create_app(runtime)
        with monitoring.watched(runtime), controlled(keeper, settings.control_path, "serve"):
            uvicorn.run(
                app,
                host=settings.host,
                port=settings.port,
                access_log=False,
                log_config=None,
                server_header=False,
                date_header=True,
                proxy_headers=settings.behind_tls_proxy,
                timeout_graceful_shutdown=10,
            )
    return 0


def _ready(keeper: Keeper) -> Keeper:
    """Open the keys, or look whether there is something that custodians can open.

    Raises:
        UnsafeSettings: there is nothing.
    """
    try:
        return keeper.prepared()
    except (KeyFileRefused, TokenRefused) as refused:
        raise UnsafeSettings(str(refused)) from None


def work(_: argparse.Namespace) -> int:
    """Work until stopped.

    Returns:
        The exit code: as for `serve`.
    """
    settings = _prepared()
    with database_access(settings) as access:
        if _awaits_ledger(access, DatabaseRole.WORKER):
            return 1
        asyncio.run(_work(for_worker(settings, access.dsns)))
    return 0


async def _work(runtime: Runtime) -> None:
    stop = asyncio.Event()
    for name in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(name, stop.set)
    dispatching = dispatcher.for_runtime(runtime)
    runtime.metrics.watch(runtime.database)
    alive = functools.partial(runtime.metrics.beating, monitoring.ALIVE_WITHIN)
    try:
        with monitoring.watched(runtime, alive):
            async with asyncio.TaskGroup() as group:
                group.create_task(worker.run(runtime, stop))
                group.create_task(sequencer.run(runtime, stop))
                if runtime.settings.metrics_port is not None:
                    counting = functools.partial(monitoring.count_what_waits, runtime)
                    group.create_task(dispatcher.repeated(counting, monitoring.BETWEEN_LOOKS, stop))
                if dispatching is not None:
                    group.create_task(dispatching.run(stop))
    finally:
        await runtime.database.close()
