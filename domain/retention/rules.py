"""Pure decisions about keeping: when what goes, and what stops it in the person's favour."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from domain.codes import ClosureReason, ErasureReason, ReferralStatus, SubjectRequestStatus
from domain.referrals.rules import OVER

if TYPE_CHECKING:
    from domain.cases.models import Case
    from domain.courses.models import Course
    from domain.referrals.models import Referral
    from domain.requests.models import SubjectRequest
    from domain.retention.models import RetentionHold


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What may speak against erasing a case at the end of its period."""

    holds: Sequence["RetentionHold"] = ()
    requests: Sequence["SubjectRequest"] = ()
    referrals: Sequence["Referral"] = ()
    courses: Sequence["Course"] = ()


def stopped_by(case: "Case", around: Surroundings, now: datetime) -> list[str]:
    """Return what stops the end of a period, in codes: each of them protects the person. Nothing stops a request."""
    running = [one for one in around.holds if one.lifted_at is None and one.holds_until > now]
    found = {
        "hold": bool(running),
        "subject_request": any(one.status == SubjectRequestStatus.RECEIVED for one in around.requests),
        "referral": any(one.status not in {*OVER, ReferralStatus.DRAFT} for one in around.referrals),
        "course": any(one.closed_at is None for one in around.courses),
        "restriction": case.restricted_at is not None,
    }
    return [reason for reason, speaks in found.items() if speaks]


def look_again_at(around: Surroundings, now: datetime, days: int) -> datetime:
    """Return when to look again: when the last hold ends, but no later than after so many days."""
    latest = now + timedelta(days=days)
    ends = [one.holds_until for one in around.holds if one.lifted_at is None and now < one.holds_until < latest]
    return max(ends, default=latest)


def reason_of(closed_for: ClosureReason | None) -> ErasureReason:
    """Return why a case goes whose period ended."""
    return ErasureReason.ERROR if closed_for == ClosureReason.ENTERED_IN_ERROR else ErasureReason.RETENTION
