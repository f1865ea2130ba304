"""What can be done with a request of the person: record it, grant it, refuse it on a named ground."""

from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any
from uuid import UUID

from sqlmodel import col, select

from domain.audit.actions import AuditAction
from domain.cases.commands import person_of, put_compartment
from domain.cases.models import Case
from domain.codes import (
    Compartment,
    Outcome,
    ReferralStatus,
    RefusalGround,
    Requester,
    SubjectRequestKind,
    SubjectRequestStatus,
)
from domain.deadlines.commands import case_changed, settle
from domain.deadlines.models import Deadline, DeadlineKind
from domain.disclosures.grounds import to_open
from domain.errors import InvalidInput, NotFound, StateConflict
from domain.notifications.models import NotificationKind
from domain.permits import Permit
from domain.referrals.effects import close_to_receiver, end_services, move
from domain.referrals.endings import lock_open_referrals
from domain.referrals.models import Referral
from domain.referrals.rules import OVER, Act
from domain.requests.models import SubjectRequest
from domain.requests.rules import refuse_groundless
from domain.unit_of_work import UnitOfWork

WORDS, REASONS = "request-words", "request-reasons"
"""The kinds of sealed values that the words of a request and the reasons of its answer are."""


@dataclass(frozen=True, slots=True)
class RecordRequest:
    """What the person asked for.

    Attributes:
        words: In their words; sealed.
    """

    kind: SubjectRequestKind
    made_by: Requester
    words: str | None = None


@dataclass(frozen=True, slots=True)
class AnswerRequest:
    """Whether they get it.

    Attributes:
        ground: Of a refusal, and only of one.
        reasons: In words; sealed.
        corrections: Of a correction that is granted: what the compartments hold from now on.
    """

    granted: bool
    ground: RefusalGround | None = None
    reasons: str | None = None
    corrections: dict[Compartment, dict[str, Any]] = field(default_factory=dict)


async def record_request(command: RecordRequest, permit: Permit, work: UnitOfWork) -> SubjectRequest:
    """Record a request, and by when it must be answered."""
    case = await work.lock(Case, permit.subject_id)
    rule = work.catalogue.retention(case.country).requests[command.kind]
    request = SubjectRequest(
        id=work.ids.uuid(),
        case_id=case.id,
        kind=command.kind,
        made_by=command.made_by,
        status=SubjectRequestStatus.RECEIVED,
        received_at=work.now,
        due_at=work.now + timedelta(days=rule.answer_days),
        staff_id=permit.actor.staff_id,
        organisation_id=permit.actor.organisation_id,
    )
    work.add(request)
    work.add(_clock(work, case, request))
    await work.flush()
    await _seal(work, case, request, WORDS, command.words)
    action = AuditAction.SUBJECT_REQUEST_RECORDED
    work.audit(action, permit, stream_id=case.id, subject_id=request.id, kind=command.kind, by=command.made_by)
    return request


async def answer_request(request_id: UUID, command: AnswerRequest, permit: Permit, work: UnitOfWork) -> SubjectRequest:
    """Grant a request and do what it asks for, or refuse it on a named ground.

    A correction is sealed as new versions. A restriction holds from this transaction on. An erasure ends every open
    referral as the person's withdrawal does, restricts the case, and is carried out by the worker within seconds.

    Raises:
        NotFound: the case has no such request.
        StateConflict: it was answered already.
        InvalidInput: a refusal without a ground, on one that does not fit, or corrections of what was no correction.
    """
    if command.granted:
        await lock_open_referrals(work, permit.subject_id)
    case = await work.lock(Case, permit.subject_id)
    request = await request_of(work, case.id, request_id)
    if request.status != SubjectRequestStatus.RECEIVED:
        raise StateConflict(current=str(request.status))
    _refuse_what_does_not_fit(command, request)
    request.status = SubjectRequestStatus.GRANTED if command.granted else SubjectRequestStatus.REFUSED
    if not command.granted:
        profile = work.catalogue.retention(case.country)
        request.ground = refuse_groundless(profile, command.ground, request.kind, request.made_by)
    request.answered_at = work.now
    request.version += 1
    await settle(work, request.id, DeadlineKind.SUBJECT_REQUEST)
    await _seal(work, case, request, REASONS, command.reasons)
    action = AuditAction.SUBJECT_REQUEST_GRANTED if command.granted else AuditAction.SUBJECT_REQUEST_REFUSED
    work.audit(action, permit, stream_id=case.id, subject_id=request.id, kind=request.kind, ground=request.ground)
    if command.granted:
        await _grant(work, permit, case, request, command)
    await case_changed(work, case)
    return request


async def lift_restriction(permit: Permit, work: UnitOfWork) -> Case:
    """Let a case be passed on again, because the person wishes so.

    Raises:
        StateConflict: it is not restricted, or is about to be erased.
    """
    case = await work.lock(Case, permit.subject_id)
    asked = await work.session.execute(
        select(SubjectRequest.id).where(
            col(SubjectRequest.case_id) == case.id,
            col(SubjectRequest.kind) == SubjectRequestKind.ERASURE,
            col(SubjectRequest.status) == SubjectRequestStatus.GRANTED,
        )
    )
    if case.restricted_at is None or asked.first() is not None:
        raise StateConflict(current="unrestricted" if case.restricted_at is None else "being-erased")
    case.restricted_at = None
    work.audit(AuditAction.RESTRICTION_LIFTED, permit, stream_id=case.id)
    await case_changed(work, case)
    return case


async def reveal_words(permit: Permit, request: SubjectRequest, work: UnitOfWork) -> dict[str, str]:
    """Open what a request and its answer said, by kind; recorded before it is read. Who may not, is told nothing."""
    if Compartment.LEGAL not in permit.compartments:
        return {}
    found = {}
    action, stream_id = AuditAction.SUBJECT_REQUESTS_READ, request.case_id
    for kind in (WORDS, REASONS):
        ground = await to_open(work, permit, request.case_id)
        opened = await work.reveal(ground, action=action, stream_id=stream_id, record_id=request.id, kind=kind)
        if Compartment.LEGAL in opened:
            found[kind] = str(opened[Compartment.LEGAL]["text"])
    return found


async def request_of(work: UnitOfWork, case_id: UUID, request_id: UUID) -> SubjectRequest:
    """Return a request of this case, locked and read afresh.

    Raises:
        NotFound: the case has no such request.
    """
    request = await work.lock(SubjectRequest, request_id)
    if request.case_id != case_id:
        raise NotFound
    return request


def _refuse_what_does_not_fit(command: AnswerRequest, request: SubjectRequest) -> None:
    if command.granted and command.ground is not None:
        raise InvalidInput(field="ground", reason="only a refusal has one")
    corrects = command.granted and request.kind == SubjectRequestKind.CORRECTION
    if command.corrections and not corrects:
        raise InvalidInput(field="corrections", reason="only of a correction that is granted")


async def _grant(work: UnitOfWork, permit: Permit, case: Case, request: SubjectRequest, command: AnswerRequest) -> None:
    if request.kind == SubjectRequestKind.CORRECTION:
        person = await person_of(work, case)
        for compartment, fields in command.corrections.items():
            await put_compartment(work, permit, case, person, compartment, fields)
    if request.kind in {SubjectRequestKind.RESTRICTION, SubjectRequestKind.ERASURE}:
        case.restricted_at = case.restricted_at or work.now
    if request.kind == SubjectRequestKind.ERASURE:
        await _withdraw_all(work, permit, case)
        work.add(_erasing(work, case))


async def _withdraw_all(work: UnitOfWork, permit: Permit, case: Case) -> None:
    """End every open referral: packages are destroyed, receivers are told to forget."""
    rows = await work.session.execute(
        select(Referral)
        .where(col(Referral.case_id) == case.id, col(Referral.status).not_in(OVER))
        .with_for_update(key_share=True)
        .execution_options(populate_existing=True)
        .order_by(col(Referral.id))
    )
    for referral in rows.scalars().all():
        was_sent = referral.status != ReferralStatus.DRAFT
        await move(work, permit, referral, Act.WITHDRAW)
        await end_services(work, permit, referral, Outcome.DECLINED_BY_PERSON)
        await close_to_receiver(work, permit, referral)
        if was_sent:
            work.notify(referral.receiving_organisation_id, NotificationKind.REFERRAL_RECALLED, referral.reference)


async def _seal(work: UnitOfWork, case: Case, request: SubjectRequest, kind: str, words: str | None) -> None:
    """Seal what was said under the case's key for what is legal; each of a request in a place of its own."""
    if words is None:
        return
    await work.vault.put(
        {"text": words},
        holder_id=case.id,
        record_id=request.id,
        kind=kind,
        compartment=Compartment.LEGAL,
        now=work.now,
    )


def _clock(work: UnitOfWork, case: Case, request: SubjectRequest) -> Deadline:
    return Deadline(
        id=work.ids.uuid(),
        case_id=case.id,
        subject_id=request.id,
        organisation_id=case.owner_organisation_id,
        kind=DeadlineKind.SUBJECT_REQUEST,
        rule=request.kind,
        escalate_to="coordinator",
        anchored_at=request.received_at,
        due_at=request.due_at,
    )


def _erasing(work: UnitOfWork, case: Case) -> Deadline:
    return Deadline(
        id=work.ids.uuid(),
        case_id=case.id,
        subject_id=case.id,
        organisation_id=case.owner_organisation_id,
        kind=DeadlineKind.ERASURE,
        rule="request",
        anchored_at=work.now,
        due_at=work.now,
    )
