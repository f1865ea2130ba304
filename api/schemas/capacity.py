"""Capacity questions: what goes in, what comes out. Nothing here has a field for who the person is, or for the case."""

from datetime import date, datetime

from pydantic import Field

from api.schemas.base import Code, In, Instant, InstantIn, Out, Whole, Word
from domain.capacity.commands import AnswerCapacity, AskCapacity
from domain.capacity.models import CapacityQuestion
from domain.capacity.rules import overdue, status_of
from domain.codes import CapacityAnswer, Priority, QuestionStatus, Service

MOST_ASKED = 20


class CapacityQuestionsIn(In):
    """Ask providers whether they could take the person of this case; age band, sex and languages are sent along."""

    service: Service
    recipients: list[Code] = Field(
        min_length=1, max_length=MOST_ASKED, description="Codes of organisations; none learns of another."
    )
    priority: Priority = Priority.NORMAL
    region: Code | None = Field(default=None, max_length=40, description="Where the service is wanted.")
    children: Whole = Field(default=0, ge=0, le=9, description="How many children would come along.")
    wanted_from: date | None = Field(default=None, description="Today if left out.")

    def to_command(self) -> AskCapacity:
        """Return the command."""
        return AskCapacity(
            self.service, tuple(self.recipients), self.priority, self.region, self.children, self.wanted_from
        )


class CapacityAnswerIn(In):
    """Say whether there is room."""

    answer: CapacityAnswer
    expected_on: date | None = Field(default=None, description="With `waitlist`: when room is expected.")
    holds_until: InstantIn | None = Field(default=None, description="At most, and by default, as long as the question.")

    def to_command(self, version: int) -> AnswerCapacity:
        """Return the command."""
        return AnswerCapacity(self.answer, version, self.expected_on, self.holds_until)


class CapacityQuestionOut(Out):
    """A capacity question as both sides see it: the same to both, and no way from it to a case or a referral."""

    reference: str = Field(max_length=24)
    status: QuestionStatus
    asked_by: str = Field(max_length=60)
    asked_of: str = Field(max_length=60)
    service: Service
    priority: Priority
    age_band: str = Field(max_length=40)
    sex: str = Field(max_length=40)
    languages: list[Word] = Field(max_length=10)
    region: str | None = Field(max_length=40)
    children: int = Field(ge=0, le=9)
    wanted_from: date
    asked_at: Instant
    respond_by: Instant
    overdue: bool
    expires_at: Instant
    answer: CapacityAnswer | None
    expected_on: date | None
    answered_at: Instant | None
    holds_until: Instant | None

    @classmethod
    def of(cls, question: CapacityQuestion, asked_by: str, asked_of: str, now: datetime) -> "CapacityQuestionOut":
        """Return the question as shown."""
        return cls.taken(
            question,
            status=status_of(question, now),
            overdue=overdue(question, now),
            asked_by=asked_by,
            asked_of=asked_of,
        )


class CapacityQuestionPage(Out):
    """One page of capacity questions, newest first."""

    items: list[CapacityQuestionOut] = Field(max_length=100)
    next: str | None = Field(max_length=120)
