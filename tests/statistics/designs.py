"""Designs that protect less than ours: what each would publish of a population, for the gate to refuse."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from domain.statistics.counts import Count, together
from domain.statistics.declaration import Population, Rules
from domain.statistics.windows import Window
from tests.statistics.populations import POPULATION, RULES

TWO_WAYS = Population.model_validate(
    POPULATION.model_dump()
    | {"tables": POPULATION.model_dump()["tables"] | {"sex_age": {"dimensions": ["sex", "age"], "pooled": 3}}}
)


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


class Exactly(Rules):
    """How a design is read that publishes what it counted."""

    def uncertainty(self, published: int) -> tuple[int, int]:
        return published, published


class Nearly(Rules):
    """How a design is read that publishes a number at most two away from the count, whatever the count is."""

    def uncertainty(self, published: int) -> tuple[int, int]:
        return max(0, published - 2), published + 2


NEARLY = Nearly()


@dataclass(frozen=True)
class Weaker:
    """A weaker design.

    Attributes:
        publish: What it would publish of some periods.
        read: How somebody who knows the design reads its numbers.
        only: The table that is worth reading so; None for all.
    """

    publish: Callable[[Sequence[Count]], list[Window]]
    read: Rules = NEARLY
    only: str | None = None

    @property
    def name(self) -> str:
        """What it is called."""
        return self.publish.__name__


DESIGNS = (
    Weaker(without_collapse),
    Weaker(without_rounding, Exactly()),
    Weaker(suppressed, Exactly()),
    Weaker(with_zeros),
    Weaker(with_noise),
    Weaker(two_ways_exactly, Exactly(), "sex_age"),
    Weaker(two_ways_of_one_period),
    Weaker(of_one_organisation),
    Weaker(rolling),
    Weaker(with_every_case),
)
