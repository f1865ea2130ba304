"""`nrm openapi`: print the contract as the code has it."""

import argparse
import json
from pathlib import Path

from api.app import create_app
from api.runtime import offline


def register(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the sub-command."""
    meaning = "print the OpenAPI contract, or write it to a file"
    command = subparsers.add_parser("openapi", help=meaning, description=meaning)
    command.add_argument("--output", type=Path)
    command.set_defaults(run=run)


def contract() -> str:
    """Return the contract as text with one spelling."""
    return json.dumps(create_app(offline()).openapi(), indent=1, sort_keys=True, ensure_ascii=False) + "\n"


def run(arguments: argparse.Namespace) -> int:
    """Print or write the contract."""
    if arguments.output is None:
        print(contract(), end="")
    else:
        arguments.output.write_text(contract(), encoding="utf-8")
    return 0
