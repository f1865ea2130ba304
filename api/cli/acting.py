"""In whose name a command acts: `--as SUBJECT ORGANISATION ROLE`."""

import argparse
from datetime import timedelta

from api.runtime import Runtime
from auth.tokens import Claims
from domain.codes import Role

MOMENT = timedelta(minutes=5)


def add_actor(command: argparse.ArgumentParser) -> None:
    """Add `--as`."""
    command.add_argument(
        "--as",
        dest="actor",
        nargs=3,
        required=True,
        metavar=("SUBJECT", "ORGANISATION", "ROLE"),
        help="the member of staff in whose name it is done; the membership is looked up",
    )


def claims_for(subject: str, organisation: str, role: Role, runtime: Runtime) -> Claims:
    """Return what a token would say; whoever runs this command holds the keys of the installation anyway."""
    now = runtime.clock.present()
    return Claims(subject, organisation, role, str(runtime.ids.uuid()), now, now + MOMENT)
