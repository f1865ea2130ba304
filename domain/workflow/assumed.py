"""What a simulation assumes of the people in a procedure: how many they are, how long they take, what they find."""

from collections.abc import Mapping
from functools import cached_property
from math import exp, log
from random import Random
from typing import Annotated

from pydantic import Field

from domain.codes import Role
from domain.workflow.conditions import Closed
from domain.workflow.sop import Basis, Within

NINE_IN_TEN = 1.2816
"""The 90 % point of the standard normal distribution."""

STAYS = "stays"
"""Stands among the weights of a move for: it does not happen."""

Share = Annotated[float, Field(ge=0, le=1)]
Weights = dict[str, Annotated[int, Field(ge=0)]]


class Delay(Closed):
    """How long something takes: log-normal, by its median and by the time within which nine in ten are done."""

    median: Within
    most: Within
    basis: Basis
    note: str = ""

    @cached_property
    def _shape(self) -> tuple[float, float]:
        middle, late = (float(one.least_hours) for one in (self.median, self.most))
        return log(middle), log(late / middle) / NINE_IN_TEN

    def drawn(self, dice: Random) -> float:
        """Return a length in hours: at least a minute."""
        return max(1 / 60, exp(dice.gauss(*self._shape)))


class Staffing(Closed):
    """The people of one role.

    Attributes:
        people: How many work at the same time.
        hours_per_step: How long one step keeps one of them.
        notices: How long it takes until somebody turns to a step that opened, if all are free.
        around_the_clock: Whether they work at night and on days off too; otherwise in office hours.
    """

    people: int = Field(gt=0)
    hours_per_step: float = Field(gt=0)
    notices: Delay
    around_the_clock: bool = False
    basis: Basis


class OutsideMove(Closed):
    """What happens to a fact from outside, once it has a value.

    Attributes:
        to: The values that it may turn into, with their weights; `stays` among them for nothing.
        after: How long that takes.
    """

    to: Weights
    after: Delay


class Assumed(Closed):
    """Everything that a simulation assumes.

    Attributes:
        roles: Who works.
        leads: Which role leads what begins, with weights; it takes the steps that it may.
        starts: What is so from the start, by fact, with weights; where a procedure has no such fact, nothing.
        outcomes: What completing a step finds, by fact, with weights; without any, all outcomes are as likely.
        moves: What happens from outside, by fact and value.
        hands_over: Which role leads from then on, once a fact has a value.
        optional: How many of the steps that need not be taken are, if `taken` does not say.
        taken: The same for steps by their key.
    """

    note: str
    roles: dict[Role, Staffing]
    leads: dict[Role, int]
    starts: dict[str, Weights]
    outcomes: dict[str, Weights]
    moves: dict[str, dict[str, OutsideMove]]
    hands_over: dict[str, dict[str, Role]]
    optional: Share
    taken: dict[str, Share]


def drawn(dice: Random, weights: Mapping[str, int]) -> str:
    """Return one of some values, each as likely as its weight."""
    return dice.choices(list(weights), list(weights.values()))[0]
