"""W6: counting a ledger of cases over bare GROUPING SETS, and from the ledger to a release that passed the gate.

The ledger is filled inside the database. Attributes that hang together (sex, age, exploitation) come from a small table
of our own, as sparse as real ones; few organisations know of many cases, and many of few.
"""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass

import asyncpg

from api.runtime import Runtime
from api.settings import DatabaseRole
from benchmarks.duplicates import installed
from benchmarks.measuring import Result, rate, result
from domain.statistics.catalogue import Declared
from domain.statistics.counting import counted_periods
from domain.statistics.counts import Count
from domain.statistics.declaration import Population
from domain.statistics.release import prepare as prepare_release
from domain.statistics.windows import Window, window_of

SLOWEST = 1.5
"""How many times as long as bare GROUPING SETS counting may take."""

SLOWEST_GATE = 60
"""Seconds that the release of all populations may take, from the ledger to the gate's last word."""

PERIODS = 20
ORGANISATIONS = 24

PROFILES = """
    (VALUES ('female', '9--17', 'sexual', 9), ('female', '18--20', 'sexual', 13), ('female', '21--23', 'sexual', 10),
        ('female', '24--26', 'sexual', 7), ('female', '30--38', 'sexual', 6), ('female', '30--38', 'labour', 7),
        ('female', '39--47', 'labour', 4), ('female', '9--17', 'other_form', 4), ('female', '18+', 'combined', 2),
        ('female', 'unknown', 'not_asked', 5), ('male', '0--8', 'labour', 2), ('male', '9--17', 'labour', 6),
        ('male', '18--20', 'labour', 3), ('male', '24--26', 'labour', 4), ('male', '27--29', 'labour', 4),
        ('male', '30--38', 'labour', 7), ('male', '39--47', 'labour', 5), ('male', '48+', 'labour', 3),
        ('male', '9--17', 'sexual', 1), ('male', 'not_asked', 'unknown', 3), ('other', '21--23', 'sexual', 1),
        ('not_asked', 'unknown', 'unknown', 2)) AS p (sex, age, exploitation, weight)
"""
"""How often what comes together, in a hundred cases; made up after what is known of victims worldwide."""

FILL = f"""
    WITH drawn AS (
        SELECT sex, age, exploitation, sum(weight) OVER (ORDER BY sex, age, exploitation) AS upto,
            sum(weight) OVER () AS whole, weight
        FROM {PROFILES}
    ), chances AS (
        SELECT n, random() AS a, random() AS b, random() AS c, random() AS d, random() AS e
        FROM generate_series(1, $1::int) n
    ), cases AS (
        SELECT c.*, ($2::uuid[])[1 + floor(cardinality($2::uuid[]) * e * e)] AS first,
            ($2::uuid[])[1 + floor(cardinality($2::uuid[]) * c * c)] AS second FROM chances c
    )
    INSERT INTO counted_cases (id, country, population, period, sex, age, exploitation, entry_channel, citizenship,
                               stage, services, organisations)
    SELECT gen_random_uuid(), 'KG', CASE WHEN b < 0.2 THEN 'vulnerable_migrants' ELSE 'victims_of_trafficking' END,
        ($3::text[])[1 + n % cardinality($3::text[])], q.sex, q.age, q.exploitation,
        (ARRAY['hotline','ngo','police','migration_service','self_report','consulate','family','border_service'])
            [1 + floor(8 * b * b)],
        (ARRAY['own','own','own','neighbouring','other_country','unknown'])[1 + floor(6 * c)],
        (ARRAY['completed','served','accepted','referred','not_referred'])[1 + floor(5 * d)],
        CASE WHEN d > 0.4 THEN '{{}}'::text[] ELSE ARRAY[(ARRAY['shelter','medical','psychosocial','legal'])
            [1 + floor(4 * e)]] END,
        CASE WHEN first = second THEN ARRAY[first] ELSE ARRAY[first, second] END
    FROM cases JOIN drawn q ON q.whole * a >= q.upto - q.weight AND q.whole * a < q.upto
"""  # noqa: S608 - words of this file alone

DIMENSIONS = (
    "sex, age, exploitation, entry_channel, citizenship, stage, 'shelter' = ANY (services), "
    "'medical' = ANY (services), 'psychosocial' = ANY (services), 'legal' = ANY (services)"
)
_SETS = ", ".join(f"(1, 2, {place})" for place in range(3, 13))
BARE = f"""
    SELECT period, organisation, {DIMENSIONS}, count(*)
    FROM counted_cases, unnest(array_prepend(NULL::uuid, organisations)) AS o (organisation) WHERE population = $1
    GROUP BY GROUPING SETS ((1, 2), {_SETS}, (1, 2, 3, 5))
    UNION ALL
    SELECT period, organisation, {DIMENSIONS}, count(*)
    FROM counted_cases, unnest(array_prepend(NULL::uuid, organisations)) AS o (organisation) WHERE population = $1
    GROUP BY {", ".join(str(place) for place in range(1, 13))}
"""  # noqa: S608 - words of this file alone
"""The same figures by GROUPING SETS over the rows as they lie."""


@dataclass(frozen=True)
class Ledger:
    """A full ledger, and what counts it."""

    runtime: Runtime
    declared: Declared
    plain: "asyncpg.Connection[asyncpg.Record]"


@asynccontextmanager
async def _filled(cases: int) -> AsyncIterator[Ledger]:
    async with installed() as (_, runtime, connection):
        declared = runtime.catalogue.statistics("KG")
        await _fill(connection, declared, cases)
        yield Ledger(runtime, declared, connection)


OTHERS = """
    INSERT INTO organisations
    SELECT (jsonb_populate_record(o, jsonb_build_object('id', gen_random_uuid(), 'code', 'BENCH-' || n))).*
    FROM organisations o, generate_series(1, $1) n WHERE o.code = 'NGO-ALPHA' RETURNING id
"""
CLOSED = """
    INSERT INTO closed_periods
    SELECT 'KG', name, now() + n * interval '1 day', now(), 'x' FROM unnest($1::text[]) WITH ORDINALITY o (name, n)
"""


async def _fill(connection: "asyncpg.Connection[asyncpg.Record]", declared: Declared, cases: int) -> None:
    periods = declared.period.after("2017-H1", "2099-H2")[:PERIODS]
    organisations = [row["id"] for row in await connection.fetch(OTHERS, ORGANISATIONS)]
    await connection.execute(FILL, cases, organisations, periods, timeout=600)
    await connection.execute(CLOSED, periods)
    await connection.execute("VACUUM (ANALYZE) counted_cases")


async def counting(cases: int, rounds: int) -> list[Result]:
    """W6: counting so many cases."""
    async with _filled(cases) as ledger:

        async def ours(_: int) -> None:
            async with ledger.runtime.database.sessions(DatabaseRole.WORKER)() as session:
                await counted_periods(session, ledger.declared)

        async def bare(_: int) -> None:
            for name in ledger.declared.populations:
                await ledger.plain.fetch(BARE, name)

        pairs = []
        for number in range(rounds):
            sides = (bare, ours) if number % 2 else (ours, bare)
            speeds = {side: await rate(side, 1, 1) for side in sides}
            pairs.append((speeds[ours], speeds[bare]))
    meaning = f"counting {cases:,} cases in {PERIODS} periods, over bare GROUPING SETS for the same figures"
    return [result("W6", meaning, pairs, 1 / SLOWEST)]


async def gate(cases: int) -> list[Result]:
    """W6-gate: from a ledger of so many cases to a release that passed the gate, counting included, once."""
    async with _filled(cases) as ledger:

        async def ours(_: int) -> None:
            async with ledger.runtime.database.sessions(DatabaseRole.WORKER)() as session:
                counts = (await counted_periods(session, ledger.declared)).counts
            for name, population in ledger.declared.populations.items():
                before = _published(population, ledger.declared, counts[name][:-1])
                prepare_release(population, ledger.declared.rules, before, counts[name])

        speed = await rate(ours, 1, 1)
    meaning = f"from {cases:,} cases in {PERIODS} periods to a release that passed the gate, over {SLOWEST_GATE} s"
    return [result("W6-gate", meaning, [(speed, 1 / SLOWEST_GATE)], 1.0)]


def _published(population: Population, declared: Declared, periods: Sequence[Count]) -> list[Window]:
    """Return what was published in all periods before: every window that keeps the rules."""
    windows: list[Window] = []
    for end in range(1, len(periods) + 1):
        for table in population.tables:
            history = [one for one in windows if one.table == table]
            found = window_of(population, declared.rules, table, history, periods[:end])
            if isinstance(found, Window):
                windows.append(found)
    return windows
