"""`nrm directory load FILE`: record organisations and who works where."""

import argparse
import asyncio
from pathlib import Path

from api.bootstrap import Access, database_access
from api.database import Database
from api.development import ensure_keys
from api.directory import DirectoryFile, load, read
from api.runtime import build
from api.settings import DatabaseRole, Settings, load_settings


def register(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the sub-command."""
    directory = subparsers.add_parser("directory", help="organisations and who works where")
    actions = directory.add_subparsers(required=True, metavar="ACTION")
    meaning = "record every organisation and membership of a YAML file"
    command = actions.add_parser("load", help=meaning, description=meaning)
    command.add_argument("file", type=Path)
    command.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Load one file."""
    settings = load_settings()
    if settings.environment == "development":
        ensure_keys(settings)
    entries = read(arguments.file)
    with database_access(settings) as access:
        organisations, members = asyncio.run(load_into(settings, access, entries))
    print(f"{organisations} organisations, {members} memberships")
    return 0


async def load_into(settings: Settings, access: Access, entries: DirectoryFile) -> tuple[int, int]:
    """Load a directory as the owner of the database."""
    runtime = build(settings, access.dsns)
    database = Database(access.dsns)
    try:
        async with database.sessions(DatabaseRole.OWNER)() as session:
            return await load(entries, session, runtime)
    finally:
        await database.close()
