"""A request as the server sees it go by, message by message: what was read of a body, and what left before the end."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

from fastapi import FastAPI


@dataclass
class Exchange:
    """What passed between a client and the application.

    Attributes:
        pulled: Bytes of the request's body that the application took.
        finished: Whether the answer came to its end.
    """

    status: int = 0
    headers: dict[str, str] = field(default_factory=dict)
    content: bytes = b""
    pulled: int = 0
    finished: bool = False


def scope_of(method: str, path: str, headers: dict[str, str]) -> dict[str, Any]:
    """Return what a server tells an application of a request."""
    path, _, query = path.partition("?")
    return {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": method,
        "scheme": "http",
        "path": path,
        "raw_path": path.encode(),
        "query_string": query.encode(),
        "root_path": "",
        "headers": [(name.lower().encode(), value.encode()) for name, value in headers.items()],
        "client": ("127.0.0.1", 1),
        "server": ("nrm.test", 80),
    }


async def exchanged(
    app: FastAPI,
    method: str,
    path: str,
    headers: dict[str, str],
    body: Iterable[bytes] | None = (),
    *,
    seen: Callable[[Exchange], Awaitable[None]] | None = None,
) -> Exchange:
    """Send a request in parts; `seen` is called with every part of the answer, before the next one can leave.

    Without a body, None, the client announces one and never sends it.
    """
    found = Exchange()
    parts = iter(body or ())
    scope = scope_of(method, path, headers)
    ended = body is None

    async def receive() -> dict[str, Any]:
        nonlocal ended
        if ended:
            await asyncio.Event().wait()  # the client stays
        part = next(parts, b"")
        ended = not part
        found.pulled += len(part)
        return {"type": "http.request", "body": part, "more_body": bool(part)}

    async def send(message: Any) -> None:
        if message["type"] == "http.response.start":
            found.status = message["status"]
            found.headers = {name.decode(): value.decode() for name, value in message["headers"]}
        else:
            found.content += message.get("body", b"")
            found.finished = not message.get("more_body", False)
            if seen is not None and message.get("body"):
                await seen(found)

    await app(scope, receive, send)
    return found
