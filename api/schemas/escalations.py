"""Escalations: references and codes of what has no responsible organisation."""

from uuid import UUID

from pydantic import Field

from api.schemas.base import Code, In, Instant, Out
from domain.codes import EscalationReason, EscalationUnit


class EscalationOut(Out):
    """A case, referral or due callback whose organisation is gone. Nothing here is about the person."""

    id: UUID
    unit: EscalationUnit
    reference: str = Field(max_length=40, description="Of the case or referral; of a contact, its id.")
    reason: EscalationReason
    organisation: str = Field(
        max_length=60, description="Who answered for it; for `no_consent`, who leads it unopened."
    )
    assigned: str | None = Field(max_length=60, description="Whom you named; the hand-over is under way.")
    raised_at: Instant
    version: int = Field(ge=1, le=2**31)


class EscalationPage(Out):
    """One page of what has no responsible organisation, newest first."""

    items: list[EscalationOut] = Field(max_length=100)
    next: str | None = Field(max_length=120)


class AssignmentIn(In):
    """The organisation that is to answer for it from now on."""

    organisation: Code
