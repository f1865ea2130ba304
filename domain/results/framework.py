"""A results framework: the indicators of a country package, their targets and their sources. Data, read once."""

from collections.abc import Mapping
from datetime import date
from decimal import Decimal
from enum import StrEnum
from functools import cached_property
from typing import Annotated, Self, TypeAlias

from pydantic import BeforeValidator, Field, PlainSerializer, model_validator

from domain.codes import CountUnit, Language, NrmRole, Population
from domain.results.measures import MEASURES, How, code_list
from domain.results.periods import Period, PeriodKind, parse
from domain.workflow.conditions import Closed
from domain.workflow.sop import Basis, Labels, SemanticVersion, Source, StepKey, Translation

CountryCode: TypeAlias = Annotated[str, Field(pattern=r"^[A-Z]{2}$")]
MeasureName: TypeAlias = Annotated[str, Field(pattern=r"^[a-z][a-z_]*$")]
Amount: TypeAlias = Annotated[Decimal, Field(ge=0, max_digits=18)]
PeriodText: TypeAlias = Annotated[
    Period,
    BeforeValidator(lambda value: value if isinstance(value, Period) else parse(str(value))),
    PlainSerializer(lambda period: period.name, return_type=str),
]


class Level(StrEnum):
    """What an indicator is about: what was done, or what came of it."""

    OUTPUT = "output"
    OUTCOME = "outcome"


class Better(StrEnum):
    """Which direction is better."""

    MORE = "more"
    LESS = "less"


class StatusRule(Closed):
    """From which percentage of the target an indicator counts as achieved, and as on track."""

    achieved: int = Field(gt=0)
    on_track: int = Field(gt=0)
    source: str
    basis: Basis


class Baseline(Closed):
    """Where an indicator stood before."""

    country: CountryCode
    value: Amount
    stated_for: str
    source: str


class Target(Closed):
    """What was to be reached in a country and period.

    Attributes:
        period: The period that it is for; None: any period within `stands_from` and after.
        version: A revised target has a higher one. Targets of one version that differ contradict each other.
        stands_from: From which day it holds.
    """

    country: CountryCode
    period: PeriodText | None = None
    value: Amount
    version: int = Field(1, ge=1)
    stands_from: date
    source: str


class Indicator(Closed):
    """One indicator.

    Attributes:
        code: As the programme numbers it; `codes` where a country numbers it otherwise.
        countries: Where it is reported.
        counted_in: Where its measure counts the same thing; elsewhere only what was entered speaks.
        stated_unit: What its name says is counted, if the source counts something else.
        measure: What is counted from cases; None: nothing is.
        population: Of whom. Victims and vulnerable migrants are added only where the source itself does.
        series: The series of entered figures that speaks where nothing is counted.
        apart: Series of others that stand beside it in the source and do not belong in it.
        unavailable: Why it cannot be told at all.
        disaggregations: Dimension → code list.
        pooled_years: Reported only of periods of at least so many years.
        owner: The part in the mechanism whose organisations are told, beside the coordinator.
    """

    key: StepKey
    code: str = Field(max_length=12)
    codes: dict[CountryCode, str] = Field(default_factory=dict)
    name: Labels
    countries: tuple[CountryCode, ...] = Field(min_length=1)
    counted_in: tuple[CountryCode, ...] | None = None
    level: Level
    unit: CountUnit
    stated_unit: CountUnit | None = None
    how: How = How.COUNT
    numerator: Labels
    denominator: Labels | None = None
    measure: MeasureName | None = None
    population: Population = Population.ALL
    series: StepKey | None = None
    apart: tuple[StepKey, ...] = ()
    unavailable: Labels | None = None
    disaggregations: dict[str, str] = Field(default_factory=dict)
    pooled_years: int | None = None
    baselines: tuple[Baseline, ...] = ()
    targets: tuple[Target, ...] = ()
    period: PeriodKind
    owner: NrmRole = NrmRole.COORDINATOR
    better: Better = Better.MORE
    source: str
    basis: Basis

    @model_validator(mode="after")
    def _can_be_told(self) -> Self:
        if (self.unavailable is None) == (self.measure is None and self.series is None):
            raise ValueError(f"{self.key}: either it is counted or entered, or it says why not")
        if (self.how == How.SHARE) != (self.denominator is not None):
            raise ValueError(f"{self.key}: a share, and nothing else, has a denominator")
        named = {one.country for one in self.targets} | set(self.codes) | set(self.counted_in or ())
        if named - set(self.countries):
            raise ValueError(f"{self.key}: names a country where it is not reported")
        return self

    @model_validator(mode="after")
    def _measure_fits(self) -> Self:
        if self.measure is None:
            return self
        measure = MEASURES.get(self.measure)
        if measure is None:
            raise ValueError(f"{self.key}: no such measure: {self.measure}")
        if self.how not in measure.hows or self.unit != measure.unit:
            raise ValueError(f"{self.key}: {self.measure} counts {measure.unit}: {', '.join(measure.hows)}")
        if self.how in {How.MEDIAN, How.MEAN} and self.population == Population.ALL:
            raise ValueError(f"{self.key}: what is not a count is told of victims or of migrants, never of both")
        if not measure.about and self.population != Population.ALL:
            raise ValueError(f"{self.key}: {self.measure} is not about persons")
        if self.owner != NrmRole.COORDINATOR and self.owner not in measure.owners:
            raise ValueError(f"{self.key}: {self.measure} is not told to {self.owner}")
        for dimension, codes in self.disaggregations.items():
            if code_list(self.measure, dimension) != codes:
                raise ValueError(f"{self.key}: {self.measure} has no {dimension} of {codes}")
        return self

    def code_in(self, country: str) -> str:
        """How a country numbers it."""
        return self.codes.get(country, self.code)

    def counts_in(self, country: str) -> bool:
        """Whether its measure counts the same thing in a country."""
        return self.measure is not None and country in (self.countries if self.counted_in is None else self.counted_in)


class Framework(Closed):
    """One version of a results framework.

    Attributes:
        region: The code under which sources give totals of all countries (ISO 3166-1 leaves it to its users).
        periods: Periods with a name of their own, such as that of a programme.
    """

    framework: StepKey
    version: SemanticVersion
    country: CountryCode
    region: CountryCode
    title: Labels
    translations: dict[Language, Translation]
    timezone: str
    sources: dict[str, Source]
    periods: dict[StepKey, PeriodText]
    status: StatusRule
    indicators: tuple[Indicator, ...] = Field(min_length=1)

    @model_validator(mode="after")
    def _names_fit(self) -> Self:
        keys = [one.key for one in self.indicators]
        if len(set(keys)) != len(keys):
            raise ValueError("two indicators have the same key")
        cited = {self.status.source}
        for one in self.indicators:
            cited |= {one.source} | {target.source for target in one.targets} | {base.source for base in one.baselines}
            texts = [one.name, one.numerator, *filter(None, (one.denominator, one.unavailable))]
            if any(set(text) != set(Language) or not all(text.values()) for text in texts):
                raise ValueError(f"{one.key}: a language is missing")
        if unknown := sorted(cited - set(self.sources)):
            raise ValueError(f"no such source: {', '.join(unknown)}")
        return self

    @cached_property
    def by_key(self) -> Mapping[str, Indicator]:
        """Each indicator by its key."""
        return {one.key: one for one in self.indicators}

    @cached_property
    def countries(self) -> frozenset[str]:
        """Every country in which one of them is reported."""
        return frozenset(country for one in self.indicators for country in one.countries)

    def period_called(self, name: str) -> Period:
        """Return a period by a name of its own or by one that every period has.

        Raises:
            ValueError: it is none.
        """
        return self.periods[name] if name in self.periods else parse(name)

    def reported_in(self, country: str) -> tuple[Indicator, ...]:
        """Return the indicators of a country."""
        return tuple(one for one in self.indicators if country in one.countries)
