"""`nrm audit export` and `nrm audit verify`.

Verifying a file needs neither a database nor settings, so that an auditor can do it on any machine.
"""

import argparse
import asyncio
import os
import sys
from collections.abc import Callable, Mapping
from datetime import timedelta
from pathlib import Path
from uuid import UUID

from api.cli import audit_breach, audit_keep, audit_tree
from domain.audit.chain import Head
from domain.audit.export import Tally, written
from domain.audit.notes import KeyKind, NoteRefused, PublicKey
from domain.audit.placing import GRACE, Trust
from domain.audit.sink import SinkVerifier
from domain.audit.verification import BadPosition, Elsewhere, Verdict, Verification, Verifier, verify


def register(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add `audit` and what can be done with it."""
    audit = subparsers.add_parser("audit", help="the audit: export it, verify it, sign it, and tell of a breach")
    actions = audit.add_subparsers(required=True, metavar="ACTION")
    export = actions.add_parser("export", help="write all entries, heads and signed checkpoints to a file")
    export.add_argument("--output", type=Path, required=True, help="a new file; an existing one is never replaced")
    export.set_defaults(run=run_export)
    _register_verify(actions)
    for module in (audit_tree, audit_keep, audit_breach):
        module.register(actions)


def _register_verify(actions: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    check = actions.add_parser(
        "verify",
        help="verify every hash, position, instant, place and signature",
        epilog="Exit codes: 0 intact, 1 broken, 2 unreadable. Copy the second sink before you export: an export must "
        "not be older than it.",
    )
    check.add_argument("--export", type=Path, help="an export; without it the database is verified")
    check.add_argument("--kept", type=Path, help="an earlier export, kept elsewhere: shows what was rewritten since")
    check.add_argument(
        "--log-key", action="append", default=[], help="public key of the log, a file or the line itself"
    )
    check.add_argument("--witness-key", action="append", default=[], help="public key of a witness, likewise")
    check.add_argument("--quorum", type=int, help="witnesses that must have signed a checkpoint; all that are given")
    check.add_argument(
        "--checkpoint", type=Path, action="append", default=[], help="a checkpoint kept elsewhere, as by a witness"
    )
    check.add_argument("--sink", type=Path, help="a copy of the second sink, or the sink itself")
    check.add_argument(
        "--grace-days", type=int, default=GRACE.days, help="how long an entry may have waited for its place"
    )
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
            earlier = _verified_file(arguments.kept, Elsewhere())
            if earlier.bad:
                return _tell(str(arguments.kept), earlier)
            kept = earlier.heads
        elsewhere = _brought(arguments, kept)
        if arguments.export:
            return _tell(str(arguments.export), _verified_file(arguments.export, elsewhere))
    except OSError as error:
        print(f"{error.filename}: cannot be read ({error.strerror})", file=sys.stderr)
        return Verdict.UNREADABLE
    except (NoteRefused, UnicodeDecodeError) as refused:
        print(refused, file=sys.stderr)
        return Verdict.UNREADABLE
    verifier = Verifier(elsewhere)
    asyncio.run(_each_line_of_the_database(verifier.read))
    return _tell("database", verifier.finish())


def _brought(arguments: argparse.Namespace, kept: Mapping[UUID, Head]) -> Elsewhere:
    """Return what the auditor brings along."""
    witnesses = _keys(arguments.witness_key, KeyKind.WITNESS)
    quorum = len(witnesses) if arguments.quorum is None else arguments.quorum
    trust = Trust(_keys(arguments.log_key, KeyKind.LOG), witnesses, quorum, timedelta(days=arguments.grace_days))
    sink = None
    if arguments.sink:
        with arguments.sink.open("rb") as lines:
            sink = SinkVerifier(lines)
    return Elsewhere(kept, trust, tuple(path.read_text("utf-8") for path in arguments.checkpoint), sink)


def _keys(given: list[str], kind: KeyKind) -> tuple[PublicKey, ...]:
    lines = [line for one in given for line in (Path(one).read_text("ascii") if Path(one).is_file() else one).split()]
    return tuple(PublicKey.read(line, kind) for line in lines)


def _verified_file(path: Path, elsewhere: Elsewhere) -> Verification:
    with path.open("rb") as lines:
        return verify(lines, elsewhere)


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
        if verification.placed:
            print(f"tree {verification.placed}, signed {verification.signed}, witnessed {verification.witnessed}")
    else:
        print(f"{what}: {bad.fault} at line {bad.line}{_where(bad)}; {counted} were right before it", file=sys.stderr)
    return verification.verdict


def _where(bad: BadPosition) -> str:
    parts = [f"stream {bad.stream_id}, position {bad.sequence}"] if bad.stream_id else []
    parts += [f"place {bad.position} of the tree"] if bad.position is not None else []
    parts += [f"line {bad.sink_line} of the second sink"] if bad.sink_line is not None else []
    return f" ({'; '.join(parts)})" if parts else ""
