"""A referral as FHIR R4: the few elements that it needs, closed, so that nothing else can come in or go out.

A Patient here is a sex, an age band and languages: there is no element for who the person is.
"""

from typing import Annotated, Literal

from pydantic import ConfigDict, Field
from pydantic.alias_generators import to_camel

from api.schemas.base import In, InstantIn

MEDIA_TYPE = "application/fhir+json"

Uri = Annotated[str, Field(pattern=r"^urn:[A-Za-z0-9:._-]{1,90}$", max_length=94)]
CodeText = Annotated[str, Field(pattern=r"^[A-Za-z0-9_.:+-]{1,60}$", max_length=60)]
Id = Annotated[str, Field(pattern=r"^[A-Za-z0-9.-]{1,64}$", max_length=64)]
TaskStatus = Literal[
    "draft",
    "requested",
    "received",
    "accepted",
    "rejected",
    "cancelled",
    "in-progress",
    "on-hold",
    "failed",
    "completed",
    "entered-in-error",
]
RequestStatus = Literal["draft", "active", "revoked", "completed", "entered-in-error"]
RequestPriority = Literal["routine", "urgent", "asap", "stat"]


class Element(In):
    """An element of a resource, under the names that FHIR has."""

    model_config = ConfigDict(extra="forbid", frozen=True, alias_generator=to_camel, populate_by_name=True)


class Coding(Element):
    """A code of a list."""

    system: Uri
    code: CodeText


class CodeableConcept(Element):
    """Codes for one thing."""

    coding: list[Coding] = Field(min_length=1, max_length=2)


class Identifier(Element):
    """A name that a system gave to something."""

    system: Uri
    value: CodeText


class ReferenceTo(Element):
    """Points to an entry of the same bundle by its `fullUrl`, or to an organisation of the directory."""

    reference: Uri


class Period(Element):
    """Until when."""

    end: InstantIn


class Restriction(Element):
    """By when an answer is due."""

    period: Period


class Extension(Element):
    """Something that FHIR has no element for: the age band."""

    url: Uri
    value_code: CodeText


class Spoken(Element):
    """A language of the person."""

    language: CodeableConcept


class Input(Element):
    """What the task works with: a compartment of the package."""

    type: CodeableConcept
    value_code: CodeText


class Output(Element):
    """What came of it."""

    type: CodeableConcept
    value_codeable_concept: CodeableConcept


class ServiceRequest(Element):
    """What is asked for: one service, by one step of the procedure."""

    resource_type: Literal["ServiceRequest"]
    id: Id | None = None
    identifier: list[Identifier] | None = Field(default=None, min_length=1, max_length=1)
    instantiates_uri: list[Uri] = Field(min_length=1, max_length=1, description="`urn:nrm:step:` and an open step.")
    replaces: list[ReferenceTo] | None = Field(default=None, min_length=1, max_length=1)
    status: RequestStatus
    intent: Literal["order"]
    priority: RequestPriority | None = None
    code: CodeableConcept
    subject: ReferenceTo
    authored_on: InstantIn | None = None
    requester: ReferenceTo | None = None
    performer: list[ReferenceTo] = Field(min_length=1, max_length=1)


class Task(Element):
    """Where the asking stands."""

    resource_type: Literal["Task"]
    id: Id | None = None
    status: TaskStatus
    status_reason: CodeableConcept | None = None
    business_status: CodeableConcept | None = None
    intent: Literal["order"]
    priority: RequestPriority | None = None
    focus: ReferenceTo
    for_: ReferenceTo = Field(alias="for")
    authored_on: InstantIn | None = None
    last_modified: InstantIn | None = None
    requester: ReferenceTo | None = None
    owner: ReferenceTo
    restriction: Restriction | None = None
    input: list[Input] | None = Field(default=None, min_length=1, max_length=6)
    output: list[Output] | None = Field(default=None, min_length=1, max_length=1)


class Patient(Element):
    """The person, as far as both sides may know before acceptance."""

    resource_type: Literal["Patient"]
    id: Id | None = None
    extension: list[Extension] | None = Field(default=None, min_length=1, max_length=1)
    gender: Literal["female", "male", "other", "unknown"] | None = None
    communication: list[Spoken] | None = Field(default=None, min_length=1, max_length=10)


class Organization(Element):
    """An organisation, by its code in the directory, where its name stands."""

    resource_type: Literal["Organization"]
    id: Id | None = None
    identifier: list[Identifier] = Field(min_length=1, max_length=1)


class Entry(Element):
    """One resource of the bundle."""

    full_url: Uri
    resource: Annotated[ServiceRequest | Task | Patient | Organization, Field(discriminator="resource_type")]


class Bundle(Element):
    """A referral: one ServiceRequest, one Task, one Patient without identity, and the two organisations."""

    resource_type: Literal["Bundle"]
    type: Literal["collection"]
    timestamp: InstantIn | None = None
    entry: list[Entry] = Field(min_length=3, max_length=5)
