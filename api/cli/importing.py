"""`nrm import uk-form FILE`: take in a referral that another country's form has sent."""

import argparse
import asyncio
import sys
from pathlib import Path

from api.bootstrap import Access, database_access
from api.cli import exchanging
from api.cli.acting import add_actor, claims_for
from api.cli.ceremony import keys_at_hand
from api.development import ensure_keys
from api.imports.report import counted, written
from api.imports.taking_in import TakenIn, take_in
from api.imports.uk_form import LARGEST_FILE, Form, FormRefused, read
from api.runtime import build
from api.settings import Settings, load_settings
from domain.codes import Role
from domain.errors import DomainError


def register(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add `import uk-form`."""
    importing = subparsers.add_parser("import", help="take in referrals from elsewhere")
    actions = importing.add_subparsers(required=True, metavar="ACTION")
    meaning = "turn a referral of the United Kingdom's digital NRM form into a case, or into an anonymous notification"
    command = actions.add_parser(
        "uk-form",
        help=meaning,
        description=f"{meaning}; tells of every field where it went, never what it holds",
        epilog="Exit codes: 0 imported now or before, 1 refused, 2 unreadable.",
    )
    command.add_argument("file", type=Path, help="the form as JSON")
    add_actor(command)
    command.set_defaults(run=run)
    exchanging.register_import(actions)


def run(arguments: argparse.Namespace) -> int:
    """Take in one form.

    Returns:
        The exit code: 0 imported now or before, 1 refused, 2 unreadable.
    """
    subject, organisation, role = arguments.actor
    path: Path = arguments.file
    try:
        with path.open("rb") as file:
            form = read(file.read(LARGEST_FILE + 1))
        acting = Role(role)
    except OSError as error:
        print(f"{path}: cannot be read ({error.strerror})", file=sys.stderr)
        return 2
    except FormRefused as refused:
        print(f"{path}: {refused}", file=sys.stderr)
        return 2
    except ValueError:
        print(f"a role is one of {', '.join(Role)}", file=sys.stderr)
        return 2
    settings = load_settings()
    if settings.environment == "development":
        ensure_keys(settings)
    try:
        with database_access(settings) as access:
            taken = asyncio.run(_taken_in(form, (subject, organisation, acting), settings, access))
    except DomainError as refused:
        print(f"{path}: refused, {refused.code} {refused.details or ''}".rstrip(), file=sys.stderr)
        return 1
    tell(taken)
    return 0


async def _taken_in(form: Form, actor: tuple[str, str, Role], settings: Settings, access: Access) -> TakenIn:
    runtime = build(settings, access.dsns)
    try:
        with keys_at_hand(runtime, "import"):
            return await take_in(form, claims_for(*actor, runtime), runtime)
    finally:
        await runtime.database.close()


def tell(taken: TakenIn) -> None:
    """Print what a form became, and what became of each of its fields."""
    if not taken.is_new:
        print(f"already imported as {taken.reference}")
        return
    print(f"imported as {taken.reference}")
    for line in written(taken.lines):
        print(f"  {line}")
    print(counted(taken.lines))
