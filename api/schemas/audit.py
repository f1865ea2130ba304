"""The audit as others see it: heads of its tree and proofs, and who opened a case."""

from typing import Annotated
from uuid import UUID

from pydantic import Field

from api.schemas.base import In, Instant, Out, Word
from domain.audit.chain import LARGEST_INTEGER
from domain.audit.merkle import LONGEST_PROOF

Hash = Annotated[str, Field(max_length=44, description="32 bytes, base64.")]
Size = Annotated[int, Field(ge=0, le=LARGEST_INTEGER)]
SIGNATURE = r"^[^\u0000-\u001f]+$"


class CheckpointOut(Out):
    """The newest signed head of the tree, with the proof that it continues an older one."""

    note: str | None = Field(
        max_length=65_536,
        description="The checkpoint with its signatures (C2SP tlog-checkpoint); null before the first.",
    )
    old: Size
    proof: list[Hash] = Field(
        max_length=LONGEST_PROOF, description="Consistency (RFC 6962); empty if the tree is not larger than `old`."
    )


class ConsistencyOut(Out):
    """The proof that a tree is the beginning of a later one (RFC 6962)."""

    old: Size
    size: Size
    proof: list[Hash] = Field(max_length=LONGEST_PROOF)


class InclusionOut(Out):
    """The proof that an entry is in the tree (RFC 6962). Which entry it is, its hash does not tell."""

    position: Size
    size: Size
    leaf: Hash
    proof: list[Hash] = Field(max_length=LONGEST_PROOF)


class CosignatureIn(In):
    """What a witness signed (C2SP tlog-cosignature)."""

    cosignature: str = Field(max_length=400, pattern=SIGNATURE, description="The signature line.")


class CosignatureOut(Out):
    """A signature of a witness that is kept."""

    size: Size
    witness: str = Field(max_length=120)
    cosigned_at: Instant


class OpeningOut(Out):
    """One time that something of a case was shown to somebody."""

    position: int = Field(ge=1, le=LARGEST_INTEGER, description="In the case's chain of the audit.")
    at: Instant
    action: str = Field(max_length=60, examples=["compartment.revealed"])
    staff: UUID | None = Field(description="A pseudonym: their organisation knows who it is.")
    organisation: str | None = Field(max_length=60)
    role: Word | None = Field(description="None for what was recorded before roles were.")
    compartments: list[Word] = Field(max_length=20)
    rule: Word = Field(description="What allowed it.")


class OpeningPage(Out):
    """One page of who opened the case, newest first."""

    items: list[OpeningOut] = Field(max_length=100)
    next: int | None = Field(ge=1, le=LARGEST_INTEGER, description="`before` of the next page.")
