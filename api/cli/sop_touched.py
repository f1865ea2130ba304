"""How many open cases follow a version of a procedure: they stay with it until they are moved on purpose."""

import asyncio

import asyncpg

from api.bootstrap import Access, database_access
from api.settings import load_settings
from domain.workflow.sop import Sop

COUNT = "SELECT count(*) FROM cases WHERE sop_versions ->> $1 = $2 AND case_work <> 'closed'"
COUNT_CONTACTS = """
    SELECT count(*) FROM contacts c JOIN organisations o ON o.id = c.organisation_id
    WHERE o.country = $1 AND c.sop_version = $2 AND c.outcome IN ('callback_due', 'not_reached')
"""
"""A contact is open while somebody is still to be called back."""


def open_cases(sop: Sop) -> int | None:
    """Return how many open cases, or open contacts, follow a version; none if no database is set up here.

    Raises:
        UnsafeSettings: the administrator of the database is not known.
    """
    settings = load_settings()
    if settings.database_url is None and not (settings.data_dir / "postgres").exists():
        return None
    with database_access(settings) as access:
        return asyncio.run(counted(access, sop))


async def counted(access: Access, sop: Sop) -> int:
    """Count as the administrator: policies show every other role only what concerns it."""
    connection = await asyncpg.connect(access.admin_dsn(access.database))
    try:
        if sop.subject == "contact":
            found: int = await connection.fetchval(COUNT_CONTACTS, sop.country, sop.version)
        else:
            found = await connection.fetchval(COUNT, sop.sop, sop.version)
    finally:
        await connection.close()
    return found
