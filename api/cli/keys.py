"""`nrm keys`: make, add, rotate and retire key-encryption keys, and say how they stand. Prints ids, never a key."""

import argparse
import secrets
import sys
from collections.abc import Callable
from pathlib import Path

from api.cli import rotating
from api.cli.ceremony import asked_quorum, can_hand_out, hand_out
from api.cli.exporting import usable_settings
from api.cli.key_stores import SealedStore, Store, check_retirable, store_of
from api.cli.sealing import tell, told_by
from api.runtime import token_place
from api.settings import DatabaseRole, Settings, load_settings
from domain.sealing import key_files, pkcs11, shares
from domain.sealing.key_files import KeyFileRefused
from domain.sealing.providers import FileProvider
from domain.sealing.rotation import BATCH

Run = Callable[[argparse.Namespace], int]

CUSTODIANS, QUORUM = 5, 3


def register(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add `keys` and what can be done with them."""
    keys = subparsers.add_parser("keys", help="key-encryption keys")
    actions = keys.add_subparsers(required=True, metavar="ACTION")
    for name, run, meaning in (
        (
            "init",
            init,
            "make the first key: a sealed file, a key inside a token, or a file of development",
        ),
        ("add", add, "add a key that wraps from now on; the older ones still unwrap"),
        (
            "rotate",
            rotating.rotate,
            "wrap every data key under the newest key, while all goes on; may be cut off",
        ),
        ("retire", retire, "destroy an older key that wraps nothing any more"),
        ("reshare", reshare, "give the sealed file to other custodians: a quorum of the present ones opens it"),
        (
            "status",
            status,
            "say which keys there are, what each wraps, and whether processes are sealed",
        ),
    ):
        action = actions.add_parser(name, help=meaning, description=meaning)
        if name != "rotate":
            action.add_argument("--file", type=Path, help="the key file; without it the one of the settings")
        if name in {"init", "reshare"}:
            action.add_argument("--custodians", type=int, help=f"how many hold a mnemonic ({CUSTODIANS})")
            action.add_argument("--quorum", type=int, help=f"how many of them open the file ({QUORUM})")
            action.add_argument("--into", type=Path, help="for rehearsals: a folder for the mnemonics")
        if name == "rotate":
            action.add_argument("--batch", type=int, default=BATCH, help=f"data keys of one transaction ({BATCH})")
        if name == "retire":
            action.add_argument("key", metavar="KEY", help="its id")
        action.set_defaults(run=_refusals_said(run))


def _refusals_said(run: Run) -> Run:
    def said(arguments: argparse.Namespace) -> int:
        try:
            return run(arguments)
        except (KeyFileRefused, pkcs11.TokenRefused, ValueError) as refused:
            print(refused, file=sys.stderr)
            return 1

    return said


def init(arguments: argparse.Namespace) -> int:
    """Make the first key; returns the exit code."""
    settings = load_settings()
    path: Path = arguments.file or settings.key_path
    if settings.key_provider == "pkcs11" and arguments.file is None:
        pkcs11.create(token_place(settings), secrets.token_bytes)
    elif settings.key_provider == "shares" or arguments.custodians or arguments.quorum:
        made = shares.begun(**_wanted(arguments), random=secrets.token_bytes)
        if path.exists() or not _handed_out(made[1], arguments.into):
            print(f"{path}: nothing was made", file=sys.stderr)
            return 1
        key_files.write(path, made[0].text())
    else:
        FileProvider.create(path, secrets.token_bytes)
    tell_keys(store_of(settings, arguments.file))
    return 0


def add(arguments: argparse.Namespace) -> int:
    """Add a key; returns the exit code."""
    store = store_of(load_settings(), arguments.file)
    if not store.opened():
        return 1
    store.add()
    tell_keys(store)
    return 0


def retire(arguments: argparse.Namespace) -> int:
    """Destroy an older key; returns the exit code, 1 if anything is still wrapped under it.

    The database is told first: from then on it refuses whatever would be wrapped under the key.
    """
    settings, key_id = usable_settings(), str(arguments.key)
    store = store_of(settings, arguments.file)
    check_retirable(store, key_id)
    if not store.opened():
        return 1
    try:
        rotating.retired(settings, key_id)
    except rotating.KeyStillUsed:
        print(f"{key_id} still wraps something: run `nrm keys rotate` first", file=sys.stderr)
        return 1
    store.drop(key_id)
    tell_keys(store)
    return 0


def reshare(arguments: argparse.Namespace) -> int:
    """Seal the keys for other custodians; returns the exit code."""
    path: Path = arguments.file or load_settings().key_path
    opened = asked_quorum(path)
    if opened is None:
        return 1
    file, mnemonics = shares.shared_anew(opened, **_wanted(arguments), random=secrets.token_bytes)
    if not _handed_out(mnemonics, arguments.into):
        print(f"{path}: nothing was changed", file=sys.stderr)
        return 1
    key_files.replace(path, file.text())
    tell_keys(SealedStore(path))
    return 0


def status(arguments: argparse.Namespace) -> int:
    """Say how the keys stand; returns the exit code. Asks the database and the processes unless a file is named."""
    settings = load_settings()
    store = store_of(settings, arguments.file)
    tell_keys(store)
    if arguments.file is None:
        _tell_counts(settings, store.key_ids())
        tell(told_by(settings.control_path))
    return 0


def tell_keys(store: Store) -> None:
    """Print what the store is, and the ids of its keys."""
    print(store.said())
    held = store.key_ids()
    for key_id in held:
        print(f"  {key_id}  {'wraps and unwraps' if key_id == held[-1] else 'unwraps'}")


def _tell_counts(settings: Settings, held: list[str]) -> None:
    if settings.password_files() and DatabaseRole.ROTATOR not in settings.password_files():
        print("the database is not asked: no password of nrm_rotator is given")
        return
    counts = rotating.counts(settings)
    for key_id in (*held, *sorted(counts.keys() - set(held))):
        print(f"  {key_id}  wraps {counts[key_id]} data keys{'' if key_id in held else ': NOT HELD, they do not open'}")


def _wanted(arguments: argparse.Namespace) -> dict[str, int]:
    return {"custodians": arguments.custodians or CUSTODIANS, "quorum": arguments.quorum or QUORUM}


def _handed_out(mnemonics: list[str], into: Path | None) -> bool:
    """Give the mnemonics to the custodians; without them the file is of no use."""
    if not can_hand_out(into):
        print("mnemonics are shown on a terminal only", file=sys.stderr)
        return False
    return hand_out(mnemonics, into)
