"""What the clock does when a deadline falls due. Each fires once: the row is locked, and marked in the same commit."""

from sqlmodel import SQLModel, col, select

from domain.audit.actions import AuditAction
from domain.cases.models import Case
from domain.codes import EscalationUnit, ReferralStatus, Role
from domain.contacts.models import Contact
from domain.deadlines.commands import refresh_steps
from domain.deadlines.models import Deadline, DeadlineKind
from domain.escalations.models import Escalation
from domain.handover.assignments import assigned
from domain.handover.cases import case_left
from domain.handover.contacts import contact_left
from domain.handover.referrals import receiver_left, sender_left
from domain.handover.sweep import organisation_changed
from domain.notifications.models import NotificationKind
from domain.organisations.models import Organisation
from domain.organisations.queries import coordinators_of
from domain.organisations.rules import is_open
from domain.referrals.endings import expire_referral
from domain.referrals.models import Referral
from domain.referrals.rules import BEFORE_ACCEPTANCE, BEFORE_ANSWER
from domain.unit_of_work import UnitOfWork

AWAITED = {
    DeadlineKind.REFERRAL_RESPONSE: (BEFORE_ANSWER | {ReferralStatus.SENT}) - {ReferralStatus.WAITLISTED},
    DeadlineKind.REFERRAL_EXPIRY: BEFORE_ACCEPTANCE,
}
"""In which statuses a referral is still waited for when the deadline falls due."""


SUBJECTS: dict[DeadlineKind, type[SQLModel]] = {
    **dict.fromkeys((*AWAITED, DeadlineKind.RECEIVER_LEFT, DeadlineKind.SENDER_LEFT), Referral),
    DeadlineKind.CONTACT_LEFT: Contact,
}
"""What is locked before the case of a deadline."""

ESCALATED: dict[EscalationUnit, type[SQLModel]] = {
    EscalationUnit.REFERRAL: Referral,
    EscalationUnit.CONTACT: Contact,
}

HANDING_OVER = {
    DeadlineKind.ORGANISATION_CHANGED: organisation_changed,
    DeadlineKind.CASE_LEFT: case_left,
    DeadlineKind.RECEIVER_LEFT: receiver_left,
    DeadlineKind.SENDER_LEFT: sender_left,
    DeadlineKind.CONTACT_LEFT: contact_left,
    DeadlineKind.ASSIGNED: assigned,
}
"""What follows when an organisation is gone: each tells whether it was still meant."""


async def fire_next(work: UnitOfWork) -> Deadline | None:
    """Fire the one deadline that has been due longest and that no other worker holds; returns it, or None.

    None too while somebody is at work on its case or referral: they may be about to settle it, so it is left for later.
    The state is looked at again after locking: a deadline whose reason has gone is settled and tells nobody.
    """
    rows = await work.session.execute(
        select(Deadline)
        .where(col(Deadline.due_at) <= work.now, col(Deadline.fired_at).is_(None), col(Deadline.settled_at).is_(None))
        .order_by(col(Deadline.due_at), col(Deadline.id))
        .limit(1)
        .with_for_update(skip_locked=True)
    )
    deadline = rows.scalar_one_or_none()
    if deadline is None:
        return None
    if not await _subjects_are_free(work, deadline):
        return None
    if await _still_meant(work, deadline):
        deadline.fired_at = work.now
    else:
        deadline.settled_at = work.now
    await work.flush()
    return deadline


async def _subjects_are_free(work: UnitOfWork, deadline: Deadline) -> bool:
    """Lock what the deadline is about, without waiting: others lock a referral, its case and then the deadlines."""
    about: type[SQLModel] | None = SUBJECTS.get(DeadlineKind(deadline.kind))
    subject_id = deadline.subject_id
    if deadline.kind == DeadlineKind.ASSIGNED:
        escalation = await work.get(Escalation, deadline.subject_id)
        about, subject_id = ESCALATED.get(EscalationUnit(escalation.unit)), escalation.subject_id
    if about is not None and await work.lock_if_free(about, subject_id) is None:
        return False
    return deadline.case_id is None or await work.lock_if_free(Case, deadline.case_id) is not None


async def _still_meant(work: UnitOfWork, deadline: Deadline) -> bool:
    kind = DeadlineKind(deadline.kind)
    if kind in HANDING_OVER:
        return await HANDING_OVER[kind](work, deadline)
    if kind == DeadlineKind.RECOMPUTE:
        case = await work.get(Case, deadline.case_id) if deadline.case_id else None
        if case is not None:
            await refresh_steps(work, case)
        return True
    if kind == DeadlineKind.CALLBACK:
        contact = await work.get(Contact, deadline.subject_id)
        await _escalate(work, deadline, NotificationKind.CALLBACK_OVERDUE, str(contact.id), "callback")
        return True
    if kind == DeadlineKind.STEP:
        case = await work.get(Case, deadline.subject_id)
        await refresh_steps(work, case)
        if deadline.settled_at is not None:
            return False
        await _escalate(work, deadline, NotificationKind.STEP_OVERDUE, case.reference, deadline.rule)
        return True
    return await _referral_unanswered(work, deadline, kind)


async def _referral_unanswered(work: UnitOfWork, deadline: Deadline, kind: DeadlineKind) -> bool:
    referral = await work.get(Referral, deadline.subject_id)
    if referral.status not in AWAITED[kind]:
        return False
    if kind == DeadlineKind.REFERRAL_EXPIRY:
        await expire_referral(work, referral)
        case = await work.get(Case, referral.case_id)
        await refresh_steps(work, case)
    await _escalate(
        work,
        deadline,
        NotificationKind.REFERRAL_EXPIRED
        if kind == DeadlineKind.REFERRAL_EXPIRY
        else NotificationKind.REFERRAL_OVERDUE,
        referral.reference,
        referral.priority,
    )
    return True


async def _escalate(work: UnitOfWork, deadline: Deadline, kind: NotificationKind, reference: str, detail: str) -> None:
    """Tell the responsible organisation and whoever the procedure escalates to, and record the breach."""
    responsible = await work.get(Organisation, deadline.organisation_id)
    told = {responsible.id}
    if deadline.escalate_to == Role.COORDINATOR or not is_open(responsible, work.now):
        told |= set(await coordinators_of(work, responsible.country))
    for organisation_id in sorted(told):
        work.notify(organisation_id, kind, reference, detail)
    work.audit_clock(
        AuditAction.DEADLINE_BREACHED,
        stream_id=deadline.case_id or deadline.organisation_id,
        subject_id=deadline.subject_id,
        rule="clock",
        kind=deadline.kind,
        of=deadline.rule,
        escalated=len(told) - 1,
    )
