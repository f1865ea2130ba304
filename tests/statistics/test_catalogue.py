"""A declaration of statistics that leaves something out, or protects less than the floor, is not read."""

import copy
import re
from collections.abc import Callable
from datetime import date, timedelta
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from domain.codes import NOT_KNOWN, AgeBand, Language
from domain.statistics.catalogue import ALWAYS_KNOWN, MEASURED, PeriodKind, Statistics
from domain.statistics.declaration import REST
from domain.workflow.files import parse
from tests.architecture import tree
from tests.world import CATALOGUE

WRITTEN = parse((tree.ROOT / "sops/kg/kg-statistics/1.0.0.yaml").read_text(encoding="utf-8"))
DECLARED = CATALOGUE.statistics("KG")


def changed(change: Callable[[dict[str, Any]], object]) -> dict[str, Any]:
    written: dict[str, Any] = copy.deepcopy(WRITTEN)
    change(written)
    return written


def test_the_country_counts_victims_and_vulnerable_migrants_apart() -> None:
    assert set(DECLARED.populations) == {"victims_of_trafficking", "vulnerable_migrants"}
    assert (DECLARED.key, DECLARED.version, DECLARED.country) == ("kg-statistics", "1.0.0", "KG")
    assert DECLARED.lag == timedelta(days=30)
    assert DECLARED.period is PeriodKind.HALF_YEAR


@pytest.mark.parametrize("name", sorted(DECLARED.populations))
def test_every_group_that_can_be_published_has_a_name_in_every_language(name: str) -> None:
    population, labels = DECLARED.populations[name], DECLARED.labels[name]
    assert set(labels) == {"", *population.dimensions, *population.tables}
    for dimension, declared in population.dimensions.items():
        groups = {declared.group(level, value) for level in declared.levels for value in declared.values}
        assert groups | {"", REST} == set(labels[dimension])
    for names in labels.values():
        assert all(set(texts) == set(Language) and all(texts.values()) for texts in names.values())


@pytest.mark.parametrize("name", sorted(DECLARED.populations))
def test_every_value_that_can_be_recorded_has_a_group_and_what_is_not_known_is_in_the_rest(name: str) -> None:
    for dimension, declared in DECLARED.populations[name].dimensions.items():
        asked = frozenset() if dimension in ALWAYS_KNOWN else NOT_KNOWN
        assert set(declared.values) == MEASURED[dimension] | asked
        for level in range(len(declared.levels)):
            assert all(declared.grouping(level)[value] == REST for value in asked)


def test_whoever_is_under_age_is_in_no_group_of_adults() -> None:
    levels = DECLARED.populations["victims_of_trafficking"].dimensions["age"].levels
    for level in levels:
        assert set(level["child"]) == {AgeBand.AGE_0_8, AgeBand.AGE_9_17, AgeBand.AGE_0_17}


REFUSED: list[tuple[Callable[[dict[str, Any]], object], str]] = [
    (lambda one: one.update(colour="red"), "colour"),
    (lambda one: one["rules"].update(minimum=9), "rules.minimum"),
    (lambda one: one["rules"].update(base=3), "rules.base"),
    (lambda one: one["rules"].update(base=6), "odd"),
    (lambda one: one["rules"].update(window=39), "rules.window"),
    (lambda one: one["rules"].update(organisations=2), "rules.organisations"),
    (lambda one: one["rest"].pop("ky"), "rest"),
    (lambda one: one["rest"].update(ru=" "), "rest"),
    (lambda one: one["dimensions"]["sex"]["label"].pop("ru"), "every language: sex"),
    (lambda one: one["dimensions"]["sex"]["groups"]["male"].pop("en"), "sex.male"),
    (lambda one: one["dimensions"]["sex"]["groups"].pop("male"), "a group has no name, or a name no group: male"),
    (lambda one: one["dimensions"]["sex"]["groups"].update(x={"en": "x", "ru": "x", "ky": "x"}), "no group: x"),
    (lambda one: one["dimensions"]["sex"].update(values="Sexes"), "no such code list: Sexes"),
    (lambda one: one["dimensions"]["sex"].update(values="NOT_KNOWN"), "no such code list: NOT_KNOWN"),
    (lambda one: one["dimensions"]["sex"].update(values="Gender"), "other values of sex are recorded"),
    (lambda one: one["dimensions"]["sex"].update(always_known=True), "other values of sex are recorded"),
    (lambda one: one["dimensions"]["stage"].update(always_known=False), "other values of stage are recorded"),
    (lambda one: one["dimensions"]["sex"]["levels"][0].update(male=["men"]), "groups an unknown value"),
    (lambda one: one["dimensions"].update(shoe_size=one["dimensions"]["shelter"]), "nothing measures: shoe_size"),
    (lambda one: one["tables"].update(size={"dimensions": ["size"]}), "no such dimension in table size"),
    (lambda one: one["tables"].update(men={"dimensions": ["sex"]}), "a label of its own"),
    (lambda one: one["tables"]["sex_exploitation"].pop("label"), "a label of its own"),
    (lambda one: one["tables"]["sex_exploitation"]["label"].pop("ky"), "table sex_exploitation"),
    (lambda one: one["tables"]["sex_exploitation"].update(pooled=2), "pools 3 periods"),
    (lambda one: one["populations"]["vulnerable_migrants"]["label"].pop("ky"), "population vulnerable_migrants"),
    (lambda one: one["populations"]["vulnerable_migrants"].update(unit="heads"), "unit"),
    (lambda one: one["populations"]["vulnerable_migrants"].update(tables=["men"]), "no such table"),
    (lambda one: one["populations"].update(all=one["populations"]["vulnerable_migrants"]), "of its own: all"),
    (lambda one: one["populations"].update(officers=one["populations"]["vulnerable_migrants"]), "officers"),
    (lambda one: one["exploitation"]["sexual"].append("ForcedLabour"), "counts as two: ForcedLabour"),
    (lambda one: one["neighbours"].append("KG"), "is no neighbour: KG"),
    (lambda one: one.update(lag="30 working days"), "a number of days"),
    (lambda one: one.update(period="month"), "period"),
]


@pytest.mark.parametrize(("change", "said"), REFUSED)
def test_a_declaration_that_leaves_something_out_or_protects_less_is_refused(
    change: Callable[[dict[str, Any]], object], said: str
) -> None:
    with pytest.raises(ValidationError, match=re.escape(said)):
        Statistics.model_validate(changed(change))


def test_a_population_may_have_fewer_tables_and_then_has_fewer_attributes() -> None:
    fewer = changed(lambda one: one["populations"]["vulnerable_migrants"].update(tables=["age", "sex"]))
    declared = Statistics.model_validate(fewer).declared()
    assert list(declared.populations["vulnerable_migrants"].tables) == ["age", "sex"]
    assert set(declared.populations["vulnerable_migrants"].dimensions) == {"age", "sex"}
    assert len(declared.populations["victims_of_trafficking"].tables) == len(WRITTEN["tables"])


@given(kind=st.sampled_from(PeriodKind), day=st.dates(date(2020, 1, 1), date(2099, 12, 31)))
def test_every_day_is_in_one_period_and_periods_follow_each_other(kind: PeriodKind, day: date) -> None:
    name = kind.of(day)
    assert kind.first_day(name) <= day < kind.first_day(kind.next(name))
    assert kind.of(kind.first_day(kind.next(name)) - timedelta(days=1)) == name


def test_periods_are_named_after_the_calendar() -> None:
    assert PeriodKind.HALF_YEAR.after("2025-H2", "2026-H2") == ["2025-H2", "2026-H1", "2026-H2"]
    assert PeriodKind.QUARTER.after("2025-Q4", "2026-Q1") == ["2025-Q4", "2026-Q1"]
    assert PeriodKind.YEAR.after("2025", "2024") == []
    assert all(PeriodKind.YEAR.next(one) == other for one, other in pairwise(["2025", "2026", "2027"]))


@pytest.mark.parametrize("name", ["2026", "2026-Q1", "2026-H3", "2026-H0", "26-H1", "2026-H", ""])
def test_what_names_no_period_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match=r".+"):
        PeriodKind.HALF_YEAR.first_day(name)
