"""Published files as they are served, kept in memory: a release never changes, so nothing here ever goes stale."""

from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from sqlalchemy import func
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col, select

from domain.statistics.models import Release, ReleaseFile

MOST: Final = 32 << 20
"""Bytes that are kept; what was asked for longest ago goes first."""

JSON: Final = "application/json"
DOCUMENT: Final = ""
"""Stands for the release itself among its files."""


@dataclass(frozen=True, slots=True)
class Published:
    """What is served: the bytes, what they are, and their SHA-256 in hexadecimal."""

    content: bytes
    media_type: str
    address: str
    filename: str


class Shelf:
    """Keeps what was served lately, by release and file."""

    def __init__(self) -> None:
        self._kept: OrderedDict[tuple[str, str], Published] = OrderedDict()
        self._bytes = 0

    def find(self, release: str, name: str) -> Published | None:
        """Return a file if it is kept."""
        found = self._kept.get((release, name))
        if found is not None:
            self._kept.move_to_end((release, name))
        return found

    def keep(self, release: str, name: str, published: Published) -> None:
        """Keep a file, and let go of others if there are too many bytes."""
        if (release, name) in self._kept:
            return
        self._kept[release, name] = published
        self._bytes += len(published.content)
        while self._bytes > MOST:
            _, gone = self._kept.popitem(last=False)
            self._bytes -= len(gone.content)


async def fetch(session: AsyncSession, release: str, name: str) -> Published | None:
    """Read a file, or the release itself, from the database."""
    if name == DOCUMENT:
        rows = await session.execute(
            select(Release.document, Release.country, Release.number).where(col(Release.id) == release)
        )
        document = rows.one_or_none()
        if document is None:
            return None
        return Published(document[0], JSON, release, f"nrm-{document[1]}-{document[2]}.json")
    rows = await session.execute(
        select(ReleaseFile, Release.country, Release.number)
        .join(Release, col(Release.id) == col(ReleaseFile.release_id))
        .where(col(ReleaseFile.release_id) == release, col(ReleaseFile.name) == name)
    )
    found = rows.one_or_none()
    if found is None:
        return None
    file, country, number = found
    return Published(file.content, file.media_type, file.address, f"nrm-{country}-{number}-{file.name.split('/')[-1]}")


async def list_all(session: AsyncSession) -> Sequence[dict[str, object]]:
    """Return every release with its files, without their bytes, in the order in which they were published."""
    files = await session.execute(
        select(
            ReleaseFile.release_id,
            ReleaseFile.name,
            ReleaseFile.media_type,
            func.octet_length(ReleaseFile.content).label("bytes"),
            ReleaseFile.address,
        ).order_by(col(ReleaseFile.name))
    )
    of: dict[str, list[dict[str, object]]] = {}
    for row in files.mappings():
        of.setdefault(row["release_id"], []).append({key: row[key] for key in row if key != "release_id"})
    releases = await session.execute(
        select(Release.id, Release.country, Release.number, Release.previous, Release.published_at).order_by(
            col(Release.country), col(Release.number)
        )
    )
    return [{**row, "files": of.get(row["id"], [])} for row in releases.mappings()]
