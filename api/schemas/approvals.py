"""The rule of two: the exact act, who asked, who answered."""

from typing import Annotated
from uuid import UUID

from pydantic import Field

from api.schemas.base import Code, In, Instant, Out
from domain.codes import ApprovalDecision, ApprovalStatus, ApprovalVerb

Parameter = Annotated[str, Field(min_length=1, max_length=100, pattern=r"^[A-Za-z0-9_.:+-]+$")]
Parameters = Annotated[
    dict[Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$", max_length=40)], Parameter],
    Field(max_length=10, description="Codes, ids and digests; another parameter is another act."),
]


class ApprovalIn(In):
    """The act to be agreed on, to the letter, as the refusal `approval-missing` spells it."""

    verb: ApprovalVerb
    parameters: Parameters


class DecisionOnApprovalIn(In):
    """Whether the act may be done."""

    decision: ApprovalDecision


class ApprovalOut(Out):
    """An act that two must agree on. Nothing here is about a person."""

    id: UUID
    verb: ApprovalVerb
    parameters: Parameters
    digest: str = Field(max_length=64, description="SHA-256 of verb and parameters as canonical JSON, hexadecimal.")
    status: ApprovalStatus
    requested_by: Code
    requested_at: Instant
    expires_at: Instant
    decided_by: Code | None
    decided_at: Instant | None
    executed_at: Instant | None


class ApprovalPage(Out):
    """One page of acts of two, newest first."""

    items: list[ApprovalOut] = Field(max_length=100)
    next: str | None = Field(max_length=120)
