"""Where the key-encryption keys of an installation are, as `nrm keys` changes them: a file, a sealed file, a token."""

import secrets
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from api.cli.ceremony import asked_quorum
from api.runtime import token_place
from api.settings import Settings
from domain.sealing import shares
from domain.sealing.key_files import KeyFileRefused
from domain.sealing.pkcs11 import Token
from domain.sealing.providers import FileProvider, check_old
from domain.sealing.shares import Opened, SealedFile


class Store(Protocol):
    """What holds the keys."""

    def said(self) -> str:
        """Return what it is, in words."""

    def key_ids(self) -> list[str]:
        """Return the keys, oldest first; the newest wraps."""

    def opened(self) -> bool:
        """Make it ready to be changed; False: the custodians did not open it."""

    def add(self) -> None:
        """Add a key."""

    def drop(self, key_id: str) -> None:
        """Destroy an older key."""


@dataclass(frozen=True, slots=True)
class FileStore:
    """A key file of development."""

    path: Path

    def said(self) -> str:
        """Return what it is."""
        return f"{self.path}: for development only"

    def key_ids(self) -> list[str]:
        """Return the keys."""
        return list(FileProvider(self.path, secrets.token_bytes).key_ids)

    def opened(self) -> bool:
        """It lies open."""
        return True

    def add(self) -> None:
        """Add a key."""
        FileProvider.add_key(self.path, secrets.token_bytes)

    def drop(self, key_id: str) -> None:
        """Remove a key."""
        FileProvider.drop_key(self.path, key_id, secrets.token_bytes)


@dataclass(slots=True)
class SealedStore:
    """A sealed file of custodians."""

    path: Path
    _opened: Opened | None = field(default=None, repr=False)

    def said(self) -> str:
        """Return what it is."""
        file = SealedFile.read(self.path)
        return f"{self.path}: ceremony {file.ceremony}, opened by {file.quorum} of {file.custodians} custodians"

    def key_ids(self) -> list[str]:
        """Return the keys, as the file tells them in clear."""
        return list(SealedFile.read(self.path).keys)

    def opened(self) -> bool:
        """Ask the custodians."""
        self._opened = asked_quorum(self.path)
        return self._opened is not None

    def add(self) -> None:
        """Add a key."""
        shares.add_key(self.path, self._contents(), secrets.token_bytes)

    def drop(self, key_id: str) -> None:
        """Remove a key."""
        shares.drop_key(self.path, self._contents(), key_id, secrets.token_bytes)

    def _contents(self) -> Opened:
        if self._opened is None:
            raise KeyFileRefused(f"{self.path}: is sealed")
        return self._opened


@dataclass(slots=True)
class TokenStore:
    """A token of a hardware security module."""

    label: str
    token: Token

    def said(self) -> str:
        """Return what it is."""
        return f"token {self.label}: keys that cannot leave it"

    def key_ids(self) -> list[str]:
        """Return the keys."""
        return list(self.token.keys())

    def opened(self) -> bool:
        """The PIN has opened it."""
        return True

    def add(self) -> None:
        """Make a key inside."""
        self.token.add(secrets.token_bytes)

    def drop(self, key_id: str) -> None:
        """Destroy a key."""
        self.token.drop(key_id)


def store_of(settings: Settings, file: Path | None) -> Store:
    """Return the store of an installation, or of a file.

    Raises:
        TokenRefused, UnsafeSettings: the token is not there, or the settings do not say where.
    """
    if settings.key_provider == "pkcs11" and file is None:
        return TokenStore(str(settings.pkcs11_token), Token(token_place(settings)))
    path = file or settings.key_path
    try:
        SealedFile.read(path)
    except KeyFileRefused:
        return FileStore(path)
    return SealedStore(path)


def check_retirable(store: Store, key_id: str) -> None:
    """Check that a key is held and does not wrap.

    Raises:
        KeyFileRefused: it is not held, or wraps.
    """
    check_old(store.said(), key_id, store.key_ids())
