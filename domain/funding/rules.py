"""Sums of money and what an award may become. Pure; integers of the smallest unit, never fractions."""

from collections import Counter
from collections.abc import Iterable
from typing import Protocol

from domain.codes import AwardRefusal, AwardStatus, Currency, FundingSource
from domain.errors import InvalidInput, StateConflict

MOST_MINOR_UNITS = 10**14
"""The largest amount: sums of many stay exact in 64 bits and in the numbers of a browser."""


class Cost(Protocol):
    """What is summed."""

    amount: int
    currency: Currency
    funding_source: FundingSource


def totals(costs: Iterable[Cost]) -> dict[tuple[Currency, FundingSource], int]:
    """Return the sum for each currency and source; currencies are never added to each other."""
    sums: Counter[tuple[Currency, FundingSource]] = Counter()
    for cost in costs:
        sums[Currency(cost.currency), FundingSource(cost.funding_source)] += cost.amount
    return dict(sorted(sums.items()))


def check_decision(status: AwardStatus, asked: int, granted: int | None, refusal: AwardRefusal | None) -> AwardStatus:
    """Return what an award becomes by a decision: a grant of a part or the whole, or a refusal with its reason.

    Raises:
        StateConflict: it was decided.
        InvalidInput: neither or both, or more than was asked.
    """
    if status != AwardStatus.ASKED:
        raise StateConflict(current=str(status))
    if (granted is None) == (refusal is None):
        raise InvalidInput(field="amount", reason="an amount, or the reason of a refusal")
    if granted is not None and not 0 < granted <= asked:
        raise InvalidInput(field="amount", reason="more than nothing and at most what was asked")
    return AwardStatus.GRANTED if granted is not None else AwardStatus.DECLINED
