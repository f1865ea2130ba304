"""Put sealed streams into the database and take them out, a few chunks at a time. Only the vault calls this."""

import hashlib
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, replace
from typing import Any, Final
from uuid import UUID

from sqlalchemy import delete, func, insert
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col, select

from domain.codes import Compartment
from domain.sealing.envelope import NONCE_BYTES, SealBroken, fingerprint
from domain.sealing.keys import unwrap_data_key
from domain.sealing.models import SealedChunk, SealingKey
from domain.sealing.providers import KeyProvider, RandomBytes
from domain.sealing.stream import CHUNK, STREAM_ID_BYTES, Stream, chunks_of, filled, open_chunk, seal_chunk

PART: Final = 16
"""Chunks that are read or written with one statement: 1 MiB."""


@dataclass(frozen=True, slots=True)
class Written:
    """A stream as it was sealed.

    Attributes:
        stream: What its chunks are bound to; must be remembered, sealed, to open any.
        fingerprint: SHA-256 over the fingerprints of its sealed chunks, hexadecimal, for the audit entry.
    """

    stream: Stream
    fingerprint: str


class Streams:
    """The sealed streams of one transaction; see `Vault` for the arguments."""

    def __init__(self, session: AsyncSession, keys: KeyProvider, random: RandomBytes) -> None:
        self.session, self.keys, self.random = session, keys, random

    async def write(
        self, content: bytes, *, holder_id: UUID, record_id: UUID, compartment: Compartment, data_key: tuple[int, bytes]
    ) -> Written:
        """Seal a content in chunks, under a version of the holder's data key for the compartment."""
        version, key = data_key
        identity = self.random(STREAM_ID_BYTES)
        stream = Stream(identity, holder_id, record_id, compartment, version, chunks_of(len(content)))
        return await self._written(stream, key, _several(filled(content)))

    async def copy(self, source: Stream, *, holder_id: UUID, record_id: UUID, data_key: tuple[int, bytes]) -> Written:
        """Seal a stream again for another holder, a few chunks at a time: the plaintext goes nowhere else.

        Raises:
            SealBroken: a chunk of the source was altered, moved or is missing.
        """
        version, key = data_key
        target = replace(
            source,
            id=self.random(STREAM_ID_BYTES),
            holder_id=holder_id,
            record_id=record_id,
            key_version=version,
        )

        async def parts() -> AsyncIterator[list[bytes]]:
            for first in range(0, source.chunks, PART):
                yield await self.part(source, first)

        return await self._written(target, key, parts())

    async def part(self, stream: Stream, first: int) -> list[bytes]:
        """Open `PART` chunks of a stream from one number on, or as many as there are.

        Raises:
            SealBroken: a chunk was altered, moved, or is missing; or there are more chunks than there should be.
        """
        rows = await self.session.execute(
            select(col(SealedChunk.number), col(SealedChunk.sealed))
            .where(
                col(SealedChunk.record_id) == stream.record_id,
                col(SealedChunk.number) >= first,
                col(SealedChunk.number) < first + PART,
            )
            .order_by(col(SealedChunk.number))
        )
        found = rows.all()
        if [number for number, _ in found] != list(range(first, min(first + PART, stream.chunks))):
            raise SealBroken
        key = await self._key(stream)
        return [open_chunk(bytes(sealed), number, key=key, stream=stream) for number, sealed in found]

    async def is_whole(self, stream: Stream) -> bool:
        """Tell whether every chunk is there and no other, opening none."""
        counted = select(func.count()).where(col(SealedChunk.record_id) == stream.record_id)
        return bool((await self.session.execute(counted)).scalar_one() == stream.chunks)

    async def drop(self, record_id: UUID) -> None:
        """Delete the chunks of one record."""
        await self.session.execute(delete(SealedChunk).where(col(SealedChunk.record_id) == record_id))

    async def _written(self, stream: Stream, key: bytes, parts: AsyncIterator[list[bytes]]) -> Written:
        number, digest = 0, hashlib.sha256()
        async for part in parts:
            rows: list[dict[str, Any]] = []
            for plaintext in part:
                sealed = seal_chunk(plaintext, number, key=key, nonce=self.random(NONCE_BYTES), stream=stream)
                digest.update(fingerprint(sealed))
                rows.append(
                    {
                        "record_id": stream.record_id,
                        "number": number,
                        "holder_id": stream.holder_id,
                        "compartment": stream.compartment,
                        "key_version": stream.key_version,
                        "sealed": sealed,
                    }
                )
                number += 1
            await self.session.execute(insert(SealedChunk), rows)
        return Written(stream, digest.hexdigest())

    async def _key(self, stream: Stream) -> bytes:
        place = (stream.holder_id, stream.compartment, stream.key_version)
        found = await self.session.get(SealingKey, place)
        if found is None:
            raise SealBroken
        return unwrap_data_key(
            self.keys,
            found.wrapped,
            holder_id=stream.holder_id,
            compartment=stream.compartment,
            version=stream.key_version,
        )


async def _several(chunks: Iterator[bytes]) -> AsyncIterator[list[bytes]]:
    part: list[bytes] = []
    for chunk in chunks:
        part.append(chunk)
        if len(part) == PART:
            yield part
            part = []
    if part:
        yield part


def trimmed(part: list[bytes], first: int, size: int) -> list[bytes]:
    """Return what some chunks from one number on hold of a content of so many bytes, without what it was filled with.

    Raises:
        SealBroken: something else than zeros stands behind the content.
    """
    kept = []
    for number, chunk in enumerate(part, start=first):
        length = min(max(size - number * CHUNK, 0), CHUNK)
        if chunk.count(0, length) != CHUNK - length:
            raise SealBroken
        kept.append(chunk[:length])
    return [one for one in kept if one]
