"""Cases and persons: what goes in, what comes out."""

from typing import Annotated, Any
from uuid import UUID

from pydantic import Field, model_validator

from api.schemas.base import (
    MOST_ITEMS,
    Code,
    Country,
    Fields,
    Flag,
    In,
    Instant,
    Labelled,
    LanguageTag,
    Opened,
    Out,
    Sentence,
    Withheld,
    Word,
)
from domain.cases.commands import Attributes, OpenCase
from domain.cases.models import Case
from domain.codes import (
    NOT_KNOWN,
    AgeBand,
    CaseWork,
    ClosureReason,
    Compartment,
    EntryChannel,
    Gender,
    Identification,
    Known,
    MigrationStatus,
    Sex,
    Support,
    VictimType,
)
from domain.persons.models import Person

Unknown = Annotated[Known, Field(description="unknown, not_asked, declined_to_answer or not_applicable")]
CountryOrUnknown = Country | Known
LanguageOrUnknown = LanguageTag | Known


WITHHELD = "withheld"
"""Stands where a value is withheld: neither null nor a kind of not knowing."""


class AttributesIn(In):
    """Coded attributes of a person. What is left out stays as it is; what is not known says how it is not known."""

    sex: Sex | Known | None = None
    gender: Gender | Known | None = None
    age_band: AgeBand | Known | None = None
    age_disputed: Flag | None = None
    citizenships: list[CountryOrUnknown] | None = Field(default=None, min_length=1, max_length=5)
    migration_status: MigrationStatus | Known | None = None
    documents_held: Known | None = None
    languages: list[LanguageOrUnknown] | None = Field(default=None, min_length=1, max_length=10)
    disability: Known | None = None

    @model_validator(mode="after")
    def _yes_and_no_are_no_codes(self) -> "AttributesIn":
        for name in ("sex", "gender", "age_band", "migration_status"):
            value = getattr(self, name)
            if isinstance(value, Known) and value not in NOT_KNOWN:
                raise ValueError("neither a code nor a kind of not knowing")
        for name in ("citizenships", "languages"):
            if any(item in {Known.YES, Known.NO} for item in getattr(self, name) or ()):
                raise ValueError("neither a code nor a kind of not knowing")
        return self

    def to_attributes(self) -> Attributes:
        """Return what was said, and nothing that was left out."""
        given: dict[str, Any] = {
            name: [str(item) for item in value] if isinstance(value, list) else value
            for name, value in self
            if value is not None
        }
        return Attributes(given)


class CaseIn(In):
    """Open a case for one person."""

    entry_channel: EntryChannel
    victim_type: VictimType = VictimType.TRAFFICKING
    person: AttributesIn = Field(default_factory=AttributesIn)
    compartments: dict[Compartment, Fields] = Field(
        default_factory=dict, max_length=len(Compartment), description="Sealed at once; never in a later answer."
    )

    def to_command(self) -> OpenCase:
        """Return the command."""
        return OpenCase(
            self.entry_channel,
            self.victim_type,
            self.person.to_attributes(),
            {compartment: dict(fields) for compartment, fields in self.compartments.items()},
        )


class CompartmentIn(In):
    """What one compartment of the person shall hold, as a whole."""

    fields: Fields


class CompartmentOut(Out):
    """A compartment in the clear. Reading it was recorded before this answer left."""

    compartment: Compartment
    fields: Opened


class PersonOut(Out):
    """The coded attributes of the person, and which compartments are withheld."""

    sex: str = Field(max_length=40)
    gender: str = Field(max_length=40)
    age_band: str = Field(max_length=40)
    age_disputed: bool
    citizenships: list[Word] = Field(max_length=5)
    migration_status: str = Field(max_length=40)
    documents_held: str = Field(max_length=40)
    languages: list[Word] = Field(max_length=10)
    disability: Known
    compartments: list[Compartment] = Field(max_length=len(Compartment), description="Hold something you may open.")
    withheld: list[Withheld] = Field(max_length=len(Compartment))
    withheld_attributes: list[Word] = Field(
        max_length=20, description="Attributes whose value is withheld; they read `withheld`, which is no code."
    )

    @classmethod
    def of(cls, person: Person, may_open: set[Compartment], withheld: list[Withheld]) -> "PersonOut":
        """Return the person as shown to the organisation that leads the case."""
        return cls.taken(person, compartments=sorted(may_open), withheld=withheld, withheld_attributes=[])

    @classmethod
    def for_receiver(cls, person: Person) -> "PersonOut":
        """Return what a receiver needs to give a service; where the person comes from is not among it."""
        return cls.taken(
            person,
            citizenships=[WITHHELD],
            migration_status=WITHHELD,
            documents_held=WITHHELD,
            compartments=[],
            withheld=[Withheld(compartment=one, because="receivers-open-the-package") for one in Compartment],
            withheld_attributes=["citizenships", "migration_status", "documents_held"],
        )


class CaseSummary(Out):
    """A case in a list."""

    reference: str = Field(max_length=24)
    relation: str = Field(max_length=20)
    entry_channel: EntryChannel
    victim_type: VictimType
    case_work: CaseWork
    opened_at: Instant
    closed_at: Instant | None


class CaseOut(CaseSummary):
    """A case as one organisation may see it.

    The axes are null for a receiver: they are derived from records that only the organisation in charge may see.
    """

    country: Country
    owner: Code = Field(description="The organisation that leads the case.")
    sop_versions: dict[Word, Word] = Field(max_length=20)
    identification: Identification | None
    ngo_identification: str | None = Field(max_length=20)
    state_identification: str | None = Field(max_length=20)
    support: Support | None
    closure_reason: ClosureReason | None
    merged_into: str | None = Field(
        max_length=24, description="The case that goes on for the same person; this one is only read."
    )
    person: PersonOut


class CasePage(Out):
    """One page of cases, newest first."""

    items: list[CaseSummary] = Field(max_length=100)
    next: str | None = Field(max_length=120)


class CaseOpened(Out):
    """The reference of a new case. Nothing in it tells whether a person like this is known already."""

    reference: str = Field(max_length=24)
    case_work: CaseWork
    opened_at: Instant

    @classmethod
    def of(cls, case: Case) -> "CaseOpened":
        """Return the case as answered to whoever opened it."""
        return cls(reference=case.reference, case_work=CaseWork(case.case_work), opened_at=case.opened_at)


class CaseWorkIn(In):
    """Move the case-work axis; a closure has a reason."""

    case_work: CaseWork
    reason: ClosureReason | None = None


class CooperationIn(In):
    """Whether the person wishes to co-operate with law enforcement."""

    willing: Known


class RecordedOut(Out):
    """Something was recorded."""

    id: UUID
    recorded_at: Instant


class SourceOut(Out):
    """What a rule rests on, and whether its source states it or we assume it."""

    title: str = Field(max_length=400)
    reference: str = Field(max_length=400)
    basis: str = Field(max_length=20, description="stated or assumed")


class StepOut(Out):
    """A step of the procedure, open or closed, and why."""

    step: str = Field(max_length=60)
    title: str = Field(max_length=400)
    track: str = Field(max_length=20)
    responsible: list[Labelled] = Field(max_length=MOST_ITEMS)
    yours: bool = Field(description="Whether your role is responsible.")
    duty: bool
    due_at: Instant | None
    overdue: bool
    services: list[Labelled] = Field(max_length=MOST_ITEMS)
    priority: str | None = Field(max_length=20)
    consent_missing: list[Labelled] = Field(max_length=MOST_ITEMS)
    rests_on: str | None = Field(max_length=40, description="consent, or the legal basis instead of it")
    because: list[Sentence] = Field(max_length=MOST_ITEMS)
    source: SourceOut


class NextStepsOut(Out):
    """What may be done now, by when, and why the rest is closed."""

    sop: str = Field(max_length=60)
    version: str = Field(max_length=20)
    open: list[StepOut] = Field(max_length=100)
    closed: list[StepOut] = Field(max_length=100)
