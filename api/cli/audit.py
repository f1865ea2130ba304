"""`nrm audit`: export the audit, and verify an export or the database.

Verifying a file needs neither a database nor settings, so that an auditor can do it on any machine.
"""

import argparse
import asyncio
import os
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from uuid import UUID

from domain.audit.chain import Head
from domain.audit.export import Tally, written
from domain.audit.verification import Verdict, Verification, Verifier, verify


def register(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add `audit export` and `audit verify`."""
    audit = subparsers.add_parser("audit", help="the audit: export and verify it")
    actions = audit.add_subparsers(required=True, metavar="ACTION")
    export = actions.add_parser("export", help="write all entries and heads to a file")
    export.add_argument("--output", type=Path, required=True, help="a new file; an existing one is never replaced")
    export.set_defaults(run=run_export)
    check = actions.add_parser(
        "verify",
        help="verify every hash, position and instant",
        epilog="Exit codes: 0 intact, 1 broken, 2 unreadable.",
    )
    check.add_argument("--export", type=Path, help="an export; without it the database is verified")
    check.add_argument("--kept", type=Path, help="an earlier export, kept elsewhere: shows what was rewritten since")
    check.set_defaults(run=run_verify)


def run_export(arguments: argparse.Namespace) -> int:
    """Write an export that only its owner may read.

    Returns:
        The exit code: 0, or 2 if the file cannot be made.
    """
    output: Path = arguments.output
    try:
        descriptor = os.open(output, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    except OSError as error:
        print(f"{output}: cannot be made ({error.strerror})", file=sys.stderr)
        return Verdict.UNREADABLE
    with os.fdopen(descriptor, "wb") as file:
        asyncio.run(_each_line_of_the_database(file.write))
    print(f"{output}: written; verify it with `nrm audit verify --export {output}`")
    return Verdict.INTACT


def run_verify(arguments: argparse.Namespace) -> int:
    """Verify an export or the database, and name the first bad position.

    Returns:
        The exit code: 0 intact, 1 broken, 2 unreadable.
    """
    try:
        kept: Mapping[UUID, Head] = {}
        if arguments.kept:
            earlier = _verified_file(arguments.kept, kept)
            if earlier.bad:
                return _tell(str(arguments.kept), earlier)
            kept = earlier.heads
        if arguments.export:
            return _tell(str(arguments.export), _verified_file(arguments.export, kept))
    except OSError as error:
        print(f"{error.filename}: cannot be read ({error.strerror})", file=sys.stderr)
        return Verdict.UNREADABLE
    verifier = Verifier(kept)
    asyncio.run(_each_line_of_the_database(verifier.read))
    return _tell("database", verifier.finish())


def _verified_file(path: Path, kept: Mapping[UUID, Head]) -> Verification:
    with path.open("rb") as lines:
        return verify(lines, kept)


async def _each_line_of_the_database(take: Callable[[bytes], object]) -> None:
    # Imported here: the driver and the settings are not needed, and may be absent, where a file is verified.
    from api.cli.database import open_session  # noqa: PLC0415
    from domain.audit.log import export_entries  # noqa: PLC0415

    tally = Tally()
    async with open_session() as session:
        async for part in export_entries(session):
            tally.count(part)
            take(written(part))
    take(written(tally.summary()))


def _tell(what: str, verification: Verification) -> int:
    summary, bad = verification.summary, verification.bad
    counted = f"{summary.entries} entries in {summary.streams} streams"
    if bad is None:
        print(f"{what}: intact, {counted}\nheads {summary.digest.hex()}")
    else:
        where = f" (stream {bad.stream_id}, position {bad.sequence})" if bad.stream_id else ""
        print(f"{what}: {bad.fault} at line {bad.line}{where}; {counted} were right before it", file=sys.stderr)
    return verification.verdict
