"""What the clock does when a period of keeping ends, or when the person's erasure is to be carried out."""

from sqlalchemy import exists, select
from sqlmodel import col

from domain.audit.actions import AuditAction
from domain.cases.models import Case
from domain.codes import ContactOutcome, ErasureReason
from domain.contacts.models import Contact, ContactCase
from domain.courses.models import Course
from domain.deadlines.models import Deadline, DeadlineKind
from domain.organisations.models import Organisation
from domain.referrals.models import Referral
from domain.requests.models import SubjectRequest
from domain.retention.erasing import erase_case, erase_contact, erase_part
from domain.retention.models import RetentionHold
from domain.retention.planning import end_of_contact, end_of_period, periods_of
from domain.retention.rules import Surroundings, look_again_at, reason_of, stopped_by
from domain.unit_of_work import UnitOfWork
from domain.workflow.retention import CONTACT, DRAFT

CALL_DUE = frozenset({ContactOutcome.CALLBACK_DUE, ContactOutcome.NOT_REACHED})


async def period_ended(work: UnitOfWork, deadline: Deadline) -> bool:
    """Erase what a class of keeping holds of a closed case, unless something stops it in the person's favour."""
    case = await work.get(Case, deadline.subject_id)
    ends = periods_of(work, case)
    if not ends:
        return False
    due_at = ends.get(deadline.rule)
    if due_at is None or due_at > work.now:  # closed for another reason, or before there was this profile
        await _settled(work, deadline)
        await _set_ends(work, case)
        return False
    around = await _around(work, case)
    stops = stopped_by(case, around, work.now)
    profile = work.catalogue.retention(case.country)
    if stops:
        await _settled(work, deadline)
        end_of_period(work, case, deadline.rule, look_again_at(around, work.now, profile.look_again_days))
        work.audit_clock(
            AuditAction.ERASURE_POSTPONED,
            stream_id=case.id,
            subject_id=case.id,
            rule="clock",
            of=deadline.rule,
            because=[*stops],
        )
        return False
    why = reason_of(case.closure_reason)
    if due_at == max(ends.values()):
        deadline.fired_at = work.now
        await work.flush()
        await erase_case(work, case, why)
    else:
        named = profile.compartments_of(deadline.rule, work.catalogue.confidentiality(case.country))
        await erase_part(work, case, named, why)
    return True


async def erasure_granted(work: UnitOfWork, deadline: Deadline) -> bool:
    """Erase a case because the person asked for it."""
    case = await work.get(Case, deadline.subject_id)
    if case.erased_at is not None:
        return False
    deadline.fired_at = work.now
    await work.flush()
    await erase_case(work, case, ErasureReason.REQUEST)
    return True


async def contact_ended(work: UnitOfWork, deadline: Deadline) -> bool:
    """Erase the words of a contact, and at the end of its own period its codes; a call that is due goes first."""
    contact = await work.get(Contact, deadline.subject_id)
    country = (await work.get(Organisation, contact.organisation_id)).country
    profile = work.catalogue.retention(country)
    due_at = contact.made_at + profile.classes[deadline.rule].period
    about_case = await work.session.scalar(select(exists().where(col(ContactCase.contact_id) == contact.id)))
    if deadline.rule == DRAFT and about_case:
        return False
    if due_at > work.now or contact.outcome in CALL_DUE:
        await _settled(work, deadline)
        again = look_again_at(Surroundings(), work.now, profile.look_again_days)
        end_of_contact(work, contact, deadline.rule, due_at if due_at > work.now else again)
        return False
    await erase_contact(work, contact, country, whole=deadline.rule == CONTACT)
    return True


async def _settled(work: UnitOfWork, deadline: Deadline) -> None:
    """Make room for the next one: of each kind and class there is one that is open."""
    deadline.settled_at = work.now
    await work.flush()


async def _set_ends(work: UnitOfWork, case: Case) -> None:
    """Set the ends of a case's periods that are not set."""
    rows = await work.session.execute(
        select(col(Deadline.rule)).where(
            col(Deadline.subject_id) == case.id,
            col(Deadline.kind) == DeadlineKind.RETENTION,
            col(Deadline.settled_at).is_(None),
        )
    )
    known = set(rows.scalars())
    for kept, due_at in periods_of(work, case).items():
        if kept not in known:
            end_of_period(work, case, kept, due_at)


async def _around(work: UnitOfWork, case: Case) -> Surroundings:
    """Load what may speak against erasing a case."""
    holds = await work.session.execute(select(RetentionHold).where(col(RetentionHold.case_id) == case.id))
    requests = await work.session.execute(select(SubjectRequest).where(col(SubjectRequest.case_id) == case.id))
    referrals = await work.session.execute(select(Referral).where(col(Referral.case_id) == case.id))
    courses = await work.session.execute(select(Course).where(col(Course.case_id) == case.id))
    return Surroundings(
        holds.scalars().all(), requests.scalars().all(), referrals.scalars().all(), courses.scalars().all()
    )
