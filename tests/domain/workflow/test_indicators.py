"""The rule of the indicators: when a dimension is positive, and when the whole is indicated."""

from itertools import product
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from domain.errors import InvalidInput
from domain.workflow.files import parse
from domain.workflow.indicators import IndicatorSet, Strength, finding

FILE = Path(__file__).parents[3] / "sops/kg/indicators/ilo-2009-labour/1.0.0.yaml"
CONTENT: dict[str, Any] = parse(FILE.read_text(encoding="utf-8"))
INDICATORS = IndicatorSet.model_validate(CONTENT)
KEYS = sorted(INDICATORS.by_key)
hits = st.frozensets(st.sampled_from(KEYS), max_size=20)


def some(dimension: str, **counts: int) -> set[str]:
    """So many adult indicators of each strength from a dimension."""
    found: set[str] = set()
    for strength, count in counts.items():
        keys = [key for key, (name, one) in INDICATORS.by_key.items()
                if name == dimension and one.strength.adult == Strength(strength)]  # fmt: skip
        found |= set(keys[:count])
    return found


@pytest.mark.parametrize(("strong", "medium", "weak"), list(product(range(3), range(4), range(2))))
def test_a_dimension_is_positive_as_the_publication_says(strong: int, medium: int, weak: int) -> None:
    stated = strong >= 2 or (strong == 1 and medium + weak >= 1) or medium >= 3 or (medium >= 2 and weak >= 1)
    counts = {"strong": strong, "medium": medium, "weak": weak}
    seen = some("coercion_at_destination", **counts)
    assert len(seen) == strong + medium + weak
    assert finding(INDICATORS, seen, "adult").dimensions["coercion_at_destination"] == stated


RECRUITED = some("deceptive_recruitment", strong=1, medium=1)
EXPLOITED = some("exploitation", strong=1, medium=1)
HELD = some("coercion_at_destination", strong=2)


@pytest.mark.parametrize(
    ("seen", "adult", "child"),
    [
        (RECRUITED | EXPLOITED | HELD, True, True),
        (EXPLOITED | HELD, False, True),
        (RECRUITED | EXPLOITED, False, True),
        (RECRUITED | HELD, False, False),
        (EXPLOITED, False, True),
        (set(), False, False),
    ],
)
def test_an_adult_needs_means_and_exploitation_and_a_child_exploitation_alone(
    seen: set[str],
    adult: bool,  # noqa: FBT001
    child: bool,  # noqa: FBT001
) -> None:
    assert finding(INDICATORS, seen, "adult").indicated is adult
    assert finding(INDICATORS, seen, "child").indicated is child
    assert finding(INDICATORS, seen, "disputed").indicated is (adult or child)


def test_an_indicator_outside_the_set_for_children_says_nothing_of_a_child() -> None:
    seen = {"no-social-protection", "excessive-hours"}
    assert finding(INDICATORS, seen, "adult").dimensions["exploitation"]
    assert not finding(INDICATORS, seen, "child").dimensions["exploitation"]
    assert finding(INDICATORS, seen, "disputed").dimensions["exploitation"]


@given(seen=hits, more=hits, age=st.sampled_from(["adult", "child", "disputed"]))
def test_seeing_more_never_finds_less(seen: frozenset[str], more: frozenset[str], age: str) -> None:
    less, found = finding(INDICATORS, seen, age), finding(INDICATORS, seen | more, age)
    assert found.indicated or not less.indicated
    assert all(found.dimensions[name] or not positive for name, positive in less.dimensions.items())


def test_one_indicator_named_twice_counts_once() -> None:
    one = ["excessive-hours", "excessive-hours"]
    assert not finding(INDICATORS, one, "adult").dimensions["exploitation"]


def test_an_indicator_that_is_not_in_the_set_is_refused() -> None:
    with pytest.raises(InvalidInput) as refusal:
        finding(INDICATORS, {"excessive-hours", "sad-looks"}, "adult")
    assert refusal.value.details == {"field": "indicators", "reason": "not in this indicator set"}


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"whole_rule": {**CONTENT["whole_rule"], "child": [["slavery"]]}}, "no such dimension: slavery"),
        ({"whole_rule": {**CONTENT["whole_rule"], "source": "law"}}, "no such source: law"),
        (
            {"dimensions": {**CONTENT["dimensions"], "again": CONTENT["dimensions"]["exploitation"]}},
            "two indicators have the same key",
        ),
    ],
)
def test_a_set_that_contradicts_itself_is_refused(change: dict[str, Any], why: str) -> None:
    with pytest.raises(ValidationError, match=why):
        IndicatorSet.model_validate({**CONTENT, **change})


def test_the_wording_is_marked_as_not_verified_and_the_whole_rule_as_assumed() -> None:
    assert "not verified" in INDICATORS.sources["ilo-ec-2009"].note
    assert INDICATORS.dimension_rule.basis == "stated"
    assert INDICATORS.whole_rule.basis == "assumed"
