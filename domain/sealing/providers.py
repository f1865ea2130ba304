"""Providers of key-encryption keys. Everybody else sees one interface: wrap, unwrap, rewrap, derive."""

import os
import stat
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Final, Literal, Protocol, Self

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCMSIV
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from domain.sealing.envelope import KEY_BYTES, NONCE_BYTES, TAG_BYTES, SealBroken, length_prefixed

RandomBytes = Callable[[int], bytes]
"""Returns so many unpredictable bytes."""

_FORMAT: Final = 1
_ID_BYTES: Final = 8
_WRAPPED: Final = struct.Struct(f">B{_ID_BYTES}s{NONCE_BYTES}s")
_LARGEST_FILE: Final = 64 * 1024


class KeyFileRefused(Exception):
    """A key file is missing, open to others, or not one of ours. The message names the file, never its content."""


class KeyProvider(Protocol):
    """Holds key-encryption keys and lends their use."""

    @property
    def key_id(self) -> str:
        """The key-encryption key that wraps now."""

    @property
    def is_for_development(self) -> bool:
        """True where the keys lie readable beside the service; settings refuse it in production."""

    def wrap(self, key: bytes, aad: bytes) -> bytes:
        """Return the key wrapped under the newest key-encryption key and bound to `aad`."""

    def unwrap(self, wrapped: bytes, aad: bytes) -> bytes:
        """Return the key, or raise `SealBroken`: altered, bound to something else, or wrapped under a key not held."""

    def rewrap(self, wrapped: bytes, aad: bytes) -> bytes:
        """Return the same key wrapped under the newest key-encryption key: the way to rotate."""

    def derive(self, label: str) -> bytes:
        """Return 32 secret bytes for one purpose: the same at every start, and never a key-encryption key."""


class FileProvider:
    """Key-encryption keys in a file of mode 0600; for development and demonstrations only.

    Every key of the file unwraps; the newest wraps. Derived secrets come from a secret of their own, so a new
    key-encryption key changes none of them.

    Args:
        path: The key file, made by `FileProvider.create`.
        random: Returns so many unpredictable bytes, for nonces.

    Raises:
        KeyFileRefused: the file is missing, a link, somebody else's, readable by others, or no key file.
    """

    is_for_development = True

    def __init__(self, path: Path, random: RandomBytes) -> None:
        contents = _read(path)
        self._keys = {key.id: bytes.fromhex(key.secret) for key in contents.keys}
        self._derivation = bytes.fromhex(contents.derivation)
        self._random = random
        self.key_id = contents.keys[-1].id

    @classmethod
    def create(cls, path: Path, random: RandomBytes) -> Self:
        """Write a new key file with one key, and read it back.

        Raises:
            KeyFileRefused: there is a file already: replacing it would shred everything sealed under it.
        """
        keys = _KeyFile(format=_FORMAT, derivation=random(KEY_BYTES).hex(), keys=(_new_key(random),))
        _write(path, keys)
        _persist_names(path.parent)
        return cls(path, random)

    @classmethod
    def add_key(cls, path: Path, random: RandomBytes) -> Self:
        """Add a key that wraps from now on; the older ones still unwrap. The file is replaced in one step.

        Raises:
            KeyFileRefused: the file is refused, or somebody else is adding a key at this moment.
        """
        contents = _read(path)
        successor = path.with_name(path.name + ".new")
        _write(successor, contents.model_copy(update={"keys": (*contents.keys, _new_key(random))}))
        successor.replace(path)
        _persist_names(path.parent)
        return cls(path, random)

    @property
    def key_ids(self) -> tuple[str, ...]:
        """The keys that unwrap, oldest first."""
        return tuple(self._keys)

    def wrap(self, key: bytes, aad: bytes) -> bytes:
        """Return format, key id, nonce, ciphertext and tag: 37 bytes more than the key."""
        nonce = self._random(NONCE_BYTES)
        header = _WRAPPED.pack(_FORMAT, bytes.fromhex(self.key_id), nonce)
        return header + AESGCMSIV(self._keys[self.key_id]).encrypt(nonce, key, _bound(self.key_id, aad))

    def unwrap(self, wrapped: bytes, aad: bytes) -> bytes:
        """Return the key.

        Raises:
            SealBroken: altered, bound to something else, or wrapped under a key that the file does not hold.
        """
        if len(wrapped) < _WRAPPED.size + TAG_BYTES:
            raise SealBroken
        written_format, raw_id, nonce = _WRAPPED.unpack_from(wrapped)
        secret = self._keys.get(raw_id.hex())
        if written_format != _FORMAT or secret is None:
            raise SealBroken
        try:
            return AESGCMSIV(secret).decrypt(nonce, wrapped[_WRAPPED.size :], _bound(raw_id.hex(), aad))
        except InvalidTag:
            raise SealBroken from None

    def rewrap(self, wrapped: bytes, aad: bytes) -> bytes:
        """Return the same key wrapped under the newest key; raises `SealBroken` like `unwrap`."""
        return self.wrap(self.unwrap(wrapped, aad), aad)

    def derive(self, label: str) -> bytes:
        """Return 32 secret bytes for one purpose. Source: RFC 5869 (HKDF)."""
        info = length_prefixed(b"nrm derived secret", label.encode())
        return HKDF(algorithm=SHA256(), length=KEY_BYTES, salt=None, info=info).derive(self._derivation)


class _Key(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)

    id: str = Field(pattern=r"^[0-9a-f]{16}$")
    secret: str = Field(pattern=r"^[0-9a-f]{64}$", repr=False)


class _KeyFile(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)

    format: Literal[1]
    derivation: str = Field(pattern=r"^[0-9a-f]{64}$", repr=False)
    keys: tuple[_Key, ...] = Field(min_length=1)


def _new_key(random: RandomBytes) -> _Key:
    return _Key(id=random(_ID_BYTES).hex(), secret=random(KEY_BYTES).hex())


def _bound(key_id: str, aad: bytes) -> bytes:
    return length_prefixed(b"nrm wrapped key", bytes([_FORMAT]), key_id.encode(), aad)


def _read(path: Path) -> _KeyFile:
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError as error:
        raise KeyFileRefused(f"{path}: cannot be opened ({error.strerror})") from None
    try:
        _check_status(path, os.fstat(descriptor))
        text = os.read(descriptor, _LARGEST_FILE)
    finally:
        os.close(descriptor)
    try:
        contents = _KeyFile.model_validate_json(text)
    except ValidationError:
        raise KeyFileRefused(f"{path}: is not a key file") from None
    if len({key.id for key in contents.keys}) != len(contents.keys):
        raise KeyFileRefused(f"{path}: names a key twice")
    return contents


def _check_status(path: Path, status: os.stat_result) -> None:
    """Judge the file that was opened, not its name: between a check by name and the opening it could be swapped."""
    if not stat.S_ISREG(status.st_mode) or status.st_mode & 0o077:
        raise KeyFileRefused(f"{path}: must be a regular file that only its owner may read (mode 0600)")
    if status.st_uid not in {os.geteuid(), 0}:
        raise KeyFileRefused(f"{path}: belongs to somebody else")


def _write(path: Path, contents: _KeyFile) -> None:
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise KeyFileRefused(f"{path}: cannot be made ({error.strerror})") from None
    with os.fdopen(descriptor, "w", encoding="ascii") as file:
        file.write(contents.model_dump_json(indent=2) + "\n")
        file.flush()
        os.fsync(descriptor)


def _persist_names(folder: Path) -> None:
    """Make a new or replaced name survive a power cut: losing a key shreds what it has wrapped."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
