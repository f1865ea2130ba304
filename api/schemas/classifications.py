"""Classifications: what goes in, what comes out. Reasons go in sealed and come out on a route of their own."""

from typing import Annotated
from uuid import UUID

from pydantic import Field

from api.schemas.base import Code, In, Instant, Out, Text
from api.schemas.exploitation import NotKnown, PartialDate
from domain.classifications.commands import Classify
from domain.classifications.models import Classification
from domain.codes import ClassificationKind, ClassifyingBody, Known
from domain.sealing.envelope import MAX_PLAINTEXT


class ClassificationIn(In):
    """What somebody called it: the person, an agency, the law; or as what the person is helped."""

    kind: ClassificationKind
    code: Code = Field(
        description="Of `SelfDescription` (self_described), `Offence` (agency_alleged, legal_offence) or `VictimType` "
        "(helped_as).",
        examples=["illegal_migration"],
    )
    body: ClassifyingBody
    said_on: PartialDate | NotKnown = Known.NOT_ASKED
    reasons: Text | None = Field(None, description="Sealed in the legal compartment at once.")
    corrects: UUID | None = Field(None, description="An earlier entry of the same kind that was recorded by mistake.")

    def to_command(self) -> Classify:
        """Return the command."""
        return Classify(self.kind, self.code, self.body, self.said_on, self.reasons, self.corrects)


class ClassificationOut(Out):
    """A classification without its reasons."""

    id: UUID
    kind: ClassificationKind
    code: str = Field(max_length=60)
    body: ClassifyingBody
    said_on: str = Field(max_length=40)
    corrects_id: UUID | None
    recorded_at: Instant

    @classmethod
    def of(cls, classification: Classification) -> "ClassificationOut":
        """Return the classification as shown."""
        return cls.taken(classification)


class ReasonsOut(Out):
    """The reasons of a classification, in the clear; reading them was recorded first."""

    reasons: Annotated[str, Field(max_length=MAX_PLAINTEXT)] | None
