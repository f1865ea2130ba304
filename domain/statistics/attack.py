"""What somebody can work out from everything that was published, who knows more than is published. Pure.

The attacker knows the rules, the exact number of cases of every period, and can subtract every case that it knows
itself (an organisation's caseload, a list of press reports). What is left is a linear programme over how many cases
there are in each combination of groups and each period: its least and greatest value of one combination is all that can
be known.

Source: the attacker's subproblem of cell suppression, as in J. Castro, "Recent advances in optimization techniques for
statistical tabular data protection", European Journal of Operational Research 216 (2012).
"""

import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

import highspy
import numpy as np
from numpy.typing import NDArray

from domain.statistics.counts import NOBODY, Caseload
from domain.statistics.declaration import Cell, Population, Rules
from domain.statistics.windows import Window

Mask = NDArray[np.bool_]
Values = frozenset[str]


class Contradiction(Exception):
    """No number of cases agrees with what was published and what is known: one of them is wrong."""


@dataclass(frozen=True, slots=True)
class Bounds:
    """The least and the most cases that a combination can have.

    Attributes:
        whole: The combination is one value in every dimension, not a group of them.
    """

    least: int
    most: int
    whole: bool = False


@dataclass(frozen=True)
class Knowledge:
    """What an attacker knows besides all releases.

    Attributes:
        totals: The exact number of cases, by period.
        own: What it can subtract, by period.
    """

    totals: Sequence[int]
    own: Mapping[int, Caseload] = field(default_factory=dict)

    def unknown(self, period: int) -> int:
        """Return how many cases of a period it does not know itself."""
        return self.totals[period] - self.own.get(period, NOBODY).total


@dataclass(frozen=True)
class _Row:
    """So many unknown cases, at least and at most, have these values and were registered in these periods."""

    groups: Mapping[str, Values]
    first: int
    last: int
    least: int
    most: int


class Attack:
    """Bounds how many cases that the attacker does not know can be in a combination of groups.

    Args:
        population: What is counted.
        rules: The rules, which the attacker knows.
        windows: Everything that was ever published of the population.
        knowledge: What it knows besides.
    """

    def __init__(self, population: Population, rules: Rules, windows: Iterable[Window], knowledge: Knowledge) -> None:
        self.population, self.rules, self.knowledge = population, rules, knowledge
        self.windows = list(windows)
        tables = [population.tables[name].dimensions for name in {window.table for window in self.windows}]
        used = Counter(name for dimensions in tables for name in dimensions)
        together = {name for dimensions in tables if len(dimensions) > 1 for name in dimensions}
        self._shared = together | {name for name, times in used.items() if times > 1}
        self._rows = {id(window): self._rows_of(window) for window in self.windows}
        self._solved: dict[object, Bounds] = {}

    def bounds(self, values: Cell, period: int) -> Bounds:
        """Return how many unknown cases can share the published groups of these values.

        Args:
            values: One value for each dimension of the population, in its order.
            period: When they were registered; periods that every table puts in the same windows count as one.

        Raises:
            Contradiction: the releases and the knowledge do not agree.
        """
        mine = dict(zip(self.population.dimensions, values, strict=True))
        windows = self._concerned(period)
        rows = [row for window in windows for row in self._rows_for(window, mine)]
        target = self._target(windows, mine, period)
        if not target:
            return Bounds(0, self.knowledge.unknown(period))
        key = (tuple(sorted(target.items(), key=str)), tuple(id(window) for window in windows), period)
        if key not in self._solved:
            found = self._solve(target, rows, period)
            single = len(target) == len(mine) and all(len(group) == 1 for group in target.values())
            self._solved[key] = replace(found, whole=single)
        return self._solved[key]

    def telling(self, cross: Iterable[Cell], period: int) -> list[Cell]:
        """Return combinations among which are those most certain to exist, and those most narrowly bounded.

        In a dimension that one table alone shows, the bounds of a combination grow with its group's own; so its
        greatest and its smallest group stand for all others. In others every combination that occurs is taken.
        """
        names = tuple(self.population.dimensions)
        ends: dict[str, tuple[str, str]] = {}
        for window in self.windows:
            declared = self.population.tables[window.table].dimensions
            if window.first <= period <= window.last and not self._shared & set(declared):
                rows = sorted(self._rows[id(window)], key=lambda row: (row.least, row.most))
                ends[declared[0]] = min(rows[-1].groups[declared[0]]), min(rows[0].groups[declared[0]])
        found = dict.fromkeys(
            tuple(ends[name][end] if name in ends else value for name, value in zip(names, values, strict=True))
            for values in cross
            for end in (0, 1)
        )
        return list(found)

    def _rows_of(self, window: Window) -> list[_Row]:
        names = self.population.tables[window.table].dimensions
        groupings = self.population.groupings(window.table, window.levels)
        own: Counter[Cell] = Counter()
        for period in range(window.first, window.last + 1):
            known = self.knowledge.own.get(period, NOBODY)
            own.update(known.grouped(self.population, window.table, window.levels))
        rows = []
        for cell, published in window.cells.items():
            groups = {
                name: frozenset(value for value, group in grouping.items() if group == wanted)
                for name, grouping, wanted in zip(names, groupings, cell, strict=True)
            }
            least, most = self.rules.uncertainty(published)
            known_here = own[cell]
            rows.append(_Row(groups, window.first, window.last, max(0, least - known_here), max(0, most - known_here)))
        return rows

    def _concerned(self, period: int) -> list[Window]:
        """Return the windows that say something about the period, also by way of others."""
        found = [one for one in self.windows if one.first <= period <= one.last]
        while True:
            first = min((one.first for one in found), default=period)
            last = max((one.last for one in found), default=period)
            more = [
                one
                for one in self.windows
                if one not in found
                and one.first <= last
                and one.last >= first
                and self._shared & set(self.population.tables[one.table].dimensions)
            ]
            if not more:
                return found
            found += more

    def _rows_for(self, window: Window, mine: Mapping[str, str]) -> list[_Row]:
        """Return a window's rows; of a table whose dimension no other has, only the group asked for, and the rest."""
        rows = self._rows[id(window)]
        if self._shared & set(self.population.tables[window.table].dimensions):
            return rows
        (name,) = self.population.tables[window.table].dimensions
        (asked,) = [row for row in rows if mine[name] in row.groups[name]]
        others = [row for row in rows if row is not asked]
        rest = frozenset(self.population.dimensions[name].values) - asked.groups[name]
        least, most = sum(row.least for row in others), sum(row.most for row in others)
        return [asked, _Row({name: rest}, window.first, window.last, least, most)]

    def _target(self, windows: list[Window], mine: Mapping[str, str], period: int) -> dict[str, Values]:
        """Return, by dimension, the finest group of the value that the windows with the period tell apart."""
        found: dict[str, Values] = {}
        for window in windows:
            if not window.first <= period <= window.last:
                continue
            for row in self._rows[id(window)]:
                if all(mine[name] in group for name, group in row.groups.items()):
                    for name, group in row.groups.items():
                        found[name] = found.get(name, group) & group
        return found

    def _solve(self, target: Mapping[str, Values], rows: Sequence[_Row], period: int) -> Bounds:
        atoms = {name: _atoms(self.population, name, rows, target) for name in _names(rows, target)}
        spans = _spans(rows, period)
        shape = (*(len(one) for one in atoms.values()), len(spans))
        limits: list[tuple[Mask, int, int]] = [
            (_mask(row.groups, atoms, [row.first <= span[0] <= row.last for span in spans], shape), row.least, row.most)
            for row in rows
        ]
        for number, span in enumerate(spans):
            unknown = sum(self.knowledge.unknown(one) for one in span)
            limits.append((_mask({}, atoms, [one == number for one in range(len(spans))], shape), unknown, unknown))
        aim = _mask(target, atoms, [period in span for span in spans], shape)
        return _bounded(aim, limits, whole=bool(self._shared & atoms.keys()))


def _names(rows: Sequence[_Row], target: Mapping[str, Values]) -> list[str]:
    return sorted({name for row in rows for name in row.groups} | target.keys())


def _atoms(population: Population, name: str, rows: Sequence[_Row], target: Mapping[str, Values]) -> list[Values]:
    """Return the values of a dimension in the coarsest sets of which every group asked for is put together."""
    groups = {row.groups[name] for row in rows if name in row.groups} | {target.get(name, frozenset())}
    signatures: dict[frozenset[Values], set[str]] = {}
    for value in population.dimensions[name].values:
        signatures.setdefault(frozenset(group for group in groups if value in group), set()).add(value)
    return [frozenset(one) for one in signatures.values()]


def _spans(rows: Sequence[_Row], period: int) -> list[tuple[int, ...]]:
    """Return the periods concerned; those that every row treats alike together."""
    first, last = min((row.first for row in rows), default=period), max((row.last for row in rows), default=period)
    spans: dict[tuple[bool, ...], list[int]] = {}
    for one in range(first, last + 1):
        spans.setdefault(tuple(row.first <= one <= row.last for row in rows), []).append(one)
    return [tuple(one) for one in spans.values()]


def _mask(
    groups: Mapping[str, Values], atoms: Mapping[str, list[Values]], spans: Sequence[bool], shape: tuple[int, ...]
) -> Mask:
    """Return which of the combinations of atoms and periods a row, or a target, is about."""
    mask = np.ones(shape, dtype=bool)
    for axis, (name, sets) in enumerate(atoms.items()):
        if name in groups:
            inside = np.array([one <= groups[name] for one in sets])
            mask &= inside.reshape([-1 if place == axis else 1 for place in range(len(shape))])
    mask &= np.array(spans)
    return mask.ravel()


def _bounded(aim: Mask, limits: Sequence[tuple[Mask, int, int]], *, whole: bool) -> Bounds:
    """Return the least and the most that the aim can add up to within the limits; in whole cases, where it matters."""
    solver = highspy.Highs()  # type: ignore[no-untyped-call] - its stubs leave the constructor out
    solver.silent()
    size = len(aim)
    programme = highspy.HighsLp()
    programme.num_col_, programme.num_row_ = size, len(limits)
    programme.col_cost_ = aim.astype(np.float64)
    programme.col_lower_ = np.zeros(size)
    programme.col_upper_ = np.full(size, highspy.kHighsInf)
    programme.row_lower_ = np.array([least for _, least, _ in limits], dtype=np.float64)
    programme.row_upper_ = np.array([most for _, _, most in limits], dtype=np.float64)
    programme.a_matrix_.format_ = highspy.MatrixFormat.kRowwise
    columns = [np.flatnonzero(mask) for mask, _, _ in limits]
    programme.a_matrix_.start_ = np.cumsum([0, *(len(one) for one in columns)])
    programme.a_matrix_.index_ = np.concatenate(columns)
    programme.a_matrix_.value_ = np.ones(sum(len(one) for one in columns))
    if whole:
        programme.integrality_ = [highspy.HighsVarType.kInteger] * size
    solver.passModel(programme)
    least = _optimum(solver, highspy.ObjSense.kMinimize)
    most = _optimum(solver, highspy.ObjSense.kMaximize)
    return Bounds(math.ceil(least - 1e-6), math.floor(most + 1e-6))


def _optimum(solver: highspy.Highs, sense: highspy.ObjSense) -> float:
    solver.changeObjectiveSense(sense)
    solver.run()
    if solver.getModelStatus() != highspy.HighsModelStatus.kOptimal:
        raise Contradiction
    return float(solver.getInfo().objective_function_value)
