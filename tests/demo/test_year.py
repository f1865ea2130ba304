"""A generated year is loaded in bulk and cannot be told from one that was played by requests."""

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import asyncpg
import pytest

from api.settings import DatabaseRole
from api.year.histories import Setting, counted, history
from api.year.loading import LoadRefused, Place, Plan, batches_to_do, load_batch, prepared
from domain.audit.export import Tally, written
from domain.audit.log import export_entries
from domain.audit.verification import Verifier
from domain.clock import Clock
from tests.conftest import Databases
from tests.demo.playback import Playback, told_rows
from tests.world import World, new_world

YEAR = Clock().present().year + 1
"""In the future: the fictional directory begins to hold when a test loads it."""

PLAN = Plan(YEAR, seed=5)
ENOUGH = 250


@pytest.fixture
async def other(databases: Databases, tmp_path: Path) -> AsyncIterator[World]:
    access = await databases.new()
    async with new_world(access, tmp_path) as made:
        yield made
    await databases.drop(access)


@pytest.fixture
async def other_admin(other: World) -> AsyncIterator[asyncpg.Connection]:
    connection = await asyncpg.connect(other.access.admin_dsn(other.access.database))
    yield connection
    await connection.close()


def place(world: World) -> Place:
    return Place(
        world.access.admin_dsn(world.access.database),
        world.runtime.settings.data_dir / f"keys-{world.access.database}.json",
    )


@pytest.fixture(scope="module")
def setting() -> Setting:
    return PLAN.setting()


def telling(setting: Setting) -> list[int]:
    """The numbers of a few cases in which everything happens that can happen."""
    kinds = {
        number: {(event.does, str(event.body.get("reason", event.body.get("case_work")))) for event in events}
        for number in range(ENOUGH)
        if (events := [event for event in history(setting, number) if event.at < setting.end])
    }
    chosen: list[int] = []
    missing = set().union(*kinds.values())
    while missing:
        best = max(kinds, key=lambda number: len(kinds[number] & missing))
        chosen.append(best)
        missing -= kinds[best]
    return chosen


async def test_a_loaded_case_is_the_same_as_one_that_was_played_by_requests(
    world: World, admin: asyncpg.Connection, other: World, other_admin: asyncpg.Connection, setting: Setting
) -> None:
    for number in telling(setting):
        await Playback(world, admin).events(history(setting, number), setting.end)
        await load_batch(place(other), PLAN, range(number, number + 1))
    played, loaded = await told_rows(admin), await told_rows(other_admin)
    assert played.pop("idempotency_records") != loaded.pop("idempotency_records") == []  # answers kept for a replay
    assert played.pop("budget_uses") != loaded.pop("budget_uses") == []  # who asks uses a budget; loading asks nobody
    assert played.pop("shred_ledger") != loaded.pop("shred_ledger") == []  # what ended before it was loaded has no key
    filled = {table for table, rows in played.items() if rows}
    assert filled > {"cases", "case_access", "deadlines", "sealed_values", "service_episodes", "audit_entries"}
    for table, rows in played.items():
        assert loaded[table] == rows, table


async def shown(world: World, who: str, path: str) -> Any:
    return (await world.ask(who, "GET", path)).json()


async def test_a_loaded_year_is_counted_sealed_audited_and_held_by_the_policies(
    world: World, admin: asyncpg.Connection, setting: Setting
) -> None:
    batch = range(60)
    counts = await load_batch(place(world), PLAN, batch)
    assert counts == counted([history(setting, number) for number in batch], setting.end)
    shift = setting.end - await admin.fetchval("SELECT now()")
    world.runtime = replace(world.runtime, clock=Clock(shift))
    world.app.state.runtime = world.runtime
    stages = (await world.get("coordinator", "/caseload/funnel"))["stages"]
    funnel = {one["stage"]: one["count"] for one in stages if one["population"] != "vulnerable_migrants"}
    assert funnel.pop("contacts") == funnel.pop("contacts_about_cases") == 0
    assert funnel.pop("persons") == counts["cases"]
    begun, given = funnel.pop("services_begun"), funnel.pop("services_given")
    assert begun >= counts["in_service"] >= given > 0
    assert funnel == {stage: counts[stage] for stage in funnel}
    assert sum(one["count"] for one in stages if one["population"] == "vulnerable_migrants") == 0
    owned = await admin.fetchrow(
        "SELECT c.reference, o.code FROM cases c JOIN organisations o ON o.id = c.owner_organisation_id"
        " JOIN case_access a ON a.case_id = c.id WHERE o.code = 'NGO-ALPHA' AND a.referral_id IS NULL LIMIT 1"
    )
    identity = await shown(world, "alpha", f"/cases/{owned['reference']}/person/identity")
    assert identity["fields"]["given_name"] == "Generated"
    assert (await world.ask("hotline", "GET", f"/cases/{owned['reference']}")).status_code == 404
    seen = [case["reference"] for case in (await shown(world, "beta", "/cases?limit=100"))["items"]]
    granted = await admin.fetch(
        "SELECT DISTINCT c.reference FROM cases c JOIN case_access a ON a.case_id = c.id"
        " JOIN organisations o ON o.id = a.organisation_id WHERE o.code = 'NGO-BETA' AND a.valid_until > $1",
        setting.end,
    )
    assert 0 < len(seen) < len(batch)
    assert set(seen) == {row["reference"] for row in granted}
    verifier, tally = Verifier(), Tally()
    async with world.runtime.database.sessions(DatabaseRole.OWNER)() as session:
        async for part in export_entries(session):
            tally.count(part)
            verifier.read(written(part))
    verifier.read(written(tally.summary()))
    verified = verifier.finish()
    assert verified.bad is None
    assert verified.summary.streams >= len(batch)


async def test_the_same_seed_loads_the_same_rows_and_another_seed_others(
    world: World, admin: asyncpg.Connection, other: World, other_admin: asyncpg.Connection
) -> None:
    for one in (world, other):
        await load_batch(place(one), PLAN, range(12))
    one, same = await told_rows(admin), await told_rows(other_admin)
    assert one == same
    references = "SELECT reference FROM cases UNION SELECT reference FROM referrals ORDER BY 1"
    assert await admin.fetch(references) == await other_admin.fetch(references)
    await load_batch(place(other), replace(PLAN, seed=6), range(12))
    assert await other_admin.fetchval("SELECT count(*) FROM cases") == 24


async def test_a_loading_that_was_stopped_goes_on_where_it_stood(world: World) -> None:
    here = place(world)
    batches = await batches_to_do(here, PLAN, 250)
    assert batches == [range(100), range(100, 200), range(200, 250)]
    await load_batch(here, PLAN, batches[1])
    assert await batches_to_do(here, PLAN, 250) == [batches[0], batches[2]]


async def test_nothing_is_loaded_beside_other_cases(world: World) -> None:
    await prepared(world.runtime.settings, world.access, PLAN)
    await world.post("alpha", "/cases", {"entry_channel": "ngo"})
    with pytest.raises(LoadRefused, match="not of this year"):
        await batches_to_do(place(world), PLAN, 100)


async def test_nothing_is_loaded_with_the_settings_of_production(world: World) -> None:
    production = world.runtime.settings.model_copy(update={"environment": "production"})
    with pytest.raises(LoadRefused, match="not in production"):
        await prepared(production, world.access, PLAN)
