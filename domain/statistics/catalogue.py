"""The declaration of a country's statistics as a file: what is counted, in which groups, and what each is called. Pure.

A file that leaves something out is refused when it is read: a value of a code list, a label in a language, a rule of
protection that is weaker than `Rules` allows. What is refused cannot be counted, nor published by oversight.
"""

import enum
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from functools import cached_property
from types import MappingProxyType
from typing import Annotated, Final

from pydantic import Field, StringConstraints, model_validator

from domain import codes
from domain.codes import NOT_KNOWN, CountUnit, ExploitationType, Language
from domain.statistics import declaration
from domain.statistics.declaration import REST, Code, Population, Rules, Value
from domain.workflow.calendar import Duration, Unit
from domain.workflow.conditions import Closed
from domain.workflow.sop import Labels, SemanticVersion, Source, StepKey, Translation, Within

Texts = Mapping[str, str]
"""A text in each language, by its code."""

OWN: Final = ""
"""Stands for the name of the thing itself, beside the names of its groups."""

CITIZENSHIP: Final = ("own", "neighbouring", "other_country")
EXPLOITATION: Final = ("labour", "sexual", "combined", "other_form")
STAGES: Final = ("not_referred", "referred", "accepted", "served", "completed")
"""How far support has come, in order: nothing sent, sent, accepted, a service begun, a service given."""

SERVICE: Final = ("given", "not_given")

MEASURED: Final[Mapping[str, frozenset[str]]] = MappingProxyType(
    {
        "sex": frozenset(codes.Sex),
        "age": frozenset(codes.AgeBand),
        "exploitation": frozenset(EXPLOITATION),
        "entry_channel": frozenset(codes.EntryChannel),
        "citizenship": frozenset(CITIZENSHIP),
        "stage": frozenset(STAGES),
        **dict.fromkeys(codes.SUPPORT_SERVICES, frozenset(SERVICE)),
    }
)
"""Every dimension that the ledger of counted cases holds, with its values beside the kinds of not knowing."""

ALWAYS_KNOWN: Final = frozenset({"stage", *codes.SUPPORT_SERVICES})
"""Dimensions that follow from what the service itself records: nobody has to be asked."""

Country = Annotated[str, StringConstraints(pattern=r"^[A-Z]{2}$")]


class PeriodKind(enum.StrEnum):
    """How long a period is. Periods follow the calendar of the country."""

    YEAR = "year"
    HALF_YEAR = "half_year"
    QUARTER = "quarter"

    @property
    def months(self) -> int:
        """How many months it has."""
        return {PeriodKind.YEAR: 12, PeriodKind.HALF_YEAR: 6, PeriodKind.QUARTER: 3}[self]

    def of(self, day: date) -> str:
        """Return the name of the period of a day: `2026`, `2026-H1`, `2026-Q3`."""
        number = (day.month - 1) // self.months + 1
        letter = {PeriodKind.YEAR: "", PeriodKind.HALF_YEAR: f"-H{number}", PeriodKind.QUARTER: f"-Q{number}"}[self]
        return f"{day.year:04d}{letter}"

    def first_day(self, name: str) -> date:
        """Return the first day of a period.

        Raises:
            ValueError: no period of this kind has such a name.
        """
        year, _, number = name.partition("-")
        month = (int(number[1:] or 0) - 1) * self.months + 1 if number else 1
        found = date(int(year), month, 1)
        if self.of(found) != name:
            raise ValueError("no period of this kind has this name")
        return found

    def next(self, name: str) -> str:
        """Return the name of the period after a period."""
        first = self.first_day(name)
        months = first.month - 1 + self.months
        return self.of(date(first.year + months // 12, months % 12 + 1, 1))

    def after(self, first: str, last: str) -> list[str]:
        """Return the names of the periods from one to another, both included; none where the last comes before."""
        names = []
        while self.first_day(first) <= self.first_day(last):
            names.append(first)
            first = self.next(first)
        return names


class DimensionFile(Closed):
    """One attribute, as a file writes it.

    Attributes:
        always_known: It has none of the four kinds of not knowing.
        values: The name of a code list, or the values.
        levels: See `declaration.Dimension`.
        groups: What each group of each level is called.
    """

    label: Labels
    always_known: bool = False
    values: str | tuple[Value, ...]
    levels: tuple[dict[Code, tuple[Value, ...]], ...]
    groups: dict[Code, Labels]

    @cached_property
    def recorded(self) -> tuple[str, ...]:
        """Every value that can be recorded, the kinds of not knowing last.

        Raises:
            ValueError: there is no such code list.
        """
        known = _code_list(self.values) if isinstance(self.values, str) else self.values
        unknown = () if self.always_known else tuple(sorted(NOT_KNOWN - set(known)))
        return (*known, *unknown)

    @model_validator(mode="after")
    def _each_group_has_a_name(self) -> "DimensionFile":
        named = {group for level in self.levels for group in level}
        _refuse("a group has no name, or a name no group", named ^ set(self.groups))
        return self

    def counted(self) -> declaration.Dimension:
        """Return it as it is counted."""
        return declaration.Dimension(values=self.recorded, levels=self.levels)


class TableFile(Closed):
    """One table; a table of one dimension is called what that is called."""

    label: Labels | None = None
    dimensions: tuple[Code, ...]
    pooled: int = 1

    def counted(self) -> declaration.Table:
        """Return it as it is counted."""
        return declaration.Table(dimensions=self.dimensions, pooled=self.pooled)


class PopulationFile(Closed):
    """One kind of person that is counted; without a list it has every table."""

    label: Labels
    unit: CountUnit
    tables: tuple[Code, ...] | None = None


class ExploitationFile(Closed):
    """Which types of exploitation count as labour, and which as sexual: both are `combined`, neither `other_form`."""

    labour: tuple[ExploitationType, ...] = Field(min_length=1)
    sexual: tuple[ExploitationType, ...] = Field(min_length=1)

    @model_validator(mode="after")
    def _apart(self) -> "ExploitationFile":
        _refuse("counts as two", set(self.labour) & set(self.sexual))
        return self


class Statistics(Closed):
    """One version of a country's declaration.

    Attributes:
        lag: How long after the end of a period its cases are counted: time to enter what was on paper.
        rest: What the group of everything else is called, everywhere.
        neighbours: The citizenships that count as neighbouring.
        tables: In the order of their worth.
    """

    statistics: StepKey
    version: SemanticVersion
    country: Country
    title: Labels
    translations: dict[Language, Translation]
    source: Source
    period: PeriodKind
    lag: Within
    rules: Rules
    rest: Labels
    exploitation: ExploitationFile
    neighbours: tuple[Country, ...] = Field(min_length=1)
    dimensions: dict[Code, DimensionFile]
    tables: dict[Code, TableFile]
    populations: dict[codes.Population, PopulationFile] = Field(min_length=1)

    @model_validator(mode="after")
    def _everything_is_said(self) -> "Statistics":
        _refuse("nothing measures", set(self.dimensions) - set(MEASURED))
        for name, dimension in self.dimensions.items():
            _refuse(f"other values of {name} are recorded", set(dimension.recorded) ^ _values(name))
        for name, table in self.tables.items():
            _refuse(f"no such dimension in table {name}", set(table.dimensions) - set(self.dimensions))
            if (table.label is None) != (table.dimensions == (name,)):
                raise ValueError(f"table {name} is called what its one dimension is called, or has a label of its own")
        for name, population in self.populations.items():
            _refuse(f"no such table of {name}", set(population.tables or ()) - set(self.tables))
        _refuse("counted in no population of its own", {codes.Population.ALL} & set(self.populations))
        _refuse("is no neighbour", {self.country} & set(self.neighbours))
        if self.lag.unit is not Unit.DAY:
            raise ValueError("the lag is a number of days")
        _refuse("without a text in every language", self._unsaid())
        self.declared()
        return self

    def _unsaid(self) -> Iterable[str]:
        said: dict[str, Labels] = {"title": self.title, "rest": self.rest}
        for name, dimension in self.dimensions.items():
            said |= {name: dimension.label} | {f"{name}.{group}": one for group, one in dimension.groups.items()}
        said |= {f"table {name}": table.label for name, table in self.tables.items() if table.label is not None}
        said |= {f"population {name}": population.label for name, population in self.populations.items()}
        return [name for name, texts in said.items() if not all(texts.get(one, "").strip() for one in Language)]

    def declared(self) -> "Declared":
        """Return what is counted, and what everything is called."""
        return Declared(
            key=self.statistics,
            version=self.version,
            country=self.country,
            rules=self.rules,
            period=self.period,
            lag=_days(self.lag),
            populations={str(name): self._population(one) for name, one in self.populations.items()},
            labels={str(name): self._labels(one) for name, one in self.populations.items()},
            exploitation={
                **{str(one): "labour" for one in self.exploitation.labour},
                **{str(one): "sexual" for one in self.exploitation.sexual},
            },
            neighbours=frozenset(self.neighbours),
        )

    def _tables(self, population: PopulationFile) -> dict[str, TableFile]:
        return {name: self.tables[name] for name in population.tables or self.tables}

    def _dimensions(self, population: PopulationFile) -> dict[str, DimensionFile]:
        used = {name for table in self._tables(population).values() for name in table.dimensions}
        return {name: one for name, one in self.dimensions.items() if name in used}

    def _population(self, population: PopulationFile) -> Population:
        return Population(
            unit=population.unit,
            dimensions={name: one.counted() for name, one in self._dimensions(population).items()},
            tables={name: one.counted() for name, one in self._tables(population).items()},
        )

    def _labels(self, population: PopulationFile) -> dict[str, dict[str, Texts]]:
        found: dict[str, dict[str, Texts]] = {OWN: {OWN: _texts(population.label)}}
        for name, dimension in self._dimensions(population).items():
            groups = {group: _texts(texts) for group, texts in dimension.groups.items()}
            found[name] = {OWN: _texts(dimension.label), **groups, REST: _texts(self.rest)}
        for name, table in self._tables(population).items():
            if table.label is not None:
                found[name] = {OWN: _texts(table.label)}
        return found


@dataclass(frozen=True)
class Declared:
    """What a country counts and publishes, ready to count with.

    Attributes:
        key: Key of the file.
        version: Its version.
        country: ISO 3166-1 alpha-2.
        rules: The rules of protection.
        period: How long a period is.
        lag: How long after the end of a period its cases are counted.
        populations: By name: what is counted of each.
        labels: By population, then by dimension or table, then by group: a text in each language. `""` names the thing
            itself; `labels[population][""][""]` names the population.
        exploitation: Which types of exploitation count as `labour` and which as `sexual`; all others are another form.
        neighbours: ISO 3166-1 alpha-2 codes of the neighbouring countries.
    """

    key: str
    version: str
    country: str
    rules: Rules
    period: PeriodKind
    lag: timedelta
    populations: Mapping[str, Population]
    labels: Mapping[str, Mapping[str, Mapping[str, Texts]]]
    exploitation: Mapping[str, str]
    neighbours: frozenset[str]


def _values(dimension: str) -> frozenset[str]:
    return MEASURED[dimension] if dimension in ALWAYS_KNOWN else MEASURED[dimension] | NOT_KNOWN


def _code_list(name: str) -> tuple[str, ...]:
    found = getattr(codes, name, None)
    if isinstance(found, type) and issubclass(found, enum.StrEnum):
        return tuple(str(value) for value in found)
    raise ValueError(f"no such code list: {name}")


def _texts(labels: Labels) -> dict[str, str]:
    return {str(language): text for language, text in labels.items()}


def _days(duration: Duration) -> timedelta:
    return timedelta(days=duration.quantity)


def _refuse(fault: str, found: Iterable[str]) -> None:
    if listed := sorted(found):
        raise ValueError(f"{fault}: {', '.join(listed)}")
