"""Outcome indicators as they go out: definitions and exact results. "No data" is said in words and is never 0."""

from collections.abc import Iterable
from decimal import Decimal
from typing import Annotated, Literal

from pydantic import Field

from api.results.lines import comment, number
from api.schemas.base import Out, Sentence, Word
from domain.codes import CountUnit, Language, NrmRole
from domain.results.framework import Better, Framework, Indicator, Level
from domain.results.measures import How
from domain.results.periods import PeriodKind
from domain.results.rules import Contradiction, Origin, Result, Status, rounded
from domain.workflow.catalogue import Catalogue
from domain.workflow.sop import Basis

Amount = Annotated[float, Field(ge=-(10.0**15), le=10.0**15)]
Told = Amount | Literal["no_data"]
Codes = Annotated[dict[Word, Word], Field(max_length=10)]
MOST_INDICATORS = 200


class IndicatorOut(Out):
    """One indicator: what it counts, of what, and who is told."""

    indicator: str = Field(max_length=60)
    code: str = Field(max_length=12, description="As the country numbers it.")
    name: Sentence
    level: Level
    unit: CountUnit
    how: How
    numerator: Sentence
    denominator: Sentence | None = None
    disaggregations: Codes = Field(description="Dimension to code list.")
    period: PeriodKind
    owner: NrmRole
    better: Better
    unavailable: Sentence | None = Field(default=None, description="Why it cannot be told.")
    source: Sentence
    basis: Basis

    @classmethod
    def of(cls, indicator: Indicator, framework: Framework, country: str, language: Language) -> "IndicatorOut":
        """Return the definition as shown."""
        nothing = indicator.unavailable
        return cls.taken(
            indicator,
            indicator=indicator.key,
            code=indicator.code_in(country),
            name=indicator.name[language],
            numerator=indicator.numerator[language],
            denominator=indicator.denominator[language] if indicator.denominator is not None else None,
            unavailable=nothing[language] if nothing is not None else None,
            source=framework.sources[indicator.source].title,
        )


class IndicatorList(Out):
    """The indicators of a results framework that the asker is told of."""

    framework: str = Field(max_length=60)
    version: str = Field(max_length=20)
    items: list[IndicatorOut] = Field(max_length=MOST_INDICATORS)


class PartOut(Out):
    """One group of a disaggregation; victims of trafficking and vulnerable migrants always apart."""

    dimension: Word
    code: Word
    victim_type: Word
    value: Told
    of: int = Field(ge=0, le=2**53, description="Of how many units.")


class WarningOut(Out):
    """A contradiction, and what contradicts what."""

    fault: Contradiction
    says: list[Word] = Field(max_length=20)


class ResultOut(Out):
    """What came out of one indicator in a period."""

    indicator: str = Field(max_length=60)
    code: str = Field(max_length=12)
    name: Sentence
    country: str = Field(max_length=2)
    period: str = Field(max_length=24)
    unit: CountUnit
    how: How
    value: Told = Field(description="A share in percent, waiting in hours, money in units of its currency.")
    of: int | None = Field(ge=0, le=2**53, description="Of how many units, unless it is a count.")
    unknown: int = Field(ge=0, le=2**53, description="Units of which it is not known, or not yet, whether they count.")
    excluded: int = Field(ge=0, le=2**53, description="Units of persons who did not agree to be counted.")
    target: Amount | None
    target_version: int | None = Field(ge=1, le=2**31)
    percent: Amount | None = Field(description="Of the target.")
    status: Status
    before: Told = Field(description="The value of the period before.")
    parts: list[PartOut] = Field(max_length=1000)
    warnings: list[WarningOut] = Field(max_length=50)
    comment: Annotated[str, Field(max_length=8000)]
    origin: Origin
    sources: list[Word] = Field(max_length=20)
    query: str | None = Field(max_length=40, description="The version of the counting statement.")
    sha256: str = Field(pattern=r"^[0-9a-f]{64}$", max_length=64)

    @classmethod
    def of_result(cls, result: Result, framework: Framework, catalogue: Catalogue, language: Language) -> "ResultOut":
        """Return the result as shown."""
        indicator = framework.by_key[result.indicator]
        return cls.taken(
            result,
            code=indicator.code_in(result.country),
            name=indicator.name[language],
            period=result.period.name,
            unit=indicator.unit,
            how=indicator.how,
            value=_told(result.value, indicator.how),
            target=None if result.target is None else number(result.target),
            percent=None if result.percent is None else float(rounded(result.percent, 2)),
            before=_told(result.before, indicator.how),
            parts=[PartOut.taken(one, value=_told(one.value, indicator.how)) for one in result.parts],
            warnings=[WarningOut(fault=one.fault, says=list(one.says)) for one in result.warnings],
            comment=comment(result, indicator, catalogue, language),
            sources=list(result.sources),
        )


def _told(value: Decimal | None, how: How) -> float | Literal["no_data"]:
    return "no_data" if value is None else number(value, how)


class ResultList(Out):
    """The results monitoring framework of a period: exact, for the asker's screen only, never for publication."""

    framework: str = Field(max_length=60)
    version: str = Field(max_length=20)
    period: str = Field(max_length=24)
    notice: Sentence
    items: list[ResultOut] = Field(max_length=MOST_INDICATORS)

    @classmethod
    def of(
        cls, results: Iterable[Result], framework: Framework, period: str, catalogue: Catalogue, reader: Language
    ) -> "ResultList":
        """Return results as shown."""
        return cls(
            framework=framework.framework,
            version=framework.version,
            period=period,
            notice=NOTICE,
            items=[ResultOut.of_result(one, framework, catalogue, reader) for one in results],
        )


NOTICE = "exact figures of the running mechanism: for your screen only, never for publication"
