"""Emergency access: what is asked for, what it opens, and what the independent body says."""

from typing import Annotated
from uuid import UUID

from pydantic import Field

from api.schemas.base import In, Instant, Opened, Out, Text
from domain.codes import BreakGlassReason, Compartment, ReviewOutcome, Role
from domain.identifiers import REFERENCE_PATTERN


class BreakGlassIn(In):
    """One compartment of one case, and the risk to life for which it must be seen."""

    case: Annotated[str, Field(pattern=REFERENCE_PATTERN, max_length=24, description="The reference of the case.")]
    compartment: Compartment
    reason: BreakGlassReason
    account: Text = Field(description="What is happening. Sealed; read by whoever reviews.")


class BreakGlassOut(Out):
    """An emergency access. It looks the same whether there is such a case or not."""

    id: UUID
    case: str = Field(max_length=24, description="As it was named; it need not exist.")
    organisation: str = Field(max_length=60)
    role: Role
    compartment: Compartment
    reason: BreakGlassReason
    broken_at: Instant
    valid_until: Instant
    review_due_at: Instant
    suspended_at: Instant | None = Field(description="When nobody had reviewed it in time.")
    outcome: ReviewOutcome | None
    restored_at: Instant | None = Field(description="When two agreed that the right is given back.")


class BreakGlassPage(Out):
    """One page of emergency accesses, newest first."""

    items: list[BreakGlassOut] = Field(max_length=100)
    next: str | None = Field(max_length=120)


class SeenOut(Out):
    """What the compartment holds. Nothing: it is empty, or there is no such case: look at the reference again."""

    compartment: Compartment
    fields: Opened


class AccountOut(Out):
    """Why the glass was broken, in the words of whoever broke it."""

    account: str = Field(max_length=15_000)


class ReviewIn(In):
    """What the independent body found."""

    outcome: ReviewOutcome
