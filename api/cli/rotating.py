"""What `nrm keys` does in the database, as the role that may rewrap data keys and nothing else."""

import argparse
import asyncio
import functools
import sys
from collections import Counter
from collections.abc import Awaitable, Callable
from typing import Final, TypeVar

from sqlalchemy.exc import DBAPIError

from api.bootstrap import database_access
from api.cli.ceremony import keys_at_hand
from api.cli.exporting import progress, usable_settings
from api.database import Database
from api.runtime import Runtime, build
from api.settings import DatabaseRole, Settings
from domain.sealing.envelope import SealBroken
from domain.sealing.providers import KeyProvider
from domain.sealing.ring import Sealed
from domain.sealing.rotation import BATCH, START, counted, retire, rewrap_batch

STILL_USED: Final = "NRK02"
"""What the database answers if something is wrapped under a key that is to be retired (migration 0012)."""

WAIT: Final = 0.2
"""Seconds until rows that others held are looked at again."""


Answer = TypeVar("Answer")


class KeyStillUsed(Exception):
    """Something is still wrapped under the key."""


def rotate(arguments: argparse.Namespace) -> int:
    """Wrap every data key under the newest key-encryption key; returns the exit code."""
    settings = usable_settings()
    with database_access(settings) as access:
        runtime = build(settings, access.dsns)
        with keys_at_hand(runtime, "rotate"):
            try:
                done = asyncio.run(_rotated(runtime, arguments.batch))
            except Sealed:
                print("the keys are sealed; what was rewrapped stays so", file=sys.stderr)
                return 1
            except SealBroken:
                print("a data key does not open under the keys that are held: see `nrm keys status`", file=sys.stderr)
                return 1
            print(f"{done} data keys rewrapped; all are under {runtime.keys.key_id}")
    return 0


async def _rotated(runtime: Runtime, size: int) -> int:
    try:
        left = await _old(runtime.database, runtime.keys)
        with progress("keys", left) as bar:
            return await rotate_all(runtime.database, runtime.keys, size, bar.update)
    finally:
        await runtime.database.close()


async def rotate_all(
    database: Database, keys: KeyProvider, size: int = BATCH, tell: Callable[[int], object] = lambda _: None
) -> int:
    """Rewrap until nothing is left under an older key; returns how many data keys this rotator has rewrapped.

    Args:
        database: With the rotator's password.
        keys: Open.
        size: Data keys of one transaction.
        tell: Is told how many were rewrapped, after each commit.

    Raises:
        SealBroken, Sealed: see `rewrap_batch`; what was committed stays.
    """
    done = 0
    while await _old(database, keys):
        position, before = START, done
        while True:
            async with database.sessions(DatabaseRole.ROTATOR)() as session, session.begin():
                batch = await rewrap_batch(session, keys, position, size)
            done += batch.rewrapped
            tell(batch.rewrapped)
            if batch.last is None:
                break
            position = batch.last
        if done == before:
            await asyncio.sleep(WAIT)
    return done


async def _old(database: Database, keys: KeyProvider) -> int:
    counts = await _counts(database)
    return counts.total() - counts[keys.key_id]


async def _counts(database: Database) -> Counter[str]:
    async with database.sessions(DatabaseRole.ROTATOR)() as session:
        return await counted(session)


def _asked(settings: Settings, question: Callable[[Database], Awaitable[Answer]]) -> Answer:
    async def asked(database: Database) -> Answer:
        try:
            return await question(database)
        finally:
            await database.close()

    with database_access(settings) as access:
        return asyncio.run(asked(Database(access.dsns)))


def counts(settings: Settings) -> Counter[str]:
    """Return how many data keys each key-encryption key wraps."""
    return _asked(settings, _counts)


def retired(settings: Settings, key_id: str) -> None:
    """Record that a key is retired.

    Raises:
        KeyStillUsed: something is wrapped under it.
    """
    _asked(settings, functools.partial(retire_in, key_id=key_id))


async def retire_in(database: Database, key_id: str) -> None:
    """Record that a key is retired; see `retired`."""
    try:
        async with database.sessions(DatabaseRole.ROTATOR)() as session, session.begin():
            await retire(session, key_id)
    except DBAPIError as error:
        if getattr(error.orig, "sqlstate", None) == STILL_USED:
            raise KeyStillUsed from None
        raise
