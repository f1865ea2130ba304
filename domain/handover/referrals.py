"""Find somebody else for a referral whose receiving or sending organisation is gone.

A receiver that closed is replaced by its successor only if the person's consent covers it; the successor is asked
afresh, and identity opens to it when it accepts. Otherwise the referral fails, and its sender finds another way.
"""

from sqlmodel import col, select

from domain.audit.actions import AuditAction
from domain.cases.models import Case, CaseAccess
from domain.cases.queries import walls_out
from domain.codes import (
    EscalationReason,
    EscalationUnit,
    OrganisationStatus,
    Outcome,
    ReferralStatus,
    RefusalReason,
)
from domain.deadlines.commands import refresh_steps, settle
from domain.deadlines.models import Deadline, DeadlineKind
from domain.disclosures.grounds import to_reroute
from domain.escalations.commands import Left, escalate, settle_escalations, standing
from domain.handover.interruptions import interrupted
from domain.notifications.models import NotificationKind
from domain.organisations.models import Organisation
from domain.organisations.queries import successor_of
from domain.organisations.rules import is_open
from domain.referrals.effects import (
    RESPONSES,
    close_to_receiver,
    end_services,
    end_with_ground,
    move,
    note_reassignment,
    start_clocks,
)
from domain.referrals.models import Referral
from domain.referrals.rules import OVER, Act
from domain.unit_of_work import UnitOfWork

SETTLED = frozenset({*OVER, ReferralStatus.DRAFT})


def of_referral(referral: Referral, organisation: Organisation) -> Left:
    """Return a referral as something left behind by its receiver."""
    return Left(EscalationUnit.REFERRAL, referral.id, referral.case_id, referral.reference, organisation)


async def receiver_left(work: UnitOfWork, deadline: Deadline) -> bool:
    """Find another receiver for a referral, or end it; while its receiver is suspended the coordinators have it."""
    referral = await work.get(Referral, deadline.subject_id)
    organisation = await work.get(Organisation, deadline.organisation_id)
    gone = referral.receiving_organisation_id == organisation.id and referral.status not in SETTLED
    if not gone or is_open(organisation, work.now):
        return False
    case = await work.get(Case, referral.case_id)
    in_service = referral.status == ReferralStatus.IN_SERVICE
    if organisation.status == OrganisationStatus.SUSPENDED:
        await escalate(work, of_referral(referral, organisation), EscalationReason.ORGANISATION_SUSPENDED)
        work.notify(
            referral.sending_organisation_id,
            NotificationKind.REFERRAL_CHANGED,
            referral.reference,
            EscalationReason.ORGANISATION_SUSPENDED,
        )
    else:
        successor = await successor_of(work, organisation)
        if successor is None or await reroute(work, case, referral, successor) is not None:
            await _abandon(work, case, referral)
    if in_service:
        await interrupted(work, organisation, case.owner_organisation_id, referral.reference, referral.service)
    return True


async def reroute(work: UnitOfWork, case: Case, referral: Referral, receiver: Organisation) -> EscalationReason | None:
    """Ask another organisation for what a referral asks; returns why it may not be asked, or None when it is.

    The package stays as it was frozen, and opens to nobody until the new receiver accepts.
    """
    if await walls_out(work.session, case.id, receiver.id):
        return EscalationReason.CONFLICT_WALL
    if referral.service not in receiver.services or receiver.id == referral.sending_organisation_id:
        return EscalationReason.SERVICE_NOT_OFFERED
    found = await to_reroute(work, case, referral, receiver)
    if found is None:
        return EscalationReason.NO_CONSENT
    ground, consent = found
    if consent is not None:
        referral.consent_version_id, referral.shared_until = consent.id, consent.expires_at
        await settle(work, referral.id, DeadlineKind.GROUND_END)
        end_with_ground(work, referral)
    await _end_grant(work, referral)
    await end_services(work, None, referral, Outcome.RE_REFERRED)
    referral.receiving_organisation_id = receiver.id
    await move(work, None, referral, Act.REROUTE, RefusalReason.ORGANISATION_CLOSED, ground=ground)
    await _keep_clocks(work, case, referral)
    work.notify(receiver.id, NotificationKind.REFERRAL_ARRIVED, referral.reference)
    work.notify(
        referral.sending_organisation_id, NotificationKind.REFERRAL_CHANGED, referral.reference, referral.status
    )
    await settle_escalations(work, [await standing(work, referral.id)])
    await refresh_steps(work, case)
    return None


async def _end_grant(work: UnitOfWork, referral: Referral) -> None:
    rows = await work.session.execute(
        select(CaseAccess).where(col(CaseAccess.holder_id) == referral.id, col(CaseAccess.valid_until) > work.now)
    )
    for grant in rows.scalars():
        grant.valid_until = work.now
    await work.flush()


async def _keep_clocks(work: UnitOfWork, case: Case, referral: Referral) -> None:
    """Let running clocks go on for the new receiver, so that nobody waits longer; start those that had stopped."""
    rows = await work.session.execute(
        select(Deadline).where(
            col(Deadline.subject_id) == referral.id,
            col(Deadline.kind).in_(RESPONSES),
            col(Deadline.settled_at).is_(None),
        )
    )
    running = set()
    for clock in rows.scalars():
        running.add(clock.kind)
        clock.organisation_id = referral.receiving_organisation_id
    await work.flush()
    start_clocks(work, case, referral, *(kind for kind in RESPONSES if kind not in running))


async def _abandon(work: UnitOfWork, case: Case, referral: Referral) -> None:
    """End a referral because its receiver is gone, and tell the sender to find another way."""
    await move(work, None, referral, Act.ABANDON, RefusalReason.ORGANISATION_CLOSED)
    await end_services(work, None, referral, Outcome.UNKNOWN)
    await close_to_receiver(work, None, referral)
    await settle(work, referral.id, DeadlineKind.SENDER_LEFT)
    work.notify(
        referral.sending_organisation_id, NotificationKind.REFERRAL_CHANGED, referral.reference, referral.status
    )
    await settle_escalations(work, [await standing(work, referral.id)])
    await refresh_steps(work, case)


async def sender_left(work: UnitOfWork, deadline: Deadline) -> bool:
    """Let whoever leads the case answer for a referral whose sender is gone."""
    referral = await work.get(Referral, deadline.subject_id)
    case = await work.get(Case, referral.case_id)
    sender = await work.get(Organisation, referral.sending_organisation_id)
    leader = await work.get(Organisation, case.owner_organisation_id)
    if sender.id == leader.id or is_open(sender, work.now) or referral.status in OVER:
        return False
    if not is_open(leader, work.now):
        return False  # the case itself is on the coordinators' list; handing it over asks again
    referral.sending_organisation_id = leader.id
    await note_reassignment(work, referral)
    work.audit_clock(
        AuditAction.REFERRAL_REASSIGNED, stream_id=case.id, subject_id=referral.id, rule="clock", to=leader.code
    )
    work.notify(leader.id, NotificationKind.REFERRAL_CHANGED, referral.reference, referral.status)
    if referral.status != ReferralStatus.DRAFT:
        work.notify(
            referral.receiving_organisation_id, NotificationKind.REFERRAL_CHANGED, referral.reference, referral.status
        )
    return True


async def refuse_assignment(work: UnitOfWork, referral: Referral, reason: EscalationReason) -> None:
    """Say why the organisation that the coordinator named cannot be asked; the referral stays on the list."""
    organisation = await work.get(Organisation, referral.receiving_organisation_id)
    await escalate(work, of_referral(referral, organisation), reason)
