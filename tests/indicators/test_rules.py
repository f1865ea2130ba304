"""Periods, targets, sums and contradictions, by themselves."""

from datetime import UTC, date, datetime
from decimal import Decimal
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.codes import CountUnit
from domain.figures.models import PublishedFigure
from domain.results.framework import Framework, Indicator
from domain.results.periods import Period, parse, tiling
from domain.results.rules import Contradiction, Origin, Result, Row, Status, counted, target_of, together, told
from tests.world import CATALOGUE

FRAMEWORK = CATALOGUE.framework("KG")
YEARS = {year: parse(str(year)) for year in (2016, 2017, 2018, 2019)}
NOBODY = UUID(int=0)


def figure(value: int | None, period: Period = YEARS[2016], **changes: object) -> PublishedFigure:
    said = {"series": "dar-1-1", "country": "KG", "source": "report", "disputed": False, **changes}
    return PublishedFigure(
        id=NOBODY,
        unit=CountUnit.PERSONS,
        period_from=period.first,
        period_to=period.last,
        value=value,
        version=1,
        entered_at=datetime(2026, 1, 1, tzinfo=UTC),
        staff_id=NOBODY,
        organisation_id=NOBODY,
        **said,
    )


def indicator(key: str, **changes: object) -> Indicator:
    return FRAMEWORK.by_key[key].model_copy(update=changes)


def row(hits: int, units: int | None = None, **changes: object) -> Row:
    said = {
        "measure": "persons_sent",
        "victim_type": "trafficking",
        "dimension": "",
        "code": "",
        "known": units or hits,
    }
    return Row(**{**said, **changes}, hits=hits, units=units or hits, excluded=0, median=None, total=None)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("name", "first", "last"),
    [
        ("2019", date(2019, 1, 1), date(2019, 12, 31)),
        ("2019-H2", date(2019, 7, 1), date(2019, 12, 31)),
        ("2019-Q3", date(2019, 7, 1), date(2019, 9, 30)),
        ("FY2019", date(2018, 10, 1), date(2019, 9, 30)),
        ("2015-01-01..2020-02-28", date(2015, 1, 1), date(2020, 2, 28)),
    ],
)
def test_a_period_has_its_days_and_its_name(name: str, first: date, last: date) -> None:
    assert parse(name) == Period(first, last)
    assert parse(name).name == name


@pytest.mark.parametrize(
    "name", ["", "19", "2019-Q5", "2019-H3", "FY2019-Q1", "2019-13-01..2019-12-01", "20190", "2019-Q0"]
)
def test_what_is_no_period_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        parse(name)


def test_the_period_before_is_as_long_and_ends_the_day_before() -> None:
    assert [parse(name).before().name for name in ("2019", "2019-H1", "2019-Q1", "FY2019")] == [
        "2018",
        "2018-H2",
        "2018-Q4",
        "FY2018",
    ]
    odd = Period(date(2019, 3, 5), date(2019, 3, 14))
    assert odd.before() == Period(date(2019, 2, 23), date(2019, 3, 4))


def test_a_year_begins_at_midnight_of_the_country() -> None:
    since, until = parse("2019").instants("Asia/Bishkek")
    assert (since.isoformat(), until.isoformat()) == ("2019-01-01T00:00:00+06:00", "2020-01-01T00:00:00+06:00")


@given(st.lists(st.integers(0, 400), min_size=1, max_size=6), st.integers(0, 5))
def test_only_parts_without_gap_or_overlap_cover_a_period(lengths: list[int], hole: int) -> None:
    first = date(2000, 1, 1)
    parts, at = [], first.toordinal()
    for length in lengths:
        parts.append((Period(date.fromordinal(at), date.fromordinal(at + length)), length))
        at += length + 1
    whole = Period(first, date.fromordinal(at - 1))
    assert tiling(whole, parts) == lengths
    if len(parts) > 1:
        del parts[hole % len(parts)]
        assert tiling(whole, parts) is None


def test_a_sum_with_a_part_of_no_data_has_no_data() -> None:
    wanted = Period(YEARS[2016].first, YEARS[2017].last)
    for second, expected in ((5, 12), (0, 7), (None, None)):
        figures = [figure(7), figure(second, YEARS[2017])]
        found = told(indicator("dar-1-1"), FRAMEWORK, (), (), figures, "KG", wanted)
        assert found.value == expected
        assert found.origin == Origin.ENTERED


def test_a_period_that_is_covered_only_in_part_has_no_data() -> None:
    wanted = Period(YEARS[2016].first, YEARS[2018].last)
    found = told(indicator("dar-1-1"), FRAMEWORK, (), (), [figure(7), figure(5, YEARS[2018])], "KG", wanted)
    assert (found.value, found.status) == (None, Status.NO_DATA)


def test_two_sources_that_differ_are_warned_of_and_no_data_contradicts_nobody() -> None:
    def faults(*figures: PublishedFigure) -> list[Contradiction]:
        found = told(indicator("dar-1-1"), FRAMEWORK, (), (), figures, "KG", YEARS[2016])
        return [one.fault for one in found.warnings]

    assert faults(figure(7), figure(8, source="other")) == [Contradiction.SOURCES_DIFFER]
    assert faults(figure(7), figure(7, source="other")) == []
    assert faults(figure(7), figure(None, source="other")) == []
    assert faults(figure(7, disputed=True)) == [Contradiction.SOURCE_DISPUTES]


def test_what_was_counted_speaks_and_a_figure_that_differs_is_warned_of() -> None:
    entered = [figure(9, series="dar-2-4")]
    found = told(indicator("dar-2-4"), FRAMEWORK, [row(7)], {"persons_sent"}, entered, "KG", YEARS[2016])
    assert (found.value, found.origin) == (7, Origin.COUNTED)
    assert [(one.fault, one.says) for one in found.warnings] == [(Contradiction.COUNTED_DIFFERS, ("7", "9"))]


def test_nothing_counted_is_0_only_where_something_was_recorded_before() -> None:
    one = indicator("dar-2-4")
    assert counted(one, (), (), "KG", YEARS[2016]) is None
    begun = counted(one, (), {"persons_sent"}, "KG", YEARS[2016])
    assert begun is not None
    assert begun.value == 0
    assert counted(indicator("referral-rate"), (), {"persons_referred"}, "KG", YEARS[2016]) is None, "of nobody"


def test_migrants_are_never_added_to_victims() -> None:
    rows = [row(7), row(5, victim_type="vulnerable_migrant")]
    found = counted(indicator("dar-2-4"), rows, (), "KG", YEARS[2016])
    assert found is not None
    assert found.value == 7


def test_a_revised_target_speaks_and_the_earlier_one_contradicts_nobody() -> None:
    first = FRAMEWORK.by_key["dar-2-4"].targets[0]
    revised = first.model_copy(update={"value": Decimal(600), "version": 2})
    one = indicator("dar-2-4", targets=(first, revised))
    period = FRAMEWORK.periods["dar"]
    assert target_of(one, "KG", period) == (600, 2)
    assert told(one, FRAMEWORK, (), (), (), "KG", period).warnings == ()


def test_targets_of_years_add_up_only_where_they_cover_the_period() -> None:
    one = indicator("hotline-calls")
    assert target_of(one, "KG", Period(YEARS[2016].first, YEARS[2019].last)) == (12_100, 1)
    assert target_of(one, "KG", parse("2016-H1")) is None


@pytest.mark.parametrize(
    ("value", "better", "status"),
    [
        (100, "more", Status.ACHIEVED),
        (75, "more", Status.ON_TRACK),
        (74, "more", Status.BEHIND),
        (100, "less", Status.ACHIEVED),
        (125, "less", Status.ON_TRACK),
        (126, "less", Status.BEHIND),
    ],
)
def test_the_status_follows_the_percentage(value: int, better: str, status: Status) -> None:
    target = FRAMEWORK.by_key["dar-2-4"].targets[0].model_copy(update={"value": Decimal(100)})
    one = indicator("dar-2-4", better=better, targets=(target,))
    found = told(one, FRAMEWORK, [row(value)], (), (), "KG", FRAMEWORK.periods["dar"])
    assert (found.percent, found.status) == (value, status)


def test_a_target_of_0_has_no_percentage() -> None:
    found = told(indicator("dar-2-3"), FRAMEWORK, (), (), [figure(0, FRAMEWORK.periods["dar"], series="dar-2-3")], "KG",
                 FRAMEWORK.periods["dar"])  # fmt: skip
    assert (found.value, found.target, found.percent, found.status) == (0, 0, None, Status.NO_TARGET)


def test_a_sum_of_countries_is_computed_and_compared_with_what_a_source_says() -> None:
    period = FRAMEWORK.periods["dar"]
    one = indicator("dar-1-1")
    own = [told(one, FRAMEWORK, (), (), [figure(value, period, country=country)], country, period)
           for country, value in (("KG", 5), ("KZ", 6))]  # fmt: skip
    summed = together(one, FRAMEWORK, own, [figure(12, period, country="XC")], period)
    assert (summed.value, summed.target, summed.origin) == (11, 825, Origin.ADDED)
    assert [(warned.fault, warned.says) for warned in summed.warnings] == [(Contradiction.SOURCES_DIFFER, ("11", "12"))]
    assert together(one, FRAMEWORK, own, [figure(11, period, country="XC")], period).warnings == ()


def test_a_sum_without_a_country_is_no_percentage_of_the_target_of_all() -> None:
    period = FRAMEWORK.periods["dar"]
    one = indicator("dar-1-1")
    own = [told(one, FRAMEWORK, (), (), [figure(5, period)], country, period) for country in ("KG", "KZ")]
    summed = together(one, FRAMEWORK, own, [], period)
    assert (summed.value, summed.target, summed.percent, summed.status) == (5, 825, None, Status.NOT_AVAILABLE)
    assert [(warned.fault, warned.says) for warned in summed.warnings] == [(Contradiction.INCOMPLETE, ("KZ",))]


def test_the_hash_changes_with_everything_that_is_said() -> None:
    one = Result("dar-2-4", "KG", YEARS[2016], Decimal(7), Origin.COUNTED)
    others = [
        Result("dar-2-4", "KG", YEARS[2016], Decimal(8), Origin.COUNTED),
        Result("dar-2-4", "KG", YEARS[2017], Decimal(7), Origin.COUNTED),
        Result("dar-2-4", "KG", YEARS[2016], Decimal(7), Origin.ENTERED),
        Result("dar-2-4", "KG", YEARS[2016], Decimal(7), Origin.COUNTED, excluded=1),
        Result("dar-2-4", "KG", YEARS[2016], None, Origin.COUNTED),
    ]
    assert len({one.sha256, *(other.sha256 for other in others)}) == 6
    assert one.sha256 == Result("dar-2-4", "KG", YEARS[2016], Decimal(7), Origin.COUNTED).sha256


@pytest.mark.parametrize(
    ("key", "changes", "why"),
    [
        ("dar-2-4", {"measure": "persons_counted"}, "no such measure"),
        ("dar-2-4", {"unit": "awards"}, "counts persons"),
        ("dar-2-4", {"how": "median"}, "counts persons"),
        ("dar-2-4", {"denominator": {"en": "x", "ru": "x", "ky": "x"}}, "a share, and nothing else"),
        ("dar-2-4", {"owner": "hotline"}, "is not told to hotline"),
        ("dar-2-4", {"disaggregations": {"kind": "Sex"}}, "has no kind of Sex"),
        ("dar-2-4", {"name": {"en": "x", "ru": "", "ky": "x"}}, "a language is missing"),
        ("dar-2-4", {"source": "nobody"}, "no such source"),
        ("dar-2-4", {"countries": ["KZ"]}, "where it is not reported"),
        ("dar-2-4", {"key": "dar-1-1"}, "the same key"),
        ("hours-to-start", {"population": "all"}, "never of both"),
        ("dar-1-1", {"series": None}, "says why not"),
        ("recovery-period", {"series": "x"}, "says why not"),
    ],
)
def test_a_framework_that_contradicts_itself_is_refused(key: str, changes: dict[str, object], why: str) -> None:
    written = FRAMEWORK.model_dump(by_alias=True)
    indicators = [one | changes if one["key"] == key else one for one in written["indicators"]]
    with pytest.raises(ValueError, match=why):
        Framework.model_validate(written | {"indicators": indicators})


def test_no_assumption_passes_for_stated_and_no_translation_for_reviewed() -> None:
    for one in FRAMEWORK.indicators:
        assert one.basis == FRAMEWORK.sources[one.source].basis, one.key
    assert dict(FRAMEWORK.translations) == {"en": "original", "ru": "unreviewed", "ky": "unreviewed"}
