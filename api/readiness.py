"""Whether this process can serve now: in one word, which tells nothing of what it runs on."""

import functools
import hmac
from typing import Literal

from sqlalchemy import text
from sqlalchemy.exc import ProgrammingError

from api.backup import program_revision
from api.database import Database
from api.runtime import Runtime
from api.settings import DatabaseRole
from domain.sealing.envelope import SealBroken
from domain.sealing.providers import KeyProvider
from domain.sealing.ring import Sealed

Readiness = Literal[
    "ready", "waiting-for-database", "waiting-for-migration", "waiting-for-ledger", "waiting-for-keys", "sealed"
]

TRIED = b"readiness"


@functools.cache
def _wanted_revision() -> str:
    return program_revision()


async def readiness(runtime: Runtime) -> Readiness:
    """Ask the database, compare its schema with the program's, and let the key provider wrap and unwrap something."""
    if not await runtime.database.answers():
        return "waiting-for-database"
    if await _revision(runtime) != _wanted_revision():
        return "waiting-for-migration"
    if await awaits_ledger(runtime.database):
        return "waiting-for-ledger"
    try:
        return "ready" if _opens(runtime.keys) else "waiting-for-keys"
    except Sealed:
        return "sealed"


async def awaits_ledger(database: Database, role: DatabaseRole = DatabaseRole.APPLICATION) -> bool:
    """Tell whether the database was restored and may serve nobody before its shred ledger is replayed."""
    async with database.engine(role).connect() as connection:
        return bool(await connection.scalar(text("SELECT nrm_awaits_ledger()")))


async def _revision(runtime: Runtime) -> str | None:
    """Return the schema's version, or None where there is none that this role may read: it is older than this."""
    try:
        async with runtime.database.engine().connect() as connection:
            found: str | None = await connection.scalar(text("SELECT version_num FROM alembic_version"))
            return found
    except ProgrammingError:
        return None


def _opens(keys: KeyProvider) -> bool:
    try:
        key = keys.derive("readiness")
        return hmac.compare_digest(keys.unwrap(keys.wrap(key, TRIED), TRIED), key)
    except (SealBroken, OSError):
        return False
