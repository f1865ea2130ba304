"""A ledger is a chain: whatever is taken away, changed, put in or turned round is found."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.retention.ledger import GENESIS, Ledger, LedgerRefused, Shredded, check, link, missing, read, written
from domain.retention.queries import confirm

START = datetime(2026, 11, 22, 9, 30, 0, 123456, tzinfo=UTC)


def chain(length: int) -> tuple[Shredded, ...]:
    """Return so many entries: packages and erasures by turns."""
    entries: list[Shredded] = []
    for place in range(1, length + 1):
        whole = place % 3 == 0
        entry = Shredded(
            sequence=place,
            holder_id=UUID(int=place // 3 + 1),
            compartment="all" if whole else "identity",
            erasure_id=UUID(int=place // 3 + 7) if whole else None,
            why="request" if whole else "package",
            at=START + timedelta(seconds=place),
            hash=b"",
        )
        previous = entries[-1].hash if entries else GENESIS
        entries.append(replace(entry, hash=link(previous, entry)))
    return tuple(entries)


def lines(length: int) -> list[bytes]:
    return list(written(Ledger(START, chain(length))))


@given(st.integers(min_value=0, max_value=20))
def test_what_is_written_is_read_again(length: int) -> None:
    ledger = read(lines(length))
    assert ledger == Ledger(START, chain(length))


@given(st.integers(min_value=2, max_value=12), st.data())
def test_a_line_that_is_missing_doubled_or_elsewhere_is_found(length: int, data: Any) -> None:
    whole = lines(length)
    at, to = (data.draw(st.integers(min_value=0, max_value=len(whole) - 1)) for _ in range(2))
    cut = whole[:at] + whole[at + 1 :]
    doubled = whole[: at + 1] + whole[at:]
    moved = [*cut[:to], whole[at], *cut[to:]]
    for broken in (cut, doubled, *([moved] if moved != whole else [])):
        with pytest.raises(LedgerRefused):
            read(broken)


CHANGES = {
    "sequence": 99,
    "holder_id": UUID(int=99),
    "compartment": "health",
    "erasure_id": UUID(int=98),
    "why": "error",
    "at": START - timedelta(days=1),
    "hash": b"\x00" * 32,
}


@pytest.mark.parametrize("field", CHANGES)
@pytest.mark.parametrize("place", range(6))
def test_a_changed_entry_is_found_at_its_position(field: str, place: int) -> None:
    entries = list(chain(6))
    entries[place] = replace(entries[place], **{field: CHANGES[field]})
    with pytest.raises(LedgerRefused, match=f"entry {place + 1} "):
        check(entries)


def test_a_database_knows_the_beginning_of_its_own_ledger_and_of_no_other() -> None:
    whole = Ledger(START, chain(9))
    assert missing(chain(4), whole) == whole.entries[4:]
    assert missing(whole.entries, whole) == ()
    with pytest.raises(LedgerRefused, match="knows less"):
        missing(chain(10), whole)
    with pytest.raises(LedgerRefused, match="not the one"):
        missing((*chain(3), replace(chain(4)[3], why="error")), whole)


def test_a_certificate_is_confirmed_by_its_ledger_alone() -> None:
    ledger = Ledger(START, chain(6))
    (entry,) = [one for one in ledger.entries if one.sequence == 3]
    told = {
        "sequence": 3,
        "holder": str(entry.holder_id),
        "compartment": "all",
        "hash": entry.hash.hex(),
    }
    certificate = {"erasure": str(entry.erasure_id), "whole": True, "destroyed": [told]}
    assert confirm(certificate, ledger) == 1
    for forged in (
        {**certificate, "destroyed": [{**told, "hash": "00" * 32}]},
        {**certificate, "destroyed": []},
        {**certificate, "erasure": str(UUID(int=1))},
        {"whole": True},
    ):
        with pytest.raises(LedgerRefused):
            confirm(forged, ledger)


def test_the_database_spells_an_entry_as_this_module_does() -> None:
    entry = chain(3)[2]
    assert entry.said() == (
        "3|00000000-0000-0000-0000-000000000002|all|00000000-0000-0000-0000-000000000008|request"
        "|2026-11-22T09:30:03.123456Z"
    )
