"""The envelope around one sealed value: AES-256-GCM-SIV, bound to the place where the value lies. Pure.

Layout of a sealed value, all integers big-endian::

    format (1) | key version (4) | nonce (12) | ciphertext (n x 256) | tag (16)

The ciphertext hides how long the plaintext is, up to the next multiple of 256 bytes.
"""

import hashlib
import struct
from dataclasses import dataclass
from typing import Final
from uuid import UUID

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCMSIV

from domain.errors import DomainError

FORMAT: Final = 1
KEY_BYTES: Final = 32
NONCE_BYTES: Final = 12
TAG_BYTES: Final = 16
STEP: Final = 256
"""Plaintexts are padded to a multiple of this many bytes."""

MAX_PLAINTEXT: Final = 64 * 1024
"""The most bytes that one value may hold before padding."""

_HEADER: Final = struct.Struct(f">BI{NONCE_BYTES}s")
OVERHEAD: Final = _HEADER.size + TAG_BYTES
"""Bytes that sealing adds to the padded plaintext."""

_PADDING_MARK: Final = b"\x80"
_LONGEST: Final = OVERHEAD + MAX_PLAINTEXT + STEP


class SealBroken(DomainError):
    """A sealed value or wrapped key does not open here: it was altered, moved, swapped or rolled back."""

    code = "seal-broken"


def length_prefixed(*fields: bytes) -> bytes:
    """Return the fields, each after its length in four bytes: no two sequences of fields share bytes."""
    return b"".join(len(field).to_bytes(4, "big") + field for field in fields)


@dataclass(frozen=True, slots=True)
class Context:
    """Where a sealed value lies. The seal binds it, so a value opens nowhere else.

    Attributes:
        holder_id: Whose key seals it: a case, the package of a referral, or a contact.
        record_id: The record that the value belongs to.
        kind: What the value is, such as `compartment` or `package`.
        compartment: What it tells about the person.
        key_version: Which of the holder's keys for the compartment seals it; 1 to 2^32 - 1.
        row_version: Counts up with every change of the value, so that an old one put back does not open.

    Raises:
        ValueError: a version is out of range.
    """

    holder_id: UUID
    record_id: UUID
    kind: str
    compartment: str
    key_version: int
    row_version: int

    def __post_init__(self) -> None:
        if not 1 <= self.key_version < 1 << 32:
            raise ValueError("a key version is between 1 and 2^32 - 1")
        if not 0 <= self.row_version < 1 << 63:
            raise ValueError("a row version is between 0 and 2^63 - 1")

    def associated_data(self) -> bytes:
        """Return what the seal binds, length-prefixed: no two contexts share bytes."""
        return length_prefixed(
            b"nrm sealed value",
            bytes([FORMAT]),
            self.kind.encode(),
            self.record_id.bytes,
            self.holder_id.bytes,
            self.compartment.encode(),
            self.key_version.to_bytes(4, "big"),
            self.row_version.to_bytes(8, "big"),
        )


def seal(plaintext: bytes, *, key: bytes, nonce: bytes, context: Context) -> bytes:
    """Seal one value under its data key.

    Args:
        plaintext: At most 64 KiB; padded to a multiple of 256 bytes.
        key: 32 bytes.
        nonce: 12 random bytes. Should one ever repeat under a key, only the equality of two equal plaintexts in
            the same place would show.
        context: What the result is bound to.

    Returns:
        Format, key version, nonce, ciphertext and tag: 33 bytes more than the padded plaintext.

    Raises:
        ValueError: wrong length of key, nonce or plaintext.

    Source: RFC 8452 (AES-GCM-SIV), sections 4 and 9.
    """
    _check_key(key)
    if len(nonce) != NONCE_BYTES:
        raise ValueError("a nonce has 12 bytes")
    if len(plaintext) > MAX_PLAINTEXT:
        raise ValueError("a sealed value holds at most 64 KiB")
    sealed = AESGCMSIV(key).encrypt(nonce, _padded(plaintext), context.associated_data())
    return _HEADER.pack(FORMAT, context.key_version, nonce) + sealed


def open_sealed(blob: bytes, *, key: bytes, context: Context) -> bytes:
    """Open one value where it lies.

    Raises:
        SealBroken: the value was altered, or was not sealed with this key for this context.
        ValueError: wrong length of key.
    """
    _check_key(key)
    if sealed_key_version(blob) != context.key_version:
        raise SealBroken
    nonce = blob[_HEADER.size - NONCE_BYTES : _HEADER.size]
    try:
        padded = AESGCMSIV(key).decrypt(nonce, blob[_HEADER.size :], context.associated_data())
    except InvalidTag:
        raise SealBroken from None
    return _unpadded(padded)


def sealed_key_version(blob: bytes) -> int:
    """Return the key version that the header names; nothing vouches for it before the value has opened.

    Raises:
        SealBroken: the bytes are no sealed value of a format that we know.
    """
    ciphertext_bytes = len(blob) - OVERHEAD
    if not STEP <= ciphertext_bytes <= _LONGEST - OVERHEAD or ciphertext_bytes % STEP:
        raise SealBroken
    written_format, key_version, _ = _HEADER.unpack_from(blob)
    if written_format != FORMAT:
        raise SealBroken
    return int(key_version)


def fingerprint(blob: bytes) -> bytes:
    """Return the SHA-256 of a sealed value. The audit entry carries it, so that a swap shows; it tells nothing else."""
    return hashlib.sha256(blob).digest()


def _check_key(key: bytes) -> None:
    if len(key) != KEY_BYTES:
        raise ValueError("a key has 32 bytes")


def _padded(plaintext: bytes) -> bytes:
    """Append one mark and as few zeros as reach a multiple of 256 (ISO/IEC 7816-4): unambiguous for every length."""
    marked = plaintext + _PADDING_MARK
    return marked + bytes(-len(marked) % STEP)


def _unpadded(padded: bytes) -> bytes:
    marked = padded.rstrip(b"\x00")
    if not marked.endswith(_PADDING_MARK) or len(padded) - len(marked) >= STEP:
        raise SealBroken
    return marked[:-1]
