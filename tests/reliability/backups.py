"""A country with a few hundred cases, its backup, and places to restore it to."""

import hashlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import asyncpg

from api import ledger
from api.app import create_app
from api.backup import Manifest
from api.bootstrap import Access
from api.database import Database
from api.settings import DatabaseRole
from domain.retention.ledger import Ledger
from tests.documents import noise
from tests.journeys.scenes import SEALED, carried, referred, supported
from tests.patience import patient
from tests.world import World

CASES = 240
PARTY = 8
TABLES = "SELECT relname FROM pg_class WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace ORDER BY 1"
RIGHTS = """
    SELECT 'table', relname::text, relacl::text, relowner::regrole::text, relrowsecurity, relforcerowsecurity
    FROM pg_class WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace
    UNION ALL SELECT 'column', attrelid::regclass::text || '.' || attname, attacl::text, '', true, true
    FROM pg_attribute WHERE attacl IS NOT NULL AND attrelid::regclass::text !~ '^pg_'
    UNION ALL SELECT 'policy', tablename || '.' || policyname, cmd || roles::text, coalesce(qual, '')
        || coalesce(with_check, ''), true, true FROM pg_policies
    UNION ALL SELECT 'function', proname::text, proacl::text, md5(prosrc), prosecdef, true
    FROM pg_proc WHERE pronamespace = 'public'::regnamespace
    UNION ALL SELECT 'trigger', tgrelid::regclass::text || '.' || tgname, tgenabled::text, '', true, true
    FROM pg_trigger WHERE NOT tgisinternal
    ORDER BY 1, 2, 3, 4
"""


@dataclass(frozen=True)
class Drill:
    """A country, what was backed up of it, and where."""

    world: World
    folder: Path
    manifest: Manifest
    case: str
    referral: str


async def peopled(world: World) -> tuple[str, str]:
    """Make CASES cases through the commands, one of them with a referral that was accepted; returns that one."""
    body = {"entry_channel": "ngo", "person": {"sex": "female", "age_band": "24--26"}, "compartments": SEALED}
    for _ in range(CASES // PARTY):
        contact = {"channel": "visit", "language": "ky", "topic": "possible_trafficking", "cases": [body] * PARTY}
        await world.post("alpha", "/contacts", contact)
    case, _consent = await supported(world)
    picture = await world.post("alpha", f"/cases/{case}/attachments?compartment=identity", noise((300, 300)))
    referral = await referred(world, case, attachments=[picture["reference"]])
    await carried(world, referral, "north", "receipt", "acceptance")
    await world.work_off()
    return case, referral


@asynccontextmanager
async def looking(access: Access) -> AsyncIterator[asyncpg.Connection]:
    """Connect as the administrator, whom no policy holds."""
    connection = await asyncpg.connect(access.admin_dsn(access.database))
    try:
        yield connection
    finally:
        await connection.close()


async def contents(access: Access) -> dict[str, tuple[int, str]]:
    """Return the number of rows of each table, and a digest of them."""
    found = {}
    async with looking(access) as admin:
        for table in [row["relname"] for row in await admin.fetch(TABLES)]:
            rows = await admin.fetch(f"SELECT t::text AS whole FROM {table} t ORDER BY 1")  # noqa: S608 - from the catalogue
            text = "\n".join(row["whole"] for row in rows)
            found[table] = (len(rows), hashlib.sha256(text.encode()).hexdigest())
    return found


async def rights(access: Access) -> list[tuple[Any, ...]]:
    """Return every grant, policy, function and trigger of a database."""
    async with looking(access) as admin:
        return [tuple(row) for row in await admin.fetch(RIGHTS)]


@asynccontextmanager
async def serving(world: World, access: Access) -> AsyncIterator[World]:
    """Serve another database with the same keys."""
    database = Database(access.dsns, pool=patient(4))
    runtime = replace(world.runtime, database=database)
    try:
        yield World(runtime, access, create_app(runtime), world.numbers)
    finally:
        await database.close()


async def exported(world: World, output: Path) -> Ledger:
    """Write the shred ledger of a world to a new file, as the operator does; returns what it holds."""
    async with world.runtime.database.sessions(DatabaseRole.OWNER)() as session:
        return await ledger.export(session, output)


async def replayed(world: World, goal: Access, output: Path) -> str:
    """Export the ledger of a world and replay it into a database restored from its backup."""
    return await ledger.replay(goal, await exported(world, output))
