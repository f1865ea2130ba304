"""Checkpoints: how many entries the audit's tree has, and its root, signed by the log and cosigned by witnesses. Pure.

Source: C2SP tlog-checkpoint. The first line, the origin, is the name of the log's key.
"""

import base64
import binascii
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final, Self

from domain.audit.merkle import HASH_BYTES, LONGEST_PROOF
from domain.audit.notes import Note, NoteRefused, PublicKey, SigningKey

LARGEST: Final = 2**62
_SIZE: Final = re.compile(r"^(0|[1-9][0-9]{0,18})$")
_OLD: Final = re.compile(r"^old (0|[1-9][0-9]{0,18})$")
_LINES: Final = 3


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """The head of the tree.

    Attributes:
        origin: Which log.
        size: How many leaves.
        root: 32 bytes.
    """

    origin: str
    size: int
    root: bytes

    @property
    def text(self) -> str:
        """The text that is signed."""
        return f"{self.origin}\n{self.size}\n{base64.b64encode(self.root).decode()}\n"

    def signed(self, key: SigningKey) -> Note:
        """Return the checkpoint signed by its log.

        Raises:
            NoteRefused: the key has another name than the origin.
        """
        if key.name != self.origin:
            raise NoteRefused("a log signs checkpoints of its own origin")
        return Note(self.text, (key.sign(self.text),))

    @classmethod
    def read(cls, note: Note) -> Self:
        """Return what a note's text says, as its three lines alone can say it.

        Raises:
            NoteRefused: it is no checkpoint.
        """
        lines = note.text.split("\n")
        if len(lines) != _LINES + 1 or not lines[0] or not _SIZE.match(lines[1]):
            raise NoteRefused("not a checkpoint")
        found = cls(lines[0], int(lines[1]), hash_read(lines[2]))
        if found.size > LARGEST or found.text != note.text:
            raise NoteRefused("not a checkpoint as it is spelled")
        return found


def read_signed(content: str, log: PublicKey) -> tuple[Checkpoint, Note]:
    """Return a checkpoint whose log has signed it.

    Raises:
        NoteRefused: it is no checkpoint, of another log, or not signed by it.
    """
    note = Note.read(content)
    found = Checkpoint.read(note)
    if found.origin != log.name or not note.made_by(log):
        raise NoteRefused(f"not a checkpoint of {log.name}")
    return found, note


@dataclass(frozen=True, slots=True)
class Offer:
    """A checkpoint with the proof that it continues an older one: what a witness is given.

    Written as C2SP tlog-witness has the body of `add-checkpoint`, so that it also travels as one file.

    Attributes:
        old: The size of the older tree.
        proof: The consistency proof.
        note: The signed checkpoint, as it is exchanged.
    """

    old: int
    proof: tuple[bytes, ...]
    note: str

    def written(self) -> str:
        """Return the offer as one text."""
        return "\n".join([f"old {self.old}", *map(hash_written, self.proof), "", self.note])

    @classmethod
    def read(cls, content: str) -> Self:
        """Return the offer of a text.

        Raises:
            NoteRefused: it is none.
        """
        head, empty, note = content.partition("\n\n")
        first, *proof = head.split("\n")
        old = _OLD.match(first)
        if not empty or old is None or len(proof) > LONGEST_PROOF:
            raise NoteRefused("not a checkpoint with its proof")
        return cls(int(old[1]), tuple(map(hash_read, proof)), note)


def hash_written(raw: bytes) -> str:
    """Return a hash as proofs spell it."""
    return base64.b64encode(raw).decode("ascii")


def hash_read(text: str) -> bytes:
    """Return a hash.

    Raises:
        NoteRefused: it is none, or spelled otherwise than `hash_written` spells it.
    """
    try:
        raw = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        raise NoteRefused("not a hash") from None
    if len(raw) != HASH_BYTES or hash_written(raw) != text:
        raise NoteRefused("not a hash")
    return raw


def cosigned_at(note: Note, witnesses: Iterable[PublicKey]) -> dict[str, int]:
    """Return when each witness first cosigned a checkpoint, in seconds since 1970, by the witness's name.

    Raises:
        NoteRefused: a line that says it is of one of them does not verify.
    """
    found: dict[str, int] = {}
    for key in witnesses:
        times: Sequence[int | None] = note.made_by(key)
        known = [when for when in times if when is not None]
        if known:
            found[key.name] = min(known)
    return found
