"""Requests of the person and what a file is kept for: what goes in, what comes out."""

from typing import Annotated
from uuid import UUID

from pydantic import Field

from api.schemas.base import Code, Fields, Flag, In, Instant, InstantIn, Opened, Out, Text, Word
from api.schemas.records import ConsentOut, DecisionOut
from domain.codes import (
    Compartment,
    HoldGround,
    LegalBasis,
    Redaction,
    ReferralStatus,
    RefusalGround,
    Requester,
    Service,
    SubjectRequestKind,
    SubjectRequestStatus,
)
from domain.requests.commands import AnswerRequest, RecordRequest

Codes = Annotated[list[Word], Field(max_length=50)]


class SubjectRequestIn(In):
    """What the person, or somebody in their name, asks for."""

    kind: SubjectRequestKind
    made_by: Requester = Requester.PERSON
    words: Text | None = Field(default=None, description="In their words; sealed.")

    def to_command(self) -> RecordRequest:
        """Return the command."""
        return RecordRequest(self.kind, self.made_by, self.words)


class RequestAnswerIn(In):
    """Whether they get it. A refusal names its ground; what is granted is done at once."""

    granted: Flag
    ground: RefusalGround | None = None
    reasons: Text | None = Field(default=None, description="In words; sealed.")
    corrections: dict[Compartment, Fields] = Field(
        default_factory=dict, max_length=len(Compartment), description="What the compartments hold from now on."
    )

    def to_command(self) -> AnswerRequest:
        """Return the command."""
        corrections = {name: dict(fields) for name, fields in self.corrections.items()}
        return AnswerRequest(self.granted, self.ground, self.reasons, corrections)


class SubjectRequestOut(Out):
    """A request without its words."""

    id: UUID
    kind: SubjectRequestKind
    made_by: Requester
    status: SubjectRequestStatus
    received_at: Instant
    due_at: Instant
    answered_at: Instant | None
    ground: RefusalGround | None


class SubjectRequestRead(SubjectRequestOut):
    """A request with its words, as far as you may open them."""

    words: str | None = Field(max_length=70_000)
    reasons: str | None = Field(max_length=70_000)


class FilePerson(Out):
    """The coded attributes of the person."""

    sex: Word
    gender: Word
    age_band: Word
    citizenships: Codes
    migration_status: Word
    documents_held: Word
    languages: Codes
    disability: Word


class FileShared(Out):
    """To whom what of the file was passed on, for which service and on what ground."""

    organisation: Code
    service: Service
    compartments: list[Compartment] = Field(max_length=len(Compartment))
    basis: LegalBasis
    status: ReferralStatus
    at: Instant


class FileKeptBack(Out):
    """A field or compartment that is not given, and why."""

    what: Word
    because: Redaction
    reason: str = Field(max_length=400, description="In the reader's language.")


class FileOut(Out):
    """The person's own file, to be given to whoever asked; members of staff are named nowhere in it."""

    reference: Word
    opened_at: Instant
    person: FilePerson
    compartments: dict[Compartment, Opened] = Field(max_length=len(Compartment))
    kept_back: list[FileKeptBack] = Field(max_length=100)
    shared: list[FileShared] = Field(max_length=200)
    consents: list[ConsentOut] = Field(max_length=200)
    decisions: list[DecisionOut] = Field(max_length=200)


class HoldIn(In):
    """Keep a file beyond its period, for something that the person needs it for."""

    ground: HoldGround
    holds_until: InstantIn


class HoldOut(Out):
    """For what, and until when, a file is kept beyond its period."""

    id: UUID
    ground: HoldGround
    placed_at: Instant
    holds_until: Instant
    lifted_at: Instant | None
