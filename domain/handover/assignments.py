"""Carry out what a coordinator decided about something that has no responsible organisation."""

from domain.cases.models import Case
from domain.codes import EscalationReason, EscalationUnit
from domain.contacts.models import Contact
from domain.deadlines.models import Deadline
from domain.escalations.commands import Left, escalate
from domain.escalations.models import Escalation
from domain.handover.cases import hand_over, of_case, open_as_agreed
from domain.handover.contacts import give_callback
from domain.handover.referrals import refuse_assignment, reroute
from domain.organisations.models import Organisation
from domain.organisations.rules import is_open
from domain.referrals.models import Referral
from domain.referrals.rules import OVER
from domain.unit_of_work import UnitOfWork


async def assigned(work: UnitOfWork, deadline: Deadline) -> bool:
    """Hand over to the organisation that the coordinator named, or take the name back and say why."""
    escalation = await work.lock(Escalation, deadline.subject_id)
    if escalation.settled_at is not None or escalation.assigned_organisation_id is None:
        return False
    organisation = await work.get(Organisation, escalation.assigned_organisation_id)
    handlers = {
        EscalationUnit.CASE: _case,
        EscalationUnit.REFERRAL: _referral,
        EscalationUnit.CONTACT: _contact,
    }
    if not is_open(organisation, work.now):
        escalation.assigned_organisation_id = escalation.assigned_at = None
        escalation.version += 1
        return True
    await handlers[EscalationUnit(escalation.unit)](work, escalation, organisation)
    return True


async def _case(work: UnitOfWork, escalation: Escalation, organisation: Organisation) -> None:
    """Hand the case over. What the person has not agreed to stays sealed, and the case stays on the list."""
    case = await work.get(Case, escalation.subject_id)
    if case.owner_organisation_id == organisation.id:
        reason = await open_as_agreed(work, case, organisation)
        if reason is not None:
            await escalate(work, of_case(case, organisation), reason)
        return
    reason = await hand_over(work, case, organisation)
    if reason == EscalationReason.NO_CONSENT:
        await hand_over(work, case, organisation, sealed=True)
        await escalate(work, of_case(case, organisation), reason)
    elif reason is not None:
        await escalate(work, of_case(case, await work.get(Organisation, case.owner_organisation_id)), reason)


async def _referral(work: UnitOfWork, escalation: Escalation, organisation: Organisation) -> None:
    referral = await work.get(Referral, escalation.subject_id)
    case = await work.get(Case, referral.case_id)
    reason = None if referral.status in OVER else await reroute(work, case, referral, organisation)
    if reason is not None:
        await refuse_assignment(work, referral, reason)


async def _contact(work: UnitOfWork, escalation: Escalation, organisation: Organisation) -> None:
    contact = await work.get(Contact, escalation.subject_id)
    former = await work.get(Organisation, contact.organisation_id)
    reason = await give_callback(work, contact, organisation)
    if reason is not None:
        left = Left(EscalationUnit.CONTACT, contact.id, None, str(contact.id), former)
        await escalate(work, left, reason)
