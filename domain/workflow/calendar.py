"""Deadlines in hours, calendar days and working days of a country.

Definitions, which the tests hold:

- *hours* are elapsed time;
- *days* are calendar days: the same local clock time on the nth day after;
- *working days*: the same local clock time on the nth working day after the day of the start. A start on a day that is
  not a working day counts as the first instant of the next working day. So Friday 18:00 and one working day is Monday
  18:00, and Saturday 10:00 and one working day is Tuesday 00:00: all of Monday was there to act in. With this rule a
  later start never ends earlier, and no deadline in working days ends on a day off;
- a *pause* moves the end by as long as it lasted; in working days an end that then falls on a day off moves to the
  first instant of the next working day.
"""

import re
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum
from functools import lru_cache
from typing import Self
from zoneinfo import ZoneInfo

import holidays

Pause = tuple[datetime, datetime]
"""From when until when the clock stood still; both aware."""

_WRITTEN = re.compile(r"^([1-9][0-9]{0,3}) (working day|day|hour)s?$")
DURATION_PATTERN = r"^[1-9][0-9]{0,3} (working day|day|hour)s?$"
_BLOCK_YEARS = 2
_LEAST_WORKING_DAYS_A_YEAR = 150


class Unit(StrEnum):
    """What a duration counts."""

    HOUR = "hour"
    DAY = "day"
    WORKING_DAY = "working day"


@dataclass(frozen=True, slots=True)
class Duration:
    """A length of time as a SOP writes it: `24 hours`, `3 days`, `5 working days`."""

    quantity: int
    unit: Unit

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read the written form.

        Raises:
            ValueError: it is not a number from 1 to 9999 and a unit.
        """
        found = _WRITTEN.match(text)
        if found is None:
            raise ValueError("a duration is written like '24 hours', '3 days' or '5 working days'")
        return cls(int(found[1]), Unit(found[2]))

    def __str__(self) -> str:
        return f"{self.quantity} {self.unit}{'' if self.quantity == 1 else 's'}"

    @property
    def least_hours(self) -> int:
        """The fewest hours it can last, to compare durations of different units."""
        return self.quantity * (1 if self.unit is Unit.HOUR else 24)


@lru_cache(maxsize=256)
def _public_holidays(country: str, year: int) -> frozenset[date]:
    return frozenset(holidays.country_holidays(country, years=year))


@dataclass(frozen=True, slots=True)
class Calendar:
    """The working days of a country.

    Attributes:
        timezone: IANA name, such as `Asia/Bishkek`.
        country: ISO 3166-1 code of the public holidays.
        days_off: Announced days off that the list of holidays lacks.
        working_days: Days announced as working days; they win over weekends and holidays.
        weekend: Days of the week that are off; Monday is 0.
    """

    timezone: str
    country: str
    days_off: frozenset[date] = frozenset()
    working_days: frozenset[date] = frozenset()
    weekend: frozenset[int] = frozenset({5, 6})
    _zone: ZoneInfo = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_zone", ZoneInfo(self.timezone))

    def is_working_day(self, day: date) -> bool:
        """Whether offices of the country are open on this day."""
        if day in self.working_days:
            return True
        if day in self.days_off or day.weekday() in self.weekend:
            return False
        return day not in _public_holidays(self.country, day.year)

    def begins(self, day: date) -> datetime:
        """The first instant of a day in the country, in UTC."""
        return self._instant(day, time(0))

    def day_of(self, instant: datetime) -> date:
        """The day that it is in the country at an instant."""
        return instant.astimezone(self._zone).date()

    def add(self, start: datetime, duration: Duration, pauses: Sequence[Pause] = ()) -> datetime:
        """The instant at which the duration has passed.

        Args:
            start: Aware; any time zone.
            duration: See the head of this module for what each unit means.
            pauses: Aware intervals, in any order; they may overlap.

        Returns:
            An aware instant in UTC.

        Raises:
            ValueError: an instant without a time zone.
        """
        _require_aware(start, *(edge for pause in pauses for edge in pause))
        end = self._end(start, duration)
        for begun, resumed in _merged(pauses):
            if begun < end:
                end += max(resumed - max(begun, start), timedelta(0))
        if pauses and duration.unit is Unit.WORKING_DAY:
            end = self._to_working_time(end)
        return end

    def _end(self, start: datetime, duration: Duration) -> datetime:
        if duration.unit is Unit.HOUR:
            return start.astimezone(UTC) + timedelta(hours=duration.quantity)
        local = start.astimezone(self._zone)
        if duration.unit is Unit.DAY:
            return self._instant(local.date() + timedelta(days=duration.quantity), local.time())
        return self._working_end(local, duration.quantity)

    def _working_end(self, local: datetime, quantity: int) -> datetime:
        day, clock = local.date(), local.time()
        ordinal = day.toordinal()
        days = _working_ordinals(self, day.year, _BLOCK_YEARS + quantity // _LEAST_WORKING_DAYS_A_YEAR)
        index = bisect_left(days, ordinal)
        if days[index] != ordinal:
            clock = time(0)
        return self._instant(date.fromordinal(days[index + quantity]), clock)

    def _to_working_time(self, end: datetime) -> datetime:
        local = end.astimezone(self._zone)
        if self.is_working_day(local.date()):
            return end
        days = _working_ordinals(self, local.year, _BLOCK_YEARS)
        following = days[bisect_right(days, local.date().toordinal())]
        return self._instant(date.fromordinal(following), time(0))

    def _instant(self, day: date, clock: time) -> datetime:
        return datetime.combine(day, clock, self._zone).astimezone(UTC)


@lru_cache(maxsize=256)
def _working_ordinals(calendar: Calendar, first_year: int, years: int) -> list[int]:
    """The working days of some years as ordinals, in order."""
    first = date(first_year, 1, 1).toordinal()
    last = date(first_year + years, 1, 1).toordinal()
    return [day for day in range(first, last) if calendar.is_working_day(date.fromordinal(day))]


def _merged(pauses: Iterable[Pause]) -> list[Pause]:
    merged: list[Pause] = []
    for begun, resumed in sorted(pauses):
        if merged and begun <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(merged[-1][1], resumed))
        elif resumed > begun:
            merged.append((begun, resumed))
    return merged


def _require_aware(*instants: datetime) -> None:
    if any(instant.tzinfo is None for instant in instants):
        raise ValueError("an instant needs a time zone")
