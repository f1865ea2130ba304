"""`nrm directory load | close | merge | suspend | reinstate`: organisations, who works where, and when they end."""

import argparse
import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from pathlib import Path

from api.bootstrap import Access, database_access
from api.cli.approving import tell_missing
from api.database import Database
from api.development import ensure_keys
from api.directory import DirectoryFile, load, read
from api.runtime import Runtime, build
from api.settings import DatabaseRole, Settings, load_settings
from auth.authentication import enter_as_clock
from domain.approvals.commands import demand_once_in_use
from domain.approvals.rules import Action, ApprovalMissing
from domain.codes import ApprovalVerb
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

OF_TWO = {
    "close": ApprovalVerb.DIRECTORY_CLOSE,
    "merge": ApprovalVerb.DIRECTORY_MERGE,
    "reinstate": ApprovalVerb.DIRECTORY_REINSTATE,
}
"""What two must agree on: it moves cases, or lets somebody in. To suspend only takes away, and must not wait."""

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
        command.set_defaults(run=run_change, change=change, verb=OF_TWO.get(name))


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
        try:
            organisations, members = asyncio.run(load_into(settings, access, entries))
        except ApprovalMissing as missing:
            return tell_missing(missing)
    print(f"{organisations} organisations, {members} memberships")
    return 0


def run_change(arguments: argparse.Namespace) -> int:
    """Change one organisation; 1 if that is not possible."""
    settings = _settings()
    with database_access(settings) as access:
        try:
            print(asyncio.run(change_in(build(settings, access.dsns), access, arguments)))
        except InvalidInput as refusal:
            print(f"refused: {refusal.details['field']} {refusal.details['reason']}")
            return 1
        except ApprovalMissing as missing:
            return tell_missing(missing)
    return 0


def action_of(arguments: argparse.Namespace) -> Action:
    """Return the act that a change is, with everything that was said of it."""
    named = {name: getattr(arguments, name, None) for name in ("code", "into", "successor", "at")}
    return Action(arguments.verb, {name: _spelled(value) for name, value in named.items() if value is not None})


def _spelled(value: str | datetime) -> str:
    return value.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ") if isinstance(value, datetime) else value


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


async def change_in(runtime: Runtime, access: Access, arguments: argparse.Namespace) -> str:
    """Change one organisation as the owner of the database; returns what it is now.

    Raises:
        ApprovalMissing: the installation is in use, and two have not agreed to this very change.
        InvalidInput: it is not possible.
    """
    database = Database(access.dsns)
    try:
        async with database.sessions(DatabaseRole.OWNER)() as session:
            work = runtime.work(session, await enter_as_clock(session, runtime.clock.shift))
            if arguments.verb is not None:
                await demand_once_in_use(action_of(arguments), work)
            changed: Organisation = await arguments.change(arguments, work)
            said = f"{changed.code} {changed.status}, until {changed.active_until.astimezone(UTC):%Y-%m-%d %H:%M} UTC"
            await work.commit()
            return said
    finally:
        await database.close()
