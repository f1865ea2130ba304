"""W6, serving: a published release over HTTP, over a bare endpoint that answers with the same bytes."""

import asyncio
import shutil
import tempfile
from pathlib import Path
from typing import Final

from api.runtime import published
from benchmarks.bare import RELEASE
from benchmarks.country import Country, Line, process
from benchmarks.measuring import CLIENTS, Result, alternating, result
from domain.statistics.document import Heading, address
from domain.statistics.reading import spelled
from domain.statistics.windows import Window

BARE: Final = "from benchmarks.bare import serve; serve()"
PERIODS: Final = ("2025-H1", "2025-H2", "2026-H1")
STORE: Final = """INSERT INTO releases (id, country, number, previous, document, signature, published_at)
    VALUES ($1, 'KG', 1, '', $2, repeat('x', 64)::bytea, now())"""


def made_up() -> bytes:
    """Return a release of three periods in which every table has been renewed each time."""
    declared = published().statistics("KG")
    windows = {
        name: [
            Window(table, number, number, population.coarsest(table), 100, dict.fromkeys(cells, 50))
            for number in range(len(PERIODS))
            for table in population.tables
            for cells in [population.cells(table, population.coarsest(table))]
        ]
        for name, population in declared.populations.items()
    }
    renewed = {name: frozenset(population.tables) for name, population in declared.populations.items()}
    return spelled(declared, Heading("KG", 1, PERIODS, (declared.key, declared.version)), windows, renewed)


async def serving_release(country: Country, rounds: int, times: int) -> list[Result]:
    """W6: rate limit, headers, figures, log and the look at what is kept in memory, over none of it."""
    raw = made_up()
    administrator = country.plain[0]
    # No gate and no approvals: what is measured is the serving. Triggers come back before anything is read.
    await administrator.execute("ALTER TABLE releases DISABLE TRIGGER agreed")
    await administrator.execute(STORE, address(raw), raw)
    await administrator.execute("ALTER TABLE releases ENABLE TRIGGER agreed")
    path = f"/statistics/releases/{address(raw)}"
    folder = Path(tempfile.mkdtemp(prefix="nrm-bench-"))
    try:
        (folder / RELEASE).write_bytes(raw)
        async with process(folder, BARE) as port:
            lines = [Line(port, *await asyncio.open_connection("127.0.0.1", port)) for _ in range(CLIENTS)]

            async def ours(client: int) -> None:
                await country.services[client].fetch("GET", path, {})

            async def plain(client: int) -> None:
                await lines[client].fetch("GET", path, {})

            same = {await one.fetch("GET", path, {}) for one in (country.services[0], lines[0])}
            if same != {raw}:
                raise RuntimeError("the two sides serve other bytes")
            pairs = await alternating(ours, plain, rounds, (times * 10, times * 10))
            for line in lines:
                line.writer.close()
                await line.writer.wait_closed()
    finally:
        shutil.rmtree(folder)
    meaning = f"a release of {len(raw):,} bytes, over a bare endpoint of the framework with the same bytes"
    return [result("W6 serving", meaning, pairs, 0.80)]
