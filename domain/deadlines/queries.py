"""What the clock takes up: due deadlines that nobody else is at work on, locked together with what they are about.

Whoever is at work on a case or a referral may be about to settle its deadlines. So what is locked by somebody is passed
over, and not waited for: it is still due the next time. Since nothing is waited for, the order of the locks is free.
"""

from collections.abc import Collection, Sequence
from typing import Any

from sqlalchemy import ARRAY, DateTime, Row, Select, Text, bindparam, text
from sqlmodel import col, select

from domain.cases.models import Case
from domain.codes import NrmRole, OrganisationStatus
from domain.deadlines.models import Deadline, DeadlineKind
from domain.notifications.models import NotificationKind
from domain.referrals.models import Referral
from domain.unit_of_work import UnitOfWork

UNANSWERED = text("""
    WITH due AS MATERIALIZED (
        SELECT d.id, d.case_id, d.subject_id, d.organisation_id, d.rule, d.escalate_to, r.reference, r.priority,
            r.status = ANY (:awaited) AS meant
        FROM deadlines d JOIN referrals r ON r.id = d.subject_id JOIN cases c ON c.id = d.case_id
        WHERE d.due_at <= :now AND d.fired_at IS NULL AND d.settled_at IS NULL AND d.kind = :kind
        ORDER BY d.due_at, d.id LIMIT :most
        FOR NO KEY UPDATE OF r, c, d SKIP LOCKED
    ), told AS MATERIALIZED (
        SELECT due.*, ARRAY(
            SELECT due.organisation_id
            UNION SELECT o.id FROM organisations o JOIN organisations mine ON mine.id = due.organisation_id
            WHERE due.escalate_to = :coordinator AND o.country = mine.country AND :coordinator = ANY (o.nrm_roles)
                AND o.status = :active
        ) AS organisations
        FROM due
    ), marked AS (
        UPDATE deadlines d
        SET fired_at = CASE WHEN due.meant THEN :now END, settled_at = CASE WHEN NOT due.meant THEN :now END
        FROM due WHERE d.id = due.id
    ), notified AS (
        INSERT INTO notifications (id, organisation_id, kind, reference, detail, created_at)
        SELECT gen_random_uuid(), one, :notification, reference, priority, :now
        FROM told, unnest(organisations) AS one WHERE meant
    )
    SELECT case_id, subject_id, rule, meant, cardinality(organisations) - 1 AS escalated FROM told
""").bindparams(
    bindparam("now", type_=DateTime(timezone=True)),
    bindparam("awaited", type_=ARRAY(Text)),
    kind=DeadlineKind.REFERRAL_RESPONSE.value,
    notification=NotificationKind.REFERRAL_OVERDUE.value,
    coordinator=NrmRole.COORDINATOR.value,
    active=OrganisationStatus.ACTIVE.value,
)
"""Fire what nobody has answered, in one statement: lock, look at the status behind the lock, mark, and tell."""


async def fire_unanswered(work: UnitOfWork, awaited: Collection[str], most: int) -> Sequence[Row[*tuple[Any, ...]]]:
    """Fire or settle referrals' response deadlines; returns a row for each: case, referral, rule, whether meant."""
    given = {"now": work.now, "awaited": sorted(awaited), "most": most}
    return (await work.session.execute(UNANSWERED, given)).all()


async def claim(work: UnitOfWork, most: int) -> list[Deadline]:
    """Lock due deadlines of cases, callbacks and expiring referrals, with what they are about; longest due first."""
    about_case = _due(work, most, DeadlineKind.STEP, DeadlineKind.RECOMPUTE)
    about_referral = _due(work, most, DeadlineKind.REFERRAL_EXPIRY)
    found: list[Deadline] = []
    for statement, locked in (
        (about_case.join(Case, col(Case.id) == col(Deadline.case_id)), (Case, Deadline)),
        (_due(work, most, DeadlineKind.CALLBACK), (Deadline,)),
        (
            about_referral.join(Referral, col(Referral.id) == col(Deadline.subject_id)).join(
                Case, col(Case.id) == col(Deadline.case_id)
            ),
            (Referral, Case, Deadline),
        ),
    ):
        rows = await work.session.execute(statement.with_for_update(of=locked, key_share=True, skip_locked=True))
        found += rows.scalars()
    return found


def _due(work: UnitOfWork, most: int, *kinds: DeadlineKind) -> Select[Deadline]:
    return (
        select(Deadline)
        .where(col(Deadline.due_at) <= work.now, col(Deadline.fired_at).is_(None), col(Deadline.settled_at).is_(None))
        .where(col(Deadline.kind).in_(kinds))
        .order_by(col(Deadline.due_at), col(Deadline.id))
        .limit(most)
    )
