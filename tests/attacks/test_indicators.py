"""Exact aggregates of indicators: whoever is not told of them by role, ownership, country or wall gets nothing."""

from collections.abc import Callable
from importlib import import_module

import asyncpg

from api.settings import DatabaseRole
from domain.codes import Role
from domain.results.measures import MEASURES
from tests.attacks.intruder import intruding
from tests.attacks.relations import CONSENT, WORKER, Stage, answered, opened, referred

Attack = Callable[..., None]

ASKED = "SELECT * FROM nrm_measured($1, '1900-01-01', 'infinity', 'UTC')"
EVERY = sorted(MEASURES)


async def test_no_role_but_the_coordinator_gets_an_aggregate_that_it_does_not_own(
    stage: Stage, superuser: asyncpg.Connection, attack: Attack
) -> None:
    case, _, _ = await opened(stage, "owner", WORKER)
    await answered(stage, "after", await referred(stage, case, "after"), "acceptance")
    owned = {name for name, measure in MEASURES.items() if measure.owners}
    async with intruding(stage) as intruder:
        for role in Role:
            await intruder.become(superuser, "foreign", role)
            rows = await intruder.connection.fetch(ASKED, EVERY)
            told = {row["measure"] for row in rows}
            assert told <= (set(EVERY) if role == Role.COORDINATOR else owned), role
            assert told or role != Role.COORDINATOR
        attack("aggregates that a role does not own, by SQL", tried=len(Role) * len(EVERY), succeeded=0)


async def test_another_country_the_worker_and_nobody_get_no_aggregate(
    stage: Stage, superuser: asyncpg.Connection, attack: Attack
) -> None:
    await opened(stage, "owner", WORKER)
    async with intruding(stage) as intruder:
        assert await intruder.connection.fetch(ASKED, EVERY) == [], "nobody"
        await intruder.become(superuser, "abroad", Role.COORDINATOR)
        assert await intruder.connection.fetch(ASKED, EVERY) == [], "the coordinator of another country"
    async with intruding(stage, DatabaseRole.WORKER) as intruder:
        assert await intruder.connection.fetch(ASKED, EVERY) == []
    async with intruding(stage, DatabaseRole.STATISTICS) as intruder:
        assert await intruder.is_refused("SELECT nrm_measured('{}', now(), now(), 'UTC')")
    attack("aggregates without a country, a role or a right", tried=4 * len(EVERY), succeeded=0)


async def test_the_owner_of_the_tables_reads_through_the_function_alone(
    stage: Stage, superuser: asyncpg.Connection, attack: Attack
) -> None:
    await opened(stage, "owner", WORKER)
    assert await superuser.fetchval("SELECT count(*) FROM persons") > 0
    tables = import_module("migrations.versions.0025_indicators").READ
    async with intruding(stage, DatabaseRole.OWNER) as intruder:
        read = [await intruder.connection.fetchval(f"SELECT count(*) FROM {table}") for table in tables]  # noqa: S608
    assert read == [0] * len(tables)
    attack("tables that indicators count, read as their owner", tried=len(tables), succeeded=sum(map(bool, read)))


async def test_no_result_changes_by_what_is_behind_a_wall(stage: Stage, attack: Attack) -> None:
    year = stage.world.day()[:4]

    async def told(relation: str) -> list[tuple[str, str]]:
        items = (await stage.ask(relation, Role.COORDINATOR, "GET", f"/indicators/{year}")).json()["items"]
        return [(one["indicator"], one["sha256"]) for one in items]

    walled, unwalled = await told("walled"), await told("foreign")
    case, _, _ = await opened(stage, "owner", WORKER)
    await stage.do("owner", f"/cases/{case}/walls", {"organisation": "ORG-WALLED"})
    await stage.do("owner", f"/cases/{case}/consents", {**CONSENT, "purposes": ["reporting"]})
    await referred(stage, case, "after")
    assert await told("walled") == walled
    changed = [one for one, before in zip(await told("foreign"), unwalled, strict=True) if one != before]
    assert {"dar-2-4", "acceptance-rate", "unknown-share"} <= {key for key, _ in changed}
    attack("walled: results of indicators", tried=len(walled), succeeded=0)


def test_who_is_told_of_what_is_written_twice_alike() -> None:
    migration = import_module("migrations.versions.0025_indicators")
    assert sorted(migration.MEASURES) == EVERY
    owners = {name: {str(owner) for owner in measure.owners} for name, measure in MEASURES.items() if measure.owners}
    assert {name: {owner} for name, owner in migration.OWNERS.items()} == owners
