"""Signed notes, and the Ed25519 keys that sign them. Pure.

A note is a text, an empty line, and signature lines. A key signs either as a log does (the text itself) or as a witness
does (the text with an instant before it). Sources: C2SP signed-note and tlog-cosignature.
"""

import base64
import binascii
import hashlib
import re
from collections.abc import Callable
from dataclasses import dataclass
from enum import IntEnum
from typing import Final, Self

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

KEY_NAME: Final = re.compile(r"^[A-Za-z0-9][A-Za-z0-9./_-]{0,119}$")
"""What we name keys: a subset of what the format allows, so that a name is safe wherever it is shown."""

LONGEST_NOTE: Final = 65_536
MOST_SIGNATURES: Final = 64
SEED_BYTES: Final = 32
PRIVATE: Final = "PRIVATE+KEY"
DASH: Final = "— "

_SIGNATURE: Final = re.compile(r"^— ([^\s+]+) ([A-Za-z0-9+/]+={0,2})$")


class NoteRefused(ValueError):
    """A note, key or signature is malformed, or a signature of a known key does not verify."""


class KeyKind(IntEnum):
    """What a key signs; a byte of its id, so that one key cannot be taken for the other."""

    LOG = 0x01
    WITNESS = 0x04
    RELEASE = 0xFF  # of statistics: of no kind that the format knows, since what it signs is no note


@dataclass(frozen=True, slots=True)
class PublicKey:
    """Whoever knows it can check signatures. Exchanged as one line, a *vkey*: `name+id+base64`."""

    name: str
    kind: KeyKind
    key: bytes

    @property
    def id(self) -> bytes:
        """The first 4 bytes of a hash over name, kind and key."""
        return hashlib.sha256(self.name.encode() + b"\n" + bytes([self.kind]) + self.key).digest()[:4]

    @property
    def line(self) -> str:
        """The key as one line."""
        return f"{self.name}+{self.id.hex()}+{_base64(bytes([self.kind]) + self.key)}"

    @classmethod
    def read(cls, line: str, kind: KeyKind) -> Self:
        """Return the key of a line.

        Raises:
            NoteRefused: it is none, or one of another kind.
        """
        name, _, rest = line.strip().partition("+")
        key_id, _, encoded = rest.partition("+")
        raw = _decoded(encoded)
        if not KEY_NAME.match(name) or len(raw) != 1 + SEED_BYTES or raw[0] != kind:
            raise NoteRefused(f"not a public key of a {kind.name.lower()}")
        found = cls(name, kind, raw[1:])
        if found.id.hex() != key_id:
            raise NoteRefused("the id of the public key is not its own")
        return found

    def verify(self, text: str, signature: "Signature") -> int | None:
        """Check a signature over a text; returns when a witness made it, in seconds since 1970, None for a log.

        Raises:
            NoteRefused: it does not verify.
        """
        when, raw = None, signature.raw
        if self.kind == KeyKind.WITNESS:
            when, raw = int.from_bytes(raw[:8], "big"), raw[8:]
        message = text if when is None else _cosigned(text, when)
        try:
            Ed25519PublicKey.from_public_bytes(self.key).verify(raw, message.encode())
        except (InvalidSignature, ValueError):
            raise NoteRefused(f"a signature of {self.name} does not verify") from None
        return when


@dataclass(frozen=True, slots=True)
class Signature:
    """One signature line: the key's name and id, and what it made."""

    name: str
    key_id: bytes
    raw: bytes

    @property
    def line(self) -> str:
        """The line, without its end."""
        return f"{DASH}{self.name} {_base64(self.key_id + self.raw)}"

    @classmethod
    def read(cls, line: str) -> Self:
        """Return what a line says.

        Raises:
            NoteRefused: it is no signature line.
        """
        found = _SIGNATURE.match(line)
        raw = _decoded(found[2]) if found else b""
        if found is None or len(raw) <= 4:  # noqa: PLR2004 - the key's id
            raise NoteRefused("not a signature line")
        return cls(found[1], raw[:4], raw[4:])

    def is_of(self, key: PublicKey) -> bool:
        """Whether the line says that this key made it."""
        return (self.name, self.key_id) == (key.name, key.id)


@dataclass(frozen=True, slots=True)
class SigningKey:
    """A private key; kept as one line, `PRIVATE+KEY+name+id+base64`. Never shown."""

    name: str
    kind: KeyKind
    seed: bytes

    def __repr__(self) -> str:
        """Name the key only."""
        return f"SigningKey({self.name!r})"

    @classmethod
    def make(cls, name: str, kind: KeyKind, random: Callable[[int], bytes]) -> Self:
        """Make a new key.

        Raises:
            NoteRefused: the name is none for a key.
        """
        if not KEY_NAME.match(name):
            raise NoteRefused("a key's name is like an address without a scheme: nrm.example/kg")
        return cls(name, kind, random(SEED_BYTES))

    @classmethod
    def read(cls, line: str, kind: KeyKind) -> Self:
        """Return the key of a line.

        Raises:
            NoteRefused: it is none, or one of another kind; says nothing of what it holds.
        """
        parts = line.strip().split("+", 4)
        raw = _decoded(parts[4]) if len(parts) == 5 else b""  # noqa: PLR2004 - as written below
        if "+".join(parts[:2]) != PRIVATE or len(raw) != 1 + SEED_BYTES or raw[0] != kind:
            raise NoteRefused(f"not a private key of a {kind.name.lower()}")
        found = cls(parts[2], kind, raw[1:])
        if not KEY_NAME.match(found.name) or found.public.id.hex() != parts[3]:
            raise NoteRefused("the id of the private key is not its own")
        return found

    @property
    def line(self) -> str:
        """The key as one line, to be written where only its owner reads."""
        encoded = _base64(bytes([self.kind]) + self.seed)
        return f"{PRIVATE}+{self.name}+{self.public.id.hex()}+{encoded}"

    @property
    def public(self) -> PublicKey:
        """The public key."""
        return PublicKey(self.name, self.kind, self._key().public_key().public_bytes_raw())

    def sign(self, text: str) -> Signature:
        """Sign a text as a log does."""
        if self.kind != KeyKind.LOG:
            raise NoteRefused("a witness signs with an instant")
        return Signature(self.name, self.public.id, self._key().sign(text.encode()))

    def cosign(self, text: str, when: int) -> Signature:
        """Sign a text as a witness does, at an instant in seconds since 1970."""
        if self.kind != KeyKind.WITNESS:
            raise NoteRefused("a log does not sign as a witness")
        raw = when.to_bytes(8, "big") + self._key().sign(_cosigned(text, when).encode())
        return Signature(self.name, self.public.id, raw)

    def _key(self) -> Ed25519PrivateKey:
        return Ed25519PrivateKey.from_private_bytes(self.seed)


@dataclass(frozen=True, slots=True)
class Note:
    """A text and its signatures; nothing is verified yet.

    Attributes:
        text: With its last line feed.
    """

    text: str
    signatures: tuple[Signature, ...]

    @classmethod
    def read(cls, content: str) -> Self:
        """Return the note.

        Raises:
            NoteRefused: it is none, or one longer than anybody reads.
        """
        text, empty, lines = content.rpartition("\n\n")
        if len(content) > LONGEST_NOTE or not empty or not lines.endswith("\n"):
            raise NoteRefused("not a signed note")
        if any(ord(character) < ord(" ") and character != "\n" for character in content):
            raise NoteRefused("a signed note has no control characters")
        signatures = lines[:-1].split("\n")
        if len(signatures) > MOST_SIGNATURES:
            raise NoteRefused("more signatures than anybody checks")
        return cls(text + "\n", tuple(map(Signature.read, signatures)))

    def written(self) -> str:
        """Return the note as it is exchanged."""
        return self.text + "\n" + "".join(f"{one.line}\n" for one in self.signatures)

    def made_by(self, key: PublicKey) -> list[int | None]:
        """Return one entry for each signature of a key: when it was made, None for a log. Empty if there is none.

        Raises:
            NoteRefused: a line says that it is of this key, and does not verify.
        """
        return [key.verify(self.text, one) for one in self.signatures if one.is_of(key)]


def _cosigned(text: str, when: int) -> str:
    return f"cosignature/v1\ntime {when}\n{text}"


def _base64(raw: bytes) -> str:
    return base64.b64encode(raw).decode("ascii")


def _decoded(text: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        raise NoteRefused("not base64") from None
