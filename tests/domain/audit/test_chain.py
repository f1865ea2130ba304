import hashlib
import json
import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.audit.actions import AuditAction
from domain.audit.chain import Entry, canonical, canonical_json, entry_hash, fields, genesis

ENTRY = Entry(
    stream_id=UUID(int=1),
    sequence=1,
    action=AuditAction.CASE_OPENED,
    actor_id=UUID(int=2),
    organisation_id=UUID(int=3),
    subject_id=UUID(int=4),
    rule="case:open",
    at=datetime(2026, 3, 21, 4, 5, 6, 7, tzinfo=UTC),
    details={"b": ["ы", None, 1], "a": True},
)


def test_the_canonical_bytes_are_these() -> None:
    assert canonical(ENTRY) == (
        rb'{"action":"case.opened","actor_id":"00000000-0000-0000-0000-000000000002",'
        rb'"at":"2026-03-21T04:05:06.000007Z","details":{"a":true,"b":["\u044b",null,1]},'
        rb'"organisation_id":"00000000-0000-0000-0000-000000000003","rule":"case:open","sequence":1,'
        rb'"stream_id":"00000000-0000-0000-0000-000000000001","subject_id":"00000000-0000-0000-0000-000000000004"}'
    )


def test_an_auditor_can_recompute_a_hash_with_json_and_sha_256_alone() -> None:
    previous = hashlib.sha256(b"nrm audit genesis 1\x00" + bytes(15) + b"\x01").digest()
    again = json.dumps(json.loads(canonical(ENTRY)), sort_keys=True, separators=(",", ":")).encode()

    assert genesis(UUID(int=1)) == previous
    assert entry_hash(previous, ENTRY) == hashlib.sha256(b"nrm audit entry 1\x00" + previous + again).digest()


@given(
    instant=st.datetimes(datetime(1990, 1, 1), datetime(2100, 1, 1), timezones=st.just(UTC)),  # noqa: DTZ001
    zone=st.sampled_from(["Asia/Bishkek", "Europe/Paris", "America/St_Johns", "UTC"]),
)
def test_a_hash_does_not_depend_on_the_time_zone_of_the_connection(instant: datetime, zone: str) -> None:
    here = replace(ENTRY, at=instant)
    there = replace(ENTRY, at=instant.astimezone(ZoneInfo(zone)))

    assert canonical(here) == canonical(there)


@given(
    action=st.text(),
    rule=st.text(),
    actor=st.none() | st.uuids(),
    details=st.dictionaries(
        st.text(st.characters(exclude_characters="\0")),
        st.text(st.characters(exclude_characters="\0"))
        | st.booleans()
        | st.none()
        | st.integers(-(2**53) + 1, 2**53 - 1),
    ),
)
def test_the_text_around_instant_and_position_is_canonical_json_whatever_it_says(
    action: str, rule: str, actor: UUID | None, details: dict[str, Any]
) -> None:
    entry = replace(ENTRY, action=action, rule=rule, actor_id=actor, details=details)

    assert canonical(entry) == canonical_json(fields(entry))


def test_a_hash_does_not_depend_on_the_order_of_the_details() -> None:
    assert canonical(replace(ENTRY, details={"a": True, "b": ["ы", None, 1]})) == canonical(ENTRY)


@pytest.mark.parametrize(
    "change",
    [
        {"stream_id": UUID(int=9)},
        {"sequence": 2},
        {"action": AuditAction.CASE_READ},
        {"actor_id": None},
        {"organisation_id": None},
        {"subject_id": UUID(int=9)},
        {"rule": "case:open2"},
        {"at": ENTRY.at + timedelta(microseconds=1)},
        {"details": {}},
        {"details": {"b": ["ы", None, 1], "a": 1}},
        {"details": {"b": ["ы", None, "1"], "a": True}},
    ],
)
def test_every_field_counts(change: dict[str, Any]) -> None:
    previous = genesis(ENTRY.stream_id)

    assert entry_hash(previous, replace(ENTRY, **change)) != entry_hash(previous, ENTRY)
    assert entry_hash(genesis(UUID(int=9)), ENTRY) != entry_hash(previous, ENTRY)


@pytest.mark.parametrize(
    "change",
    [
        {"sequence": 0},
        {"sequence": 2**53},
        {"at": ENTRY.at.replace(tzinfo=None)},
        {"details": {"a": 1.5}},
        {"details": {"a": {"b": 1}}},
        {"details": {"a": [[1]]}},
        {"details": {"a": "x\x00"}},
        {"details": {"a\x00": 1}},
        {"details": {"a": 2**53}},
    ],
)
def test_what_has_no_one_spelling_is_refused(change: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"^(a|an) (position|instant|detail) "):
        replace(ENTRY, **change)


def test_a_previous_hash_of_a_wrong_length_is_refused() -> None:
    with pytest.raises(ValueError, match="32 bytes"):
        entry_hash(b"", ENTRY)


def test_an_instant_of_any_offset_is_hashed_to_the_microsecond() -> None:
    odd = timezone(timedelta(hours=5, minutes=45))

    assert b'"at":"2026-01-01T00:00:00.000000Z"' in canonical(
        replace(ENTRY, at=datetime(2026, 1, 1, 5, 45, tzinfo=odd))
    )


def test_actions_are_nouns_and_what_happened_to_them() -> None:
    assert all(re.fullmatch(r"[a-z]+(_[a-z]+)*\.[a-z]+(_[a-z]+)*", action) for action in AuditAction)
