"""W5 and W11: the search among sealed identities over the same scores on plain vectors, and how soon it can begin.

The pages are sealed and stored as the service does it; their vectors are noise of the density that names have, so that
whatever is compared takes as long as with names. The search runs in this process, as it does in the service's.
"""

import secrets
import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from uuid import UUID

import asyncpg
import httpx
import numpy as np
from numpy.typing import NDArray

from api import directory
from api.app import create_app
from api.bootstrap import database_access, prepare
from api.development import LocalIssuer, ensure_keys
from api.matching import search_once
from api.runtime import Runtime, build
from api.settings import DatabaseRole, Settings
from auth.authentication import enter_as_search
from benchmarks.country import CASE, SENDER
from benchmarks.measuring import Result, alternating, rate, result
from domain.codes import Role
from domain.duplicates.index import WORDS, Index, likenesses
from domain.duplicates.matching import AT_ONCE, refresh
from domain.duplicates.pages import SLOTS, open_vector, seal_page
from domain.duplicates.vectors import weights
from domain.identifiers import Identifiers

SLOWEST = 1.25
"""How many times as long as plain vectors a search may take."""

SLOWEST_START = 2
"""How many times as long as the bare reading of the pages a start may take."""

PUT = """
    INSERT INTO match_pages (id, version, sealed, pads, filled, blanked, written_at)
    VALUES ($1, 1, $2, $3, $4, 0, now())
"""
READ = "SELECT id, version, blanked, sealed, pads FROM match_pages"
ASK = "INSERT INTO match_searches (case_id, asked_at) SELECT case_id, now() FROM match_entries"


@dataclass(frozen=True)
class Sealed:
    """Many sealed identities, and the same vectors in the clear."""

    runtime: Runtime
    plain: "asyncpg.Connection[asyncpg.Record]"
    columns: NDArray[np.uint64]
    counts: NDArray[np.uint16]
    wanted: bytes


@contextmanager
def passable_folder() -> Iterator[Path]:
    """Make a folder that the database server's account may pass through."""
    with tempfile.TemporaryDirectory(prefix="nrm-bench-") as name:
        folder = Path(name)
        folder.chmod(0o711)
        yield folder


@asynccontextmanager
async def installed() -> AsyncIterator[tuple[Settings, Runtime, "asyncpg.Connection[asyncpg.Record]"]]:
    """Install the service with its fictional directory; yields it with a connection of the database's superuser."""
    with passable_folder() as folder:
        settings = Settings(data_dir=folder, default_language="en")
        ensure_keys(settings)
        with database_access(settings) as access:
            await prepare(access)
            runtime = build(settings, access.dsns)
            async with runtime.database.sessions(DatabaseRole.OWNER)() as session:
                entries = directory.read(Path(directory.__file__).parent / "fictional" / "directory.yaml")
                await directory.load(entries, session, runtime)
            connection = await asyncpg.connect(access.admin_dsn(access.database))
            yield settings, runtime, connection
            await connection.close()
            await runtime.database.close()


@asynccontextmanager
async def _sealed(identities: int) -> AsyncIterator[Sealed]:
    async with installed() as (settings, runtime, connection):
        await _open_cases(runtime, settings)
        columns, counts = await _fill(connection, runtime, identities)
        row = await connection.fetchrow("SELECT case_id, version, sealed FROM match_entries LIMIT 1")
        wanted = open_vector(row["sealed"], UUID(str(row["case_id"])), row["version"], runtime.keys)
        await search_once(runtime)
        yield Sealed(runtime, connection, columns, counts, wanted)


async def _open_cases(runtime: Runtime, settings: Settings) -> None:
    """Open as many cases as are searched in one transaction."""
    token = LocalIssuer.of(settings).token("caseworker-alpha", SENDER, Role.NGO_CASEWORKER)
    transport = httpx.ASGITransport(app=create_app(runtime))
    async with httpx.AsyncClient(transport=transport, base_url="http://nrm") as client:
        for number in range(AT_ONCE):
            headers = {"Authorization": f"Bearer {token}", "Idempotency-Key": f"bench-duplicates-{number}"}
            (await client.post("/v1/cases", json=CASE, headers=headers)).raise_for_status()


async def _fill(
    connection: "asyncpg.Connection[asyncpg.Record]", runtime: Runtime, identities: int
) -> tuple[NDArray[np.uint64], NDArray[np.uint16]]:
    ids = Identifiers()
    random = np.random.default_rng(2026)
    columns = np.zeros((WORDS, identities), np.uint64)
    for start in range(0, identities, SLOTS):
        count = min(SLOTS, identities - start)
        noise = random.integers(0, 1 << 64, (2, count, WORDS), np.uint64)
        vectors = noise[0] & noise[1]
        columns[:, start : start + count] = vectors.T
        page_id = ids.uuid()
        members = [(ids.uuid(), vector.tobytes()) for vector in vectors]
        sealed, pads = seal_page(members, page_id, 1, runtime.keys, secrets.token_bytes)
        await connection.execute(PUT, page_id, sealed, pads, count)
    return columns, np.bitwise_count(columns).sum(axis=0, dtype=np.uint16)


async def duplicates(identities: int, rounds: int, times: int) -> list[Result]:
    """W5 and W11 among so many sealed identities."""
    async with _sealed(identities) as held:
        threshold = weights().threshold

        async def ours(_: int) -> None:
            await held.plain.execute(ASK)
            if await search_once(held.runtime) != AT_ONCE:
                raise RuntimeError("not all was searched")

        async def plain(_: int) -> None:
            for _ in range(AT_ONCE):
                np.flatnonzero(likenesses(held.columns, held.counts, held.wanted) >= threshold)

        few = max(1, min(times, 20) // AT_ONCE)
        pairs = [(a * AT_ONCE, b * AT_ONCE) for a, b in await alternating(ours, plain, rounds, (few, few), 1)]
        meaning = f"search among {identities:,} sealed identities, over the same scores on plain vectors"
        found = [result("W5", meaning, pairs, 1 / SLOWEST)]
        found.append(await _start(held, identities, rounds))
    return found


async def _start(held: Sealed, identities: int, rounds: int) -> Result:
    """W11: fetch, open and lay out every page, over fetching them."""

    async def ours(_: int) -> None:
        async with held.runtime.database.sessions()() as session:
            work = held.runtime.work(session, await enter_as_search(session, held.runtime.clock.shift))
            await refresh(work, Index())

    async def plain(_: int) -> None:
        await held.plain.fetch(READ)

    pairs = []
    for number in range(rounds):
        sides = (plain, ours) if number % 2 else (ours, plain)
        speeds = {side: await rate(side, 1, 1) for side in sides}
        pairs.append((speeds[ours], speeds[plain]))
    meaning = f"start with {identities:,} match vectors, over a bare read of their pages"
    return result("W11", meaning, pairs, 1 / SLOWEST_START)
