"""What can be done with a referral."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from domain.attachments.commands import choose, pack
from domain.audit.actions import AuditAction
from domain.capacity.commands import offer_upon
from domain.cases.commands import KIND as COMPARTMENT_KIND
from domain.cases.commands import person_of, take_step
from domain.cases.models import Case
from domain.cases.queries import record_of, refuse_walled
from domain.cases.rules import CaseRecord
from domain.codes import (
    Compartment,
    DeclinedBy,
    LegalBasis,
    Outcome,
    Priority,
    Purpose,
    ReferralStatus,
    RefusalReason,
    Service,
)
from domain.consents.models import Consent
from domain.deadlines.commands import ask_for_refresh, case_changed, settle
from domain.deadlines.models import DeadlineKind
from domain.disclosures.grounds import to_accept, to_refer, to_tell_sides
from domain.disclosures.models import Ground
from domain.errors import InvalidInput, NotPermitted, VersionStale
from domain.notifications.models import NotificationKind
from domain.organisations.models import Organisation
from domain.organisations.rules import is_open
from domain.permits import Permit
from domain.places.staying import admit, leave
from domain.referrals.effects import (
    RESPONSES,
    close_to_receiver,
    end_services,
    end_with_ground,
    move,
    open_to_receiver,
    start_clocks,
    start_service,
)
from domain.referrals.models import Referral
from domain.referrals.openings import PACKAGE
from domain.referrals.queries import answering
from domain.referrals.rules import OVER, Act, Side, at_least_as_urgent, moved, outcome_of
from domain.requests.rules import refuse_restricted
from domain.sealing.vault import Place
from domain.unit_of_work import UnitOfWork
from domain.workflow.engine import ConsentMissing, OpenStep

GROUND = "ground"
"""The kind of sealed value that the reason is for which a referral shares something without consent."""


@dataclass(frozen=True, slots=True)
class SendReferral:
    """Ask another organisation to give one service to the person of a case.

    Attributes:
        step: The open step of the procedure that this referral takes.
        recipient: The code of the receiving organisation.
        priority: At least as urgent as the step demands; the step's own if left out.
        compartments: Fewer than the step would share, if the person or the sender wishes so.
        draft: Prepare it only; nobody else learns of it before it is sent.
        earlier_referral: The reference of the referral that this one repeats elsewhere.
        capacity_question: The answered question upon which it is offered; the receiver learns of it on acceptance.
        reason: Why it is shared without consent, where it is; sealed, and shown to the person.
        attachments: References of attachments of the case that its package holds, in compartments that it shares.
    """

    step: str
    service: Service
    recipient: str
    priority: Priority | None = None
    compartments: tuple[Compartment, ...] | None = None
    draft: bool = False
    earlier_referral: str | None = None
    capacity_question: str | None = None
    reason: str | None = None
    attachments: tuple[str, ...] = ()


async def send_referral(command: SendReferral, permit: Permit, work: UnitOfWork) -> tuple[Referral, tuple[str, ...]]:
    """Ask another organisation to take one step of the case that the permit names; returns warnings too.

    Raises:
        StepNotOpen: the case's SOP does not allow the step now.
        ConsentMissing: the person has not agreed to what the step would share with this recipient.
        InvalidInput: the service, recipient, priority or compartments do not fit the step; or it is shared without
            consent and nobody says why.
    """
    case = await work.lock(Case, permit.subject_id)
    step = await take_step(work, case, permit, command.step)
    priority = _priority(step, command)
    recipient = await _recipient(work, case, permit, command)
    compartments = _compartments(work, case, step, command)
    record = await record_of(work.session, case)
    ground, consent = await to_refer(work, permit, record, step, recipient, compartments)
    referral = _drafted(command, permit, work, record, step, (recipient, priority, compartments, consent))
    referral.earlier_referral_id = await _earlier(work, case, command.earlier_referral)
    work.add(referral)
    await work.flush()
    await _seal_reason(command.reason, ground, referral, work)
    await choose(work, permit, referral, command.attachments)
    if command.capacity_question is not None:
        terms = (referral.sending_organisation_id, recipient.id, command.service)
        (await offer_upon(work, command.capacity_question, case.id, terms)).referral_id = referral.id
    work.audit(
        AuditAction.REFERRAL_DRAFTED,
        permit,
        stream_id=case.id,
        subject_id=referral.id,
        service=command.service,
        basis=referral.basis,
        compartments=[*referral.compartments],
    )
    if not command.draft:
        await _send(work, ground, case, referral)
    await case_changed(work, case)
    return referral, _warnings(record, command.service)


def _priority(step: OpenStep, command: SendReferral) -> Priority:
    """Return how soon it must be answered, if the step opens such a referral at all."""
    if command.service not in step.step.services or step.step.opens is None:
        raise InvalidInput(field="service", reason="not among the services of the step")
    priority = command.priority or step.step.opens.referral.priority
    if not at_least_as_urgent(priority, step.step.opens.referral.priority):
        raise InvalidInput(field="priority", reason="slower than the step demands")
    return priority


def _drafted(
    command: SendReferral,
    permit: Permit,
    work: UnitOfWork,
    record: CaseRecord,
    step: OpenStep,
    terms: tuple[Organisation, Priority, frozenset[Compartment], Consent | None],
) -> Referral:
    """Return the draft: who asks whom for what, on which ground, and what the receiver may know before acceptance."""
    recipient, priority, compartments, consent = terms
    case, person = record.case, record.person
    return Referral(
        id=work.ids.uuid(),
        reference=work.ids.reference("R"),
        case_id=case.id,
        country=case.country,
        step=command.step,
        purpose=step.step.consent.purpose if step.step.consent else Purpose.SUPPORT,
        service=command.service,
        priority=priority,
        sending_organisation_id=permit.actor.organisation_id,
        receiving_organisation_id=recipient.id,
        status=ReferralStatus.DRAFT,
        compartments=sorted(compartments),
        basis=step.basis or LegalBasis.CONSENT,
        consent_version_id=consent.id if consent else None,
        age_band=person.age_band,
        sex=person.sex,
        languages=list(person.languages),
        created_at=work.now,
        changed_at=work.now,
        shared_until=_shared_until(work, case, step, consent),
    )


async def _seal_reason(reason: str | None, ground: Ground, referral: Referral, work: UnitOfWork) -> None:
    """Seal with the case why something is shared without consent: whoever does it says why, and the person can ask."""
    if (ground.basis == LegalBasis.CONSENT) != (reason is None):
        raise InvalidInput(field="reason", reason="said where something is shared without consent, and only there")
    if reason is not None:
        await work.vault.put(
            {"reason": reason},
            holder_id=referral.case_id,
            record_id=referral.id,
            kind=GROUND,
            compartment=Compartment.NARRATIVE,
            now=work.now,
        )


def _warnings(record: CaseRecord, service: Service) -> tuple[str, ...]:
    running = [one for one in record.referrals if one.service == service and one.status not in OVER]
    return ("duplicate-referral",) if running else ()


async def _recipient(work: UnitOfWork, case: Case, permit: Permit, command: SendReferral) -> Organisation:
    found = await work.one(Organisation, code=command.recipient)
    if found is None:
        raise InvalidInput(field="recipient", reason="not an active organisation of the directory")
    if found.id == permit.actor.organisation_id:
        raise InvalidInput(field="recipient", reason="a referral goes to another organisation")
    if command.service not in found.services:
        raise InvalidInput(field="recipient", reason="does not give this service")
    await _reachable(work, case, found)
    return found


async def _reachable(work: UnitOfWork, case: Case, recipient: Organisation) -> None:
    if not is_open(recipient, work.now):
        raise InvalidInput(field="recipient", reason="not an active organisation of the directory")
    await refuse_walled(work, case.id, recipient.id, field="recipient")


def _compartments(work: UnitOfWork, case: Case, step: OpenStep, command: SendReferral) -> frozenset[Compartment]:
    """Return what the package may hold: what the step shares, the service needs and the sender asked for."""
    allowed = step.step.consent.compartments if step.step.consent else ()
    most = work.catalogue.confidentiality(case.country).package(allowed, [command.service])
    if command.compartments is None:
        return most
    if not set(command.compartments) <= most:
        raise InvalidInput(field="compartments", reason="more than the service needs")
    return frozenset(command.compartments)


def _shared_until(work: UnitOfWork, case: Case, step: OpenStep, consent: Consent | None) -> datetime:
    """Return when the ground for sharing ends: that of the consent, or of the basis, as the profile has it."""
    if consent is not None:
        return consent.expires_at
    purpose = step.step.consent.purpose if step.step.consent else Purpose.SUPPORT
    days = work.catalogue.confidentiality(case.country).shares_for(step.basis or LegalBasis.CONSENT, purpose)
    return work.now + timedelta(days=days)


async def _earlier(work: UnitOfWork, case: Case, reference: str | None) -> UUID | None:
    if reference is None:
        return None
    found = await work.one(Referral, reference=reference)
    if found is None or found.case_id != case.id:
        raise InvalidInput(field="earlier_referral", reason="not a referral of this case")
    return found.id


async def _send_draft(work: UnitOfWork, permit: Permit, referral: Referral) -> None:
    """Send what was prepared earlier; step, recipient and ground are looked at again, since all may have changed."""
    case = await work.lock(Case, referral.case_id)
    step = await take_step(work, case, permit, referral.step)
    recipient = await work.get(Organisation, referral.receiving_organisation_id)
    await _reachable(work, case, recipient)
    compartments = frozenset(Compartment(code) for code in referral.compartments)
    ground, consent = await to_refer(work, permit, await record_of(work.session, case), step, recipient, compartments)
    if (step.basis or LegalBasis.CONSENT) != referral.basis:
        raise ConsentMissing(step=referral.step, compartments=[*referral.compartments])
    referral.consent_version_id = consent.id if consent else None
    referral.shared_until = _shared_until(work, case, step, consent)
    await _send(work, ground, case, referral)
    await case_changed(work, case)


async def _send(work: UnitOfWork, ground: Ground, case: Case, referral: Referral) -> None:
    """Freeze and seal the package, start the clocks and tell the receiver."""
    refuse_restricted(case)
    person = await person_of(work, case)
    await work.hand_on(
        ground,
        Place(case.id, person.id, COMPARTMENT_KIND),
        Place(referral.id, referral.id, PACKAGE),
        [Compartment(code) for code in referral.compartments],
    )
    await pack(work, referral)
    await move(work, ground.permit, referral, Act.SEND, ground=ground)
    start_clocks(work, case, referral, *RESPONSES)
    end_with_ground(work, referral)
    work.notify(referral.receiving_organisation_id, NotificationKind.REFERRAL_ARRIVED, referral.reference)


async def _await_response(work: UnitOfWork, referral: Referral) -> None:
    """Start the receiver's clock again after an answer, where the waiting list had stopped it: nothing just sits."""
    case = await work.session.get(Case, referral.case_id)
    if case is None or (await answering(work, [referral.id]))[referral.id].respond_by is not None:
        return
    start_clocks(work, case, referral, DeadlineKind.REFERRAL_RESPONSE)


@dataclass(frozen=True, slots=True)
class MoveReferral:
    """One act on a referral.

    Attributes:
        version: The version that the caller read.
        reason: Why, as a code; for declining and failing.
        declined_by: Who said no; for declining.
        outcome: What came of it; for completing.
        note: A question or its answer; sealed under the referral's own keys.
    """

    act: Act
    version: int
    reason: RefusalReason | None = None
    declined_by: DeclinedBy | None = None
    outcome: Outcome | None = None
    note: str | None = None


KIND_OF_NOTE = {Act.ASK: "question", Act.ANSWER: "answer"}


async def move_referral(command: MoveReferral, permit: Permit, work: UnitOfWork) -> Referral:
    """Move a referral along its life cycle.

    Raises:
        StateConflict: it does not stand where the act is possible; says where it stands.
        VersionStale: it has changed since the caller read it.
        NotPermitted: the act belongs to the other side.
    """
    referral = await work.lock(Referral, permit.subject_id)
    transition = moved(ReferralStatus(referral.status), command.act)
    if referral.version != command.version:
        raise VersionStale(current_version=referral.version, current=str(referral.status))
    _side_acts(transition.side, referral, permit)
    if command.act == Act.SEND:
        await _send_draft(work, permit, referral)
        return referral
    if command.note is not None:
        await to_tell_sides(work, permit, referral)
        await work.vault.put(
            {"text": command.note},
            holder_id=referral.id,
            record_id=work.ids.uuid(),
            kind=KIND_OF_NOTE[command.act],
            compartment=Compartment.NARRATIVE,
            now=work.now,
        )
    referral.outcome = command.outcome
    ground = await to_accept(work, permit, referral) if command.act == Act.ACCEPT else None
    if command.act == Act.START:
        await admit(work, permit, referral)
    if command.act in {Act.COMPLETE, Act.FAIL}:
        await leave(work, permit, referral)
    await move(work, permit, referral, command.act, command.reason, command.declined_by, ground=ground)
    if ground is not None:
        await open_to_receiver(work, ground, referral)
    await _consequences(work, permit, referral, command)
    return referral


def _side_acts(side: Side, referral: Referral, permit: Permit) -> None:
    organisation = permit.actor.organisation_id
    of_side = {Side.SENDER: referral.sending_organisation_id, Side.RECEIVER: referral.receiving_organisation_id}
    if side in of_side and of_side[side] != organisation:
        raise NotPermitted(rule=f"{side}-of-referral")


async def _consequences(work: UnitOfWork, permit: Permit, referral: Referral, command: MoveReferral) -> None:
    act = command.act
    if act == Act.START:
        await start_service(work, permit, referral)
    if referral.status in OVER:
        outcome = outcome_of(ReferralStatus(referral.status), command.outcome, command.reason)
        await end_services(work, permit, referral, outcome)
    if act == Act.ANSWER:
        await _await_response(work, referral)
    if act in {Act.ACCEPT, Act.WAITLIST}:
        await settle(work, referral.id, DeadlineKind.REFERRAL_RESPONSE)
    if act == Act.ACCEPT:
        await settle(work, referral.id, DeadlineKind.REFERRAL_EXPIRY)
    if referral.status in OVER:
        await close_to_receiver(work, permit, referral)
    recalled = referral.status in OVER
    for_receiver = NotificationKind.REFERRAL_RECALLED if recalled else NotificationKind.REFERRAL_CHANGED
    sides = {
        referral.sending_organisation_id: NotificationKind.REFERRAL_CHANGED,
        referral.receiving_organisation_id: for_receiver,
    }
    for organisation_id, kind in sides.items():
        if organisation_id != permit.actor.organisation_id:
            work.notify(organisation_id, kind, referral.reference, referral.status)
    ask_for_refresh(work, referral.case_id, permit.actor.organisation_id, referral.id)
