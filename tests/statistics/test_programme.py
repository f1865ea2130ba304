"""The ends of a programme are those in whole cases, also where parts of cases would reach further."""

import numpy as np
import pytest

from domain.statistics.programme import Contradiction, Mask, Programme

TRIANGLES = [(0, 1), (1, 2), (0, 2), (3, 4), (4, 5), (3, 5)]
"""Kinds that exclude, or demand, one another in two circles of three: halves of cases satisfy all of them at once."""


def kinds(*several: int) -> Mask:
    mask = np.zeros(6, dtype=bool)
    mask[list(several)] = True
    return mask


def test_no_half_of_a_case_counts() -> None:
    everybody = kinds(*range(6))
    at_most = Programme([(kinds(*two), 0, 1) for two in TRIANGLES], whole=True)
    assert at_most.ends(everybody) == (0, 2)  # three in halves
    at_least = Programme([(kinds(*two), 1, 9) for two in TRIANGLES], whole=True)
    assert at_least.least(everybody) == 4  # three in halves
    assert at_least.least(kinds(0)) == 0


def test_what_cannot_be_true_is_said() -> None:
    for whole in (False, True):
        with pytest.raises(Contradiction):
            Programme([(kinds(0, 1), 5, 9), (kinds(0), 0, 2), (kinds(1), 0, 2)], whole=whole).least(kinds(0))
    parity = [(kinds(*two), 1, 1) for two in TRIANGLES]
    with pytest.raises(Contradiction):
        Programme(parity, whole=True).least(kinds(0))
