"""What can be done about capacity: ask without a name, answer, close, and offer a referral upon the answer."""

from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID

from sqlmodel import col, select

from domain.audit.actions import AuditAction
from domain.capacity.models import CapacityAsking, CapacityQuestion
from domain.capacity.rules import INVITING, check_answer, status_of
from domain.cases.commands import person_of
from domain.cases.models import Case
from domain.cases.queries import procedure, refuse_walled
from domain.codes import CapacityAnswer, CaseWork, OrganisationStatus, Priority, QuestionStatus, Service
from domain.deadlines.commands import settle
from domain.deadlines.models import Deadline, DeadlineKind
from domain.disclosures.grounds import to_ask_without_name
from domain.disclosures.models import Ground
from domain.errors import InvalidInput, NotPermitted, StateConflict, VersionStale
from domain.notifications.models import NotificationKind
from domain.organisations.models import Organisation
from domain.permits import Permit
from domain.persons.models import Person
from domain.unit_of_work import UnitOfWork

REACHABLE = frozenset({OrganisationStatus.ACTIVE, OrganisationStatus.PROBATION})


@dataclass(frozen=True, slots=True)
class AskCapacity:
    """Ask one or several providers whether they could take the person of a case.

    Age band, sex and languages are those of the person's record: what a provider needs to know and no more.

    Attributes:
        recipients: Codes of the organisations; each gets a question of its own and learns of no other.
        region: Where the service is wanted.
        children: How many children would come along.
        wanted_from: From which day; today if left out.
    """

    service: Service
    recipients: tuple[str, ...]
    priority: Priority = Priority.NORMAL
    region: str | None = None
    children: int = 0
    wanted_from: date | None = None


async def ask_capacity(command: AskCapacity, permit: Permit, work: UnitOfWork) -> list[CapacityQuestion]:
    """Ask providers, without a word by which they could tell whose case it is.

    Raises:
        InvalidInput: a recipient is named twice, cannot be asked, or does not give the service; or the day is over.
        StateConflict: the case is closed.
        ConsentMissing: the person said no to support.
    """
    case = await work.get(Case, permit.subject_id)
    ground = await to_ask_without_name(work, permit, case)
    if case.case_work == CaseWork.CLOSED:
        raise StateConflict(current=str(CaseWork.CLOSED))
    if len(set(command.recipients)) < len(command.recipients):
        raise InvalidInput(field="recipients", reason="one is named twice")
    today = work.today(case.country)
    if command.wanted_from is not None and command.wanted_from < today:
        raise InvalidInput(field="wanted_from", reason="is over")
    recipients = [await _recipient(work, case, permit, command.service, code) for code in command.recipients]
    person = await person_of(work, case)
    return [await _asked(command, ground, work, case, (person, one, today)) for one in recipients]


async def _recipient(work: UnitOfWork, case: Case, permit: Permit, service: Service, code: str) -> Organisation:
    found = await work.one(Organisation, code=code)
    if found is None or found.status not in REACHABLE:
        raise InvalidInput(field="recipients", reason="not an active organisation of the directory")
    if found.id == permit.actor.organisation_id:
        raise InvalidInput(field="recipients", reason="one does not ask oneself")
    if service not in found.services:
        raise InvalidInput(field="recipients", reason="does not give this service")
    await refuse_walled(work, case.id, found.id, field="recipients")
    return found


async def _asked(
    command: AskCapacity, ground: Ground, work: UnitOfWork, case: Case, about: tuple[Person, Organisation, date]
) -> CapacityQuestion:
    """Write one question, the hidden link to its case, the clock of its answer and the word to the provider."""
    permit = ground.permit
    if permit is None:
        raise NotPermitted(rule="clock")
    person, recipient, today = about
    rule, calendar = procedure(work, case).priorities[command.priority], work.catalogue.calendar(case.country)
    question = CapacityQuestion(
        id=work.ids.uuid(),
        reference=work.ids.reference("Q"),
        asking_organisation_id=permit.actor.organisation_id,
        asked_organisation_id=recipient.id,
        service=command.service,
        priority=command.priority,
        age_band=person.age_band,
        sex=person.sex,
        languages=list(person.languages),
        region=command.region,
        children=command.children,
        wanted_from=command.wanted_from or today,
        asked_at=work.now,
        respond_by=calendar.add(work.now, rule.respond_within),
        expires_at=calendar.add(work.now, rule.expires_after or rule.respond_within),
    )
    work.add(question)
    await work.flush()
    asking = CapacityAsking(question_id=question.id, case_id=case.id, organisation_id=permit.actor.organisation_id)
    # The deadline names no case: it is the asker's, and its breach is told by the question's reference.
    clock = Deadline(
        id=work.ids.uuid(),
        subject_id=question.id,
        organisation_id=permit.actor.organisation_id,
        kind=DeadlineKind.CAPACITY_ANSWER,
        rule=command.priority,
        escalate_to=rule.escalate_to,
        anchored_at=work.now,
        due_at=question.respond_by,
    )
    work.add(asking, clock)
    await work.flush()
    work.notify(recipient.id, NotificationKind.CAPACITY_ASKED, question.reference)
    work.audit(AuditAction.CAPACITY_ASKED, permit, stream_id=case.id, subject_id=question.id, service=command.service)
    return question


@dataclass(frozen=True, slots=True)
class AnswerCapacity:
    """Say whether there is room.

    Attributes:
        expected_on: With a waiting list: when room is expected.
        holds_until: Until when the answer holds; as long as the question if left out.
        version: The version that the caller read.
    """

    answer: CapacityAnswer
    version: int
    expected_on: date | None = None
    holds_until: datetime | None = None


async def answer_capacity(command: AnswerCapacity, permit: Permit, work: UnitOfWork) -> CapacityQuestion:
    """Answer a question, or answer it anew while it stands; the asking organisation is told.

    Raises:
        StateConflict: the question was closed, or no longer holds.
        VersionStale: somebody changed it meanwhile.
        InvalidInput: the answer says too little or too much, or would hold longer than the question.
    """
    question = await _standing(work, permit, command.version)
    check_answer(command.answer, command.expected_on, work.today(permit.actor.country))
    holds_until = command.holds_until or question.expires_at
    if not work.now < holds_until <= question.expires_at:
        raise InvalidInput(field="holds_until", reason="over already, or longer than the question")
    question.answer, question.expected_on = command.answer, command.expected_on
    question.answered_at, question.holds_until = work.now, holds_until
    question.version += 1
    await work.flush()
    work.notify(question.asking_organisation_id, NotificationKind.CAPACITY_ANSWERED, question.reference, command.answer)
    work.audit(
        AuditAction.CAPACITY_ANSWERED, permit, stream_id=permit.actor.organisation_id, answer=str(command.answer)
    )
    return question


async def close_question(version: int, permit: Permit, work: UnitOfWork) -> CapacityQuestion:
    """Take a question back: no answer is needed any more, and none is built upon; raises as `answer_capacity` does."""
    question = await _standing(work, permit, version)
    question.closed_at = work.now
    question.version += 1
    await settle(work, question.id, DeadlineKind.CAPACITY_ANSWER)
    work.notify(question.asked_organisation_id, NotificationKind.CAPACITY_CLOSED, question.reference)
    asking = await work.get(CapacityAsking, question.id)
    work.audit(AuditAction.CAPACITY_CLOSED, permit, stream_id=asking.case_id)
    return question


async def _standing(work: UnitOfWork, permit: Permit, version: int) -> CapacityQuestion:
    question = await work.lock(CapacityQuestion, permit.subject_id)
    status = status_of(question, work.now)
    if status not in {QuestionStatus.ASKED, QuestionStatus.ANSWERED}:
        raise StateConflict(current=str(status))
    if question.version != version:
        raise VersionStale(current_version=question.version)
    return question


async def offer_upon(work: UnitOfWork, reference: str, case_id: UUID, wanted: tuple[UUID, UUID, str]) -> CapacityAsking:
    """Return what ties an answered question to the referral that is to follow: the caller names the referral.

    Args:
        work: The transaction.
        reference: Of the question.
        case_id: The case of the referral.
        wanted: The sending and the receiving organisation, and the service.

    Raises:
        InvalidInput: it is no question of this case to this organisation about this service; it was not answered with
            room, a waiting list or the wish to look first; the answer no longer holds; or a referral followed already.
    """
    rows = await work.session.execute(
        select(CapacityQuestion, CapacityAsking)
        .join(CapacityAsking, col(CapacityAsking.question_id) == col(CapacityQuestion.id))
        .where(col(CapacityQuestion.reference) == reference, col(CapacityAsking.case_id) == case_id)
        .with_for_update(of=CapacityAsking, key_share=True)
    )
    found = rows.one_or_none()
    if found is None or _terms(found[0]) != wanted:
        raise InvalidInput(field="capacity_question", reason="not a question of this case to this organisation")
    question, asking = found
    if status_of(question, work.now) != QuestionStatus.ANSWERED or question.answer not in INVITING:
        raise InvalidInput(field="capacity_question", reason="not answered so that a referral may follow")
    if asking.referral_id is not None:
        raise InvalidInput(field="capacity_question", reason="a referral followed already")
    return asking


def _terms(question: CapacityQuestion) -> tuple[UUID, UUID, str]:
    return question.asking_organisation_id, question.asked_organisation_id, question.service
