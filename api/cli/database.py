"""A database session of the owner, for the operator's commands."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from sqlalchemy.ext.asyncio import AsyncSession

from api.bootstrap import database_access
from api.database import Database
from api.settings import DatabaseRole, load_settings


@asynccontextmanager
async def open_session() -> AsyncIterator[AsyncSession]:
    """Open a session of the owner that sees one snapshot throughout, so that a growing audit does not look cut."""
    with database_access(load_settings()) as access:
        database = Database(access.dsns)
        try:
            async with database.sessions(DatabaseRole.OWNER)() as session:
                await session.connection(execution_options={"isolation_level": "REPEATABLE READ"})
                yield session
        finally:
            await database.close()
