"""`nrm`: the command line. One module for each sub-command; `build_parser` puts them together."""

import argparse
import sys

from pydantic import ValidationError

from api.hardening import leave_nothing_behind
from api.settings import UnsafeSettings

EXIT_USAGE = 2


def build_parser() -> argparse.ArgumentParser:
    """Return the parser of the whole command line."""
    # Imported here, so that reading the settings' errors needs no web framework.
    from api.cli import (  # noqa: PLC0415
        audit,
        backup,
        demo,
        directory,
        erasing,
        exporting,
        figures,
        honey,
        importing,
        indicators,
        keys,
        openapi,
        sealing,
        serving,
        sop,
        statistics,
        tokens,
        webhooks,
        witness,
    )

    parser = argparse.ArgumentParser(prog="nrm", description="Case referrals of a National Referral Mechanism.")
    subparsers = parser.add_subparsers(required=True, metavar="COMMAND")
    for module in (
        demo,
        serving,
        tokens,
        directory,
        importing,
        exporting,
        figures,
        statistics,
        indicators,
        sop,
        audit,
        backup,
        erasing,
        webhooks,
        honey,
        keys,
        sealing,
        openapi,
        witness,
    ):
        module.register(subparsers)
    return parser


def main() -> None:
    """Run one command; unsafe or malformed settings are said in one line, without their values."""
    leave_nothing_behind()
    arguments = build_parser().parse_args()
    try:
        sys.exit(arguments.run(arguments))
    except UnsafeSettings as error:
        print(error, file=sys.stderr)
    except ValidationError as error:
        for fault in error.errors(include_input=False, include_url=False):
            print(f"{'.'.join(str(part) for part in fault['loc'])}: {fault['msg']}", file=sys.stderr)
    except KeyboardInterrupt:
        print("stopped", file=sys.stderr)
    sys.exit(EXIT_USAGE)
