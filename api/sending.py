"""Send one event to one address, and learn no more than whether it was taken.

Written on sockets, not on a client library: it connects to the very address that was checked, follows nothing, takes no
proxy from the environment, and reads the status and nothing else.
"""

import asyncio
import contextlib
import re
import socket
import ssl
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Final, Protocol

from domain.webhooks.models import AttemptOutcome
from domain.webhooks.rules import Allowed, Destination, DestinationRefused

PATIENCE: Final = 10.0
"""Seconds for one attempt in all: name, connection, TLS and answer."""

LONGEST_ANSWER: Final = 8192
"""Bytes of an answer that are looked at: its status, with whatever interim answers stand before it."""

_STATUS: Final = re.compile(rb"HTTP/1\.[01] ([1-5][0-9][0-9])(?: [^\r\n]*)?\r?\n")

Resolve = Callable[[str, int], Awaitable[Sequence[str]]]
"""Returns the addresses of a host."""


class Send(Protocol):
    """Sends one event; never raises for what a receiver does."""

    async def __call__(self, url: str, headers: Mapping[str, str], body: bytes) -> AttemptOutcome:
        """Return what came of the attempt."""


class _NoAnswer(Exception):
    """What came was no answer in HTTP."""


async def resolve(host: str, port: int) -> list[str]:
    """Return the addresses that the system's resolver gives."""
    found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return [str(address[0]) for *_, address in found]


class Sender:
    """Sends events to allowed hosts only.

    Args:
        allowed: Where events may go.
        resolving: Asked once an attempt; what it says is checked and then connected to, so that a name that changes its
            mind gains nothing.
        tls: Whom to trust; the system's authorities unless told.
        patience: Seconds for one attempt.
    """

    def __init__(
        self,
        allowed: Allowed,
        *,
        resolving: Resolve = resolve,
        tls: ssl.SSLContext | None = None,
        patience: float = PATIENCE,
    ) -> None:
        self.allowed, self.resolving, self.patience = allowed, resolving, patience
        self.tls = tls or ssl.create_default_context()

    async def __call__(self, url: str, headers: Mapping[str, str], body: bytes) -> AttemptOutcome:
        """Send one event. Only a status between 200 and 299 means that it was taken."""
        try:
            destination = self.allowed.destination(url)
            async with asyncio.timeout(self.patience):
                resolved = await self.resolving(destination.host, destination.port)
                address = self.allowed.address(destination.host, resolved)
                status = await self._posted(destination, address, headers, body)
        except DestinationRefused:
            return AttemptOutcome.NOT_ALLOWED
        except TimeoutError:
            return AttemptOutcome.TOO_SLOW
        except (OSError, EOFError, asyncio.LimitOverrunError, _NoAnswer):
            return AttemptOutcome.UNREACHABLE
        if 200 <= status < 300:  # noqa: PLR2004 - a class of statuses
            return AttemptOutcome.ACCEPTED
        return AttemptOutcome.REDIRECTED if 300 <= status < 400 else AttemptOutcome.REFUSED  # noqa: PLR2004

    async def _posted(self, to: Destination, address: str, headers: Mapping[str, str], body: bytes) -> int:
        encrypted = to.scheme == "https"
        reader, writer = await asyncio.open_connection(
            address,
            to.port,
            ssl=self.tls if encrypted else None,
            server_hostname=to.host if encrypted else None,
            limit=LONGEST_ANSWER,
        )
        try:
            writer.write(_request(to, headers, body))
            await writer.drain()
            status = await _status(reader)
            # The receiver closes in its own time, briefly: a reset would look to it like a failure.
            with contextlib.suppress(TimeoutError, OSError):
                async with asyncio.timeout(0.1):
                    await reader.read(LONGEST_ANSWER)
            return status
        finally:
            writer.transport.abort()


def _request(to: Destination, headers: Mapping[str, str], body: bytes) -> bytes:
    usual = {"http": 80, "https": 443}[to.scheme]
    lines = [
        f"POST {to.path} HTTP/1.1",
        f"host: {to.host}" if to.port == usual else f"host: {to.host}:{to.port}",
        "user-agent: nrm-referral",
        "connection: close",
        f"content-length: {len(body)}",
        *(f"{name}: {value}" for name, value in headers.items()),
    ]
    return "\r\n".join([*lines, "", ""]).encode("ascii") + body


async def _status(reader: asyncio.StreamReader) -> int:
    """Return the status of the final answer; interim ones (RFC 9110, section 15.2) are passed over."""
    left = LONGEST_ANSWER
    while True:
        line = await reader.readuntil(b"\n")
        found = _STATUS.fullmatch(line)
        if found is None:
            raise _NoAnswer
        status = int(found[1])
        if status >= 200:  # noqa: PLR2004 - everything before is interim
            return status
        while line.strip():
            left -= len(line)
            if left < 0:
                raise _NoAnswer
            line = await reader.readuntil(b"\n")
