"""Conditions: a closed tree that says of a situation yes or no."""

from itertools import product
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from domain.workflow.conditions import (
    ALWAYS,
    Condition,
    Not,
    compiled,
    evaluate,
    facts_read,
    leaves,
    named_values,
    negated,
)

CONDITION: TypeAdapter[Condition] = TypeAdapter(Condition)
FACTS = {"age": ("adult", "child"), "danger": ("low", "high", "imminent")}
SITUATIONS = [dict(zip(FACTS, values, strict=True)) for values in product(*FACTS.values())]


def of(content: dict[str, Any]) -> Condition:
    return CONDITION.validate_python(content)


statements = st.sampled_from(sorted(FACTS)).flatmap(
    lambda fact: st.one_of(
        st.fixed_dictionaries({"fact": st.just(fact), "is": st.sampled_from(FACTS[fact])}),
        st.fixed_dictionaries({"fact": st.just(fact), "is_not": st.sampled_from(FACTS[fact])}),
        st.fixed_dictionaries({"fact": st.just(fact), "in": st.lists(st.sampled_from(FACTS[fact]), min_size=1)}),
    )
)
contents = st.recursive(
    statements,
    lambda inner: st.one_of(
        st.fixed_dictionaries({"all": st.lists(inner, max_size=4)}),
        st.fixed_dictionaries({"any": st.lists(inner, min_size=1, max_size=4)}),
        st.fixed_dictionaries({"not": inner}),
    ),
    max_leaves=10,
)


def plainly(content: dict[str, Any], facts: dict[str, str]) -> bool:
    """The meaning, spelled out once more."""
    if "all" in content:
        return all(plainly(part, facts) for part in content["all"])
    if "any" in content:
        return any(plainly(part, facts) for part in content["any"])
    if "not" in content:
        return not plainly(content["not"], facts)
    value = facts[content["fact"]]
    if "is" in content:
        return bool(value == content["is"])
    return bool(value != content["is_not"]) if "is_not" in content else value in content["in"]


@given(content=contents)
def test_a_condition_means_what_it_says(content: dict[str, Any]) -> None:
    for facts in SITUATIONS:
        assert evaluate(of(content), facts) == plainly(content, facts)


@given(content=contents)
def test_a_negated_condition_holds_exactly_when_the_condition_does_not(content: dict[str, Any]) -> None:
    for facts in SITUATIONS:
        assert evaluate(negated(of(content)), facts) != evaluate(of(content), facts)


@given(content=contents)
def test_a_condition_is_written_as_it_was_read(content: dict[str, Any]) -> None:
    condition = of(content)
    assert of(CONDITION.dump_python(condition, by_alias=True)) == condition
    assert facts_read(condition) == {leaf.fact for leaf in leaves(condition)}


def test_a_fact_that_is_not_given_has_its_initial_value() -> None:
    initial = {"age": "child", "danger": "low"}
    for content in (
        {"fact": "age", "is": "child"},
        {"fact": "age", "is_not": "adult"},
        {"fact": "age", "in": ["child"]},
    ):
        assert compiled(of(content), initial)({})


def test_the_empty_list_always_holds_and_its_negation_never() -> None:
    assert evaluate(ALWAYS, {})
    assert negated(ALWAYS) == Not.model_validate({"not": {"all": []}})
    assert not evaluate(negated(ALWAYS), {})


def test_the_values_of_a_statement_are_told() -> None:
    assert named_values(of({"fact": "danger", "in": ["low", "high"]})) == ("low", "high")  # type: ignore[arg-type]
    assert named_values(of({"fact": "danger", "is_not": "low"})) == ("low",)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "content",
    [
        {},
        {"fact": "age"},
        {"fact": "age", "is": "child", "is_not": "adult"},
        {"fact": "age", "is": "child", "or": "adult"},
        {"any": []},
        {"fact": "age", "in": []},
        {"fact": "__import__('os')", "is": "child"},
        {"fact": "age", "is": True},
        {"expression": "age == 'child'"},
        "age == 'child'",
        None,
    ],
)
def test_what_is_not_a_condition_is_refused(content: object) -> None:
    with pytest.raises(ValidationError):
        CONDITION.validate_python(content)
