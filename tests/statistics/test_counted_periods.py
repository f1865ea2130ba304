"""What is counted in SQL is exactly what the pure definition counts, record by record."""

import random
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import replace
from typing import Any
from uuid import UUID

import asyncpg
import pytest

from api.settings import DatabaseRole
from domain.codes import SUPPORT_SERVICES
from domain.statistics.counting import counted_periods
from domain.statistics.counts import Count, counted
from tests.world import CATALOGUE, World

DECLARED = CATALOGUE.statistics("KG")
PERIODS = ("2024-H2", "2025-H1", "2025-H2")
COLUMNS = ("sex", "age", "exploitation", "entry_channel", "citizenship", "stage")
ORGANISATIONS = ("HOTLINE", "NGO-ALPHA", "NGO-BETA", "POLICE", "SHELTER-NORTH")
Record = tuple[dict[str, str], list[str]]


def records(chance: random.Random, population: str, number: int) -> Iterator[tuple[dict[str, Any], Record]]:
    """Yield rows of the ledger, and the same as the pure definition takes them."""
    dimensions = DECLARED.populations[population].dimensions
    for _ in range(number):
        values = {name: chance.choice(dimensions[name].values[: chance.randint(1, 9)]) for name in COLUMNS}
        services = sorted(chance.sample(sorted(SUPPORT_SERVICES), chance.randint(0, 3)))
        known = sorted(chance.sample(ORGANISATIONS, chance.choice((0, 1, 1, 2, 3, 5))))
        said = values | {
            name: "given" if name in services else "not_given" for name in dimensions if name not in COLUMNS
        }
        yield {**values, "services": services, "organisations": known}, (said, known)


async def write(admin: asyncpg.Connection, country: str, seed: int) -> dict[str, list[Count]]:
    """Write a random ledger of a country that has no cases; returns what the pure definition counts in it."""
    chance = random.Random(seed)  # noqa: S311 - drawn again the same
    ids: dict[str, UUID] = {row["code"]: row["id"] for row in await admin.fetch("SELECT id, code FROM organisations")}
    rows = []
    told: dict[str, dict[str, list[Record]]] = defaultdict(lambda: defaultdict(list))
    for population in DECLARED.populations:
        for period in PERIODS:
            for row, record in records(chance, population, chance.choice((0, 1, 30, 300))):
                told[population][period].append(record)
                row["organisations"] = [ids[code] for code in row["organisations"]]
                rows.append((country, population, period, *row.values()))
    await admin.executemany(
        f"INSERT INTO counted_cases (id, country, population, period, {', '.join(COLUMNS)}, services, organisations) "  # noqa: S608
        "VALUES (gen_random_uuid(), $1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)",
        rows,
    )
    await admin.executemany(
        "INSERT INTO closed_periods VALUES ($1, $2, now() + $3 * interval '1 day', now(), 'x')",
        [(country, period, number) for number, period in enumerate(PERIODS)],
    )
    return {
        name: [counted(population, told[name][period]) for period in PERIODS]
        for name, population in DECLARED.populations.items()
    }


async def test_the_database_counts_as_the_pure_definition_does(world: World, admin: asyncpg.Connection) -> None:
    for seed in range(12):
        declared = replace(DECLARED, country=f"X{seed:X}")
        expected = await write(admin, declared.country, seed)
        async with world.runtime.database.sessions(DatabaseRole.WORKER)() as session:
            found = await counted_periods(session, declared)
        assert found.periods == PERIODS
        assert {name: list(counts) for name, counts in found.counts.items()} == expected, seed


@pytest.mark.parametrize("table", ["sex", "sex_exploitation"])
async def test_a_population_with_fewer_tables_counts_no_others(
    world: World, admin: asyncpg.Connection, table: str
) -> None:
    name = next(iter(DECLARED.populations))
    population = DECLARED.populations[name]
    used = population.tables[table].dimensions
    fewer = population.model_copy(
        update={
            "tables": {table: population.tables[table]},
            "dimensions": {one: population.dimensions[one] for one in used},
        }
    )
    await write(admin, "XA", 3)
    declared = replace(DECLARED, country="XA", populations={name: fewer})
    async with world.runtime.database.sessions(DatabaseRole.WORKER)() as session:
        found = await counted_periods(session, declared)
    for one in found.counts[name]:
        assert set(one.everybody.tables) == {table}
        assert dict(one.everybody.tables[table]) == dict(one.cross)
        assert sum(one.cross.values()) == one.everybody.total
