"""Attacks on published statistics, by name: what somebody who knows the rules, and more, makes of everything published.

How often each was tried on thousands of populations: `docs/disclosure-control.md`.
"""

import json
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import replace
from itertools import combinations, product

import pytest

from domain.statistics.attack import Attack, Knowledge, told_apart
from domain.statistics.counts import Count, counted
from domain.statistics.declaration import REST
from domain.statistics.gate import Leak, inspect
from domain.statistics.release import prepare
from domain.statistics.windows import Window
from tests.statistics.differencing import (
    CHANGES,
    LATER,
    PACES,
    RELEASES,
    TOLERATED,
    World,
    advantage,
    ours,
    rolling,
    row,
)
from tests.statistics.measuring import attacked
from tests.statistics.populations import POPULATION, RULES, Record, records, repeatable
from tests.statistics.reporting import RESULTS

Attempt = Callable[..., None]
SIZES = (60, 150, 400)
EACH = 3


@pytest.fixture(autouse=True)
def _frequencies() -> None:
    """Skip where the frequencies are absent, before anything is tried."""
    records(repeatable("any"), 1)


@pytest.fixture(scope="module")
def published() -> list[tuple[list[Record], Count, list[Window]]]:
    """Give populations with what was published of each after the gate."""
    found = []
    for size, seed in product(SIZES, range(EACH)):
        drawn = records(repeatable("disclosure", size, seed), size)
        count = counted(POPULATION, drawn)
        found.append((drawn, count, list(prepare(POPULATION, RULES, [], [count]).renewed.values())))
    return [one for one in found if one[2]]


Published = list[tuple[list[Record], Count, list[Window]]]


def every_combination(windows: Iterable[Window]) -> list[tuple[str, ...]]:
    """Return one combination of values for each of published groups, whether it occurs or not."""
    values = {name: {REST: dimension.values[0]} for name, dimension in POPULATION.dimensions.items()}
    for window in windows:
        (name,), (grouping,) = (
            POPULATION.tables[window.table].dimensions,
            POPULATION.groupings(window.table, window.levels),
        )
        values[name] = {group: value for value, group in grouping.items()}
    return list(product(*(groups.values() for groups in values.values())))


def test_no_zero_can_be_read_or_computed(published: Published, attack: Attempt) -> None:
    tried = zeros = 0
    for _, count, windows in published:
        programme = Attack(POPULATION, RULES, windows, Knowledge([count.everybody.total]))
        for values in every_combination(windows):
            tried += 1
            zeros += programme.bounds(values, 0).most == 0
        zeros += sum(number == 0 for window in windows for number in window.cells.values())
    attack("zero cells of statistics", tried=tried, succeeded=zeros)


def test_no_group_is_known_to_be_all_alike(published: Published, attack: Attempt) -> None:
    """Who knows that a person is in one group learns in no other table in which group the person is."""
    tried = alike = 0
    for _, count, windows in published:
        for two in combinations(windows, 2):
            programme = Attack(POPULATION, RULES, two, Knowledge([count.everybody.total]))
            for values in every_combination(two):
                tried += 1
                alike += programme.bounds(values, 0).most == 0
    attack("homogeneity of groups of statistics", tried=tried, succeeded=alike)


@pytest.mark.parametrize("known", [1, 5, 10])
def test_a_list_of_press_reports_leads_to_nobody_else(published: Published, attack: Attempt, known: int) -> None:
    tried = learnt = 0
    for drawn, count, windows in published:
        press = counted(POPULATION, drawn[:known])
        programme = Attack(POPULATION, RULES, windows, Knowledge([count.everybody.total], {0: press.everybody}))
        for values in told_apart(POPULATION, windows, count.cross, 0):
            bounds = programme.bounds(values, 0)
            tried += 1
            learnt += 0 < bounds.least < RULES.minimum or bounds.most - bounds.least < RULES.minimum > bounds.least
    attack(f"linkage with {known} press reports", tried=tried, succeeded=learnt)


def test_one_organisation_or_two_that_subtract_their_own_see_nobody(published: Published, attack: Attempt) -> None:
    found: Counter[str] = Counter()
    for drawn, count, windows in published:
        found += attacked(POPULATION, windows, [drawn], [count], pairs=True)
    one = sum(found[f"{leak}.one"] for leak in ("exact", "presence", "narrow", "residual"))
    two = sum(found[f"{leak}.two"] for leak in ("exact", "narrow", "residual"))
    attack(
        "one organisation, or two, subtracting its own",
        tried=found["asked.one"] + found["asked.two"],
        succeeded=one + two,
    )


def test_single_cases_change_nothing_until_forty_are_new(attack: Attempt) -> None:
    """Five hundred successive releases, each with one more case: a table stays as it is until a window is full."""
    world = World()
    tried = early = 0
    chance = repeatable("trickle")
    for _ in range(500):
        world.register(records(chance, 1))
        new = ours(world)
        early += sum(len(world.ledger[window.first : window.last + 1]) < RULES.window for window in new)
        world.published += new
        tried += 1
    assert len(world.published) > 10
    attack("differences of releases that one case makes", tried=tried, succeeded=early)


def shown_again(window: Window, count: Count) -> Window:
    """Return the same window with other figures."""
    cells = count.everybody.grouped(POPULATION, window.table, window.levels)
    total = RULES.rounded(count.everybody.total)
    return replace(window, total=total, cells={cell: RULES.rounded(number) for cell, number in cells.items()})


@pytest.mark.parametrize("what", ["removal", "edit", "erratum"])
def test_the_gate_lets_no_window_be_shown_twice(published: Published, attack: Attempt, what: str) -> None:
    """Whatever becomes of a case afterwards: a second figure of the same periods, beside the first, is refused."""
    tried = passed = 0
    for drawn, _, windows in published:
        for number, (values, known) in enumerate(drawn[:10]):
            others = [*drawn[:number], *drawn[number + 1 :]]
            changed = others if what == "removal" else [*others, ({**values, "sex": "unknown"}, known)]
            count = counted(POPULATION, changed)
            again = [shown_again(window, count) for window in windows]
            found = {finding.leak for finding in inspect(POPULATION, RULES, [*windows, *again], [count])}
            tried += 1
            passed += Leak.OVERLAP not in found
    attack(f"a window shown again after a {what}", tried=tried, succeeded=passed)


def test_a_person_is_not_found_in_the_difference_of_two_releases(attack: Attempt) -> None:
    """Rows of five hundred releases were measured by `make statistics`; shorter ones are played here."""
    measured = json.loads(RESULTS.read_text(encoding="utf-8"))["differencing"]
    assert set(measured["ours"]) == set(measured["rolling"]) == {str(pace) for pace in PACES}
    for of_pace in measured["ours"].values():
        assert of_pace["releases"] >= RELEASES
        assert of_pace["windows"] > of_pace["retracted"] > 0
        assert set(of_pace["changes"]) == {*CHANGES, "all"}
        assert [kind for kind, one in of_pace["changes"].items() if one["found"] > one["floor"] + TOLERATED] == []
    single = measured["rolling"]["0"]["changes"]
    assert min(single[kind]["found"] for kind in ("addition", "removal", "edit", "period shift")) > 0.4
    assert advantage([row(rolling, 0, 0, releases=60)], ["addition"]).found > 0.6
    played = advantage([row(ours, 12, 0, releases=40)])
    found = played.found > 2 * played.floor
    attack("membership by differences of releases", tried=played.pairs * LATER, succeeded=found)
