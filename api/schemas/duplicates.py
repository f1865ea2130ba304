"""Warnings that two cases may be about one person: as much as the one who is warned may know."""

from datetime import date
from uuid import UUID

from pydantic import Field

from api.schemas.base import In, Out
from domain.codes import Compartment, DuplicateAnswer


class DuplicateOut(Out):
    """A case of yours, and that another one is like it.

    How alike they are is told to nobody: it would answer guesses.
    """

    id: UUID = Field(description="Names the pair to you; the other side knows it by another name.")
    case: str = Field(max_length=24, description="The reference of your case.")
    found_on: date | None = Field(description="The day of the search; null where the other side told you.")
    other_organisation: str | None = Field(
        max_length=60, description="Who leads the other case; null where the person has not agreed that you know."
    )
    other_case: str | None = Field(max_length=24, description="Its reference, where your organisation leads it too.")
    answer: DuplicateAnswer | None = Field(description="What your side said last.")
    merge_wanted: bool = Field(description="Whether one side has asked for the two cases to be merged.")


class DuplicatePage(Out):
    """What is warned of, newest cases first; each until it is answered, and afterwards with the answer."""

    items: list[DuplicateOut] = Field(max_length=100)
    next: str | None = Field(max_length=120)


class DuplicateAnswerIn(In):
    """What you say of the other case."""

    answer: DuplicateAnswer


class SeparationIn(In):
    """What goes into the separated case as the survivor holds it now; the rest is as it was before the merge."""

    keep: list[Compartment] = Field(default_factory=list, max_length=6)
