"""The service as the demonstration runs it: API and worker in processes of their own, their logs in a file.

They are started through a fork server that has imported everything once, so that starting them again for another day
costs nothing. If the demonstration is killed, they notice and end too.
"""

import asyncio
import multiprocessing
import multiprocessing.connection
import multiprocessing.forkserver
import os
import signal
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing.context import ForkServerContext, ForkServerProcess
from pathlib import Path

import uvicorn

from api import worker
from api.app import create_app
from api.logs import configure
from api.runtime import Runtime, build, for_worker
from api.settings import DatabaseRole, Settings

Dsns = dict[DatabaseRole, str]

PATIENCE = 15.0
"""Seconds for a process to end after it was asked to."""


def context() -> ForkServerContext:
    """Return what starts processes. It begins at once to import everything, while something else is set up."""
    found = multiprocessing.get_context("forkserver")
    found.set_forkserver_preload(["api.demo.preloaded"])
    multiprocessing.forkserver.ensure_running()
    return found


@contextmanager
def running(
    starter: ForkServerContext, settings: Settings, dsns: Dsns, log: Path, listening: socket.socket
) -> Iterator[list[ForkServerProcess]]:
    """Run an API and a worker with these settings, and end both afterwards.

    Args:
        starter: From `context`.
        settings: Of both; the clock's shift is among them.
        dsns: Where the database is, for each role.
        log: The file that gets all that they write.
        listening: The socket that the API serves; connections that come before it is ready wait.
    """
    of_api = {role: dsns[role] for role in (DatabaseRole.APPLICATION, DatabaseRole.STATISTICS)}
    of_worker = {DatabaseRole.WORKER: dsns[DatabaseRole.WORKER]}
    processes = [
        starter.Process(target=serve, args=(settings, of_api, log, listening), daemon=True),
        starter.Process(target=work, args=(settings, of_worker, log), daemon=True),
    ]
    for process in processes:
        process.start()
    try:
        yield processes
    finally:
        for process in processes:
            process.terminate()
        for process in processes:
            process.join(PATIENCE)
            if process.is_alive():
                process.kill()
                process.join(PATIENCE)
            process.close()


def serve(settings: Settings, dsns: Dsns, log: Path, listening: socket.socket) -> None:
    """Serve the API in this process until told to stop."""
    _begin(settings, log)
    runtime = build(settings, dsns)
    config = uvicorn.Config(
        create_app(runtime), access_log=False, log_config=None, server_header=False, timeout_graceful_shutdown=5
    )
    uvicorn.Server(config).run(sockets=[listening])


def work(settings: Settings, dsns: Dsns, log: Path) -> None:
    """Work off deadlines in this process until told to stop."""
    _begin(settings, log)
    asyncio.run(_work(for_worker(settings, dsns)))


async def _work(runtime: Runtime) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for name in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(name, stop.set)
    try:
        await worker.run(runtime, stop)
    finally:
        await runtime.database.close()


def _begin(settings: Settings, log: Path) -> None:
    """Send everything that this process writes to the log, and end with the parent."""
    file = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    os.dup2(file, 1)
    os.dup2(file, 2)
    os.close(file)
    threading.Thread(target=_end_with_parent, daemon=True).start()
    configure(settings.log_level)


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        multiprocessing.connection.wait([parent.sentinel])
        os.kill(os.getpid(), signal.SIGTERM)
