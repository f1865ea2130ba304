"""W1: a case is opened with four sealed compartments, over a bare INSERT of the same bytes."""

import json
import secrets
from itertools import count

from benchmarks.country import CASE, SENDER, Country
from benchmarks.measuring import Result, alternating, result

WRITTEN = {
    "cases": "id",
    "persons": "case_id",
    "case_access": "case_id",
    "sealed_values": "holder_id",
    "sealing_keys": "holder_id",
    "audit_entries": "stream_id",
    "audit_heads": "stream_id",
    "deadlines": "case_id",
}
"""Where what is written for a case lands; the bare INSERT writes as many bytes, as one value of one row."""


async def opening(country: Country, rounds: int, times: int) -> list[Result]:
    """W1: sealed compartments, keys, grant, deadlines, idempotency and audit, over one INSERT of the same bytes."""
    numbers = count()
    body = json.dumps(CASE).encode()

    async def ours(client: int) -> None:
        await country.ask(client, SENDER, "POST", "/cases", body, **{"Idempotency-Key": f"bench-case-{next(numbers)}"})

    await ours(0)
    written = secrets.token_bytes(await _bytes_of_newest_case(country))
    await country.plain[0].execute("CREATE TABLE bare (id uuid PRIMARY KEY, bytes bytea)")

    async def plain(client: int) -> None:
        await country.plain[client].execute("INSERT INTO bare VALUES (gen_random_uuid(), $1)", written)

    pairs = await alternating(ours, plain, rounds, (times, times * 4))
    await country.plain[0].execute("DROP TABLE bare")
    meaning = f"case opened, over a bare INSERT of the same {len(written):,} bytes"
    return [result("W1", meaning, pairs, 0.30)]


async def _bytes_of_newest_case(country: Country) -> int:
    """Return how many bytes are stored for it."""
    newest = "(SELECT id FROM cases ORDER BY opened_at DESC LIMIT 1)"
    sums = [
        f"(SELECT sum(pg_column_size(t.*)) FROM {table} t WHERE {column} = {newest})"  # noqa: S608 - names of ours
        for table, column in WRITTEN.items()
    ]
    found: int = await country.plain[0].fetchval(f"SELECT {' + '.join(sums)}")
    return found
