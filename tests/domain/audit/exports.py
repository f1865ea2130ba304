"""Exports to verify, as plain data."""

from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from domain.audit.actions import AuditAction
from domain.audit.chain import Entry, Head, entry_hash, genesis
from domain.audit.checkpoints import Checkpoint
from domain.audit.export import Place, Recorded, Signed, Tally, written
from domain.audit.merkle import Growing, leaf_hash
from domain.audit.notes import KeyKind, Note, SigningKey

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


def lines_of(parts: Iterable[Recorded | Head | Signed]) -> list[bytes]:
    tally = Tally()
    lines = []
    for part in parts:
        tally.count(part)
        lines.append(written(part))
    return [*lines, written(tally.summary())]


def an_export(*streams: list[Recorded]) -> list[bytes]:
    return lines_of(part for recorded in streams for part in (*recorded, head_of(recorded)))


LOG = SigningKey("nrm.example/kg", KeyKind.LOG, b"\x01" * 32)
WITNESSES = tuple(SigningKey(f"w{number}.example/w", KeyKind.WITNESS, bytes([number]) * 32) for number in (2, 3))
COSIGNED = int(MORNING.timestamp()) + 86_400


def placed(*streams: list[Recorded], sizes: Iterable[int] = (), log: SigningKey = LOG) -> list[bytes]:
    """Return an export whose entries have places, turn by turn, with signed and cosigned checkpoints at some sizes."""
    tree, places, notes, wanted = Growing(), {}, [], set(sizes)
    for turn in range(max(map(len, streams))):
        for recorded in [stream[turn] for stream in streams if turn < len(stream)]:
            leaf = leaf_hash(recorded.hash)
            places[id(recorded)] = Place(tree.size, leaf)
            tree.add(leaf)
            if tree.size in wanted:
                notes.append(cosigned(Checkpoint(log.name, tree.size, tree.root()), log))
    parts: list[Recorded | Head | Signed] = []
    for stream in streams:
        parts += [replace(recorded, place=places[id(recorded)]) for recorded in stream]
        parts.append(head_of(stream))
    return lines_of([*parts, *map(Signed, notes)])


def cosigned(checkpoint: Checkpoint, log: SigningKey = LOG) -> str:
    """Return a checkpoint as its log and both witnesses sign it."""
    note = checkpoint.signed(log)
    lines = tuple(key.cosign(note.text, COSIGNED + checkpoint.size) for key in WITNESSES)
    return Note(note.text, (*note.signatures, *lines)).written()
