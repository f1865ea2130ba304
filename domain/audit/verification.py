"""Verifying an export of the audit offline, and naming the first position where it is not what was written. Pure.

What the file alone shows: edited, deleted, inserted, reordered, cut off or backdated entries, as long as not every
later hash, the head and the summary were made anew with them. What an export kept from earlier shows in addition: a
stream that was rewritten from some point on with everything after it, or a database set back to an older backup.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import IntEnum, StrEnum
from types import MappingProxyType
from uuid import UUID

from domain.audit.chain import Head, entry_hash, genesis
from domain.audit.export import Line, LineUnreadable, Recorded, Summary, Tally, read_line


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


@dataclass(frozen=True, slots=True)
class BadPosition:
    """Where an export stops being what was written.

    Attributes:
        line: The line of the export, from 1; one beyond the last if something is missing at the end.
        stream_id: The stream, where the line tells.
        sequence: The position in the stream, where the line tells.
    """

    fault: Fault
    line: int
    stream_id: UUID | None = None
    sequence: int | None = None


@dataclass(frozen=True, slots=True)
class Verification:
    """The result: intact, or the first bad position.

    Attributes:
        summary: What was verified up to there: entries, streams and the digest over the heads.
        heads: The heads that were verified, to be compared with a later export.
    """

    bad: BadPosition | None
    summary: Summary
    heads: Mapping[UUID, Head] = field(repr=False)

    @property
    def verdict(self) -> Verdict:
        """Intact, broken or unreadable."""
        if self.bad is None:
            return Verdict.INTACT
        return Verdict.UNREADABLE if self.bad.fault in {Fault.UNREADABLE, Fault.EMPTY} else Verdict.BROKEN


_NOTHING_KEPT: Mapping[UUID, Head] = MappingProxyType({})


def verify(lines: Iterable[bytes], kept: Mapping[UUID, Head] = _NOTHING_KEPT) -> Verification:
    """Verify an export.

    Args:
        lines: The lines of the file, each with its line feed, as iterating over a file in binary mode gives them.
        kept: The heads of an export that was verified earlier and kept elsewhere.
    """
    verifier = Verifier(kept)
    for line in lines:
        if not verifier.read(line):
            break
    return verifier.finish()


class Verifier:
    """Verifies line by line, so that an export of any length fits in memory; `verify` for a file, this for a stream."""

    def __init__(self, kept: Mapping[UUID, Head] = _NOTHING_KEPT) -> None:
        self._kept = kept
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
        if self._bad is None and not self._ended:
            self._line += 1
            self._fail(Fault.EMPTY if self._line == 1 else Fault.CUT_OFF)
        return Verification(self._bad, self._tally.summary(), self._heads)

    def _take(self, line: Line) -> None:
        if self._ended:
            self._fail(Fault.AFTER_END)
        elif isinstance(line, Recorded):
            self._take_entry(line)
        elif isinstance(line, Head):
            self._take_head(line)
        else:
            self._take_summary(line)

    def _take_entry(self, recorded: Recorded) -> None:
        entry = recorded.entry
        link = self._link or Head(entry.stream_id, 0, genesis(entry.stream_id))
        fault = self._fault_of_entry(recorded, link)
        if fault:
            self._fail(fault, entry.stream_id, entry.sequence)
            return
        self._tally.count(recorded)
        self._link = Head(entry.stream_id, entry.sequence, recorded.hash)
        self._last_at = entry.at

    def _fault_of_entry(self, recorded: Recorded, link: Head) -> Fault | None:
        entry = recorded.entry
        if self._link is None and not self._follows(entry.stream_id):
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

    def _take_summary(self, summary: Summary) -> None:
        lost = min(self._kept.keys() - self._heads.keys(), default=None)
        if self._link is not None:
            self._fail(Fault.HEAD_MISSING, self._link.stream_id, self._link.sequence)
        elif lost is not None:
            self._fail(Fault.CUT_OFF, lost, self._kept[lost].sequence)
        elif summary != self._tally.summary():
            self._fail(Fault.COUNT)
        self._ended = True

    def _fail(self, fault: Fault, stream_id: UUID | None = None, sequence: int | None = None) -> None:
        self._bad = BadPosition(fault, self._line, stream_id, sequence)
