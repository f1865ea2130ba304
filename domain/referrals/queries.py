"""What can be asked about referrals."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Select, func, text
from sqlalchemy import select as columns
from sqlalchemy.orm import aliased
from sqlmodel import col, select

from domain.deadlines.models import Deadline, DeadlineKind
from domain.organisations.models import Organisation
from domain.referrals.models import Referral, ReferralEvent
from domain.unit_of_work import UnitOfWork


@dataclass(frozen=True, slots=True)
class Answering:
    """By when a referral must be answered.

    Attributes:
        respond_by: The instant; none before sending and once it was answered.
        overdue: Whether it has passed without an answer.
    """

    respond_by: datetime | None = None
    overdue: bool = False


async def answering(work: UnitOfWork, referral_ids: Collection[UUID]) -> dict[UUID, Answering]:
    """Return by when each of some referrals must be answered, in one query."""
    rows = await work.session.execute(
        select(Deadline).where(
            col(Deadline.subject_id).in_(referral_ids),
            col(Deadline.kind) == DeadlineKind.REFERRAL_RESPONSE,
            col(Deadline.settled_at).is_(None),
        )
    )
    found = {one.subject_id: Answering(one.due_at, one.due_at <= work.now) for one in rows.scalars()}
    return {referral_id: found.get(referral_id, Answering()) for referral_id in referral_ids}


SENDER, RECEIVER = aliased(Organisation), aliased(Organisation)
RESPOND_BY = (
    columns(func.max(Deadline.due_at))
    .where(
        col(Deadline.subject_id) == Referral.id,
        col(Deadline.kind) == DeadlineKind.REFERRAL_RESPONSE,
        col(Deadline.settled_at).is_(None),
    )
    .scalar_subquery()
)
LISTED: Any = (
    columns(
        col(Referral.id),
        col(Referral.receiving_organisation_id),
        col(Referral.reference),
        col(Referral.status),
        col(Referral.service),
        col(Referral.priority),
        col(SENDER.code).label("sender"),
        col(RECEIVER.code).label("receiver"),
        col(Referral.age_band),
        col(Referral.sex),
        col(Referral.languages),
        col(Referral.created_at),
        RESPOND_BY.label("respond_by"),
    )
    .join(SENDER, col(SENDER.id) == col(Referral.sending_organisation_id))
    .join(RECEIVER, col(RECEIVER.id) == col(Referral.receiving_organisation_id))
)
"""What lists tell of referrals, in one query; made once, since putting it together takes longer than asking it."""


async def codes_of(work: UnitOfWork, organisation_ids: Iterable[UUID | None]) -> dict[UUID, str]:
    """Return the codes of some organisations, in one query."""
    wanted = {one for one in organisation_ids if one is not None}
    rows = await work.session.execute(
        select(Organisation.id, Organisation.code).where(col(Organisation.id).in_(wanted))
    )
    return {row[0]: row[1] for row in rows}


async def events_of(work: UnitOfWork, referral_id: UUID) -> Sequence[ReferralEvent]:
    """Return what happened to a referral, in order."""
    rows = await work.session.execute(
        select(ReferralEvent).where(col(ReferralEvent.referral_id) == referral_id).order_by(col(ReferralEvent.sequence))
    )
    return rows.scalars().all()


def unanswered() -> Select[Referral]:
    """Return the query for referrals whose time to answer has passed."""
    return (
        select(Referral)
        .join(Deadline, col(Deadline.subject_id) == col(Referral.id))
        .where(
            col(Deadline.kind) == DeadlineKind.REFERRAL_RESPONSE,
            col(Deadline.settled_at).is_(None),
            col(Deadline.due_at) <= text("nrm_now()"),
        )
    )
