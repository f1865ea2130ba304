"""What the clock does when a deadline falls due. Each fires once: the row is locked, and marked in the same commit."""

from collections import Counter
from collections.abc import Awaitable, Callable, Mapping
from uuid import UUID

from sqlmodel import SQLModel, col, select

from domain.audit.actions import AuditAction
from domain.break_glass.firing import unreviewed
from domain.capacity import firing as capacity
from domain.capacity.models import CapacityQuestion
from domain.cases.models import Case
from domain.cases.walls import review_due
from domain.codes import AwardStatus, EscalationUnit, ReferralStatus, Role, SubjectRequestStatus
from domain.contacts.models import Contact
from domain.courses.commands import refresh_course, refresh_courses
from domain.courses.models import Course
from domain.deadlines.commands import refresh_steps
from domain.deadlines.models import Deadline, DeadlineKind
from domain.deadlines.queries import WHOLE, Lane, claim, fire_unanswered
from domain.escalations.models import Escalation
from domain.funding.models import Award
from domain.handover.assignments import assigned
from domain.handover.cases import case_left
from domain.handover.contacts import contact_left
from domain.handover.referrals import receiver_left, sender_left
from domain.handover.sweep import organisation_changed
from domain.notifications.models import NotificationKind
from domain.organisations.models import Organisation
from domain.organisations.queries import coordinators_of
from domain.organisations.rules import is_open
from domain.places.firing import reservation_due
from domain.referrals.endings import end_sharing, expire_referral
from domain.referrals.models import Referral
from domain.referrals.rules import BEFORE_ACCEPTANCE, BEFORE_ANSWER
from domain.referrals.waiting import tell_next
from domain.requests.models import SubjectRequest
from domain.retention.firing import contact_ended, erasure_granted, period_ended
from domain.unit_of_work import UnitOfWork

AWAITED = {
    DeadlineKind.REFERRAL_RESPONSE: (BEFORE_ANSWER | {ReferralStatus.SENT}) - {ReferralStatus.WAITLISTED},
    DeadlineKind.REFERRAL_EXPIRY: BEFORE_ACCEPTANCE,
}
"""In which statuses a referral is still waited for when the deadline falls due."""


SUBJECTS: dict[DeadlineKind, type[SQLModel]] = {
    **dict.fromkeys(
        (*AWAITED, DeadlineKind.GROUND_END, DeadlineKind.RECEIVER_LEFT, DeadlineKind.SENDER_LEFT), Referral
    ),
    **dict.fromkeys((DeadlineKind.CONTACT_LEFT, DeadlineKind.CONTACT_RETENTION), Contact),
}
"""What is locked before the case of a deadline."""

ESCALATED: dict[EscalationUnit, type[SQLModel]] = {
    EscalationUnit.REFERRAL: Referral,
    EscalationUnit.CONTACT: Contact,
}


UNANSWERED_AT_ONCE = 1000
"""How many referrals are told to be unanswered in one transaction: all in one statement, so the locks are short."""

AT_ONCE = 1
"""How many of each other kind are looked at in one transaction: each reads its whole case, and whoever wants to work on
one of them waits until the transaction ends."""


async def fire_due(work: UnitOfWork, lane: Lane = WHOLE) -> "Counter[tuple[str, str, bool]]":
    """Fire a batch of what has been due longest; counts what was looked at: kind, rule, whether it was still meant.

    What somebody is at work on is passed over, since they may be about to settle it; it is left for later. The state is
    looked at again after locking: a deadline whose reason has gone is settled and tells nobody.
    """
    kind = DeadlineKind.REFERRAL_RESPONSE
    looked_at: Counter[tuple[str, str, bool]] = Counter()
    for rule, meant, times in await fire_unanswered(work, AWAITED[kind], UNANSWERED_AT_ONCE, lane):
        looked_at[kind, rule, meant] = times
    if looked_at:  # the locks of so many end soon; the rest is for the next transaction
        return looked_at
    for deadline in await claim(work, AT_ONCE):
        if deadline.settled_at is not None:  # by what an earlier one of the batch did
            continue
        if not await _subjects_are_free(work, deadline):
            continue
        if await still_meant(work, deadline):
            deadline.fired_at = work.now
        else:
            deadline.settled_at = work.now
        await work.flush()
        looked_at[deadline.kind, deadline.rule, deadline.fired_at is not None] += 1
    return looked_at


async def _subjects_are_free(work: UnitOfWork, deadline: Deadline) -> bool:
    """Lock what the deadline is about, without waiting: others lock a referral, its case, a course, deadlines."""
    about: type[SQLModel] | None = SUBJECTS.get(DeadlineKind(deadline.kind))
    subject_id = deadline.subject_id
    if deadline.kind == DeadlineKind.ASSIGNED:
        escalation = await work.get(Escalation, deadline.subject_id)
        about, subject_id = ESCALATED.get(EscalationUnit(escalation.unit)), escalation.subject_id
    if about is not None and await work.lock_if_free(about, subject_id) is None:
        return False
    if deadline.case_id is not None and await work.lock_if_free(Case, deadline.case_id) is None:
        return False
    return all([await work.lock_if_free(Course, course_id) for course_id in await _course_ids(work, deadline)])


async def _course_ids(work: UnitOfWork, deadline: Deadline) -> list[UUID]:
    rows = await work.session.execute(
        select(Course.id).where(col(Course.case_id) == deadline.case_id).order_by(col(Course.id))
    )
    return list(rows.scalars())


async def still_meant(work: UnitOfWork, deadline: Deadline) -> bool:
    """Do what falls due, and tell whether there was still a reason to."""
    return await HANDLERS[DeadlineKind(deadline.kind)](work, deadline)


async def _recompute(work: UnitOfWork, deadline: Deadline) -> bool:
    case = await work.get(Case, deadline.case_id) if deadline.case_id else None
    if case is not None and case.erased_at is None:
        await _refresh(work, case)
    return True


async def _not_called_back(work: UnitOfWork, deadline: Deadline) -> bool:
    contact = await work.get(Contact, deadline.subject_id)
    await escalate(work, deadline, NotificationKind.CALLBACK_OVERDUE, str(contact.id), "callback")
    return True


async def _step_overdue(work: UnitOfWork, deadline: Deadline) -> bool:
    course = await work.session.get(Course, deadline.subject_id)
    about = course or await work.get(Case, deadline.subject_id)
    if isinstance(about, Course):
        await refresh_course(work, about, leads=True)
    else:
        await refresh_steps(work, about)
    if deadline.settled_at is not None:
        return False
    await escalate(work, deadline, NotificationKind.STEP_OVERDUE, about.reference, deadline.rule)
    return True


async def _room(work: UnitOfWork, deadline: Deadline) -> bool:
    return await tell_next(work, deadline.organisation_id, deadline.rule)


async def _question_unanswered(work: UnitOfWork, deadline: Deadline) -> bool:
    question = await work.get(CapacityQuestion, deadline.subject_id)
    silent = await capacity.unanswered(work, question)
    if silent is None:
        return False
    await escalate(work, deadline, NotificationKind.CAPACITY_OVERDUE, question.reference, silent)
    return True


async def _award_undecided(work: UnitOfWork, deadline: Deadline) -> bool:
    award = await work.get(Award, deadline.subject_id)
    if award.status != AwardStatus.ASKED:
        return False
    await escalate(work, deadline, NotificationKind.AWARD_OVERDUE, str(award.id), deadline.rule)
    return True


async def _request_unanswered(work: UnitOfWork, deadline: Deadline) -> bool:
    request = await work.get(SubjectRequest, deadline.subject_id)
    if request.status != SubjectRequestStatus.RECEIVED:
        return False
    case = await work.get(Case, request.case_id)
    await escalate(work, deadline, NotificationKind.SUBJECT_REQUEST_OVERDUE, case.reference, request.kind)
    return True


async def _referral_expires(work: UnitOfWork, deadline: Deadline) -> bool:
    referral = await work.get(Referral, deadline.subject_id)
    if referral.status not in AWAITED[DeadlineKind.REFERRAL_EXPIRY]:
        return False
    await expire_referral(work, referral)
    await _refresh(work, await work.get(Case, referral.case_id))
    await escalate(work, deadline, NotificationKind.REFERRAL_EXPIRED, referral.reference, referral.priority)
    return True


async def _ground_ends(work: UnitOfWork, deadline: Deadline) -> bool:
    referral = await work.get(Referral, deadline.subject_id)
    if not await end_sharing(work, referral):
        return False
    await _refresh(work, await work.get(Case, referral.case_id))
    return True


async def _refresh(work: UnitOfWork, case: Case) -> None:
    """Set the deadlines of a case and of all that goes on beside it."""
    await refresh_steps(work, case)
    await refresh_courses(work, case.id)


async def escalate(work: UnitOfWork, deadline: Deadline, kind: NotificationKind, reference: str, detail: str) -> None:
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


HANDLERS: Mapping[DeadlineKind, Callable[[UnitOfWork, Deadline], Awaitable[bool]]] = {
    DeadlineKind.RECOMPUTE: _recompute,
    DeadlineKind.CALLBACK: _not_called_back,
    DeadlineKind.STEP: _step_overdue,
    DeadlineKind.AWARD_DECISION: _award_undecided,
    DeadlineKind.REFERRAL_EXPIRY: _referral_expires,
    DeadlineKind.GROUND_END: _ground_ends,
    DeadlineKind.WAITING_NEXT: _room,
    DeadlineKind.RESERVATION_EXPIRY: reservation_due,
    DeadlineKind.CAPACITY_ANSWER: _question_unanswered,
    DeadlineKind.ORGANISATION_CHANGED: organisation_changed,
    DeadlineKind.CASE_LEFT: case_left,
    DeadlineKind.RECEIVER_LEFT: receiver_left,
    DeadlineKind.SENDER_LEFT: sender_left,
    DeadlineKind.CONTACT_LEFT: contact_left,
    DeadlineKind.ASSIGNED: assigned,
    DeadlineKind.GLASS_REVIEW: unreviewed,
    DeadlineKind.WALL_REVIEW: review_due,
    DeadlineKind.SUBJECT_REQUEST: _request_unanswered,
    DeadlineKind.RETENTION: period_ended,
    DeadlineKind.CONTACT_RETENTION: contact_ended,
    DeadlineKind.ERASURE: erasure_granted,
}
"""What each kind of deadline does when it falls due: each tells whether it was still meant.

Referrals that nobody answers are not here: they are so many that `fire_unanswered` fires them in one statement.
"""
