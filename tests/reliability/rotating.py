"""Sealed values by the hundred, and rotators in processes of their own, which kill themselves at a named point."""

import asyncio
import multiprocessing
import os
import secrets
import signal
from dataclasses import dataclass
from multiprocessing.process import BaseProcess
from pathlib import Path
from uuid import UUID, uuid5

import asyncpg

from api.cli.rotating import rotate_all
from api.database import Database
from api.settings import DatabaseRole
from domain.sealing.envelope import NONCE_BYTES, Context, open_sealed, seal
from domain.sealing.keys import key_id_of, new_data_key, unwrap_data_key
from domain.sealing.providers import FileProvider, KeyProvider
from tests.patience import patient

SPACE = UUID(int=4711)


@dataclass(frozen=True)
class Plan:
    """When a rotator kills itself: at its so-manieth unwrapping, or after its so-manieth commit; 0: never."""

    dsn: str
    keys: Path
    at_unwrapping: int = 0
    after_commit: int = 0
    batch: int = 16


class Mortal(FileProvider):
    """A real provider that kills its process in the middle of a batch."""

    left = 0

    def unwrap(self, wrapped: bytes, aad: bytes) -> bytes:
        self.left -= 1
        if self.left == 0:
            os.kill(os.getpid(), signal.SIGKILL)
        return super().unwrap(wrapped, aad)


def live(plan: Plan) -> None:
    """Rotate until killed or done: what `nrm keys rotate` does."""
    keys = Mortal(plan.keys, secrets.token_bytes)
    keys.left = plan.at_unwrapping
    commits = 0

    def committed(_: int) -> None:
        nonlocal commits
        commits += 1
        if commits == plan.after_commit:
            os.kill(os.getpid(), signal.SIGKILL)

    async def rotate() -> None:
        database = Database({DatabaseRole.ROTATOR: plan.dsn}, pool=patient(1))
        await rotate_all(database, keys, plan.batch, committed)
        await database.close()

    asyncio.run(rotate())


def started(plan: Plan) -> BaseProcess:
    """Start a rotator, forked from a process that has loaded everything."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload([__name__])
    process = context.Process(target=live, args=(plan,))
    process.start()
    return process


async def filled(admin: asyncpg.Connection, keys: KeyProvider, count: int) -> dict[UUID, bytes]:
    """Write so many sealed values, each under a data key of its own; returns their plaintexts by holder."""
    plaintexts = {uuid5(SPACE, str(number)): f"word {number}".encode() for number in range(count)}
    wrapped_keys, values = [], []
    for holder, plaintext in plaintexts.items():
        key, wrapped = new_data_key(
            keys, holder_id=holder, compartment="identity", version=1, random=secrets.token_bytes
        )
        context = Context(holder, holder, "compartment", "identity", 1, 1)
        blob = seal(plaintext, key=key, nonce=secrets.token_bytes(NONCE_BYTES), context=context)
        wrapped_keys.append((holder, "identity", 1, key_id_of(wrapped), wrapped))
        values.append((holder, "compartment", "identity", holder, 1, 1, blob))
    await admin.executemany("INSERT INTO sealing_keys VALUES ($1, $2, $3, $4, $5)", wrapped_keys)
    await admin.executemany("INSERT INTO sealed_values VALUES ($1, $2, $3, $4, $5, $6, $7, now())", values)
    return plaintexts


async def opened(admin: asyncpg.Connection, keys: KeyProvider) -> dict[UUID, bytes]:
    """Open every value that `filled` wrote."""
    rows = await admin.fetch(
        "SELECT v.*, k.wrapped FROM sealed_values v JOIN sealing_keys k USING (holder_id, compartment) "
        "WHERE v.key_version = k.version AND v.record_id = v.holder_id"
    )
    found = {}
    for row in rows:
        holder = UUID(str(row["holder_id"]))
        key = unwrap_data_key(keys, row["wrapped"], holder_id=holder, compartment=row["compartment"], version=1)
        context = Context(holder, holder, row["kind"], row["compartment"], 1, row["version"])
        found[holder] = open_sealed(row["sealed"], key=key, context=context)
    return found


async def counted(admin: asyncpg.Connection) -> dict[str, int]:
    """Return how many data keys each key wraps, as the administrator sees it."""
    rows = await admin.fetch("SELECT key_id, count(*) FROM sealing_keys GROUP BY key_id")
    return {row[0]: row[1] for row in rows}
