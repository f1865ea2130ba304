"""Pure derivations of rehabilitation: the facts that plans, the commission and follow-ups move."""

from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Protocol

from domain.codes import NOT_KNOWN, CommissionOutcome, Known, PlanStatus
from domain.workflow.calendar import Calendar

if TYPE_CHECKING:
    from domain.rehabilitation.models import CommissionRecord, FollowUp, PlanVersion

MOVED_HERE = frozenset({"plan", "commission", "plan_review", "follow_up", "work", "income", "living_standard"})
"""Facts of a rehabilitation that records of their own move, and nothing else."""

ASKED = ("work", "income", "living_standard")
"""What a follow-up asks that the procedure looks at."""


class Found(Protocol):
    """Facts under construction."""

    def put(self, fact: str, value: str, since: datetime | None) -> None:
        """Set one fact."""

    def waits_for(self, instant: datetime, now: datetime) -> bool:
        """Whether an instant is still to come; if so it is remembered."""


def tell_plan(
    found: Found, plans: Sequence["PlanVersion"], said: Sequence["CommissionRecord"], calendar: Calendar, now: datetime
) -> None:
    """Set what the plan, its review and the commission say now. Each list is in the order in which it happened."""
    if not plans:
        return
    newest = plans[-1]
    since = newest.recorded_at
    for version in reversed(plans):
        if version.status != newest.status:
            break
        since = version.recorded_at
    found.put("plan", newest.status, since)
    _tell_review(found, newest, calendar, now)
    if said:
        _tell_commission(found, plans, said[-1])


def _tell_review(found: Found, newest: "PlanVersion", calendar: Calendar, now: datetime) -> None:
    if newest.status == PlanStatus.AGREED and newest.review_on is not None:
        review = calendar.begins(newest.review_on)
        if not found.waits_for(review, now):
            found.put("plan_review", "due", review)
            return
    if newest.reviewed:
        found.put("plan_review", "held", newest.recorded_at)


def _tell_commission(found: Found, plans: Sequence["PlanVersion"], last: "CommissionRecord") -> None:
    """What was approved is approved until the plan is drafted anew."""
    anew = [
        version.recorded_at
        for version in plans
        if version.status == PlanStatus.DRAFTED and version.recorded_at > last.recorded_at
    ]
    if last.outcome == CommissionOutcome.APPROVED and anew:
        found.put("commission", "not_asked", anew[0])
    else:
        found.put("commission", last.outcome, last.recorded_at)


def tell_follow_ups(found: Found, planned: Sequence["FollowUp"], calendar: Calendar, now: datetime) -> None:
    """Set whether the person is to be asked how they are, and what they told last."""
    due = [
        calendar.begins(one.due_on)
        for one in planned
        if one.recorded_at is None and not found.waits_for(calendar.begins(one.due_on), now)
    ]
    if due:
        found.put("follow_up", "due", min(due))
        for fact in ASKED:
            found.put(fact, "not_asked", min(due))
        return
    asked = [(one.recorded_at, one) for one in planned if one.recorded_at is not None]
    if not asked:
        return
    since, last = max(asked, key=lambda pair: pair[0])
    found.put("follow_up", "done" if last.reached else "not_reached", since)
    for fact in ASKED:
        found.put(fact, told(getattr(last, fact)), since)


def told(answer: str) -> str:
    """Return what an answer means for the procedure: told, declined to answer, or not asked."""
    if answer == Known.DECLINED_TO_ANSWER:
        return "declined_to_answer"
    return "not_asked" if answer in NOT_KNOWN else "told"
