"""Find somebody else to call back. Whoever left a message asked to be called; the message is what they want heard.

Only contacts with a due callback move, with their keys: everything else stays sealed where it was.
"""

from sqlmodel import col, select

from domain.audit.actions import AuditAction
from domain.cases.queries import walls_out
from domain.codes import EscalationReason, EscalationUnit, OrganisationStatus
from domain.contacts.models import Contact, ContactCase
from domain.deadlines.models import Deadline, DeadlineKind
from domain.escalations.commands import Left, escalate, settle_escalations, standing
from domain.handover.sweep import CALLBACK_WAITS
from domain.notifications.models import NotificationKind
from domain.organisations.models import Organisation
from domain.organisations.queries import successor_of
from domain.organisations.rules import is_open, may_lead
from domain.unit_of_work import UnitOfWork


async def contact_left(work: UnitOfWork, deadline: Deadline) -> bool:
    """Give a due callback to the successor of an organisation, or to the coordinators."""
    contact = await work.get(Contact, deadline.subject_id)
    organisation = await work.get(Organisation, deadline.organisation_id)
    waits = contact.organisation_id == organisation.id and contact.outcome in CALLBACK_WAITS
    if not waits or is_open(organisation, work.now):
        return False
    left = Left(EscalationUnit.CONTACT, contact.id, None, str(contact.id), organisation)
    if organisation.status == OrganisationStatus.SUSPENDED:
        await escalate(work, left, EscalationReason.ORGANISATION_SUSPENDED)
        return True
    successor = await successor_of(work, organisation)
    reason: EscalationReason | None = EscalationReason.ORGANISATION_CLOSED
    if successor is not None:
        reason = await give_callback(work, contact, successor)
    if reason is not None:
        await escalate(work, left, reason)
    return True


async def give_callback(work: UnitOfWork, contact: Contact, successor: Organisation) -> EscalationReason | None:
    """Let another organisation call back; returns why it may not, or None when it is told."""
    if not may_lead(successor):
        return EscalationReason.SERVICE_NOT_OFFERED
    opened = await work.session.execute(select(ContactCase.case_id).where(col(ContactCase.contact_id) == contact.id))
    for case_id in opened.scalars().all():
        if await walls_out(work.session, case_id, successor.id):
            return EscalationReason.CONFLICT_WALL
    former = contact.organisation_id
    contact.organisation_id = successor.id
    contact.version += 1
    rows = await work.session.execute(
        select(Deadline).where(
            col(Deadline.subject_id) == contact.id,
            col(Deadline.kind) == DeadlineKind.CALLBACK,
            col(Deadline.settled_at).is_(None),
        )
    )
    for clock in rows.scalars():
        clock.organisation_id = successor.id
    for stream_id in (former, successor.id):
        work.audit_clock(
            AuditAction.CONTACT_HANDED_OVER, stream_id=stream_id, subject_id=contact.id, rule="clock", to=successor.code
        )
    work.notify(successor.id, NotificationKind.CALLBACK_HANDED_OVER, str(contact.id))
    await settle_escalations(work, [await standing(work, contact.id)])
    return None
