"""Where a capacity question stands, and what may be built on its answer. Pure."""

from datetime import date, datetime
from typing import TYPE_CHECKING

from domain.codes import CapacityAnswer, QuestionStatus
from domain.errors import InvalidInput

if TYPE_CHECKING:
    from domain.capacity.models import CapacityQuestion

INVITING = frozenset({CapacityAnswer.CAPACITY, CapacityAnswer.WAITLIST, CapacityAnswer.ASSESSMENT_NEEDED})
"""The answers upon which a referral may be offered."""


def status_of(question: "CapacityQuestion", now: datetime) -> QuestionStatus:
    """Return where a question stands: closed by the asker, expired with or without an answer, answered, or asked."""
    if question.closed_at is not None:
        return QuestionStatus.CLOSED
    if (question.holds_until or question.expires_at) <= now:
        return QuestionStatus.EXPIRED
    return QuestionStatus.ASKED if question.answer is None else QuestionStatus.ANSWERED


def overdue(question: "CapacityQuestion", now: datetime) -> bool:
    """Whether a question that still stands should have been answered."""
    return status_of(question, now) == QuestionStatus.ASKED and question.respond_by <= now


def check_answer(answer: CapacityAnswer, expected_on: date | None, today: date) -> None:
    """Refuse an answer that says too little or too much.

    Raises:
        InvalidInput: a waiting list without the day on which room is expected, a day gone by, or a day without a list.
    """
    if (answer == CapacityAnswer.WAITLIST) != (expected_on is not None):
        raise InvalidInput(field="expected_on", reason="belongs to a waiting list, and to nothing else")
    if expected_on is not None and expected_on < today:
        raise InvalidInput(field="expected_on", reason="is over")
