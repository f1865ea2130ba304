"""Migrations: they say what the models say, have one end, and can be taken back and applied again."""

import asyncio

import asyncpg
from alembic import command
from alembic.script import ScriptDirectory

from api.bootstrap import Access, alembic_config
from api.settings import DatabaseRole

SHAPE = """
    SELECT table_name, column_name, data_type, is_nullable, column_default FROM information_schema.columns
    WHERE table_schema = 'public' AND table_name <> 'alembic_version' ORDER BY 1, 2
"""
POLICIES = "SELECT tablename, policyname, cmd, roles::text, qual, with_check FROM pg_policies ORDER BY 1, 2"
TRIGGERS = "SELECT tgrelid::regclass::text, tgname FROM pg_trigger WHERE NOT tgisinternal ORDER BY 1, 2"
GRANTS = r"""
    SELECT table_name, grantee, privilege_type FROM information_schema.role_table_grants
    WHERE grantee LIKE 'nrm\_%' AND table_schema = 'public' AND table_name <> 'alembic_version' ORDER BY 1, 2, 3
"""


async def shape(admin: asyncpg.Connection) -> list[list[tuple[object, ...]]]:
    return [[tuple(row) for row in await admin.fetch(question)] for question in (SHAPE, POLICIES, TRIGGERS, GRANTS)]


async def test_the_migrations_make_exactly_the_tables_of_the_models(database_access: Access) -> None:
    """Alembic raises if it would write a further migration."""
    await asyncio.to_thread(command.check, alembic_config(database_access.dsns[DatabaseRole.OWNER]))


async def test_the_migrations_can_be_taken_back_and_applied_again(
    database_access: Access, admin: asyncpg.Connection
) -> None:
    config = alembic_config(database_access.dsns[DatabaseRole.OWNER])
    before = await shape(admin)
    assert all(before)
    await asyncio.to_thread(command.downgrade, config, "base")
    assert await shape(admin) == [[], [], [], []]
    assert await admin.fetch("SELECT proname FROM pg_proc WHERE pronamespace = 'public'::regnamespace") == []
    await asyncio.to_thread(command.upgrade, config, "head")
    assert await shape(admin) == before


def test_the_migrations_have_one_end(database_access: Access) -> None:
    script = ScriptDirectory.from_config(alembic_config(database_access.dsns[DatabaseRole.OWNER]))
    assert len(script.get_heads()) == 1
    assert [revision.revision for revision in script.walk_revisions()][-1] == "0001"
