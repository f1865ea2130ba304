"""Linear programmes in whole cases, and their ends. Pure."""

import math
from collections.abc import Sequence

import highspy
import numpy as np
from numpy.typing import NDArray

Mask = NDArray[np.bool_]


class Contradiction(Exception):
    """No number of cases agrees with what was published and what is known: one of them is wrong."""


def programme(limits: Sequence[tuple[Mask, int, int]], *, whole: bool) -> highspy.Highs:
    """Return the programme with these limits, in whole cases where parts of a case could make a difference."""
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


def ends(solver: highspy.Highs, aim: Mask) -> tuple[int, int]:
    """Return the least and the most that the aim can add up to within the limits.

    Raises:
        Contradiction: nothing is within the limits.
    """
    return least(solver, aim), math.floor(_optimum(solver, aim, highspy.ObjSense.kMaximize) + 1e-6)


def least(solver: highspy.Highs, aim: Mask) -> int:
    """Return the least that the aim can add up to.

    Raises:
        Contradiction: nothing is within the limits.
    """
    return math.ceil(_optimum(solver, aim, highspy.ObjSense.kMinimize) - 1e-6)


def _optimum(solver: highspy.Highs, aim: Mask, sense: highspy.ObjSense) -> float:
    size = len(aim)
    solver.changeColsCost(size, np.arange(size, dtype=np.int32), aim.astype(np.float64))
    solver.changeObjectiveSense(sense)
    solver.run()
    if solver.getModelStatus() != highspy.HighsModelStatus.kOptimal:
        raise Contradiction
    return float(solver.getInfo().objective_function_value)
