"""When a table is renewed, over which periods, and in which groups. Pure.

A case is counted once, in the period in which it was registered, as it was then known; later changes change no count.
A table covers whole periods: its window grows until every rule holds, is published, and the next one begins after it.
So windows of a table never overlap, and nothing can be learned from the difference of two of them.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from domain.statistics.counts import Count, together
from domain.statistics.declaration import Cell, Population, Rules


class Reason(StrEnum):
    """Why a table is not renewed."""

    FEW_PERIODS = "few_periods"  # it pools more periods than have gone by
    FEW_CASES = "few_cases"  # fewer new cases than a window needs
    SMALL_CELL = "small_cell"  # a cell is below the minimum, or nobody is in it
    SMALL_COMPLEMENT = "small_complement"  # all other cells of the table together are below the minimum
    FEW_ORGANISATIONS = "few_organisations"  # fewer organisations than needed know of the cases of a cell
    ONE_ORGANISATION = "one_organisation"  # without what one organisation knows, a cell is below the minimum
    TWO_ORGANISATIONS = "two_organisations"  # without what two know together, a cell is below the minimum
    GATE = "gate"  # with all that was ever published it would say too much


@dataclass(frozen=True)
class Window:
    """One published state of one table.

    Attributes:
        first: The first period, counted from the installation's first.
        last: The last period.
        levels: The level of each dimension of the table.
        total: All cases of the window, rounded on its own: rounded cells need not add up to it.
        cells: By cell of groups: rounded counts; every cell of the table is there.
        retracted: It was found wrong and shows nothing any more. Its periods stay used: nothing replaces it.
    """

    table: str
    first: int
    last: int
    levels: tuple[int, ...]
    total: int
    cells: Mapping[Cell, int]
    retracted: bool = False


def faults(
    population: Population, rules: Rules, table: str, levels: tuple[int, ...], count: Count, periods: int
) -> frozenset[Reason]:
    """Return every rule that a table over these cases would break, whoever looks at it."""
    cells = count.everybody.grouped(population, table, levels)
    known = [one.grouped(population, table, levels) for one in count.organisations.values()]
    found = set()
    if periods < population.tables[table].pooled:
        found.add(Reason.FEW_PERIODS)
    if count.everybody.total < rules.window:
        found.add(Reason.FEW_CASES)
    for cell, number in cells.items():
        most = sorted((one[cell] for one in known), reverse=True)
        if number < rules.minimum:
            found.add(Reason.SMALL_CELL)
        if count.everybody.total - number < rules.minimum:
            found.add(Reason.SMALL_COMPLEMENT)
        if sum(one > 0 for one in most) < rules.organisations:
            found.add(Reason.FEW_ORGANISATIONS)
        if number - sum(most[:1]) < rules.minimum:
            found.add(Reason.ONE_ORGANISATION)
        if number - sum(most[:2]) < rules.minimum:
            found.add(Reason.TWO_ORGANISATIONS)
    return frozenset(found)


def levels_for(population: Population, rules: Rules, table: str, last: Count | None, waiting: int) -> tuple[int, ...]:
    """Return the levels of a table's next window, chosen without looking at what is in it.

    Which groups are taken tells everybody that the last window had many in each. So they are taken only where they
    could have been published of it, with all that the rules demand of organisations.

    Args:
        population: Which levels there are.
        rules: The rules of protection.
        table: The table.
        last: What its last window counted; None before the first.
        waiting: How many periods have gone by since, or since the beginning.
    """
    if last is None or waiting > rules.patience:
        return population.coarsest(table)
    enough = (
        levels
        for levels in population.levels(table)
        if min(last.everybody.grouped(population, table, levels).values()) >= 2 * rules.minimum
        and not faults(population, rules, table, levels, last, population.tables[table].pooled)
    )
    return next(enough, population.coarsest(table))


def window_of(
    population: Population, rules: Rules, table: str, history: Sequence[Window], periods: Sequence[Count]
) -> Window | frozenset[Reason]:
    """Return the window that a table would be renewed by, or why it waits.

    Args:
        population: What is counted.
        rules: The rules of protection.
        table: The table.
        history: Its windows so far, in order.
        periods: All periods from the installation's first to the one that has just ended.
    """
    first = history[-1].last + 1 if history else 0
    count = together(periods[first:])
    waiting = len(periods) - first
    last = together(periods[history[-1].first : history[-1].last + 1]) if history else None
    levels = levels_for(population, rules, table, last, waiting)
    found = faults(population, rules, table, levels, count, waiting)
    if found:
        return found
    cells = count.everybody.grouped(population, table, levels)
    return Window(
        table,
        first,
        len(periods) - 1,
        levels,
        rules.rounded(count.everybody.total),
        {cell: rules.rounded(number) for cell, number in cells.items()},
    )
