"""What a thief has of an erased case: from a dump, the files of the database, an old backup, an old key."""

import json
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import asyncpg

from api import backup
from api.bootstrap import Access
from api.settings import DatabaseRole
from domain.retention.ledger import LedgerRefused
from domain.retention.queries import ledger_of
from domain.sealing.envelope import Context, SealBroken, open_sealed
from domain.sealing.keys import unwrap_data_key
from domain.sealing.providers import FileProvider, KeyProvider
from tests.attacks.disguises import Haystack, disguises
from tests.attacks.test_leaks import CANARIES, journey
from tests.conftest import Databases
from tests.journeys.erasing import granted
from tests.reliability.backups import exported, looking, replayed
from tests.world import World

Attack = Callable[..., None]

OF_CASE = """
    WITH holders AS (
        SELECT id FROM cases WHERE reference = $1
        UNION SELECT r.id FROM referrals r JOIN cases c ON c.id = r.case_id WHERE c.reference = $1
        UNION SELECT k.contact_id FROM contact_cases k JOIN cases c ON c.id = k.case_id WHERE c.reference = $1
    )
    SELECT k.holder_id, k.compartment, k.version, k.wrapped, v.record_id, v.kind, v.version AS of_value, v.sealed
    FROM sealing_keys k JOIN sealed_values v ON v.holder_id = k.holder_id AND v.compartment = k.compartment
    WHERE k.holder_id IN (SELECT id FROM holders)
"""


@dataclass(frozen=True)
class Stolen:
    """What the database held of a case while it was there."""

    case: str
    rows: list[asyncpg.Record]

    def bytes(self) -> list[bytes]:
        """Return every wrapped key and the random part of every sealed value."""
        return [row["wrapped"] for row in self.rows] + [row["sealed"][-64:] for row in self.rows]


async def stolen(access: Access, case: str) -> Stolen:
    async with looking(access) as admin:
        return Stolen(case, await admin.fetch(OF_CASE, case))


def opened(rows: list[asyncpg.Record], keys: KeyProvider) -> int:
    """Return how many sealed values a thief opens who has the rows and a key file."""
    through = 0
    for row in rows:
        holder, compartment, version = row["holder_id"], row["compartment"], row["version"]
        try:
            key = unwrap_data_key(keys, row["wrapped"], holder_id=holder, compartment=compartment, version=version)
            context = Context(holder, row["record_id"], row["kind"], compartment, version, row["of_value"])
            through += len(open_sealed(row["sealed"], key=key, context=context)) > 0
        except SealBroken:
            continue
    return through


async def test_a_dump_after_an_erasure_holds_no_word_no_key_and_no_sealed_byte_of_it(
    world: World, tmp_path: Path, attack: Attack
) -> None:
    case, _ = await journey(world)
    before = await stolen(world.access, case)
    assert opened(before.rows, world.runtime.keys) == len(before.rows) > 8
    await granted(world, case, "erasure")
    await world.work_off()
    await backup.take(world.access, tmp_path / "dump")
    haystack, whole = Haystack(), b""
    for path in sorted((tmp_path / "dump").iterdir()):
        whole += path.read_bytes()
    haystack.add(whole)
    forms = {form for canary in CANARIES for form in disguises(canary)}
    attack("words of an erased case in a dump", tried=len(forms), succeeded=len(list(haystack.hits(forms))))
    parts = before.bytes()
    attack("keys of an erased case in a dump", tried=len(parts), succeeded=sum(one in whole for one in parts))


async def test_the_files_of_the_database_lose_the_keys_once_the_tables_are_written_anew(
    world: World, admin: asyncpg.Connection, attack: Attack
) -> None:
    case, _ = await journey(world)
    before = await stolen(world.access, case)
    await granted(world, case, "erasure")
    await world.work_off()
    folder = Path(await admin.fetchval("SHOW data_directory"))
    for table in ("sealing_keys", "sealed_values"):
        await admin.execute(f"VACUUM FULL {table}")
    await admin.execute("CHECKPOINT")
    oid = await admin.fetchval("SELECT oid FROM pg_database WHERE datname = current_database()")
    files = [path for path in (folder / "base" / str(oid)).iterdir() if path.is_file()]
    whole = b"".join(path.read_bytes() for path in files)
    assert b"refer-for-urgent-care" in whole, "these are the files that hold the tables"
    parts = before.bytes()
    attack("keys of an erased case in base files", tried=len(parts), succeeded=sum(one in whole for one in parts))


async def test_an_old_backup_with_its_key_opens_until_the_ledger_is_replayed_or_the_key_is_retired(
    world: World, tmp_path: Path, databases: Databases, attack: Attack
) -> None:
    case, _ = await journey(world)
    await backup.take(world.access, tmp_path / "backup")
    keys = world.runtime.keys
    assert isinstance(keys, FileProvider)
    await granted(world, case, "erasure")
    await world.work_off()
    goal = backup.elsewhere(world.access, "nrm_stolen_backup")
    try:
        await backup.restore(goal, tmp_path / "backup")
        old = await stolen(goal, case)
        assert opened(old.rows, keys) == len(old.rows) > 8, "said honestly: a backup with its key opens"
        retired = _retired(tmp_path / f"keys-{world.access.database}.json")
        through = opened(old.rows, retired)
        attack("values of an old backup after its key is retired", tried=len(old.rows), succeeded=through)
        await replayed(world, goal, tmp_path / "ledger")
        left = await stolen(goal, case)
        attack("values of an erased case after the replay", tried=len(old.rows), succeeded=opened(left.rows, keys))
        assert left.rows == []
    finally:
        await databases.drop(goal)


def _retired(path: Path) -> FileProvider:
    """Add a key, and forget the old one, as an operator does once a rotation has wrapped all that is alive anew."""
    newest = FileProvider.add_key(path, secrets.token_bytes).key_id
    content = json.loads(path.read_text())
    content["keys"] = [one for one in content["keys"] if one["id"] == newest]
    path.write_text(json.dumps(content))
    return FileProvider(path, secrets.token_bytes)


async def forbidden(access: Access, role: DatabaseRole, statements: tuple[str, ...]) -> int:
    """Return how many statements a database role gets through."""
    connection = await asyncpg.connect(access.dsns[role])
    through = 0
    try:
        for statement in statements:
            transaction = connection.transaction()
            await transaction.start()
            try:
                await connection.execute("SELECT set_config('nrm.organisation_id', $1, true)", NOBODY)
                status = await connection.execute(statement)
                through += status.split(" ")[-1] != "0"
            except (asyncpg.InsufficientPrivilegeError, asyncpg.FeatureNotSupportedError):
                pass
            finally:
                await transaction.rollback()
    finally:
        await connection.close()
    return through


NOBODY = "00000000-0000-4000-8000-000000000000"
STATEMENTS = (
    "INSERT INTO shred_ledger VALUES (1, gen_random_uuid(), 'all', NULL, 'request', now(), '')",
    "UPDATE shred_ledger SET why = 'error'",
    "DELETE FROM shred_ledger",
    "TRUNCATE shred_ledger",
    "TRUNCATE sealing_keys",
    "SELECT nrm_ledger_append(gen_random_uuid(), 'all', NULL, 'request')",
    f"SELECT nrm_forget('{NOBODY}', ARRAY['persons.sex'])",
    "UPDATE erasures SET why = 'error'",
    "DELETE FROM erasures",
    "ALTER TABLE sealing_keys DISABLE TRIGGER shredding_is_recorded",
    "DROP TRIGGER shredding_is_recorded ON sealing_keys",
    "UPDATE restorations SET replayed_at = now()",
    "DELETE FROM restorations",
    "DROP POLICY awaits_ledger ON sealing_keys",
    "SET session_replication_role = replica",
    "UPDATE screenings SET hits = '[]'",
    "UPDATE audit_entries SET details = '{}'",
)


async def test_no_role_of_the_service_writes_the_ledger_or_destroys_a_key_without_a_line_in_it(
    world: World, admin: asyncpg.Connection, attack: Attack
) -> None:
    case, _ = await journey(world)
    await granted(world, case, "erasure")
    await world.work_off()
    roles = (DatabaseRole.APPLICATION, DatabaseRole.WORKER, DatabaseRole.STATISTICS)
    through = [await forbidden(world.access, role, STATEMENTS) for role in roles]
    attack("the ledger in SQL", tried=len(STATEMENTS) * len(roles), succeeded=sum(through))
    keys: int = await admin.fetchval("SELECT count(*) FROM sealing_keys")
    lines: int = await admin.fetchval("SELECT count(*) FROM shred_ledger")
    connection = await asyncpg.connect(world.access.dsns[DatabaseRole.WORKER])
    try:
        await connection.execute("DELETE FROM sealing_keys")
    finally:
        await connection.close()
    assert keys > 0
    assert await admin.fetchval("SELECT count(*) FROM shred_ledger") == lines + keys
    async with world.runtime.database.sessions(DatabaseRole.OWNER)() as session:
        assert len((await ledger_of(session, world.runtime.clock.present())).entries) == lines + keys


TAMPERING = (
    "UPDATE shred_ledger SET why = 'error' WHERE sequence = 3",
    "UPDATE shred_ledger SET at = at - interval '1 day' WHERE sequence = 3",
    "UPDATE shred_ledger SET holder_id = gen_random_uuid() WHERE sequence = 3",
    "UPDATE shred_ledger SET compartment = 'health' WHERE sequence = 3",
    "UPDATE shred_ledger SET erasure_id = gen_random_uuid() WHERE sequence = 3",
    "UPDATE shred_ledger SET hash = sha256(hash) WHERE sequence = 3",
    "DELETE FROM shred_ledger WHERE sequence = 3",
    "DELETE FROM shred_ledger WHERE sequence = 1",
    "UPDATE shred_ledger SET sequence = sequence + 1000 WHERE sequence >= 3",
    "INSERT INTO shred_ledger SELECT 1000, holder_id, compartment, erasure_id, why, at, hash FROM shred_ledger LIMIT 1",
)


async def test_a_superuser_who_edits_the_ledger_is_found_and_the_position_is_named(
    world: World, admin: asyncpg.Connection, tmp_path: Path, attack: Attack
) -> None:
    case, _ = await journey(world)
    await granted(world, case, "erasure")
    await world.work_off()
    unseen = 0
    for number, statement in enumerate(TAMPERING):
        await admin.execute("CREATE TABLE kept AS SELECT * FROM shred_ledger")
        await admin.execute("ALTER TABLE shred_ledger DISABLE TRIGGER USER")
        await admin.execute(statement)
        try:
            await exported(world, tmp_path / f"ledger-{number}")
        except LedgerRefused as refused:
            unseen += "entry" not in str(refused)
        else:
            unseen += 1
        await admin.execute("DELETE FROM shred_ledger")
        await admin.execute("INSERT INTO shred_ledger SELECT * FROM kept")
        await admin.execute("DROP TABLE kept")
        await admin.execute("ALTER TABLE shred_ledger ENABLE TRIGGER USER")
    attack("edits of the ledger by a superuser", tried=len(TAMPERING), succeeded=unseen)
    assert len((await exported(world, tmp_path / "ledger")).entries) > 3
