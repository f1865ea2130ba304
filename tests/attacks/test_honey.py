"""Honey cases: whoever snoops in one is told of before they read it, and nothing tells them which they are."""

from collections.abc import Callable
from typing import Any

import asyncpg

from api.cli.acting import claims_for
from api.cli.honey import planted
from api.schemas.cases import CaseIn
from api.settings import DatabaseRole
from tests.attacks.asked import seen
from tests.attacks.intruder import CONTEXT, REFUSED
from tests.attacks.test_break_glass import asking
from tests.world import STAFF, World

Attack = Callable[..., None]
CASE: dict[str, Any] = {
    "entry_channel": "ngo",
    "person": {"sex": "female", "age_band": "24--26"},
    "compartments": {"identity": {"given_name": "Asalhan"}, "location": {"address": "Honey street 7"}},
}


async def plant(world: World) -> str:
    """Plant a honey case in the name of NGO Alpha."""
    claims = claims_for(*STAFF["alpha"], world.runtime)
    return await planted(CaseIn.model_validate(CASE), claims, world.runtime, world.access)


async def told(world: World, who: str) -> list[tuple[str, str]]:
    items = (await world.get(who, "/notifications"))["items"]
    return [(one["reference"], one["detail"]) for one in reversed(items) if one["kind"] == "honey_touched"]


async def test_every_touch_is_told_of_to_others_in_the_same_transaction(
    world: World, admin: asyncpg.Connection, attack: Attack
) -> None:
    case = await plant(world)
    assert await told(world, "monitor") == []
    await world.get("alpha", f"/cases/{case}")
    await world.get("alpha", f"/cases/{case}/person/identity")
    await world.post("police", "/break-glass", asking(case))
    touches = [(case, "case.read"), (case, "compartment.revealed"), (case, "glass.broken")]
    for who in ("monitor", "coordinator"):
        assert await told(world, who) == touches
    assert await told(world, "alpha") == []
    together = await admin.fetchval(
        "SELECT count(*) FROM notifications n JOIN audit_entries a ON a.xmin = n.xmin "
        "WHERE n.kind = 'honey_touched' AND a.action = n.detail AND a.stream_id IN (SELECT case_id FROM honey_cases)"
    )
    assert together == 2 * len(touches)
    attack("honey: reading without being told of", tried=len(touches), succeeded=0)


async def test_a_coordinator_s_own_snooping_is_told_of_to_the_other_body(world: World) -> None:
    case = await plant(world)
    await world.post("coordinator", "/break-glass", asking(case))
    assert await told(world, "monitor") == [(case, "glass.broken")]
    assert await told(world, "coordinator") == []


async def test_real_work_is_never_told_of(world: World) -> None:
    await plant(world)
    case = (await world.post("alpha", "/cases", CASE))["reference"]
    await world.get("alpha", f"/cases/{case}/person/identity")
    assert await told(world, "monitor") == []


async def test_nothing_that_a_user_sees_tells_a_honey_case_from_another(world: World, attack: Attack) -> None:
    honey, real = await plant(world), (await world.post("alpha", "/cases", CASE))["reference"]
    listed = {one["reference"]: one for one in (await world.get("alpha", "/cases"))["items"]}
    assert {honey, real} <= listed.keys()
    moving = {"reference", "opened_at"}
    shapes = [{key: value for key, value in listed[one].items() if key not in moving} for one in (honey, real)]
    assert shapes[0] == shapes[1]
    tried = told_apart = 0
    for path in (
        "",
        "/person/identity",
        "/person/health",
        "/next-steps",
        "/consents",
        "/referrals",
        "/service-episodes",
    ):
        answers = [await world.ask("alpha", "GET", f"/cases/{one}{path}") for one in (honey, real)]
        shown = [(seen(one)[0], len(one.content), sorted(one.headers.keys())) for one in answers]
        tried, told_apart = tried + 1, told_apart + (shown[0] != shown[1])
    for who in ("beta", "police", "migration"):
        answers = [await world.ask(who, "GET", f"/cases/{one}") for one in (honey, "C-0000-0000-0000-0000")]
        tried, told_apart = tried + 1, told_apart + (seen(answers[0]) != seen(answers[1]))
    attack("honey: telling it from a real case", tried=tried, succeeded=told_apart)


async def test_it_is_counted_nowhere(world: World) -> None:
    before = await world.get("coordinator", "/caseload/funnel")
    await plant(world)
    assert await world.get("coordinator", "/caseload/funnel") == before
    await world.post("alpha", "/cases", CASE)
    assert await world.get("coordinator", "/caseload/funnel") != before


STATEMENTS = (
    "SELECT * FROM honey_cases",
    "DELETE FROM honey_cases",
    "INSERT INTO honey_cases SELECT id, now() FROM cases",
    "SELECT c.id FROM cases c JOIN honey_cases h ON h.case_id = c.id",
    "ALTER TABLE audit_entries DISABLE TRIGGER honey_touched",
    "DROP TRIGGER honey_touched ON audit_entries",
    "SELECT nrm_honey_touched()",
)


async def test_no_role_of_the_running_service_reads_or_takes_away_a_mark(
    world: World, admin: asyncpg.Connection, attack: Attack
) -> None:
    await plant(world)
    ids = await admin.fetchrow("SELECT organisation_id, staff_id FROM memberships LIMIT 1")
    tried = through = 0
    for role in (DatabaseRole.APPLICATION, DatabaseRole.WORKER, DatabaseRole.STATISTICS):
        connection = await asyncpg.connect(world.access.dsns[role])
        try:
            await connection.execute(CONTEXT, str(ids[0]), str(ids[1]), "ngo_caseworker", "KG")
            for statement in STATEMENTS:
                tried += 1
                try:
                    await connection.execute(statement)
                    through += 1
                except REFUSED:
                    continue
        finally:
            await connection.close()
    attack("honey: SQL of the service's roles", tried=tried, succeeded=through)
