"""Sets of identification indicators and their rule. A finding is recorded; the assessor decides.

The rule has two parts. *A dimension is positive* when the indicators seen in it reach one of the listed combinations of
strengths. *The whole is indicated* when every group of dimensions that the set lists for the age has a positive one.
Both are data of the set, each with its own basis, so that national criteria replace them without code.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property
from typing import Annotated, TypeAlias

from pydantic import Field, model_validator

from domain.codes import Language
from domain.errors import InvalidInput
from domain.workflow.conditions import Closed
from domain.workflow.sop import Basis, Labels, SemanticVersion, Source, StepKey, Translation

DimensionKey: TypeAlias = Annotated[str, Field(pattern=r"^[a-z][a-z_]*$")]


class Strength(StrEnum):
    """How much an indicator says."""

    STRONG = "strong"
    MEDIUM = "medium"
    WEAK = "weak"


class Strengths(Closed):
    """The strength of an indicator for adults and for children; none: it is not in that set."""

    adult: Strength | None = None
    child: Strength | None = None


class Indicator(Closed):
    """One thing that may be seen, told or read."""

    key: StepKey
    label: Labels
    strength: Strengths


class Dimension(Closed):
    """One element of the definition of trafficking, with its indicators."""

    label: Labels
    indicators: tuple[Indicator, ...] = Field(min_length=1)


class DimensionRule(Closed):
    """The combinations of strengths that make a dimension positive: at least so many of each."""

    any_of: tuple[dict[Strength, int], ...] = Field(min_length=1)
    source: str
    basis: Basis


class WholeRule(Closed):
    """For each age the groups of dimensions; of every group at least one dimension must be positive."""

    adult: tuple[tuple[DimensionKey, ...], ...] = Field(min_length=1)
    child: tuple[tuple[DimensionKey, ...], ...] = Field(min_length=1)
    source: str
    basis: Basis


class IndicatorSet(Closed):
    """One version of a set of indicators."""

    indicator_set: StepKey
    version: SemanticVersion
    country: str
    title: Labels
    translations: dict[Language, Translation]
    sources: dict[str, Source]
    dimension_rule: DimensionRule
    whole_rule: WholeRule
    dimensions: dict[DimensionKey, Dimension]

    @model_validator(mode="after")
    def _names_fit(self) -> "IndicatorSet":
        keys = [one.key for dimension in self.dimensions.values() for one in dimension.indicators]
        if len(set(keys)) != len(keys):
            raise ValueError("two indicators have the same key")
        named = {name for group in (*self.whole_rule.adult, *self.whole_rule.child) for name in group}
        if unknown := sorted(named - set(self.dimensions)):
            raise ValueError(f"no such dimension: {', '.join(unknown)}")
        if unknown := sorted({self.dimension_rule.source, self.whole_rule.source} - set(self.sources)):
            raise ValueError(f"no such source: {', '.join(unknown)}")
        return self

    @cached_property
    def by_key(self) -> Mapping[str, tuple[str, Indicator]]:
        """Each indicator with the key of its dimension."""
        return {one.key: (name, one) for name, dimension in self.dimensions.items() for one in dimension.indicators}


@dataclass(frozen=True, slots=True)
class Finding:
    """What the rule says of the indicators that were seen.

    Attributes:
        dimensions: Whether each dimension is positive.
        indicated: Whether the whole points to trafficking. It decides nothing: a person does.
    """

    dimensions: Mapping[str, bool]
    indicated: bool


def finding(indicator_set: IndicatorSet, hits: Collection[str], age: str) -> Finding:
    """Apply the rule of the set to the indicators that were seen.

    Args:
        indicator_set: The set.
        hits: Keys of the indicators seen; one counts once, however often it is named.
        age: `adult` or `child`. Where it is anything else (`disputed`), both rules are applied, and what either of them
            finds is found.

    Raises:
        InvalidInput: a key that is not in the set.
    """
    if set(hits) - set(indicator_set.by_key):
        raise InvalidInput(field="indicators", reason="not in this indicator set")
    if age in ("adult", "child"):
        return _finding(indicator_set, hits, child=age == "child")
    adult, child = (_finding(indicator_set, hits, child=child) for child in (False, True))
    either = {name: adult.dimensions[name] or child.dimensions[name] for name in indicator_set.dimensions}
    return Finding(either, adult.indicated or child.indicated)


def _finding(indicator_set: IndicatorSet, hits: Collection[str], *, child: bool) -> Finding:
    seen = {name: dict.fromkeys(Strength, 0) for name in indicator_set.dimensions}
    for key in set(hits):
        name, indicator = indicator_set.by_key[key]
        strengths = indicator.strength
        strength = strengths.child if child else strengths.adult
        if strength is not None:
            seen[name][strength] += 1
    rule = indicator_set.dimension_rule
    dimensions = {name: any(_reaches(counts, least) for least in rule.any_of) for name, counts in seen.items()}
    whole = indicator_set.whole_rule
    groups = whole.child if child else whole.adult
    return Finding(dimensions, all(any(dimensions[name] for name in group) for group in groups))


def _reaches(counts: Mapping[Strength, int], least: Mapping[Strength, int]) -> bool:
    return all(counts[strength] >= number for strength, number in least.items())
