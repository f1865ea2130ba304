"""Every weaker design is refused by the gate, in 99 populations of 100 and more."""

import os
from collections.abc import Callable, Sequence
from dataclasses import replace
from itertools import pairwise

import pytest

from domain.statistics.counts import Count, counted, together
from domain.statistics.declaration import Cell, Population
from domain.statistics.gate import inspect
from domain.statistics.release import prepare
from domain.statistics.windows import Window
from tests.statistics.populations import POPULATION, RULES, records, repeatable

SIZES = (20, 60, 150, 400, 1000)
EACH = int(os.environ.get("NRM_STATISTICS_POPULATIONS", "12"))  # noqa: TID251 - no setting of the service
"""Populations of each size; a thousand in `make statistics`."""

TWO_WAYS = Population.model_validate(
    POPULATION.model_dump()
    | {"tables": POPULATION.model_dump()["tables"] | {"sex_age": {"dimensions": ["sex", "age"], "pooled": 3}}}
)

Design = Callable[[Sequence[Count]], list[Window]]


def finest(table: str) -> tuple[int, ...]:
    return tuple(0 for _ in TWO_WAYS.tables[table].dimensions)


def shown(
    table: str, count: Count, levels: tuple[int, ...], show: Callable[[int], int], first: int = 0, last: int = 0
) -> Window:
    cells = count.everybody.grouped(TWO_WAYS, table, levels)
    total = RULES.rounded(count.everybody.total)
    return Window(table, first, last, levels, total, {cell: show(number) for cell, number in cells.items()})


def each(counts: Sequence[Count], show: Callable[[int], int], *, coarse: bool = False) -> list[Window]:
    return [
        shown(table, counts[0], POPULATION.coarsest(table) if coarse else finest(table), show)
        for table in POPULATION.tables
    ]


def without_collapse(counts: Sequence[Count]) -> list[Window]:
    """Everything at its finest, rounded."""
    return each(counts, RULES.rounded)


def without_rounding(counts: Sequence[Count]) -> list[Window]:
    return each(counts, lambda number: number, coarse=True)


def suppressed(counts: Sequence[Count]) -> list[Window]:
    """A threshold alone: small cells are left out, the rest is exact."""
    found = []
    for table in POPULATION.tables:
        cells = counts[0].everybody.grouped(POPULATION, table, finest(table))
        kept = {cell: number for cell, number in cells.items() if number >= RULES.minimum}
        found.append(Window(table, 0, 0, finest(table), counts[0].everybody.total, kept))
    return found


def with_zeros(counts: Sequence[Count]) -> list[Window]:
    """Small cells are shown as none."""
    return each(counts, lambda number: RULES.rounded(number) if number >= RULES.minimum else 0)


def with_noise(counts: Sequence[Count]) -> list[Window]:
    """A little noise that depends on the cell alone, as cell keys give."""
    return each(counts, lambda number: max(0, number + number * 7919 % 5 - 2), coarse=True)


def two_ways_exactly(counts: Sequence[Count]) -> list[Window]:
    return [*each(counts, RULES.rounded, coarse=True), shown("sex_age", counts[0], finest("sex_age"), lambda one: one)]


def two_ways_of_one_period(counts: Sequence[Count]) -> list[Window]:
    return [shown("sex_age", counts[0], TWO_WAYS.coarsest("sex_age"), RULES.rounded)]


def of_one_organisation(counts: Sequence[Count]) -> list[Window]:
    """What one organisation counted, as a national figure."""
    name, own = max(counts[0].organisations.items(), key=lambda item: item[1].total)
    return each([Count(own, {name: own})], RULES.rounded, coarse=True)


def rolling(counts: Sequence[Count]) -> list[Window]:
    """The same table again, one period later."""
    both = together(counts)
    coarse = POPULATION.coarsest("region")
    return [
        shown("region", counts[0], coarse, RULES.rounded),
        shown("region", both, coarse, RULES.rounded, 0, len(counts) - 1),
    ]


def with_every_case(counts: Sequence[Count]) -> list[Window]:
    """Renewed as soon as there is one new case."""
    return [shown("region", counts[1], POPULATION.coarsest("region"), RULES.rounded, 1, 1)]


DESIGNS: list[Design] = [
    without_collapse,
    without_rounding,
    suppressed,
    with_zeros,
    with_noise,
    two_ways_exactly,
    two_ways_of_one_period,
    of_one_organisation,
    rolling,
    with_every_case,
]


def populations(size: int) -> list[list[Count]]:
    """Draw populations of a size, each with one more case afterwards."""
    found = []
    for seed in range(EACH):
        chance = repeatable(size, seed)
        found.append([counted(TWO_WAYS, records(chance, size)), counted(TWO_WAYS, records(chance, 1))])
    return found


@pytest.mark.parametrize("design", DESIGNS, ids=lambda design: design.__name__)
def test_a_weaker_design_is_refused(design: Design) -> None:
    tried = caught = 0
    for size in SIZES:
        for counts in populations(size):
            tried += 1
            caught += bool(inspect(TWO_WAYS, RULES, design(counts), counts))
    assert tried == EACH * len(SIZES)
    assert caught >= 0.99 * tried, f"{caught} of {tried}"


def test_what_the_rules_prepare_passes_the_gate_and_shows_no_small_number() -> None:
    published = 0
    for size in SIZES:
        for counts in populations(size):
            candidate = prepare(TWO_WAYS, RULES, [], counts[:1])
            windows = list(candidate.renewed.values())
            assert not inspect(TWO_WAYS, RULES, windows, counts[:1])
            for window in windows:
                published += 1
                exact = counts[0].everybody.grouped(TWO_WAYS, window.table, window.levels)
                assert min(exact.values()) >= RULES.minimum
                assert all(number % RULES.base == 0 for number in window.cells.values())
    assert published > EACH


def test_one_changed_figure_is_noticed() -> None:
    counts = populations(400)[0]
    windows = list(prepare(TWO_WAYS, RULES, [], counts[:1]).renewed.values())
    cell: Cell = next(iter(windows[0].cells))
    forged = replace(windows[0], cells={**windows[0].cells, cell: windows[0].cells[cell] + 5})
    assert inspect(TWO_WAYS, RULES, [forged, *windows[1:]], counts[:1])


def test_windows_of_a_table_never_share_a_period() -> None:
    chance = repeatable(5)
    periods: list[Count] = []
    published: list[Window] = []
    for _ in range(12):
        periods.append(counted(TWO_WAYS, records(chance, 70)))
        published += prepare(TWO_WAYS, RULES, published, periods).renewed.values()
    for table in TWO_WAYS.tables:
        spans = [(one.first, one.last) for one in published if one.table == table]
        assert all(before[1] + 1 == after[0] for before, after in pairwise(spans))
    assert len({one.table for one in published}) >= 5
