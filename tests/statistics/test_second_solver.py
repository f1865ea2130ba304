"""The attackers of the gate (HiGHS) and the independent one (CBC) agree, and the truth lies within their bounds."""

import json
import random
from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise
from typing import Any, Final

from domain.statistics.attack import Attack, Bounds, Knowledge
from domain.statistics.counts import counted
from domain.statistics.declaration import Population, Rules
from domain.statistics.windows import Window
from tests.statistics.attacked_populations import SIZES
from tests.statistics.independent_attacker import Attacker, Bound
from tests.statistics.populations import POPULATION, RULES
from tests.statistics.published_limits import PERIOD, VALUES, Cases, Groups, Limits, Outside, among, cases_of, limits_of
from tests.statistics.releases_to_attack import PEOPLE, drawn, told, totals_of

JOINED: Final = Population.model_validate(
    {
        "unit": "cases",
        "dimensions": {
            "sex": {"values": ["female", "male"], "levels": [{"female": ["female"]}]},
            "form": {"values": ["labour", "sexual", "both"], "levels": [{"labour": ["labour", "both"]}]},
            "origin": {"values": ["here", "abroad"], "levels": [{"here": ["here"]}]},
        },
        "tables": {
            "sex": {"dimensions": ["sex"]},
            "form": {"dimensions": ["form"]},
            "origin": {"dimensions": ["origin"]},
            "sex_form": {"dimensions": ["sex", "form"], "pooled": 3},
            "form_origin": {"dimensions": ["form", "origin"], "pooled": 3},
        },
    }
)
"""Tables of two dimensions, which hang together through the form."""


def _values(population: Population, case: Sequence[int]) -> tuple[str, ...]:
    chosen = zip(population.dimensions.values(), case[VALUES:], strict=True)
    return tuple(dimension.values[int(place)] for dimension, place in chosen)


def _knowledge(population: Population, totals: Sequence[int], own: Cases) -> Knowledge:
    names = tuple(population.dimensions)
    known = {
        period: counted(
            population,
            [(dict(zip(names, _values(population, case), strict=True)), ()) for case in among(own, {}, [period])],
        ).everybody
        for period in range(len(totals))
    }
    return Knowledge(totals, known)


def _without_organisations(document: bytes) -> bytes:
    """Leave out what the rules say of organisations, which is not part of the question."""
    content = json.loads(document)
    content["rules"] |= {"organisations": 0, "patience": 0}
    return json.dumps(content).encode()


def _groups(limits: Limits, case: Sequence[int]) -> Groups:
    """The published groups of a case, in the windows of its period."""
    groups: dict[int, frozenset[int]] = {}
    for limit in limits.limits:
        if int(case[PERIOD]) in limit.periods:
            for dimension, values in limit.groups.items():
                if int(case[VALUES + dimension]) in values:
                    groups[dimension] = groups.get(dimension, values) & values
    return groups


def _compared(
    population: Population, windows: Sequence[Window], everybody: Cases, own: Cases, cases: Cases
) -> Iterator[tuple[Bounds, Bound, int]]:
    """For each case: what either attacker says of its combination, and the truth."""
    periods = int(everybody[:, PERIOD].max()) + 1
    totals = totals_of(everybody, periods)
    knowledge = _knowledge(population, totals, own)
    project = Attack(population, RULES, windows, knowledge)
    declaration = json.loads(population.model_dump_json())
    document = _without_organisations(told(population, RULES, windows, periods))
    limits = limits_of(document, PEOPLE, declaration, Outside(totals, (own,)))
    independent = Attacker(limits)
    hidden = everybody[[number not in own[:, 0] for number in everybody[:, 0]]]
    for case in cases:
        period = int(case[PERIOD])
        groups = _groups(limits, case)
        found = project.bounds(_values(population, case), period)
        if groups:  # of no group at all the question is empty
            span = _span(knowledge, periods, period, found.among)
            yield found, independent.bound(groups, span), len(among(hidden, groups, span))


def _span(knowledge: Knowledge, periods: int, period: int, unknown: int) -> range:
    """The periods that the project's attacker took together: the run about this one with so many unknown cases."""
    runs = (range(first, last) for first in range(period + 1) for last in range(period + 1, periods + 1))
    return next(run for run in runs if sum(map(knowledge.unknown, run)) == unknown)


def _window(table: str, cases: Cases, span: tuple[int, int], rules: Rules = RULES) -> Window:
    levels = (0,) * len(JOINED.tables[table].dimensions)
    names = tuple(JOINED.dimensions)
    rows = [(dict(zip(names, _values(JOINED, case), strict=True)), ()) for case in among(cases, {}, range(*span))]
    count = counted(JOINED, rows).everybody
    cells = count.grouped(JOINED, table, levels)
    return Window(
        table,
        span[0],
        span[1] - 1,
        levels,
        rules.rounded(count.total),
        {cell: rules.rounded(number) for cell, number in cells.items()},
    )


def _spans(chance: random.Random, pooled: int) -> list[tuple[int, int]]:
    """Cut four periods into windows."""
    cuts = chance.choice([[0, 4], [0, 3]]) if pooled > 1 else chance.choice([[0, 4], [0, 1, 3, 4], [0, 2, 4], [0, 3]])
    return list(pairwise(cuts))


def _joined(chance: random.Random) -> tuple[Cases, list[Window]]:
    rows: list[tuple[int, int, Mapping[str, Any]]] = []
    for number in range(400):
        form = chance.choices(["labour", "sexual", "both"], [5, 4, 1])[0]
        sex = chance.choices(["female", "male"], [1, 3] if form == "labour" else [3, 1])[0]
        origin = chance.choices(["here", "abroad"], [4, 1] if form == "labour" else [2, 1])[0]
        rows.append((number, number % 4, {"sex": sex, "form": form, "origin": origin}))
    cases = cases_of(json.loads(JOINED.model_dump_json()), rows)
    windows = [
        _window(table, cases, span)
        for table, declared in JOINED.tables.items()
        for span in _spans(chance, declared.pooled)
    ]
    return cases, [one for one in windows if min(one.cells.values()) > RULES.minimum]


def test_both_solvers_bound_the_combinations_of_published_populations_alike() -> None:
    tried = 0
    for size, periods in SIZES.items():
        chance = random.Random(size)  # noqa: S311 - repeatable
        series = drawn(size, 1, periods)
        for own in (series.everybody[:0], series.organisations["org-1"]):
            cases = series.everybody[chance.sample(range(len(series.everybody)), 4)]
            for found, expected, truth in _compared(POPULATION, series.windows, series.everybody, own, cases):
                assert (found.least, found.most) == (expected.least, expected.most)
                assert found.least <= truth <= found.most
                tried += 1
    assert tried > 20


def test_both_solvers_bound_tables_of_two_dimensions_alike() -> None:
    tried = told_something = 0
    for seed in range(4):
        chance = random.Random(seed)  # noqa: S311 - repeatable
        everybody, windows = _joined(chance)
        for own in (everybody[:0], everybody[chance.sample(range(len(everybody)), 60)]):
            cases = everybody[chance.sample(range(len(everybody)), 4)]
            for found, expected, truth in _compared(JOINED, windows, everybody, own, cases):
                assert (found.least, found.most) == (expected.least, expected.most)
                assert found.least <= truth <= found.most
                tried += 1
                told_something += found.least > 0
    assert tried > 20
    assert told_something > 0
