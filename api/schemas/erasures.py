"""What was erased, and certificates of it."""

from uuid import UUID

from pydantic import Field

from api.schemas.base import Code, Instant, Out, Word
from domain.codes import Compartment, ErasureReason


class ErasureOut(Out):
    """Something of a case or contact that your organisation led or took was erased."""

    id: UUID
    reference: str = Field(max_length=40, description="Of the case; of a contact, its id.")
    why: ErasureReason
    compartments: list[Compartment] = Field(max_length=len(Compartment))
    whole: bool = Field(description="Whether all of it has gone.")
    erased_at: Instant


class ErasurePage(Out):
    """One page of what was erased, newest first."""

    items: list[ErasureOut] = Field(max_length=100)
    next: str | None = Field(max_length=120)


class DestroyedOut(Out):
    """One line of the shred ledger."""

    sequence: int = Field(ge=1, le=2**53 - 1)
    holder: UUID
    compartment: Word = Field(description="What the destroyed keys sealed; `all` for the line that ends an erasure.")
    hash: str = Field(max_length=64, pattern=r"^[0-9a-f]{64}$")


class CertificateOut(Out):
    """What was destroyed, as the shred ledger confirms it, and what remains: pseudonymous counts."""

    format: Word
    erasure: UUID
    reference: Word
    organisation: Code
    why: ErasureReason
    erased_at: Instant
    compartments: list[Compartment] = Field(max_length=len(Compartment))
    whole: bool
    destroyed: list[DestroyedOut] = Field(max_length=10_000)
    remaining: list[Word] = Field(
        max_length=200, description="Coded attributes that are still counted, and cannot be looked up."
    )
