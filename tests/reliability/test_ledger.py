"""Back up, erase, restore the old backup: it serves nobody until the ledger is replayed, and then nothing is back."""

import argparse
import asyncio
import itertools
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from pathlib import Path

import asyncpg
import pytest

from api import backup, ledger, worker
from api.bootstrap import Access
from api.cli import erasing
from api.cli import serving as command
from api.database import is_unavailable
from api.matching import compact_once
from api.readiness import readiness
from api.settings import DatabaseRole
from auth.authentication import AwaitsLedger
from domain.retention.ledger import Ledger, LedgerRefused
from tests.conftest import Databases
from tests.documents import picture
from tests.journeys.erasing import chunks, granted, held
from tests.journeys.scenes import carried, opened, referred, supported
from tests.reliability.backups import exported, looking, serving
from tests.world import World, new_world

NUMBERS = itertools.count(1)
VECTORS = """
    SELECT (SELECT count(*) FROM match_entries e JOIN cases c ON c.id = e.case_id WHERE c.reference = $1)
         + (SELECT count(*) FROM match_places p JOIN cases c ON c.id = p.case_id WHERE c.reference = $1)
         + (SELECT count(*) FROM match_searches s JOIN cases c ON c.id = s.case_id WHERE c.reference = $1)
"""


@dataclass(frozen=True)
class Past:
    """A country that was backed up, and what happened to it since."""

    world: World
    folder: Path
    before: Ledger
    after: Ledger
    erased: str
    withdrawn: str
    kept: str
    newer: str


@pytest.fixture(scope="module")
async def past(databases: Databases, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Past]:
    folder = tmp_path_factory.mktemp("past")
    async with new_world(await databases.new(), folder) as world:
        erased, _ = await supported(world)
        added = await world.post("alpha", f"/cases/{erased}/attachments?compartment=identity", picture(), expect=201)
        assert await compact_once(world.runtime, 1) == 1
        referral = await referred(world, erased, attachments=[added["reference"]])
        await carried(world, referral, "north", "receipt", "acceptance")
        kept, _ = await supported(world)
        withdrawn = await referred(world, kept)
        before = await exported(world, folder / "before")
        await backup.take(world.access, folder / "backup")
        await world.act("alpha", withdrawn, "withdrawal")
        await granted(world, erased, "erasure")
        newer = await opened(world)
        await granted(world, newer, "erasure")
        await world.work_off()
        after = await exported(world, folder / "after")
        yield Past(world, folder, before, after, erased, withdrawn, kept, newer)


@pytest.fixture
async def restored(past: Past, databases: Databases) -> AsyncIterator[Access]:
    access = backup.elsewhere(past.world.access, f"nrm_past_{next(NUMBERS)}")
    await backup.restore(access, past.folder / "backup")
    yield access
    await databases.drop(access)


async def test_a_restored_database_serves_nobody_opens_nothing_and_fires_nothing(past: Past, restored: Access) -> None:
    async with looking(restored) as admin:
        assert min(await held(admin, past.erased)) > 0, "the backup holds the keys of what was erased"
        assert await chunks(admin, past.erased) == 2, "and its document, and the copy in the package"
        assert await admin.fetchval(VECTORS, past.erased) > 0, "and what duplicates are searched by"
    async with serving(past.world, restored) as world:
        answer = await world.ask("alpha", "GET", f"/cases/{past.kept}")
        assert (answer.status_code, answer.json()["code"]) == (503, "unavailable")
        assert (await world.ask("alpha", "POST", "/cases", {"entry_channel": "ngo"})).status_code == 503
        assert await readiness(world.runtime) == "waiting-for-ledger"
        with pytest.raises(AwaitsLedger) as refused:
            await worker.fire_all(world.runtime)
        assert is_unavailable(refused.value)
        for role in (DatabaseRole.APPLICATION, DatabaseRole.WORKER):
            assert await asyncio.to_thread(command._awaits_ledger, restored, role)
    connection = await asyncpg.connect(restored.dsns[DatabaseRole.APPLICATION])
    try:
        async with connection.transaction():
            await connection.execute(
                "SELECT set_config('nrm.organisation_id', id::text, true) FROM organisations WHERE code = 'NGO-ALPHA'"
            )
            assert await connection.fetchval("SELECT count(*) FROM sealed_values") > 0
            assert await connection.fetchval("SELECT count(*) FROM sealing_keys") == 0
    finally:
        await connection.close()


async def test_after_the_replay_it_serves_and_nothing_that_was_erased_is_back(past: Past, restored: Access) -> None:
    told = await ledger.replay(restored, past.after)
    assert "1 erasures" in told, "the case that is newer than the backup is not there"
    async with looking(restored) as admin:
        assert await held(admin, past.erased) == (0, 0)
        assert await chunks(admin, past.erased) == 0
        assert await admin.fetchval(VECTORS, past.erased) == 0
        assert await admin.fetchval(VECTORS, past.kept) > 0
        package = "SELECT count(*) FROM sealing_keys WHERE holder_id = (SELECT id FROM referrals WHERE reference = $1)"
        assert await admin.fetchval(package, past.withdrawn) == 0
        assert await admin.fetchval("SELECT citizenships FROM persons p JOIN cases c ON c.id = p.case_id "
                                    "WHERE c.reference = $1", past.erased) == ["unknown"]  # fmt: skip
        with pytest.raises(asyncpg.InsufficientPrivilegeError, match="only grows"):
            await admin.execute("DELETE FROM shred_ledger")
    async with serving(past.world, restored) as world:
        assert await readiness(world.runtime) == "ready"
        await world.get("alpha", f"/cases/{past.erased}", 404)
        assert (await world.get("alpha", f"/cases/{past.kept}/person/identity"))["fields"]
        (erasure,) = (await world.get("alpha", "/erasures"))["items"]
        assert (erasure["reference"], erasure["why"]) == (past.erased, "request")
        certificate = await world.get("alpha", f"/erasures/{erasure['id']}/certificate")
        held_before = {
            (one.sequence, one.hash.hex()) for one in past.after.entries if str(one.erasure_id) == erasure["id"]
        }
        assert {(one["sequence"], one["hash"]) for one in certificate["destroyed"]} == held_before
        await world.work_off()
        await granted(world, past.kept, "erasure")
        await world.work_off()
        async with looking(restored) as admin:
            assert await held(admin, past.kept) == (0, 0)
            assert await admin.fetchval("SELECT max(sequence) FROM shred_ledger") > len(past.after.entries)


async def test_a_ledger_that_is_older_another_ones_or_touched_is_refused_and_nothing_is_served(
    past: Past, restored: Access, tmp_path: Path
) -> None:
    with pytest.raises(LedgerRefused, match="exported before"):
        await ledger.replay(restored, past.before)
    with pytest.raises(LedgerRefused, match="head was noted"):
        await ledger.replay(restored, replace(past.after, entries=()), past.after.head.hex())
    assert await asyncio.to_thread(command._awaits_ledger, restored, DatabaseRole.APPLICATION)
    lines = (past.folder / "after").read_bytes().splitlines(keepends=True)
    for number in range(len(lines)):
        broken = tmp_path / f"broken-{number}"
        broken.write_bytes(b"".join(lines[:number] + lines[number + 1 :]))
        with pytest.raises(LedgerRefused):
            ledger.read_file(broken)
    changed = tmp_path / "changed"
    changed.write_bytes(b"".join(lines).replace(b'"request"', b'"package"'))
    with pytest.raises(LedgerRefused, match="does not follow"):
        ledger.read_file(changed)


async def test_what_was_restored_wrongly_is_not_replayed_twice(past: Past, restored: Access) -> None:
    await ledger.replay(restored, past.after)
    with pytest.raises(LedgerRefused, match="nothing waits"):
        await ledger.replay(restored, past.after)
    with pytest.raises(LedgerRefused, match="nothing waits"):
        await ledger.replay(past.world.access, past.after)


def test_the_commands_confirm_a_certificate_and_refuse_another(
    past: Past, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    kept = past.folder / "after"
    assert erasing.run_verify(argparse.Namespace(input=kept)) == 0
    assert f"{len(past.after.entries)} entries, intact" in capsys.readouterr().out
    assert erasing.run_verify(argparse.Namespace(input=tmp_path / "absent")) == 1
    nothing = tmp_path / "certificate"
    nothing.write_text('{"destroyed": [], "erasure": "x", "whole": true}')
    assert erasing.run_confirm(argparse.Namespace(certificate=nothing, ledger=kept)) == 1
    assert "does not say" in capsys.readouterr().err
