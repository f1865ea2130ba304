"""`nrm audit key`, `sequence`, `checkpoint` and `cosignature`: the tree over the audit and its signed heads."""

import argparse
import asyncio
import os
import secrets
import sys
from collections.abc import Awaitable, Callable
from datetime import timedelta
from pathlib import Path

from api import sequencer
from api.bootstrap import database_access
from api.development import ensure_keys
from api.runtime import Runtime, for_worker
from api.settings import DatabaseRole, load_settings
from auth.authentication import enter_as_clock
from domain.audit import tree
from domain.audit.checkpoints import Checkpoint
from domain.audit.cosigning import KeepCosignature, keep_cosignature
from domain.audit.notes import KeyKind, Note, NoteRefused, SigningKey
from domain.errors import DomainError

EXIT_NOTHING = 1
EXIT_REFUSED = 2


def register(actions: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the actions."""
    key = actions.add_parser("key", help="make the key that signs checkpoints; prints its public key")
    key.add_argument("--name", required=True, help="of the log, like an address without a scheme: nrm.example/kg")
    key.add_argument("--output", type=Path, required=True, help="a new file; an existing one is never replaced")
    key.set_defaults(run=run_key, kind=KeyKind.LOG)
    sequence = actions.add_parser("sequence", help="place what waits and sign the tree now, beside any worker")
    sequence.set_defaults(run=run_sequence)
    checkpoint = actions.add_parser("checkpoint", help="print the newest signed head of the tree")
    checkpoint.add_argument("--old", type=int, help="with the proof from this size, as a witness wants it")
    checkpoint.set_defaults(run=run_checkpoint)
    cosignature = actions.add_parser("cosignature", help="take in what a witness signed, brought by hand")
    cosignature.add_argument("file", type=Path, help="the checkpoint as the witness gave it back")
    cosignature.set_defaults(run=run_cosignature)


def run_key(arguments: argparse.Namespace) -> int:
    """Make a key that only its owner may read; returns the exit code."""
    try:
        made = SigningKey.make(arguments.name, arguments.kind, secrets.token_bytes)
        descriptor = os.open(arguments.output, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    except (OSError, NoteRefused) as error:
        print(f"{arguments.output}: cannot be made ({error})", file=sys.stderr)
        return EXIT_REFUSED
    with os.fdopen(descriptor, "w", encoding="ascii") as file:
        file.write(f"{made.line}\n")
    print(made.public.line)
    return 0


def run_sequence(_: argparse.Namespace) -> int:
    """Place and sign; returns the exit code."""

    async def sequence(runtime: Runtime) -> int:
        placed = await sequencer.place_all(runtime)
        made = await sequencer.sign(runtime, timedelta(0))
        print(f"{placed} entries placed; {'nothing to sign' if made is None else f'signed at {made.size}'}")
        return 0

    return _as_worker(sequence)


def run_checkpoint(arguments: argparse.Namespace) -> int:
    """Print the newest checkpoint, or the offer for a witness; returns the exit code."""

    async def show(runtime: Runtime) -> int:
        async with runtime.database.sessions(DatabaseRole.WORKER)() as session:
            offer = await tree.offer(session, arguments.old or 0)
        if offer is None:
            print("no checkpoint yet", file=sys.stderr)
            return EXIT_NOTHING
        print(offer.note if arguments.old is None else offer.written(), end="")
        return 0

    return _as_worker(show)


def run_cosignature(arguments: argparse.Namespace) -> int:
    """Keep the lines of known witnesses; returns the exit code."""

    async def take(runtime: Runtime) -> int:
        note = Note.read(arguments.file.read_text("utf-8"))
        size = Checkpoint.read(note).size
        lines = [one.line for one in note.signatures if any(map(one.is_of, runtime.witnesses))]
        async with runtime.database.sessions(DatabaseRole.WORKER)() as session:
            work = runtime.work(session, await enter_as_clock(session, runtime.clock.shift))
            for line in lines:
                await keep_cosignature(KeepCosignature(size, line), runtime.witnesses, work)
            await work.commit()
        print(f"{len(lines)} signatures kept for {size}")
        return 0 if lines else EXIT_NOTHING

    try:
        return _as_worker(take)
    except (OSError, UnicodeDecodeError, NoteRefused, DomainError) as error:
        print(f"{arguments.file}: refused ({error})", file=sys.stderr)
        return EXIT_REFUSED


def _as_worker(task: Callable[[Runtime], Awaitable[int]]) -> int:

    settings = load_settings()
    if settings.environment == "development":
        ensure_keys(settings)

    async def run(dsns: dict[DatabaseRole, str]) -> int:
        runtime = for_worker(settings, dsns)
        try:
            return await task(runtime)
        finally:
            await runtime.database.close()

    with database_access(settings) as access:
        return asyncio.run(run(access.dsns))
