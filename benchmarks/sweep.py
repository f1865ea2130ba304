"""W9: the worker takes up what is due among many open referrals, over a bare UPDATE of the same number of rows."""

import time
from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import datetime, timedelta

from api import worker
from benchmarks.country import Country
from benchmarks.measuring import Result, result
from domain.clock import Clock

MOST_DUE = 5_000
SLOWEST = 3
"""How many times as long as the bare UPDATE it may take."""

EDGE = """
    SELECT due_at, due_at - now() AS ahead FROM deadlines
    WHERE kind = 'referral_response' AND fired_at IS NULL AND settled_at IS NULL ORDER BY due_at, id OFFSET $1 LIMIT 1
"""
BARE = """
    UPDATE deadlines SET fired_at = $1
    WHERE kind = 'referral_response' AND due_at <= $1 AND fired_at IS NULL AND settled_at IS NULL
"""


async def sweep(country: Country, rounds: int, _times: int) -> list[Result]:
    """W9: fire the due deadlines with locks, a second look, audit and notifications, over a bare indexed UPDATE.

    Each round takes the next ones: the clock of the worker is shifted to the instant at which they have fallen due.
    """
    scale = country.scale
    due = min(MOST_DUE, scale // (4 * (rounds + 1)))
    connection = country.plain[0]

    async def ours() -> int:
        ahead: timedelta = (await connection.fetchrow(EDGE, due - 1))["ahead"]
        start = time.perf_counter()
        await worker.fire_all(replace(country.worker, clock=Clock(ahead)))
        return round(due / (time.perf_counter() - start))

    async def plain() -> int:
        edge: datetime = (await connection.fetchrow(EDGE, due - 1))["due_at"]
        start = time.perf_counter()
        done = await connection.execute(BARE, edge)
        spent = time.perf_counter() - start
        if done != f"UPDATE {due}":
            raise RuntimeError(f"the comparison fired another number: {done}")
        return round(due / spent)

    async def both(first: Callable[[], Awaitable[int]], second: Callable[[], Awaitable[int]]) -> tuple[int, int]:
        return await first(), await second()

    await both(ours, plain)
    pairs: list[tuple[float, float]] = []
    for number in range(rounds):
        if number % 2:
            bare, fired = await both(plain, ours)
        else:
            fired, bare = await both(ours, plain)
        pairs.append((fired, bare))
    meaning = f"sweep of {scale:,} open with {due:,} due, audited and told, over a bare UPDATE of the due"
    return [result("W9", meaning, pairs, 1 / SLOWEST)]
