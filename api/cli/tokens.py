"""`nrm token`: an access token from the local issuer, for rehearsals and small installations."""

import argparse

from api.development import LocalIssuer, ensure_keys
from api.settings import load_settings
from domain.codes import Role


def register(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the sub-command."""
    meaning = "print an access token for a member of staff; the membership is looked up at every request"
    command = subparsers.add_parser("token", help=meaning, description=meaning)
    command.add_argument("subject", help="the member of staff, as the directory names them")
    command.add_argument("organisation", help="code of the organisation")
    command.add_argument("role", choices=[role.value for role in Role])
    command.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Print one token."""
    settings = load_settings()
    if settings.environment == "development":
        ensure_keys(settings)
    print(LocalIssuer.of(settings).token(arguments.subject, arguments.organisation, Role(arguments.role)))
    return 0
