"""While somebody works on a case or a referral, the clock leaves it alone, and comes back later."""

import json
from datetime import timedelta

import asyncpg
import pytest

from domain.audit.chain import Entry, entry_hash, genesis
from tests.journeys.scenes import carried, opened, referred, supported, told
from tests.world import World


@pytest.mark.parametrize("table", ["referrals", "cases"])
async def test_a_deadline_is_left_alone_while_somebody_holds_what_it_is_about(
    world: World, admin: asyncpg.Connection, table: str
) -> None:
    case, _ = await supported(world)
    reference = await referred(world, case)
    await carried(world, reference, "north", "receipt")
    await world.work_off()
    late = world.later(timedelta(hours=73))
    async with admin.transaction():
        await admin.fetch(f"SELECT id FROM {table} FOR NO KEY UPDATE")  # noqa: S608 - a name of ours
        await late.work_off()
        assert await told(late, "coordinator", reference) == []
    await late.work_off()
    assert await told(late, "coordinator", reference) == ["referral_overdue"]


async def test_who_is_at_work_on_one_case_keeps_no_other_deadline_waiting(
    world: World, admin: asyncpg.Connection
) -> None:
    references = []
    for _ in range(3):
        case, _consent = await supported(world)
        references.append(await referred(world, case))
    await world.work_off()
    late = world.later(timedelta(hours=73))
    async with admin.transaction():
        await admin.fetch("SELECT id FROM referrals WHERE reference = $1 FOR NO KEY UPDATE", references[0])
        await late.work_off()
        assert [await told(late, "coordinator", one) for one in references] == [
            [],
            ["referral_overdue"],
            ["referral_overdue"],
        ]


async def test_what_a_batch_records_is_linked_like_every_other_entry(world: World, admin: asyncpg.Connection) -> None:
    case, _ = await supported(world)
    reference = await referred(world, case)
    await world.later(timedelta(hours=73)).work_off()
    rows = await admin.fetch(
        "SELECT e.* FROM audit_entries e JOIN referrals r ON r.case_id = e.stream_id WHERE r.reference = $1 "
        "ORDER BY sequence",
        reference,
    )
    previous = genesis(rows[0]["stream_id"])
    for row in rows:
        said = {name: row[name] for name in set(row.keys()) - {"hash", "details"}}
        previous = entry_hash(previous, Entry(**said, details=json.loads(row["details"])))
        assert previous == row["hash"]
    breaches = [json.loads(row["details"]) for row in rows if row["action"] == "deadline.breached"]
    assert {"kind": "referral_response", "of": "urgent", "escalated": 1} in breaches


async def test_a_callback_that_nobody_made_calls_the_hotline_and_the_coordinator_once(world: World) -> None:
    body = {"channel": "voicemail", "language": "ky", "topic": "other"}
    contact = await world.post("hotline", "/contacts", body)
    late = world.later(timedelta(days=15))
    assert await late.work_off() == 2, "the call, and the words of the contact, which are kept until it is made"
    assert await late.work_off() == 0
    for who in ("hotline", "coordinator"):
        assert await told(late, who, contact["id"]) == ["callback_overdue"]


async def test_a_step_that_was_done_in_time_calls_nobody(world: World) -> None:
    case = await opened(world)
    await world.post("alpha", f"/cases/{case}/steps/inform-of-rights/completion")
    await world.post("alpha", f"/cases/{case}/assessments", {"danger": "low"})
    await world.later(timedelta(hours=25)).work_off()
    items = (await world.get("alpha", "/notifications"))["items"]
    assert {"inform-of-rights", "assess-danger"}.isdisjoint(item["detail"] for item in items)
