"""Run by Alembic: migrates one database as its owner, whose address the caller passes in, never the environment."""

import asyncio

from alembic import context
from sqlalchemy import Connection, pool, text
from sqlalchemy.ext.asyncio import create_async_engine

import api.idempotency  # noqa: F401  # registers its table
from domain.tables import METADATA

LOCK_TIMEOUT = "5s"


def migrate(connection: Connection) -> None:
    """Bring one database to the newest version, in one transaction, waiting for no lock longer than LOCK_TIMEOUT."""
    context.configure(connection=connection, target_metadata=METADATA, compare_type=True, compare_server_default=True)
    with context.begin_transaction():
        connection.execute(text(f"SET lock_timeout = '{LOCK_TIMEOUT}'"))
        context.run_migrations()


async def migrate_online(dsn: str) -> None:
    """Connect as the owner and migrate."""
    engine = create_async_engine(dsn, poolclass=pool.NullPool, hide_parameters=True)
    try:
        async with engine.connect() as connection:
            await connection.run_sync(migrate)
            await connection.commit()
    finally:
        await engine.dispose()


asyncio.run(migrate_online(context.config.attributes["dsn"]))
