"""A port of its own for whoever watches a process: figures, and whether the worker works. Never the API's port.

It listens on loopback unless the settings say that another address is private. It asks nobody who they are, so it tells
nothing that could concern anybody: `api/metrics.py` says what.
"""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from socketserver import ThreadingMixIn
from typing import TYPE_CHECKING, Any, Final
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer

from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from sqlalchemy import func, select
from sqlmodel import col

from api.runtime import Runtime
from api.settings import DatabaseRole
from auth.authentication import enter_as_clock
from domain.deadlines.models import Deadline
from domain.webhooks.models import Delivery, DeliveryState

if TYPE_CHECKING:
    from wsgiref.types import StartResponse, WSGIEnvironment

BETWEEN_LOOKS: Final = timedelta(seconds=15)
"""How often the worker counts what waits."""

ALIVE_WITHIN: Final = 60.0
"""Seconds after which a worker that has not looked for work is no longer ready."""

PATIENCE: Final = 5.0
"""Seconds that a client of this port may take."""


async def count_what_waits(runtime: Runtime) -> None:
    """Count deadlines and events that wait, in the whole installation and of no organisation."""
    async with runtime.database.sessions(DatabaseRole.WORKER)() as session:
        now = await enter_as_clock(session, runtime.clock.shift)
        is_due = col(Deadline.due_at) <= now, col(Deadline.fired_at).is_(None), col(Deadline.settled_at).is_(None)
        due, first = (await session.execute(select(func.count(), func.min(Deadline.due_at)).where(*is_due))).one()
        states = col(Delivery.state).in_((DeliveryState.WAITING, DeliveryState.DEAD))
        rows = await session.execute(
            select(col(Delivery.state), func.count(), func.min(Delivery.offered_at))
            .where(states)
            .group_by(Delivery.state)
        )
        events = {DeliveryState(state): (count, oldest) for state, count, oldest in rows}
    _, oldest = events.get(DeliveryState.WAITING, (0, None))
    runtime.metrics.waiting(
        due,
        _since(first, now),
        {state: count for state, (count, _) in events.items()},
        _since(oldest, now),
    )


def _since(first: datetime | None, now: datetime) -> float:
    return max((now - first).total_seconds(), 0.0) if first is not None else 0.0


class _Server(ThreadingMixIn, WSGIServer):
    daemon_threads = True


class _Quiet(WSGIRequestHandler):
    timeout = PATIENCE

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the library's name
        """Log nothing: what is asked for is in the path, and paths are not logged."""


@contextmanager
def watched(runtime: Runtime, ready: Callable[[], bool] | None = None) -> Iterator[int | None]:
    """Serve the figures of this process on its port for watching, if it has one; yields the port.

    Args:
        runtime: Of this process.
        ready: Whether it works, for `/health/ready`; without it there is no such path here.
    """
    settings = runtime.settings
    if settings.metrics_port is None:
        yield None
        return

    def answer(environ: "WSGIEnvironment", start: "StartResponse") -> list[bytes]:
        status, kind, body = "404 Not Found", "text/plain; charset=utf-8", b""
        path = environ["PATH_INFO"] if environ["REQUEST_METHOD"] == "GET" else ""
        if path == "/metrics":
            status, kind, body = "200 OK", CONTENT_TYPE_LATEST, generate_latest(runtime.metrics.registry)
        elif path == "/health/live":
            status, body = "200 OK", b"live\n"
        elif path == "/health/ready" and ready is not None:
            status, body = ("200 OK", b"ready\n") if ready() else ("503 Service Unavailable", b"waiting\n")
        start(status, [("Content-Type", kind), ("Content-Length", str(len(body)))])
        return [body]

    server = _Server((settings.metrics_host, settings.metrics_port), _Quiet)
    server.set_app(answer)
    thread = threading.Thread(target=server.serve_forever, daemon=True, name="metrics")
    thread.start()
    try:
        yield server.server_port
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
