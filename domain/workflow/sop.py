"""The closed model of a standard operating procedure (SOP): what a file under `sops/` may say, and nothing else."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property
from typing import Annotated, Any, Literal, TypeAlias

from pydantic import BeforeValidator, Field, PlainSerializer, WithJsonSchema, model_validator

from domain.codes import Compartment, Language, Priority, Purpose, Role, Service
from domain.workflow.calendar import DURATION_PATTERN, Duration
from domain.workflow.conditions import ALWAYS, Closed, Condition, Is, Test, compiled
from domain.workflow.facts import DONE, Fact, Subject, step_fact
from domain.workflow.subjects import SUBJECTS

Labels: TypeAlias = dict[Language, str]
"""One text in several languages. That none is missing is proved, not parsed (`every-step-answerable`)."""

StepKey: TypeAlias = Annotated[str, Field(pattern=r"^[a-z][a-z0-9]*(-[a-z0-9]+)*$", max_length=60)]
SemanticVersion: TypeAlias = Annotated[str, Field(pattern=r"^(0|[1-9]\d*)\.(0|[1-9]\d*)\.(0|[1-9]\d*)$")]


def _duration(value: Any) -> Any:
    return Duration.parse(value) if isinstance(value, str) else value


Within: TypeAlias = Annotated[
    Duration,
    BeforeValidator(_duration),
    PlainSerializer(str, return_type=str),
    WithJsonSchema({"type": "string", "pattern": DURATION_PATTERN, "examples": ["24 hours", "5 working days"]}),
]


class Basis(StrEnum):
    """Whether the source says so, or we assume it where its text is not public."""

    STATED = "stated"
    ASSUMED = "assumed"


class Track(StrEnum):
    """The part of the mechanism that a step belongs to."""

    IDENTIFICATION = "identification"
    EMERGENCY = "emergency"
    SUPPORT = "support"
    CRIMINAL = "criminal"
    CASE_WORK = "case_work"


class Translation(StrEnum):
    """Whether a lawyer or a native speaker has read the texts of a language."""

    ORIGINAL = "original"
    UNREVIEWED = "unreviewed"
    REVIEWED = "reviewed"


class Waiver(StrEnum):
    """When no consent is needed: for a child or where the age is disputed; in imminent danger."""

    CHILD = "child"
    VITAL_INTERESTS = "vital_interests"


class Source(Closed):
    """What a rule rests on."""

    title: str
    reference: str
    basis: Basis
    note: str = ""


class Escalation(Closed):
    """Who is told when a time limit passes."""

    escalate: Role


class Deadline(Closed):
    """By when a step must be completed.

    Attributes:
        within: How long it may take.
        counted_from: The start of the subject (such as `case.opened`), or a fact: the instant at which it got its
            present value. In a list, the first that has happened.
        on_breach: Who is told.
    """

    within: Within
    counted_from: str | tuple[str, ...] = Field(alias="from")
    on_breach: tuple[Escalation, ...] = ()

    @cached_property
    def starts(self) -> tuple[str, ...]:
        """The events that it may count from, best first."""
        return (self.counted_from,) if isinstance(self.counted_from, str) else self.counted_from


class ConsentGate(Closed):
    """What the person must have agreed to before the step may be taken.

    Attributes:
        purpose: What the person agrees to.
        compartments: The most that the step may share; what is shared also depends on the service asked for.
        unless: When it is not needed: see `Waiver`.
    """

    purpose: Purpose
    compartments: tuple[Compartment, ...] = ()
    unless: tuple[Waiver, ...] = ()


class ReferralTerms(Closed):
    """The referral that a step opens: the services it may ask for, and how fast at least an answer is due."""

    services: tuple[Service, ...] = Field(min_length=1)
    priority: Priority


class Opens(Closed):
    """What taking a step opens."""

    referral: ReferralTerms


class Recorded(Closed):
    """A fact that completing the step sets, and the values it may get."""

    fact: str
    to: tuple[str, ...] = Field(min_length=1)


class Step(Closed):
    """One thing to be done by somebody.

    Attributes:
        when: What must be so for the step to be open.
        after: Steps that must be done first.
        done: What must be so for the step to count as done; without it, that it was completed.
        records: The outcomes that completing it may have.
        optional: It may be done but need not be, so it has no deadline.
        repeatable: Once done it stays possible, without a deadline.
        after_end: It is open only after the end (a closed case); every other step only before.
    """

    key: StepKey
    title: Labels
    help: Labels = Field(default_factory=dict)
    track: Track
    responsible: tuple[Role, ...] = Field(min_length=1)
    when: Condition = ALWAYS
    after: tuple[StepKey, ...] = ()
    done: Condition | None = None
    records: tuple[Recorded, ...] = ()
    deadline: Deadline | None = None
    consent: ConsentGate | None = None
    opens: Opens | None = None
    optional: bool = False
    repeatable: bool = False
    after_end: bool = False
    source: str
    basis: Basis

    @cached_property
    def done_when(self) -> Condition:
        """The condition under which the step counts as done."""
        return self.done if self.done is not None else Is.model_validate({"fact": DONE + self.key, "is": "yes"})

    @cached_property
    def services(self) -> tuple[Service, ...]:
        """The services that the step may ask for."""
        return self.opens.referral.services if self.opens else ()


class PriorityRule(Closed):
    """How long an answer to a referral may take.

    Attributes:
        respond_within: From sending; then `escalate_to` is told.
        expires_after: From sending; then the referral is over and the sender must find another way.
    """

    respond_within: Within
    escalate_to: Role | None = None
    expires_after: Within | None = None
    source: str
    basis: Basis


@dataclass(frozen=True, slots=True)
class CompiledStep:
    """A step with its conditions turned into closures."""

    step: Step
    when: Test
    after: tuple[Test, ...]
    done: Test


class Sop(Closed):
    """One version of one procedure."""

    sop: StepKey
    version: SemanticVersion
    subject: Literal["case", "contact", "proceedings", "rehabilitation", "stay"]
    country: Annotated[str, Field(pattern=r"^[A-Z]{2}$")]
    title: Labels
    translations: dict[Language, Translation]
    sources: dict[str, Source]
    calendar: str
    steps: tuple[Step, ...] = Field(min_length=1)
    priorities: dict[Priority, PriorityRule] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _keys_are_unique(self) -> "Sop":
        if len({step.key for step in self.steps}) != len(self.steps):
            raise ValueError("two steps have the same key")
        return self

    @cached_property
    def vocabulary(self) -> Subject:
        """The subject with its facts."""
        return SUBJECTS[self.subject]

    @cached_property
    def facts(self) -> Mapping[str, Fact]:
        """Every fact that the procedure may speak of, those of its own steps among them."""
        own = (step_fact(step.key) for step in self.steps if step.done is None)
        return {fact.name: fact for fact in (*self.vocabulary.facts, *own)}

    @cached_property
    def initial(self) -> Mapping[str, str]:
        """The value of each fact before anything is recorded."""
        return {name: fact.initial for name, fact in self.facts.items()}

    @cached_property
    def by_key(self) -> Mapping[str, Step]:
        """The steps by key."""
        return {step.key: step for step in self.steps}

    @cached_property
    def compiled(self) -> tuple[CompiledStep, ...]:
        """The steps ready for decisions, in the order of the file.

        Raises:
            KeyError: the file names a fact or a step that does not exist; `facts-well-typed` says which.
        """
        done = {step.key: compiled(step.done_when, self.initial) for step in self.steps}
        return tuple(
            CompiledStep(
                step=step,
                when=compiled(step.when, self.initial),
                after=tuple(done[key] for key in step.after),
                done=done[step.key],
            )
            for step in self.steps
        )

    @cached_property
    def assumed(self) -> tuple[int, int]:
        """How many rules are assumed, of how many: every step and every priority is a rule."""
        bases = [step.basis for step in self.steps] + [rule.basis for rule in self.priorities.values()]
        return sum(basis is Basis.ASSUMED for basis in bases), len(bases)
