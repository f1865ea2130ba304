"""Backups: every table of one snapshot, copied in PostgreSQL's binary format, and taken into an empty database again.

What is sealed stays sealed, and the key-encryption keys are no part of a backup. A backup holds rows and nothing that
is executed: tables, rights and policies come from this program's migrations, so that a forged backup runs no code.
"""

import hashlib
import os
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any, Final, Literal
from urllib.parse import quote, urlsplit, urlunsplit

import asyncpg
from alembic.script import ScriptDirectory
from pydantic import BaseModel, ConfigDict, ValidationError
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

import api.idempotency  # noqa: F401  # registers its table
from api.bootstrap import Access, alembic_config, prepare
from api.database import engine_for
from api.settings import DatabaseRole
from domain.audit.export import Summary, Tally, written
from domain.audit.log import export_entries
from domain.audit.verification import Verifier
from domain.tables import METADATA

MANIFEST: Final = "manifest.json"
SEAL: Final = "manifest.sha256"
CHUNK: Final = 1 << 16
LONGEST_COPY: Final = 6 * 3600.0
"""Seconds that copying one table may take."""

TABLES_OF_DATABASE: Final = """
    SELECT relname, pg_relation_size(oid) AS size FROM pg_class
    WHERE relkind IN ('r', 'p') AND relnamespace = 'public'::regnamespace AND relname <> 'alembic_version'
"""
MARK: Final = text("""
    INSERT INTO restorations (id, taken_at, restored_at, entries)
    SELECT gen_random_uuid(), :taken_at, now(), count(*) FROM shred_ledger
""")
"""Says that the database serves nobody before the shred ledger is replayed; see `api/ledger.py`."""


class BackupRefused(RuntimeError):
    """The backup cannot be taken, or is not one that may be restored here; the message says why and holds no data."""


class Part(BaseModel):
    """One table of a backup.

    Attributes:
        columns: In the order of the file.
        size: Bytes of the file.
        sha256: Of the file, hexadecimal.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    table: str
    columns: tuple[str, ...]
    rows: int
    size: int
    sha256: str

    @property
    def file(self) -> str:
        """Name of the file in the backup's folder."""
        return f"{self.table}.copy"


class Manifest(BaseModel):
    """What a backup holds.

    Attributes:
        revision: The migration that the database stood at.
        taken_at: The instant of the snapshot, by the database's clock.
        entries: Entries of the audit.
        streams: Its chains.
        heads: The digest of their heads, hexadecimal, as `nrm audit verify` tells it.
        audit_intact: Whether every hash, position and instant of the audit was right when the backup was taken.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    format: Literal["nrm backup 1"] = "nrm backup 1"
    revision: str
    taken_at: datetime
    parts: tuple[Part, ...]
    entries: int
    streams: int
    heads: str
    audit_intact: bool

    @property
    def rows(self) -> int:
        """Rows of all tables."""
        return sum(part.rows for part in self.parts)

    def written(self) -> bytes:
        """Return the bytes of the manifest's file."""
        return self.model_dump_json(indent=1).encode() + b"\n"

    @property
    def digest(self) -> str:
        """SHA-256 over the manifest, which names every part's: noted elsewhere, it proves the whole backup."""
        return hashlib.sha256(self.written()).hexdigest()


async def take(access: Access, folder: Path) -> Manifest:
    """Write a backup of the database to a new folder; the manifest comes last, so what was cut short has none.

    Args:
        access: With the administrator, who must see every row: a superuser, or BYPASSRLS with `pg_read_all_data`.
        folder: Must not exist; gets mode 0700, its files 0600.

    Raises:
        BackupRefused: the administrator does not see every row, or the database has other tables than this program.
        FileExistsError: the folder exists.
    """
    os.mkdir(folder, 0o700)  # noqa: PTH102 - asynchronous code; one short call of a command that does nothing else
    async with _snapshot(access.admin_dsn(access.database)) as (session, connection):
        revision = await session.scalar(text("SELECT version_num FROM alembic_version"))
        found = {row.relname for row in await session.execute(text(TABLES_OF_DATABASE))}
        if revision != program_revision() or found != set(METADATA.tables):
            raise BackupRefused("the database is of another version than this program: run `nrm migrate` first")
        taken_at = await session.scalar(text("SELECT now()"))
        try:
            parts = tuple([await _copied_out(connection, folder, table) for table in _tables()])
        except asyncpg.InsufficientPrivilegeError:
            raise BackupRefused(
                "the administrator does not see every row: a superuser, or BYPASSRLS and pg_read_all_data, is needed"
            ) from None
        summary, intact = await _audit(session)
    manifest = Manifest(
        revision=str(revision),
        taken_at=taken_at,
        parts=parts,
        entries=summary.entries,
        streams=summary.streams,
        heads=summary.digest.hex(),
        audit_intact=intact,
    )
    _write(folder / MANIFEST, manifest.written())
    _write(folder / SEAL, f"{manifest.digest}\n".encode())
    return manifest


def check(folder: Path, expected: str | None = None) -> Manifest:
    """Read a backup wholly and return what it holds; nothing is written anywhere.

    Args:
        folder: The backup.
        expected: The manifest's digest as it was noted when the backup was taken; none proves damage, not forgery.

    Raises:
        BackupRefused: a byte differs, or a part is missing, too short, too long or unknown.
    """
    try:
        raw, seal = (folder / MANIFEST).read_bytes(), (folder / SEAL).read_bytes()
    except OSError as error:
        raise BackupRefused(f"not a finished backup: {Path(error.filename).name} cannot be read") from None
    digest = hashlib.sha256(raw).hexdigest()
    if seal != f"{digest}\n".encode():
        raise BackupRefused(f"{MANIFEST} or {SEAL} was changed")
    if expected is not None and digest != expected:
        raise BackupRefused("this is not the backup whose digest was noted")
    try:
        manifest = Manifest.model_validate_json(raw)
    except ValidationError:
        raise BackupRefused(f"{MANIFEST} is not one that this program understands") from None
    if [(part.table, part.columns) for part in manifest.parts] != [(table, _columns(table)) for table in _tables()]:
        raise BackupRefused("the backup holds other tables than this program")
    if manifest.revision != program_revision():
        raise BackupRefused(
            f"the backup is of revision {manifest.revision}: restore it with that version, then migrate"
        )
    for part in manifest.parts:
        _check_part(folder, part)
    return manifest


async def restore(access: Access, folder: Path, expected: str | None = None) -> Manifest:
    """Take a backup into an empty database, which is made if it is missing: all of it in one transaction, or nothing.

    The keys of what was erased since are back: the database serves nobody before its shred ledger is replayed.

    Args:
        access: Whose database is filled; the administrator and the owner must be known.
        folder: The backup, checked before anything is written.
        expected: As for `check`.

    Raises:
        BackupRefused: as for `check`; or the database holds something, or counts or audit differ afterwards.
    """
    manifest = check(folder, expected)
    await _refuse_what_holds_rows(access)
    await prepare(access)
    async with owned(access.dsns[DatabaseRole.OWNER]) as (session, connection):
        # The owner is held by the policies too, except here: the lock that this takes keeps everybody else out.
        for table in _tables():
            await session.execute(text(f"ALTER TABLE {table} NO FORCE ROW LEVEL SECURITY"))
            # What triggers once added stands in the backup itself; they would add it again.
            await session.execute(text(f"ALTER TABLE {table} DISABLE TRIGGER USER"))
        for part in manifest.parts:
            await _copied_in(connection, folder, part)
        for part in manifest.parts:
            counted = await session.scalar(text(f"SELECT count(*) FROM {part.table}"))  # noqa: S608 - a table of ours
            if counted != part.rows:
                raise BackupRefused(f"{part.table} has {counted} rows instead of {part.rows}")
        for table in _tables():
            await session.execute(text(f"ALTER TABLE {table} FORCE ROW LEVEL SECURITY"))
            await session.execute(text(f"ALTER TABLE {table} ENABLE TRIGGER USER"))
        await _compare_audit(session, manifest)
        await session.execute(MARK, {"taken_at": manifest.taken_at})
    async with owned(access.dsns[DatabaseRole.OWNER]) as (session, _):
        await session.execute(text("ANALYZE"))
    return manifest


def elsewhere(access: Access, database: str) -> Access:
    """Return the access to another database on the same server."""
    return replace(access, url=urlunsplit(urlsplit(access.url)._replace(path=f"/{quote(database, safe='')}")))


def program_revision() -> str:
    """Return the newest migration of this program."""
    head = ScriptDirectory.from_config(alembic_config("")).get_current_head()
    assert head is not None  # noqa: S101 - for the types: there are migrations
    return head


def _tables() -> list[str]:
    """Return every table, each after those that it refers to."""
    return [table.name for table in METADATA.sorted_tables]


def _columns(table: str) -> tuple[str, ...]:
    return tuple(column.name for column in METADATA.tables[table].columns)


@asynccontextmanager
async def _session(dsn: str) -> AsyncIterator[AsyncSession]:
    engine = engine_for(dsn, name="nrm_backup")
    try:
        async with AsyncSession(engine, expire_on_commit=False) as session:
            yield session
    finally:
        await engine.dispose()


@asynccontextmanager
async def _snapshot(dsn: str) -> AsyncIterator[tuple[AsyncSession, Any]]:
    """Yield a session on one snapshot, and the driver's connection inside the same transaction."""
    async with _session(dsn) as session:
        connection = await session.connection(
            execution_options={"isolation_level": "REPEATABLE READ", "postgresql_readonly": True}
        )
        # Without this a role that policies hold would silently copy fewer rows; with it the copy fails.
        await session.execute(text("SET LOCAL row_security = off"))
        yield session, (await connection.get_raw_connection()).driver_connection


@asynccontextmanager
async def owned(dsn: str) -> AsyncIterator[tuple[AsyncSession, Any]]:
    """Yield a session whose transaction is committed at the end, and rolled back if anything goes wrong."""
    async with _session(dsn) as session, session.begin():
        connection = await session.connection()
        await session.execute(text("SET LOCAL lock_timeout = '5s'"))
        yield session, (await connection.get_raw_connection()).driver_connection


async def _copied_out(connection: Any, folder: Path, table: str) -> Part:
    digest, size, columns = hashlib.sha256(), 0, _columns(table)
    path = folder / f"{table}.copy"
    with os.fdopen(_new_file(path), "wb") as file:

        async def take_in(chunk: bytes) -> None:
            nonlocal size
            digest.update(chunk)
            size += file.write(chunk)

        status: str = await connection.copy_from_table(
            table, columns=columns, output=take_in, format="binary", timeout=LONGEST_COPY
        )
        file.flush()
        os.fsync(file.fileno())
    rows = int(status.removeprefix("COPY "))
    return Part(table=table, columns=columns, rows=rows, size=size, sha256=digest.hexdigest())


async def _copied_in(connection: Any, folder: Path, part: Part) -> None:
    """Copy a part into its table; it is hashed again, since it may have changed after it was checked."""
    digest = hashlib.sha256()

    async def chunks() -> AsyncIterator[bytes]:
        for chunk in _chunks(folder / part.file):
            digest.update(chunk)
            yield chunk

    await connection.copy_to_table(
        part.table, columns=part.columns, source=chunks(), format="binary", timeout=LONGEST_COPY
    )
    if digest.hexdigest() != part.sha256:
        raise BackupRefused(f"{part.file} was changed while it was read")


def _check_part(folder: Path, part: Part) -> None:
    digest, path = hashlib.sha256(), folder / part.file
    try:
        size = path.stat().st_size
        for chunk in _chunks(path):
            digest.update(chunk)
    except OSError:
        raise BackupRefused(f"{part.file} is missing or cannot be read") from None
    if size != part.size:
        raise BackupRefused(f"{part.file} has {size} bytes instead of {part.size}")
    if digest.hexdigest() != part.sha256:
        raise BackupRefused(f"{part.file} was changed")


async def _refuse_what_holds_rows(access: Access) -> None:
    """Refuse a database in which any table takes room, which needs no right to read it and sees past every policy."""
    try:
        connection = await asyncpg.connect(access.admin_dsn(access.database))
    except asyncpg.InvalidCatalogNameError:
        return
    try:
        for row in await connection.fetch(TABLES_OF_DATABASE):
            if row["size"]:
                raise BackupRefused(f"the database {access.database} is not empty: a backup goes into a new one")
    finally:
        await connection.close()


async def _audit(session: AsyncSession) -> tuple[Summary, bool]:
    """Return the sum of the audit, and whether all of it is right."""
    tally, verifier = Tally(), Verifier()
    async for part in export_entries(session):
        tally.count(part)
        verifier.read(written(part))
    summary = tally.summary()
    verifier.read(written(summary))
    return summary, verifier.finish().bad is None


async def _compare_audit(session: AsyncSession, manifest: Manifest) -> None:
    summary, intact = await _audit(session)
    if (summary.entries, summary.streams, summary.digest.hex()) != (manifest.entries, manifest.streams, manifest.heads):
        raise BackupRefused("the audit is not the one that the manifest tells of")
    if manifest.audit_intact and not intact:
        raise BackupRefused("the restored audit is broken")


def _chunks(path: Path) -> Iterator[bytes]:
    with path.open("rb") as file:
        while chunk := file.read(CHUNK):
            yield chunk


def _new_file(path: Path) -> int:
    return os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)


def _write(path: Path, content: bytes) -> None:
    with os.fdopen(_new_file(path), "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
