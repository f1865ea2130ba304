"""Exports to verify, as plain data."""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from domain.audit.actions import AuditAction
from domain.audit.chain import Entry, Head, entry_hash, genesis
from domain.audit.export import Recorded, Tally, written

MORNING = datetime(2026, 3, 21, 9, tzinfo=UTC)


def an_entry(stream: int, sequence: int, **change: Any) -> Entry:
    values = {
        "stream_id": UUID(int=stream),
        "sequence": sequence,
        "action": AuditAction.CASE_READ,
        "actor_id": UUID(int=7),
        "organisation_id": UUID(int=8),
        "subject_id": UUID(int=stream),
        "rule": "case:read",
        "at": MORNING + timedelta(minutes=sequence),
        "details": {"compartment": "identity"},
    }
    return Entry(**values | change)


def chained(entries: list[Entry]) -> list[Recorded]:
    recorded = []
    previous = genesis(entries[0].stream_id)
    for entry in entries:
        previous = entry_hash(previous, entry)
        recorded.append(Recorded(entry, previous))
    return recorded


def a_stream(stream: int, length: int) -> list[Recorded]:
    return chained([an_entry(stream, sequence) for sequence in range(1, length + 1)])


def head_of(recorded: list[Recorded]) -> Head:
    last = recorded[-1]
    return Head(last.entry.stream_id, last.entry.sequence, last.hash)


def lines_of(parts: Iterable[Recorded | Head]) -> list[bytes]:
    tally = Tally()
    lines = []
    for part in parts:
        tally.count(part)
        lines.append(written(part))
    return [*lines, written(tally.summary())]


def an_export(*streams: list[Recorded]) -> list[bytes]:
    return lines_of(part for recorded in streams for part in (*recorded, head_of(recorded)))
