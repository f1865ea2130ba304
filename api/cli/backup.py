"""`nrm backup` and `nrm restore`."""

import argparse
import asyncio
import sys
from pathlib import Path

from api import backup, ledger
from api.bootstrap import Access, database_access
from api.cli.approving import spend, tell_missing
from api.runtime import offline
from api.settings import load_settings
from domain.approvals.rules import Action, ApprovalMissing
from domain.codes import ApprovalVerb
from domain.retention.ledger import LedgerRefused

EXIT_REFUSED = 1


def register(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the sub-commands."""
    taking = subparsers.add_parser(
        "backup",
        help="write every table to a new folder",
        description="Write the tables of one snapshot to a folder. Keep the keys elsewhere: nothing opens without.",
    )
    taking.add_argument("--output", type=Path, required=True, metavar="FOLDER", help="a new folder")
    taking.set_defaults(run=take)
    restoring = subparsers.add_parser(
        "restore",
        help="take a backup into an empty database",
        description="Check a backup, take it into an empty database in one transaction, count it and verify its audit.",
    )
    restoring.add_argument("--input", type=Path, required=True, metavar="FOLDER", help="the backup")
    restoring.add_argument(
        "--database", metavar="NAME", help="another database than the configured one; made if missing"
    )
    restoring.add_argument("--digest", metavar="SHA256", help="what `nrm backup` printed: shows a forged backup too")
    restoring.add_argument(
        "--ledger", type=Path, metavar="FILE", help="the newest `nrm ledger export`: erases again what was erased since"
    )
    restoring.set_defaults(run=restore)


def take(arguments: argparse.Namespace) -> int:
    """Write a backup.

    Returns:
        The exit code: 0, or 1 if there is no backup, or one of an audit that was broken before.
    """
    folder: Path = arguments.output
    try:
        with database_access(load_settings()) as access:
            manifest = asyncio.run(backup.take(access, folder))
    except (backup.BackupRefused, OSError) as error:
        return _refuse(error)
    print(f"{folder}: {_sum(manifest)}\ndigest {manifest.digest}")
    if not manifest.audit_intact:
        print("the audit is broken, and was backed up as it is: see `nrm audit verify`", file=sys.stderr)
    return 0 if manifest.audit_intact else EXIT_REFUSED


def restore(arguments: argparse.Namespace) -> int:
    """Restore a backup.

    Returns:
        The exit code: 0, or 1 if nothing was restored or the audit was broken when the backup was taken.
    """
    try:
        with database_access(load_settings()) as access:
            goal = backup.elsewhere(access, arguments.database) if arguments.database else access
            asyncio.run(_agreed(access, goal, arguments))
            manifest = asyncio.run(backup.restore(goal, arguments.input, arguments.digest))
            print(f"{goal.database}: restored {_sum(manifest)}")
            if arguments.ledger is None:
                print("it serves nobody before what was erased since is erased again: nrm ledger replay --input FILE")
            else:
                print(asyncio.run(ledger.replay(goal, ledger.read_file(arguments.ledger))))
    except (backup.BackupRefused, LedgerRefused) as error:
        return _refuse(error)
    except ApprovalMissing as missing:
        return tell_missing(missing)
    if not manifest.audit_intact:
        print("the audit was broken when the backup was taken: see `nrm audit verify`", file=sys.stderr)
    return 0 if manifest.audit_intact else EXIT_REFUSED


async def _agreed(access: Access, goal: Access, arguments: argparse.Namespace) -> None:
    """Let two agree first, where an installation is in use beside which the backup is to stand.

    Into the configured database, which must be empty, nobody can agree: who restores after a disaster is alone with the
    machine, and nothing opens without the keys, which others hold.
    """
    if goal.database == access.database:
        return
    told = {"database": goal.database, "digest": backup.check(arguments.input, arguments.digest).digest}
    await spend(Action(ApprovalVerb.BACKUP_RESTORE, told), offline(), access)


def _sum(manifest: backup.Manifest) -> str:
    audit = f"audit of {manifest.entries} entries in {manifest.streams} streams"
    return (
        f"{manifest.rows} rows of {len(manifest.parts)} tables as of {manifest.taken_at.isoformat()}, "
        f"{audit}, {'intact' if manifest.audit_intact else 'broken'}, heads {manifest.heads}"
    )


def _refuse(error: Exception) -> int:
    print(f"refused: {error}", file=sys.stderr)
    return EXIT_REFUSED
