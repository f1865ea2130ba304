"""What can be done with escalations: raise and settle them, and name a new organisation."""

from collections.abc import Iterable
from dataclasses import dataclass
from uuid import UUID

from sqlmodel import col, select

from domain.audit.actions import AuditAction
from domain.codes import EscalationReason, EscalationUnit
from domain.deadlines.models import Deadline, DeadlineKind
from domain.errors import InvalidInput, StateConflict, VersionStale
from domain.escalations.models import Escalation
from domain.notifications.models import NotificationKind
from domain.organisations.models import Organisation
from domain.organisations.queries import coordinators_of
from domain.organisations.rules import is_open
from domain.permits import Permit
from domain.unit_of_work import UnitOfWork


@dataclass(frozen=True, slots=True)
class Left:
    """What its organisation left behind.

    Attributes:
        case_id: None for a contact, which need not have opened a case.
        organisation: Who answered for it.
    """

    unit: EscalationUnit
    subject_id: UUID
    case_id: UUID | None
    reference: str
    organisation: Organisation

    @property
    def stream_id(self) -> UUID:
        """The chain of the audit that it belongs to."""
        return self.case_id or self.organisation.id


async def standing(work: UnitOfWork, subject_id: UUID) -> Escalation | None:
    """Return the escalation of a case, referral or contact that is not settled, or None."""
    rows = await work.session.execute(
        select(Escalation).where(col(Escalation.subject_id) == subject_id, col(Escalation.settled_at).is_(None))
    )
    return rows.scalar_one_or_none()


async def escalate(work: UnitOfWork, left: Left, reason: EscalationReason) -> None:
    """Put something on the coordinators' list, or say the new reason why it is still there."""
    found = await standing(work, left.subject_id)
    if found is not None:
        found.reason = reason
        found.organisation_id = left.organisation.id
        found.assigned_organisation_id = found.assigned_at = None
        found.version += 1
    else:
        found = Escalation(
            id=work.ids.uuid(),
            subject_id=left.subject_id,
            unit=left.unit,
            case_id=left.case_id,
            reference=left.reference,
            country=left.organisation.country,
            organisation_id=left.organisation.id,
            reason=reason,
            raised_at=work.now,
        )
        work.add(found)
    await work.flush()
    for coordinator in await coordinators_of(work, left.organisation.country):
        work.notify(coordinator, NotificationKind.WORK_ESCALATED, left.reference, reason)
    work.audit_clock(
        AuditAction.ESCALATION_RAISED, stream_id=left.stream_id, subject_id=left.subject_id, rule="clock", reason=reason
    )


async def settle_escalations(work: UnitOfWork, escalations: Iterable[Escalation | None]) -> None:
    """Take from the list what somebody answers for again."""
    for one in escalations:
        if one is not None:
            one.settled_at = work.now
            one.version += 1
            work.audit_clock(
                AuditAction.ESCALATION_SETTLED,
                stream_id=one.case_id or one.organisation_id,
                subject_id=one.subject_id,
                rule="clock",
            )
    await work.flush()


async def assign_escalation(organisation_code: str, version: int, permit: Permit, work: UnitOfWork) -> Escalation:
    """Name the organisation that is to answer for what was escalated.

    The coordinator sees neither walls nor consents, so whether it may is looked at by the worker, which then hands over
    or takes the name back and says why.

    Raises:
        StateConflict: it is settled, or an organisation was named already.
        VersionStale: it has changed since the caller read it.
        InvalidInput: no open organisation of the country, or the one that cannot answer for it now.
    """
    found = await work.lock(Escalation, permit.subject_id)
    if found.version != version:
        raise VersionStale(current_version=found.version)
    if found.settled_at is not None or found.assigned_organisation_id is not None:
        raise StateConflict(current="settled" if found.settled_at is not None else "assigned")
    organisation = await work.one(Organisation, code=organisation_code)
    if organisation is None or organisation.country != found.country or not is_open(organisation, work.now):
        raise InvalidInput(field="organisation", reason="not an active organisation of the directory")
    found.assigned_organisation_id, found.assigned_at = organisation.id, work.now
    found.version += 1
    work.add(
        Deadline(
            id=work.ids.uuid(),
            case_id=found.case_id,
            subject_id=found.id,
            organisation_id=permit.actor.organisation_id,
            kind=DeadlineKind.ASSIGNED,
            rule=f"version {found.version}",
            anchored_at=work.now,
            due_at=work.now,
        )
    )
    work.audit(
        AuditAction.ESCALATION_ASSIGNED,
        permit,
        stream_id=found.case_id or found.organisation_id,
        subject_id=found.subject_id,
        organisation=organisation.code,
    )
    return found
