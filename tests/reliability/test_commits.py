"""What was not committed is not answered as done."""

from collections.abc import AsyncIterator

import asyncpg
import pytest

from tests.journeys.scenes import opened
from tests.world import World

REFUSING = """
    CREATE FUNCTION refuse_at_commit() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN RAISE EXCEPTION 'the disk is full' USING ERRCODE = '{code}'; END $$;
    CREATE CONSTRAINT TRIGGER refuse_at_commit AFTER INSERT ON {table}
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION refuse_at_commit()
"""
CASE = {"entry_channel": "ngo", "person": {"age_band": "30--38"}}


@pytest.fixture
async def broken(admin: asyncpg.Connection, world: World) -> AsyncIterator[asyncpg.Connection]:
    """A world whose database refuses, at the commit itself, every transaction that opens a case."""
    del world
    await admin.execute(REFUSING.format(code="53100", table="cases"))
    yield admin
    await admin.execute("DROP TRIGGER refuse_at_commit ON cases")


async def test_a_commit_that_fails_never_answers_that_it_was_done(world: World, broken: asyncpg.Connection) -> None:
    answer = await world.ask("alpha", "POST", "/cases", CASE, key="doomed-request")
    assert (answer.status_code, answer.json()["code"]) == (503, "unavailable")
    for table in ("cases", "persons", "case_access", "idempotency_records", "deadlines"):
        assert await broken.fetchval(f"SELECT count(*) FROM {table}") == 0, table  # noqa: S608 - names of ours
    opened_entries = "SELECT count(*) FROM audit_entries WHERE action = 'case.opened'"
    assert await broken.fetchval(opened_entries) == 0


async def test_the_same_request_succeeds_once_the_database_is_well_again(
    world: World, admin: asyncpg.Connection
) -> None:
    await admin.execute(REFUSING.format(code="53100", table="cases"))
    failed = await world.ask("alpha", "POST", "/cases", CASE, key="patient-request")
    assert failed.status_code == 503
    await admin.execute("DROP TRIGGER refuse_at_commit ON cases")
    answer = await world.ask("alpha", "POST", "/cases", CASE, key="patient-request")
    assert answer.status_code == 201, answer.text
    assert await admin.fetchval("SELECT count(*) FROM cases") == 1


async def test_a_fault_at_the_commit_is_a_problem_without_a_word_of_the_database(
    world: World, admin: asyncpg.Connection
) -> None:
    await admin.execute(REFUSING.format(code="XX000", table="cases"))
    answer = await world.ask("alpha", "POST", "/cases", CASE)
    assert (answer.status_code, answer.json()["code"]) == (500, "internal")
    assert "disk" not in answer.text


async def test_without_its_audit_entry_nothing_is_read_or_written(world: World, admin: asyncpg.Connection) -> None:
    case = await opened(world)
    await admin.execute(REFUSING.format(code="53100", table="audit_entries"))
    read = await world.ask("alpha", "GET", f"/cases/{case}/person/identity")
    assert (read.status_code, "Testova" in read.text) == (503, False)
    written = await world.ask("alpha", "POST", "/cases", CASE)
    assert written.status_code == 503
    assert await admin.fetchval("SELECT count(*) FROM cases") == 1
