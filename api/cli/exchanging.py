"""`nrm export htcds` and `nrm import htcds FILE`: rows of the Human Trafficking Case Data Standard."""

import argparse
import asyncio
import os
import sys
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from api.bootstrap import Access, database_access
from api.cli.acting import add_actor, claims_for
from api.development import ensure_keys
from api.exchange.giving_out import give_out
from api.exchange.htcds import Row
from api.exchange.rows import LARGEST_FILE, Format, RowsRefused, read, written
from api.exchange.standard import ROW_ID
from api.exchange.taking_rows_in import Refused, all_lines, take_rows_in
from api.imports.report import Line, counted
from api.imports.report import written as reported
from api.imports.taking_in import TakenIn
from api.runtime import build
from api.settings import Settings, load_settings
from domain.codes import Role
from domain.errors import DomainError

CODES = "Exit codes: 0 done, 1 refused, 2 unreadable or not writable."
Acting = tuple[str, str, Role]


def register(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add `export htcds`."""
    exporting = subparsers.add_parser("export", help="give out cases in a format of others")
    actions = exporting.add_subparsers(required=True, metavar="ACTION")
    meaning = "write the cases that your organisation leads as rows of the Human Trafficking Case Data Standard 2.0"
    command = actions.add_parser(
        "htcds",
        help=meaning,
        description=f"{meaning}, in the clear; tells of every field of ours whether the standard has a place for it",
        epilog=CODES,
    )
    add_actor(command)
    command.add_argument("--output", type=Path, required=True, help="a file that does not exist; only you may read it")
    command.add_argument("--format", type=Format, choices=list(Format), default=Format.CSV)
    command.set_defaults(run=run_export)


def register_import(actions: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add `import htcds`."""
    meaning = "turn rows of the Human Trafficking Case Data Standard 2.0 (CSV, Excel or JSON lines) into cases"
    command = actions.add_parser(
        "htcds",
        help=meaning,
        description=f"{meaning}; tells of every field where it went, never what it holds",
        epilog=CODES,
    )
    command.add_argument("file", type=Path, help="*.csv or *.jsonl in UTF-8, or *.xlsx")
    add_actor(command)
    command.add_argument("--id", default=ROW_ID, metavar="COLUMN", help=f"what identifies a row; {ROW_ID} if not said")
    command.set_defaults(run=run_import)


def _acting(arguments: argparse.Namespace) -> Acting | None:
    subject, organisation, role = arguments.actor
    if role not in set(Role):
        print(f"a role is one of {', '.join(Role)}", file=sys.stderr)
        return None
    return subject, organisation, Role(role)


def _settings() -> Settings:
    settings = load_settings()
    if settings.environment == "development":
        ensure_keys(settings)
    return settings


def run_export(arguments: argparse.Namespace) -> int:
    """Export; returns the exit code."""
    path: Path = arguments.output
    if (acting := _acting(arguments)) is None:
        return 2
    try:
        file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except OSError as error:
        print(f"{path}: cannot be written ({error.strerror})", file=sys.stderr)
        return 2
    is_whole = False
    try:
        settings = _settings()
        with os.fdopen(file, "wb") as output, database_access(settings) as access:
            rows = asyncio.run(_given_out(acting, settings, access))
            output.write(written([row.values for row in rows], arguments.format))
        is_whole = True
    except DomainError as refused:
        print(f"{path}: refused, {refused.code}", file=sys.stderr)
        return 1
    finally:
        if not is_whole:
            path.unlink()
    tell_export(rows, path)
    return 0


async def _given_out(acting: Acting, settings: Settings, access: Access) -> list[Row]:
    runtime = build(settings, access.dsns)
    try:
        return await give_out(claims_for(*acting, runtime), runtime)
    finally:
        await runtime.database.close()


def tell_export(rows: Sequence[Row], path: Path) -> None:
    """Print how many cases there are, and what became of each of their fields."""
    print(f"{len(rows)} cases in the clear in {path}: treat it as the most sensitive file that you have")
    _tell_lines(Counter(line for row in rows for line in row.lines))


def _tell_lines(counts: dict[Line, int]) -> None:
    for text in reported(
        Line(line.field, line.fate, f"{line.where} ({count})".strip()) for line, count in counts.items()
    ):
        print(f"  {text}")
    print(counted(counts))


def run_import(arguments: argparse.Namespace) -> int:
    """Import; returns the exit code, 1 if any row was refused."""
    path: Path = arguments.file
    if (acting := _acting(arguments)) is None:
        return 2
    try:
        with path.open("rb") as file:
            content = file.read(LARGEST_FILE + 1)
        rows = read(content, Format(path.suffix.lower().removeprefix(".")), arguments.id)
    except OSError as error:
        print(f"{path}: cannot be read ({error.strerror})", file=sys.stderr)
        return 2
    except RowsRefused as refused:
        print(f"{path}: {refused}", file=sys.stderr)
        return 2
    except ValueError:
        print(f"{path}: neither .csv nor .xlsx nor .jsonl", file=sys.stderr)
        return 2
    settings = _settings()
    try:
        with database_access(settings) as access:
            taken = asyncio.run(_taken_in(rows, acting, arguments.id, settings, access))
    except DomainError as refused:
        print(f"{path}: refused, {refused.code}", file=sys.stderr)
        return 1
    tell_import(taken)
    return int(any(isinstance(one, Refused) for one in taken))


async def _taken_in(
    rows: list[dict[str, str]], acting: Acting, id_column: str, settings: Settings, access: Access
) -> list[TakenIn | Refused]:
    runtime = build(settings, access.dsns)
    try:
        return await take_rows_in(rows, claims_for(*acting, runtime), runtime, id_column)
    finally:
        await runtime.database.close()


def tell_import(taken: Sequence[TakenIn | Refused]) -> None:
    """Print what each row became, by its number, and what became of each field, with in how many rows."""
    for number, one in enumerate(taken, 1):
        if isinstance(one, Refused):
            print(f"row {number}: refused, {one.code}")
        else:
            print(f"row {number}: {'imported' if one.is_new else 'already imported'} as {one.reference}")
    _tell_lines(all_lines(taken))
