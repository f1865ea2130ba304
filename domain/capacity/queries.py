"""What can be asked about capacity questions."""

from collections.abc import Sequence
from uuid import UUID

from sqlmodel import col, select

from domain.capacity.models import CapacityAsking, CapacityQuestion
from domain.codes import ReferralStatus
from domain.referrals.models import Referral
from domain.referrals.rules import AFTER_ACCEPTANCE
from domain.unit_of_work import UnitOfWork

ACCEPTED_ONCE = AFTER_ACCEPTANCE | {ReferralStatus.COMPLETED}


async def questions_of(work: UnitOfWork, case_id: UUID) -> Sequence[CapacityQuestion]:
    """Return what was asked for a case, oldest first."""
    rows = await work.session.execute(
        select(CapacityQuestion)
        .join(CapacityAsking, col(CapacityAsking.question_id) == col(CapacityQuestion.id))
        .where(col(CapacityAsking.case_id) == case_id)
        .order_by(col(CapacityQuestion.asked_at), col(CapacityQuestion.id))
        .limit(200)
    )
    return rows.scalars().all()


async def question_behind(work: UnitOfWork, referral: Referral, organisation_id: UUID) -> str | None:
    """Return the reference of the question upon which a referral was offered.

    Its sender may know, and its receiver once it has accepted: row-level security says the same.
    """
    if referral.sending_organisation_id != organisation_id and referral.status not in ACCEPTED_ONCE:
        return None
    rows = await work.session.execute(
        select(CapacityQuestion.reference)
        .join(CapacityAsking, col(CapacityAsking.question_id) == col(CapacityQuestion.id))
        .where(col(CapacityAsking.referral_id) == referral.id)
    )
    return rows.scalar_one_or_none()
