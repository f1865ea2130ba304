"""Counting cases: once, when their period has ended, into a ledger that never changes; and reading the ledger.

Whose case it is, and when it was opened, stands in no count. What is counted is exact: only releases leave the service.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final
from uuid import UUID, uuid5

from sqlalchemy import ARRAY, BigInteger, ColumnElement, Text, any_, cast, func, literal, null, select, tuple_
from sqlalchemy import Uuid as SqlUuid
from sqlalchemy import case as case_of
from sqlalchemy.sql.expression import true
from sqlmodel import col

from domain.audit.actions import AuditAction
from domain.cases.models import Case
from domain.cases.rules import POSITIVE
from domain.codes import SUPPORT_SERVICES, Known
from domain.organisations.models import Organisation
from domain.statistics.catalogue import SERVICE, Declared
from domain.statistics.counts import Caseload, Count
from domain.statistics.declaration import Cell, Population
from domain.statistics.models import ClosedPeriod, CountedCase

if TYPE_CHECKING:
    from sqlalchemy import Select
    from sqlalchemy.ext.asyncio import AsyncSession

    from domain.unit_of_work import UnitOfWork

STREAMS: Final = UUID("6c0b7c4e-6f5e-5f0e-9a51-0f3b8d1f6a27")
"""The audit of what was counted lies in a stream of its own for each country: a UUID (version 5) in this namespace."""

NOT_KNOWN_IN_ORDER: Final = (Known.UNKNOWN, Known.DECLINED_TO_ANSWER, Known.NOT_ASKED, Known.NOT_APPLICABLE)
"""Of several kinds of not knowing about one person, the first that was said speaks."""


REDUCED: Final = ("labour", "sexual")

_BETWEEN: Final = "\x1f"
"""Stands between the values of a record of the full cross (ASCII's unit separator: no code has it)."""


@dataclass(frozen=True)
class Counted:
    """What was counted in every period that is closed.

    Attributes:
        periods: Their names, from the installation's first to the newest.
        counts: By population: one count for each period.
    """

    periods: tuple[str, ...]
    counts: Mapping[str, Sequence[Count]]


async def register(work: "UnitOfWork", declared: Declared) -> tuple[str, ...]:
    """Count the cases of every period that ended, with its lag, and was not counted yet; returns their names.

    Runs in the worker's role. What is registered late, or agreed to late, is counted in the period in which that
    happens, since an earlier one never changes. Running it again counts nobody again.
    """
    calendar = work.catalogue.calendar(declared.country)
    begins = await _begins(work, declared.country)
    if begins is None:
        return ()
    first, last = (declared.period.of(calendar.day_of(instant)) for instant in (begins, work.now - declared.lag))
    closed = []
    for name in declared.period.after(first, last)[:-1]:
        ends = calendar.begins(declared.period.first_day(declared.period.next(name)))
        if (await work.session.execute(select(_count_cases(declared, name, ends)))).scalar_one():
            stream = uuid5(STREAMS, declared.country)
            work.audit_clock(AuditAction.PERIOD_COUNTED, stream_id=stream, subject_id=stream, rule="clock", period=name)
            closed.append(name)
    return tuple(closed)


async def _begins(work: "UnitOfWork", country: str) -> datetime | None:
    """Return where the newest closed period ended, or else when the first case was opened; None before any was."""
    ended = select(func.max(col(ClosedPeriod.ended_at))).where(col(ClosedPeriod.country) == country)
    opened = select(func.min(col(Case.opened_at))).where(col(Case.country) == country)
    found: datetime | None = (
        await work.session.execute(select(func.coalesce(ended.scalar_subquery(), opened.scalar_subquery())))
    ).scalar_one()
    return found


def _count_cases(declared: Declared, name: str, ends: datetime) -> ColumnElement[bool]:
    def told(codes: Iterable[str]) -> ColumnElement[list[str]]:
        return literal([str(code) for code in codes], ARRAY(Text))

    return func.nrm_count_cases(
        declared.country,
        name,
        ends,
        f"{declared.key} {declared.version}",
        told(sorted(POSITIVE)),
        *(told(sorted(code for code, into in declared.exploitation.items() if into == kind)) for kind in REDUCED),
        told(sorted(declared.neighbours)),
        told(sorted(SUPPORT_SERVICES)),
        told(NOT_KNOWN_IN_ORDER),
    )


async def counted_periods(session: "AsyncSession", declared: Declared) -> Counted:
    """Return what was counted, by two statements for each population. Runs in the worker's role.

    A period that is closed between them is not told of: the counts of those that are never change.
    """
    names = await session.execute(
        select(col(ClosedPeriod.period))
        .where(col(ClosedPeriod.country) == declared.country)
        .order_by(col(ClosedPeriod.ended_at))
    )
    periods = tuple(names.scalars())
    codes = await session.execute(select(col(Organisation.id), col(Organisation.code)))
    named: dict[UUID, str] = dict(codes.all())
    counts = {}
    for name, population in declared.populations.items():
        by_table, cross = counting(declared.country, name, population)
        tally = _Tally(population, named)
        tally.take(await session.execute(by_table))
        tally.take_cross(await session.execute(cross))
        counts[name] = [tally.count(period) for period in periods]
    return Counted(periods, counts)


def _value(dimension: str) -> ColumnElement[str]:
    if dimension in SUPPORT_SERVICES:
        given, not_given = SERVICE
        return case_of((literal(dimension) == any_(col(CountedCase.services)), given), else_=not_given)
    column: ColumnElement[str] = getattr(CountedCase, dimension)
    return column


def counting(country: str, name: str, population: Population) -> tuple["Select[Any]", "Select[Any]"]:
    """Return the statements that count a population for everybody (no organisation) and each organisation that knows.

    The first sums up for every table at once: period, organisation, mask, a value for each dimension, cases. The mask
    is that of `GROUPING`: a bit for each dimension by which a row is not grouped. The second counts the full cross:
    period, organisation, records, cases of each. There can be millions of records, so each is one text, and one row
    holds all of an organisation.
    """
    values = [_value(dimension).label(dimension) for dimension in population.dimensions]
    cases = (
        select(col(CountedCase.period), col(CountedCase.organisations), *values)
        .where(col(CountedCase.country) == country, col(CountedCase.population) == name)
        .subquery("cases")
    )
    cells = [cases.c[dimension] for dimension in population.dimensions]
    nobody = cast(null(), SqlUuid)
    each = func.unnest(func.array_prepend(nobody, cases.c.organisations)).table_valued("organisation").render_derived()
    whose = (cases.c.period, each.c.organisation)
    grouped = {tuple(sorted(table.dimensions)) for table in population.tables.values()} | {()}
    sets = [tuple_(*whose, *(cases.c[one] for one in names)) for names in sorted(grouped)]
    by_table = (
        select(*whose, func.grouping(*cells), *cells, func.count())
        .select_from(cases.join(each, true()))
        .group_by(func.grouping_sets(*sets))
    )
    record: ColumnElement[str] = cells[0]
    for cell in cells[1:]:
        record = record + _BETWEEN + cell
    records = (
        select(*whose, record.label("record"), func.count().label("cases"))
        .select_from(cases.join(each, true()))
        .group_by(*whose, record)
        .subquery("records")
    )
    of_whom = (records.c.period, records.c.organisation)
    cross = select(
        *of_whom,
        func.array_agg(records.c.record, type_=ARRAY(Text)),
        func.array_agg(records.c.cases, type_=ARRAY(BigInteger)),
    ).group_by(*of_whom)
    return by_table, cross


class _Records(dict[str, Cell]):
    """The values of every record that occurs: each is taken apart once, however many know of it."""

    def __missing__(self, record: str) -> Cell:
        cell = self[record] = tuple(record.split(_BETWEEN))
        return cell


class _Tally:
    """Puts the rows of `counting` together, by period and by who knows of the cases."""

    def __init__(self, population: Population, named: Mapping[UUID, str]) -> None:
        self._named = named
        self._totals: dict[str, dict[UUID | None, int]] = {}
        self._tables: dict[tuple[str, UUID | None, str], dict[Cell, int]] = {}
        self._cross: dict[tuple[str, UUID | None], dict[Cell, int]] = {}
        self._records = _Records()
        self._population = population
        places = {name: number for number, name in enumerate(population.dimensions)}
        self._by_mask: dict[int, list[tuple[str, tuple[int, ...]]]] = {}
        for name, table in population.tables.items():
            of_table = tuple(places[one] for one in table.dimensions)
            self._by_mask.setdefault(self._mask(of_table), []).append((name, of_table))

    def _mask(self, places: Iterable[int]) -> int:
        size = len(self._population.dimensions)
        return (1 << size) - 1 - sum(1 << (size - 1 - place) for place in places)

    def take(self, rows: Iterable[Any]) -> None:
        """Take in what was summed up for every table."""
        everything = self._mask(())
        for period, organisation, mask, *cell, cases in rows:
            if mask == everything:
                self._totals.setdefault(period, {})[organisation] = cases
            else:
                for table, places in self._by_mask[mask]:
                    key = period, organisation, table
                    self._tables.setdefault(key, {})[tuple(cell[place] for place in places)] = cases

    def take_cross(self, rows: Iterable[Any]) -> None:
        """Take in the full cross."""
        for period, organisation, records, cases in rows:
            self._cross[period, organisation] = dict(zip(map(self._records.__getitem__, records), cases, strict=True))

    def _caseload(self, period: str, organisation: UUID | None) -> Caseload:
        return Caseload(
            self._totals.get(period, {}).get(organisation, 0),
            {table: self._tables.get((period, organisation, table), {}) for table in self._population.tables},
            self._cross.get((period, organisation), {}),
        )

    def count(self, period: str) -> Count:
        """Return what was counted in a period."""
        organisations = {self._named[one]: one for one in self._totals.get(period, {}) if one is not None}
        return Count(
            self._caseload(period, None),
            {code: self._caseload(period, organisations[code]) for code in sorted(organisations)},
        )
