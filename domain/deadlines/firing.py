"""What the clock does when a deadline falls due. Each fires once: its row is locked, and marked in the same commit."""

from collections import Counter
from uuid import UUID

from sqlalchemy import any_, literal
from sqlmodel import col, select

from domain.audit.actions import AuditAction
from domain.cases.models import Case
from domain.codes import NrmRole, OrganisationStatus, ReferralStatus, Role
from domain.contacts.models import Contact
from domain.deadlines.commands import refresh_steps
from domain.deadlines.models import Deadline, DeadlineKind
from domain.deadlines.queries import claim, fire_unanswered
from domain.notifications.models import NotificationKind
from domain.organisations.models import Organisation
from domain.referrals.endings import expire_referral
from domain.referrals.models import Referral
from domain.referrals.rules import BEFORE_ACCEPTANCE, BEFORE_ANSWER
from domain.unit_of_work import UnitOfWork

AWAITED = {
    DeadlineKind.REFERRAL_RESPONSE: (BEFORE_ANSWER | {ReferralStatus.SENT}) - {ReferralStatus.WAITLISTED},
    DeadlineKind.REFERRAL_EXPIRY: BEFORE_ACCEPTANCE,
}
"""In which statuses a referral is still waited for when the deadline falls due."""


UNANSWERED_AT_ONCE = 1000
"""How many referrals are told to be unanswered in one transaction: all in one statement, so the locks are short."""

AT_ONCE = 1
"""How many of each other kind are looked at in one transaction: each reads its whole case, and whoever wants to work on
one of them waits until the transaction ends."""


async def fire_due(work: UnitOfWork) -> "Counter[tuple[str, str, bool]]":
    """Fire a batch of what has been due longest; counts what was looked at: kind, rule, whether it was still meant.

    What somebody is at work on is passed over, since they may be about to settle it; it is left for later, and keeps
    nothing else waiting. The state is looked at again after locking: a deadline whose reason has gone is settled and
    tells nobody.
    """
    kind = DeadlineKind.REFERRAL_RESPONSE
    looked_at: Counter[tuple[str, str, bool]] = Counter()
    for rule, meant, times in await fire_unanswered(work, AWAITED[kind], UNANSWERED_AT_ONCE):
        looked_at[kind, rule, meant] = times
    if looked_at:  # the locks of so many end soon; the rest is for the next transaction
        return looked_at
    for deadline in await claim(work, AT_ONCE):
        if deadline.settled_at is not None:  # by what an earlier one of the batch did
            continue
        if await _still_meant(work, deadline):
            deadline.fired_at = work.now
        else:
            deadline.settled_at = work.now
        await work.flush()
        looked_at[deadline.kind, deadline.rule, deadline.fired_at is not None] += 1
    return looked_at


async def _still_meant(work: UnitOfWork, deadline: Deadline) -> bool:
    kind = DeadlineKind(deadline.kind)
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
    return await _expires(work, deadline)


async def _expires(work: UnitOfWork, deadline: Deadline) -> bool:
    referral = await work.get(Referral, deadline.subject_id)
    if referral.status not in AWAITED[DeadlineKind.REFERRAL_EXPIRY]:
        return False
    await expire_referral(work, referral)
    await refresh_steps(work, await work.get(Case, referral.case_id))
    await _escalate(work, deadline, NotificationKind.REFERRAL_EXPIRED, referral.reference, referral.priority)
    return True


async def _escalate(work: UnitOfWork, deadline: Deadline, kind: NotificationKind, reference: str, detail: str) -> None:
    """Tell the responsible organisation and whoever the procedure escalates to, and record the breach."""
    told = {deadline.organisation_id}
    if deadline.escalate_to == Role.COORDINATOR:
        told |= set(await _coordinators(work, deadline))
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


async def _coordinators(work: UnitOfWork, deadline: Deadline) -> list[UUID]:
    responsible = await work.get(Organisation, deadline.organisation_id)
    rows = await work.session.execute(
        select(Organisation.id).where(
            col(Organisation.country) == responsible.country,
            literal(NrmRole.COORDINATOR.value) == any_(col(Organisation.nrm_roles)),
            col(Organisation.status) == OrganisationStatus.ACTIVE,
        )
    )
    return list(rows.scalars())
