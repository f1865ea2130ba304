"""Verifying the tree of an export: places, signed heads, and what witnesses in other institutions signed. Pure.

Chains and heads can be made anew by whoever holds the database. What others have signed cannot: so an entry that was
changed, left out or put in later than it says does not fit the tree of some checkpoint.
"""

from array import array
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final
from uuid import UUID

from domain.audit.chain import HASH_BYTES
from domain.audit.checkpoints import Checkpoint, cosigned_at, read_signed
from domain.audit.export import Recorded
from domain.audit.merkle import Growing, leaf_hash
from domain.audit.notes import Note, NoteRefused, PublicKey

GRACE: Final = timedelta(days=1)
"""How long an entry may wait for its place before that looks like an entry made up later."""

ID_BYTES: Final = 16


class Misplaced(StrEnum):
    """What is wrong with a place."""

    LEAF = "leaf_differs"  # the tree holds the hash of another entry here
    ORDER = "place_order"  # an entry stands before one that its own stream has before it, or was passed over
    PLACE = "place"  # a place of the tree is empty or taken twice
    ROOT = "root_differs"  # the entries make another tree than the one that was signed
    TREE_CUT = "tree_cut_off"  # a signed checkpoint knows more entries than are there
    LATE = "late"  # the entry says it is older than a checkpoint that does not hold it


@dataclass(frozen=True, slots=True)
class Trust:
    """Whom an auditor believes.

    Attributes:
        logs: The public keys of the log, the present one and former ones.
        witnesses: Of the witnesses.
        quorum: How many of them must have signed one checkpoint.
        grace: How long an entry may wait for its place.
    """

    logs: tuple[PublicKey, ...] = ()
    witnesses: tuple[PublicKey, ...] = ()
    quorum: int = 0
    grace: timedelta = GRACE


NOBODY: Final = Trust()


@dataclass(frozen=True, slots=True)
class SignedHead:
    """A checkpoint of which the signatures were checked.

    Attributes:
        first_seen: When the first witness cosigned it, in seconds since 1970; None: none that is believed.
        witnesses: How many that are believed cosigned it.
    """

    size: int
    root: bytes
    first_seen: int | None
    witnesses: int


def checked(content: str, trust: Trust) -> SignedHead:
    """Return a checkpoint whose signatures are those of whom the auditor believes.

    Raises:
        NoteRefused: it is none, the log did not sign it, or a line of a known witness does not verify.
    """
    checkpoint = _of_the_log(content, trust.logs)
    times = cosigned_at(Note.read(content), trust.witnesses)
    return SignedHead(checkpoint.size, checkpoint.root, min(times.values(), default=None), len(times))


def _of_the_log(content: str, logs: Sequence[PublicKey]) -> Checkpoint:
    if not logs:
        return Checkpoint.read(Note.read(content))
    origin = content.partition("\n")[0]
    for key in logs:
        if key.name == origin:
            return read_signed(content, key)[0]
    raise NoteRefused("not a checkpoint of this log")


@dataclass(frozen=True, slots=True)
class Wrong:
    """The first place that is wrong.

    Attributes:
        position: In the tree; None if the entry has no place.
        line: Of the export; 0 if nothing stands there.
    """

    fault: Misplaced
    position: int | None
    line: int
    stream_id: UUID | None = None
    sequence: int | None = None


@dataclass(slots=True)
class _Waiting:
    """The oldest entry without a place."""

    at: float
    line: int
    stream_id: UUID
    sequence: int


@dataclass(slots=True)
class Places:
    """The places of all entries, about 80 bytes each, in the order of the export."""

    positions: "array[int]" = field(default_factory=lambda: array("Q"))
    lines: "array[int]" = field(default_factory=lambda: array("Q"))
    sequences: "array[int]" = field(default_factory=lambda: array("Q"))
    instants: "array[float]" = field(default_factory=lambda: array("d"))
    streams: bytearray = field(default_factory=bytearray)
    leaves: bytearray = field(default_factory=bytearray)
    oldest: _Waiting | None = None
    _stream: UUID | None = None
    _last: int | None = None
    _waits: bool = False

    @property
    def size(self) -> int:
        """How many entries have a place."""
        return len(self.positions)

    def take(self, recorded: Recorded, line: int) -> Misplaced | None:
        """Take an entry; returns what is wrong with its own place, as far as it and its stream alone tell."""
        entry, place = recorded.entry, recorded.place
        if entry.stream_id != self._stream:
            self._stream, self._last, self._waits = entry.stream_id, None, False
        if place is None:
            self._waits = True
            self._note_waiting(entry.at, line, entry.stream_id, entry.sequence)
            return None
        if place.leaf != leaf_hash(recorded.hash):
            return Misplaced.LEAF
        if self._waits or (self._last is not None and place.position <= self._last):
            return Misplaced.ORDER
        self._last = place.position
        self.positions.append(place.position)
        self.lines.append(line)
        self.sequences.append(entry.sequence)
        self.instants.append(entry.at.timestamp())
        self.streams += entry.stream_id.bytes
        self.leaves += place.leaf
        return None

    def _note_waiting(self, at: datetime, line: int, stream_id: UUID, sequence: int) -> None:
        if self.oldest is None or at.timestamp() < self.oldest.at:
            self.oldest = _Waiting(at.timestamp(), line, stream_id, sequence)

    def first_wrong(self, heads: Iterable[SignedHead], grace: timedelta) -> Wrong | None:
        """Return the first place that does not fit the signed heads, or None."""
        by_size: dict[int, list[SignedHead]] = {}
        for head in heads:
            by_size.setdefault(head.size, []).append(head)
        order = sorted(range(self.size), key=self.positions.__getitem__)
        for position, index in enumerate(order):
            if self.positions[index] != position:
                return self._wrong(Misplaced.PLACE, index, min(position, self.positions[index]))
        return self._against(order, by_size, grace)

    def _against(
        self, order: Sequence[int], by_size: Mapping[int, Sequence[SignedHead]], grace: timedelta
    ) -> Wrong | None:
        tree, right, floor = Growing(), 0, float("-inf")
        for position in range(len(order) + 1):
            for head in by_size.get(position, ()):
                if head.root != tree.root():
                    return self._between(order, right)
                right = position
                if head.first_seen is not None:
                    floor = max(floor, head.first_seen - grace.total_seconds())
            if position < len(order):
                index = order[position]
                if self.instants[index] < floor:
                    return self._wrong(Misplaced.LATE, index, position)
                tree.add(bytes(self.leaves[index * HASH_BYTES : (index + 1) * HASH_BYTES]))
        if max(by_size, default=0) > len(order):
            return Wrong(Misplaced.TREE_CUT, len(order), 0)
        if self.oldest is not None and self.oldest.at < floor:
            one = self.oldest
            return Wrong(Misplaced.LATE, None, one.line, one.stream_id, one.sequence)
        return None

    def _between(self, order: Sequence[int], right: int) -> Wrong:
        """Return the first entry after the last signed head that fits: from there on something is not as it was."""
        if right >= len(order):
            return Wrong(Misplaced.ROOT, right, 0)
        return self._wrong(Misplaced.ROOT, order[right], right)

    def _wrong(self, fault: Misplaced, index: int, position: int) -> Wrong:
        stream = UUID(bytes=bytes(self.streams[index * ID_BYTES : (index + 1) * ID_BYTES]))
        return Wrong(fault, position, self.lines[index], stream, self.sequences[index])
