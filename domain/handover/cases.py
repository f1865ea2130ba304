"""Find somebody else to lead a case. What is sealed opens to them only as far as the person agreed.

The worker opens nothing: it moves the grant, and a grant names compartments that stay sealed under the case's own keys.
"""

from sqlmodel import col, select

from domain.audit.actions import AuditAction
from domain.audit.chain import Scalar
from domain.cases.models import Case, CaseAccess, Relation
from domain.cases.queries import record_of, running_grants, walls_out
from domain.codes import (
    CaseWork,
    Compartment,
    EscalationReason,
    EscalationUnit,
    OrganisationStatus,
    Outcome,
)
from domain.columns import FOREVER
from domain.deadlines.commands import refresh_steps
from domain.deadlines.models import Deadline, DeadlineKind
from domain.disclosures.grounds import to_hand_over
from domain.disclosures.models import Ground
from domain.escalations.commands import Left, escalate, settle_escalations, standing
from domain.handover.interruptions import interrupted
from domain.handover.sweep import leave
from domain.notifications.models import NotificationKind
from domain.organisations.models import Organisation
from domain.organisations.queries import successor_of
from domain.organisations.rules import is_open, may_lead
from domain.referrals.effects import end_service
from domain.referrals.models import Referral
from domain.referrals.rules import OVER
from domain.services.models import ServiceEpisode
from domain.unit_of_work import UnitOfWork


def of_case(case: Case, organisation: Organisation) -> Left:
    """Return a case as something left behind."""
    return Left(EscalationUnit.CASE, case.id, case.id, case.reference, organisation)


async def case_left(work: UnitOfWork, deadline: Deadline) -> bool:
    """Hand the case of an organisation that closed to its successor, or to the coordinators."""
    case = await work.get(Case, deadline.subject_id)
    organisation = await work.get(Organisation, deadline.organisation_id)
    if case.owner_organisation_id != organisation.id or is_open(organisation, work.now):
        return False
    left = of_case(case, organisation)
    if organisation.status == OrganisationStatus.SUSPENDED:
        await escalate(work, left, EscalationReason.ORGANISATION_SUSPENDED)
        return True
    successor = await successor_of(work, organisation)
    reason: EscalationReason | None = EscalationReason.ORGANISATION_CLOSED
    if successor is not None:
        reason = await hand_over(work, case, successor)
    if reason is not None:
        await end_lead(work, case)
        if case.case_work != CaseWork.CLOSED:
            await escalate(work, left, reason)
    await _end_own_services(work, case, organisation)
    if case.case_work != CaseWork.CLOSED:
        await refresh_steps(work, case)
    return True


async def hand_over(
    work: UnitOfWork, case: Case, successor: Organisation, *, sealed: bool = False
) -> EscalationReason | None:
    """Let another organisation lead a case; returns why it may not, or None when it leads.

    Args:
        work: The unit of work; it holds the lock on the case.
        case: The case.
        successor: Who is to lead it.
        sealed: Hand it over even if nothing that is sealed may be opened: the coordinator decided so.
    """
    if await walls_out(work.session, case.id, successor.id):
        return EscalationReason.CONFLICT_WALL
    if not may_lead(successor):
        return EscalationReason.SERVICE_NOT_OFFERED
    ground, compartments = await to_hand_over(work, await record_of(work.session, case), successor)
    if not compartments and not sealed:
        return EscalationReason.NO_CONSENT
    await end_lead(work, case)
    former = case.owner_organisation_id
    work.add(_lead(work, case, successor, compartments, ground))
    await work.flush()  # the database lets the worker grant a case only while nobody open leads it
    case.owner_organisation_id = successor.id
    case.version += 1
    await work.flush()
    await _move_referrals(work, case, former)
    names_of: list[Scalar] = [*sorted(compartments)]
    work.audit_clock(
        AuditAction.CASE_HANDED_OVER,
        stream_id=case.id,
        subject_id=case.id,
        rule="clock",
        to=successor.code,
        compartments=names_of,
        **ground.told(),
    )
    work.notify(successor.id, NotificationKind.CASE_HANDED_OVER, case.reference)
    await refresh_steps(work, case)
    await settle_escalations(work, [await standing(work, case.id)])
    return None


def _lead(
    work: UnitOfWork, case: Case, successor: Organisation, compartments: set[Compartment], _ground: Ground
) -> CaseAccess:
    return CaseAccess(
        id=work.ids.uuid(),
        case_id=case.id,
        organisation_id=successor.id,
        relation=Relation.OWNER,
        holder_id=case.id,
        compartments=sorted(compartments),
        valid_from=work.now,
        valid_until=FOREVER,
    )


async def end_lead(work: UnitOfWork, case: Case) -> None:
    """End the grant of whoever leads a case."""
    for grant in await running_grants(work.session, case.id, Relation.OWNER, work.now):
        grant.valid_until = work.now
    await work.flush()


async def _move_referrals(work: UnitOfWork, case: Case, former: object) -> None:
    """Leave it to the worker to give what the former leader sent to the new one: referrals are locked before cases."""
    rows = await work.session.execute(
        select(col(Referral.id)).where(
            col(Referral.case_id) == case.id,
            col(Referral.sending_organisation_id) == former,
            col(Referral.status).not_in(OVER),
        )
    )
    await leave(work, case.owner_organisation_id, DeadlineKind.SENDER_LEFT, [(one, case.id) for one in rows.scalars()])


async def _end_own_services(work: UnitOfWork, case: Case, organisation: Organisation) -> None:
    """End the services that the closed organisation gave itself; they are to be given by somebody else."""
    rows = await work.session.execute(
        select(ServiceEpisode).where(
            col(ServiceEpisode.case_id) == case.id,
            col(ServiceEpisode.organisation_id) == organisation.id,
            col(ServiceEpisode.referral_id).is_(None),
            col(ServiceEpisode.ended_at).is_(None),
        )
    )
    for episode in rows.scalars().all():
        end_service(work, None, episode, Outcome.UNKNOWN)
        await interrupted(work, organisation, case.owner_organisation_id, case.reference, episode.service)


async def open_as_agreed(work: UnitOfWork, case: Case, leader: Organisation) -> EscalationReason | None:
    """Let the leader of a case open what the person has agreed to since; returns why not, or None."""
    _, compartments = await to_hand_over(work, await record_of(work.session, case), leader)
    if not compartments:
        return EscalationReason.NO_CONSENT
    for grant in await running_grants(work.session, case.id, Relation.OWNER, work.now):
        grant.compartments = sorted({*grant.compartments, *compartments})
    await settle_escalations(work, [await standing(work, case.id)])
    return None
