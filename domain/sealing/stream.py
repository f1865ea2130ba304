"""A stream of sealed chunks, for what is longer than one sealed value: AES-256-GCM-SIV, chunk by chunk. Pure.

Layout of a sealed chunk, all integers big-endian::

    format (1) | key version (4) | nonce (12) | ciphertext (65,536) | tag (16)

Every chunk is bound to its stream, to its number and to how many there are, so that chunks neither change places nor
go missing, and none opens in another stream. A stream is filled up with zeros to a number of chunks that is a power of
two: how many there are tells one of nine rough sizes up to 16 MiB and nothing else.

Source: the construction STREAM of Hoang, Reyhanitabar, Rogaway and Vizár, "Online Authenticated-Encryption and its
Nonce-Reuse Misuse-Resistance" (2015), with the number of chunks, known beforehand, in place of the mark on the last.
"""

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final
from uuid import UUID

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCMSIV

from domain.sealing.envelope import KEY_BYTES, NONCE_BYTES, TAG_BYTES, SealBroken, length_prefixed

FORMAT: Final = 2
CHUNK: Final = 64 * 1024
"""Bytes of plaintext in a chunk."""

STREAM_ID_BYTES: Final = 16
_HEADER: Final = struct.Struct(f">BI{NONCE_BYTES}s")
SEALED_CHUNK: Final = _HEADER.size + CHUNK + TAG_BYTES
"""Bytes of a sealed chunk."""


@dataclass(frozen=True, slots=True)
class Stream:
    """Which stream a chunk belongs to. The seal of every chunk binds all of it.

    Attributes:
        id: 16 random bytes, drawn for each sealing: no two streams share a chunk, even in the same place.
        holder_id: Whose key seals it: a case, or the package of a referral.
        record_id: The record that the stream belongs to.
        compartment: What it tells about the person.
        key_version: Which of the holder's keys for the compartment seals it; 1 to 2^32 - 1.
        chunks: How many chunks it has.
    """

    id: bytes
    holder_id: UUID
    record_id: UUID
    compartment: str
    key_version: int
    chunks: int

    def associated_data(self, number: int) -> bytes:
        """Return what the seal of one chunk binds, length-prefixed: no two chunks of any streams share bytes."""
        return length_prefixed(
            b"nrm sealed stream",
            bytes([FORMAT]),
            self.id,
            self.record_id.bytes,
            self.holder_id.bytes,
            self.compartment.encode(),
            self.key_version.to_bytes(4, "big"),
            self.chunks.to_bytes(4, "big"),
            number.to_bytes(4, "big"),
            b"last" if number == self.chunks - 1 else b"more",
        )


def chunks_of(size: int) -> int:
    """Return how many chunks a content of so many bytes is sealed in: the next power of two."""
    return 1 << (-(-max(size, 1) // CHUNK) - 1).bit_length()


def filled(content: bytes) -> Iterator[bytes]:
    """Yield the plaintexts of the chunks, the last of them filled up with zeros."""
    for number in range(chunks_of(len(content))):
        yield content[number * CHUNK : (number + 1) * CHUNK].ljust(CHUNK, b"\0")


def seal_chunk(plaintext: bytes, number: int, *, key: bytes, nonce: bytes, stream: Stream) -> bytes:
    """Seal one chunk under its data key.

    Args:
        plaintext: 65,536 bytes.
        number: From 0.
        key: 32 bytes.
        nonce: 12 random bytes.
        stream: What the result is bound to.

    Raises:
        ValueError: wrong length of key, nonce or plaintext, or no such number.
    """
    if len(key) != KEY_BYTES or len(nonce) != NONCE_BYTES or len(plaintext) != CHUNK:
        raise ValueError("a key has 32 bytes, a nonce 12, and a chunk 65,536")
    if not 0 <= number < stream.chunks:
        raise ValueError("no such chunk of the stream")
    sealed = AESGCMSIV(key).encrypt(nonce, plaintext, stream.associated_data(number))
    return _HEADER.pack(FORMAT, stream.key_version, nonce) + sealed


def open_chunk(blob: bytes, number: int, *, key: bytes, stream: Stream) -> bytes:
    """Open one chunk where it lies.

    Raises:
        SealBroken: it was altered, moved, or sealed for another stream, holder or number.
    """
    if len(blob) != SEALED_CHUNK:
        raise SealBroken
    written_format, key_version, nonce = _HEADER.unpack_from(blob)
    if (written_format, key_version) != (FORMAT, stream.key_version):
        raise SealBroken
    try:
        return AESGCMSIV(key).decrypt(nonce, blob[_HEADER.size :], stream.associated_data(number))
    except InvalidTag:
        raise SealBroken from None
