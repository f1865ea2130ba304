"""What comes out of an indicator in a period: value, target, percentage, status, warnings. Pure."""

import hashlib
import json
from collections.abc import Collection, Iterable, Sequence
from dataclasses import asdict, dataclass, replace
from decimal import ROUND_HALF_UP, Decimal
from enum import StrEnum
from typing import TYPE_CHECKING, Final

from domain.codes import Population, VictimType
from domain.results.framework import Better, Framework, Indicator, StatusRule, Target
from domain.results.measures import QUERY, How
from domain.results.periods import Period, tiling

if TYPE_CHECKING:
    from domain.figures.models import PublishedFigure

HUNDRED: Final = Decimal(100)
VICTIM_TYPE_OF: Final = {
    Population.VICTIMS_OF_TRAFFICKING: VictimType.TRAFFICKING,
    Population.VULNERABLE_MIGRANTS: VictimType.VULNERABLE_MIGRANT,
}


class Origin(StrEnum):
    """Where a result comes from."""

    COUNTED = "counted"
    ENTERED = "entered"
    ADDED = "added"
    NOWHERE = "nowhere"


class Status(StrEnum):
    """How a result stands to its target."""

    ACHIEVED = "achieved"
    ON_TRACK = "on_track"
    BEHIND = "behind"
    NO_TARGET = "no_target"
    NO_DATA = "no_data"
    NOT_AVAILABLE = "not_available"


class Contradiction(StrEnum):
    """What contradicts what."""

    SOURCES_DIFFER = "sources_differ"
    TARGETS_DIFFER = "targets_differ"
    SOURCE_DISPUTES = "source_disputes"
    COUNTED_APART = "counted_apart"
    COUNTED_DIFFERS = "counted_differs"
    UNIT_DIFFERS = "unit_differs"
    INCOMPLETE = "incomplete"


@dataclass(frozen=True, slots=True)
class Warned:
    """A contradiction, with the numbers or units that contradict each other."""

    fault: Contradiction
    says: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Row:
    """What the database counted: one measure, type of victim, dimension and code; `''` where all are together.

    Attributes:
        hits, known, units, excluded: See `nrm_measured`: hits are among the known, the known among the units; the
            excluded did not agree to be counted, and are in none of them.
    """

    measure: str
    victim_type: str
    dimension: str
    code: str
    hits: int
    known: int
    units: int
    excluded: int
    median: Decimal | None
    total: Decimal | None


@dataclass(frozen=True, slots=True)
class Part:
    """One group of a disaggregation."""

    dimension: str
    code: str
    victim_type: str
    value: Decimal | None
    of: int


@dataclass(frozen=True, slots=True)
class Result:
    """One indicator in one country and period.

    Attributes:
        value: None: there are no data, which is not 0.
        of: Of how many units, where it is a share, a median or a mean.
        unknown: Units of which it is not known, or not yet, whether they count.
        excluded: Units left out because the person did not agree to be counted.
        percent: Of the target.
        before: The value of the period before.
        sources: Where entered figures come from.
        query: The version of the counting statement; None: nothing was counted.
    """

    indicator: str
    country: str
    period: Period
    value: Decimal | None
    origin: Origin
    of: int | None = None
    unknown: int = 0
    excluded: int = 0
    target: Decimal | None = None
    target_version: int | None = None
    percent: Decimal | None = None
    status: Status = Status.NO_DATA
    before: Decimal | None = None
    parts: tuple[Part, ...] = ()
    warnings: tuple[Warned, ...] = ()
    sources: tuple[str, ...] = ()
    query: str | None = None

    @property
    def sha256(self) -> str:
        """The SHA-256 of what it says, in hexadecimal."""
        said = {**asdict(self), "period": self.period.name}
        text = json.dumps(said, sort_keys=True, separators=(",", ":"), ensure_ascii=True, default=str)
        return hashlib.sha256(text.encode()).hexdigest()


def rounded(value: Decimal, places: int = 1) -> Decimal:
    """Return a value with so many decimal places; halves go up."""
    return value.quantize(Decimal(1).scaleb(-places), rounding=ROUND_HALF_UP)


def counted(
    indicator: Indicator, rows: Iterable[Row], begun: Collection[str], country: str, period: Period
) -> Result | None:
    """Return what was counted; 0 only where something was recorded before, None where nothing ever was."""
    wanted = VICTIM_TYPE_OF.get(indicator.population)
    mine = [row for row in rows if row.measure == indicator.measure and (wanted is None or row.victim_type == wanted)]
    whole = [row for row in mine if row.dimension == ""]
    if not whole:
        nobody = Result(indicator.key, country, period, Decimal(0), Origin.COUNTED, query=QUERY)
        return nobody if indicator.measure in begun and indicator.how == How.COUNT else None
    value = _value(indicator, whole)
    if indicator.how == How.MEAN and len({row.code for row in mine if row.dimension == "kind"}) > 1:
        value = None  # amounts of several currencies are not added
    return Result(
        indicator.key,
        country,
        period,
        value,
        Origin.COUNTED,
        of=None if indicator.how == How.COUNT else sum(row.known for row in whole),
        unknown=sum(row.units - row.known for row in whole),
        excluded=sum(row.excluded for row in whole),
        parts=tuple(_parts(indicator, mine)),
        query=QUERY,
    )


def _value(indicator: Indicator, rows: Sequence[Row]) -> Decimal | None:
    """Return the value of rows that are counted together. A share of nobody is no share."""
    hits, known = sum(row.hits for row in rows), sum(row.known for row in rows)
    if indicator.how == How.COUNT:
        return Decimal(hits)
    if indicator.how == How.SHARE:
        return HUNDRED * hits / known if known else None
    if indicator.how == How.MEDIAN:
        return rows[0].median
    total = rows[0].total
    return total / hits if hits and total is not None else None


def _parts(indicator: Indicator, rows: Sequence[Row]) -> Iterable[Part]:
    """Yield the groups of every disaggregation that the indicator declares, each by type of victim."""
    for dimension in indicator.disaggregations:
        found = [row for row in rows if row.dimension == ("" if dimension == "victim_type" else dimension)]
        for row in sorted(found, key=lambda one: (one.code, one.victim_type)):
            code = row.victim_type if dimension == "victim_type" else row.code
            yield Part(dimension, code, row.victim_type, _value(indicator, [row]), row.known)


def entered(indicator: Indicator, figures: Sequence["PublishedFigure"], country: str, period: Period) -> Result | None:
    """Return what sources say, or None where none says anything; "no data" in one part leaves no data in the whole."""
    mine = [one for one in figures if one.series == indicator.series and one.country == country]
    for source in sorted({one.source for one in mine}):
        own = [(Period(one.period_from, one.period_to), one) for one in mine if one.source == source]
        told = tiling(period, own)
        if told is None:
            continue
        values = [one.value for one in told]
        known = [Decimal(value) for value in values if value is not None]
        whole = sum(known, Decimal(0)) if len(known) == len(values) else None
        return Result(indicator.key, country, period, whole, Origin.ENTERED, sources=(source,))
    return None


def warnings_of(
    indicator: Indicator, figures: Sequence["PublishedFigure"], country: str, period: Period
) -> tuple[Warned, ...]:
    """Return what sources contradict each other in, and themselves, about an indicator in a country and period."""
    inside = [
        one
        for one in figures
        if one.country == country and period.first <= one.period_from and one.period_to <= period.last
    ]
    mine = [one for one in inside if one.series == indicator.series]
    warned: list[Warned] = []
    answers: dict[Period, set[int]] = {}
    for one in mine:
        if one.value is not None:
            answers.setdefault(Period(one.period_from, one.period_to), set()).add(one.value)
    warned += [Warned(Contradiction.SOURCES_DIFFER, _said(values)) for values in answers.values() if len(values) > 1]
    if any(one.disputed for one in mine):
        warned.append(
            Warned(Contradiction.SOURCE_DISPUTES, tuple(sorted({one.source for one in mine if one.disputed})))
        )
    apart = [one for one in inside if one.series in indicator.apart and one.value]
    warned += [Warned(Contradiction.COUNTED_APART, (str(one.value), one.series)) for one in apart]
    differing = {target.value for target in _speaking(indicator, country, period)}
    if len(differing) > 1:
        warned.append(Warned(Contradiction.TARGETS_DIFFER, _said(differing)))
    if indicator.stated_unit is not None and indicator.stated_unit != indicator.unit:
        warned.append(Warned(Contradiction.UNIT_DIFFERS, (indicator.stated_unit, indicator.unit)))
    return tuple(warned)


def _said(values: Iterable[int | Decimal]) -> tuple[str, ...]:
    return tuple(f"{value:f}" for value in sorted(Decimal(one) for one in values))


def _speaking(indicator: Indicator, country: str, period: Period) -> list[Target]:
    """Return the targets of the highest version for exactly this period, else those for any period."""
    mine = [one for one in indicator.targets if one.country == country]
    exact = [one for one in mine if one.period == period]
    found = exact or [one for one in mine if one.period is None and one.stands_from <= period.last]
    newest = max((one.version for one in found), default=0)
    return [one for one in found if one.version == newest]


def target_of(indicator: Indicator, country: str, period: Period) -> tuple[Decimal, int] | None:
    """Return the target of a period and its version: its own, or the sum of those that cover it exactly.

    Where a source states two, the one that stands first in the file speaks; the other is warned of.
    """
    if speaking := _speaking(indicator, country, period):
        return speaking[0].value, speaking[0].version
    if indicator.how != How.COUNT:
        return None
    periods = {one.period for one in indicator.targets if one.country == country and one.period is not None}
    parts = [(own, _speaking(indicator, country, own)[0]) for own in sorted(periods)]
    told = tiling(period, parts)
    if told is None:
        return None
    return sum((one.value for one in told), Decimal(0)), max(one.version for one in told)


def status(indicator: Indicator, value: Decimal | None, percent: Decimal | None, rule: StatusRule) -> Status:
    """Return how a result stands to its target; where less is better, staying under it is what achieves it."""
    if value is None:
        return Status.NO_DATA
    if percent is None:
        return Status.NO_TARGET
    if indicator.better == Better.LESS:
        percent = 2 * HUNDRED - percent
    if percent >= rule.achieved:
        return Status.ACHIEVED
    return Status.ON_TRACK if percent >= rule.on_track else Status.BEHIND


def measured_against(
    result: Result, indicator: Indicator, target: tuple[Decimal, int] | None, rule: StatusRule
) -> Result:
    """Return a result with target, percentage and status. There is no percentage of a target of 0."""
    goal, version = target or (None, None)
    percent = HUNDRED * result.value / goal if result.value is not None and goal else None
    stands = status(indicator, result.value, percent, rule)
    return replace(result, target=goal, target_version=version, percent=percent, status=stands)


def told(
    indicator: Indicator,
    framework: Framework,
    rows: Sequence[Row],
    begun: Collection[str],
    figures: Sequence["PublishedFigure"],
    country: str,
    period: Period,
) -> Result:
    """Return one indicator's result: what was counted where something was, else what was entered, else no data."""
    if indicator.unavailable is not None or period.years < (indicator.pooled_years or 0) - 0.01:
        return Result(indicator.key, country, period, None, Origin.NOWHERE, status=Status.NOT_AVAILABLE)
    own = counted(indicator, rows, begun, country, period) if indicator.counts_in(country) else None
    others = entered(indicator, figures, country, period)
    warned = warnings_of(indicator, figures, country, period)
    if own is not None and others is not None and others.value not in (None, own.value):
        warned += (
            Warned(Contradiction.COUNTED_DIFFERS, _said(one.value for one in (own, others) if one.value is not None)),
        )
    found = own or others or Result(indicator.key, country, period, None, Origin.NOWHERE)
    found = replace(found, warnings=warned)
    return measured_against(found, indicator, target_of(indicator, country, period), framework.status)


def beside(results: Iterable[Result], former: Iterable[Result]) -> list[Result]:
    """Return results, each with the value that the same had in the period before."""
    return [replace(one, before=earlier.value) for one, earlier in zip(results, former, strict=True)]


def together(
    indicator: Indicator,
    framework: Framework,
    results: Sequence[Result],
    figures: Sequence["PublishedFigure"],
    period: Period,
) -> Result:
    """Return the sum of countries: computed, never typed. What a source gives as the sum is only compared with it.

    Only counts can be added. A sum without a country that should be in it says so, and is no percentage of the target.
    """
    mine = [one for one in results if one.indicator == indicator.key and one.period == period]
    known = [one.value for one in mine if one.value is not None and indicator.how == How.COUNT]
    value = sum(known, Decimal(0)) if known else None
    targets = [target_of(indicator, one.country, period) for one in mine]
    goals = [one for one in targets if one is not None]
    goal = (sum((one[0] for one in goals), Decimal(0)), max(one[1] for one in goals)) if goals else None
    stated = [one for one in figures if one.series == indicator.series and one.country == framework.region]
    said = {one.value for one in stated if Period(one.period_from, one.period_to) == period} - {None, value}
    warned = dict.fromkeys(warning for one in mine for warning in one.warnings)
    if said and value is not None:
        warned[Warned(Contradiction.SOURCES_DIFFER, _said({value, *(one for one in said if one is not None)}))] = None
    silent = sorted(one.country for one in mine if one.value is None)
    if silent and known:
        warned[Warned(Contradiction.INCOMPLETE, tuple(silent))] = None
    found = Result(
        indicator.key,
        framework.region,
        period,
        value,
        Origin.ADDED,
        unknown=sum(one.unknown for one in mine),
        excluded=sum(one.excluded for one in mine),
        warnings=tuple(warned),
        sources=tuple(sorted({source for one in mine for source in one.sources})),
        query=QUERY if any(one.query for one in mine) else None,
    )
    found = measured_against(found, indicator, goal, framework.status)
    return replace(found, percent=None, status=Status.NOT_AVAILABLE) if silent and known else found


def measures_of(indicators: Iterable[Indicator], country: str) -> list[str]:
    """Return the measures that indicators need in a country."""
    return sorted({one.measure for one in indicators if one.measure is not None and one.counts_in(country)})
