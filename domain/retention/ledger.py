"""The shred ledger as a file that is kept outside the database, and what is wrong with one. Pure.

JSON lines: a head, the entries in order, a foot. Each entry's hash covers the one before it, so that nothing can be
taken away, changed or put in between without being seen; that the end was not cut off, the foot and whoever notes its
hash can tell.
"""

import hashlib
import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final
from uuid import UUID

FORMAT: Final = "nrm shred ledger 1"
GENESIS: Final = hashlib.sha256(b"nrm shred genesis 1\x00").digest()
INSTANT: Final = "%Y-%m-%dT%H:%M:%S.%fZ"


class LedgerRefused(ValueError):
    """A ledger is not one, was changed, or does not belong to this database; the message says where."""


@dataclass(frozen=True, slots=True)
class Shredded:
    """One entry: the keys of a holder's compartment were destroyed, why and when."""

    sequence: int
    holder_id: UUID
    compartment: str
    erasure_id: UUID | None
    why: str
    at: datetime
    hash: bytes

    def said(self) -> str:
        """Return what is hashed, as the database spells it too."""
        return "|".join(
            (
                str(self.sequence),
                str(self.holder_id),
                self.compartment,
                str(self.erasure_id or ""),
                self.why,
                self.at.astimezone(UTC).strftime(INSTANT),
            )
        )


@dataclass(frozen=True, slots=True)
class Ledger:
    """A ledger whose every link was checked.

    Attributes:
        exported_at: When it was written; what was destroyed later it cannot know.
    """

    exported_at: datetime
    entries: tuple[Shredded, ...]

    @property
    def head(self) -> bytes:
        """The last hash."""
        return self.entries[-1].hash if self.entries else GENESIS


def link(previous: bytes, entry: Shredded) -> bytes:
    """Return the hash that an entry must have after another."""
    return hashlib.sha256(b"nrm shred 1\x00" + previous + entry.said().encode()).digest()


def check(entries: Iterable[Shredded]) -> tuple[Shredded, ...]:
    """Return the entries of a chain from its beginning.

    Raises:
        LedgerRefused: names the first entry that does not follow from the one before it.
    """
    previous, found = GENESIS, []
    for place, entry in enumerate(entries, start=1):
        if entry.sequence != place or entry.hash != link(previous, entry):
            raise LedgerRefused(f"entry {place} does not follow from the one before it")
        previous = entry.hash
        found.append(entry)
    return tuple(found)


def written(ledger: Ledger) -> Iterator[bytes]:
    """Yield the lines of the file."""
    at = ledger.exported_at.astimezone(UTC).strftime(INSTANT)
    yield _line({"format": FORMAT, "exported_at": at})
    for one in ledger.entries:
        yield _line(
            {
                "sequence": one.sequence,
                "holder": str(one.holder_id),
                "compartment": one.compartment,
                "erasure": str(one.erasure_id) if one.erasure_id else None,
                "why": one.why,
                "at": one.at.astimezone(UTC).strftime(INSTANT),
                "hash": one.hash.hex(),
            }
        )
    yield _line({"entries": len(ledger.entries), "head": ledger.head.hex()})


def read(lines: Sequence[bytes]) -> Ledger:
    """Return the ledger of a file, every link of it checked.

    Raises:
        LedgerRefused: a line cannot be read, does not follow, or the foot tells of another number of them.
    """
    try:
        head, *body, foot = [json.loads(line) for line in lines]
        exported_at = _instant(head["exported_at"])
        entries = [_entry(one) for one in body]
        told = (foot["entries"], bytes.fromhex(foot["head"]))
        known = head["format"] == FORMAT
    except (ValueError, TypeError, KeyError, AttributeError):
        raise LedgerRefused("not a ledger, or cut off") from None
    if not known:
        raise LedgerRefused("not a ledger that this program understands")
    ledger = Ledger(exported_at, check(entries))
    if told != (len(ledger.entries), ledger.head):
        raise LedgerRefused("the foot tells of another number of entries")
    return ledger


def missing(known: Sequence[Shredded], ledger: Ledger) -> tuple[Shredded, ...]:
    """Return the entries that a restored database does not know yet.

    Raises:
        LedgerRefused: the ledger is older than the database, or another one's.
    """
    if len(known) > len(ledger.entries):
        raise LedgerRefused("the ledger is older than the backup: it knows less")
    if tuple(known) != ledger.entries[: len(known)]:
        raise LedgerRefused("the ledger is not the one of this database")
    return ledger.entries[len(known) :]


def _line(values: dict[str, Any]) -> bytes:
    return json.dumps(values, separators=(",", ":")).encode() + b"\n"


def _instant(text: str) -> datetime:
    return datetime.strptime(text, INSTANT).replace(tzinfo=UTC)


def _entry(values: dict[str, Any]) -> Shredded:
    return Shredded(
        sequence=int(values["sequence"]),
        holder_id=UUID(values["holder"]),
        compartment=str(values["compartment"]),
        erasure_id=UUID(values["erasure"]) if values["erasure"] else None,
        why=str(values["why"]),
        at=_instant(values["at"]),
        hash=bytes.fromhex(values["hash"]),
    )
