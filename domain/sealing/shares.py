"""The provider `shares`: a file of keys, sealed under a master secret that only a quorum of custodians puts together.

Each custodian holds one mnemonic of a ceremony. The file tells its ceremony, how many custodians there are and the ids
of its keys; all of it is bound into its seal. Fewer mnemonics than the quorum tell nothing of the master secret
(Shamir's scheme), and the file alone tells nothing of the keys.

Source: SLIP-0039 (one group, no passphrase).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path
from typing import Final, Literal, Self

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCMSIV
from pydantic import BaseModel, ConfigDict, Field, ValidationError
from shamir_mnemonic import MnemonicError, combine_mnemonics, generate_mnemonics
from shamir_mnemonic.share import Share

from domain.sealing import key_files
from domain.sealing.envelope import KEY_BYTES, NONCE_BYTES, TAG_BYTES, length_prefixed
from domain.sealing.key_files import KeyFileRefused
from domain.sealing.providers import RandomBytes, check_old
from domain.sealing.ring import ID_BYTES, Contents, Ring

MOST_CUSTODIANS: Final = 16
"""What the mnemonics' format has room for."""

FEWEST: Final = 2
"""A quorum of one would be a key that one person holds."""


_WORK: Final = 1
"""The exponent of the format's own key stretching; a mnemonic that names another would cost hours."""


class ShareRefused(Exception):
    """A mnemonic was mistyped, or belongs to another ceremony. Says nothing about the keys."""


@dataclass(frozen=True, slots=True)
class Opened:
    """What a quorum has opened: the keys, and the master secret, with which a changed file is read again."""

    master: bytearray
    contents: Contents


class SealedFile(BaseModel):
    """A sealed key file: everything but the keys stands in clear, and is bound into the seal.

    Attributes:
        ceremony: The number that the mnemonics of one ceremony share.
        keys: Ids of the keys, oldest first; the newest wraps.
        sealed: Nonce, the derivation secret and the keys under AES-256-GCM-SIV, tag; hexadecimal.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)

    format: Literal[1] = 1
    provider: Literal["shares"] = "shares"
    ceremony: int = Field(ge=0, lt=1 << 15)
    custodians: int = Field(ge=FEWEST, le=MOST_CUSTODIANS)
    quorum: int = Field(ge=FEWEST, le=MOST_CUSTODIANS)
    keys: tuple[str, ...] = Field(min_length=1)
    sealed: str = Field(pattern=r"^([0-9a-f]{2})+$", max_length=65_536, repr=False)

    @classmethod
    def read(cls, path: Path) -> Self:
        """Read a sealed key file; nothing vouches for it before it has opened.

        Raises:
            KeyFileRefused: it is missing, open to others, or no sealed key file.
        """
        try:
            found = cls.model_validate_json(key_files.read(path)[0])
        except ValidationError:
            raise KeyFileRefused(f"{path}: is not a sealed key file") from None
        if found.quorum > found.custodians or len(set(found.keys)) != len(found.keys):
            raise KeyFileRefused(f"{path}: is not a sealed key file")
        return found

    def text(self) -> str:
        """Return what the file says."""
        return self.model_dump_json(indent=2) + "\n"

    def bound(self) -> bytes:
        """Return what the seal binds."""
        numbers = (self.format, self.ceremony, self.custodians, self.quorum)
        return length_prefixed(
            b"nrm sealed key file",
            *(number.to_bytes(4, "big") for number in numbers),
            *(key_id.encode() for key_id in self.keys),
        )

    def with_contents(self, opened: Opened, contents: Contents, random: RandomBytes) -> "SealedFile":
        """Return the file with other keys, sealed under the same master secret."""
        renamed = self.model_copy(update={"keys": tuple(contents.keys)})
        nonce = random(NONCE_BYTES)
        plaintext = bytearray().join((contents.derivation, *contents.keys.values()))
        sealed = nonce + AESGCMSIV(opened.master).encrypt(nonce, plaintext, renamed.bound())
        plaintext[:] = bytes(len(plaintext))
        return renamed.model_copy(update={"sealed": sealed.hex()})

    def open(self, master: bytearray) -> Contents | None:
        """Return the keys, or None: the file was altered, or this is not its master secret."""
        sealed = bytes.fromhex(self.sealed)
        plaintext = bytearray(KEY_BYTES * (1 + len(self.keys)))
        if len(sealed) != NONCE_BYTES + len(plaintext) + TAG_BYTES:
            return None
        try:
            AESGCMSIV(master).decrypt_into(sealed[:NONCE_BYTES], sealed[NONCE_BYTES:], self.bound(), plaintext)
        except InvalidTag:
            return None
        secrets = [plaintext[start : start + KEY_BYTES] for start in range(0, len(plaintext), KEY_BYTES)]
        plaintext[:] = bytes(len(plaintext))
        return Contents(dict(zip(self.keys, secrets[1:], strict=True)), secrets[0])


class SharesProvider(Ring):
    """Keys that a quorum has opened.

    Args:
        path: The sealed key file; a file that is replaced, by the same ceremony, is read again.
        opened: What the quorum has opened.
        random: Returns so many unpredictable bytes, for nonces.
    """

    is_for_development = False

    def __init__(self, path: Path, opened: Opened, random: RandomBytes) -> None:
        self._path, self._master = path, opened.master
        self._mark = key_files.mark(path)
        super().__init__(opened.contents, random, self._changed_file)

    def forget(self) -> None:
        """Write zeros over every key and over the master secret."""
        self._master[:] = bytes(len(self._master))
        super().forget()

    def _changed_file(self) -> Contents | None:
        mark = key_files.mark(self._path)
        if mark == self._mark:
            return None
        try:
            newer = SealedFile.read(self._path).open(self._master)
        except KeyFileRefused:
            return None
        self._mark = mark
        return newer


class SharesSource:
    """A sealed key file, and how mnemonics open it.

    Args:
        path: The file, made by `begun`.
        random: Returns so many unpredictable bytes.
    """

    kind = "shares"
    is_for_development = False

    def __init__(self, path: Path, random: RandomBytes) -> None:
        self._path, self._random = path, random

    @property
    def quorum(self) -> int:
        """How many mnemonics open the file.

        Raises:
            KeyFileRefused: there is no such file.
        """
        return SealedFile.read(self._path).quorum

    def check(self, mnemonic: str) -> str:
        """Return a mnemonic that belongs to the file's ceremony, as it is written properly.

        Raises:
            ShareRefused: it does not.
            KeyFileRefused: there is no such file.
        """
        file = SealedFile.read(self._path)
        try:
            share = Share.from_mnemonic(" ".join(mnemonic.lower().split()))
        except MnemonicError:
            raise ShareRefused from None
        wanted = (file.ceremony, file.quorum, 1, _WORK)
        if (share.identifier, share.member_threshold, share.group_count, share.iteration_exponent) != wanted:
            raise ShareRefused
        return str(share.mnemonic())

    def open(self, offered: Sequence[str]) -> SharesProvider | None:
        """Return the provider if some quorum among the mnemonics opens the file, else None.

        Every quorum that holds the newest mnemonic is tried, so a wrong one keeps nobody from opening.
        """
        found = opened_by(self._path, offered)
        return None if found is None else SharesProvider(self._path, found, self._random)


def opened_by(path: Path, offered: Sequence[str]) -> Opened | None:
    """Return what the newest of these mnemonics opens together with others of them, or None.

    Raises:
        KeyFileRefused: there is no such file.
    """
    file = SealedFile.read(path)
    *earlier, newest = offered
    for others in combinations(earlier, file.quorum - 1):
        try:
            master = bytearray(combine_mnemonics((*others, newest)))
        except MnemonicError:
            continue
        if len(master) != KEY_BYTES:
            continue
        contents = file.open(master)
        if contents is not None:
            return Opened(master, contents)
        master[:] = bytes(len(master))
    return None


def begun(*, custodians: int, quorum: int, random: RandomBytes) -> tuple[SealedFile, list[str]]:
    """Make a sealed file with one key, to be written, and the mnemonics, which exist nowhere else.

    Raises:
        ValueError: so many custodians, or such a quorum of them, cannot be.
    """
    contents = Contents({random(ID_BYTES).hex(): bytearray(random(KEY_BYTES))}, bytearray(random(KEY_BYTES)))
    return _of_new_ceremony(contents, custodians=custodians, quorum=quorum, random=random)


def add_key(path: Path, opened: Opened, random: RandomBytes) -> str:
    """Add a key that wraps from now on, and return its id; the mnemonics stay as they are.

    Raises:
        KeyFileRefused: somebody else is replacing the file at this moment.
    """
    added = random(ID_BYTES).hex()
    contents = Contents({**opened.contents.keys, added: bytearray(random(KEY_BYTES))}, opened.contents.derivation)
    key_files.replace(path, SealedFile.read(path).with_contents(opened, contents, random).text())
    return added


def drop_key(path: Path, opened: Opened, key_id: str, random: RandomBytes) -> None:
    """Remove a key: what is still wrapped under it can never be opened again.

    Raises:
        KeyFileRefused: the file is being replaced, does not hold the key, or wraps with it.
    """
    check_old(path, key_id, list(opened.contents.keys))
    left = {one: secret for one, secret in opened.contents.keys.items() if one != key_id}
    contents = Contents(left, opened.contents.derivation)
    key_files.replace(path, SealedFile.read(path).with_contents(opened, contents, random).text())


def shared_anew(opened: Opened, *, custodians: int, quorum: int, random: RandomBytes) -> tuple[SealedFile, list[str]]:
    """Seal the same keys under a new master secret; returns the file, to be replaced, and the mnemonics.

    The earlier mnemonics do not open it; they open copies of the earlier file, so rotate and retire as well.

    Raises:
        ValueError: so many custodians, or such a quorum of them, cannot be.
    """
    return _of_new_ceremony(opened.contents, custodians=custodians, quorum=quorum, random=random)


def _of_new_ceremony(
    contents: Contents, *, custodians: int, quorum: int, random: RandomBytes
) -> tuple[SealedFile, list[str]]:
    if not FEWEST <= quorum <= custodians <= MOST_CUSTODIANS:
        raise ValueError(f"a quorum is between {FEWEST} and the custodians, who are {MOST_CUSTODIANS} at most")
    master = bytearray(random(KEY_BYTES))
    (mnemonics,) = generate_mnemonics(1, [(quorum, custodians)], bytes(master), iteration_exponent=_WORK)
    empty = SealedFile(
        ceremony=Share.from_mnemonic(mnemonics[0]).identifier,
        custodians=custodians,
        quorum=quorum,
        keys=tuple(contents.keys),
        sealed="00",
    )
    file = empty.with_contents(Opened(master, contents), contents, random)
    master[:] = bytes(len(master))
    return file, mnemonics
