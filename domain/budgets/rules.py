"""Budgets: how much of a kind a member of staff, and an organisation together, may use in a time."""

import math
from typing import ClassVar

from domain.codes import BudgetKind
from domain.errors import DomainError

SHORTEST_WAIT, LONGEST_WAIT = 1, 86_400
"""Seconds that a refusal says to wait."""


class BudgetExceeded(DomainError):
    """A budget of the member of staff or of the organisation is used up; says of what, and for how many seconds.

    It depends on what the asker did before and on nothing that was asked for.
    """

    code: ClassVar[str] = "budget-exceeded"

    def __init__(self, kind: BudgetKind, seconds: float) -> None:
        self.retry_after = min(max(math.ceil(seconds), SHORTEST_WAIT), LONGEST_WAIT)
        super().__init__(budget=str(kind), retry_after=self.retry_after)
