"""Deadlines in hours, days and working days; Bishkek is six hours ahead of UTC."""

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.workflow.calendar import Calendar, Duration, Unit

BISHKEK = ZoneInfo("Asia/Bishkek")
CALENDAR = Calendar("Asia/Bishkek", "KG")


def local(*parts: int) -> datetime:
    return datetime(*parts, tzinfo=BISHKEK)  # type: ignore[arg-type, misc]


def end(start: datetime, text: str, *pauses: tuple[datetime, datetime], calendar: Calendar = CALENDAR) -> datetime:
    return calendar.add(start, Duration.parse(text), pauses).astimezone(BISHKEK)


@pytest.mark.parametrize(
    ("start", "text", "expected"),
    [
        # hours pass at night, on Sundays and on holidays
        (local(2026, 11, 20, 18), "24 hours", local(2026, 11, 21, 18)),
        (local(2026, 3, 20, 23, 30), "72 hours", local(2026, 3, 23, 23, 30)),
        # calendar days keep the clock
        (local(2026, 12, 30, 9), "3 days", local(2027, 1, 2, 9)),
        # Friday evening
        (local(2026, 11, 20, 18), "1 working day", local(2026, 11, 23, 18)),
        (local(2026, 11, 20, 18), "5 working days", local(2026, 11, 27, 18)),
        # a start on a weekend counts from the first instant of Monday
        (local(2026, 11, 21, 10), "1 working day", local(2026, 11, 24)),
        (local(2026, 11, 22, 23, 59), "1 working day", local(2026, 11, 24)),
        # Nooruz: 20 March 2026 (Friday) is Orozo Ait, 21 March (Saturday) is Nooruz
        (local(2026, 3, 19, 12), "1 working day", local(2026, 3, 23, 12)),
        # Nooruz on a Tuesday
        (local(2028, 3, 20, 12), "1 working day", local(2028, 3, 22, 12)),
        # Kurman Ait: 27 May 2026 (Wednesday)
        (local(2026, 5, 26, 9), "1 working day", local(2026, 5, 28, 9)),
        (local(2026, 5, 27, 9), "1 working day", local(2026, 5, 29)),
        # the turn of the year, off from 1 to 7 January
        (local(2025, 12, 31, 17), "1 working day", local(2026, 1, 8, 17)),
        # 19:00 UTC on Thursday is already Friday in Bishkek
        (datetime(2026, 11, 19, 19, tzinfo=UTC), "1 working day", local(2026, 11, 23, 1)),
        (datetime(2026, 11, 19, 17, 59, tzinfo=UTC), "1 working day", local(2026, 11, 20, 23, 59)),
        # 18:00 UTC on Sunday is the first instant of Monday in Bishkek
        (datetime(2026, 11, 22, 18, tzinfo=UTC), "1 working day", local(2026, 11, 24)),
    ],
)
def test_a_duration_ends_when_the_country_says(start: datetime, text: str, expected: datetime) -> None:
    assert end(start, text) == expected


def test_an_end_is_told_in_utc() -> None:
    assert CALENDAR.add(local(2026, 11, 20, 18), Duration.parse("1 hour")).tzinfo is UTC


def test_announced_days_win_over_the_list_of_holidays() -> None:
    moved = Calendar(
        "Asia/Bishkek",
        "KG",
        days_off=frozenset({date(2026, 11, 23)}),
        working_days=frozenset({date(2026, 11, 21), date(2026, 5, 27)}),
    )
    assert end(local(2026, 11, 20, 18), "1 working day", calendar=moved) == local(2026, 11, 21, 18)
    assert end(local(2026, 11, 20, 18), "2 working days", calendar=moved) == local(2026, 11, 24, 18)
    assert end(local(2026, 5, 26, 9), "1 working day", calendar=moved) == local(2026, 5, 27, 9)


@pytest.mark.parametrize(
    ("text", "pause", "expected"),
    [
        ("24 hours", (local(2026, 11, 19, 12), local(2026, 11, 19, 15)), local(2026, 11, 20, 13)),
        # a pause that began before the start counts from the start
        ("24 hours", (local(2026, 11, 18), local(2026, 11, 19, 11)), local(2026, 11, 20, 11)),
        # a pause after the end changes nothing
        ("24 hours", (local(2026, 11, 21), local(2026, 11, 22)), local(2026, 11, 20, 10)),
        # a pause that was over before the start changes nothing
        ("24 hours", (local(2026, 11, 17), local(2026, 11, 18)), local(2026, 11, 20, 10)),
        # in working days an end that falls on a Saturday moves to Monday
        ("1 working day", (local(2026, 11, 19, 12), local(2026, 11, 20, 12)), local(2026, 11, 23)),
        ("1 working day", (local(2026, 11, 19, 12), local(2026, 11, 19, 15)), local(2026, 11, 20, 13)),
        # an empty pause is none
        ("24 hours", (local(2026, 11, 19, 12), local(2026, 11, 19, 12)), local(2026, 11, 20, 10)),
    ],
)
def test_a_pause_moves_the_end(text: str, pause: tuple[datetime, datetime], expected: datetime) -> None:
    assert end(local(2026, 11, 19, 10), text, pause) == expected


def test_overlapping_pauses_count_once() -> None:
    one = (local(2026, 11, 19, 12), local(2026, 11, 19, 14))
    two = (local(2026, 11, 19, 13), local(2026, 11, 19, 15))
    inside = (local(2026, 11, 19, 12, 30), local(2026, 11, 19, 12, 45))
    assert end(local(2026, 11, 19, 10), "24 hours", two, one, inside) == local(2026, 11, 20, 13)


@pytest.mark.parametrize("text", ["0 days", "3 weeks", "3days", "-1 hours", "working day", "10000 hours", "3 Days", ""])
def test_what_is_not_a_duration_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="a duration is written like"):
        Duration.parse(text)


@pytest.mark.parametrize("text", ["1 hour", "24 hours", "1 day", "3 days", "1 working day", "9999 working days"])
def test_a_duration_is_written_as_it_was_read(text: str) -> None:
    assert str(Duration.parse(text)) == text


def test_an_instant_without_a_time_zone_is_refused() -> None:
    with pytest.raises(ValueError, match="needs a time zone"):
        CALENDAR.add(datetime(2026, 11, 20, 18), Duration.parse("1 day"))  # noqa: DTZ001


FIRST = datetime(2024, 1, 1, tzinfo=UTC)
instants = st.integers(0, 6 * 365 * 24 * 60).map(lambda minutes: FIRST + timedelta(minutes=minutes))
durations = st.builds(Duration, st.integers(1, 60), st.sampled_from(Unit))


@given(one=instants, other=instants, duration=durations)
def test_a_later_start_never_ends_earlier(one: datetime, other: datetime, duration: Duration) -> None:
    first, second = sorted((one, other))
    assert CALENDAR.add(first, duration) <= CALENDAR.add(second, duration)


@given(start=instants, quantity=st.integers(1, 60))
def test_no_deadline_in_working_days_ends_on_a_day_off(start: datetime, quantity: int) -> None:
    found = CALENDAR.add(start, Duration(quantity, Unit.WORKING_DAY)).astimezone(BISHKEK)
    assert CALENDAR.is_working_day(found.date())


@given(start=instants, one=st.integers(1, 20), other=st.integers(1, 20), unit=st.sampled_from(Unit))
def test_two_durations_in_turn_are_their_sum(start: datetime, one: int, other: int, unit: Unit) -> None:
    in_turn = CALENDAR.add(CALENDAR.add(start, Duration(one, unit)), Duration(other, unit))
    assert in_turn == CALENDAR.add(start, Duration(one + other, unit))


@given(start=instants, quantity=st.integers(1, 400))
def test_working_days_are_counted_one_by_one(start: datetime, quantity: int) -> None:
    begun = start.astimezone(BISHKEK)
    day, clock = begun.date(), begun.time()
    while not CALENDAR.is_working_day(day):
        day, clock = day + timedelta(days=1), time(0)
    for _ in range(quantity):
        day += timedelta(days=1)
        while not CALENDAR.is_working_day(day):
            day += timedelta(days=1)
    expected = datetime.combine(day, clock, BISHKEK)
    assert CALENDAR.add(start, Duration(quantity, Unit.WORKING_DAY)) == expected


@given(start=instants, duration=durations, pause=st.tuples(instants, instants))
def test_a_pause_never_shortens(start: datetime, duration: Duration, pause: tuple[datetime, datetime]) -> None:
    begun, resumed = sorted(pause)
    paused = CALENDAR.add(start, duration, [(begun, resumed)])
    assert paused >= CALENDAR.add(start, duration)
    if duration.unit is Unit.WORKING_DAY:
        assert CALENDAR.is_working_day(paused.astimezone(BISHKEK).date())
