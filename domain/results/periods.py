"""Periods of reports: calendar years, halves and quarters, years from October to September, or two days. Pure."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from enum import StrEnum
from typing import Final, TypeVar
from zoneinfo import ZoneInfo

Part = TypeVar("Part")

_NAMED: Final = re.compile(r"^(?P<fiscal>FY)?(?P<year>\d{4})(?:-(?P<kind>[HQ])(?P<number>\d))?$")
_DAYS: Final = re.compile(r"^(\d{4}-\d{2}-\d{2})\.\.(\d{4}-\d{2}-\d{2})$")
_MONTHS: Final = {"H": 6, "Q": 3}
_DAY: Final = timedelta(days=1)
FIRST_YEAR: Final = 1990
LAST_YEAR: Final = 2199


class PeriodKind(StrEnum):
    """How often an indicator is reported."""

    YEAR = "year"
    FISCAL_YEAR = "fiscal_year"
    HALF_YEAR = "half_year"
    QUARTER = "quarter"
    PROGRAMME = "programme"


@dataclass(frozen=True, slots=True, order=True)
class Period:
    """From the first to the last day, both within."""

    first: date
    last: date

    def __post_init__(self) -> None:
        if self.last < self.first:
            raise ValueError("a period ends before it begins")

    @property
    def name(self) -> str:
        """The shortest name that `parse` reads as this period."""
        for name in (f"{self.last.year}", f"FY{self.last.year}", *_parts(self.last.year)):
            if parse(name) == self:
                return name
        return f"{self.first}..{self.last}"

    def instants(self, timezone: str) -> tuple[datetime, datetime]:
        """Return when it begins, and when what follows begins, in a country's time."""
        zone = ZoneInfo(timezone)
        return (
            datetime.combine(self.first, time(), zone),
            datetime.combine(self.last + _DAY, time(), zone),
        )

    def before(self) -> "Period":
        """Return the period before: as many whole months where it has whole months, as many days otherwise."""
        end = self.first - _DAY
        if self.first.day == 1 and (self.last + _DAY).day == 1:
            after = self.last + _DAY
            months = (after.year - self.first.year) * 12 + after.month - self.first.month
            return Period(_months_later(self.first, -months), end)
        return Period(self.first - (self.last - self.first) - _DAY, end)

    @property
    def years(self) -> float:
        """About how many years it has."""
        return ((self.last - self.first).days + 1) / 365.25


def parse(name: str) -> Period:
    """Read `2019`, `2019-H1`, `2019-Q3`, `FY2019` (October 2018 to September 2019) or `2015-01-01..2020-02-28`.

    Raises:
        ValueError: it is none of these.
    """
    if days := _DAYS.match(name):
        return Period(date.fromisoformat(days[1]), date.fromisoformat(days[2]))
    found = _NAMED.match(name)
    if found is None or not FIRST_YEAR <= int(found["year"]) <= LAST_YEAR:
        raise ValueError("no period")
    first = date(int(found["year"]), 1, 1)
    if found["fiscal"]:
        if found["kind"]:
            raise ValueError("no period")
        first = date(first.year - 1, 10, 1)
        return Period(first, _months_later(first, 12) - _DAY)
    if found["kind"] is None:
        return Period(first, date(first.year, 12, 31))
    months, number = _MONTHS[found["kind"]], int(found["number"])
    if not 1 <= number <= 12 // months:
        raise ValueError("no period")
    first = _months_later(first, months * (number - 1))
    return Period(first, _months_later(first, months) - _DAY)


def tiling(period: Period, parts: Sequence[tuple[Period, Part]]) -> list[Part] | None:
    """Return the parts that cover a period without gap or overlap, or None if they do not.

    A part that is the period itself is taken before any that are put together.
    """
    for own, part in parts:
        if own == period:
            return [part]
    inside = sorted((one for one in parts if period.first <= one[0].first <= one[0].last <= period.last), key=_begin)
    taken: list[Part] = []
    wanted = period.first
    for own, part in inside:
        if own.first != wanted:
            return None
        taken.append(part)
        wanted = own.last + _DAY
    return taken if taken and wanted == period.last + _DAY else None


def _begin(one: tuple[Period, object]) -> Period:
    return one[0]


def _months_later(day: date, months: int) -> date:
    """Return the same day of a month later or, with a negative number, earlier: of first days only."""
    year, month = divmod(day.year * 12 + day.month - 1 + months, 12)
    return date(year, month + 1, 1)


def _parts(year: int) -> list[str]:
    return [f"{year}-H{number}" for number in (1, 2)] + [f"{year}-Q{number}" for number in (1, 2, 3, 4)]
