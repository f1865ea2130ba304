"""Providers of key-encryption keys. Everybody else sees one interface: wrap, unwrap, rewrap, derive.

`FileProvider` is here; `shares.py` and `pkcs11.py` hold those for production.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Final, Literal, Protocol, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from domain.sealing import key_files
from domain.sealing.envelope import KEY_BYTES
from domain.sealing.key_files import KeyFileRefused, Mark
from domain.sealing.ring import ID_BYTES, Contents, Ring

RandomBytes = Callable[[int], bytes]
"""Returns so many unpredictable bytes."""

_FORMAT: Final = 1


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


class HeldKeys(KeyProvider, Protocol):
    """A provider that stands open, and can be closed."""

    @property
    def key_ids(self) -> tuple[str, ...]:
        """The keys that unwrap, oldest first."""

    def forget(self) -> None:
        """Let go of every key, as far as this process can; nothing opens afterwards."""


class FileProvider(Ring):
    """Key-encryption keys in a file of mode 0600; for development and demonstrations only.

    Every key of the file unwraps; the newest wraps. Derived secrets come from a secret of their own, so a new
    key-encryption key changes none of them. A file that is replaced is read again.

    Args:
        path: The key file, made by `FileProvider.create`.
        random: Returns so many unpredictable bytes, for nonces.

    Raises:
        KeyFileRefused: the file is missing, a link, somebody else's, readable by others, or no key file.
    """

    is_for_development = True

    def __init__(self, path: Path, random: RandomBytes) -> None:
        self._path = path
        held, self._mark = _read(path)
        super().__init__(held.contents(), random, self._changed_file)

    @classmethod
    def create(cls, path: Path, random: RandomBytes) -> Self:
        """Write a new key file with one key, and read it back.

        Raises:
            KeyFileRefused: there is a file already: replacing it would shred everything sealed under it.
        """
        keys = _KeyFile(format=_FORMAT, derivation=random(KEY_BYTES).hex(), keys=(_new_key(random),))
        key_files.write(path, keys.text())
        return cls(path, random)

    @classmethod
    def add_key(cls, path: Path, random: RandomBytes) -> Self:
        """Add a key that wraps from now on; the older ones still unwrap. The file is replaced in one step.

        Raises:
            KeyFileRefused: the file is refused, or somebody else is adding a key at this moment.
        """
        held, _ = _read(path)
        key_files.replace(path, held.model_copy(update={"keys": (*held.keys, _new_key(random))}).text())
        return cls(path, random)

    @classmethod
    def drop_key(cls, path: Path, key_id: str, random: RandomBytes) -> Self:
        """Remove a key: what is still wrapped under it can never be opened again.

        Raises:
            KeyFileRefused: the file is refused or being replaced, does not hold the key, or wraps with it.
        """
        held, _ = _read(path)
        check_old(path, key_id, [key.id for key in held.keys])
        left = tuple(key for key in held.keys if key.id != key_id)
        key_files.replace(path, held.model_copy(update={"keys": left}).text())
        return cls(path, random)

    def _changed_file(self) -> Contents | None:
        if key_files.mark(self._path) == self._mark:
            return None
        try:
            held, self._mark = _read(self._path)
        except KeyFileRefused:
            return None
        return held.contents()


def check_old(path: object, key_id: str, held: list[str]) -> None:
    """Check that a key may be dropped: it is held, and is not the one that wraps.

    Raises:
        KeyFileRefused: it may not.
    """
    if key_id not in held:
        raise KeyFileRefused(f"{path}: holds no key {key_id}")
    if key_id == held[-1]:
        raise KeyFileRefused(f"{path}: {key_id} wraps; add another key first")


class _Key(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)

    id: str = Field(pattern=r"^[0-9a-f]{16}$")
    secret: str = Field(pattern=r"^[0-9a-f]{64}$", repr=False)


class _KeyFile(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)

    format: Literal[1]
    derivation: str = Field(pattern=r"^[0-9a-f]{64}$", repr=False)
    keys: tuple[_Key, ...] = Field(min_length=1)

    def contents(self) -> Contents:
        """Return the keys as bytes."""
        keys = {key.id: bytearray.fromhex(key.secret) for key in self.keys}
        return Contents(keys, bytearray.fromhex(self.derivation))

    def text(self) -> str:
        """Return what the file says."""
        return self.model_dump_json(indent=2) + "\n"


def _new_key(random: RandomBytes) -> _Key:
    return _Key(id=random(ID_BYTES).hex(), secret=random(KEY_BYTES).hex())


def _read(path: Path) -> tuple[_KeyFile, Mark]:
    text, mark = key_files.read(path)
    try:
        held = _KeyFile.model_validate_json(text)
    except ValidationError:
        raise KeyFileRefused(f"{path}: is not a key file") from None
    if len({key.id for key in held.keys}) != len(held.keys):
        raise KeyFileRefused(f"{path}: names a key twice")
    return held, mark
