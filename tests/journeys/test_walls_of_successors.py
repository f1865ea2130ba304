"""Whom a conflict wall keeps out is kept out under another name too: it stands before the successor of who closed."""

from datetime import timedelta

import asyncpg

from tests.journeys.leaving import closed, walled
from tests.journeys.scenes import carried, opened, referred
from tests.world import World

WALLS = """
    SELECT o.code, w.reason, w.review_on::text FROM case_walls w JOIN cases c ON c.id = w.case_id
    JOIN organisations o ON o.id = w.organisation_id WHERE c.reference = $1 ORDER BY 1
"""


async def told(world: World, who: str, case: str) -> int:
    """Return how often an organisation was told to look at a wall of a case."""
    notes = (await world.get(who, "/notifications"))["items"]
    return sum((one["kind"], one["reference"]) == ("wall_review", case) for one in notes)


async def test_a_successor_learns_no_more_than_whom_it_follows(world: World, admin: asyncpg.Connection) -> None:
    case = await walled(world, "police", review_on=world.day(30))
    await world.get("beta", f"/cases/{case}", expect=404)
    await closed(world)
    await world.work_off()
    both = [(code, "may_warn_suspect", world.day(30)) for code in ("NGO-ALPHA", "NGO-BETA")]
    assert [tuple(row) for row in await admin.fetch(WALLS, case)] == both
    assert await told(world, "police", case) == 1
    body = {"step": "refer-for-urgent-care", "service": "psychosocial", "recipient": "NGO-BETA"}
    refused = await world.ask("police", "POST", f"/cases/{case}/referrals", body)
    assert refused.status_code == 422, refused.text
    entries = await world.get("police", f"/cases/{case}/walls")
    assert {wall["organisation"] for wall in entries} == {"NGO-ALPHA", "NGO-BETA"}
    recorded = "SELECT count(*) FROM audit_entries WHERE action = 'wall.raised' AND actor_id IS NULL"
    assert await admin.fetchval(recorded) == 1

    later = world.later(timedelta(days=31))
    await later.work_off()  # among others: the organisation is looked at again, and both walls are to be reviewed
    assert len(await admin.fetch(WALLS, case)) == 2
    assert await told(later, "police", case) == 3


async def test_nobody_is_cut_off_from_whom_they_lead_or_support(world: World, admin: asyncpg.Connection) -> None:
    led = await walled(world, "beta")
    supported = await walled(world, "police")
    reference = await referred(
        world, supported, "NGO-BETA", who="police", service="psychosocial", step="refer-for-urgent-care"
    )
    await carried(world, reference, "beta", "receipt", "acceptance", "service-start")
    await closed(world)
    await world.work_off()
    for case, leader in ((led, "beta"), (supported, "police")):
        assert [row["code"] for row in await admin.fetch(WALLS, case)] == ["NGO-ALPHA"]
        assert await told(world, leader, case) == 1
    await world.get("beta", f"/cases/{led}")
    assert (await world.get("beta", f"/referrals/{reference}"))["status"] == "in_service"
    again = world.later(timedelta(minutes=2))
    await again.work_off()
    assert await told(again, "police", supported) == 1, "who leads it is told once"


async def test_a_wall_follows_through_two_organisations_and_stops_at_none(
    world: World, admin: asyncpg.Connection
) -> None:
    case = await walled(world, "police")
    await closed(world, successor=None)
    await world.work_off()
    assert [row["code"] for row in await admin.fetch(WALLS, case)] == ["NGO-ALPHA"]
    await closed(world)  # the operator names a successor afterwards
    await world.work_off()
    await closed(world, "NGO-BETA", "SHELTER-NORTH")
    await world.work_off()
    assert [row["code"] for row in await admin.fetch(WALLS, case)] == ["NGO-ALPHA", "NGO-BETA", "SHELTER-NORTH"]


async def test_a_wall_before_who_closed_long_ago_is_refused_since_it_would_not_stand_before_its_successor(
    world: World, admin: asyncpg.Connection
) -> None:
    case = await walled(world, "police")
    late = await opened(world, "police", "police")
    await closed(world, successor=None)
    await world.work_off()
    await world.post("police", f"/cases/{late}/walls", {"organisation": "NGO-ALPHA"})
    await closed(world)  # a successor is named, before which both walls stand now
    await world.work_off()
    for one in (case, late):
        assert [row["code"] for row in await admin.fetch(WALLS, one)] == ["NGO-ALPHA", "NGO-BETA"]
    latest = await opened(world, "police", "police")
    refused = await world.ask("police", "POST", f"/cases/{latest}/walls", {"organisation": "NGO-ALPHA"})
    assert (refused.status_code, refused.json()["field"]) == (422, "organisation")
    assert "who follows it" in refused.text
    await world.post("police", f"/cases/{latest}/walls", {"organisation": "NGO-BETA"})
