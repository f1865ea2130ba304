"""What can be done under the rule of two: ask, answer, and do what was agreed, once."""

from sqlmodel import col, select

from domain.approvals.models import Approval
from domain.approvals.rules import Action, ApprovalMissing, is_another, status
from domain.audit.actions import AuditAction
from domain.cases.models import Case
from domain.codes import ApprovalDecision, ApprovalStatus
from domain.errors import NotPermitted, StateConflict
from domain.notifications.models import NotificationKind
from domain.organisations.queries import deciding_with
from domain.permits import Permit
from domain.unit_of_work import UnitOfWork

RULE = "two-persons"
"""What the audit calls the rule of two."""


async def request_approval(action: Action, permit: Permit, work: UnitOfWork) -> Approval:
    """Ask somebody of another organisation to agree to an act, and tell those who could.

    Raises:
        NotPermitted: the country's data say nothing of decisions of two.
    """
    actor = permit.actor
    rules = work.catalogue.access.get(actor.country)
    if rules is None:
        raise NotPermitted(rule=RULE)
    approval = Approval(
        id=work.ids.uuid(),
        country=actor.country,
        action=action.text,
        digest=action.digest,
        requester_id=actor.staff_id,
        requester_organisation_id=actor.organisation_id,
        requested_at=work.now,
        expires_at=work.now + rules.approvals.open_for,
    )
    work.add(approval)
    await work.flush()
    said = {"verb": action.verb.value, "digest": action.digest}
    work.audit(AuditAction.APPROVAL_REQUESTED, permit, stream_id=actor.organisation_id, subject_id=approval.id, **said)
    for organisation_id in await deciding_with(work, actor.country, but=actor.organisation_id):
        work.notify(organisation_id, NotificationKind.APPROVAL_ASKED, str(approval.id), action.verb.value)
    return approval


async def decide_approval(decision: ApprovalDecision, permit: Permit, work: UnitOfWork) -> Approval:
    """Agree to an act, or refuse it.

    Raises:
        NotPermitted: by whom it was asked for, or by somebody of the same organisation.
        StateConflict: it was answered already, or has expired.
    """
    actor = permit.actor
    approval = await work.get(Approval, permit.subject_id)
    if not is_another(approval, actor.staff_id, actor.organisation_id):
        raise NotPermitted(rule=RULE)
    approval = await work.lock(Approval, permit.subject_id)
    if (standing := status(approval, work.now)) != ApprovalStatus.REQUESTED:
        raise StateConflict(current=str(standing))
    approval.decision, approval.decided_at = decision, work.now
    approval.decider_id, approval.decider_organisation_id = actor.staff_id, actor.organisation_id
    work.audit(
        AuditAction.APPROVAL_DECIDED,
        permit,
        stream_id=approval.requester_organisation_id,
        decision=decision,
        digest=approval.digest,
    )
    work.notify(approval.requester_organisation_id, NotificationKind.APPROVAL_DECIDED, str(approval.id), str(decision))
    return approval


async def demand(action: Action, work: UnitOfWork) -> Approval:
    """Spend the approval of this very act, in the transaction that does it: of many at once one does it.

    Raises:
        ApprovalMissing: nobody agreed to it, or it was done already, or the time is over.
    """
    rows = await work.session.execute(
        select(Approval)
        .where(
            col(Approval.digest) == action.digest,
            col(Approval.decision) == ApprovalDecision.APPROVED,
            col(Approval.executed_at).is_(None),
            col(Approval.expires_at) > work.now,
        )
        .order_by(col(Approval.decided_at), col(Approval.id))
        .limit(1)
        .with_for_update()
        .execution_options(populate_existing=True)
    )
    approval = rows.scalar_one_or_none()
    if approval is None:
        raise ApprovalMissing(action)
    approval.executed_at = work.now
    await work.flush()
    work.audit_clock(
        AuditAction.APPROVAL_EXECUTED,
        stream_id=approval.requester_organisation_id,
        subject_id=approval.id,
        rule=RULE,
        digest=approval.digest,
    )
    return approval


async def demand_once_in_use(action: Action, work: UnitOfWork) -> Approval | None:
    """Spend the approval of an operator's act, unless the installation holds no case yet.

    Somebody has to be there before two can agree: until the first case there is nobody to protect, and the operator
    sets up alone. From the first case on there is no way round, also not with fewer than two who could agree.

    Raises:
        ApprovalMissing: as `demand` does.
    """
    if (await work.session.execute(select(Case.id).limit(1))).first() is None:
        return None
    return await demand(action, work)
