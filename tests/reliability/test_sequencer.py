"""Every committed entry gets exactly one place, whatever order transactions commit in and whoever dies meanwhile."""

import asyncio
import secrets
import signal
import subprocess
import sys
from collections import defaultdict
from datetime import timedelta
from uuid import UUID, uuid5

import asyncpg
import pytest

from api import sequencer
from api.settings import DatabaseRole
from auth.authentication import enter_as_clock
from domain.audit.actions import AuditAction
from domain.audit.checkpoints import Checkpoint, read_signed
from domain.audit.log import Happening, append
from domain.audit.merkle import Growing, leaf_hash
from domain.audit.notes import Note
from domain.audit.sequencing import TreeDiffers
from tests.world import AUDIT_KEY, World

NAMES = UUID(int=5)
LEAVES = """
    SELECT l.position, l.stream_id, l.sequence, l.hashes, e.hash
    FROM audit_leaves l FULL JOIN audit_entries e ON (e.stream_id, e.sequence) = (l.stream_id, l.sequence)
    ORDER BY l.position
"""
WAITING = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND query LIKE '%nrm_append%'"


def breach(stream: UUID) -> Happening:
    return Happening(AuditAction.DEADLINE_BREACHED, stream_id=stream, subject_id=stream, rule="test")


async def appended(world: World, streams: list[UUID], gate: asyncio.Event | None = None) -> None:
    """Record something in each of these streams in one transaction, which commits when the gate opens."""
    async with world.runtime.database.sessions(DatabaseRole.WORKER)() as session:
        work = world.runtime.work(session, await enter_as_clock(session, timedelta(0)))
        for stream in streams:
            work.audit_clock(AuditAction.DEADLINE_BREACHED, stream_id=stream, subject_id=stream, rule="test")
        if gate is not None:
            await gate.wait()
        await work.commit()


async def intact(world: World, admin: asyncpg.Connection) -> int:
    """Check that the tree holds every entry once, each stream in its order, with the right hashes; returns its size."""
    rows = await admin.fetch(LEAVES)
    assert [row["position"] for row in rows] == list(range(len(rows))), "an entry has no place, or a place no entry"
    order, tree = defaultdict(list), Growing()
    for row in rows:
        order[row["stream_id"]].append(row["sequence"])
        assert row["hashes"] == b"".join(tree.add(leaf_hash(row["hash"])))
    assert all(found == sorted(found) for found in order.values())
    made = await sequencer.sign(world.runtime, timedelta(0))
    if made is not None:
        assert (made.size, made.root) == (len(rows), tree.root())
    return len(rows)


async def test_several_sequencers_place_every_entry_once_while_transactions_commit_in_any_order(
    world: World, admin: asyncpg.Connection
) -> None:
    streams = [uuid5(NAMES, str(number)) for number in range(12)]
    done = asyncio.Event()

    async def busy(number: int) -> None:
        for turn in range(12):
            chosen = sorted({streams[(number * 5 + turn * 7 + step) % 12] for step in range(3)})
            await appended(world, chosen)

    async def placing() -> None:
        while not done.is_set():
            await sequencer.place_all(world.runtime, 5)

    placers = [asyncio.create_task(placing()) for _ in range(3)]
    await asyncio.gather(*map(busy, range(4)))
    done.set()
    await asyncio.gather(*placers)
    await sequencer.place_all(world.runtime, 5)
    assert await intact(world, admin) >= 4 * 12 * 3


async def test_who_waits_for_a_new_chain_holds_none_that_another_wants(world: World, admin: asyncpg.Connection) -> None:
    """One makes a chain and goes on to an old one; meanwhile another wants both. Nobody waits in a circle."""
    new, old = sorted(uuid5(NAMES, name) for name in ("one", "other"))
    await appended(world, [old])
    async with world.runtime.database.sessions(DatabaseRole.WORKER)() as session:
        work = world.runtime.work(session, await enter_as_clock(session, timedelta(0)))
        await append(session, [breach(new)], work.now)
        both = asyncio.create_task(appended(world, [new, old]))
        while not await admin.fetchval(WAITING):
            assert not both.done(), "it did not wait for the chain that is being made"
            await asyncio.sleep(0.01)
            await admin.fetchval("SELECT pg_stat_clear_snapshot()")
        await append(session, [breach(old)], work.now)
        await work.commit()
    await both
    heads = await admin.fetch(
        "SELECT sequence FROM audit_heads WHERE stream_id = ANY ($1) ORDER BY stream_id", [new, old]
    )
    assert [head["sequence"] for head in heads] == [2, 3]


async def test_what_commits_late_is_placed_late_and_not_passed_over(world: World, admin: asyncpg.Connection) -> None:
    """A transaction began first and commits last; all that came meanwhile is in the tree before it."""
    gate = asyncio.Event()
    early, late = uuid5(NAMES, "early"), uuid5(NAMES, "late")
    waiting = asyncio.create_task(appended(world, [late], gate))
    await appended(world, [early])
    await sequencer.place_all(world.runtime)
    gate.set()
    await waiting
    assert await sequencer.place_all(world.runtime) == 1
    last = await admin.fetchval("SELECT stream_id FROM audit_leaves ORDER BY position DESC LIMIT 1")
    assert last == late
    await intact(world, admin)


DYING = """
import asyncio, sys
from dataclasses import replace
from api import sequencer
from api.database import Database
from api.runtime import offline
from api.settings import DatabaseRole
from tests.patience import patient

async def place():
    database = Database({DatabaseRole.WORKER: sys.argv[1]}, pool=patient(2))
    runtime = replace(offline(), database=database)
    print("ready", flush=True)
    await sequencer.place_all(runtime, 2)
    print("done", flush=True)

asyncio.run(place())
"""


async def test_a_sequencer_that_is_killed_goes_on_where_it_was(world: World, admin: asyncpg.Connection) -> None:
    streams = [uuid5(NAMES, str(number)) for number in range(60)]
    for _ in range(4):
        await appended(world, streams)
    killed = 0
    for least in (1, 60):
        process = subprocess.Popen(  # noqa: ASYNC220, S603 - this interpreter, and a program of ours
            [sys.executable, "-c", DYING, world.access.dsns[DatabaseRole.WORKER]], stdout=subprocess.PIPE, text=True
        )
        assert process.stdout is not None
        assert await asyncio.to_thread(process.stdout.readline) == "ready\n"
        for _ in range(1000):
            if await admin.fetchval("SELECT count(*) FROM audit_leaves") >= least:
                break
            await asyncio.sleep(0.002)
        process.send_signal(signal.SIGKILL)
        killed += "done" not in process.communicate()[0]
    placed = await admin.fetchval("SELECT count(*) FROM audit_leaves")
    assert killed == 2
    assert 0 < placed < 4 * 60, "it was killed in the middle"
    await admin.execute("SELECT pg_advisory_lock(hashtext('nrm audit sequencer'))")  # until the server has noticed
    await admin.execute("SELECT pg_advisory_unlock(hashtext('nrm audit sequencer'))")
    await sequencer.place_all(world.runtime, 50)
    assert await intact(world, admin) >= 4 * 60


async def test_a_database_connection_that_is_cut_in_the_middle_leaves_nothing_half_done(
    world: World, admin: asyncpg.Connection
) -> None:
    await appended(world, [uuid5(NAMES, str(number)) for number in range(40)])
    before = await admin.fetchval("SELECT count(*) FROM audit_leaves")
    await admin.execute("""
        CREATE FUNCTION cut() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN PERFORM pg_terminate_backend(pg_backend_pid()); RETURN NEW; END $$;
        CREATE TRIGGER cut BEFORE INSERT ON audit_placed FOR EACH ROW EXECUTE FUNCTION cut();
    """)
    with pytest.raises(Exception, match=r"terminat|closed"):
        await sequencer.place_all(world.runtime)
    assert await admin.fetchval("SELECT count(*) FROM audit_leaves") == before
    await admin.execute("DROP TRIGGER cut ON audit_placed; DROP FUNCTION cut()")
    await sequencer.place_all(world.runtime)
    await intact(world, admin)


async def test_checkpoints_are_signed_when_there_is_something_new_and_not_more_often_than_wanted(
    world: World, admin: asyncpg.Connection
) -> None:
    assert await sequencer.place_all(world.runtime) == await admin.fetchval("SELECT count(*) FROM audit_entries")
    await appended(world, [uuid5(NAMES, "one")])
    await sequencer.once(world.runtime)
    assert await sequencer.sign(world.runtime) is None
    await appended(world, [uuid5(NAMES, "two")])
    await sequencer.once(world.runtime)
    assert await admin.fetchval("SELECT count(*) FROM audit_checkpoints") == 1
    await sequencer.once(world.later(timedelta(minutes=2)).runtime)
    assert await sequencer.sign(world.runtime, timedelta(0)) is None, "nothing is new"
    notes = [row["note"] for row in await admin.fetch("SELECT note FROM audit_checkpoints ORDER BY size")]
    sizes = [read_signed(note, AUDIT_KEY.public)[0].size for note in notes]
    assert len(sizes) == 2
    assert sizes[1] == sizes[0] + 1


async def test_a_tree_that_was_changed_is_not_signed_and_does_not_stop_the_worker(
    world: World, admin: asyncpg.Connection
) -> None:
    await appended(world, [uuid5(NAMES, str(number)) for number in range(9)])
    await sequencer.once(world.runtime)
    await appended(world, [uuid5(NAMES, "more")])
    await sequencer.place_all(world.runtime)
    faults = world.runtime.metrics.audit_faults
    for change in (
        "UPDATE audit_leaves SET hashes = overlay(hashes PLACING sha256(hashes) FROM length(hashes) - 31)",
        "DELETE FROM audit_leaves WHERE position % 2 = 1",
        "DELETE FROM audit_leaves",
    ):
        async with admin.transaction() as _:
            await admin.execute("SET LOCAL session_replication_role = replica")
            await admin.execute(change)
        with pytest.raises((TreeDiffers, KeyError)):
            await sequencer.sign(world.runtime, timedelta(0))
        counted = faults._value.get()
        await sequencer.once(world.later(timedelta(hours=1)).runtime)
        assert faults._value.get() == counted + 1
    assert await admin.fetchval("SELECT count(*) FROM audit_checkpoints") == 1


async def test_a_checkpoint_of_another_key_is_not_continued(world: World, admin: asyncpg.Connection) -> None:
    await appended(world, [uuid5(NAMES, "one")])
    await sequencer.once(world.runtime)
    other = type(AUDIT_KEY).make("nrm.test/other", AUDIT_KEY.kind, secrets.token_bytes)
    note = Note.read(await admin.fetchval("SELECT note FROM audit_checkpoints"))
    forged = Checkpoint("nrm.test/other", Checkpoint.read(note).size, b"\x01" * 32).signed(other)
    async with admin.transaction():
        await admin.execute("SET LOCAL session_replication_role = replica")
        await admin.execute("UPDATE audit_checkpoints SET note = $1", forged.written())
    await appended(world, [uuid5(NAMES, "two")])
    await sequencer.once(world.later(timedelta(hours=1)).runtime)
    assert await admin.fetchval("SELECT count(*) FROM audit_checkpoints") == 1


async def test_the_worker_keeps_the_tree(world: World, admin: asyncpg.Connection) -> None:
    stop = asyncio.Event()
    running = asyncio.create_task(sequencer.run(world.runtime, stop))
    await asyncio.sleep(0.2)
    stop.set()
    await running
    assert await intact(world, admin) > 0
