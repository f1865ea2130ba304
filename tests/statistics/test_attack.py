"""The attacker's bounds are the true ones: compared with a formula, and with every population that there could be."""

from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.statistics.attack import Attack, Bounds, Knowledge
from domain.statistics.counts import Caseload, Count, counted
from domain.statistics.declaration import Population, Rules
from domain.statistics.programme import Contradiction
from domain.statistics.windows import Window
from tests.statistics.populations import POPULATION, period, repeatable

PAIR = Population.model_validate(
    {
        "unit": "cases",
        "dimensions": {
            "sex": {"values": ["female", "male"], "levels": [{"female": ["female"]}]},
            "age": {"values": ["child", "adult", "old"], "levels": [{"child": ["child"], "adult": ["adult"]}]},
        },
        "tables": {
            "sex": {"dimensions": ["sex"]},
            "age": {"dimensions": ["age"]},
            "both": {"dimensions": ["sex", "age"], "pooled": 3},
        },
    }
)


class Exact(Rules):
    """What an attacker knows of a design that publishes what it counted."""

    def uncertainty(self, published: int) -> tuple[int, int]:
        return published, published


def windows(
    population: Population, rules: Rules, count: Count, tables: list[str], first: int, last: int
) -> list[Window]:
    """Publish tables at their finest levels, whatever is in them."""
    found = []
    for table in tables:
        levels: tuple[int, ...] = tuple(0 for _ in population.tables[table].dimensions)
        cells = count.everybody.grouped(population, table, levels)
        shown = cells if isinstance(rules, Exact) else {cell: rules.rounded(number) for cell, number in cells.items()}
        found.append(Window(table, first, last, levels, 0, shown))
    return found


@pytest.mark.parametrize("seed", range(8))
def test_tables_of_one_dimension_bound_as_the_formula_of_frechet_says(seed: int) -> None:
    chance = repeatable(seed)
    count = period(chance, chance.choice([60, 150, 400]))
    total = count.everybody.total
    published = windows(POPULATION, Exact(), count, list(POPULATION.tables), 0, 0)
    attack = Attack(POPULATION, Exact(), published, Knowledge([total]))
    for values in list(count.cross)[:40]:
        margins = [
            next(
                number
                for cell, number in window.cells.items()
                if cell == tuple(grouping[value] for grouping in POPULATION.groupings(window.table, window.levels))
            )
            for window, value in zip(
                sorted(published, key=lambda one: list(POPULATION.dimensions).index(one.table)), values, strict=True
            )
        ]
        expected = max(0, sum(margins) - (len(margins) - 1) * total), min(margins)
        found = attack.bounds(values, 0)
        assert (found.least, found.most) == expected


@given(
    st.lists(
        st.tuples(st.sampled_from(["female", "male"]), st.sampled_from(["child", "adult", "old"])),
        min_size=1,
        max_size=5,
    )
)
def test_every_population_that_fits_is_within_the_bounds_and_the_ends_occur(people: list[tuple[str, str]]) -> None:
    count = counted(PAIR, [({"sex": sex, "age": age}, ()) for sex, age in people])
    for tables in (["sex", "age"], ["both"], ["sex", "age", "both"]):
        published = windows(PAIR, Exact(), count, tables, 0, 0)
        attack = Attack(PAIR, Exact(), published, Knowledge([len(people)]))
        cells = list(product(["female", "male"], ["child", "adult", "old"]))
        fitting = []
        for numbers in product(range(len(people) + 1), repeat=len(cells)):
            if sum(numbers) != len(people):
                continue
            other = Caseload(0, {"both": dict(zip(cells, numbers, strict=True))})
            shown = other.grouped(PAIR, "both", (0, 0))
            sexes = {sex: sum(n for (s, _), n in shown.items() if s == sex) for sex in ("female", "other_or_unknown")}
            groups = ("child", "adult", "other_or_unknown")
            ages = {age: sum(n for (_, a), n in shown.items() if a == age) for age in groups}
            for window in published:
                if window.table == "both" and shown != dict(window.cells):
                    break
                if window.table == "sex" and any(sexes[cell[0]] != n for cell, n in window.cells.items()):
                    break
                if window.table == "age" and any(ages[cell[0]] != n for cell, n in window.cells.items()):
                    break
            else:
                fitting.append(dict(zip(cells, numbers, strict=True)))
        for cell in cells:
            possible = [one[cell] for one in fitting]
            assert attack.bounds(cell, 0) == Bounds(min(possible), max(possible), len(people), whole=True)


def test_what_somebody_knows_is_subtracted() -> None:
    people = [({"sex": "female", "age": "child"}, ["alpha"])] * 11 + [({"sex": "male", "age": "old"}, ["beta"])] * 12
    count = counted(PAIR, people)
    published = windows(PAIR, Exact(), count, ["sex", "age"], 0, 0)
    knows = Knowledge([23], {0: count.organisations["beta"]})
    attack = Attack(PAIR, Exact(), published, knows)
    assert attack.bounds(("female", "child"), 0) == Bounds(11, 11, 11, whole=True)
    assert attack.bounds(("male", "old"), 0) == Bounds(0, 0, 11, whole=True)


def test_windows_of_several_tables_over_different_periods_are_put_together() -> None:
    years = [
        counted(PAIR, [({"sex": "female", "age": "child"}, ())] * 20),
        counted(PAIR, [({"sex": "male", "age": "old"}, ())] * 5),
    ]
    both = Window("sex", 0, 1, (0,), 25, {("female",): 20, ("other_or_unknown",): 5})
    first = windows(PAIR, Exact(), years[0], ["age"], 0, 0)
    attack = Attack(PAIR, Exact(), [both, *first], Knowledge([20, 5]))
    # At most five of the twenty women can be of the second period: fifteen children at least are girls.
    assert attack.bounds(("female", "child"), 0) == Bounds(15, 20, 20, whole=True)


def test_what_cannot_be_true_together_is_said() -> None:
    count = counted(PAIR, [({"sex": "female", "age": "child"}, ())] * 20)
    attack = Attack(PAIR, Exact(), windows(PAIR, Exact(), count, ["sex", "age"], 0, 0), Knowledge([19]))
    with pytest.raises(Contradiction):
        attack.bounds(("female", "child"), 0)
