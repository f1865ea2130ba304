"""Published files as they are served, kept in memory: a release never changes, so nothing here ever goes stale."""

from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession
from starlette.types import ASGIApp, Receive, Scope, Send

from api.contract import PUBLIC as PUBLISHED
from domain.columns import Instant
from domain.statistics.models import Release, ReleaseFile

MOST: Final = 32 << 20
"""Bytes that are kept; what was asked for longest ago goes first."""

JSON: Final = "application/json"
AGAIN: Final = frozenset({b"etag", b"cache-control"})
"""What is said to a reader who has the bytes already."""

DOCUMENT: Final = ""
"""Stands for the release itself among its files."""


FILES: Final = text(
    "SELECT release_id, name, media_type, octet_length(content) AS bytes, address FROM release_files ORDER BY name"
)
RELEASES: Final = text(
    "SELECT id, country, number, previous, published_at, "
    "convert_from(document, 'UTF8')::json #>> '{periods,-1}' AS until FROM releases ORDER BY country, number"
).columns(published_at=Instant)


@dataclass(frozen=True, slots=True)
class Published:
    """What is served: the bytes, what they are, and their SHA-256 in hexadecimal."""

    content: bytes
    media_type: str
    address: str
    filename: str


@dataclass(frozen=True, slots=True)
class Kept:
    """An answer that is ready to be sent again.

    Attributes:
        route: The route that made it, for whoever counts requests.
    """

    body: bytes
    headers: Sequence[tuple[bytes, bytes]]
    etag: bytes
    route: object


class Shelf:
    """Keeps what was served lately, by path."""

    def __init__(self) -> None:
        self._kept: OrderedDict[str, Kept] = OrderedDict()
        self._bytes = 0

    def empty(self) -> None:
        """Keep nothing any more."""
        self._kept.clear()
        self._bytes = 0

    def find(self, path: str) -> Kept | None:
        """Return an answer if it is kept."""
        found = self._kept.get(path)
        if found is not None:
            self._kept.move_to_end(path)
        return found

    def keep(self, path: str, answer: Kept) -> None:
        """Keep an answer, and let go of others if there are too many bytes."""
        if path in self._kept:
            return
        self._kept[path] = answer
        self._bytes += len(answer.body)
        while self._bytes > MOST:
            _, gone = self._kept.popitem(last=False)
            self._bytes -= len(gone.body)


class Shelved:
    """Answers from the shelf before the framework looks for a route; what is not on it goes on to its route."""

    def __init__(self, app: ASGIApp, *, shelf: Shelf) -> None:
        self.app, self.shelf = app, shelf

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer, or pass on; see the class."""
        path = scope["path"] if scope["type"] == "http" else ""
        found = None
        if path.startswith(PUBLISHED) and scope["method"] == "GET" and not scope["query_string"]:
            found = self.shelf.find(path)
        if found is None:
            await self.app(scope, receive, send)
            return
        scope["route"] = found.route
        headers: list[tuple[bytes, bytes]] = scope["headers"]
        if any(name == b"if-none-match" and value == found.etag for name, value in headers):
            again = [(name, value) for name, value in found.headers if name in AGAIN]
            await send({"type": "http.response.start", "status": 304, "headers": again})
            await send({"type": "http.response.body", "body": b""})
            return
        await send({"type": "http.response.start", "status": 200, "headers": list(found.headers)})
        await send({"type": "http.response.body", "body": found.body})


async def fetch(session: AsyncSession, release: str, name: str) -> Published | None:
    """Read a file, or the release itself, from the database."""
    of = await session.get(Release, release)
    if of is None:
        return None
    called = f"nrm-{of.country}-{of.number}"
    if name == DOCUMENT:
        return Published(of.document, JSON, release, f"{called}.json")
    file = await session.get(ReleaseFile, (release, name))
    if file is None:
        return None
    return Published(file.content, file.media_type, file.address, f"{called}-{name.rsplit('/', maxsplit=1)[-1]}")


async def list_all(session: AsyncSession) -> Sequence[dict[str, object]]:
    """Return every release with its files, without their bytes, in the order in which they were published."""
    files = await session.execute(FILES)
    of: dict[str, list[dict[str, object]]] = {}
    for row in files.mappings():
        of.setdefault(row["release_id"], []).append({key: row[key] for key in row if key != "release_id"})
    releases = await session.execute(RELEASES)
    return [{**row, "files": of.get(row["id"], [])} for row in releases.mappings()]
