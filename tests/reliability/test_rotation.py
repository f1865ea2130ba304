"""Rotation while all goes on: cut off at any moment, by several at once, and never a value that does not open."""

import asyncio
import random
import secrets
import shutil
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import asyncpg
import pytest

from api.app import create_app
from api.bootstrap import Access
from api.cli.rotating import KeyStillUsed, retire_in, rotate_all
from api.database import Database
from api.settings import DatabaseRole
from domain.sealing.envelope import SealBroken
from domain.sealing.providers import FileProvider
from domain.sealing.rotation import START, rewrap_batch
from tests.api.prepared import PERSON
from tests.patience import patient
from tests.reliability.rotating import Plan, counted, filled, opened, started
from tests.world import World

KEYS = 300
KILLS = 16


@pytest.fixture
def path(tmp_path: Path) -> Path:
    FileProvider.create(tmp_path / "rotated.json", secrets.token_bytes)
    return tmp_path / "rotated.json"


@asynccontextmanager
async def rotator(access: Access, size: int = 4) -> AsyncIterator[Database]:
    database = Database({DatabaseRole.ROTATOR: access.dsns[DatabaseRole.ROTATOR]}, pool=patient(size))
    try:
        yield database
    finally:
        await database.close()


async def test_killed_again_and_again_it_goes_on_and_every_value_opens_before_between_and_after(
    database_access: Access, admin: asyncpg.Connection, path: Path
) -> None:
    """Killed in the middle of a batch, and between two: at random places."""
    old = FileProvider(path, secrets.token_bytes)
    plaintexts = await filled(admin, old, KEYS)
    assert await opened(admin, old) == plaintexts
    old_id = old.key_id
    new_id = FileProvider.add_key(path, secrets.token_bytes).key_id
    dice = random.Random(59)  # noqa: S311 - a place to die, the same at every run
    dsn = database_access.dsns[DatabaseRole.ROTATOR]
    progress = []
    for number in range(KILLS):
        place = {"at_unwrapping": dice.randint(1, 60)} if number % 3 else {"after_commit": 1}
        process = started(Plan(dsn, path, **place))
        await asyncio.to_thread(process.join, 30)
        assert process.exitcode == -signal.SIGKILL
        counts = await counted(admin)
        assert sum(counts.values()) == KEYS
        progress.append(counts.get(new_id, 0))
        assert await opened(admin, FileProvider(path, secrets.token_bytes)) == plaintexts
    assert progress == sorted(progress)
    assert 0 < progress[-1] < KEYS
    last = started(Plan(dsn, path))
    await asyncio.to_thread(last.join, 30)
    assert last.exitcode == 0
    assert await counted(admin) == {new_id: KEYS}
    assert await opened(admin, FileProvider(path, secrets.token_bytes)) == plaintexts
    async with rotator(database_access) as database:
        await retire_in(database, old_id)
    assert await opened(admin, FileProvider.drop_key(path, old_id, secrets.token_bytes)) == plaintexts


async def test_several_rotators_share_the_work_and_none_does_what_another_did(
    database_access: Access, admin: asyncpg.Connection, path: Path
) -> None:
    plaintexts = await filled(admin, FileProvider(path, secrets.token_bytes), KEYS)
    keys = FileProvider.add_key(path, secrets.token_bytes)
    async with rotator(database_access) as database:
        done = await asyncio.gather(*(rotate_all(database, keys, 10) for _ in range(4)))
    assert sum(done) == KEYS
    assert sorted(done)[-2] > 0
    assert await counted(admin) == {keys.key_id: KEYS}
    assert await opened(admin, keys) == plaintexts


async def test_requests_go_on_while_keys_rotate_and_old_and_new_are_read_at_once(
    world: World, admin: asyncpg.Connection
) -> None:
    body = {"entry_channel": "ngo", "person": PERSON, "compartments": {"identity": {"given_name": "Fictional"}}}
    cases = [(await world.post("alpha", "/cases", body))["reference"] for _ in range(4)]
    path = world.runtime.settings.data_dir / f"keys-{world.access.database}.json"
    await filled(admin, FileProvider(path, secrets.token_bytes), KEYS)
    stop = asyncio.Event()
    asked = 0

    async def ask() -> None:
        nonlocal asked
        while not stop.is_set():
            for case in cases:
                found = await world.get("alpha", f"/cases/{case}/person/identity")
                assert found["fields"]["given_name"] == "Fictional"
                asked += 1
            cases.append((await world.post("alpha", "/cases", body))["reference"])

    running = asyncio.create_task(ask())
    ids: list[str] = []
    while not running.done() and (len(ids) < 3 or asked <= 10):
        keys = FileProvider.add_key(path, secrets.token_bytes)
        ids.append(keys.key_id)
        async with rotator(world.access, 2) as database:
            await asyncio.gather(*(rotate_all(database, keys, 8) for _ in range(2)))
    stop.set()
    await running
    assert asked > 10
    assert len(cases) > 4
    assert set(await counted(admin)) == {ids[-1]}
    for case in cases:
        assert (await world.get("alpha", f"/cases/{case}/person/identity"))["fields"]["given_name"] == "Fictional"


async def test_a_key_is_retired_only_when_nothing_is_wrapped_under_it(
    database_access: Access, admin: asyncpg.Connection, path: Path
) -> None:
    old = FileProvider(path, secrets.token_bytes)
    old_id = old.key_id
    await filled(admin, old, 3)
    keys = FileProvider.add_key(path, secrets.token_bytes)
    async with rotator(database_access) as database:
        with pytest.raises(KeyStillUsed):
            await retire_in(database, old_id)
        await rotate_all(database, keys)
        await retire_in(database, old_id)
        await retire_in(database, old_id)
    assert await admin.fetchval("SELECT array_agg(key_id::text) FROM retired_keys") == [old_id]
    with pytest.raises(asyncpg.PostgresError, match="is retired"):
        await filled(admin, _copy_without(path, keys.key_id), 1)


def _copy_without(path: Path, key_id: str) -> FileProvider:
    """Return a provider on another machine's copy of the key file, from before a key was added."""
    assert FileProvider(path, secrets.token_bytes).key_id == key_id
    stale = FileProvider(path, secrets.token_bytes)
    older = {one: secret for one, secret in stale._contents.keys.items() if one != key_id}
    stale._contents = replace(stale._contents, keys=older)
    return stale


async def test_retiring_waits_for_whoever_is_writing_under_the_key(
    database_access: Access, admin: asyncpg.Connection, path: Path
) -> None:
    """A row that is not committed yet would be missed by a count; nothing is retired before it is seen."""
    keys = FileProvider(path, secrets.token_bytes)
    writing = admin.transaction()
    await writing.start()
    await filled(admin, keys, 1)
    async with rotator(database_access) as database:
        retiring = asyncio.create_task(retire_in(database, keys.key_id))
        await asyncio.sleep(0.1)
        assert not retiring.done()
        await writing.commit()
        with pytest.raises(KeyStillUsed):
            await retiring


async def test_a_process_that_still_wraps_under_a_retired_key_is_told_to_come_back_and_nothing_is_stored(
    world: World, admin: asyncpg.Connection, tmp_path: Path
) -> None:
    """Another machine has its own copy of the key file, and nobody has put the new one there."""
    path = world.runtime.settings.data_dir / f"keys-{world.access.database}.json"
    shutil.copy(path, tmp_path / "stale.json")
    stale_keys = FileProvider(tmp_path / "stale.json", secrets.token_bytes)
    stale = World(replace(world.runtime, keys=stale_keys), world.access, world.app, world.numbers)
    stale.app = create_app(stale.runtime)
    keys = FileProvider.add_key(path, secrets.token_bytes)
    async with rotator(world.access) as database:
        await retire_in(database, stale_keys.key_id)
    body = {"entry_channel": "ngo", "person": PERSON, "compartments": {"identity": {"given_name": "Fictional"}}}
    refused = await stale.ask("alpha", "POST", "/cases", body, key="one-attempt")
    assert (refused.status_code, refused.json()["code"]) == (503, "unavailable")
    assert await admin.fetchval("SELECT count(*) FROM sealing_keys") == 0
    case = (await world.ask("alpha", "POST", "/cases", body, key="one-attempt")).json()["reference"]
    assert await counted(admin) == {keys.key_id: 1}
    unread = await stale.ask("alpha", "GET", f"/cases/{case}/person/identity")
    assert (unread.status_code, unread.json()["code"]) == (503, "key-not-held")


async def test_a_wrapped_key_that_does_not_open_stops_the_rotation_and_is_left_as_it_is(
    database_access: Access, admin: asyncpg.Connection, path: Path
) -> None:
    await filled(admin, FileProvider(path, secrets.token_bytes), 20)
    await admin.execute(
        "UPDATE sealing_keys SET wrapped = set_byte(wrapped, 40, get_byte(wrapped, 40) # 1) "
        "WHERE holder_id = (SELECT holder_id FROM sealing_keys ORDER BY holder_id OFFSET 7 LIMIT 1)"
    )
    before = await admin.fetch("SELECT * FROM sealing_keys ORDER BY holder_id")
    keys = FileProvider.add_key(path, secrets.token_bytes)
    async with rotator(database_access) as database:
        with pytest.raises(SealBroken):
            await rotate_all(database, keys, 20)
    assert await admin.fetch("SELECT * FROM sealing_keys ORDER BY holder_id") == before


async def test_a_row_that_somebody_holds_is_passed_over_and_keeps_nobody_waiting(
    database_access: Access, admin: asyncpg.Connection, path: Path
) -> None:
    await filled(admin, FileProvider(path, secrets.token_bytes), 10)
    keys = FileProvider.add_key(path, secrets.token_bytes)
    async with rotator(database_access) as database, admin.transaction():
        await admin.execute("SELECT 1 FROM sealing_keys ORDER BY holder_id LIMIT 2 FOR UPDATE")
        async with database.sessions(DatabaseRole.ROTATOR)() as session, session.begin():
            batch = await rewrap_batch(session, keys, START)
    assert batch.rewrapped == 8
    async with rotator(database_access) as database:
        assert await rotate_all(database, keys) == 2


class Faulty(FileProvider):
    """A provider whose wrapping is of another key than the one that it was given."""

    def wrap(self, key: bytes, aad: bytes) -> bytes:
        return super().wrap(bytes(reversed(key)), aad)


async def test_a_wrapping_that_gives_back_another_key_never_replaces_a_good_one(
    database_access: Access, admin: asyncpg.Connection, path: Path
) -> None:
    plaintexts = await filled(admin, FileProvider(path, secrets.token_bytes), 5)
    FileProvider.add_key(path, secrets.token_bytes)
    async with rotator(database_access) as database:
        with pytest.raises(SealBroken):
            await rotate_all(database, Faulty(path, secrets.token_bytes))
    assert await opened(admin, FileProvider(path, secrets.token_bytes)) == plaintexts
