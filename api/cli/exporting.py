"""`nrm export htcds`, `ctdc` and `hsds`: cases and the directory in formats of others, into a file that is new."""

import argparse
import asyncio
import json
import os
import sys
from collections import Counter
from collections.abc import Callable, Coroutine, Sequence
from pathlib import Path
from typing import Any, TypeVar

from tqdm import tqdm

from api.bootstrap import database_access
from api.cli.acting import add_actor, claims_for
from api.cli.ceremony import keys_at_hand
from api.development import ensure_keys
from api.exchange.directory import give_directory_out
from api.exchange.giving_out import give_out
from api.exchange.htcds import Row
from api.exchange.rows import Format, written
from api.exchange.telling_ctdc import MicroData, tell
from api.imports.report import Line, counted
from api.imports.report import written as reported
from api.runtime import Runtime, build
from api.settings import Settings, load_settings
from auth.tokens import Claims
from domain.codes import Role
from domain.errors import DomainError

CODES = "Exit codes: 0 done, 1 refused, 2 unreadable or not writable."
TABLES = [Format.CSV, Format.XLSX]
Acting = tuple[str, str, Role]
Found = TypeVar("Found")
Work = Callable[[Claims, Runtime], Coroutine[Any, Any, Found]]


def register(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add `export`."""
    exporting = subparsers.add_parser("export", help="give out cases or the directory in a format of others")
    actions = exporting.add_subparsers(required=True, metavar="ACTION")
    command = _command(
        actions,
        "htcds",
        "write the cases that your organisation leads as rows of the Human Trafficking Case Data Standard 2.0",
        "in the clear; tells of every field of ours whether the standard has a place for it",
    )
    command.add_argument("--format", type=Format, choices=list(Format), default=Format.CSV)
    command.set_defaults(run=run_htcds)
    command = _command(
        actions,
        "ctdc",
        "write the cases that your organisation leads in the 27 variables of CTDC (ctdatacollaborative.org)",
        "micro-data for a submission under an agreement, of victims who agreed to reporting; counts those who did not",
    )
    command.add_argument("--format", type=Format, choices=TABLES, default=Format.CSV)
    command.set_defaults(run=run_ctdc)
    command = _command(
        actions,
        "hsds",
        "write the directory of organisations in the shape of the Human Services Data Specification 3",
        "without the place of any shelter",
    )
    command.set_defaults(run=run_hsds)


def _command(
    actions: "argparse._SubParsersAction[argparse.ArgumentParser]", name: str, meaning: str, more: str
) -> argparse.ArgumentParser:
    command = actions.add_parser(name, help=meaning, description=f"{meaning}; {more}", epilog=CODES)
    add_actor(command)
    command.add_argument("--output", type=Path, required=True, help="a file that does not exist; only you may read it")
    return command


def acting_as(arguments: argparse.Namespace) -> Acting | None:
    """Return in whose name a command acts, or None after saying what is wrong."""
    subject, organisation, role = arguments.actor
    if role not in set(Role):
        print(f"a role is one of {', '.join(Role)}", file=sys.stderr)
        return None
    return subject, organisation, Role(role)


def usable_settings() -> Settings:
    """Return the settings; a development installation gets its keys here."""
    settings = load_settings()
    if settings.environment == "development":
        ensure_keys(settings)
    return settings


def progress(unit: str, total: int | None = None) -> "tqdm[Any]":
    """Return a bar on the standard error, which is not there unless somebody sits before it."""
    return tqdm(total=total, unit=unit, disable=None)


def run_htcds(arguments: argparse.Namespace) -> int:
    """Export cases; returns the exit code."""

    async def work(claims: Claims, runtime: Runtime) -> list[Row]:
        with progress("cases") as bar:
            return await give_out(claims, runtime, bar.update)

    def told(rows: list[Row]) -> bytes:
        return written([row.values for row in rows], arguments.format)

    return _exported(arguments, work, told, tell_export)


def run_ctdc(arguments: argparse.Namespace) -> int:
    """Export micro-data; returns the exit code."""

    async def work(claims: Claims, runtime: Runtime) -> MicroData:
        with progress("cases") as bar:
            return await tell(claims, runtime, bar.update)

    return _exported(arguments, work, lambda found: found.written(arguments.format), tell_micro_data)


def run_hsds(arguments: argparse.Namespace) -> int:
    """Export the directory; returns the exit code."""

    def told(page: dict[str, Any]) -> bytes:
        return json.dumps(page, ensure_ascii=False, indent=1).encode() + b"\n"

    def tell_page(page: dict[str, Any], path: Path) -> None:
        print(f"{page['total_items']} organisations in {path}")

    return _exported(arguments, give_directory_out, told, tell_page)


def _exported(
    arguments: argparse.Namespace,
    work: Work[Found],
    told: Callable[[Found], bytes],
    tell_result: Callable[[Found, Path], None],
) -> int:
    """Write what some work finds into a new file of the caller's own; nothing is left of a file that is not whole."""
    path: Path = arguments.output
    if (acting := acting_as(arguments)) is None:
        return 2
    try:
        file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
    except OSError as error:
        print(f"{path}: cannot be written ({error.strerror})", file=sys.stderr)
        return 2
    is_whole = False
    try:
        settings = usable_settings()
        with os.fdopen(file, "wb") as output, database_access(settings) as access:
            found = asyncio.run(_found(work, acting, build(settings, access.dsns)))
            output.write(told(found))
        is_whole = True
    except DomainError as refused:
        print(f"{path}: refused, {refused.code}", file=sys.stderr)
        return 1
    finally:
        if not is_whole:
            path.unlink()
    tell_result(found, path)
    return 0


async def _found(work: Work[Found], acting: Acting, runtime: Runtime) -> Found:
    try:
        with keys_at_hand(runtime, "export"):
            return await work(claims_for(*acting, runtime), runtime)
    finally:
        await runtime.database.close()


def tell_export(rows: Sequence[Row], path: Path) -> None:
    """Print how many cases there are, and what became of each of their fields."""
    print(f"{len(rows)} cases in the clear in {path}: treat it as the most sensitive file that you have")
    tell_lines(Counter(line for row in rows for line in row.lines))


def tell_micro_data(found: MicroData, path: Path) -> None:
    """Print how many cases there are, and how many were left out, and why."""
    print(f"{len(found.rows)} cases in {path}: rows of single persons, for a submission under an agreement alone")
    for reason, count in sorted(found.left_out.items()):
        print(f"  {count} left out: {reason}")


def tell_lines(counts: dict[Line, int]) -> None:
    """Print what became of each field, with of how many."""
    for text in reported(
        Line(line.field, line.fate, f"{line.where} ({count})".strip()) for line, count in counts.items()
    ):
        print(f"  {text}")
    print(counted(counts))
