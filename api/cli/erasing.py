"""`nrm ledger` and `nrm erasures`: what was destroyed, told outside the database, and told to it again."""

import argparse
import asyncio
import json
import sys
from collections.abc import Callable
from pathlib import Path
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col, select

from api import ledger
from api.backup import elsewhere
from api.bootstrap import database_access
from api.cli.database import open_session
from api.runtime import published
from api.settings import load_settings
from domain.organisations.models import Organisation
from domain.retention.ledger import LedgerRefused
from domain.retention.models import Erasure
from domain.retention.queries import certificate, confirm

EXIT_REFUSED = 1


def register(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add `ledger export | verify | replay` and `erasures certificate | verify`."""
    actions = subparsers.add_parser("ledger", help="the shred ledger").add_subparsers(required=True, metavar="ACTION")
    exporting = actions.add_parser("export", help="write the ledger to a new file; keep it outside the database")
    exporting.add_argument("--output", type=Path, required=True, metavar="FILE")
    exporting.set_defaults(run=run_export)
    checking = actions.add_parser("verify", help="check every link of a ledger; needs no database")
    checking.add_argument("--input", type=Path, required=True, metavar="FILE")
    checking.set_defaults(run=run_verify)
    replaying = actions.add_parser("replay", help="erase again in a restored database what was erased since")
    replaying.add_argument("--input", type=Path, required=True, metavar="FILE", help="the newest export")
    replaying.add_argument("--database", metavar="NAME", help="another database than the configured one")
    replaying.add_argument("--head", metavar="SHA256", help="what `nrm ledger export` printed: shows a cut ledger too")
    replaying.set_defaults(run=run_replay)
    found = subparsers.add_parser("erasures", help="certificates of erasure").add_subparsers(
        required=True, metavar="ACTION"
    )
    certifying = found.add_parser("certificate", help="write the certificate of an erasure as JSON")
    certifying.add_argument("--erasure", type=UUID, required=True, metavar="ID")
    certifying.set_defaults(run=run_certificate)
    confirming = found.add_parser("verify", help="compare a certificate with a ledger; needs no database")
    confirming.add_argument("--certificate", type=Path, required=True, metavar="FILE")
    confirming.add_argument("--ledger", type=Path, required=True, metavar="FILE")
    confirming.set_defaults(run=run_confirm)


def run_export(arguments: argparse.Namespace) -> int:
    """Write the ledger.

    Returns:
        The exit code: 0, or 1 if it was changed in the database, or the file exists.
    """

    async def exported() -> str:
        async with open_session() as session:
            found = await ledger.export(session, arguments.output)
        return f"{arguments.output}: {len(found.entries)} entries, head {found.head.hex()}"

    return _told(lambda: asyncio.run(exported()))


def run_verify(arguments: argparse.Namespace) -> int:
    """Check a ledger.

    Returns:
        The exit code: 0, or 1 if it was changed or cut off.
    """

    def checked() -> str:
        found = ledger.read_file(arguments.input)
        return f"{arguments.input}: {len(found.entries)} entries, intact, head {found.head.hex()}"

    return _told(checked)


def run_replay(arguments: argparse.Namespace) -> int:
    """Replay a ledger.

    Returns:
        The exit code: 0, or 1 if nothing was replayed; then the database still serves nobody.
    """

    def replayed() -> str:
        with database_access(load_settings()) as access:
            goal = elsewhere(access, arguments.database) if arguments.database else access
            return asyncio.run(ledger.replay(goal, ledger.read_file(arguments.input), arguments.head))

    return _told(replayed)


def run_certificate(arguments: argparse.Namespace) -> int:
    """Write a certificate.

    Returns:
        The exit code: 0, or 1 if there is no such erasure.
    """
    return _told(lambda: asyncio.run(_certified(arguments.erasure)))


async def _certified(erasure_id: UUID) -> str:
    async with open_session() as session:
        erasure = await session.get(Erasure, erasure_id)
        if erasure is None:
            raise LedgerRefused("there is no such erasure")
        return json.dumps(await _written(session, erasure), indent=1)


async def _written(session: AsyncSession, erasure: Erasure) -> dict[str, object]:
    owner = (
        await session.execute(select(Organisation).where(col(Organisation.id) == erasure.organisation_id))
    ).scalar_one()
    remaining = published().retention(owner.country).remaining
    return (await certificate(session, erasure, owner.code, remaining)).written()


def run_confirm(arguments: argparse.Namespace) -> int:
    """Compare a certificate with a ledger.

    Returns:
        The exit code: 0, or 1 if the ledger does not confirm it.
    """

    def confirmed() -> str:
        written = json.loads(arguments.certificate.read_bytes())
        lines = confirm(written, ledger.read_file(arguments.ledger))
        return f"{arguments.certificate}: confirmed by {lines} entries of the ledger"

    return _told(confirmed)


def _told(work: Callable[[], str]) -> int:
    try:
        print(work())
    except (LedgerRefused, OSError, ValueError) as error:
        print(f"refused: {error}", file=sys.stderr)
        return EXIT_REFUSED
    return 0
