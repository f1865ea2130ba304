"""What the tree, its signed heads and the second sink show that chains alone do not."""

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.audit.chain import Head
from domain.audit.export import Recorded, read_line, written
from domain.audit.notes import KeyKind, SigningKey
from domain.audit.placing import Trust
from domain.audit.sink import BEFORE_THE_FIRST, Opening, SinkVerifier, line_of, link_of
from domain.audit.verification import Elsewhere, Fault, Verdict, verify
from tests.domain.audit.exports import (
    LOG,
    MORNING,
    WITNESSES,
    a_stream,
    an_entry,
    an_export,
    chained,
    placed,
)

ONE, TWO = a_stream(1, 6), a_stream(2, 4)
SIZES = (3, 7, 10)
WHOLE = placed(ONE, TWO, sizes=SIZES)
TRUST = Trust((LOG.public,), tuple(key.public for key in WITNESSES), 2)
BELIEVED = Elsewhere(trust=TRUST)


def test_an_export_with_its_tree_is_intact_and_says_how_much_was_witnessed() -> None:
    found = verify(WHOLE, BELIEVED)
    assert (found.verdict, found.bad) == (Verdict.INTACT, None)
    assert (found.placed, found.signed, found.witnessed) == (10, 10, 10)
    assert verify(WHOLE).verdict == Verdict.INTACT
    assert verify(an_export(ONE, TWO)).verdict == Verdict.INTACT, "exports from before the tree are still read"


def remade(change: Callable[[list[Recorded]], list[Recorded]], *, with_leaves: bool) -> list[bytes]:
    """Return the export after somebody changed the first stream and made its chain, head and summary anew."""
    entries = [one.entry for one in change(ONE)]
    forged = chained([replace(entry, sequence=place) for place, entry in enumerate(entries, 1)])
    made = placed(forged, TWO)
    if with_leaves:
        return made[:-1] + WHOLE[-4:-1] + made[-1:]
    leaves = {(one["stream_id"], one["sequence"]): one for one in map(json.loads, WHOLE) if one["line"] == "entry"}
    lines = []
    for line in map(read_line, made[:-1]):
        if isinstance(line, Recorded):
            old = leaves.get((str(line.entry.stream_id), line.entry.sequence))
            kept = read_line(json_line(old)) if old else None
            assert kept is None or isinstance(kept, Recorded)
            line = replace(line, place=kept.place if kept else None)  # noqa: PLW2901 - the line as it was placed
        lines.append(written(line))
    return [*lines, *WHOLE[-4:-1], made[-1]]


def json_line(values: dict[str, Any]) -> bytes:
    return json.dumps(values, sort_keys=True, separators=(",", ":")).encode() + b"\n"


REWRITES: dict[str, Callable[[list[Recorded]], list[Recorded]]] = {
    "edit": lambda stream: [
        *stream[:2],
        replace(stream[2], entry=replace(stream[2].entry, rule="forged")),
        *stream[3:],
    ],
    "delete": lambda stream: [*stream[:2], *stream[3:]],
    "insert": lambda stream: [*stream[:2], stream[1], *stream[2:]],
    "truncate": lambda stream: stream[:4],
    "backdate": lambda stream: [
        *stream[:2],
        replace(stream[2], entry=replace(stream[2].entry, at=stream[1].entry.at)),
        *stream[3:],
    ],
}


@pytest.mark.parametrize("rewrite", REWRITES)
def test_a_chain_made_anew_with_its_head_is_named_by_the_tree(rewrite: str) -> None:
    """Whoever rewrites entries and heads leaves the leaves behind, or makes another tree than was signed."""
    found = verify(remade(REWRITES[rewrite], with_leaves=False)).bad
    assert found is not None
    at = {"truncate": (Fault.TREE_CUT_OFF, 8)}.get(rewrite, (Fault.LEAF, 4))
    assert (found.fault, found.position) == at
    found = verify(remade(REWRITES[rewrite], with_leaves=True)).bad
    assert found is not None
    named = {"truncate": (Fault.TREE_CUT_OFF, 8)}.get(rewrite, (Fault.ROOT, 3))
    assert (found.fault, found.position) == named


@given(st.integers(0, len(WHOLE) - 1), st.data())
def test_no_byte_of_an_export_can_be_changed_unseen(line: int, data: st.DataObject) -> None:
    """But for what says nothing: a signature line of a key that nobody believes."""
    text = bytearray(WHOLE[line])
    at = data.draw(st.integers(0, len(text) - 1))
    text[at] = data.draw(st.integers(0, 255).filter(lambda byte: byte != WHOLE[line][at]))
    found = verify([*WHOLE[:line], bytes(text), *WHOLE[line + 1 :]], BELIEVED)
    if found.verdict == Verdict.INTACT:
        assert b"checkpoint" in WHOLE[line]
        assert found.witnessed == 10, "another checkpoint still stands for all of it"


@pytest.mark.parametrize("keep", range(len(WHOLE)))
def test_no_entry_or_head_can_be_left_out(keep: int) -> None:
    rest = [*WHOLE[:keep], *WHOLE[keep + 1 :]]
    assert verify(rest, BELIEVED).verdict == (Verdict.INTACT if b"checkpoint" in WHOLE[keep] else Verdict.BROKEN)


def test_places_out_of_order_doubled_or_passed_over_are_named() -> None:
    def moved(old: int, new: int) -> list[bytes]:
        return [line.replace(b'"position":%d,' % old, b'"position":%d,' % new) for line in WHOLE]

    found = verify(moved(2, 5)).bad
    assert found is not None
    assert (found.fault, found.position) == (Fault.PLACE_ORDER, 4)
    found = verify(moved(7, 6)).bad
    assert found is not None
    assert (found.fault, found.position) == (Fault.PLACE, 6)
    unplaced = read_line(WHOLE[2])
    assert isinstance(unplaced, Recorded)
    found = verify([*WHOLE[:2], written(replace(unplaced, place=None)), *WHOLE[3:]]).bad
    assert found is not None
    assert (found.fault, found.sequence) == (Fault.PLACE_ORDER, 4)


def test_a_stream_made_up_later_is_too_old_for_its_place() -> None:
    """It chains, it is in the tree, the log signed it: but an older checkpoint, cosigned later, lacks it."""
    late = [an_entry(3, 1, at=MORNING - timedelta(days=9))]
    made = placed(ONE, chained(late), sizes=(1, 7))
    assert verify(made, BELIEVED).bad is not None
    found = verify(made, BELIEVED).bad
    assert found is not None
    assert (found.fault, found.position, found.stream_id) == (Fault.LATE, 1, late[0].stream_id)
    patient = replace(TRUST, grace=timedelta(days=30))
    assert verify(made, Elsewhere(trust=patient)).verdict == Verdict.INTACT
    waiting = [*WHOLE[:-4], *written_stream(late), *WHOLE[-4:-1]]
    summary = an_export(ONE, TWO, chained(late))[-1]
    found = verify([*waiting, summary], BELIEVED).bad
    assert found is not None
    assert (found.fault, found.position, found.sequence) == (Fault.LATE, None, 1)


def written_stream(entries: list[Any]) -> list[bytes]:
    recorded = chained(entries)
    last = recorded[-1]
    head = Head(last.entry.stream_id, last.entry.sequence, last.hash)
    return [*map(written, recorded), written(head)]


def test_everything_signed_anew_is_seen_by_what_a_witness_keeps() -> None:
    """The database, the chains, the tree and the log's own key: all taken. The witness's checkpoint does not fit."""
    kept = [json.loads(line)["note"] for line in WHOLE if b'"checkpoint"' in line][-1]
    changed = chained([replace(one.entry, rule="forged") if one.entry.sequence == 5 else one.entry for one in ONE])
    anew = placed(changed, TWO, sizes=SIZES)
    logged = Elsewhere(trust=Trust((LOG.public,)))
    assert verify(anew, logged).verdict == Verdict.INTACT
    assert verify(anew, replace(logged, checkpoints=(kept,))).bad is not None
    backup = placed(ONE[:4], TWO[:3], sizes=(3, 7))
    assert verify(backup, BELIEVED).verdict == Verdict.INTACT
    found = verify(backup, replace(BELIEVED, checkpoints=(kept,))).bad
    assert found is not None
    assert (found.fault, found.position) == (Fault.TREE_CUT_OFF, 7)
    assert verify(WHOLE, replace(BELIEVED, checkpoints=(kept,))).verdict == Verdict.INTACT


def test_signatures_of_others_than_whom_the_auditor_believes_are_not_enough() -> None:
    other = SigningKey(LOG.name, KeyKind.LOG, b"\x09" * 32)
    assert verify(placed(ONE, sizes=(3,), log=other), BELIEVED).bad is not None
    assert fault_of(placed(ONE, sizes=(3,), log=other)) == Fault.NOTE
    assert fault_of(placed(ONE)) == Fault.UNSIGNED
    third = replace(TRUST, quorum=3)
    found = verify(WHOLE, Elsewhere(trust=third)).bad
    assert found is not None
    assert found.fault == Fault.UNWITNESSED
    kz = replace(LOG, name="nrm.example/kz")
    assert fault_of(placed(ONE, sizes=(3,), log=kz)) == Fault.NOTE
    swapped = [*WHOLE[:-3], WHOLE[-2], WHOLE[-3], WHOLE[-1]]
    assert fault_of(swapped) == Fault.POSITION
    early = [*WHOLE[:3], WHOLE[-2], *WHOLE[3:-2], WHOLE[-1]]
    assert fault_of(early) == Fault.HEAD_MISSING
    between = [*WHOLE[:7], WHOLE[-2], *WHOLE[7:-2], WHOLE[-1]]
    assert fault_of(between) == Fault.STREAM_ORDER
    assert verify(WHOLE, replace(BELIEVED, checkpoints=("x",))).bad is not None


def fault_of(lines: list[bytes]) -> Fault | None:
    found = verify(lines, BELIEVED).bad
    return None if found is None else found.fault


def sunk(recorded: list[Recorded], torn: bytes | None = None) -> list[bytes]:
    """Return the second sink after these openings; something torn may stand after the second line."""
    lines, previous = [], BEFORE_THE_FIRST
    for number, one in enumerate(recorded):
        if number == 2 and torn is not None:
            lines.append(torn)
            previous = link_of(torn)
        lines.append(line_of(Opening(one.entry, one.hash if number % 2 else None), previous))
        previous = link_of(lines[-1])
    return lines


SUNK = sunk([*ONE, *TWO])


def against(sink: list[bytes], lines: list[bytes] = WHOLE) -> tuple[Fault, int | None, int | None] | None:
    found = verify(lines, Elsewhere(sink=SinkVerifier(sink))).bad
    return None if found is None else (found.fault, found.sink_line, found.sequence)


def test_a_sink_that_agrees_is_intact_though_a_line_was_torn() -> None:
    assert against(SUNK) is None
    torn = SinkVerifier(sunk(ONE, torn=b'{"line":"open\n'))
    assert (torn.fault, torn.torn, torn.lines) == (None, 1, 7)


def test_what_the_sink_has_and_the_database_has_not_is_named() -> None:
    backup = placed(ONE[:4], TWO[:3])
    assert against(SUNK, backup) == (Fault.SINK_KNOWS_MORE, 5, 5)


def test_an_entry_that_the_sink_knows_otherwise_is_named_even_in_a_chain_made_anew() -> None:
    changed = chained([replace(one.entry, rule="forged") if one.entry.sequence == 3 else one.entry for one in ONE])
    assert against(SUNK, placed(changed, TWO)) == (Fault.SINK_DIFFERS, None, 3)


def test_every_change_of_the_sink_itself_is_named() -> None:
    forged = SUNK[3].replace(b"case:read", b"case:edit")
    assert against([*SUNK[:3], forged, *SUNK[4:]]) == (Fault.SINK_DIFFERS, None, 4)
    assert SinkVerifier([*SUNK[:3], forged, *SUNK[4:]]).fault == ("sink_edited", 5)
    assert SinkVerifier([*SUNK[:3], *SUNK[4:]]).fault == ("sink_edited", 4)
    assert SinkVerifier([*SUNK[:3], SUNK[4], SUNK[3], *SUNK[5:]]).fault == ("sink_edited", 4)
    assert SinkVerifier([*SUNK[:3], SUNK[2], *SUNK[3:]]).fault == ("sink_edited", 4)
    assert SinkVerifier([*SUNK[:3], b"garbage\n", *SUNK[4:]]).fault == ("sink_edited", 4)
    assert SinkVerifier([*SUNK[:3], b"garbage\n"]).fault == ("sink_unreadable", 4)
    assert SinkVerifier(SUNK[1:]).fault == ("sink_edited", 1)


def test_a_sink_that_ends_before_an_opening_is_named() -> None:
    later = chained([an_entry(1, 1), an_entry(1, 2, at=MORNING + timedelta(hours=3))])
    assert against(sunk(later[:1]), placed(later)) == (Fault.SINK_CUT_OFF, None, 2)
    assert against([], placed(later)) == (Fault.SINK_CUT_OFF, None, 1)
