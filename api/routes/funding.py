"""Terms and costs of services, and awards of the Emergency Fund."""

from collections.abc import Sequence
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Response
from sqlmodel import col, select

from api.dependencies import IDEMPOTENT, May, Reference, Version, Work, etag
from api.routes.cases import CHANGE_PROBLEMS, READ_PROBLEMS, WRITE_PROBLEMS
from api.schemas.base import AtMost200
from api.schemas.funding import AwardDecisionIn, AwardIn, AwardOut, CostIn, CostOut, CostsOut, TermsIn, TermsOut
from api.transaction import UnitOfWorkRoute
from auth.authorisation import visible
from auth.roles import Permission
from domain.funding.commands import ask_award, decide_award, pay_award, record_cost, record_terms, reverse_cost
from domain.funding.models import Award, AwardCase, ServiceCost, ServiceTerms
from domain.referrals.queries import codes_of
from domain.unit_of_work import UnitOfWork

MOST = 200

router = APIRouter(tags=["funding"], route_class=UnitOfWorkRoute)


@router.post(
    "/service-episodes/{episode_id}/terms", status_code=201, dependencies=[IDEMPOTENT], responses=WRITE_PROBLEMS
)
async def create_terms(episode_id: UUID, body: TermsIn, may: May, work: Work) -> TermsOut:
    """Record what was planned for a service and whether a certificate was issued; earlier plans stay."""
    _, permit = await may.episode(episode_id, Permission.EPISODE_RECORD)
    return TermsOut.of(await record_terms(body.to_command(), permit, work))


@router.get("/service-episodes/{episode_id}/terms", responses=READ_PROBLEMS)
async def list_terms(episode_id: UUID, may: May, work: Work) -> Annotated[list[TermsOut], AtMost200]:
    """List what was planned for a service, oldest first: the last one speaks."""
    episode, _ = await may.episode(episode_id, Permission.EPISODE_READ)
    rows = await work.session.execute(
        select(ServiceTerms)
        .where(col(ServiceTerms.episode_id) == episode.id)
        .order_by(col(ServiceTerms.recorded_at), col(ServiceTerms.id))
        .limit(MOST)
    )
    return [TermsOut.of(row) for row in rows.scalars()]


@router.post(
    "/service-episodes/{episode_id}/costs", status_code=201, dependencies=[IDEMPOTENT], responses=WRITE_PROBLEMS
)
async def create_cost(episode_id: UUID, body: CostIn, may: May, work: Work) -> CostOut:
    """Record a cost of a service that you give, and who paid."""
    _, permit = await may.episode(episode_id, Permission.EPISODE_RECORD)
    return CostOut.of(await record_cost(body.to_command(), permit, work))


@router.get("/service-episodes/{episode_id}/costs", responses=READ_PROBLEMS)
async def list_costs(episode_id: UUID, may: May, work: Work) -> CostsOut:
    """List the costs of a service with their exact sums."""
    episode, _ = await may.episode(episode_id, Permission.EPISODE_READ)
    rows = await work.session.execute(
        select(ServiceCost)
        .where(col(ServiceCost.episode_id) == episode.id)
        .order_by(col(ServiceCost.recorded_at), col(ServiceCost.id))
        .limit(MOST)
    )
    return CostsOut.of(rows.scalars().all())


@router.post(
    "/service-episodes/{episode_id}/costs/{cost_id}/reversal",
    status_code=201,
    dependencies=[IDEMPOTENT],
    responses=WRITE_PROBLEMS,
)
async def create_cost_reversal(episode_id: UUID, cost_id: UUID, may: May, work: Work) -> CostOut:
    """Take a mistaken cost back: both stay, and the sum is as if it had not been."""
    _, permit = await may.episode(episode_id, Permission.EPISODE_RECORD)
    return CostOut.of(await reverse_cost(cost_id, permit, work))


@router.post("/cases/{reference}/awards", status_code=201, dependencies=[IDEMPOTENT], responses=WRITE_PROBLEMS)
async def create_award(reference: Reference, body: AwardIn, may: May, work: Work, response: Response) -> AwardOut:
    """Ask the Emergency Fund for an award; who decides learns of no case and no person."""
    _, permit = await may.case(reference, Permission.AWARD_ASK)
    return await _shown(await ask_award(body.to_command(), permit, work), work, response)


@router.get("/cases/{reference}/awards", responses=READ_PROBLEMS)
async def list_awards_of_case(reference: Reference, may: May, work: Work) -> Annotated[list[AwardOut], AtMost200]:
    """List the awards that were asked for a case, oldest first."""
    case, _ = await may.case(reference, Permission.RECORD_READ)
    rows = await work.session.execute(
        select(Award)
        .join(AwardCase, col(AwardCase.award_id) == col(Award.id))
        .where(col(AwardCase.case_id) == case.id)
        .order_by(col(Award.asked_at), col(Award.id))
        .limit(MOST)
    )
    return await _all_shown(rows.scalars().all(), work)


@router.get("/awards", responses=READ_PROBLEMS)
async def list_awards(may: May, work: Work) -> Annotated[list[AwardOut], AtMost200]:
    """List the awards that your organisation asked for or decides on, those that wait longest for a decision first."""
    may.own(Permission.AWARD_READ)
    rows = await work.session.execute(
        select(Award)
        .where(visible(Award, Permission.AWARD_READ, may.actor))
        .order_by(col(Award.decided_at).desc().nulls_first(), col(Award.asked_at), col(Award.id))
        .limit(MOST)
    )
    return await _all_shown(rows.scalars().all(), work)


@router.get("/awards/{award_id}", responses=READ_PROBLEMS)
async def read_award(award_id: UUID, may: May, work: Work, response: Response) -> AwardOut:
    """Read one award that your organisation asked for or decides on."""
    award, _ = await may.award(award_id, Permission.AWARD_READ)
    return await _shown(award, work, response)


@router.post("/awards/{award_id}/decision", dependencies=[IDEMPOTENT], responses=CHANGE_PROBLEMS)
async def create_award_decision(
    award_id: UUID, body: AwardDecisionIn, may: May, work: Work, version: Version, response: Response
) -> AwardOut:
    """Grant an award in part or as a whole, or decline it with a reason."""
    _, permit = await may.award(award_id, Permission.AWARD_DECIDE)
    return await _shown(await decide_award(body.amount, body.refusal, version, permit, work), work, response)


@router.post("/awards/{award_id}/payment", dependencies=[IDEMPOTENT], responses=CHANGE_PROBLEMS)
async def create_award_payment(award_id: UUID, may: May, work: Work, version: Version, response: Response) -> AwardOut:
    """Record that a granted award was paid."""
    _, permit = await may.award(award_id, Permission.AWARD_DECIDE)
    return await _shown(await pay_award(version, permit, work), work, response)


async def _shown(award: Award, work: UnitOfWork, response: Response) -> AwardOut:
    etag(response, award.version)
    return (await _all_shown([award], work))[0]


async def _all_shown(awards: Sequence[Award], work: UnitOfWork) -> list[AwardOut]:
    sides = [side for award in awards for side in (award.asking_organisation_id, award.deciding_organisation_id)]
    return AwardOut.all_of(awards, await codes_of(work, sides))
