"""Write a generated year into the database: many cases at once, in a few `COPY` statements and one transaction.

Each case is a world of its own, so cases are played in several processes. A transaction holds one batch, all of it or
nothing; a loading that was stopped goes on where it stood, and memory holds one batch for each process.
"""

import asyncio
import json
import secrets
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from datetime import timedelta
from functools import cache
from itertools import chain
from multiprocessing import get_context
from pathlib import Path
from random import Random
from typing import Any

import asyncpg
from sqlalchemy import Column, Table
from sqlmodel import SQLModel

from api import directory
from api.bootstrap import Access
from api.database import Database
from api.runtime import build, published
from api.settings import DatabaseRole, Settings
from api.year.assumptions import FICTIONAL, assumptions
from api.year.attributes import Frequencies
from api.year.histories import Setting, counted, history
from api.year.ledger import Ledger
from api.year.playing import Country, Play
from auth.authentication import enter_as_clock
from domain.cases.queries import SOP_KEY
from domain.clock import Clock
from domain.columns import Document
from domain.identifiers import Identifiers
from domain.organisations.models import Membership, Organisation, StaffMember
from domain.sealing.providers import FileProvider
from domain.tables import METADATA

BATCH = 100
"""Cases in one transaction."""

COUNTRY = "KG"
DIRECTORY = (Organisation, StaffMember, Membership)


class LoadRefused(RuntimeError):
    """Nothing may be generated here; the message says why."""


@dataclass(frozen=True, slots=True)
class Plan:
    """Which year is generated.

    Attributes:
        year: The calendar year in which it happens.
        seed: The same seed gives the same rows, but for keys and what they seal.
        frequencies: A table of combinations of attributes; none for the small invented one of the package.
    """

    year: int
    seed: int
    frequencies: Path | None = None

    def setting(self) -> Setting:
        """Return what all histories of the year share.

        Raises:
            ValueError, OSError: the table cannot be read.
        """
        catalogue, key = published(), SOP_KEY[COUNTRY]
        sop = catalogue.sop(key, catalogue.current(COUNTRY)[key])
        table = Frequencies.of(self.frequencies)
        return Setting(assumptions(), table, sop, catalogue.calendar(COUNTRY), self.year, self.seed)


@dataclass(frozen=True, slots=True)
class Place:
    """Where it is written, and what seals it.

    Attributes:
        dsn: The administrator's way to the database: policies hold everybody else.
        keys: The file with the key-encryption keys.
    """

    dsn: str
    keys: Path


async def prepared(settings: Settings, access: Access, plan: Plan) -> None:
    """Make sure that nothing but this very year is in the database, and that its directory is.

    Raises:
        LoadRefused: these are production's settings, or the directory is not the fictional one.
    """
    if settings.environment == "production":
        raise LoadRefused("not in production")
    connection = await asyncpg.connect(access.admin_dsn(access.database))
    try:
        known = await connection.fetchval("SELECT count(*) FROM organisations")
        if not known:
            await _directory_from(settings, access, plan)
        there = {row.subject for row in await _directory(connection) if isinstance(row, StaffMember)}
    finally:
        await connection.close()
    if missing := sorted(plan.setting().assumed.staff - there):
        raise LoadRefused(f"this is not the fictional directory: nobody in it is {', '.join(missing)}")


async def _directory_from(settings: Settings, access: Access, plan: Plan) -> None:
    """Record the fictional directory as it stands from the first instant of the year."""
    database = Database(access.dsns)
    runtime = build(settings, access.dsns)
    try:
        async with database.sessions(DatabaseRole.OWNER)() as session:
            present = await enter_as_clock(session, timedelta(0))
            ids = Identifiers(Random(f"{plan.year}/{plan.seed}/directory").randbytes)  # noqa: S311 - as in `_new_play`
            shifted = replace(runtime, clock=Clock(plan.setting().begin - present), ids=ids)
            await directory.load(directory.read(FICTIONAL / "directory.yaml"), session, shifted)
    finally:
        await database.close()
        await runtime.database.close()


async def _directory(connection: Any) -> list[SQLModel]:
    rows: list[SQLModel] = []
    for model in DIRECTORY:
        table = METADATA.tables[str(model.__tablename__)]
        documents = {column.name for column in table.columns if isinstance(column.type, Document)}
        for row in await connection.fetch(f"SELECT * FROM {table.name} ORDER BY id"):  # noqa: S608 - a table of ours
            values = {name: json.loads(value) if name in documents else value for name, value in row.items()}
            rows.append(model(**values))
    return rows


def _country(rows: Iterable[SQLModel], keys: Path) -> Country:
    return Country(rows, published(), FileProvider(keys, secrets.token_bytes), secrets.token_bytes)


async def batches_to_do(place: Place, plan: Plan, cases: int) -> list[range]:
    """Return the batches that are not written yet.

    Raises:
        LoadRefused: the database holds cases of another kind.
    """
    setting, batches = plan.setting(), [range(first, min(first + BATCH, cases)) for first in range(0, cases, BATCH)]
    connection = await asyncpg.connect(place.dsn)
    try:
        there = {row["reference"] for row in await connection.fetch("SELECT reference FROM cases")}
        country = _country(await _directory(connection), place.keys)
    finally:
        await connection.close()
    if not there:
        return batches
    done = [batch for batch in batches if await _reference(country, setting, batch[0]) in there]
    if sum(map(len, done)) != len(there):
        raise LoadRefused("the database holds cases that are not of this year, this seed and this number")
    return [batch for batch in batches if batch not in done]


async def _reference(country: Country, setting: Setting, number: int) -> str:
    """Return the reference that a case will have: from its opening, which is the first thing that happens in it."""
    play = _new_play(country, setting, number)
    await play.happen(history(setting, number)[0])
    return play.case.reference


def _new_play(country: Country, setting: Setting, number: int) -> Play:
    source = Random(setting.identity(number))  # noqa: S311 - ids of invented cases; keys come from elsewhere
    return Play(country, Identifiers(source.randbytes))


def load(place: Place, plan: Plan, batches: Iterable[range], processes: int) -> Iterator[Counter[str]]:
    """Play and write batches; yields the counts of each as it is done: the stages of the funnel.

    Args:
        place: Where to write.
        plan: Which year.
        batches: The numbers of the cases of each batch.
        processes: How many at once.
    """
    with ProcessPoolExecutor(processes, mp_context=get_context("spawn")) as pool:
        yield from pool.map(_load_in_process, *zip(*((place, plan, batch) for batch in batches), strict=True))


def _load_in_process(place: Place, plan: Plan, batch: range) -> Counter[str]:
    return asyncio.run(load_batch(place, plan, batch))


_setting = cache(Plan.setting)


async def load_batch(place: Place, plan: Plan, batch: range) -> Counter[str]:
    """Play one batch and write it in one transaction; returns its counts."""
    setting = _setting(plan)
    connection = await asyncpg.connect(place.dsn)
    try:
        country = _country(await _directory(connection), place.keys)
        histories = {number: history(setting, number) for number in batch}
        plays = {number: _new_play(country, setting, number) for number in batch}
        for number, play in plays.items():
            await play.events(histories[number], setting.end)
        async with connection.transaction():
            await _written(connection, [play.ledger for play in plays.values()])
    finally:
        await connection.close()
    return counted(histories.values(), setting.end)


async def _written(connection: Any, ledgers: list[Ledger]) -> None:
    await connection.execute("SET LOCAL synchronous_commit = off")
    directory_tables = {str(model.__tablename__) for model in DIRECTORY}
    for table in METADATA.sorted_tables:
        if table.name not in directory_tables:
            rows = chain.from_iterable(ledger.of_table(table) for ledger in ledgers)
            records = [_record(row, table) for row in rows]
            if records:
                names = [column.name for column in table.columns]
                await connection.copy_records_to_table(table.name, records=records, columns=names)


def _record(row: SQLModel, table: Table) -> tuple[Any, ...]:
    return tuple(_stored(column, getattr(row, column.name)) for column in table.columns)


def _stored(column: Column[Any], value: Any) -> Any:
    return json.dumps(value) if isinstance(column.type, Document) and value is not None else value


async def finished(place: Place) -> Mapping[str, int]:
    """Refresh what the planner knows; returns how many rows each table has now."""
    connection = await asyncpg.connect(place.dsn)
    try:
        await connection.execute("VACUUM ANALYZE")
        return {
            table.name: await connection.fetchval(f"SELECT count(*) FROM {table.name}")  # noqa: S608 - a table of ours
            for table in METADATA.sorted_tables
        }
    finally:
        await connection.close()
