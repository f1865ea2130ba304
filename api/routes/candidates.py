"""What would be published, for those who answer for it: they read the gate's report and sign it, or do not."""

import json
from collections.abc import Sequence
from typing import Any
from uuid import UUID

from fastapi import APIRouter
from sqlmodel import col, select

from api.dependencies import IDEMPOTENT, CurrentActor, May, Work
from api.problems import problems
from api.routes.cases import READ_PROBLEMS
from api.schemas.releases import ApprovalOfCandidateIn, CandidateInFull, CandidateList, CandidateOut
from api.transaction import UnitOfWorkRoute
from auth.authorisation import visible
from auth.roles import Permission
from domain.errors import InvalidInput, StateConflict
from domain.referrals.queries import codes_of
from domain.statistics.candidates import approvals_of, approve, status
from domain.statistics.models import ReleaseCandidate
from domain.unit_of_work import UnitOfWork

MOST = 50

router = APIRouter(tags=["statistics"], route_class=UnitOfWorkRoute)


@router.get("/statistics/candidates", responses=READ_PROBLEMS)
async def list_candidates(may: May, work: Work, actor: CurrentActor) -> CandidateList:
    """List the newest candidates of the country. There are no parameters here either."""
    may.own(Permission.CANDIDATE_READ)
    rows = await work.session.execute(
        select(ReleaseCandidate)
        .where(visible(ReleaseCandidate, Permission.CANDIDATE_READ, actor))
        .order_by(col(ReleaseCandidate.prepared_at).desc(), col(ReleaseCandidate.id))
        .limit(MOST)
    )
    return CandidateList(items=[CandidateOut(**one) for one in await _shown(work, rows.scalars().all())])


@router.get("/statistics/candidates/{candidate_id}", responses=READ_PROBLEMS)
async def read_candidate(candidate_id: UUID, may: May, work: Work) -> CandidateInFull:
    """Read what would be published, and the gate's report on it."""
    candidate, _ = await may.candidate(candidate_id, Permission.CANDIDATE_READ)
    return await _in_full(work, candidate)


@router.post(
    "/statistics/candidates/{candidate_id}/approvals",
    status_code=201,
    dependencies=[IDEMPOTENT],
    responses=READ_PROBLEMS | problems(StateConflict, InvalidInput),
)
async def create_candidate_approval(
    candidate_id: UUID, body: ApprovalOfCandidateIn, may: May, work: Work
) -> CandidateInFull:
    """Sign the gate's report: never its author, never anybody of the author's organisation, one an organisation."""
    _, permit = await may.candidate(candidate_id, Permission.CANDIDATE_APPROVE)
    return await _in_full(work, await approve(body.report, permit, work))


async def _in_full(work: UnitOfWork, candidate: ReleaseCandidate) -> CandidateInFull:
    (told,) = await _shown(work, [candidate])
    return CandidateInFull(**told, report=json.loads(candidate.report), document=json.loads(candidate.document))


async def _shown(work: UnitOfWork, candidates: Sequence[ReleaseCandidate]) -> list[dict[str, Any]]:
    signed = {
        one.id: [row.approver_organisation_id for row in await approvals_of(work.session, one.id)] for one in candidates
    }
    named = [one.author_organisation_id for one in candidates] + [one for several in signed.values() for one in several]
    codes = await codes_of(work, named)
    return [
        {
            "id": one.id,
            "address": one.address,
            "country": one.country,
            "number": one.number,
            "previous": one.previous,
            "status": await status(work.session, one),
            "report_digest": one.report_digest,
            "prepared_by": codes[one.author_organisation_id],
            "prepared_at": one.prepared_at,
            "approved_by": [codes[organisation] for organisation in signed[one.id]],
        }
        for one in candidates
    ]
