"""The second sink: what was opened, kept outside the database, each line bound to the one before it. Pure.

Plaintext leaves only after its entry has been committed *and* kept here. So a database that was set back to a backup
lacks what the sink has, and whoever holds the database alone cannot hide an opening.
"""

import hashlib
import json
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, NamedTuple, Protocol
from uuid import UUID

from domain.audit.chain import Entry, canonical, canonical_json, fields
from domain.audit.export import LineUnreadable, Recorded, read_line

BEFORE_THE_FIRST: Final = hashlib.sha256(b"nrm audit second sink 1\x00").digest()
APART: Final = timedelta(hours=1)
"""How much later than the last line an opening may stand in the database: a copy of the sink is a little older."""


@dataclass(frozen=True, slots=True)
class Opening:
    """An entry that is to be kept.

    Attributes:
        hash: The hash that the chain has after it; None if another entry of the same transaction follows it there.
    """

    entry: Entry
    hash: bytes | None


class Sink(Protocol):
    """Keeps openings; returns once they are safe."""

    @property
    def keep(self) -> Callable[[Sequence[Opening]], Awaitable[None]]:
        """Keeps openings; raises OSError if they could not be kept: then nothing may be answered."""


def line_of(opening: Opening, previous: bytes) -> bytes:
    """Return the line of an opening, bound to the line before it."""
    hashed = None if opening.hash is None else opening.hash.hex()
    values = {"line": "opening", "previous": previous.hex(), **fields(opening.entry), "hash": hashed}
    return canonical_json(values) + b"\n"


def link_of(line: bytes) -> bytes:
    """Return what the next line is bound to: a hash of the whole line as it stands, readable or not."""
    return hashlib.sha256(line).digest()


class SinkFault(NamedTuple):
    """The first line of the sink that is not as it was written."""

    fault: str
    line: int


@dataclass(slots=True)
class _Kept:
    line: int
    content: bytes
    hash: bytes | None


class SinkVerifier:
    """Compares the sink with an export.

    Attributes:
        fault: The first bad line of the file itself, or None.
        torn: Lines that were never finished, since the disk was full or the machine stopped: their answers never left.
    """

    def __init__(self, lines: Iterable[bytes]) -> None:
        self.fault: SinkFault | None = None
        self.torn = 0
        self.lines = 0
        self._kept: dict[tuple[UUID, int], _Kept] = {}
        self._last: datetime | None = None
        previous, unread = BEFORE_THE_FIRST, 0
        for line in lines:
            self.lines += 1
            found = read_opening(line)
            if found is None:
                self.torn, unread = self.torn + 1, self.lines
            elif found[0] != previous:
                self.fault = SinkFault("sink_edited", unread or self.lines)
                return
            else:
                unread = 0
                self._take(found[1])
            previous = link_of(line)
        if unread:
            self.fault = SinkFault("sink_unreadable", unread)

    def _take(self, opening: Opening) -> None:
        entry = opening.entry
        kept = _Kept(self.lines, hashlib.sha256(canonical(entry)).digest(), opening.hash)
        self._kept.setdefault((entry.stream_id, entry.sequence), kept)
        self._last = max(entry.at, self._last or entry.at)

    def compare(self, recorded: Recorded) -> str | None:
        """Compare an entry of the database with what was kept; returns what is wrong with it, or None."""
        entry = recorded.entry
        kept = self._kept.pop((entry.stream_id, entry.sequence), None)
        if kept is None:
            opening = is_opening(entry.action)
            late = opening and (self._last is None or entry.at > self._last + APART)
            return "sink_cut_off" if late else None
        same = kept.content == hashlib.sha256(canonical(entry)).digest() and kept.hash in {None, recorded.hash}
        return None if same else "sink_differs"

    def lost(self) -> tuple[int, UUID, int] | None:
        """Return the first line whose entry the database does not have, with its stream and position; or None."""
        return min(((one.line, *key) for key, one in self._kept.items()), default=None)


def is_opening(action: str) -> bool:
    """Tell whether an action, by its name, showed something: such an entry is kept in the second sink too."""
    return action.endswith((".read", "_read", ".revealed"))


def read_opening(line: bytes) -> tuple[bytes, Opening] | None:
    """Return what a line is bound to and what it says, or None if it cannot be read."""
    try:
        values = json.loads(line.decode("ascii"))
        previous = bytes.fromhex(values.pop("previous"))
        hashed = values.pop("hash")
        values |= {"line": "entry", "hash": hashed or ""}
        found = read_line(canonical_json(values) + b"\n")
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError, LineUnreadable):
        return None
    if not isinstance(found, Recorded) or found.place is not None:
        return None
    opening = Opening(found.entry, found.hash if hashed else None)
    return (previous, opening) if line_of(opening, previous) == line else None
