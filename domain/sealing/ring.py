"""Key-encryption keys in this process's memory: how they wrap, and how they are forgotten. Pure.

Layout of a wrapped key::

    format (1) | key id (8) | nonce (12) | ciphertext (32) | tag (16)
"""

import struct
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCMSIV
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from domain.errors import DomainError
from domain.sealing.envelope import KEY_BYTES, NONCE_BYTES, TAG_BYTES, SealBroken, length_prefixed

FORMAT: Final = 1
ID_BYTES: Final = 8
_WRAPPED: Final = struct.Struct(f">B{ID_BYTES}s{NONCE_BYTES}s")


class Sealed(DomainError):
    """The keys of this process are sealed or out of reach for the moment: nothing was opened, nothing was changed."""

    code = "sealed"


class KeyNotHeld(SealBroken):
    """It is wrapped under a key that this process does not hold: one that was added since, or retired."""

    code = "key-not-held"


@dataclass(frozen=True, slots=True)
class Contents:
    """What a ring holds.

    Attributes:
        keys: Key-encryption keys of 32 bytes by id (16 hexadecimal digits), oldest first.
        derivation: 32 bytes that secrets for other purposes are derived from.
    """

    keys: Mapping[str, bytearray]
    derivation: bytearray

    def __repr__(self) -> str:
        """Name the keys, never show one."""
        return f"Contents({', '.join(self.keys)})"

    def forget(self) -> None:
        """Write zeros over every key."""
        for secret in (*self.keys.values(), self.derivation):
            secret[:] = bytes(len(secret))


class Ring:
    """Wraps under the newest of its keys, unwraps under each of them.

    Args:
        contents: The keys; the ring owns them, and writes zeros over them when it forgets.
        random: Returns so many unpredictable bytes, for nonces.
        changed: Returns newer contents if the keys were changed elsewhere since it was last asked, else None. Asked
            before each wrapping, and when a key is missing, so that a key that was added serves without a restart.
    """

    def __init__(
        self, contents: Contents, random: Callable[[int], bytes], changed: Callable[[], Contents | None]
    ) -> None:
        self._contents, self._random, self._changed = contents, random, changed

    @property
    def key_id(self) -> str:
        """The key that wraps now."""
        return self.key_ids[-1]

    @property
    def key_ids(self) -> tuple[str, ...]:
        """The keys that unwrap, oldest first."""
        return tuple(self._contents.keys)

    def wrap(self, key: bytes, aad: bytes) -> bytes:
        """Return format, key id, nonce, ciphertext and tag: 37 bytes more than the key."""
        self._renew()
        key_id, nonce = self.key_id, self._random(NONCE_BYTES)
        wrapped = AESGCMSIV(self._contents.keys[key_id]).encrypt(nonce, key, bound(key_id, aad))
        return put_together(FORMAT, key_id, nonce, wrapped)

    def unwrap(self, wrapped: bytes, aad: bytes) -> bytes:
        """Return the key.

        Raises:
            KeyNotHeld: it is wrapped under a key that this process does not hold.
            SealBroken: it was altered, or is bound to something else.
        """
        key_id, nonce, ciphertext = taken_apart(wrapped, FORMAT)
        if key_id not in self._contents.keys:
            self._renew()
        secret = self._contents.keys.get(key_id)
        if secret is None:
            raise KeyNotHeld
        try:
            return AESGCMSIV(secret).decrypt(nonce, ciphertext, bound(key_id, aad))
        except InvalidTag:
            raise SealBroken from None

    def rewrap(self, wrapped: bytes, aad: bytes) -> bytes:
        """Return the same key wrapped under the newest key.

        Raises:
            SealBroken: as for `unwrap`.
        """
        return self.wrap(self.unwrap(wrapped, aad), aad)

    def derive(self, label: str) -> bytes:
        """Return 32 secret bytes for one purpose, such as `cursors` or `fingerprints`.

        Source: RFC 5869 (HKDF with SHA-256).
        """
        info = b"nrm derived secret: " + label.encode()
        return HKDF(algorithm=SHA256(), length=KEY_BYTES, salt=None, info=info).derive(self._contents.derivation)

    def forget(self) -> None:
        """Write zeros over every key; nothing opens afterwards."""
        self._contents.forget()
        self._contents = Contents({}, bytearray())

    def _renew(self) -> None:
        newer = self._changed()
        if newer is not None:
            self._contents.forget()
            self._contents = newer


def bound(key_id: str, aad: bytes) -> bytes:
    """Return what a wrapping binds beside the place: the id of the key-encryption key."""
    return length_prefixed(b"nrm wrapped key", bytes([FORMAT]), key_id.encode(), aad)


def put_together(written_format: int, key_id: str, nonce: bytes, ciphertext: bytes) -> bytes:
    """Return a wrapped key."""
    return _WRAPPED.pack(written_format, bytes.fromhex(key_id), nonce) + ciphertext


def taken_apart(wrapped: bytes, expected_format: int) -> tuple[str, bytes, bytes]:
    """Return key id, nonce and ciphertext of a wrapped key.

    Raises:
        SealBroken: it is none of this format.
    """
    if len(wrapped) < _WRAPPED.size + TAG_BYTES:
        raise SealBroken
    written_format, raw_id, nonce = _WRAPPED.unpack_from(wrapped)
    if written_format != expected_format:
        raise SealBroken
    return raw_id.hex(), nonce, wrapped[_WRAPPED.size :]
