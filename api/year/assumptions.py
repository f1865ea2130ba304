"""What a generated year assumes, read from one data file, and the dice that are thrown with it."""

from datetime import timedelta
from pathlib import Path
from random import Random
from typing import Annotated

from pydantic import Field

from domain.codes import EntryChannel, Service
from domain.workflow.assumed import Delay
from domain.workflow.conditions import Closed
from domain.workflow.files import read
from domain.workflow.sop import Basis

FICTIONAL = Path(__file__).parent.parent / "fictional"


class Entry(Closed):
    """One way in: the channel, who opens the case, and how often."""

    channel: EntryChannel
    staff: str
    weight: int = Field(gt=0)


class Provider(Closed):
    """Who receives referrals for which services."""

    organisation: str
    staff: str
    services: tuple[Service, ...]


class Share(Closed):
    """How much of what can happen does."""

    share: Annotated[float, Field(ge=0, le=1)]
    basis: Basis
    note: str = ""


class Assumptions(Closed):
    """Everything that a generated year assumes."""

    note: str
    entries: tuple[Entry, ...]
    providers: tuple[Provider, ...]
    shares: dict[str, Share]
    weights: dict[str, dict[str, int]]
    delays: dict[str, Delay]

    @property
    def staff(self) -> frozenset[str]:
        """The subjects of everybody who acts."""
        return frozenset({one.staff for one in self.entries} | {one.staff for one in self.providers})


def assumptions() -> Assumptions:
    """Return the assumptions of the package."""
    return read(FICTIONAL / "year.yaml", Assumptions)


class Dice:
    """Draws what happens; the same seed draws the same.

    Args:
        assumed: How often what happens.
        seed: Anything that is text; it is hashed.
    """

    def __init__(self, assumed: Assumptions, seed: str) -> None:
        self.assumed, self.random = assumed, Random(seed)  # noqa: S311 - invented cases, no secret

    def happens(self, share: str) -> bool:
        """Whether something happens."""
        return self.random.random() < self.assumed.shares[share].share

    def one_of(self, weights: str) -> str:
        """Return one of a list."""
        known = self.assumed.weights[weights]
        return self.random.choices(list(known), list(known.values()))[0]

    def lasts(self, delay: str) -> timedelta:
        """Return how long something takes."""
        return timedelta(hours=self.assumed.delays[delay].drawn(self.random))
