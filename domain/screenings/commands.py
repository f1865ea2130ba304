"""What can be recorded about danger, indicators and identification."""

from dataclasses import dataclass, field
from uuid import UUID

from sqlmodel import col, select

from domain.audit.actions import AuditAction
from domain.cases.commands import take_recording_step
from domain.cases.models import Case, CaseAccess, Relation
from domain.cases.queries import record_of
from domain.cases.rules import POSITIVE, age
from domain.codes import (
    Compartment,
    Danger,
    DecisionBody,
    DecisionOutcome,
    IndicatorSource,
    NrmRole,
    Role,
    ScreeningResult,
    Service,
    VictimType,
)
from domain.deadlines.commands import ask_for_refresh, case_changed
from domain.errors import InvalidInput, NotPermitted, StateConflict
from domain.organisations.models import Organisation
from domain.permits import Permit
from domain.referrals.models import Referral
from domain.screenings.models import Assessment, IdentificationDecision, Screening
from domain.unit_of_work import UnitOfWork
from domain.workflow.indicators import finding

REASONS = "reasons"
"""The kind of sealed value that the reasons of a decision are."""


@dataclass(frozen=True, slots=True)
class RecordAssessment:
    """How much danger the person is in and what they need."""

    danger: Danger
    needs: tuple[Service, ...] = ()


async def record_assessment(command: RecordAssessment, permit: Permit, work: UnitOfWork) -> Assessment:
    """Record an assessment of danger and needs; a newer one supersedes it."""
    case = await work.lock(Case, permit.subject_id)
    await take_recording_step(work, case, permit, "danger", command.danger)
    assessment = Assessment(
        id=work.ids.uuid(),
        case_id=case.id,
        danger=command.danger,
        needs=sorted(command.needs),
        recorded_at=work.now,
        staff_id=permit.actor.staff_id,
        organisation_id=permit.actor.organisation_id,
    )
    work.add(assessment)
    work.audit(AuditAction.ASSESSMENT_RECORDED, permit, stream_id=case.id, subject_id=assessment.id)
    await case_changed(work, case)
    return assessment


@dataclass(frozen=True, slots=True)
class RecordScreening:
    """One pass through the indicator set of the country.

    Attributes:
        hits: Indicator key → how it came to be known.
        result: What the assessor decides; the rule's finding is recorded beside it and decides nothing.
    """

    result: ScreeningResult
    hits: dict[str, IndicatorSource] = field(default_factory=dict)


async def record_screening(command: RecordScreening, permit: Permit, work: UnitOfWork) -> Screening:
    """Record a screening with the rule's finding.

    Raises:
        InvalidInput: an indicator is not in the set.
    """
    case = await work.lock(Case, permit.subject_id)
    await take_recording_step(work, case, permit, "screening", command.result)
    named = work.catalogue.profile(case.country).indicator_set
    indicators = work.catalogue.indicator_set(named.key, named.version)
    record = await record_of(work.session, case)
    found = finding(indicators, command.hits, age(record.person))
    screening = Screening(
        id=work.ids.uuid(),
        case_id=case.id,
        indicator_set=indicators.indicator_set,
        indicator_set_version=indicators.version,
        hits=[{"indicator": key, "source": source} for key, source in sorted(command.hits.items())],
        dimensions=dict(found.dimensions),
        rule_indicated=found.indicated,
        result=command.result,
        recorded_at=work.now,
        staff_id=permit.actor.staff_id,
        organisation_id=permit.actor.organisation_id,
    )
    work.add(screening)
    work.audit(
        AuditAction.SCREENING_RECORDED, permit, stream_id=case.id, subject_id=screening.id, result=command.result
    )
    await case_changed(work, case)
    return screening


@dataclass(frozen=True, slots=True)
class RecordDecision:
    """What an NGO or the state says about whether the person is a victim."""

    body: DecisionBody
    outcome: DecisionOutcome
    legal_basis: str
    reasons: str | None = None
    review_of: UUID | None = None


FACT_OF_OUTCOME = {
    DecisionOutcome.POSSIBLE_VICTIM: "positive",
    DecisionOutcome.ACTUAL_VICTIM: "positive",
    DecisionOutcome.NOT_A_VICTIM: "negative",
    DecisionOutcome.IN_REVIEW: "in_review",
}


async def record_decision(command: RecordDecision, permit: Permit, work: UnitOfWork) -> IdentificationDecision:
    """Record an identification decision. NGO and state decide apart, and neither overwrites the other.

    Raises:
        NotPermitted: the actor does not speak for that body.
        StepNotOpen: an NGO has not screened the person.
        InvalidInput: the decision to be reviewed is not one of this case.
        StateConflict: a victim is found in a case that is helped, and so counted, as a vulnerable migrant's.
    """
    actor = permit.actor
    owns = permit.holder_id == permit.subject_id
    await _speaks_for(command, owns, permit, work)
    case = await (work.lock if owns else work.get)(Case, permit.subject_id)
    if owns and command.outcome in FACT_OF_OUTCOME:
        fact = f"{command.body}_identification"
        await take_recording_step(work, case, permit, fact, FACT_OF_OUTCOME[command.outcome])
    if command.outcome in POSITIVE and case.victim_type != VictimType.TRAFFICKING:
        raise StateConflict(current=str(case.victim_type))  # helped as a migrant: first helped as a possible victim
    await _reviews_own(command, case, work)
    decision = IdentificationDecision(
        id=work.ids.uuid(),
        case_id=case.id,
        body=command.body,
        outcome=command.outcome,
        legal_basis=command.legal_basis,
        review_of_id=command.review_of,
        recorded_at=work.now,
        staff_id=actor.staff_id,
        organisation_id=actor.organisation_id,
    )
    work.add(decision)
    await work.flush()
    if command.reasons is not None:
        await work.vault.put(
            {"reasons": command.reasons},
            holder_id=case.id,
            record_id=decision.id,
            kind=REASONS,
            compartment=Compartment.LEGAL,
            now=work.now,
        )
    said = {"body": str(command.body), "outcome": str(command.outcome)}
    work.audit(AuditAction.DECISION_RECORDED, permit, stream_id=case.id, subject_id=decision.id, **said)
    if owns:
        await case_changed(work, case)
    else:
        ask_for_refresh(work, case.id, actor.organisation_id, case.id)
    return decision


async def _reviews_own(command: RecordDecision, case: Case, work: UnitOfWork) -> None:
    if command.review_of is None:
        return
    reviewed = await work.session.get(IdentificationDecision, command.review_of)
    if reviewed is None or reviewed.case_id != case.id or reviewed.body != command.body:
        raise InvalidInput(field="review_of", reason="not a decision of this body on this case")


async def _speaks_for(command: RecordDecision, owns: bool, permit: Permit, work: UnitOfWork) -> None:  # noqa: FBT001
    actor = permit.actor
    if command.outcome == DecisionOutcome.IN_REVIEW:
        if not owns:  # to ask for a review is not to decide: the step of the procedure says who may
            raise NotPermitted(rule="owner-of-case")
        return
    if command.body == DecisionBody.NGO:
        if actor.role != Role.NGO_CASEWORKER or not owns:
            raise NotPermitted(rule="ngo-identifies", needed=[str(Role.NGO_CASEWORKER)])
        return
    organisation = await work.get(Organisation, actor.organisation_id)
    if NrmRole.COMPETENT_AUTHORITY not in organisation.nrm_roles or actor.role == Role.NGO_CASEWORKER:
        raise NotPermitted(rule="competent-authority", needed=[str(NrmRole.COMPETENT_AUTHORITY)])
    if not owns and not await _asked_to_identify(permit, work):
        raise NotPermitted(rule="referred-for-identification", needed=[str(Service.STATE_IDENTIFICATION)])


async def _asked_to_identify(permit: Permit, work: UnitOfWork) -> bool:
    rows = await work.session.execute(
        select(Referral.id)
        .join(CaseAccess, col(CaseAccess.referral_id) == Referral.id)
        .where(
            col(CaseAccess.case_id) == permit.subject_id,
            col(CaseAccess.organisation_id) == permit.actor.organisation_id,
            col(CaseAccess.relation) == Relation.RECEIVER,
            col(CaseAccess.valid_until) > work.now,
            col(Referral.service) == Service.STATE_IDENTIFICATION,
        )
    )
    return rows.first() is not None
