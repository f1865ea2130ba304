"""Referrals: what goes in, what comes out. Nothing here has a field for who the person is."""

from typing import Annotated

from pydantic import Field

from api.schemas.base import MOST_ITEMS, Code, Flag, In, Instant, Opened, Out, Text, Withheld, Word
from api.schemas.caseload import Exact
from domain.codes import (
    Compartment,
    CountUnit,
    DeclinedBy,
    LegalBasis,
    Outcome,
    Population,
    Priority,
    ReferralStatus,
    RefusalReason,
    Service,
)
from domain.identifiers import REFERENCE_PATTERN
from domain.referrals.commands import SendReferral

MOST_CHOSEN = 5
"""Attachments that one referral may take along: each is sealed again while the case waits."""


class ReferralIn(In):
    """Ask another organisation to give one service to the person of this case."""

    step: Code = Field(description="An open step of the case, from its next steps.")
    service: Service
    recipient: Code = Field(description="Code of the receiving organisation.")
    priority: Priority | None = Field(default=None, description="At least as urgent as the step demands.")
    compartments: list[Compartment] | None = Field(
        default=None, max_length=len(Compartment), description="Fewer than the step would share."
    )
    draft: Flag = False
    earlier_referral: str | None = Field(default=None, pattern=REFERENCE_PATTERN, max_length=24)
    capacity_question: str | None = Field(
        default=None,
        pattern=REFERENCE_PATTERN,
        max_length=24,
        description="The answered capacity question upon which you offer; told to the receiver on acceptance only.",
    )
    reason: Text | None = Field(
        default=None,
        description="Why it is shared without consent; needed where the step rests on another basis, and only there.",
    )
    attachments: list[Annotated[str, Field(pattern=REFERENCE_PATTERN, max_length=24)]] = Field(
        default_factory=list,
        max_length=MOST_CHOSEN,
        description="Attachments of the case that go with it, in compartments that it shares.",
    )

    def to_command(self) -> SendReferral:
        """Return the command."""
        return SendReferral(
            self.step,
            self.service,
            self.recipient,
            self.priority,
            tuple(self.compartments) if self.compartments is not None else None,
            self.draft,
            self.earlier_referral,
            self.capacity_question,
            self.reason,
            tuple(dict.fromkeys(self.attachments)),
        )


class ReferralSummary(Out):
    """A referral in a list: what both sides may know before acceptance."""

    reference: str = Field(max_length=24)
    status: ReferralStatus
    service: Service
    priority: Priority
    sender: str = Field(max_length=60)
    receiver: str = Field(max_length=60)
    age_band: str = Field(max_length=40)
    sex: str = Field(max_length=40)
    languages: list[Word] = Field(max_length=10)
    created_at: Instant
    respond_by: Instant | None
    overdue: bool
    waiting_position: int | None = Field(
        ge=1, le=2**31, description="On the waiting list of the receiver for this service; null if it does not wait."
    )


class ReferralEventOut(Out):
    """One thing that happened to a referral."""

    status: ReferralStatus
    at: Instant
    by: str | None = Field(max_length=60, description="The organisation; null for the clock.")
    reason: str | None = Field(max_length=60)
    declined_by: DeclinedBy | None


class NoteOut(Out):
    """A question of the receiver or an answer of the sender."""

    kind: str = Field(max_length=20)
    text: str = Field(max_length=15_000)


class ReferralOut(ReferralSummary):
    """A referral with its history, what its package holds and what of it is withheld."""

    step: str = Field(max_length=60)
    basis: LegalBasis
    outcome: Outcome | None
    case: str | None = Field(max_length=24, description="The case, where you may see it.")
    earlier_referral: str | None = Field(max_length=24)
    capacity_question: str | None = Field(
        max_length=24,
        description="Upon which it was offered: told to the sender, and to the receiver after acceptance.",
    )
    compartments: list[Compartment] = Field(max_length=len(Compartment), description="You may open these now.")
    withheld: list[Withheld] = Field(max_length=len(Compartment))
    history: list[ReferralEventOut] = Field(max_length=200)
    warnings: list[Word] = Field(default_factory=list, max_length=10)


class ReferralPage(Out):
    """One page of referrals, newest first."""

    items: list[ReferralSummary] = Field(max_length=100)
    next: str | None = Field(max_length=120)


class StatusOut(Out):
    """Where a referral stands: for those who watch over referrals and must not learn about the person."""

    reference: str = Field(max_length=24)
    status: ReferralStatus
    fhir_status: str = Field(max_length=20, description="The same as a FHIR R4 Task status.")
    priority: Priority
    since: Instant
    respond_by: Instant | None
    overdue: bool


class OverdueItem(StatusOut):
    """An unanswered referral whose time has passed, and who would have to answer."""

    receiver: str = Field(max_length=60)


class OverduePage(Out):
    """One page of overdue referrals."""

    items: list[OverdueItem] = Field(max_length=100)
    next: str | None = Field(max_length=120)


class DeclineIn(In):
    """Say no, and who says it and why."""

    declined_by: DeclinedBy
    reason: RefusalReason


class FailureIn(In):
    """An accepted referral cannot be carried out, and why."""

    reason: RefusalReason


class CompletionIn(In):
    """The service ended, with its outcome."""

    outcome: Outcome


class NoteIn(In):
    """A question or its answer; sealed."""

    text: Text


class PackageOut(Out):
    """The package of an accepted referral in the clear. Reading it was recorded before this answer left."""

    reference: str = Field(max_length=24)
    compartments: dict[Compartment, Opened] = Field(max_length=len(Compartment))


class NotificationOut(Out):
    """A content-free message to the organisation."""

    kind: str = Field(max_length=40)
    reference: str = Field(max_length=40)
    detail: str | None = Field(max_length=80)
    created_at: Instant


class NotificationPage(Out):
    """One page of notifications, newest first."""

    items: list[NotificationOut] = Field(max_length=100)
    next: str | None = Field(max_length=120)


class FunnelStage(Out):
    """How many of what reached a stage."""

    stage: str = Field(max_length=40)
    unit: CountUnit
    population: Population
    count: int = Field(ge=0, le=2**53)


class FunnelOut(Exact):
    """The referral funnel, exact: for the coordinator's screen, never for publication."""

    stages: list[FunnelStage] = Field(max_length=MOST_ITEMS)
