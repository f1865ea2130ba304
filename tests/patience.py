"""How long tests wait for a database that has other things to do."""

import asyncpg

from api.bootstrap import TIME_LIMITS
from api.database import Pool

PATIENCE = 60
"""Seconds: on a busy machine even a login takes longer than a client of the service should wait for an answer."""


def patient(size: int = 8) -> Pool:
    """Return a pool that answers 503 when the database is away, and not when the machine is slow."""
    return Pool(size=size, wait=PATIENCE, connect=PATIENCE)


async def let_wait(connection: asyncpg.Connection, database: str) -> None:
    """Let the roles wait for a lock in a database of the tests, whose holder may have to wait for a processor."""
    for role, limits in TIME_LIMITS.items():
        if "lock_timeout" in limits:
            await connection.execute(f"ALTER ROLE {role} IN DATABASE \"{database}\" SET lock_timeout = '{PATIENCE}s'")
