"""Results as lines of the framework table, in the reader's language. Pure."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Final

import yaml

from domain.codes import Language
from domain.errors import NotFound
from domain.results.framework import Framework, Indicator
from domain.results.measures import How, code_list
from domain.results.rules import Origin, Part, Result, Warned, rounded
from domain.workflow.catalogue import Catalogue

WORDS: Final = Path(__file__).parent / "words.yaml"
Shown = str | int | float

COLUMNS: Final = (
    "country",
    "period",
    "code",
    "indicator",
    "level",
    "measured_in",
    "baseline",
    "target",
    "result",
    "percent",
    "status",
    "before",
    "excluded",
    "unknown",
    "comment",
)
PROVENANCE: Final = ("numerator", "denominator", "basis", "origin", "target_version", "query", "sha256")


@cache
def words() -> Mapping[str, Mapping[str, Mapping[str, str]]]:
    """Return the words around results: by section, key and language."""
    content: dict[str, dict[str, dict[str, str]]] = yaml.safe_load(WORDS.read_text(encoding="utf-8"))
    return content


def word(section: str, key: str, language: Language) -> str:
    """Return one of them."""
    return words()[section][key][language]


@dataclass(frozen=True, slots=True)
class Group:
    """One group of a disaggregation as it is shown."""

    dimension: str
    group: str
    value: Shown


@dataclass(frozen=True, slots=True)
class Line:
    """One line: what each column shows, and the groups.

    Attributes:
        key: Of the indicator.
        percent: Of the target, for the chart; None: there is none.
        value: The number, for the chart over time; None: there are no data.
    """

    key: str
    shown: Mapping[str, Shown]
    percent: float | None
    value: float | None
    groups: tuple[Group, ...] = field(default=())


def number(value: Decimal, how: How = How.COUNT) -> int | float:
    """Return a value as it is shown: counts whole, all else to one decimal place."""
    return int(value) if how == How.COUNT and value == value.to_integral_value() else float(rounded(value))


def lines(results: Iterable[Result], framework: Framework, catalogue: Catalogue, language: Language) -> Iterator[Line]:
    """Yield the lines of results, in their order."""
    for result in results:
        indicator = framework.by_key[result.indicator]
        yield Line(
            result.indicator,
            _shown(result, indicator, framework, catalogue, language),
            None if result.percent is None else float(rounded(result.percent)),
            None if result.value is None else number(result.value, indicator.how),
            tuple(_groups(result.parts, indicator, catalogue, language)),
        )


def _shown(
    result: Result, indicator: Indicator, framework: Framework, catalogue: Catalogue, language: Language
) -> dict[str, Shown]:
    nothing = word("codes", "no_data", language)
    not_stated = word("codes", "not_stated", language)
    how = indicator.how
    base = next((one for one in indicator.baselines if one.country == result.country), None)
    region = result.country == framework.region
    query = "" if result.query is None else f"{result.query}, {framework.framework} {framework.version}"
    return {
        "country": word("codes", "region", language) if region else result.country,
        "period": result.period.name,
        "code": indicator.code_in(result.country),
        "indicator": indicator.name[language],
        "level": word("codes", indicator.level, language),
        "measured_in": _measured_in(indicator, catalogue, language),
        "baseline": not_stated if base is None else number(base.value, how),
        "target": "" if result.target is None else number(result.target),
        "result": nothing if result.value is None else number(result.value, how),
        "percent": "" if result.percent is None else float(rounded(result.percent)),
        "status": word("codes", result.status, language),
        "before": nothing if result.before is None else number(result.before, how),
        "excluded": result.excluded,
        "unknown": result.unknown,
        "comment": comment(result, indicator, catalogue, language),
        "numerator": indicator.numerator[language],
        "denominator": "" if indicator.denominator is None else indicator.denominator[language],
        "basis": f"{word('codes', indicator.basis, language)}: {framework.sources[indicator.source].title}",
        "origin": _origin(result, framework, language),
        "target_version": result.target_version or "",
        "query": query,
        "sha256": result.sha256,
    }


def _measured_in(indicator: Indicator, catalogue: Catalogue, language: Language) -> str:
    unit = catalogue.labels("CountUnit", indicator.unit, language)
    special = {How.SHARE: "percent", How.MEDIAN: "hours", How.MEAN: "money"}.get(indicator.how)
    return unit if special is None else f"{word('codes', special, language)} ({unit})"


def _origin(result: Result, framework: Framework, language: Language) -> str:
    names = [framework.sources[one].title if one in framework.sources else one for one in result.sources]
    said = word("codes", result.origin, language)
    return f"{said}: {'; '.join(dict.fromkeys(names))}" if names else said


def comment(result: Result, indicator: Indicator, catalogue: Catalogue, language: Language) -> str:
    """Return why there is no result, and every contradiction, in words."""
    reason = [indicator.unavailable[language]] if indicator.unavailable is not None else []
    return " ".join([*reason, *(warning(one, catalogue, language) for one in result.warnings)])


def warning(warned: Warned, catalogue: Catalogue, language: Language) -> str:
    """Return one contradiction in words."""
    said = ", ".join(_named("CountUnit", one, catalogue, language) for one in warned.says)
    return word("faults", warned.fault, language).format(says=said)


def _groups(parts: Iterable[Part], indicator: Indicator, catalogue: Catalogue, language: Language) -> Iterator[Group]:
    """Yield the groups with a value; where two kinds of victims are told together, each apart."""
    apart = len({part.victim_type for part in parts}) > 1
    for part in parts:
        if part.value is None or indicator.measure is None:
            continue
        codes = code_list(indicator.measure, part.dimension)
        name = _named(codes or "", part.code, catalogue, language)
        if apart and part.dimension != "victim_type":
            name = f"{name}, {_named('VictimType', part.victim_type, catalogue, language)}"
        yield Group(word("dimensions", part.dimension, language), name, number(part.value, indicator.how))


def _named(codes: str, code: str, catalogue: Catalogue, language: Language) -> str:
    """Return what a code is called; a kind of not knowing has its own list, and a number is itself."""
    for known in (codes, "Known"):
        try:
            return catalogue.labels(known, code, language)
        except NotFound:
            continue
    return code


def from_cases(result: Result) -> bool:
    """Whether a result was counted here."""
    return result.origin == Origin.COUNTED
