"""`nrm figures enter FILE`: figures that others published, entered by hand with their source."""

import argparse
import asyncio
import sys
from pathlib import Path

from api.bootstrap import Access, database_access
from api.cli.acting import add_actor, claims_for
from api.development import ensure_keys
from api.figures import enter_file, read
from api.runtime import build
from api.settings import Settings, load_settings
from domain.codes import Role
from domain.errors import DomainError
from domain.figures.commands import EnterFigure

CODES = "Exit codes: 0 done, 1 refused, 2 unreadable."


def register(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the sub-command."""
    figures = subparsers.add_parser("figures", help="figures that others published")
    actions = figures.add_subparsers(required=True, metavar="ACTION")
    meaning = "enter published figures, or a table of hotline years, from a JSON or YAML file"
    command = actions.add_parser("enter", help=meaning, description=meaning, epilog=CODES)
    command.add_argument("file", type=Path)
    command.add_argument("--source", metavar="CODE", help="the publication, for a table that does not name it")
    add_actor(command)
    command.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Enter one file; returns the exit code."""
    path: Path = arguments.file
    subject, organisation, role = arguments.actor
    try:
        figures = read(path, arguments.source)
        actor = subject, organisation, Role(role)
    except OSError as error:
        print(f"{path}: cannot be read ({error.strerror})", file=sys.stderr)
        return 2
    except ValueError:
        print(f"{path}: no figures in a form that is read here, or no such role", file=sys.stderr)
        return 2
    settings = load_settings()
    if settings.environment == "development":
        ensure_keys(settings)
    try:
        with database_access(settings) as access:
            entered = asyncio.run(_entered(figures, actor, settings, access))
    except DomainError as refused:
        print(f"{path}: refused, {refused.code}", file=sys.stderr)
        return 1
    print(f"{len(figures)} figures read, {entered} entered, {len(figures) - entered} stood already")
    return 0


async def _entered(figures: list[EnterFigure], actor: tuple[str, str, Role], settings: Settings, access: Access) -> int:
    runtime = build(settings, access.dsns)
    try:
        return await enter_file(figures, claims_for(*actor, runtime), runtime)
    finally:
        await runtime.database.close()
