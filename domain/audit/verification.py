"""Verifying an export of the audit offline, and naming the first position where it is not what was written. Pure.

What the chains show: edited, deleted, inserted, reordered, cut off or backdated entries, as long as not every later
hash, the head and the summary were made anew with them. What the tree and its signed heads show: that too, and a whole
stream made up, as long as the log's key and the tree were not used to sign all of it anew. What a witness's signature,
an export or a checkpoint kept elsewhere shows: even that, and a database set back to an older backup. What the second
sink shows: an opening that the database no longer has.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import IntEnum, StrEnum
from types import MappingProxyType
from uuid import UUID

from domain.audit.chain import Head, entry_hash, genesis
from domain.audit.export import Line, LineUnreadable, Recorded, Signed, Summary, Tally, read_line
from domain.audit.notes import NoteRefused
from domain.audit.placing import NOBODY, Places, SignedHead, Trust, Wrong, checked
from domain.audit.sink import SinkVerifier


class Verdict(IntEnum):
    """What a verification found; the exit code of `nrm audit verify`."""

    INTACT = 0
    BROKEN = 1
    UNREADABLE = 2


class Fault(StrEnum):
    """What is wrong at the first bad position."""

    UNREADABLE = "unreadable"  # not a line that an export holds, or not spelled as one
    EMPTY = "empty"  # there is no line at all
    EDITED = "edited"  # the hash does not follow from the entry and what stands before it
    POSITION = "position"  # an entry is missing, inserted, doubled or in the wrong place
    BACKDATED = "backdated"  # an entry is older than the one before it
    STREAM_ORDER = "stream_order"  # streams are not in ascending order, or one appears twice
    HEAD_MISSING = "head_missing"  # a stream ends without its head
    CUT_OFF = "cut_off"  # the head, the summary or an earlier export knows more than is there
    HEAD_DIFFERS = "head_differs"  # the head is not the last entry
    REWRITTEN = "rewritten"  # an earlier export holds another entry at this position
    COUNT = "count"  # the summary is not the sum
    AFTER_END = "after_end"  # something follows the summary
    LEAF = "leaf_differs"  # the tree holds the hash of another entry here
    PLACE_ORDER = "place_order"  # an entry stands before one that its own stream has before it, or was passed over
    PLACE = "place"  # a place of the tree is empty or taken twice
    ROOT = "root_differs"  # the entries make another tree than the one that was signed
    TREE_CUT_OFF = "tree_cut_off"  # a signed checkpoint knows more entries than are there
    LATE = "late"  # an entry says that it is older than a checkpoint that does not hold it
    NOTE = "checkpoint_refused"  # a checkpoint, or a signature on it, is not what it says it is
    UNSIGNED = "unsigned"  # there is no checkpoint of the log that is believed
    UNWITNESSED = "unwitnessed"  # no checkpoint was signed by as many witnesses as are asked for
    SINK_EDITED = "sink_edited"  # a line of the second sink does not follow from the one before it
    SINK_UNREADABLE = "sink_unreadable"  # the last line of the second sink cannot be read
    SINK_DIFFERS = "sink_differs"  # the second sink says something else of this entry
    SINK_CUT_OFF = "sink_cut_off"  # the second sink ends before this opening
    SINK_KNOWS_MORE = "sink_knows_more"  # the second sink has an entry that the database lost


@dataclass(frozen=True, slots=True)
class BadPosition:
    """Where an export stops being what was written.

    Attributes:
        line: The line of the export, from 1; one beyond the last if something is missing at the end.
        stream_id: The stream, where the line tells.
        sequence: The position in the stream, where the line tells.
        position: The position in the tree, where the tree tells.
        sink_line: The line of the second sink, where it is the sink that tells.
    """

    fault: Fault
    line: int
    stream_id: UUID | None = None
    sequence: int | None = None
    position: int | None = None
    sink_line: int | None = None


@dataclass(frozen=True, slots=True)
class Verification:
    """The result: intact, or the first bad position.

    Attributes:
        summary: What was verified up to there: entries, streams and the digest over the heads.
        heads: The heads that were verified, to be compared with a later export.
        placed: How many entries have a place in the tree.
        signed: How many of them the newest checkpoint covers.
        witnessed: How many of them a checkpoint covers that enough witnesses signed.
    """

    bad: BadPosition | None
    summary: Summary
    heads: Mapping[UUID, Head] = field(repr=False)
    placed: int = 0
    signed: int = 0
    witnessed: int = 0

    @property
    def verdict(self) -> Verdict:
        """Intact, broken or unreadable."""
        if self.bad is None:
            return Verdict.INTACT
        return Verdict.UNREADABLE if self.bad.fault in {Fault.UNREADABLE, Fault.EMPTY} else Verdict.BROKEN


_NOTHING_KEPT: Mapping[UUID, Head] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Elsewhere:
    """What an auditor brings along, from outside the database.

    Attributes:
        kept: The heads of an export that was verified earlier.
        trust: Whose signatures count.
        checkpoints: Signed checkpoints, such as a witness keeps.
        sink: The second sink, to be compared once.
    """

    kept: Mapping[UUID, Head] = field(default_factory=lambda: _NOTHING_KEPT)
    trust: Trust = NOBODY
    checkpoints: Sequence[str] = ()
    sink: SinkVerifier | None = None


NOTHING = Elsewhere()


def verify(lines: Iterable[bytes], elsewhere: Elsewhere = NOTHING) -> Verification:
    """Verify an export.

    Args:
        lines: The lines of the file, each with its line feed, as iterating over a file in binary mode gives them.
        elsewhere: What the auditor brings along.
    """
    verifier = Verifier(elsewhere)
    for line in lines:
        if not verifier.read(line):
            break
    return verifier.finish()


class Verifier:
    """Verifies line by line, so that an export of any length fits in memory; `verify` for a file, this for a stream."""

    def __init__(self, elsewhere: Elsewhere = NOTHING) -> None:
        self._elsewhere = elsewhere
        self._kept = elsewhere.kept
        self._places = Places()
        self._signed: list[SignedHead] = []
        self._tally = Tally()
        self._heads: dict[UUID, Head] = {}
        self._line = 0
        self._bad: BadPosition | None = None
        self._ended = False
        self._last_stream: UUID | None = None
        self._link: Head | None = None
        self._last_at: datetime | None = None

    def read(self, text: bytes) -> bool:
        """Read the next line; False once a bad position is known and further lines change nothing."""
        if self._bad is None:
            self._line += 1
            try:
                line = read_line(text)
            except LineUnreadable:
                self._fail(Fault.UNREADABLE)
            else:
                self._take(line)
        return self._bad is None

    def finish(self) -> Verification:
        """Return the result after the last line."""
        sink = self._elsewhere.sink
        if self._bad is None and sink is not None and sink.fault is not None:
            self._bad = BadPosition(Fault(sink.fault.fault), 0, sink_line=sink.fault.line)
        if self._bad is None and not self._ended:
            self._line += 1
            self._fail(Fault.EMPTY if self._line == 1 else Fault.CUT_OFF)
        enough = [head.size for head in self._signed if head.witnesses >= max(self._elsewhere.trust.quorum, 1)]
        return Verification(
            self._bad,
            self._tally.summary(),
            self._heads,
            placed=self._places.size,
            signed=max((head.size for head in self._signed), default=0),
            witnessed=max(enough, default=0),
        )

    def _take(self, line: Line) -> None:
        if self._ended:
            self._fail(Fault.AFTER_END)
        elif isinstance(line, Recorded):
            self._take_entry(line)
        elif isinstance(line, Head):
            self._take_head(line)
        elif isinstance(line, Signed):
            self._take_signed(line)
        else:
            self._take_summary(line)

    def _take_entry(self, recorded: Recorded) -> None:
        entry = recorded.entry
        link = self._link or Head(entry.stream_id, 0, genesis(entry.stream_id))
        fault = self._fault_of_entry(recorded, link) or self._fault_elsewhere(recorded)
        if fault:
            position = recorded.place.position if recorded.place else None
            self._fail(fault, entry.stream_id, entry.sequence, position)
            return
        self._tally.count(recorded)
        self._link = Head(entry.stream_id, entry.sequence, recorded.hash)
        self._last_at = entry.at

    def _fault_of_entry(self, recorded: Recorded, link: Head) -> Fault | None:
        entry = recorded.entry
        if self._link is None and (self._signed or not self._follows(entry.stream_id)):
            return Fault.STREAM_ORDER
        if entry.stream_id != link.stream_id:
            return Fault.HEAD_MISSING
        if entry.sequence != link.sequence + 1:
            return Fault.POSITION
        return self._fault_of_content(recorded, link)

    def _fault_of_content(self, recorded: Recorded, link: Head) -> Fault | None:
        entry = recorded.entry
        if recorded.hash != entry_hash(link.hash, entry):
            return Fault.EDITED
        if self._last_at is not None and entry.at < self._last_at:
            return Fault.BACKDATED
        kept = self._kept.get(entry.stream_id)
        if kept and kept.sequence == entry.sequence and kept.hash != recorded.hash:
            return Fault.REWRITTEN
        return None

    def _fault_elsewhere(self, recorded: Recorded) -> Fault | None:
        """Return what is wrong with an entry's own place, or with what the second sink says of it."""
        fault: str | None = self._places.take(recorded, self._line)
        if fault is None and self._elsewhere.sink is not None:
            fault = self._elsewhere.sink.compare(recorded)
        return None if fault is None else Fault(str(fault))

    def _follows(self, stream_id: UUID) -> bool:
        return self._last_stream is None or self._last_stream < stream_id

    def _take_head(self, head: Head) -> None:
        fault = self._fault_of_head(head)
        if fault:
            self._fail(fault, head.stream_id, head.sequence)
            return
        self._tally.count(head)
        self._heads[head.stream_id] = head
        self._last_stream, self._link, self._last_at = head.stream_id, None, None

    def _fault_of_head(self, head: Head) -> Fault | None:
        kept = self._kept.get(head.stream_id)
        if self._link is None:
            return Fault.CUT_OFF if self._follows(head.stream_id) else Fault.STREAM_ORDER
        if self._link.stream_id != head.stream_id:
            return Fault.HEAD_MISSING
        if self._link.sequence < head.sequence or (kept and self._link.sequence < kept.sequence):
            return Fault.CUT_OFF
        return None if self._link == head else Fault.HEAD_DIFFERS

    def _take_signed(self, signed: Signed) -> None:
        if self._link is not None:
            self._fail(Fault.HEAD_MISSING, self._link.stream_id, self._link.sequence)
            return
        try:
            head = checked(signed.note, self._elsewhere.trust)
        except (NoteRefused, AttributeError, TypeError):
            self._fail(Fault.NOTE)
            return
        if self._signed and head.size <= self._signed[-1].size:
            self._fail(Fault.POSITION)
        else:
            self._signed.append(head)

    def _fail_tree(self) -> None:
        """Compare the places with what was signed, here and elsewhere."""
        trust = self._elsewhere.trust
        try:
            brought = [checked(note, trust) for note in self._elsewhere.checkpoints]
        except NoteRefused:
            self._fail(Fault.NOTE)
            return
        wrong = self._places.first_wrong([*self._signed, *brought], trust.grace)
        if wrong is not None:
            self._fail_place(wrong)
        elif trust.logs and self._places.size and not self._signed:
            self._fail(Fault.UNSIGNED)
        elif trust.quorum > max((head.witnesses for head in self._signed), default=0):
            self._fail(Fault.UNWITNESSED)
        elif self._elsewhere.sink is not None and (lost := self._elsewhere.sink.lost()):
            line, stream_id, sequence = lost
            self._bad = BadPosition(Fault.SINK_KNOWS_MORE, self._line, stream_id, sequence, sink_line=line)

    def _fail_place(self, wrong: Wrong) -> None:
        fault = Fault(str(wrong.fault))
        self._bad = BadPosition(fault, wrong.line or self._line, wrong.stream_id, wrong.sequence, wrong.position)

    def _take_summary(self, summary: Summary) -> None:
        lost = min(self._kept.keys() - self._heads.keys(), default=None)
        if self._link is not None:
            self._fail(Fault.HEAD_MISSING, self._link.stream_id, self._link.sequence)
        elif lost is not None:
            self._fail(Fault.CUT_OFF, lost, self._kept[lost].sequence)
        elif summary != self._tally.summary():
            self._fail(Fault.COUNT)
        else:
            self._fail_tree()
        self._ended = True

    def _fail(
        self, fault: Fault, stream_id: UUID | None = None, sequence: int | None = None, position: int | None = None
    ) -> None:
        self._bad = BadPosition(fault, self._line, stream_id, sequence, position)
