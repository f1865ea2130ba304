"""The independent attacker is a real one: it succeeds where it should, and its bounds are the true ones."""

from collections.abc import Iterator, Mapping, Sequence
from itertools import combinations_with_replacement, product
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.statistics.independent_attacker import Attacker, Bound, Contradiction, full_cross
from tests.statistics.necessary_overlaps import Overlaps
from tests.statistics.published_limits import Cases, Groups, Limits, Outside, among, cases_of, limits_of
from tests.statistics.releases_to_attack import PEOPLE, declared, totals_of, weak, window

SEX = {"female": 0, "male": 1}
SEX_AND_FORM = declared(sex=["female", "male"], form=["labour", "sexual"])


def _limits(document: bytes, declaration: Mapping[str, Any], outside: Outside) -> Limits:
    return limits_of(document, PEOPLE, declaration, outside)


def _only(*values: int) -> frozenset[int]:
    return frozenset(values)


# Weak releases, with known answers


def test_a_bulletin_that_prints_total_and_men_names_the_seven_others() -> None:
    people = declared(sex=["female", "male", "not_told"])
    bulletin = weak({"sex": [window({("female",): 60, ("male",): 83}, total=150)]})
    attacker = Attacker(_limits(bulletin, people, Outside()))
    assert attacker.bound({0: _only(2)}, [0]) == Bound(7, 7)


def test_a_revised_bulletin_names_who_was_taken_out() -> None:
    people = declared(sex=["female", "male"], status=["stays", "removed"])
    revised = weak(
        {
            "sex": [window({("female",): 60, ("male",): 83}, total=143)],
            "sex-status": [window({("female", "stays"): 59, ("male", "stays"): 83}, total=None)],
        }
    )
    attacker = Attacker(_limits(revised, people, Outside()))
    assert attacker.bound({0: _only(0), 1: _only(1)}, [0]) == Bound(1, 1)
    assert attacker.bound({0: _only(1), 1: _only(1)}, [0]) == Bound(0, 0)


def test_suppressed_cells_with_their_margins_are_recovered() -> None:
    forms = declared(region=["north", "south", "east"], form=["labour", "sexual", "other"])
    cells: dict[tuple[str, ...], int | None] = {
        ("north", "labour"): 31,
        ("north", "sexual"): None,
        ("north", "other"): 14,
        ("south", "labour"): None,
        ("south", "sexual"): 22,
        ("south", "other"): None,
        ("east", "labour"): 18,
        ("east", "sexual"): None,
        ("east", "other"): 25,
    }
    margins = {
        "region": [window({("north",): 48, ("south",): 34, ("east",): 49})],
        "form": [window({("labour",): 57, ("sexual",): 31, ("other",): 43})],
    }
    attacker = Attacker(_limits(weak({"region-form": [window(cells)], **margins}), forms, Outside([131])))
    found = {
        (row, column): attacker.bound({0: _only(row), 1: _only(column)}, [0])
        for row, column in product(range(3), repeat=2)
    }
    assert found[0, 1] == Bound(3, 3)
    assert found[1, 0] == Bound(8, 8)
    assert found[1, 2] == Bound(4, 4)
    assert found[2, 1] == Bound(6, 6)


def test_an_unrounded_table_of_two_dimensions_and_an_exact_total_name_one_person() -> None:
    cells: dict[tuple[str, ...], int | None] = {
        ("female", "labour"): 20,
        ("female", "sexual"): 41,
        ("male", "labour"): 38,
    }
    attacker = Attacker(_limits(weak({"sex-form": [window(cells)]}), SEX_AND_FORM, Outside([100])))
    assert attacker.bound({0: _only(1), 1: _only(1)}, [0]) == Bound(1, 1)


def test_what_an_organisation_knows_leaves_the_other_case() -> None:
    document = weak({"sex": [window({("female",): 12, ("male",): 30})]})
    rows = [(number, 0, {"sex": "female", "form": "sexual"}) for number in range(11)]
    own = cases_of(SEX_AND_FORM, rows)
    assert Attacker(_limits(document, SEX_AND_FORM, Outside([42], (own,)))).bound({0: _only(0)}, [0]) == Bound(1, 1)
    halves = own[:6], own[4:]
    assert Attacker(_limits(document, SEX_AND_FORM, Outside([42], halves))).bound({0: _only(0)}, [0]) == Bound(1, 1)


def test_two_releases_that_overlap_are_subtracted() -> None:
    growing = [
        window({("female",): 40, ("male",): 60}, periods=(0, 0)),
        window({("female",): 41, ("male",): 60}, periods=(0, 1)),
    ]
    attacker = Attacker(_limits(weak({"sex": growing}, periods=2), SEX_AND_FORM, Outside()))
    assert attacker.bound({0: _only(0)}, [1]) == Bound(1, 1)
    assert attacker.bound({0: _only(1)}, [1]) == Bound(0, 0)


def test_rounding_alone_does_not_hide_who_everybody_is() -> None:
    document = weak({"sex": [window({("female",): 100, ("male",): 5})], "form": [window({("labour",): 95})]}, base=5)
    attacker = Attacker(_limits(document, SEX_AND_FORM, Outside([102])))
    assert attacker.bound({0: _only(0), 1: _only(0)}, [0]) == Bound(98 + 93 - 102, 97)


def test_the_rules_say_more_than_the_rounded_count() -> None:
    ruled = {"base": 5, "minimum": 10, "organisations": 3, "window": 40}
    document = weak({"sex": [window({("female",): 10, ("male",): 35})]}, **ruled)
    assert Attacker(_limits(document, SEX_AND_FORM, Outside())).bound({0: _only(0)}, [0]) == Bound(12, 12)


def test_finer_groups_in_the_next_window_say_what_this_one_had() -> None:
    channels = declared(channel=["hotline", "police", "court"])
    channels["dimensions"]["channel"]["levels"].append({"state": ["police", "court"]})
    windows = [
        window({("state",): 75, ("other_or_unknown",): 25}, levels=[1]),
        window({("hotline",): 30, ("police",): 30, ("court",): 30}, periods=(1, 1)),
    ]
    ruled = {"base": 5, "minimum": 10, "patience": 3}
    document = weak({"channel": windows}, periods=2, **ruled)
    attacker = Attacker(_limits(document, channels, Outside([100, 90])))
    assert attacker.bound({0: _only(1)}, [0]) == Bound(20, 57)


def test_what_cannot_be_is_a_contradiction() -> None:
    document = weak({"sex": [window({("female",): 12, ("male",): 30})]})
    with pytest.raises(Contradiction):
        Attacker(_limits(document, SEX_AND_FORM, Outside([50]))).least({0: _only(0)}, [0])


# Bounds


@st.composite
def small(
    draw: st.DrawFn, dimensions: int = 2, periods: int = 2, cases: int = 3, base: int = 1, fewest: int = 1
) -> tuple[Any, ...]:
    """Draw a few cases, tables about them, and what somebody knows besides."""
    names = "abc"[:dimensions]
    declaration = declared(**{name: ["0", "1"] if name != "c" else ["0", "1", "2"] for name in names})
    sizes = [len(one["values"]) for one in declaration["dimensions"].values()]
    values = st.tuples(*(st.integers(0, size - 1) for size in sizes))
    rows = draw(st.lists(st.tuples(st.integers(0, periods - 1), values), min_size=fewest, max_size=cases))
    everybody = cases_of(
        declaration,
        ((number, period, dict(zip(names, map(str, one), strict=True))) for number, (period, one) in enumerate(rows)),
    )
    tables: dict[str, list[dict[str, Any]]] = {}
    for number in range(draw(st.integers(1, 3))):
        shown = draw(st.lists(st.sampled_from(range(dimensions)), min_size=1, max_size=2, unique=True))
        first = draw(st.integers(0, periods - 1))
        last = draw(st.integers(first, periods - 1))
        tables["-".join(names[one] for one in shown) + f"+{number}"] = [
            _window_of(everybody, shown, sizes, (first, last), base)
        ]
    own = everybody[draw(st.lists(st.integers(0, len(everybody) - 1), max_size=2, unique=True))]
    exact = draw(st.booleans())
    outside = Outside(totals_of(everybody, periods) if exact else None, (own,))
    asked = draw(st.lists(st.sampled_from(range(dimensions)), min_size=1, unique=True))
    groups = {one: frozenset({draw(st.integers(0, sizes[one] - 1))}) for one in asked}
    when = draw(st.lists(st.integers(0, periods - 1), min_size=1, unique=True))
    return declaration, weak(tables, periods=periods, base=base), outside, everybody, groups, when


def _window_of(
    everybody: Cases, shown: Sequence[int], sizes: Sequence[int], span: tuple[int, int], base: int
) -> dict[str, Any]:
    periods = range(span[0], span[1] + 1)
    counts = {
        tuple(map(str, cell)): len(
            among(everybody, {one: frozenset({value}) for one, value in zip(shown, cell, strict=True)}, periods)
        )
        for cell in product(*(range(sizes[one]) for one in shown))
    }
    rounded = {cell: (count + base // 2) // base * base for cell, count in counts.items()}
    return window(rounded, total=(sum(counts.values()) + base // 2) // base * base, periods=span)


def _hidden(everybody: Cases, limits: Limits) -> Cases:
    known = set(limits.known[:, 0].tolist())
    return everybody[[number not in known for number in everybody[:, 0].tolist()]]


def _every_population(limits: Limits) -> Iterator[list[list[tuple[int, ...]]]]:
    cells = list(product(*(range(size) for size in limits.sizes)))
    each = [list(combinations_with_replacement(cells, least)) for least, _ in limits.totals]
    for chosen in product(*each):
        people = [list(one) for one in chosen]
        if all(limit.least <= _count(people, limit.groups, limit.periods) <= limit.most for limit in limits.limits):
            yield people


def _count(people: Sequence[Sequence[tuple[int, ...]]], groups: Groups, periods: Sequence[int]) -> int:
    return sum(all(one[d] in values for d, values in groups.items()) for period in periods for one in people[period])


@settings(deadline=None, max_examples=40)
@given(small(dimensions=2, periods=2, cases=5))
def test_the_bounds_are_those_of_all_populations_that_fit(drawn: tuple[Any, ...]) -> None:
    declaration, document, outside, everybody, groups, when = drawn
    outside = Outside(totals_of(everybody, 2), outside.own)
    limits = _limits(document, declaration, outside)
    counts = [_count(people, groups, when) for people in _every_population(limits)]
    assert Attacker(limits).bound(groups, when) == Bound(min(counts), max(counts))


@settings(deadline=None, max_examples=40)
@given(st.sampled_from([1, 3, 5]).flatmap(lambda base: small(dimensions=3, periods=2, cases=40, base=base)))
def test_blocks_have_the_bounds_of_the_full_cross_and_the_truth_lies_within(drawn: tuple[Any, ...]) -> None:
    declaration, document, outside, everybody, groups, when = drawn
    limits = _limits(document, declaration, outside)
    found = Attacker(limits).bound(groups, when)
    assert found == full_cross(limits, groups, when)
    assert found.least <= len(among(_hidden(everybody, limits), groups, when)) <= found.most


@settings(deadline=None, max_examples=40)
@given(st.sampled_from([1, 3, 5]).flatmap(lambda base: small(dimensions=3, periods=3, cases=40, base=base)))
def test_the_bound_without_a_solver_is_safe_and_never_sharper(drawn: tuple[Any, ...]) -> None:
    declaration, document, outside, everybody, groups, when = drawn
    limits = _limits(document, declaration, Outside(totals_of(everybody, 3), outside.own))
    assert Overlaps(limits).within(groups, when) <= Attacker(limits).least(groups, when)


@settings(deadline=None, max_examples=40)
@given(st.data())
def test_the_bound_without_a_solver_is_the_exact_one_for_tables_of_one_dimension(data: st.DataObject) -> None:
    declaration, _, outside, everybody, groups, when = data.draw(small(dimensions=3, periods=3, cases=40, fewest=15))
    base = data.draw(st.sampled_from([1, 3, 5]))
    sizes = [len(one["values"]) for one in declaration["dimensions"].values()]
    spans = st.sampled_from(
        [[(0, 2)], [(0, 0), (1, 2)], [(0, 1), (2, 2)], [(0, 1)], [(1, 1)], [(0, 0), (1, 1), (2, 2)]]
    )
    tables = {
        name: [_window_of(everybody, [place], sizes, span, base) for span in data.draw(spans)]
        for place, name in enumerate("abc")
    }
    limits = _limits(weak(tables, periods=3, base=base), declaration, Outside(totals_of(everybody, 3), outside.own))
    assert Overlaps(limits).within(groups, when) == Attacker(limits).least(groups, when)
