"""What is recorded about a case: screenings, assessments, decisions, consents, services."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Response
from sqlmodel import col, select

from api.dependencies import IDEMPOTENT, May, Reference, Version, Work, etag
from api.routes.cases import CHANGE_PROBLEMS, READ_PROBLEMS, WRITE_PROBLEMS
from api.schemas.base import AtMost200
from api.schemas.records import (
    AssessmentIn,
    AssessmentOut,
    ConsentIn,
    ConsentOut,
    DecisionIn,
    DecisionOut,
    EpisodeEndIn,
    EpisodeIn,
    EpisodeOut,
    ScreeningIn,
    ScreeningOut,
)
from api.transaction import UnitOfWorkRoute
from auth.authorisation import visible
from auth.roles import Permission
from domain.consents.commands import narrow_consent, record_consent, withdraw_consent
from domain.consents.models import Consent
from domain.referrals.queries import codes_of
from domain.screenings.commands import record_assessment, record_decision, record_screening
from domain.screenings.models import Assessment, IdentificationDecision, Screening
from domain.services.commands import StartEpisode, end_episode, start_episode
from domain.services.models import ServiceEpisode

MOST = 200

router = APIRouter(tags=["records"], route_class=UnitOfWorkRoute)


@router.post("/cases/{reference}/screenings", status_code=201, dependencies=[IDEMPOTENT], responses=WRITE_PROBLEMS)
async def create_screening(reference: Reference, body: ScreeningIn, may: May, work: Work) -> ScreeningOut:
    """Record a screening; the rule's finding stands beside the assessor's result and decides nothing."""
    _, permit = await may.case(reference, Permission.SCREENING_RECORD)
    return ScreeningOut.of(await record_screening(body.to_command(), permit, work))


@router.get("/cases/{reference}/screenings", responses=READ_PROBLEMS)
async def list_screenings(reference: Reference, may: May, work: Work) -> Annotated[list[ScreeningOut], AtMost200]:
    """List the screenings of a case, oldest first."""
    case, _ = await may.case(reference, Permission.RECORD_READ)
    rows = await work.session.execute(
        select(Screening).where(col(Screening.case_id) == case.id).order_by(col(Screening.recorded_at)).limit(MOST)
    )
    return [ScreeningOut.of(row) for row in rows.scalars()]


@router.post("/cases/{reference}/assessments", status_code=201, dependencies=[IDEMPOTENT], responses=WRITE_PROBLEMS)
async def create_assessment(reference: Reference, body: AssessmentIn, may: May, work: Work) -> AssessmentOut:
    """Record how much danger the person is in and what they need."""
    _, permit = await may.case(reference, Permission.ASSESSMENT_RECORD)
    return AssessmentOut.of(await record_assessment(body.to_command(), permit, work))


@router.get("/cases/{reference}/assessments", responses=READ_PROBLEMS)
async def list_assessments(reference: Reference, may: May, work: Work) -> Annotated[list[AssessmentOut], AtMost200]:
    """List the assessments of a case, oldest first."""
    case, _ = await may.case(reference, Permission.RECORD_READ)
    rows = await work.session.execute(
        select(Assessment).where(col(Assessment.case_id) == case.id).order_by(col(Assessment.recorded_at)).limit(MOST)
    )
    return [AssessmentOut.of(row) for row in rows.scalars()]


@router.post("/cases/{reference}/decisions", status_code=201, dependencies=[IDEMPOTENT], responses=WRITE_PROBLEMS)
async def create_decision(reference: Reference, body: DecisionIn, may: May, work: Work) -> DecisionOut:
    """Record an identification decision of an NGO or of the state; neither overwrites the other."""
    _, permit = await may.case(reference, Permission.DECISION_RECORD)
    return DecisionOut.of(await record_decision(body.to_command(), permit, work))


@router.get("/cases/{reference}/decisions", responses=READ_PROBLEMS)
async def list_decisions(reference: Reference, may: May, work: Work) -> Annotated[list[DecisionOut], AtMost200]:
    """List the identification decisions of a case, oldest first."""
    case, _ = await may.case(reference, Permission.RECORD_READ)
    rows = await work.session.execute(
        select(IdentificationDecision)
        .where(col(IdentificationDecision.case_id) == case.id)
        .order_by(col(IdentificationDecision.recorded_at))
        .limit(MOST)
    )
    return [DecisionOut.of(row) for row in rows.scalars()]


@router.post("/cases/{reference}/consents", status_code=201, dependencies=[IDEMPOTENT], responses=WRITE_PROBLEMS)
async def create_consent(reference: Reference, body: ConsentIn, may: May, work: Work) -> ConsentOut:
    """Record what the person agreed to or refused."""
    _, permit = await may.case(reference, Permission.CONSENT_RECORD)
    return ConsentOut.of(await record_consent(body.to_command(), permit, work))


@router.get("/cases/{reference}/consents", responses=READ_PROBLEMS)
async def list_consents(reference: Reference, may: May, work: Work) -> Annotated[list[ConsentOut], AtMost200]:
    """List every version of every consent of a case, oldest first."""
    case, _ = await may.case(reference, Permission.RECORD_READ)
    rows = await work.session.execute(
        select(Consent).where(col(Consent.case_id) == case.id).order_by(col(Consent.recorded_at)).limit(MOST)
    )
    return [ConsentOut.of(row) for row in rows.scalars()]


@router.post(
    "/cases/{reference}/consents/{consent_id}/versions",
    status_code=201,
    dependencies=[IDEMPOTENT],
    responses=WRITE_PROBLEMS,
)
async def create_consent_version(
    reference: Reference, consent_id: UUID, body: ConsentIn, may: May, work: Work
) -> ConsentOut:
    """Narrow a consent; what it no longer covers ends at once."""
    _, permit = await may.case(reference, Permission.CONSENT_RECORD)
    return ConsentOut.of(await narrow_consent(consent_id, body.to_command(), permit, work))


@router.post(
    "/cases/{reference}/consents/{consent_id}/withdrawal",
    status_code=201,
    dependencies=[IDEMPOTENT],
    responses=WRITE_PROBLEMS,
)
async def create_consent_withdrawal(reference: Reference, consent_id: UUID, may: May, work: Work) -> ConsentOut:
    """Take a consent back: grants end, referrals are withdrawn, packages are destroyed, receivers are told."""
    _, permit = await may.case(reference, Permission.CONSENT_RECORD)
    return ConsentOut.of(await withdraw_consent(consent_id, permit, work))


@router.post(
    "/cases/{reference}/service-episodes", status_code=201, dependencies=[IDEMPOTENT], responses=WRITE_PROBLEMS
)
async def create_episode(reference: Reference, body: EpisodeIn, may: May, work: Work, response: Response) -> EpisodeOut:
    """Record that the organisation which leads the case began to give a service itself."""
    _, permit = await may.case(reference, Permission.CASE_WORK)
    episode = await start_episode(StartEpisode(body.service), permit, work)
    etag(response, episode.version)
    return EpisodeOut.of(episode, may.actor.organisation_code)


@router.get("/cases/{reference}/service-episodes", responses=READ_PROBLEMS)
async def list_episodes(reference: Reference, may: May, work: Work) -> Annotated[list[EpisodeOut], AtMost200]:
    """List the services of a case that you may know of, oldest first."""
    case, _ = await may.case(reference, Permission.CASE_READ)
    rows = await work.session.execute(
        select(ServiceEpisode)
        .where(col(ServiceEpisode.case_id) == case.id, visible(ServiceEpisode, Permission.EPISODE_READ, may.actor))
        .order_by(col(ServiceEpisode.started_at))
        .limit(MOST)
    )
    episodes = rows.scalars().all()
    codes = await codes_of(work, [row.organisation_id for row in episodes])
    return [EpisodeOut.of(row, codes[row.organisation_id]) for row in episodes]


@router.post("/service-episodes/{episode_id}/end", dependencies=[IDEMPOTENT], responses=CHANGE_PROBLEMS)
async def create_episode_end(
    episode_id: UUID, body: EpisodeEndIn, may: May, work: Work, version: Version, response: Response
) -> EpisodeOut:
    """Record that a service given without a referral ended, and what came of it."""
    _, permit = await may.episode(episode_id, Permission.EPISODE_RECORD)
    episode = await end_episode(body.outcome, version, permit, work)
    etag(response, episode.version)
    return EpisodeOut.of(episode, may.actor.organisation_code)
