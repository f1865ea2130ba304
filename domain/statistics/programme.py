"""Linear programmes in whole cases, and their ends. Pure."""

import math
from collections.abc import Sequence
from typing import Final

import highspy
import numpy as np
from numpy.typing import NDArray

Mask = NDArray[np.bool_]

ALMOST: Final = 1e-6
"""So far from a whole number a solution may be and count as one: the tolerance of the solver."""


class Contradiction(Exception):
    """No number of cases agrees with what was published and what is known: one of them is wrong."""


class Programme:
    """Limits on how many cases there are of each kind, in whole cases.

    Args:
        limits: Which kinds together, and the least and the most of them.
        whole: Whether parts of a case could make a difference. They seldom do: so they are allowed at first, and where
            the optimum then has none, it is the one in whole cases.
    """

    def __init__(self, limits: Sequence[tuple[Mask, int, int]], *, whole: bool) -> None:
        self._parted = _solver(limits, whole=False)
        self._whole = _solver(limits, whole=True) if whole else None

    def ends(self, aim: Mask) -> tuple[int, int]:
        """Return the least and the most that the aim can add up to within the limits.

        Raises:
            Contradiction: nothing is within the limits.
        """
        return self.least(aim), math.floor(self._optimum(aim, highspy.ObjSense.kMaximize) + ALMOST)

    def least(self, aim: Mask) -> int:
        """Return the least that the aim can add up to.

        Raises:
            Contradiction: nothing is within the limits.
        """
        return math.ceil(self._optimum(aim, highspy.ObjSense.kMinimize) - ALMOST)

    def _optimum(self, aim: Mask, sense: highspy.ObjSense) -> float:
        found = _solved(self._parted, aim, sense)
        if self._whole is None:
            return found
        cases = np.array(self._parted.getSolution().col_value)
        return found if np.abs(cases - cases.round()).max() < ALMOST else _solved(self._whole, aim, sense)


def _solver(limits: Sequence[tuple[Mask, int, int]], *, whole: bool) -> highspy.Highs:
    solver = highspy.Highs()  # type: ignore[no-untyped-call]  # its stubs leave the constructor out
    solver.silent()
    model = highspy.HighsLp()
    size = len(limits[0][0])
    model.num_col_, model.num_row_ = size, len(limits)
    model.col_cost_ = np.zeros(size)
    model.col_lower_ = np.zeros(size)
    model.col_upper_ = np.full(size, highspy.kHighsInf)
    model.row_lower_ = np.array([least for _, least, _ in limits], dtype=np.float64)
    model.row_upper_ = np.array([most for _, _, most in limits], dtype=np.float64)
    model.a_matrix_.format_ = highspy.MatrixFormat.kRowwise
    columns = [np.flatnonzero(mask) for mask, _, _ in limits]
    model.a_matrix_.start_ = np.cumsum([0, *(len(one) for one in columns)])
    model.a_matrix_.index_ = np.concatenate(columns)
    model.a_matrix_.value_ = np.ones(sum(len(one) for one in columns))
    if whole:
        model.integrality_ = [highspy.HighsVarType.kInteger] * size
    solver.passModel(model)
    return solver


def _solved(solver: highspy.Highs, aim: Mask, sense: highspy.ObjSense) -> float:
    size = len(aim)
    solver.changeColsCost(size, np.arange(size, dtype=np.int32), aim.astype(np.float64))
    solver.changeObjectiveSense(sense)
    solver.run()
    if solver.getModelStatus() != highspy.HighsModelStatus.kOptimal:
        raise Contradiction
    return float(solver.getInfo().objective_function_value)
