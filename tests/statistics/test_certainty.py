"""Certainty of a few by what was published: any groups, any periods, and what the rules themselves tell."""

import pytest

from domain.statistics.attack import Attack, Knowledge, betrayed_since
from domain.statistics.certainty import Truth, certain_of_few
from domain.statistics.counts import Caseload, Count, counted
from domain.statistics.declaration import Population, Rules
from domain.statistics.gate import Leak, inspect
from domain.statistics.windows import Window

PEOPLE = Population.model_validate(
    {
        "unit": "cases",
        "dimensions": {
            name: {"values": ["a", "b", "c"], "levels": [{"a": ["a"], "b": ["b"], "c": ["c"]}, {"a": ["a"]}]}
            for name in ("sex", "region", "work")
        },
        "tables": {
            "sex": {"dimensions": ["sex"]},
            "region": {"dimensions": ["region"]},
            "work": {"dimensions": ["work"]},
        },
    }
)
RULES = Rules()
ALL = ("one", "two", "three", "four")
"""Organisations; every case is known to all, unless a test says otherwise."""


def people(number: int, *values: str, known: tuple[str, ...] = ALL) -> list[tuple[dict[str, str], tuple[str, ...]]]:
    return [(dict(zip(("sex", "region", "work"), values, strict=True)), known)] * number


def window(table: str, periods: list[Count], first: int = 0, level: int = 1) -> Window:
    cells = dict.fromkeys(PEOPLE.cells(table, (level,)), 0)
    for one in periods:
        for cell, number in one.everybody.grouped(PEOPLE, table, (level,)).items():
            cells[cell] += number
    total = RULES.rounded(sum(one.everybody.total for one in periods))
    rounded = {cell: RULES.rounded(number) for cell, number in cells.items()}
    return Window(table, first, first + len(periods) - 1, (level,), total, rounded)


def certain(windows: list[Window], periods: list[Count], own: dict[int, Caseload] | None = None) -> bool:
    knowledge = Knowledge([one.everybody.total for one in periods], own or {})
    truth = Truth(PEOPLE, {number: one.everybody for number, one in enumerate(periods)})
    return certain_of_few(Attack(PEOPLE, RULES, windows, knowledge), truth, 0)


@pytest.mark.parametrize(("together", "few"), [(8, True), (30, False)])
def test_two_groups_of_three_that_must_overlap(together: int, few: bool) -> None:  # noqa: FBT001 - the answer
    apart = (60 - together) // 2
    cases = people(together, "a", "a", "b") + people(apart, "a", "b", "a") + people(apart, "b", "a", "c")
    one = counted(PEOPLE, cases)
    published = [window("sex", [one]), window("region", [one])]
    assert certain(published, [one]) is few
    assert certain([*published, window("work", [one])], [one]) is few


def test_three_groups_that_must_overlap_though_any_two_have_many() -> None:
    cases = people(6, "a", "a", "a") + people(44, "a", "a", "b") + people(45, "a", "b", "a") + people(45, "b", "a", "a")
    one = counted(PEOPLE, cases)
    assert certain([window(name, [one]) for name in PEOPLE.tables], [one]) is False
    cases = people(9, "a", "a", "a") + people(30, "a", "a", "b") + people(30, "a", "b", "a") + people(30, "b", "a", "a")
    one = counted(PEOPLE, cases)
    assert certain([window(name, [one]) for name in PEOPLE.tables], [one]) is True


@pytest.mark.parametrize(("second", "few"), [(9, True), (14, False)])
def test_the_exact_total_of_a_period_that_is_too_small_for_a_window(second: int, few: bool) -> None:  # noqa: FBT001
    """Of sixty, forty came in the first period: what more there is in a group came in the second."""
    first = counted(PEOPLE, people(36, "a", "a", "a") + people(4, "b", "a", "a"))
    other = counted(PEOPLE, people(second, "a", "b", "a") + people(20 - second, "b", "b", "a"))
    assert certain([window("sex", [first, other])], [first, other]) is few


@pytest.mark.parametrize(("around", "few"), [(1, True), (5, False)])
def test_windows_with_other_ends_meet_in_the_period_between(around: int, few: bool) -> None:  # noqa: FBT001
    """Of regions the first two periods tell, of sex the last two: what can lie outside of both is not in the middle."""
    quiet = counted(PEOPLE, people(around, "b", "b", "b"))
    middle = counted(PEOPLE, people(9, "a", "a", "b") + people(24, "b", "a", "b") + people(24, "a", "b", "b"))
    periods = [quiet, middle, quiet]
    assert certain([window("region", periods[:2]), window("sex", periods[1:], 1)], periods) is few


@pytest.mark.parametrize(("women", "few"), [(4, True), (12, False)])
def test_two_periods_with_another_between_them(women: int, few: bool) -> None:  # noqa: FBT001 - the answer
    """Of thirty-three, thirty at most came in the middle: three came in the first period or in the last."""
    outer = counted(PEOPLE, people(women, "a", "a", "a") + people(8, "b", "a", "a"))
    middle = counted(PEOPLE, people(26, "a", "a", "a") + people(4, "b", "a", "a"))
    periods = [outer, middle, outer]
    assert certain([window("sex", periods)], periods) is few


def test_what_an_organisation_knows_is_not_what_it_finds() -> None:
    """Thirty are in both groups, of whom it knows two, or twenty-two."""
    for known, few in ((2, False), (22, True)):
        both = people(known, "a", "a", "b", known=("one",)) + people(30 - known, "a", "a", "b", known=("two",))
        cases = both + people(15, "a", "b", "a", known=("two",)) + people(15, "b", "a", "c", known=("three",))
        one = counted(PEOPLE, cases)
        published = [window("sex", [one]), window("region", [one])]
        assert certain(published, [one], {0: one.organisations["one"]}) is few


def test_finer_groups_of_the_next_window_say_that_each_had_many() -> None:
    """Three groups of sex of twenty each: whoever knows the rules divides what was shown as one."""
    cases = [people(20, sex, "a", work) for sex, work in (("a", "a"), ("b", "b"), ("c", "c"))]
    one = counted(PEOPLE, [person for several in cases for person in several])
    coarse, finer = window("sex", [one]), window("sex", [one], 1, 0)
    rules = Knowledge([60, 60], {}, RULES.minimum)
    for published, least in (([coarse], 0), ([coarse, finer], 20)):
        attack = Attack(PEOPLE, RULES, published, rules)
        ((_, parts),) = list(attack.stretches(0))[:1]
        assert parts[0][0].least({"sex": frozenset("b")}, [True]) == least
    assert betrayed_since(PEOPLE, [coarse, finer], 1) == 0
    assert betrayed_since(PEOPLE, [coarse, window("sex", [one], 1)], 1) == 1


def test_the_rules_themselves_say_that_others_are_in_a_cell() -> None:
    """Ten besides what any two know, and three who know: twelve at least, and eleven besides one who is among them."""
    one = counted(PEOPLE, people(12, "a", "a", "a") + people(48, "b", "a", "a"))
    published = [window("sex", [one])]
    for own, least in (({}, 12), ({0: Caseload(1, {"sex": {("a",): 1}})}, 11)):
        attack = Attack(PEOPLE, RULES, published, Knowledge([60], own, RULES.minimum, len(own)))
        assert attack.bounds(("a", "a", "a"), 0).least == least


@pytest.mark.parametrize(("own", "who"), [(0, "anybody"), (12, "one")])
def test_the_gate_refuses_it(own: int, who: str) -> None:
    """Every rule is kept, and no whole record is there for certain; but two groups must overlap, in few others."""
    cases = []
    others = (*ALL[1:], "five")
    for number, sex, region, names in (
        (own, "a", "a", ALL[:1]),
        (8, "a", "a", others),
        (26, "a", "b", others),
        (26, "b", "a", others),
    ):
        for place in range(number):
            cases += people(1, sex, region, "ab"[place % 2], known=(names[place // 2 % len(names)],))
    one = counted(PEOPLE, cases)
    sexes, regions, work = (window(name, [one]) for name in PEOPLE.tables)
    found = inspect(PEOPLE, RULES, [sexes, regions, work], [one])
    assert {finding.leak for finding in found} == {Leak.PRESENCE}
    assert who in {finding.attacker for finding in found}
    assert (own == 0) is ("anybody" in {finding.attacker for finding in found})
    assert inspect(PEOPLE, RULES, [sexes], [one]) == []


def test_the_gate_knows_what_the_rules_betray() -> None:
    """Finer groups of sex now say that each had twenty before, when forty-five of sixty were in one region."""
    before = (("a", "a", 20), ("b", "a", 9), ("c", "a", 16), ("b", "b", 11), ("c", "b", 4))
    counts = []
    for several in (before, (("a", "a", 20), ("b", "a", 20), ("c", "a", 20))):
        drawn = [(sex, region) for sex, region, number in several for _ in range(number)]
        cases = []
        for place, (sex, region) in enumerate(drawn):
            cases += people(1, sex, region, "a", known=(f"organisation-{place % 10}",))
        counts.append(counted(PEOPLE, cases))
    first = [window("sex", counts[:1]), window("region", counts[:1])]
    assert inspect(PEOPLE, RULES, [*first, window("sex", counts[1:], 1)], counts, since=1) == []
    found = inspect(PEOPLE, RULES, [*first, window("sex", counts[1:], 1, 0)], counts, since=1)
    assert {finding.leak for finding in found} == {Leak.PRESENCE}
    assert "anybody" in {finding.attacker for finding in found}
