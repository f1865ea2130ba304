"""`nrm keys`: the file with the key-encryption keys of development. Prints ids, never a key."""

import argparse
import secrets
import sys
from collections.abc import Callable
from pathlib import Path

from api.settings import load_settings
from domain.sealing.providers import FileProvider, KeyFileRefused, RandomBytes

Opening = Callable[[Path, RandomBytes], FileProvider]


def register(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add `keys init`, `keys add` and `keys status`."""
    keys = subparsers.add_parser("keys", help="key-encryption keys")
    actions = keys.add_subparsers(required=True, metavar="ACTION")
    openings: tuple[tuple[str, Opening, str], ...] = (
        ("init", FileProvider.create, "make a key file with one key; an existing file is never replaced"),
        ("add", FileProvider.add_key, "add a key that wraps from now on; the older ones still unwrap"),
        ("status", FileProvider, "say which keys the file holds and which of them wraps"),
    )
    for name, opening, meaning in openings:
        action = actions.add_parser(name, help=meaning, description=meaning)
        action.add_argument("--file", type=Path, help="the key file; without it the one of the settings")
        action.set_defaults(run=run, opening=opening)


def run(arguments: argparse.Namespace) -> int:
    """Open the key file in the way that was asked for, and say what it holds.

    Returns:
        The exit code: 0, or 1 if the file is refused.
    """
    path: Path = arguments.file or load_settings().key_path
    opening: Opening = arguments.opening
    try:
        provider = opening(path, secrets.token_bytes)
    except KeyFileRefused as refused:
        print(refused, file=sys.stderr)
        return 1
    print(f"{path}: for development only")
    for key_id in provider.key_ids:
        print(f"  {key_id}  {'wraps and unwraps' if key_id == provider.key_id else 'unwraps'}")
    return 0
