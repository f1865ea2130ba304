"""Screenings, assessments, decisions, consents and service episodes: what goes in, what comes out."""

from typing import Annotated
from uuid import UUID

from pydantic import Field

from api.schemas.base import MOST_ITEMS, Code, In, Instant, LanguageTag, Out, Text, Whole, Word
from domain.codes import (
    Compartment,
    ConsentDecision,
    ConsentGiver,
    ConsentObtained,
    Danger,
    DecisionBody,
    DecisionOutcome,
    IndicatorSource,
    InformedOf,
    Outcome,
    Purpose,
    ScreeningResult,
    Service,
)
from domain.consents.commands import RecordConsent
from domain.consents.models import Consent
from domain.screenings.commands import RecordAssessment, RecordDecision, RecordScreening
from domain.screenings.models import Assessment, IdentificationDecision, Screening
from domain.services.models import ServiceEpisode

Recipient = Annotated[
    str,
    Field(
        max_length=60, pattern=r"^(any|type:[A-Za-z]{1,40}|organisation:[A-Za-z0-9_-]{1,40})$", examples=["type:NGO"]
    ),
]


class ScreeningIn(In):
    """One pass through the indicator set: what was seen, and what the assessor decides."""

    hits: dict[Code, IndicatorSource] = Field(default_factory=dict, max_length=100)
    result: ScreeningResult

    def to_command(self) -> RecordScreening:
        """Return the command."""
        return RecordScreening(self.result, dict(self.hits))


class ScreeningOut(Out):
    """A screening with the rule's finding beside the assessor's result."""

    id: UUID
    indicator_set: str = Field(max_length=60)
    indicator_set_version: str = Field(max_length=20)
    hits: dict[Word, IndicatorSource] = Field(max_length=100)
    dimensions: dict[Word, bool] = Field(max_length=20)
    rule_indicated: bool
    result: ScreeningResult
    recorded_at: Instant

    @classmethod
    def of(cls, screening: Screening) -> "ScreeningOut":
        """Return the screening as shown."""
        return cls.taken(screening, hits={hit["indicator"]: IndicatorSource(hit["source"]) for hit in screening.hits})


class AssessmentIn(In):
    """How much danger the person is in, and what they need."""

    danger: Danger
    needs: list[Service] = Field(default_factory=list, max_length=len(Service))

    def to_command(self) -> RecordAssessment:
        """Return the command."""
        return RecordAssessment(self.danger, tuple(self.needs))


class AssessmentOut(Out):
    """An assessment."""

    id: UUID
    danger: Danger
    needs: list[Service] = Field(max_length=len(Service))
    recorded_at: Instant

    @classmethod
    def of(cls, assessment: Assessment) -> "AssessmentOut":
        """Return the assessment as shown."""
        return cls.taken(assessment)


class DecisionIn(In):
    """What an NGO or the state decides; the reasons are sealed."""

    body: DecisionBody
    outcome: DecisionOutcome
    legal_basis: Code = Field(
        description="What the decision rests on, as a code; its reasons are sealed.", examples=["guideline-1"]
    )
    reasons: Text | None = None
    review_of: UUID | None = None

    def to_command(self) -> RecordDecision:
        """Return the command."""
        return RecordDecision(self.body, self.outcome, self.legal_basis, self.reasons, self.review_of)


class DecisionOut(Out):
    """An identification decision without its reasons."""

    id: UUID
    body: DecisionBody
    outcome: DecisionOutcome
    legal_basis: str = Field(max_length=120)
    review_of_id: UUID | None
    recorded_at: Instant

    @classmethod
    def of(cls, decision: IdentificationDecision) -> "DecisionOut":
        """Return the decision as shown."""
        return cls.taken(decision)


class ConsentIn(In):
    """What a person agreed to or refused: purposes × recipients × compartments, for some days."""

    decision: ConsentDecision
    giver: ConsentGiver
    purposes: list[Purpose] = Field(min_length=1, max_length=len(Purpose))
    recipients: list[Recipient] = Field(default_factory=list, max_length=MOST_ITEMS)
    compartments: list[Compartment] = Field(default_factory=list, max_length=len(Compartment))
    obtained: ConsentObtained
    language: LanguageTag
    informed_of: list[InformedOf] = Field(default_factory=list, max_length=len(InformedOf))
    valid_days: Annotated[Whole, Field(ge=1, le=3650)] | None = None

    def to_command(self) -> RecordConsent:
        """Return the command."""
        return RecordConsent(
            self.decision,
            self.giver,
            tuple(self.purposes),
            tuple(self.recipients),
            tuple(self.compartments),
            self.obtained,
            self.language,
            tuple(self.informed_of),
            self.valid_days,
        )


class ConsentOut(Out):
    """One version of a consent."""

    consent_id: UUID
    version: int = Field(ge=1, le=10_000)
    decision: ConsentDecision
    giver: ConsentGiver
    purposes: list[Purpose] = Field(max_length=len(Purpose))
    recipients: list[Word] = Field(max_length=MOST_ITEMS)
    compartments: list[Compartment] = Field(max_length=len(Compartment))
    obtained: ConsentObtained
    language: str = Field(max_length=12)
    informed_of: list[InformedOf] = Field(max_length=len(InformedOf))
    expires_at: Instant
    recorded_at: Instant

    @classmethod
    def of(cls, consent: Consent) -> "ConsentOut":
        """Return the consent as shown."""
        return cls.taken(consent)


class EpisodeIn(In):
    """Begin to give a service without a referral."""

    service: Service


class EpisodeEndIn(In):
    """A service ended, with its outcome."""

    outcome: Outcome


class EpisodeOut(Out):
    """One service actually given."""

    id: UUID
    service: Service
    provider: str = Field(max_length=60)
    started_at: Instant
    ended_at: Instant | None
    outcome: Outcome | None
    version: int = Field(ge=1, le=2**31 - 1, description="For `If-Match`.")

    @classmethod
    def of(cls, episode: ServiceEpisode, provider: str) -> "EpisodeOut":
        """Return the episode as shown."""
        return cls.taken(episode, provider=provider)
