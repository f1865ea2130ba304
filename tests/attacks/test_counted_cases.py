"""The ledger of counted cases: nobody reads whom it counts, and nobody changes what it says."""

from collections.abc import Callable

import asyncpg
import pytest

from api.settings import DatabaseRole
from tests.attacks.intruder import Intruder, intruding
from tests.attacks.relations import Stage
from tests.journeys.counting import after_periods, agreed, closed
from tests.world import World

Attack = Callable[..., None]

COUNT = (
    "SELECT nrm_count_cases('KG', '2026-H1', now() - interval '1 day', 'x', ARRAY['ActualVictimOfTrafficking'], "
    "'{}', '{}', '{}', '{}', '{}')"
)
CHANGES = (
    "UPDATE counted_cases SET sex = 'male'",
    "UPDATE counted_cases SET case_id = NULL, sex = 'male'",
    "UPDATE counted_cases SET case_id = gen_random_uuid()",
    "UPDATE counted_cases SET services = '{}'",
    "UPDATE counted_cases SET organisations = '{}'",
    "DELETE FROM counted_cases",
    "TRUNCATE counted_cases",
    "UPDATE closed_periods SET closed_at = now()",
    "DELETE FROM closed_periods",
    "TRUNCATE closed_periods",
    "INSERT INTO closed_periods VALUES ('KG', '2031-H1', now(), now(), 'x')",
)
READS = (
    "SELECT case_id FROM counted_cases",
    "SELECT * FROM counted_cases",
    "SELECT 1 FROM counted_cases k JOIN cases c ON c.id = k.case_id",
)
MINE = ("SELECT sex FROM counted_cases", "SELECT period FROM closed_periods")


@pytest.fixture
async def stage(world: World) -> Stage:
    """Give a stage on which one person was counted."""
    await agreed(world)
    assert len(await closed(after_periods(world))) == 1
    return Stage(world, world.client("monitor"))


async def test_no_role_learns_whom_the_ledger_counts_or_changes_what_it_says(
    stage: Stage, admin: asyncpg.Connection, attack: Attack
) -> None:
    before = await admin.fetch("SELECT * FROM counted_cases")
    for role in DatabaseRole:
        tries = (*CHANGES, *READS) if role == DatabaseRole.WORKER else (*CHANGES, *READS, *MINE, COUNT)
        async with intruding(stage, role) as intruder:
            assert await intruder.all_refused(*((one,) for one in tries)) == [], role
            attack(f"the ledger of counted cases as {role}", tried=intruder.tried, succeeded=intruder.succeeded)
    assert await admin.fetch("SELECT * FROM counted_cases") == before
    assert len(before) == 1


async def test_the_worker_cannot_count_a_period_before_its_end_or_again(
    stage: Stage, admin: asyncpg.Connection, attack: Attack
) -> None:
    async with intruding(stage, DatabaseRole.WORKER) as intruder:
        await intruder.connection.execute("SELECT set_config('nrm.now', '', false)")
        assert await intruder.is_refused(COUNT.replace("now() - interval '1 day'", "now() + interval '1 day'"))
        assert await again(intruder) is False
        attack("counting a period early or again", tried=intruder.tried + 1, succeeded=0)
    assert await admin.fetchval("SELECT count(*) FROM counted_cases") == 1


async def again(intruder: Intruder) -> bool:
    """Ask the worker's own function for a period that was closed; returns whether it counted anything."""
    counted: bool = await intruder.connection.fetchval(COUNT)
    return counted
