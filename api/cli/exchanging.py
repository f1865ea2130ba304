"""`nrm import htcds FILE` and `nrm import hsds FILE`: cases and the directory from formats of others."""

import argparse
import asyncio
import hashlib
import sys
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from api.bootstrap import Access, database_access
from api.cli.acting import add_actor, claims_for
from api.cli.approving import spend, tell_missing
from api.cli.ceremony import keys_at_hand
from api.cli.exporting import CODES, Acting, acting_as, progress, tell_lines, usable_settings
from api.database import Database
from api.exchange import hsds_in
from api.exchange.directory import take_directory_in
from api.exchange.hsds_in import DirectoryRefused, Entry
from api.exchange.rows import LARGEST_FILE, Format, RowsRefused, Sheet, read_sheet
from api.exchange.standard import ROW_ID
from api.exchange.taking_rows_in import Refused, all_lines, take_rows_in
from api.imports.taking_in import TakenIn
from api.runtime import build
from api.settings import DatabaseRole, Settings
from domain.approvals.rules import Action, ApprovalMissing
from domain.codes import ApprovalVerb
from domain.errors import DomainError


def register_import(actions: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add `import htcds` and `import hsds`."""
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
    command.set_defaults(run=run_htcds)
    meaning = "record the organisations of a file in the shape of the Human Services Data Specification 3"
    command = actions.add_parser(
        "hsds",
        help=meaning,
        description=f"{meaning}, as the operator; no address is stored, and nothing that is missing is guessed",
        epilog=CODES,
    )
    command.add_argument("file", type=Path, help="JSON: a page of organisations, or a list of them")
    command.set_defaults(run=run_hsds)


def run_htcds(arguments: argparse.Namespace) -> int:
    """Import cases; returns the exit code, 1 if any row was refused."""
    path: Path = arguments.file
    if (acting := acting_as(arguments)) is None:
        return 2
    try:
        with path.open("rb") as file:
            content = file.read(LARGEST_FILE + 1)
        sheet = read_sheet(content, Format(path.suffix.lower().removeprefix(".")), arguments.id)
    except OSError as error:
        print(f"{path}: cannot be read ({error.strerror})", file=sys.stderr)
        return 2
    except RowsRefused as refused:
        print(f"{path}: {refused}", file=sys.stderr)
        return 2
    except ValueError:
        print(f"{path}: neither .csv nor .xlsx nor .jsonl", file=sys.stderr)
        return 2
    settings = usable_settings()
    try:
        with database_access(settings) as access:
            taken = asyncio.run(_taken_in(sheet, acting, arguments.id, settings, access))
    except DomainError as refused:
        print(f"{path}: refused, {refused.code}", file=sys.stderr)
        return 1
    tell_import(taken)
    for name in sheet.doubtful:
        print(f"{name} held numbers: leading zeros may have been lost before the file came here")
    return int(any(isinstance(one, Refused) for one in taken))


async def _taken_in(
    sheet: Sheet, acting: Acting, id_column: str, settings: Settings, access: Access
) -> list[TakenIn | Refused]:
    runtime = build(settings, access.dsns)
    try:
        with keys_at_hand(runtime, "import"), progress("rows", len(sheet.rows)) as bar:
            return await take_rows_in(sheet.rows, claims_for(*acting, runtime), runtime, id_column, bar.update)
    finally:
        await runtime.database.close()


def tell_import(taken: Sequence[TakenIn | Refused]) -> None:
    """Print what each row became, by its number, and what became of each field, with in how many rows."""
    for number, one in enumerate(taken, 1):
        if isinstance(one, Refused):
            print(f"row {number}: refused, {one.code}")
        else:
            print(f"row {number}: {'imported' if one.is_new else 'already imported'} as {one.reference}")
    tell_lines(all_lines(taken))


def run_hsds(arguments: argparse.Namespace) -> int:
    """Import a directory; returns the exit code, 1 if any organisation could not be recorded."""
    path: Path = arguments.file
    try:
        with path.open("rb") as file:
            content = file.read(hsds_in.LARGEST_FILE + 1)
        entries = hsds_in.read(content)
    except OSError as error:
        print(f"{path}: cannot be read ({error.strerror})", file=sys.stderr)
        return 2
    except DirectoryRefused as refused:
        print(f"{path}: {refused}", file=sys.stderr)
        return 2
    settings = usable_settings()
    with database_access(settings) as access:
        action = Action(ApprovalVerb.DIRECTORY_LOAD, {"sha256": hashlib.sha256(content).hexdigest()})
        try:
            recorded = asyncio.run(_recorded(entries, action, settings, access))
        except ApprovalMissing as missing:
            return tell_missing(missing)
    print(f"{recorded} of {len(entries)} organisations recorded")
    tell_lines(Counter(line for entry in entries for line in entry.lines))
    return int(recorded < len(entries))


async def _recorded(entries: Sequence[Entry], action: Action, settings: Settings, access: Access) -> int:
    runtime = build(settings, access.dsns)
    database = Database(access.dsns)
    try:
        await spend(action, runtime, access)
        async with database.sessions(DatabaseRole.OWNER)() as session:
            return await take_directory_in(entries, session, runtime)
    finally:
        await database.close()
        await runtime.database.close()
