"""`nrm witness`: run by another institution, with a key and a state of its own; needs no settings and no database."""

import argparse
import asyncio
import sys
from collections.abc import Callable
from pathlib import Path

import httpx

from api.cli.audit_tree import run_key
from api.witnessing import PATIENCE, NothingKept, NotReached, Witness, look
from domain.audit.checkpoints import Offer, read_signed
from domain.audit.notes import KeyKind, NoteRefused, PublicKey, SigningKey
from domain.audit.witness import Cosigned, ProofMissing, Refused
from domain.clock import Clock

EXIT_MISCONDUCT = 1
EXIT_UNUSABLE = 2


def register(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the sub-command."""
    meaning = "watch the audit of an installation from another institution, and sign only what continues"
    command = subparsers.add_parser("witness", help=meaning, description=meaning)
    tasks = command.add_subparsers(required=True, metavar="TASK")
    key = tasks.add_parser("key", help="make the witness's key; prints its public key")
    key.add_argument("--name", required=True, help="of the witness, like an address without a scheme")
    key.add_argument("--output", type=Path, required=True, help="a new file; an existing one is never replaced")
    key.set_defaults(run=run_key, kind=KeyKind.WITNESS)
    exits = "Exit codes: 0 signed, 1 the log was rolled back or forked (evidence is kept), 2 nothing that can be used."
    looking = tasks.add_parser(
        "look", help="fetch the newest checkpoint and its proof, sign, and give it back", epilog=exits
    )
    looking.add_argument("--url", required=True, help="of the service, with /v1")
    looking.add_argument("--token-file", type=Path, required=True, help="an access token of monitoring staff")
    looking.set_defaults(run=run_look)
    signing = tasks.add_parser(
        "sign", help="sign an offer that was carried by hand (`nrm audit checkpoint --old`)", epilog=exits
    )
    signing.add_argument("offer", type=Path)
    signing.add_argument("--output", type=Path, help="where the signed checkpoint goes; otherwise it is printed")
    signing.set_defaults(run=run_sign)
    for task in (looking, signing):
        task.add_argument("--log-key", type=Path, required=True, help="file with the log's public key")
        task.add_argument("--key-file", type=Path, required=True, help="the witness's key")
        task.add_argument("--state", type=Path, required=True, help="what was signed last; the witness's own file")
        task.add_argument("--first", action="store_true", help="there is no state yet: believe what is shown")


def run_look(arguments: argparse.Namespace) -> int:
    """Look once; returns the exit code."""

    def task(witness: Witness) -> Cosigned | Refused:
        token = arguments.token_file.read_text("ascii").strip()
        return asyncio.run(_looked(witness, arguments.url, token, first=arguments.first))

    return _told(arguments, task)


async def _looked(witness: Witness, url: str, token: str, *, first: bool) -> Cosigned | Refused:
    headers = {"Authorization": f"Bearer {token}"}
    async with httpx.AsyncClient(
        base_url=f"{url.rstrip('/')}/", headers=headers, timeout=PATIENCE, trust_env=False
    ) as client:
        return await look(witness, client, _now(), first=first)


def run_sign(arguments: argparse.Namespace) -> int:
    """Sign an offer from a file; returns the exit code."""

    def task(witness: Witness) -> Cosigned | Refused:
        offer = Offer.read(arguments.offer.read_text("utf-8"))
        with witness.alone():
            found = witness.consider(offer, _now(), first=arguments.first)
        if isinstance(found, Cosigned):
            if arguments.output is not None:
                arguments.output.write_text(found.note.written(), "utf-8")
            else:
                print(found.note.written(), end="")
        return found

    return _told(arguments, task)


def _now() -> int:
    return int(Clock().present().timestamp())


def _told(arguments: argparse.Namespace, task: Callable[[Witness], Cosigned | Refused]) -> int:
    try:
        log = PublicKey.read(arguments.log_key.read_text("ascii"), KeyKind.LOG)
        key = SigningKey.read(arguments.key_file.read_text("ascii"), KeyKind.WITNESS)
        witness = Witness(log, key, arguments.state)
        found = task(witness)
    except (OSError, UnicodeDecodeError, NoteRefused, ProofMissing, NothingKept, NotReached) as error:
        print(f"not done: {error}", file=sys.stderr)
        return EXIT_UNUSABLE
    if isinstance(found, Refused):
        print(
            f"REFUSED, {found.misconduct}: both checkpoints are kept as evidence beside {arguments.state}",
            file=sys.stderr,
        )
        return EXIT_MISCONDUCT
    checkpoint, _ = read_signed(found.note.written(), log)
    print(f"signed {checkpoint.origin} at {checkpoint.size}", file=sys.stderr)
    return 0
