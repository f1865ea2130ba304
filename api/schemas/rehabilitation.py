"""Plans, the commission, follow-ups and compensation: what goes in, what comes out."""

from datetime import date
from decimal import Decimal
from typing import Annotated
from uuid import UUID

from pydantic import Field, model_validator

from api.schemas.base import MOST_ITEMS, Code, Flag, In, Instant, Out, Text, Word
from api.schemas.courses import Day
from domain.codes import (
    NOT_KNOWN,
    CommissionOutcome,
    CompensationStage,
    ConsentGiver,
    IncomeNow,
    Known,
    LivingStandardNow,
    PlanStatus,
    Service,
    WorkNow,
)
from domain.proceedings.commands import RecordCompensation
from domain.proceedings.models import CompensationRecord
from domain.rehabilitation.commission import Decide
from domain.rehabilitation.follow_ups import RecordFollowUp
from domain.rehabilitation.models import FollowUp
from domain.rehabilitation.plans import Planned, RecordPlan

Amount = Annotated[
    str, Field(pattern=r"^[0-9]{1,12}\.[0-9]{2}$", max_length=15, description="In units of the currency.")
]
Currency = Annotated[str, Field(max_length=3, pattern=r"^[A-Z]{3}$", description="ISO 4217", examples=["KGS"])]


class PlannedIn(In):
    """A service of the plan."""

    service: Service
    planned_on: Day | None = None


class PlanIn(In):
    """A new version of the plan. Services that are left out stay as in the version before."""

    status: PlanStatus
    services: list[PlannedIn] | None = Field(default=None, max_length=len(Service))
    review_on: Day | None = Field(default=None, description="Needed in an agreed plan: when it is looked at again.")
    agreed_by: ConsentGiver | None = Field(default=None, description="Needed in an agreed plan.")
    reviewed: Flag = Field(default=False, description="Whether this came out of a review that was due.")

    def to_command(self) -> RecordPlan:
        """Return the command."""
        services = None
        if self.services is not None:
            services = tuple(Planned(one.service, one.planned_on) for one in self.services)
        return RecordPlan(self.status, services, self.review_on, self.agreed_by, self.reviewed)


class PlannedOut(Out):
    """A service of the plan."""

    service: Service
    planned_on: date | None


class PlanOut(Out):
    """One version of the plan."""

    number: int = Field(ge=1, le=100_000)
    status: PlanStatus
    services: list[PlannedOut] = Field(max_length=MOST_ITEMS)
    review_on: date | None
    agreed_by: ConsentGiver | None
    reviewed: bool
    recorded_at: Instant


class EpisodeLinkIn(In):
    """A service episode of the case that gave what the plan names."""

    episode: UUID


class EpisodeLinkOut(Out):
    """A service of the plan that was given."""

    episode_id: UUID
    recorded_at: Instant


class PlansOut(Out):
    """Every version of the plan, oldest first, and what was given."""

    versions: list[PlanOut] = Field(max_length=200)
    given: list[EpisodeLinkOut] = Field(max_length=200)


class CommissionIn(In):
    """Which organisation's commission the agreed plan is put to."""

    organisation: Code


class DecisionOfCommissionIn(In):
    """What the commission says. The reasons are sealed."""

    outcome: CommissionOutcome
    decided_on: Day
    reasons: Text | None = None

    def to_command(self) -> Decide:
        """Return the command."""
        return Decide(self.outcome, self.decided_on, self.reasons)


class CommissionOut(Out):
    """A plan as it was put to a commission, and what the commission said: nothing tells who the person is."""

    request_id: UUID
    services: list[Word] = Field(max_length=MOST_ITEMS)
    outcome: CommissionOutcome
    decided_on: date | None
    recorded_at: Instant


class CommissionReasonsOut(Out):
    """Why the commission decided so."""

    reasons: str | None = Field(max_length=20_000)


class FollowUpIn(In):
    """The day on which the person is asked how they are."""

    due_on: Day


class AnswersIn(In):
    """How a follow-up went. What is not known says how it is not known; nobody needs to answer."""

    reached: Flag
    asked_on: Day
    work: WorkNow | Known = Known.NOT_ASKED
    income: IncomeNow | Known = Known.NOT_ASKED
    living_standard: LivingStandardNow | Known = Known.NOT_ASKED
    would_refer: Known = Known.NOT_ASKED

    @model_validator(mode="after")
    def _yes_and_no_are_no_codes(self) -> "AnswersIn":
        for answer in (self.work, self.income, self.living_standard):
            if isinstance(answer, Known) and answer not in NOT_KNOWN:
                raise ValueError("neither a code nor a kind of not knowing")
        return self

    def to_command(self) -> RecordFollowUp:
        """Return the command."""
        return RecordFollowUp(
            self.reached, self.asked_on, self.work, self.income, self.living_standard, self.would_refer
        )


class FollowUpOut(Out):
    """A follow-up: planned, and what came of it."""

    id: UUID
    due_on: date
    asked_on: date | None
    reached: bool | None
    work: Word
    income: Word
    living_standard: Word
    would_refer: Known
    recorded_at: Instant | None

    @classmethod
    def of(cls, row: FollowUp) -> "FollowUpOut":
        """Return the follow-up as answered."""
        return cls.taken(row)


class CompensationIn(In):
    """Something happened to a claim; a new claim names none."""

    stage: CompensationStage
    on_day: Day
    claim: UUID | None = None
    amount: Amount | None = None
    currency: Currency | None = None

    def to_command(self) -> RecordCompensation:
        """Return the command."""
        amount = None if self.amount is None else Decimal(self.amount)
        return RecordCompensation(self.stage, self.on_day, self.claim, amount, self.currency)


class CompensationOut(Out):
    """What happened to a claim."""

    id: UUID
    claim_id: UUID
    stage: CompensationStage
    amount: Amount | None
    currency: str | None = Field(max_length=3)
    on_day: date
    recorded_at: Instant

    @classmethod
    def of(cls, row: CompensationRecord) -> "CompensationOut":
        """Return the record as answered."""
        return cls.taken(row, amount=None if row.amount is None else f"{row.amount:.2f}")
