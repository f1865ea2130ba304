from dataclasses import replace
from datetime import timedelta
from io import BytesIO
from uuid import UUID

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from domain.audit.chain import Head
from domain.audit.export import Recorded, Summary, read_line, written
from domain.audit.verification import BadPosition, Elsewhere, Fault, Verdict, Verifier, verify
from tests.domain.audit.exports import MORNING, a_stream, an_entry, an_export, chained, head_of, lines_of

ONE, TWO = a_stream(1, 3), a_stream(2, 2)
EXPORT = an_export(ONE, TWO)
"""Lines 1-3: stream 1; 4: its head; 5-6: stream 2; 7: its head; 8: the summary."""

shapes = st.lists(st.integers(1, 4), min_size=1, max_size=3)
positions = st.integers(0, 10**6)


def export_of(shape: list[int]) -> list[bytes]:
    return an_export(*(a_stream(stream, length) for stream, length in enumerate(shape, start=1)))


def changed(line: bytes, **change: object) -> bytes:
    """Edit one entry as somebody would who knows the format, but not the later hashes."""
    recorded = read_line(line)
    assert isinstance(recorded, Recorded)
    return written(replace(recorded, entry=replace(recorded.entry, **change)))


@given(shape=st.lists(st.integers(1, 4), max_size=4))
def test_an_export_is_intact(shape: list[int]) -> None:
    lines = export_of(shape)
    verification = verify(lines)
    summary = read_line(lines[-1])

    assert verification.verdict == Verdict.INTACT == 0
    assert verification.bad is None
    assert verification.summary == summary
    assert isinstance(summary, Summary)
    assert (summary.entries, summary.streams) == (sum(shape), len(shape))


@given(shape=shapes, where=positions, value=st.integers(0, 255))
def test_any_changed_byte_is_detected(shape: list[int], where: int, value: int) -> None:
    text = bytearray(b"".join(export_of(shape)))
    where %= len(text)
    assume(text[where] != value)
    text[where] = value

    assert verify(BytesIO(text)).verdict != Verdict.INTACT


@given(shape=shapes, where=positions)
def test_any_cut_is_detected(shape: list[int], where: int) -> None:
    text = b"".join(export_of(shape))

    assert verify(BytesIO(text[: where % len(text)])).verdict != Verdict.INTACT


@given(shape=shapes, where=positions)
def test_any_deleted_line_is_detected(shape: list[int], where: int) -> None:
    lines = export_of(shape)
    del lines[where % len(lines)]

    assert verify(lines).verdict == Verdict.BROKEN


@given(shape=shapes, where=positions, what=positions)
def test_any_inserted_line_is_detected(shape: list[int], where: int, what: int) -> None:
    lines = export_of(shape)
    strangers = [*lines, *an_export(a_stream(4, 4)), b"\n", b"{}\n"]
    lines.insert(where % (len(lines) + 1), strangers[what % len(strangers)])

    assert verify(lines).verdict != Verdict.INTACT


@given(shape=shapes, data=st.data())
def test_any_other_order_is_detected(shape: list[int], data: st.DataObject) -> None:
    lines = export_of(shape)
    other = data.draw(st.permutations(lines))
    assume(other != lines)

    assert verify(other).verdict == Verdict.BROKEN


@given(shape=shapes, where=positions, data=st.data())
def test_any_edited_entry_is_detected_at_its_line(shape: list[int], where: int, data: st.DataObject) -> None:
    lines = export_of(shape)
    entries = [number for number, line in enumerate(lines) if isinstance(read_line(line), Recorded)]
    edited = entries[where % len(entries)]
    change = data.draw(
        st.sampled_from(
            [
                {"action": "case.opened"},
                {"actor_id": UUID(int=99)},
                {"actor_id": None},
                {"organisation_id": None},
                {"subject_id": UUID(int=99)},
                {"rule": "case:administer"},
                {"details": {}},
                {"details": {"compartment": "health"}},
                {"at": MORNING},
                {"at": MORNING + timedelta(days=900)},
            ]
        )
    )
    lines[edited] = changed(lines[edited], **change)

    bad = verify(lines).bad
    assert bad is not None
    assert (bad.fault, bad.line) == (Fault.EDITED, edited + 1)


def without(*numbers: int) -> list[bytes]:
    return [line for number, line in enumerate(EXPORT, start=1) if number not in numbers]


def moved(number: int, to: int) -> list[bytes]:
    lines = without(number)
    lines.insert(to - 1, EXPORT[number - 1])
    return lines


def with_line(number: int, line: bytes) -> list[bytes]:
    return [line if number == position else kept for position, kept in enumerate(EXPORT, start=1)]


def rehashed_after_backdating() -> list[bytes]:
    entries = [an_entry(1, 1), an_entry(1, 2, at=MORNING), an_entry(1, 3)]
    return an_export(chained(entries), TWO)


def stream_one_ending(length: int) -> list[bytes]:
    """Entries and summary made anew for a shorter stream, the head from its own table as it was."""
    return lines_of([*ONE[:length], head_of(ONE), *TWO, head_of(TWO)])


FIRST, SECOND = UUID(int=1), UUID(int=2)


@pytest.mark.parametrize(
    ("lines", "bad"),
    [
        pytest.param([], BadPosition(Fault.EMPTY, 1), id="nothing"),
        pytest.param([b"\xff\n"], BadPosition(Fault.UNREADABLE, 1), id="not text"),
        pytest.param([b"[" * 100_000], BadPosition(Fault.UNREADABLE, 1), id="nested too deep"),
        pytest.param(with_line(2, b"{}\n"), BadPosition(Fault.UNREADABLE, 2), id="not a line of ours"),
        pytest.param(with_line(2, EXPORT[1][:-1]), BadPosition(Fault.UNREADABLE, 2), id="no line feed"),
        pytest.param(with_line(2, b" " + EXPORT[1]), BadPosition(Fault.UNREADABLE, 2), id="another spelling"),
        pytest.param(without(1), BadPosition(Fault.POSITION, 1, FIRST, 2), id="first entry deleted"),
        pytest.param(without(2), BadPosition(Fault.POSITION, 2, FIRST, 3), id="entry deleted"),
        pytest.param(without(3), BadPosition(Fault.CUT_OFF, 3, FIRST, 3), id="last entry deleted"),
        pytest.param(without(3, 4), BadPosition(Fault.HEAD_MISSING, 3, SECOND, 1), id="entry and head deleted"),
        pytest.param(without(7), BadPosition(Fault.HEAD_MISSING, 7, SECOND, 2), id="last head deleted"),
        pytest.param(without(1, 2, 3), BadPosition(Fault.CUT_OFF, 1, FIRST, 3), id="all entries deleted"),
        pytest.param(without(1, 2, 3, 4), BadPosition(Fault.COUNT, 4), id="stream deleted"),
        pytest.param(without(8), BadPosition(Fault.CUT_OFF, 8), id="summary deleted"),
        pytest.param(moved(1, 2), BadPosition(Fault.POSITION, 1, FIRST, 2), id="entries exchanged"),
        pytest.param([*EXPORT[4:7], *EXPORT[:4], EXPORT[7]], BadPosition(Fault.STREAM_ORDER, 4, FIRST, 1), id="order"),
        pytest.param(moved(4, 7), BadPosition(Fault.HEAD_MISSING, 4, SECOND, 1), id="head moved into a stream"),
        pytest.param([*EXPORT[:5], EXPORT[3], *EXPORT[5:]], BadPosition(Fault.HEAD_MISSING, 6, FIRST, 3), id="doubled"),
        pytest.param([*EXPORT[:4], *EXPORT[3:]], BadPosition(Fault.STREAM_ORDER, 5, FIRST, 3), id="head twice"),
        pytest.param([*EXPORT[:2], *EXPORT[1:]], BadPosition(Fault.POSITION, 3, FIRST, 2), id="entry doubled"),
        pytest.param([*EXPORT, EXPORT[-1]], BadPosition(Fault.AFTER_END, 9), id="something after the end"),
        pytest.param(
            with_line(4, written(Head(FIRST, 3, bytes(32)))),
            BadPosition(Fault.HEAD_DIFFERS, 4, FIRST, 3),
            id="head edited",
        ),
        pytest.param(
            with_line(4, written(Head(FIRST, 2, ONE[1].hash))),
            BadPosition(Fault.HEAD_DIFFERS, 4, FIRST, 2),
            id="head set back",
        ),
        pytest.param(with_line(8, written(Summary(5, 2, bytes(32)))), BadPosition(Fault.COUNT, 8), id="digest edited"),
        pytest.param(rehashed_after_backdating(), BadPosition(Fault.BACKDATED, 2, FIRST, 2), id="backdated"),
        pytest.param(stream_one_ending(2), BadPosition(Fault.CUT_OFF, 3, FIRST, 3), id="shorter than its head"),
        pytest.param(stream_one_ending(0), BadPosition(Fault.CUT_OFF, 1, FIRST, 3), id="a head and no entries"),
        pytest.param(
            lines_of([*ONE, *TWO, head_of(TWO)]),
            BadPosition(Fault.HEAD_MISSING, 4, SECOND, 1),
            id="entries and no head",
        ),
    ],
)
def test_the_first_bad_position_is_named(lines: list[bytes], bad: BadPosition) -> None:
    verification = verify(lines)

    assert verification.bad == bad
    unreadable = bad.fault in {Fault.UNREADABLE, Fault.EMPTY}
    assert verification.verdict == (Verdict.UNREADABLE if unreadable else Verdict.BROKEN)


@pytest.mark.parametrize("field", ["sequence", "details", "at", "actor_id", "stream_id", "hash"])
@pytest.mark.parametrize("value", [b"true", b"1.0", b"NaN", b'"x"', b"[]", b"{}", b"null", b"-1", b"9" * 5000])
def test_a_value_of_a_wrong_type_never_passes(field: str, value: bytes) -> None:
    before, _, rest = EXPORT[0].partition(b'"%s":' % field.encode())
    after = rest[rest.index(b'},"' if field == "details" else b',"') :]
    line = before + b'"%s":' % field.encode() + value + after.removeprefix(b"}")

    assert line != EXPORT[0]
    assert verify(with_line(1, line)).verdict != Verdict.INTACT


def rewritten_from(sequence: int) -> list[Recorded]:
    """A chain with every later hash made anew: consistent in itself."""
    return chained(
        [an_entry(1, n, **({"actor_id": UUID(int=99)} if n == sequence else {})) for n in range(1, len(ONE) + 1)]
    )


@pytest.mark.parametrize(
    ("streams", "bad"),
    [
        pytest.param((rewritten_from(1), TWO), BadPosition(Fault.REWRITTEN, 3, FIRST, 3), id="rewritten whole"),
        pytest.param((rewritten_from(3), TWO), BadPosition(Fault.REWRITTEN, 3, FIRST, 3), id="rewritten at the end"),
        pytest.param((ONE[:2], TWO), BadPosition(Fault.CUT_OFF, 3, FIRST, 2), id="set back to an older backup"),
        pytest.param((ONE,), BadPosition(Fault.CUT_OFF, 5, SECOND, 2), id="a stream is gone"),
    ],
)
def test_an_export_kept_from_earlier_shows_what_a_whole_rewrite_hides(
    streams: tuple[list[Recorded], ...], bad: BadPosition
) -> None:
    earlier = verify(EXPORT)
    later = an_export(*streams)

    assert verify(later).verdict == Verdict.INTACT
    assert verify(later, Elsewhere(kept=earlier.heads)).bad == bad
    assert verify(later).summary.digest != earlier.summary.digest


def test_an_export_that_only_grew_agrees_with_the_one_kept_from_earlier() -> None:
    earlier = verify(EXPORT)
    later = verify(an_export(a_stream(1, 5), TWO, a_stream(3, 1)), Elsewhere(kept=earlier.heads))

    assert later.verdict == Verdict.INTACT
    assert later.heads[FIRST].sequence == 5
    assert earlier.heads[FIRST].sequence == 3


def test_lines_after_the_first_bad_position_change_nothing() -> None:
    verifier = Verifier()

    assert verifier.read(EXPORT[0])
    assert not verifier.read(b"\n")
    assert not verifier.read(EXPORT[1])
    assert verifier.finish().bad == BadPosition(Fault.UNREADABLE, 2)
    assert verifier.finish().summary.entries == 1


def test_two_entries_of_one_instant_are_not_backdated() -> None:
    lines = an_export(chained([an_entry(1, 1, at=MORNING), an_entry(1, 2, at=MORNING)]))

    assert verify(lines).verdict == Verdict.INTACT


def test_a_hash_alone_cannot_be_edited() -> None:
    lines = an_export([ONE[0], replace(ONE[1], hash=bytes(32)), ONE[2]])

    assert verify(lines).bad == BadPosition(Fault.EDITED, 2, FIRST, 2)
