"""What the clock takes up: due deadlines that nobody else is at work on, locked together with what they are about.

Whoever is at work on a case or a referral may be about to settle its deadlines. So what is locked by somebody is passed
over, and not waited for: it is still due the next time. Since nothing is waited for, the order of the locks is free.
"""

from collections.abc import Collection
from dataclasses import asdict, dataclass
from uuid import UUID

from sqlalchemy import ARRAY, DateTime, Integer, Text, bindparam, text
from sqlmodel import col, select

from domain.audit.actions import AuditAction
from domain.audit.chain import around
from domain.audit.log import Happening, entry_of
from domain.cases.models import Case
from domain.codes import NrmRole, OrganisationStatus
from domain.contacts.models import Contact
from domain.deadlines.models import Deadline, DeadlineKind
from domain.notifications.models import NotificationKind
from domain.organisations.rules import OPEN
from domain.referrals.models import Referral
from domain.unit_of_work import UnitOfWork


@dataclass(frozen=True, slots=True)
class Lane:
    """A part of all cases, so that those who fire at the same time do not go over what another has locked.

    Whatever stops one of them, nothing stays undone: whoever fires next takes up each lane again.

    Attributes:
        lane: Which part, from 0.
        lanes: Of how many.
    """

    lane: int = 0
    lanes: int = 1


WHOLE = Lane()

UNANSWERED = text("""
    WITH due AS MATERIALIZED (
        SELECT d.ctid AS stored, d.case_id, d.subject_id, d.organisation_id, d.rule, d.escalate_to,
            r.reference, r.priority, r.status = ANY (:awaited) AS meant
        FROM deadlines d JOIN referrals r ON r.id = d.subject_id JOIN cases c ON c.id = d.case_id
        WHERE d.due_at <= :now AND d.fired_at IS NULL AND d.settled_at IS NULL AND d.kind = :kind
            AND (:lanes = 1 OR abs(hashtext(CAST(d.case_id AS text)) % :lanes) = :lane)
        ORDER BY d.due_at, d.id LIMIT :most
        FOR NO KEY UPDATE OF r, c SKIP LOCKED
    ), marked AS (
        UPDATE deadlines d
        SET fired_at = CASE WHEN due.meant THEN :now END, settled_at = CASE WHEN NOT due.meant THEN :now END
        FROM due
        WHERE d.ctid = due.stored AND d.due_at <= :now AND d.fired_at IS NULL AND d.settled_at IS NULL
        RETURNING due.*
    ), informed AS MATERIALIZED (
        SELECT due.organisation_id, due.escalate_to, ARRAY(
            SELECT due.organisation_id
            UNION SELECT o.id FROM organisations o JOIN organisations mine ON mine.id = due.organisation_id
            WHERE (due.escalate_to = :coordinator OR NOT (
                    mine.status = ANY (:open) AND mine.active_from <= :now AND :now < mine.active_until))
                AND o.country = mine.country AND :coordinator = ANY (o.nrm_roles) AND o.status = :active
        ) AS organisations
        FROM (SELECT DISTINCT organisation_id, escalate_to FROM marked WHERE meant) due
    ), told AS MATERIALIZED (
        SELECT m.*, row_number() OVER (PARTITION BY m.case_id) AS place, i.organisations
        FROM marked m JOIN informed i ON i.organisation_id = m.organisation_id
            AND coalesce(i.escalate_to, '') = coalesce(m.escalate_to, '')
        WHERE m.meant
    ), notified AS (
        INSERT INTO notifications (id, organisation_id, kind, reference, detail, created_at)
        SELECT gen_random_uuid(), one, :notification, reference, priority, :now
        FROM told, unnest(organisations) AS one
    ), recorded AS MATERIALIZED (
        SELECT nrm_append(
            :now, array_agg(case_id), array_agg(place::integer), array_agg(CAST(:before AS text)),
            array_agg(format(:between, cardinality(organisations) - 1, to_json(rule))),
            array_agg(format(:after, case_id, subject_id))
        ) FROM told HAVING count(*) > 0
    )
    SELECT rule, meant, count(*) AS times FROM marked GROUP BY rule, meant, (SELECT count(*) FROM recorded)
""").bindparams(
    bindparam("now", type_=DateTime(timezone=True)),
    bindparam("awaited", type_=ARRAY(Text)),
    bindparam("lane", type_=Integer),
    bindparam("lanes", type_=Integer),
    bindparam("open", type_=ARRAY(Text), value=sorted(OPEN)),
    **dict.fromkeys(("before", "between", "after"), ""),
    kind=DeadlineKind.REFERRAL_RESPONSE.value,
    notification=NotificationKind.REFERRAL_OVERDUE.value,
    coordinator=NrmRole.COORDINATOR.value,
    active=OrganisationStatus.ACTIVE.value,
)
"""Fire what nobody has answered, in one statement: lock, look at the status behind the lock, mark, tell and record.

The deadlines themselves need no lock before: whoever else changes one holds its referral. They are found again by where
they are stored, which saves a quarter of the time; one that moved meanwhile is still due the next time.
"""

BREACH = Happening(
    AuditAction.DEADLINE_BREACHED,
    stream_id=UUID(int=0),
    subject_id=UUID(int=0),
    rule="clock",
    details={"kind": DeadlineKind.REFERRAL_RESPONSE, "of": "", "escalated": 0},
)
"""What the audit says of one of them, with nothing filled in."""


def _as_format(part: str) -> str:
    """Return a part of BREACH's canonical text as the database's `format` fills it in."""
    empty = str(UUID(int=0))
    return part.replace("%", "%%").replace(empty, "%s").replace('"escalated":0', '"escalated":%s').replace('""', "%s")


async def fire_unanswered(
    work: UnitOfWork, awaited: Collection[str], most: int, lane: Lane
) -> list[tuple[str, bool, int]]:
    """Fire or settle referrals' response deadlines; returns how many of each rule, and whether they were still meant.

    The rows never come here: a thousand a second would be spent on carrying them to and fro.
    """
    before, between, after = map(_as_format, around(entry_of(BREACH, work.now)))
    given = {"now": work.now, "awaited": sorted(awaited), "most": most, "before": before, **asdict(lane)}
    rows = await work.session.execute(UNANSWERED, {**given, "between": between, "after": after})
    return [(row.rule, row.meant, row.times) for row in rows]


CASE = (Case, col(Case.id) == col(Deadline.case_id))
CONTACT = (Contact, col(Contact.id) == col(Deadline.subject_id))
REFERRAL = (Referral, col(Referral.id) == col(Deadline.subject_id))
ABOUT = {
    DeadlineKind.RECOMPUTE: (CASE,),
    DeadlineKind.STEP: (CASE,),
    DeadlineKind.CASE_LEFT: (CASE,),
    DeadlineKind.REFERRAL_EXPIRY: (REFERRAL, CASE),
    DeadlineKind.GROUND_END: (REFERRAL, CASE),
    DeadlineKind.RECEIVER_LEFT: (REFERRAL, CASE),
    DeadlineKind.SENDER_LEFT: (REFERRAL, CASE),
    DeadlineKind.SUBJECT_REQUEST: (CASE,),
    DeadlineKind.RETENTION: (CASE,),
    DeadlineKind.CONTACT_RETENTION: (CONTACT,),
    DeadlineKind.ERASURE: (CASE,),
}
"""What is locked together with a deadline of a kind, so that one that is busy keeps no other waiting."""


async def claim(work: UnitOfWork, most: int) -> list[Deadline]:
    """Lock due deadlines of every other kind, `most` of each, together with what they are about; longest due first."""
    due = (col(Deadline.fired_at).is_(None), col(Deadline.settled_at).is_(None), col(Deadline.due_at) <= work.now)
    kinds = set((await work.session.execute(select(Deadline.kind).where(*due).distinct())).scalars())
    found: list[Deadline] = []
    for kind in DeadlineKind:
        if kind not in kinds or kind == DeadlineKind.REFERRAL_RESPONSE:
            continue
        abouts = ABOUT.get(kind, ())
        wanted = select(Deadline).where(*due, col(Deadline.kind) == kind)
        wanted = wanted.order_by(col(Deadline.due_at), col(Deadline.id)).limit(most)
        for model, condition in abouts:
            wanted = wanted.join(model, condition)
        locked = [model for model, _ in abouts] + [Deadline]
        rows = await work.session.execute(wanted.with_for_update(of=locked, key_share=True, skip_locked=True))
        found += rows.scalars()
    return found
