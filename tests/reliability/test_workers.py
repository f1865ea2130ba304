"""Deadlines fire once, however many workers there are, and by the database's clock alone."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

import asyncpg
import pytest

from api import worker
from api.database import Database
from api.settings import DatabaseRole
from domain.clock import Clock
from tests.journeys.scenes import carried, opened, referred, supported
from tests.patience import patient
from tests.world import World

SUPPORT = "refer-for-support"
SLOW_STEPS = """
    CREATE FUNCTION take_a_while() RETURNS trigger LANGUAGE plpgsql AS
        $$ BEGIN PERFORM pg_sleep(0.05); RETURN NEW; END $$;
    CREATE TRIGGER take_a_while BEFORE UPDATE ON deadlines FOR EACH ROW WHEN (OLD.kind = 'step')
    EXECUTE FUNCTION take_a_while()
"""
DUE = (
    "SELECT kind FROM deadlines WHERE due_at <= now() + interval '73 hours' AND coalesce(fired_at, settled_at) IS NULL"
)


@dataclass(frozen=True)
class WrongMachine(Clock):
    """The clock of a machine that is wrong."""

    off: timedelta = timedelta(0)

    def present(self) -> datetime:
        return super().present() + self.off


async def waiting(world: World, cases: int) -> list[str]:
    """Return referrals that nobody has answered, three for each case; the worker has nothing else to do."""
    references = []
    for _ in range(cases):
        case, _consent = await supported(world)
        references += [
            await referred(world, case),
            await referred(world, case, "NGO-BETA", "legal", SUPPORT, priority="urgent"),
            await referred(world, case, "SHELTER-SOUTH", "psychosocial", SUPPORT, priority="urgent"),
        ]
    await world.work_off()
    return references


async def test_of_several_workers_exactly_one_fires_each_deadline(world: World, admin: asyncpg.Connection) -> None:
    references = await waiting(world, 4)
    late = world.later(timedelta(hours=73))
    await asyncio.gather(*(worker.fire_all(late.runtime) for _ in range(4)))
    await late.work_off()
    told = await admin.fetch(
        "SELECT reference, count(*) AS times FROM notifications n JOIN organisations o ON o.id = n.organisation_id "
        "WHERE o.code = 'COORDINATION' AND n.kind = 'referral_overdue' GROUP BY reference"
    )
    assert {row["reference"]: row["times"] for row in told} == dict.fromkeys(references, 1)
    breaches = "SELECT count(*) FROM audit_entries WHERE action = 'deadline.breached' AND details->>'kind' = $1"
    assert await admin.fetchval(breaches, "referral_response") == len(references)
    twice = "SELECT count(*) FROM deadlines WHERE due_at <= $1 AND fired_at IS NULL AND settled_at IS NULL"
    now = await admin.fetchval("SELECT now() + interval '73 hours'")
    assert await admin.fetchval(twice, now) == 0


@pytest.fixture
async def unhurried(world: World, admin: asyncpg.Connection) -> AsyncIterator[World]:
    """A later day, on which a step's batch keeps its case for a while, and two batches run at a time."""
    await admin.execute(SLOW_STEPS)
    late = world.later(timedelta(hours=73))
    database = Database({DatabaseRole.WORKER: world.access.dsns[DatabaseRole.WORKER]}, pool=patient(2))
    yield replace(late, runtime=replace(late.runtime, database=database))
    await database.close()
    await admin.execute("DROP FUNCTION take_a_while CASCADE")


async def test_what_one_batch_keeps_from_another_is_fired_all_the_same(
    world: World, unhurried: World, admin: asyncpg.Connection
) -> None:
    for _ in range(4):  # cases of different lanes
        case, _consent = await supported(world)
        await referred(world, case)
        await unhurried.work_off()
        assert await admin.fetch(DUE) == []


async def test_an_answer_that_races_the_clock_is_given_or_refused_and_never_both(world: World) -> None:
    references = await waiting(world, 4)
    receivers = ["north", "beta", "south"] * 4
    for who, reference in zip(receivers, references, strict=True):
        await carried(world, reference, who, "receipt")
    versions = [await world.version("alpha", f"/referrals/{one}") for one in references]
    over = world.later(timedelta(days=8))
    asked = [
        over.ask(who, "POST", f"/referrals/{one}/acceptance", version=version)
        for who, one, version in zip(receivers, references, versions, strict=True)
    ]
    *answers, _, _ = await asyncio.gather(*asked, worker.fire_all(over.runtime), worker.fire_all(over.runtime))
    await over.work_off()
    for answer, reference in zip(answers, references, strict=True):
        assert answer.status_code in {200, 409}, answer.text
        final = await over.get("alpha", f"/referrals/{reference}")
        expected = "accepted" if answer.status_code == 200 else "expired"
        assert final["status"] == expected
        assert [event["status"] for event in final["history"]][2:] == [expected]
        if answer.status_code == 409:
            assert answer.json()["current"] == "expired"


async def test_work_on_a_case_that_races_the_worker_leaves_the_deadlines_that_the_procedure_wants(
    world: World, admin: asyncpg.Connection
) -> None:
    case, _ = await supported(world)
    for danger in ("high", "low", "imminent", "low"):
        shelter = await referred(world, case, "NGO-BETA", "legal", SUPPORT)
        await carried(world, shelter, "beta", "receipt", "acceptance")
        await asyncio.gather(
            world.post("alpha", f"/cases/{case}/assessments", {"danger": danger}),
            worker.fire_all(world.runtime),
            worker.fire_all(world.runtime),
        )
    await world.work_off()
    steps = (await world.get("alpha", f"/cases/{case}/next-steps"))["open"]
    wanted = {step["step"] for step in steps if step["due_at"] is not None}
    running = "SELECT rule FROM deadlines WHERE kind = 'step' AND fired_at IS NULL AND settled_at IS NULL"
    assert {row["rule"] for row in await admin.fetch(running)} == wanted


async def test_a_worker_goes_by_the_clock_of_the_database_and_not_of_its_machine(
    world: World, admin: asyncpg.Connection
) -> None:
    case = await opened(world)
    due = "SELECT min(due_at) - now() FROM deadlines WHERE kind = 'step'"
    wait: timedelta = await admin.fetchval(due)
    assert await world.later(wait - timedelta(minutes=1)).work_off() == 0
    for off in (timedelta(days=1), timedelta(days=-1)):
        runtime = replace(world.runtime, clock=WrongMachine(off=off))
        assert abs(runtime.clock.present() - world.runtime.clock.present() - off) < timedelta(minutes=1)
        assert await worker.fire_all(runtime) == 0
    assert await world.later(wait + timedelta(minutes=1)).work_off() > 0
    fired = await admin.fetch("SELECT fired_at - now() AS ahead FROM deadlines WHERE fired_at IS NOT NULL")
    assert all(abs(row["ahead"] - wait) < timedelta(minutes=2) for row in fired)
    steps = (await world.later(wait + timedelta(minutes=1)).get("alpha", f"/cases/{case}/next-steps"))["open"]
    assert any(step["overdue"] for step in steps)


async def test_a_deadline_whose_reason_has_gone_is_settled_and_tells_nobody(
    world: World, admin: asyncpg.Connection
) -> None:
    case, _ = await supported(world)
    reference = await referred(world, case)
    await carried(world, reference, "north", "receipt")
    await world.work_off()
    await admin.execute("UPDATE referrals SET status = 'waitlisted' WHERE reference = $1", reference)
    await admin.execute("UPDATE cases SET case_work = 'closed', closed_at = now() WHERE reference = $1", case)
    late = world.later(timedelta(hours=73))
    assert await late.work_off() > 0
    assert (await late.get("coordinator", "/notifications"))["items"] == []
    assert (
        await admin.fetchval("SELECT count(*) FROM deadlines WHERE fired_at IS NOT NULL AND kind <> 'recompute'") == 0
    )


async def test_answers_are_forgotten_when_nobody_can_replay_them_any_more(
    world: World, admin: asyncpg.Connection
) -> None:
    await opened(world)
    await worker.forget_answers(world.runtime)
    assert await admin.fetchval("SELECT count(*) FROM idempotency_records") == 1
    await worker.forget_answers(world.later(timedelta(days=31)).runtime)
    assert await admin.fetchval("SELECT count(*) FROM idempotency_records") == 0
