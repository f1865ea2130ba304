"""`nrm directory load | close | merge | suspend | reinstate`: organisations, who works where, and when they end."""

import argparse
import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from pathlib import Path

from api.bootstrap import Access, database_access
from api.database import Database
from api.development import ensure_keys
from api.directory import DirectoryFile, load, read
from api.runtime import build
from api.settings import DatabaseRole, Settings, load_settings
from auth.authentication import enter_as_clock
from domain.errors import InvalidInput
from domain.organisations.commands import (
    close_organisation,
    merge_organisation,
    reinstate_organisation,
    suspend_organisation,
)
from domain.organisations.models import Organisation
from domain.unit_of_work import UnitOfWork

Change = Callable[[argparse.Namespace, UnitOfWork], Awaitable[Organisation]]

CHANGES: dict[str, tuple[str, Change]] = {
    "close": (
        "close an organisation; its staff see nothing from then on, and the worker hands over what it leaves",
        lambda given, work: close_organisation(given.code, work, at=given.at, successor=given.successor),
    ),
    "merge": (
        "close an organisation now whose duties another one takes over",
        lambda given, work: merge_organisation(given.code, given.into, work),
    ),
    "suspend": (
        "suspend an organisation; its open work is escalated to the coordinators",
        lambda given, work: suspend_organisation(given.code, work),
    ),
    "reinstate": (
        "let a suspended organisation work again",
        lambda given, work: reinstate_organisation(given.code, work),
    ),
}


def register(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the sub-command."""
    directory = subparsers.add_parser("directory", help="organisations and who works where")
    actions = directory.add_subparsers(required=True, metavar="ACTION")
    meaning = "record every organisation and membership of a YAML file"
    command = actions.add_parser("load", help=meaning, description=meaning)
    command.add_argument("file", type=Path)
    command.set_defaults(run=run)
    for name, (meant, change) in CHANGES.items():
        command = actions.add_parser(name, help=meant, description=meant)
        command.add_argument("code", help="the organisation's code in the directory")
        if name == "merge":
            command.add_argument("into", help="the organisation that takes its duties over")
        if name == "close":
            command.add_argument(
                "--at", type=_instant, help="when, with its offset: 2027-01-31T18:00+06:00; now if left out"
            )
            command.add_argument("--successor", help="the organisation that takes its place")
        command.set_defaults(run=run_change, change=change)


def _instant(text: str) -> datetime:
    found = datetime.fromisoformat(text)
    if found.tzinfo is None:
        raise argparse.ArgumentTypeError("an instant needs its offset, as 2027-01-31T18:00+06:00")
    return found


def run(arguments: argparse.Namespace) -> int:
    """Load one file."""
    settings = _settings()
    entries = read(arguments.file)
    with database_access(settings) as access:
        organisations, members = asyncio.run(load_into(settings, access, entries))
    print(f"{organisations} organisations, {members} memberships")
    return 0


def run_change(arguments: argparse.Namespace) -> int:
    """Change one organisation; 1 if that is not possible."""
    settings = _settings()
    with database_access(settings) as access:
        try:
            print(asyncio.run(_change(settings, access, arguments)))
        except InvalidInput as refusal:
            print(f"refused: {refusal.details['field']} {refusal.details['reason']}")
            return 1
    return 0


def _settings() -> Settings:
    settings = load_settings()
    if settings.environment == "development":
        ensure_keys(settings)
    return settings


async def load_into(settings: Settings, access: Access, entries: DirectoryFile) -> tuple[int, int]:
    """Load a directory as the owner of the database."""
    runtime = build(settings, access.dsns)
    database = Database(access.dsns)
    try:
        async with database.sessions(DatabaseRole.OWNER)() as session:
            return await load(entries, session, runtime)
    finally:
        await database.close()


async def _change(settings: Settings, access: Access, arguments: argparse.Namespace) -> str:
    """Change one organisation as the owner of the database; returns what it is now."""
    runtime = build(settings, access.dsns)
    database = Database(access.dsns)
    try:
        async with database.sessions(DatabaseRole.OWNER)() as session:
            work = runtime.work(session, await enter_as_clock(session, runtime.clock.shift))
            changed: Organisation = await arguments.change(arguments, work)
            said = f"{changed.code} {changed.status}, until {changed.active_until.astimezone(UTC):%Y-%m-%d %H:%M} UTC"
            await work.commit()
            return said
    finally:
        await database.close()
