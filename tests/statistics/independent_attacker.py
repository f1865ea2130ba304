"""An attacker written apart from the gate's, over another formulation, with another solver (CBC, through PuLP).

Tables that share no dimension bind each other through the number of cases of a period alone. So the full cross of all
dimensions need not be written down: each block of dimensions that some table shows together has a variable for each of
its cells and periods, and the blocks meet in one inequality for each period. By how much sets of given sizes must
overlap is Boole's and Fréchet's bound, which is reached, in integers, for any number of sets; so that the small
programme has the bounds of the large one. `full_cross` is the large one, against which this is tested.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any

import pulp  # type: ignore[import-untyped]

from tests.statistics.published_limits import WITHOUT_LIMIT, Groups, Limits

Term = Any
"""A variable, or a sum of them: PuLP has no types."""
Cell = tuple[frozenset[int], ...]
Counted = Callable[[Cell, Sequence[int], Groups], bool]
"""Whether a cell counts: for the least only what is surely in the groups, for the most all that may be."""


class Contradiction(Exception):
    """No population fits: what is published, or what is thought to be known, is false."""


@dataclass(frozen=True)
class Bound:
    """At least and at most so many cases, and no population that fits says otherwise."""

    least: int
    most: int


def _value(problem: pulp.LpProblem) -> int:
    problem.solve(pulp.COIN_CMD(path=pulp.PULP_CBC_CMD.pulp_cbc_path, msg=False, gapRel=0, gapAbs=0.5))
    if problem.status != pulp.LpStatusOptimal:
        raise Contradiction(pulp.LpStatus[problem.status])
    return round(pulp.value(problem.objective) or 0)


def _whole(problem: pulp.LpProblem, name: str, least: int = 0, most: int = WITHOUT_LIMIT) -> Term:
    return problem.add_variable(name, least, most, cat=pulp.LpInteger)


def _inside(cell: Cell, block: Sequence[int], groups: Groups) -> bool:
    return all(part <= groups[dimension] for dimension, part in zip(block, cell, strict=True) if dimension in groups)


def _touching(cell: Cell, block: Sequence[int], groups: Groups) -> bool:
    return all(part & groups[dimension] for dimension, part in zip(block, cell, strict=True) if dimension in groups)


class Attacker:
    """Bounds on how many cases are in a combination of groups, from limits alone."""

    def __init__(self, limits: Limits) -> None:
        self.limits = limits
        self.blocks = limits.blocks()
        self.cells: dict[tuple[int, ...], list[Cell]] = {
            block: list(product(*(limits.atoms(dimension) for dimension in block))) for block in self.blocks
        }

    def least(self, groups: Groups, periods: Iterable[int]) -> int:
        """Return how many cases there are in the groups at least.

        Raises:
            Contradiction: No population fits.
        """
        problem = pulp.LpProblem("least", pulp.LpMinimize)
        totals, inside = self._model(problem, groups, _inside)
        overlaps = []
        for period in periods:
            overlap = _whole(problem, f"overlap_{period}")
            every = [one[period] for one in inside]
            problem += overlap >= pulp.lpSum(every) - (len(every) - 1) * totals[period]
            overlaps.append(overlap)
        problem.setObjective(pulp.lpSum(overlaps))
        return _value(problem)

    def most(self, groups: Groups, periods: Iterable[int]) -> int:
        """Return how many cases there are in the groups at most.

        Raises:
            Contradiction: No population fits.
        """
        problem = pulp.LpProblem("most", pulp.LpMaximize)
        totals, inside = self._model(problem, groups, _touching)
        overlaps = []
        for period in periods:
            overlap = _whole(problem, f"overlap_{period}")
            for one in [totals, *inside]:
                problem += overlap <= one[period]
            overlaps.append(overlap)
        problem.setObjective(pulp.lpSum(overlaps))
        return _value(problem)

    def bound(self, groups: Groups, periods: Sequence[int]) -> Bound:
        """Return both."""
        return Bound(self.least(groups, periods), self.most(groups, periods))

    def _model(self, problem: pulp.LpProblem, groups: Groups, counted: Counted) -> tuple[list[Term], list[list[Term]]]:
        """Write the blocks that matter; return the total of each period, and for each block who is in the groups."""
        totals: list[Term] = [
            _whole(problem, f"total_{period}", least, most) for period, (least, most) in enumerate(self.limits.totals)
        ]
        inside = []
        for number, block in enumerate(self.blocks):
            asked = any(dimension in groups for dimension in block)
            if asked or not self.limits.exact_totals:
                counts = self._block(problem, number, totals)
                if asked:
                    inside.append(_sums(counts, block, groups, counted))
        for limit in self.limits.limits:
            if not limit.groups:
                _between(problem, limit.least, pulp.lpSum(totals[one] for one in limit.periods), limit.most)
        return totals, inside

    def _block(self, problem: pulp.LpProblem, number: int, totals: Sequence[Term]) -> list[dict[Cell, Term]]:
        block = self.blocks[number]
        counts: list[dict[Cell, Term]] = [
            {cell: _whole(problem, f"count_{number}_{period}_{place}") for place, cell in enumerate(self.cells[block])}
            for period in range(len(totals))
        ]
        for period, total in enumerate(totals):
            problem += pulp.lpSum(counts[period].values()) == total
        for limit in self.limits.limits:
            if limit.groups and set(limit.groups) <= set(block):
                here = _sums([counts[one] for one in limit.periods], block, limit.groups, _inside)
                _between(problem, limit.least, pulp.lpSum(here), limit.most)
        return counts


def _sums(counts: Sequence[Mapping[Cell, Term]], block: Sequence[int], groups: Groups, counted: Counted) -> list[Term]:
    return [pulp.lpSum(one for cell, one in by.items() if counted(cell, block, groups)) for by in counts]


def _between(problem: pulp.LpProblem, least: int, expression: Term, most: int) -> None:
    if least > most:
        raise Contradiction(f"at least {least}, at most {most}")
    problem += expression >= least
    problem += expression <= most


def full_cross(limits: Limits, groups: Groups, periods: Iterable[int]) -> Bound:
    """Return the bounds by one programme over the full cross of all dimensions: exact, and only for small ones.

    Raises:
        Contradiction: No population fits.
    """
    return Bound(
        round(_full_cross(limits, groups, list(periods), pulp.LpMinimize)),
        round(_full_cross(limits, groups, list(periods), pulp.LpMaximize)),
    )


def _full_cross(limits: Limits, groups: Groups, periods: Sequence[int], sense: int) -> int:
    problem = pulp.LpProblem("full", sense)
    dimensions = range(len(limits.sizes))
    cells = list(product(*(limits.atoms(dimension) for dimension in dimensions)))
    counts = [
        {cell: _whole(problem, f"count_{period}_{place}") for place, cell in enumerate(cells)}
        for period in range(len(limits.totals))
    ]

    def inside(wanted: Groups, when: Iterable[int], counted: Counted = _inside) -> Iterator[Term]:
        return (counts[period][cell] for period in when for cell in cells if counted(cell, dimensions, wanted))

    counted = _inside if sense == pulp.LpMinimize else _touching
    problem.setObjective(pulp.lpSum(inside(groups, periods, counted)))
    for period, (least, most) in enumerate(limits.totals):
        _between(problem, least, pulp.lpSum(inside({}, (period,))), most)
    for limit in limits.limits:
        _between(problem, limit.least, pulp.lpSum(inside(limit.groups, limit.periods)), limit.most)
    return _value(problem)
