"""What can be done with consent: record it, narrow it, take it back. Taking it back acts in the same transaction."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

from sqlmodel import col, select

from domain.audit.actions import AuditAction
from domain.cases.models import Case
from domain.cases.rules import CaseRecord
from domain.codes import Compartment, ConsentDecision, ConsentGiver, ConsentObtained, InformedOf, Purpose
from domain.consents.models import Consent
from domain.consents.rules import narrows
from domain.deadlines.commands import case_changed, refresh_steps_of
from domain.errors import InvalidInput, NotFound, StateConflict
from domain.permits import Permit
from domain.referrals.endings import lock_open_referrals, withdraw_shared_under
from domain.unit_of_work import UnitOfWork


@dataclass(frozen=True, slots=True)
class RecordConsent:
    """What a person agreed to or refused.

    Attributes:
        valid_days: Shorter than the country's default if the person wishes so.
    """

    decision: ConsentDecision
    giver: ConsentGiver
    purposes: tuple[Purpose, ...]
    recipients: tuple[str, ...]
    compartments: tuple[Compartment, ...]
    obtained: ConsentObtained
    language: str
    informed_of: tuple[InformedOf, ...] = ()
    valid_days: int | None = None


async def record_consent(command: RecordConsent, permit: Permit, work: UnitOfWork) -> Consent:
    """Record the first version of a consent, or of a refusal.

    Raises:
        InvalidInput: it names nothing, is to be valid longer than the country allows, or is a withdrawal of nothing.
    """
    case = await work.lock(Case, permit.subject_id)
    if command.decision == ConsentDecision.WITHDRAWN:
        raise InvalidInput(field="decision", reason="there is nothing to withdraw yet")
    consent = _first(command, case, permit, work)
    await case_changed(work, case)
    return consent


async def record_first_consents(answers: Sequence[tuple[RecordConsent, CaseRecord, Permit]], work: UnitOfWork) -> None:
    """Record answers of the persons of cases that this very transaction opened, each as `record_consent` does."""
    for command, record, permit in answers:
        record.consents.append(_first(command, record.case, permit, work))
        record.case.version += 1
    await work.flush()
    await refresh_steps_of(work, [record for _, record, _ in answers])


def _first(command: RecordConsent, case: Case, permit: Permit, work: UnitOfWork) -> Consent:
    """Write the first version of a consent, with its audit entry."""
    consent = _version(command, case, permit, work, consent_id=work.ids.uuid(), number=1)
    work.add(consent)
    work.audit(
        AuditAction.CONSENT_RECORDED,
        permit,
        stream_id=case.id,
        subject_id=consent.consent_id,
        decision=command.decision,
        version=1,
    )
    return consent


async def narrow_consent(consent_id: UUID, command: RecordConsent, permit: Permit, work: UnitOfWork) -> Consent:
    """Record a narrower version of a consent; referrals that it no longer covers end at once.

    Raises:
        InvalidInput: the new version asks for more than the earlier one allowed.
        StateConflict: the consent was refused or withdrawn.
    """
    await lock_open_referrals(work, permit.subject_id)
    case = await work.lock(Case, permit.subject_id)
    earlier = await speaking_version(work, case, consent_id)
    if earlier.decision != ConsentDecision.GIVEN or command.decision != ConsentDecision.GIVEN:
        raise StateConflict(current=str(earlier.decision))
    if not narrows(earlier, command.purposes, command.recipients, command.compartments):
        raise InvalidInput(field="purposes", reason="wider than before: ask for a new consent")
    consent = _version(command, case, permit, work, consent_id=consent_id, number=earlier.version + 1)
    consent.expires_at = min(consent.expires_at, earlier.expires_at)
    work.add(consent)
    await work.flush()
    await withdraw_shared_under(work, permit, case, consent_id, still=consent)
    work.audit(
        AuditAction.CONSENT_RECORDED,
        permit,
        stream_id=case.id,
        subject_id=consent_id,
        decision=command.decision,
        version=consent.version,
    )
    await case_changed(work, case)
    return consent


async def withdraw_consent(consent_id: UUID, permit: Permit, work: UnitOfWork) -> Consent:
    """Take a consent back.

    In this very transaction grants end, open referrals become `withdrawn_by_person`, packages are destroyed, and
    receivers get a recall notice.

    Raises:
        NotFound: the case has no such consent.
        StateConflict: it was not given, or was taken back already.
    """
    await lock_open_referrals(work, permit.subject_id)
    case = await work.lock(Case, permit.subject_id)
    earlier = await speaking_version(work, case, consent_id)
    if earlier.decision != ConsentDecision.GIVEN:
        raise StateConflict(current=str(earlier.decision))
    consent = Consent(
        id=work.ids.uuid(),
        consent_id=consent_id,
        version=earlier.version + 1,
        case_id=case.id,
        giver=earlier.giver,
        decision=ConsentDecision.WITHDRAWN,
        purposes=list(earlier.purposes),
        recipients=list(earlier.recipients),
        compartments=list(earlier.compartments),
        obtained=earlier.obtained,
        language=earlier.language,
        informed_of=list(earlier.informed_of),
        expires_at=earlier.expires_at,
        recorded_at=work.now,
        staff_id=permit.actor.staff_id,
        organisation_id=permit.actor.organisation_id,
    )
    work.add(consent)
    await work.flush()
    await withdraw_shared_under(work, permit, case, consent_id)
    work.audit(AuditAction.CONSENT_WITHDRAWN, permit, stream_id=case.id, subject_id=consent_id, version=consent.version)
    await case_changed(work, case)
    return consent


async def speaking_version(work: UnitOfWork, case: Case, consent_id: UUID) -> Consent:
    """Return the newest version of a consent of this case, or raise NotFound."""
    rows = await work.session.execute(
        select(Consent)
        .where(col(Consent.case_id) == case.id, col(Consent.consent_id) == consent_id)
        .order_by(col(Consent.version).desc())
        .limit(1)
    )
    found = rows.scalar_one_or_none()
    if found is None:
        raise NotFound
    return found


def _version(
    command: RecordConsent, case: Case, permit: Permit, work: UnitOfWork, *, consent_id: UUID, number: int
) -> Consent:
    if not command.purposes:
        raise InvalidInput(field="purposes", reason="at least one")
    rules = work.catalogue.confidentiality(case.country).consents
    longest = min(rules[purpose].valid_days for purpose in command.purposes)
    if command.valid_days is not None and not 1 <= command.valid_days <= longest:
        raise InvalidInput(field="valid_days", reason=f"between 1 and {longest}")
    return Consent(
        id=work.ids.uuid(),
        consent_id=consent_id,
        version=number,
        case_id=case.id,
        giver=command.giver,
        decision=command.decision,
        purposes=sorted(command.purposes),
        recipients=sorted(command.recipients),
        compartments=sorted(command.compartments),
        obtained=command.obtained,
        language=command.language,
        informed_of=sorted(command.informed_of),
        expires_at=work.now + timedelta(days=command.valid_days or longest),
        recorded_at=work.now,
        staff_id=permit.actor.staff_id,
        organisation_id=permit.actor.organisation_id,
    )
