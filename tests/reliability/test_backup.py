"""A backup is a restore that was tried: counts, seals, rights and audit come back, and one flipped byte is found."""

import argparse
import random
import shutil
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from itertools import count
from pathlib import Path

import asyncpg
import pytest

from api import backup
from api.bootstrap import Access
from api.cli import backup as command
from api.database import dsn_as
from tests.conftest import Databases
from tests.journeys.scenes import SEALED, opened
from tests.reliability.backups import CASES, Drill, contents, looking, peopled, replayed, rights, serving
from tests.world import new_world

NAMES = count(1)


@pytest.fixture(scope="session")
async def drill(databases: Databases, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Drill]:
    folder = tmp_path_factory.mktemp("drill")
    async with new_world(await databases.new(), folder) as world:
        case, referral = await peopled(world)
        manifest = await backup.take(world.access, folder / "backup")
        yield Drill(world, folder / "backup", manifest, case, referral)


@pytest.fixture
async def goal(drill: Drill, databases: Databases) -> AsyncIterator[Access]:
    """The access to a database that does not exist yet."""
    access = backup.elsewhere(drill.world.access, f"nrm_restored_{next(NAMES)}")
    yield access
    if await exists(databases, access):
        await databases.drop(access)


def files(folder: Path) -> list[Path]:
    return sorted(folder.iterdir())


async def exists(databases: Databases, access: Access) -> bool:
    connection = await asyncpg.connect(databases.server.dsn())
    try:
        found = await connection.fetchval("SELECT count(*) FROM pg_database WHERE datname = $1", access.database)
    finally:
        await connection.close()
    return bool(found)


@pytest.fixture
def damaged(drill: Drill, tmp_path: Path) -> Path:
    return Path(shutil.copytree(drill.folder, tmp_path / "damaged"))


async def test_every_row_right_and_chain_comes_back(drill: Drill, goal: Access) -> None:
    manifest = await backup.restore(goal, drill.folder, drill.manifest.digest)
    assert manifest == drill.manifest
    before, after = await contents(drill.world.access), await contents(goal)
    assert (before.pop("restorations")[0], after.pop("restorations")[0]) == (0, 1)
    assert before == after
    assert before["cases"][0] == CASES + 1
    assert manifest.rows == sum(rows for rows, _ in before.values()) - before["alembic_version"][0]
    assert manifest.audit_intact
    assert manifest.entries == before["audit_entries"][0]
    assert await rights(drill.world.access) == await rights(goal)


async def test_the_restored_country_opens_its_seals_with_the_keys_kept_apart_and_goes_on_working(
    drill: Drill, goal: Access, tmp_path: Path
) -> None:
    await backup.restore(goal, drill.folder)
    await replayed(drill.world, goal, tmp_path / "ledger")
    async with serving(drill.world, goal) as world:
        identity = await world.get("alpha", f"/cases/{drill.case}/person/identity")
        assert SEALED["identity"].items() <= identity["fields"].items()
        package = await world.get("north", f"/referrals/{drill.referral}/package")
        assert package["compartments"]
        (copy,) = await world.get("north", f"/referrals/{drill.referral}/attachments")
        path = f"/referrals/{drill.referral}/attachments/{copy['reference']}/content"
        assert (await world.ask("north", "GET", path)).content.startswith(b"\x89PNG")
        await world.get("beta", f"/cases/{drill.case}", expect=404)
        case = await opened(world)
        await world.get("alpha", f"/cases/{case}")
        await world.work_off()
    async with looking(goal) as admin:
        with pytest.raises(asyncpg.InsufficientPrivilegeError, match="only grows"):
            await admin.execute("DELETE FROM audit_entries")


async def test_without_a_context_the_application_sees_nothing_of_a_restored_database(
    drill: Drill, goal: Access
) -> None:
    await backup.restore(goal, drill.folder)
    for role, dsn in goal.dsns.items():
        connection = await asyncpg.connect(dsn)
        try:
            if role == "nrm_application":
                assert await connection.fetchval("SELECT count(*) FROM cases") == 0
            if role == "nrm_owner":
                assert await connection.fetchval("SELECT count(*) FROM sealed_values") == 0
        finally:
            await connection.close()


async def test_one_flipped_byte_anywhere_is_found_before_a_database_is_made(
    damaged: Path, goal: Access, databases: Databases
) -> None:
    choose = random.Random(7)  # noqa: S311 - the same bytes in every run
    for path in files(damaged):
        whole = path.read_bytes()
        for place in {0, len(whole) - 1, *(choose.randrange(len(whole)) for _ in range(3))}:
            flipped = bytearray(whole)
            flipped[place] ^= 1 << choose.randrange(8)
            path.write_bytes(flipped)
            with pytest.raises(backup.BackupRefused):
                await backup.restore(goal, damaged)
        path.write_bytes(whole)
    assert not await exists(databases, goal)
    assert backup.check(damaged)


@pytest.mark.parametrize(
    ("harm", "said"),
    [
        (lambda path: path.write_bytes(path.read_bytes()[:-21]), "bytes instead of"),
        (lambda path: path.write_bytes(path.read_bytes() + b"\0"), "bytes instead of"),
        (lambda path: path.write_bytes(b""), "bytes instead of"),
        (Path.unlink, "missing"),
    ],
)
async def test_a_part_that_is_cut_longer_empty_or_missing_is_found(
    damaged: Path, goal: Access, databases: Databases, harm: Callable[[Path], object], said: str
) -> None:
    harm(damaged / "consents.copy")
    with pytest.raises(backup.BackupRefused, match=f"consents.copy .*{said}"):
        await backup.restore(goal, damaged)
    assert not await exists(databases, goal)


@pytest.mark.parametrize("name", [backup.MANIFEST, backup.SEAL])
async def test_a_backup_that_was_cut_short_is_none(damaged: Path, goal: Access, name: str) -> None:
    (damaged / name).unlink()
    with pytest.raises(backup.BackupRefused, match="not a finished backup"):
        await backup.restore(goal, damaged)


def forged(folder: Path, **changes: object) -> None:
    """Write a manifest that says something else, sealed anew."""
    manifest = backup.check(folder).model_copy(update=changes)
    (folder / backup.MANIFEST).write_bytes(manifest.written())
    (folder / backup.SEAL).write_text(f"{manifest.digest}\n")


async def test_a_forged_manifest_does_not_pass_the_noted_digest_or_the_counts_or_the_audit(
    damaged: Path, drill: Drill, goal: Access
) -> None:
    forged(damaged, heads="00" * 32)
    with pytest.raises(backup.BackupRefused, match="whose digest was noted"):
        await backup.restore(goal, damaged, drill.manifest.digest)
    with pytest.raises(backup.BackupRefused, match="the audit is not the one"):
        await backup.restore(goal, damaged)
    async with looking(goal) as admin:
        assert await admin.fetchval("SELECT count(*) FROM cases") == 0, "all of it or nothing"
        forced = "SELECT bool_and(relforcerowsecurity) FROM pg_class WHERE relname IN ('cases', 'sealed_values')"
        assert await admin.fetchval(forced)


async def test_a_backup_of_another_revision_or_with_another_table_is_refused(damaged: Path, goal: Access) -> None:
    parts = backup.check(damaged).parts
    forged(damaged, parts=(*parts[:-1], parts[-1].model_copy(update={"table": "pg_authid"})))
    with pytest.raises(backup.BackupRefused, match="other tables"):
        await backup.restore(goal, damaged)
    manifest = backup.Manifest.model_validate_json((damaged / backup.MANIFEST).read_bytes())
    older = manifest.model_copy(update={"parts": parts, "revision": "0001"})
    (damaged / backup.MANIFEST).write_bytes(older.written())
    (damaged / backup.SEAL).write_text(f"{older.digest}\n")
    with pytest.raises(backup.BackupRefused, match="revision 0001"):
        await backup.restore(goal, damaged)


async def test_a_database_that_holds_anything_is_left_alone(drill: Drill) -> None:
    before = await contents(drill.world.access)
    with pytest.raises(backup.BackupRefused, match="is not empty"):
        await backup.restore(drill.world.access, drill.folder)
    assert await contents(drill.world.access) == before


async def test_a_folder_that_exists_is_never_written_to(drill: Drill, tmp_path: Path) -> None:
    with pytest.raises(FileExistsError):
        await backup.take(drill.world.access, tmp_path)
    assert files(tmp_path) == []


async def test_only_its_owner_may_read_a_backup(drill: Drill) -> None:
    assert drill.folder.stat().st_mode & 0o777 == 0o700
    assert {path.stat().st_mode & 0o777 for path in drill.folder.iterdir()} == {0o600}


async def test_an_administrator_whom_policies_hold_gets_no_backup_instead_of_a_smaller_one(
    drill: Drill, tmp_path: Path
) -> None:
    async with looking(drill.world.access) as admin:
        await admin.execute("CREATE ROLE nrm_half LOGIN PASSWORD 'made-up-password' IN ROLE pg_read_all_data")
        await admin.execute(f'GRANT CONNECT ON DATABASE "{drill.world.access.database}" TO nrm_half')
        url = dsn_as(drill.world.access.url, user="nrm_half", password="")
        half = replace(drill.world.access, url=url, admin_password="made-up-password")
        with pytest.raises(backup.BackupRefused, match="does not see every row"):
            await backup.take(half, tmp_path / "half")
        assert not (tmp_path / "half" / backup.MANIFEST).exists()
        await admin.execute("ALTER ROLE nrm_half BYPASSRLS")
        whole = await backup.take(half, tmp_path / "whole")
        assert whole.parts == drill.manifest.parts
        await admin.execute("DROP OWNED BY nrm_half")
        await admin.execute("DROP ROLE nrm_half")


def test_the_command_says_what_it_refuses_in_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NRM_DATABASE_URL", "postgresql://nobody@127.0.0.1:1/nrm")
    parser = argparse.ArgumentParser()
    command.register(parser.add_subparsers(required=True))
    arguments = parser.parse_args(["restore", "--input", str(tmp_path)])
    assert arguments.run(arguments) == 1
    assert capsys.readouterr().err == "refused: not a finished backup: manifest.json cannot be read\n"
