"""The audit as a file that anybody can verify: JSON lines, each in its one canonical spelling. Pure.

Streams stand in ascending order of their ids. Each is its entries in order, then its head, which the service keeps in
another table than the entries. An entry that has its place in the tree over all streams says so. Then come the signed
heads of the tree, with what witnesses signed of them. The last line is the summary: how much there is, and one digest
over all heads that fits on a sheet of paper. Exports from before the tree have no places and no signed heads.
"""

import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from domain.audit.chain import LARGEST_INTEGER, Entry, Head, canonical_json, fields


@dataclass(frozen=True, slots=True)
class Place:
    """Where an entry stands in the tree.

    Attributes:
        position: From 0.
        leaf: The leaf's hash, as it is stored with the tree.
    """

    position: int
    leaf: bytes


@dataclass(frozen=True, slots=True)
class Recorded:
    """An entry and the hash that was stored with it; without a place if it waits for one."""

    entry: Entry
    hash: bytes
    place: Place | None = None


@dataclass(frozen=True, slots=True)
class Signed:
    """A checkpoint as it is exchanged, with its signatures."""

    note: str


@dataclass(frozen=True, slots=True)
class Summary:
    """The last line of an export.

    Attributes:
        entries: How many entries the export holds.
        streams: How many streams.
        digest: SHA-256 over the heads in order: whoever keeps it can tell later whether any stream was rewritten.
    """

    entries: int
    streams: int
    digest: bytes


Line = Recorded | Head | Signed | Summary


class LineUnreadable(ValueError):
    """A line of an export is not one that this service writes. Says nothing of what it holds."""


class Tally:
    """Counts what goes by, and sums it up in the last line."""

    def __init__(self) -> None:
        self._entries = 0
        self._streams = 0
        self._heads = hashlib.sha256(b"nrm audit heads 1\x00")

    def count(self, part: Recorded | Head | Signed) -> None:
        """Count one entry, or one stream by its head; a checkpoint speaks for itself."""
        if isinstance(part, Recorded):
            self._entries += 1
        elif isinstance(part, Head):
            self._streams += 1
            self._heads.update(part.stream_id.bytes + part.sequence.to_bytes(8, "big") + part.hash)

    def summary(self) -> Summary:
        """Return what has gone by so far."""
        return Summary(entries=self._entries, streams=self._streams, digest=self._heads.digest())


def written(line: Line) -> bytes:
    """Return the one spelling of a line, with its line feed."""
    if isinstance(line, Recorded):
        values = {"line": "entry", **fields(line.entry), "hash": line.hash.hex()}
        if line.place is not None:
            values |= {"position": line.place.position, "leaf": line.place.leaf.hex()}
    elif isinstance(line, Head):
        values = {
            "line": "head",
            "stream_id": str(line.stream_id),
            "sequence": line.sequence,
            "hash": line.hash.hex(),
        }
    elif isinstance(line, Signed):
        values = {"line": "checkpoint", "note": line.note}
    else:
        values = {
            "line": "summary",
            "entries": line.entries,
            "streams": line.streams,
            "digest": line.digest.hex(),
        }
    return canonical_json(values) + b"\n"


def read_line(text: bytes) -> Line:
    """Return what a line says.

    Raises:
        LineUnreadable: it is not JSON, lacks a field, or is not spelled as `written` spells it.
    """
    try:
        values = json.loads(text.decode("ascii"))
        line = _LINES[values.pop("line")](values)
        same = written(line) == text
    except (ValueError, TypeError, KeyError, AttributeError, OverflowError, RecursionError):
        raise LineUnreadable("a line is not one that an export holds") from None
    if not same:
        raise LineUnreadable("a line is not spelled as an export spells it")
    return line


def _recorded(values: dict[str, Any]) -> Recorded:
    entry = Entry(
        stream_id=UUID(values["stream_id"]),
        sequence=values["sequence"],
        action=values["action"],
        actor_id=_id(values["actor_id"]),
        organisation_id=_id(values["organisation_id"]),
        subject_id=UUID(values["subject_id"]),
        rule=values["rule"],
        details=values["details"],
        at=datetime.fromisoformat(values["at"]),
    )
    return Recorded(entry, bytes.fromhex(values["hash"]), _place(values))


def _place(values: dict[str, Any]) -> Place | None:
    if "position" not in values:
        return None
    position = values["position"]
    if type(position) is not int or not 0 <= position <= LARGEST_INTEGER:
        raise ValueError("a position counts from 0")
    return Place(position, bytes.fromhex(values["leaf"]))


def _signed(values: dict[str, Any]) -> Signed:
    return Signed(values["note"])


def _head(values: dict[str, Any]) -> Head:
    return Head(UUID(values["stream_id"]), int(values["sequence"]), bytes.fromhex(values["hash"]))


def _summary(values: dict[str, Any]) -> Summary:
    return Summary(int(values["entries"]), int(values["streams"]), bytes.fromhex(values["digest"]))


def _id(value: str | None) -> UUID | None:
    return None if value is None else UUID(value)


_LINES: dict[str, Callable[[dict[str, Any]], Line]] = {
    "entry": _recorded,
    "head": _head,
    "checkpoint": _signed,
    "summary": _summary,
}
