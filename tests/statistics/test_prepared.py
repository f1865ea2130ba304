"""What the rules let through: every figure at least the minimum, and windows of a table that never share a period."""

from collections.abc import Iterator
from dataclasses import replace
from itertools import pairwise

import pytest

from domain.statistics.counts import Count, counted
from domain.statistics.declaration import Cell
from domain.statistics.gate import inspect
from domain.statistics.release import prepare
from domain.statistics.windows import Window
from tests.statistics.designs import TWO_WAYS
from tests.statistics.measuring import SIZES
from tests.statistics.populations import ORGANISATIONS, RULES, Record, records, repeatable
from tests.statistics.test_certainty import PEOPLE

EACH = 3
SEEDS = (421, 1028, 1933, 2599)
"""Populations in which that happens."""


def populations(size: int) -> list[list[Count]]:
    """Draw populations of a size."""
    return [[counted(TWO_WAYS, records(repeatable("release", size, seed), size))] for seed in range(EACH)]


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


def sparse(seed: int) -> Iterator[list[Record]]:
    """Draw four periods, some of which have few cases."""
    chance = repeatable(seed)
    weights = {name: [chance.randint(*ends) for ends in ((40, 80), (10, 30), (5, 20))] for name in PEOPLE.dimensions}
    for _ in range(4):
        yield [
            (
                {name: chance.choices("abc", weights[name])[0] for name in PEOPLE.dimensions},
                set(chance.choices(list(ORGANISATIONS), list(ORGANISATIONS.values()), k=2)),
            )
            for _ in range(chance.choice((1, 20, 40, 60)))
        ]


@pytest.mark.parametrize("seed", SEEDS)
def test_somebody_who_found_nothing_before_a_table_was_left_out_may_find_something_after(seed: int) -> None:
    """With one table fewer more periods look alike, and others find a few in them: everybody is asked at the end."""
    counts = [counted(PEOPLE, one) for one in sparse(seed)]
    published: list[Window] = []
    for number in range(1, len(counts) + 1):
        published += prepare(PEOPLE, RULES, published, counts[:number]).renewed.values()
        assert not inspect(PEOPLE, RULES, published, counts[:number])
    assert published


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
    for _ in range(8):
        periods.append(counted(TWO_WAYS, records(chance, 70)))
        published += prepare(TWO_WAYS, RULES, published, periods).renewed.values()
    for table in TWO_WAYS.tables:
        spans = [(one.first, one.last) for one in published if one.table == table]
        assert all(before[1] + 1 == after[0] for before, after in pairwise(spans))
    assert len({one.table for one in published}) >= 5
