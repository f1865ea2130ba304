"""Terms and costs of services, awards of the Emergency Fund. Amounts are whole numbers of the smallest unit."""

from collections.abc import Iterable, Sequence
from datetime import date
from typing import Annotated
from uuid import UUID

from pydantic import Field

from api.schemas.base import Code, In, Instant, Out, Whole, Word
from domain.codes import (
    AwardGround,
    AwardRefusal,
    AwardStatus,
    Currency,
    FundingSource,
    Known,
    Service,
    VictimType,
)
from domain.funding.commands import AskAward, RecordCost, RecordTerms
from domain.funding.models import Award, ServiceCost, ServiceTerms
from domain.funding.rules import MOST_MINOR_UNITS, totals

Amount = Annotated[
    Whole,
    Field(ge=1, le=MOST_MINOR_UNITS, description="In the smallest unit of the currency: 150.00 is 15000."),
]
Day = Annotated[date, Field(ge=date(2000, 1, 1), le=date(2199, 12, 31))]


class TermsIn(In):
    """What was planned for a service, and whether a certificate was issued; never its name or number."""

    planned_start: Day | None = None
    planned_end: Day | None = None
    certificate: Known = Known.NOT_ASKED
    certificate_issued_on: Day | None = None

    def to_command(self) -> RecordTerms:
        """Return the command."""
        return RecordTerms(self.planned_start, self.planned_end, self.certificate, self.certificate_issued_on)


class TermsOut(Out):
    """What was planned, as of one instant."""

    id: UUID
    planned_start: date | None
    planned_end: date | None
    certificate: Known
    certificate_issued_on: date | None
    recorded_at: Instant

    @classmethod
    def of(cls, terms: ServiceTerms) -> "TermsOut":
        """Return the terms as shown."""
        return cls.taken(terms)


class CostIn(In):
    """What a service cost, and who paid."""

    amount: Amount
    currency: Currency
    funding_source: FundingSource

    def to_command(self) -> RecordCost:
        """Return the command."""
        return RecordCost(self.amount, self.currency, self.funding_source)


class CostOut(Out):
    """One cost; less than nothing where it takes another one back."""

    id: UUID
    amount: int = Field(ge=-MOST_MINOR_UNITS, le=MOST_MINOR_UNITS)
    currency: Currency
    funding_source: FundingSource
    reverses_id: UUID | None
    recorded_at: Instant

    @classmethod
    def of(cls, cost: ServiceCost) -> "CostOut":
        """Return the cost as shown."""
        return cls.taken(cost)


class TotalOut(Out):
    """The exact sum of one currency and source."""

    amount: int = Field(ge=-(2**53), le=2**53)
    currency: Currency
    funding_source: FundingSource


class CostsOut(Out):
    """The costs of a service, oldest first, and their sums: currencies are never added to each other."""

    costs: list[CostOut] = Field(max_length=200)
    totals: list[TotalOut] = Field(max_length=len(Currency) * len(FundingSource))

    @classmethod
    def of(cls, costs: Sequence[ServiceCost]) -> "CostsOut":
        """Return the costs as shown."""
        sums = totals(costs).items()
        return cls(
            costs=[CostOut.of(cost) for cost in costs],
            totals=[
                TotalOut(amount=sum_, currency=currency, funding_source=source) for (currency, source), sum_ in sums
            ],
        )


class AwardIn(In):
    """Ask the Emergency Fund, where the state gives nothing. There is no field for a word about the person."""

    service: Service
    amount: Amount
    currency: Currency
    ground: AwardGround
    decided_by: Code = Field(description="The organisation that decides on awards.", examples=["COORDINATION"])

    def to_command(self) -> AskAward:
        """Return the command."""
        return AskAward(self.service, self.amount, self.currency, self.ground, self.decided_by)


class AwardDecisionIn(In):
    """An amount grants that part or the whole; without one the refusal says why."""

    amount: Amount | None = None
    refusal: AwardRefusal | None = None


class AwardOut(Out):
    """An award: no case, no person."""

    id: UUID
    asked_by: Word
    decided_by: Word
    service: Service
    population: VictimType = Field(description="As what the person is helped: awards are counted apart.")
    ground: AwardGround
    currency: Currency
    amount_asked: int = Field(ge=1, le=MOST_MINOR_UNITS)
    amount_granted: int | None = Field(ge=1, le=MOST_MINOR_UNITS)
    status: AwardStatus
    refusal: AwardRefusal | None
    asked_at: Instant
    due_at: Instant = Field(description="By when it has to be decided, as the country's profile says.")
    decided_at: Instant | None
    paid_at: Instant | None
    version: int = Field(ge=1, le=2**31 - 1, description="For `If-Match`.")

    @classmethod
    def all_of(cls, awards: Iterable[Award], codes: dict[UUID, str]) -> "list[AwardOut]":
        """Return awards as shown."""
        return [
            cls.taken(
                award,
                asked_by=codes[award.asking_organisation_id],
                decided_by=codes[award.deciding_organisation_id],
            )
            for award in awards
        ]
