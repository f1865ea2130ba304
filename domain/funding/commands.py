"""What can be recorded about the costs of services, and done with awards of the Emergency Fund."""

from dataclasses import dataclass
from datetime import date
from uuid import UUID

from domain.audit.actions import AuditAction
from domain.cases.models import Case
from domain.codes import (
    AwardGround,
    AwardRefusal,
    AwardStatus,
    Currency,
    FundingSource,
    Known,
    NrmRole,
    OrganisationStatus,
    Service,
)
from domain.deadlines.models import Deadline, DeadlineKind
from domain.errors import InvalidInput, NotFound, StateConflict, VersionStale
from domain.funding.models import Award, AwardCase, ServiceCost, ServiceTerms
from domain.funding.rules import check_decision
from domain.notifications.models import NotificationKind
from domain.organisations.models import Organisation
from domain.permits import Permit
from domain.services.models import ServiceEpisode
from domain.unit_of_work import UnitOfWork


@dataclass(frozen=True, slots=True)
class RecordTerms:
    """What was planned for a service, and whether a certificate was issued."""

    planned_start: date | None = None
    planned_end: date | None = None
    certificate: Known = Known.NOT_ASKED
    certificate_issued_on: date | None = None


async def record_terms(command: RecordTerms, permit: Permit, work: UnitOfWork) -> ServiceTerms:
    """Record what was planned; earlier plans stay.

    Raises:
        InvalidInput: the plan ends before it begins, or the certificate contradicts its date.
    """
    start, end, issued = command.planned_start, command.planned_end, command.certificate_issued_on
    if start is not None and end is not None and end < start:
        raise InvalidInput(field="planned_end", reason="before the planned start")
    if issued is not None and (command.certificate != Known.YES or issued > work.today(permit.actor.country)):
        raise InvalidInput(field="certificate_issued_on", reason="only of a certificate that was issued")
    episode = await work.lock(ServiceEpisode, permit.subject_id)
    terms = ServiceTerms(
        id=work.ids.uuid(),
        case_id=episode.case_id,
        episode_id=episode.id,
        planned_start=start,
        planned_end=end,
        certificate=command.certificate,
        certificate_issued_on=issued,
        recorded_at=work.now,
        staff_id=permit.actor.staff_id,
        organisation_id=permit.actor.organisation_id,
    )
    work.add(terms)
    work.audit(AuditAction.TERMS_RECORDED, permit, stream_id=episode.case_id, subject_id=episode.id)
    return terms


@dataclass(frozen=True, slots=True)
class RecordCost:
    """What a service cost, in the smallest unit of the currency, and who paid."""

    amount: int
    currency: Currency
    funding_source: FundingSource


async def record_cost(command: RecordCost, permit: Permit, work: UnitOfWork) -> ServiceCost:
    """Record a cost of a service that the organisation gives."""
    episode = await work.lock(ServiceEpisode, permit.subject_id)
    return _cost(command, episode, None, permit, work)


async def reverse_cost(cost_id: UUID, permit: Permit, work: UnitOfWork) -> ServiceCost:
    """Take a cost back, once and as a whole, by a cost of less than nothing.

    Raises:
        NotFound: the service has no such cost.
        StateConflict: it was taken back, or takes another one back.
    """
    episode = await work.lock(ServiceEpisode, permit.subject_id)
    cost = await work.session.get(ServiceCost, cost_id)
    if cost is None or cost.episode_id != episode.id:
        raise NotFound
    if cost.reverses_id is not None or await work.one(ServiceCost, reverses_id=cost.id) is not None:
        raise StateConflict(current="reversed")
    back = RecordCost(-cost.amount, Currency(cost.currency), FundingSource(cost.funding_source))
    return _cost(back, episode, cost.id, permit, work)


def _cost(
    command: RecordCost, episode: ServiceEpisode, reverses: UUID | None, permit: Permit, work: UnitOfWork
) -> ServiceCost:
    cost = ServiceCost(
        id=work.ids.uuid(),
        case_id=episode.case_id,
        episode_id=episode.id,
        amount=command.amount,
        currency=command.currency,
        funding_source=command.funding_source,
        reverses_id=reverses,
        recorded_at=work.now,
        staff_id=permit.actor.staff_id,
        organisation_id=permit.actor.organisation_id,
    )
    work.add(cost)
    work.audit(
        AuditAction.COST_RECORDED, permit, stream_id=episode.case_id, subject_id=cost.id, source=command.funding_source
    )
    return cost


@dataclass(frozen=True, slots=True)
class AskAward:
    """Ask the Emergency Fund to pay for a service that the state does not give.

    Attributes:
        decided_by: The code of the organisation that decides on awards.
    """

    service: Service
    amount: int
    currency: Currency
    ground: AwardGround
    decided_by: str


async def ask_award(command: AskAward, permit: Permit, work: UnitOfWork) -> Award:
    """Ask for an award: whoever decides learns no word about the person and not which case it is.

    Raises:
        InvalidInput: the country has no Emergency Fund, or that organisation does not decide on awards for this one.
    """
    case = await work.lock(Case, permit.subject_id)
    rules = work.catalogue.profile(case.country).emergency_fund
    if rules is None:
        raise InvalidInput(field="decided_by", reason="the country has no Emergency Fund")
    decider = await work.one(Organisation, code=command.decided_by)
    if decider is None or not _decides(decider, case, permit):
        raise InvalidInput(field="decided_by", reason="does not decide on awards for you")
    award = Award(
        id=work.ids.uuid(),
        country=case.country,
        asking_organisation_id=permit.actor.organisation_id,
        deciding_organisation_id=decider.id,
        service=command.service,
        population=case.victim_type,
        ground=command.ground,
        currency=command.currency,
        amount_asked=command.amount,
        status=AwardStatus.ASKED,
        asked_at=work.now,
        due_at=work.catalogue.calendar(case.country).add(work.now, rules.decision_within),
    )
    work.add(award)
    await work.flush()
    work.add(AwardCase(award_id=award.id, case_id=case.id))
    work.add(
        Deadline(
            id=work.ids.uuid(),
            subject_id=award.id,
            organisation_id=award.asking_organisation_id,
            kind=DeadlineKind.AWARD_DECISION,
            rule="emergency-fund",
            escalate_to=str(rules.escalate),
            anchored_at=work.now,
            due_at=award.due_at,
        )
    )
    work.audit(AuditAction.AWARD_ASKED, permit, stream_id=case.id, subject_id=award.id, service=command.service)
    work.notify(decider.id, NotificationKind.AWARD_ASKED, str(award.id))
    return award


def _decides(decider: Organisation, case: Case, permit: Permit) -> bool:
    """Whether an organisation decides on awards of the country; nobody decides on what they ask for themselves."""
    return (
        NrmRole.COORDINATOR in decider.nrm_roles
        and decider.status == OrganisationStatus.ACTIVE
        and decider.country == case.country
        and decider.id != permit.actor.organisation_id
    )


async def decide_award(
    granted: int | None, refusal: AwardRefusal | None, version: int, permit: Permit, work: UnitOfWork
) -> Award:
    """Grant a part or the whole of what was asked, or decline with a reason.

    Raises:
        VersionStale: a colleague decided meanwhile.
        StateConflict, InvalidInput: see `check_decision`.
    """
    award = await _at(version, permit, work)
    award.status = check_decision(AwardStatus(award.status), award.amount_asked, granted, refusal)
    award.amount_granted, award.refusal, award.decided_at = granted, refusal, work.now
    _changed(award, AuditAction.AWARD_DECIDED, permit, work)
    return award


async def pay_award(version: int, permit: Permit, work: UnitOfWork) -> Award:
    """Record that a granted award was paid.

    Raises:
        VersionStale: a colleague changed it meanwhile.
        StateConflict: it was not granted, or was paid.
    """
    award = await _at(version, permit, work)
    if award.status != AwardStatus.GRANTED:
        raise StateConflict(current=str(award.status))
    award.status, award.paid_at = AwardStatus.PAID, work.now
    _changed(award, AuditAction.AWARD_PAID, permit, work)
    return award


async def _at(version: int, permit: Permit, work: UnitOfWork) -> Award:
    award = await work.lock(Award, permit.subject_id)
    if award.version != version:
        raise VersionStale(current_version=award.version)
    return award


def _changed(award: Award, action: AuditAction, permit: Permit, work: UnitOfWork) -> None:
    award.version += 1
    status = str(award.status)
    work.audit(action, permit, stream_id=permit.actor.organisation_id, subject_id=award.id, status=status)
    work.notify(award.asking_organisation_id, NotificationKind.AWARD_CHANGED, str(award.id), status)
