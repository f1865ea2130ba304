"""Who waits in a circle with others is asked for nothing: the database ends one of them, and it is begun again."""

import asyncio
from collections.abc import AsyncIterator

import asyncpg
import pytest

from api.transaction import TRIES
from tests.documents import picture
from tests.journeys.scenes import carried, opened, referred, supported
from tests.world import World

CLOSING = """
    CREATE FUNCTION pg_temp.close_the_circle(wanted text) RETURNS void LANGUAGE plpgsql AS $$
    BEGIN
        WHILE NOT EXISTS (
            SELECT FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND application_name = 'nrm_application')
        LOOP
            PERFORM pg_sleep(0.001), pg_stat_clear_snapshot();
        END LOOP;
        PERFORM FROM referrals WHERE reference = wanted FOR UPDATE;
    END $$
"""
ENDING = """
    CREATE FUNCTION end_for_others() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS $$
    BEGIN
        IF nextval('times_ended') <= {times} THEN
            RAISE EXCEPTION 'ended for others' USING ERRCODE = 'deadlock_detected';
        END IF;
        RETURN NULL;
    END $$;
    CREATE CONSTRAINT TRIGGER end_for_others AFTER INSERT ON {table}
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION end_for_others()
"""
CASE = {"entry_channel": "ngo", "person": {"age_band": "30--38"}}


@pytest.fixture
async def ending(world: World, admin: asyncpg.Connection) -> AsyncIterator[asyncpg.Connection]:
    """A database that can be told how many transactions to end at their commit."""
    del world
    await admin.execute("CREATE SEQUENCE times_ended")
    yield admin
    await admin.execute("DROP FUNCTION end_for_others CASCADE; DROP SEQUENCE times_ended")


async def test_a_withdrawal_that_waits_in_a_circle_is_carried_out(world: World, admin: asyncpg.Connection) -> None:
    """It holds the referral and wants the case; another holds the case and wants the referral, and is in no hurry."""
    case, consent = await supported(world)
    reference = await referred(world, case)
    await carried(world, reference, "north", "receipt")
    await admin.execute(CLOSING)
    async with admin.transaction():
        await admin.execute("SET LOCAL deadlock_timeout = '1min'")  # so that the withdrawal is found to be one too many
        await admin.fetch("SELECT id FROM cases WHERE reference = $1 FOR UPDATE", case)
        withdrawing = asyncio.create_task(world.ask("alpha", "POST", f"/cases/{case}/consents/{consent}/withdrawal"))
        await admin.execute("SELECT pg_temp.close_the_circle($1)", reference)
        assert not withdrawing.done()
    assert (await withdrawing).status_code == 201
    assert (await world.get("alpha", f"/referrals/{reference}"))["status"] == "withdrawn_by_person"


async def test_it_is_done_once_however_often_it_was_begun(world: World, ending: asyncpg.Connection) -> None:
    await ending.execute(ENDING.format(table="cases", times=TRIES - 1))
    answer = await world.ask("alpha", "POST", "/cases", CASE, key="circling-request")
    assert answer.status_code == 201, answer.text
    again = await world.ask("alpha", "POST", "/cases", CASE, key="circling-request")
    assert again.content == answer.content
    assert await ending.fetchval("SELECT count(*) FROM cases") == 1
    assert await ending.fetchval("SELECT count(*) FROM audit_entries WHERE action = 'case.opened'") == 1


async def test_a_document_that_was_read_once_is_still_there(world: World, ending: asyncpg.Connection) -> None:
    case = await opened(world)
    await ending.execute(ENDING.format(table="attachments", times=TRIES - 1))
    path = f"/cases/{case}/attachments?compartment=identity"
    reference = (await world.post("alpha", path, picture()))["reference"]
    assert len(await world.get("alpha", f"/cases/{case}/attachments")) == 1
    content = await world.ask("alpha", "GET", f"/cases/{case}/attachments/{reference}/content")
    assert content.status_code == 200, content.text


async def test_it_is_not_begun_for_ever(world: World, ending: asyncpg.Connection) -> None:
    await ending.execute(ENDING.format(table="cases", times=1000))
    answer = await world.ask("alpha", "POST", "/cases", CASE)
    assert (answer.status_code, answer.json()["code"]) == (503, "unavailable")
    assert await ending.fetchval("SELECT last_value FROM times_ended") == TRIES
    assert await ending.fetchval("SELECT count(*) FROM cases") == 0
