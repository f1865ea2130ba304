"""The keeper of one process's keys: sealed, they open nothing; open, they are lent to whoever wraps and unwraps."""

import threading
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Protocol

from domain.sealing.key_files import KeyFileRefused
from domain.sealing.pkcs11 import TokenRefused
from domain.sealing.providers import FileProvider, HeldKeys, RandomBytes
from domain.sealing.ring import Sealed
from domain.sealing.shares import ShareRefused

MOST_OFFERED: Final = 16
"""Mnemonics that are kept until some quorum among them opens; `seal` forgets them."""


class Source(Protocol):
    """Where keys come from when a keeper opens."""

    @property
    def kind(self) -> str:
        """The provider's name in the settings."""

    @property
    def is_for_development(self) -> bool:
        """True where the keys lie readable beside the service."""

    @property
    def quorum(self) -> int:
        """How many mnemonics open it; 0: it opens by itself. May raise `KeyFileRefused`."""

    def check(self, mnemonic: str) -> str:
        """Return a mnemonic as it is written properly, or raise `ShareRefused`."""

    def open(self, offered: Sequence[str]) -> HeldKeys | None:
        """Return the keys, or None if some more mnemonics are needed."""


@dataclass(frozen=True, slots=True)
class FileSource:
    """A key file of development."""

    path: Path
    random: RandomBytes

    kind = "file"
    is_for_development = True
    quorum = 0

    def check(self, mnemonic: str) -> str:
        """Refuse: the file lies open.

        Raises:
            ShareRefused: always.
        """
        del mnemonic
        raise ShareRefused

    def open(self, offered: Sequence[str] = ()) -> FileProvider:
        """Read the file.

        Raises:
            KeyFileRefused: see `FileProvider`.
        """
        del offered
        return FileProvider(self.path, self.random)


@dataclass(frozen=True, slots=True)
class Standing:
    """How a keeper stands; tells nothing secret.

    Attributes:
        provider: `file`, `shares` or `pkcs11`.
        sealed: Whether it opens nothing now.
        offered: How many mnemonics were given since it was sealed.
        quorum: How many are needed; 0: none.
        key_ids: What it opens, oldest first; the newest wraps.
    """

    provider: str
    sealed: bool
    offered: int = 0
    quorum: int = 0
    key_ids: tuple[str, ...] = ()


class Keeper:
    """Lends the keys of a process, and lets go of them when it is told to.

    A source without a quorum opens when it is first needed; after `seal` only when it is told to. Whoever seals waits
    for the operation that is under way, so that nothing is ever wrapped under a key that is half forgotten.
    """

    def __init__(self, source: Source) -> None:
        self._source = source
        self._held: HeldKeys | None = None
        self._offered: list[str] = []
        self._told_to_seal = False
        self._turn = threading.RLock()

    def prepared(self) -> "Keeper":
        """Open a source that opens by itself, and look whether a sealed file is there; returns the keeper.

        Raises:
            KeyFileRefused, TokenRefused: the source is not there.
        """
        if self._source.quorum == 0:
            self.unseal()
        return self

    @property
    def is_for_development(self) -> bool:
        """True where the keys lie readable beside the service."""
        return self._source.is_for_development

    @property
    def key_id(self) -> str:
        """The key that wraps now.

        Raises:
            Sealed: nothing is open.
        """
        with self._turn:
            return self._open().key_id

    def wrap(self, key: bytes, aad: bytes) -> bytes:
        """Return the key wrapped under the newest key-encryption key; raises `Sealed`."""
        with self._turn:
            return self._open().wrap(key, aad)

    def unwrap(self, wrapped: bytes, aad: bytes) -> bytes:
        """Return the key; raises `Sealed` or `SealBroken`."""
        with self._turn:
            return self._open().unwrap(wrapped, aad)

    def rewrap(self, wrapped: bytes, aad: bytes) -> bytes:
        """Return the same key wrapped under the newest key-encryption key; raises `Sealed` or `SealBroken`."""
        with self._turn:
            return self._open().rewrap(wrapped, aad)

    def derive(self, label: str) -> bytes:
        """Return 32 secret bytes for one purpose; raises `Sealed`."""
        with self._turn:
            return self._open().derive(label)

    def standing(self) -> Standing:
        """Tell how the keys stand."""
        with self._turn:
            try:
                quorum = self._source.quorum
            except KeyFileRefused:
                return Standing(self._source.kind, sealed=self._held is None)
            ids = () if self._held is None else self._held.key_ids
            return Standing(self._source.kind, self._held is None, len(self._offered), quorum, ids)

    def seal(self) -> None:
        """Let go of the keys and of every mnemonic that was offered; from now on nothing opens."""
        with self._turn:
            self._told_to_seal = True
            self._offered.clear()
            held, self._held = self._held, None
            if held is not None:
                held.forget()

    def unseal(self) -> None:
        """Open a source that needs no mnemonics.

        Raises:
            Sealed: it needs some.
            KeyFileRefused, TokenRefused: the source is not there.
        """
        with self._turn:
            if self._source.quorum:
                raise Sealed
            if self._held is None:
                self._held = self._source.open(())
            self._told_to_seal = False

    def offer(self, mnemonic: str) -> None:
        """Take one custodian's mnemonic; with the last of a quorum the keys open.

        Raises:
            ShareRefused: it is no mnemonic of this ceremony, or too many were offered: seal, and begin again.
            KeyFileRefused: the sealed file is not there.
        """
        with self._turn:
            proper = self._source.check(mnemonic)
            if proper in self._offered:
                return
            if len(self._offered) >= MOST_OFFERED:
                raise ShareRefused
            self._offered.append(proper)
            opened = self._source.open(self._offered)
            if opened is None:
                return
            self._offered.clear()
            if self._held is not None:
                self._held.forget()
            self._held, self._told_to_seal = opened, False

    def _open(self) -> HeldKeys:
        if self._held is None:
            try:
                if self._told_to_seal or self._source.quorum:
                    raise Sealed
                self._held = self._source.open(())
            except (KeyFileRefused, TokenRefused):
                raise Sealed from None
        if self._held is None:
            raise Sealed
        return self._held
