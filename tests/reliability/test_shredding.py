"""A worker that is killed in the middle of erasing leaves a case whole or gone, and the ledger tells which."""

import asyncio
import random
import time

import asyncpg

from api.settings import DatabaseRole
from domain.retention.queries import ledger_of
from tests.journeys.scenes import SEALED
from tests.reliability import shredding
from tests.reliability.shredding import NEVER, Plan
from tests.world import World

CASES = 48
DEATHS = 14
LONGEST = 450
"""Statements within which a worker dies: a dozen erasures, four at a time."""

STATES = """
    SELECT c.erased_at IS NOT NULL AS erased,
           EXISTS (SELECT 1 FROM erasures e WHERE e.subject_id = c.id AND e.whole) AS certified,
           EXISTS (SELECT 1 FROM shred_ledger l WHERE l.holder_id = c.id AND l.compartment = 'all') AS in_ledger,
           EXISTS (SELECT 1 FROM case_access g WHERE g.case_id = c.id AND g.valid_until > now()) AS granted,
           EXISTS (SELECT 1 FROM audit_entries a WHERE a.stream_id = c.id AND a.action = 'erasure.done') AS audited,
           (SELECT count(*) FROM sealing_keys k WHERE k.holder_id = c.id) AS keys,
           (SELECT count(*) FROM sealed_values v WHERE v.holder_id = c.id) AS values,
           (SELECT count(*) FROM shred_ledger l WHERE l.holder_id = c.id AND l.compartment <> 'all') AS destroyed,
           p.citizenships = ARRAY['unknown'] AS forgotten
    FROM cases c JOIN persons p ON p.case_id = c.id
"""
WHOLE = (False, False, False, True, False, len(SEALED), len(SEALED), 0, False)
GONE = (True, True, True, False, True, 0, 0, len(SEALED), True)


async def doomed(world: World, admin: asyncpg.Connection) -> None:
    """Make cases, all of which are to be erased."""
    body = {"entry_channel": "ngo", "person": {"sex": "female", "citizenships": ["KG"]}, "compartments": SEALED}
    contact = {"channel": "visit", "language": "ky", "topic": "possible_trafficking", "cases": [body] * 8}
    for _ in range(CASES // 8):
        await world.post("alpha", "/contacts", contact)
    await world.work_off()
    await admin.execute(
        "INSERT INTO deadlines (id, case_id, subject_id, organisation_id, kind, rule, anchored_at, due_at) "
        "SELECT gen_random_uuid(), id, id, owner_organisation_id, 'erasure', 'request', now(), now() FROM cases"
    )


async def states(admin: asyncpg.Connection) -> set[tuple[object, ...]]:
    return {tuple(row) for row in await admin.fetch(STATES)}


async def test_however_often_it_is_killed_a_case_is_whole_or_gone_and_the_ledger_knows(
    world: World, admin: asyncpg.Connection
) -> None:
    await doomed(world, admin)
    dsn = world.access.dsns[DatabaseRole.WORKER]
    chance = random.Random(11)  # noqa: S311 - repeatable on purpose
    half = died = 0
    began = time.monotonic()
    while died < DEATHS:
        process = shredding.started(Plan(dsn, chance.randint(3, LONGEST)))
        await asyncio.to_thread(process.join)
        if process.exitcode == 0:  # all is erased: begin again with others
            await doomed(world, admin)
            continue
        assert process.exitcode == -9
        died += 1
        found = await states(admin)
        assert found <= {WHOLE, GONE}, found
        half += found == {WHOLE, GONE}
        assert time.monotonic() - began < 600
    assert half > 0, "no worker died between the first erasure and the last"
    last = shredding.started(Plan(dsn, NEVER))
    await asyncio.to_thread(last.join)
    assert last.exitcode == 0
    assert await states(admin) == {GONE}
    assert (
        await admin.fetchval("SELECT max(times) FROM (SELECT count(*) AS times FROM erasures GROUP BY case_id) e") == 1
    )
    async with world.runtime.database.sessions(DatabaseRole.OWNER)() as session:
        ledger = await ledger_of(session, world.runtime.clock.present())
    cases: int = await admin.fetchval("SELECT count(*) FROM cases")
    assert len([one for one in ledger.entries if one.compartment == "all"]) == cases
    assert await admin.fetchval("SELECT count(*) FROM sealing_keys") == 0
