"""Escalations: what has no responsible organisation, and who is to answer for it."""

from collections.abc import Sequence
from uuid import UUID

from fastapi import APIRouter, Response
from sqlalchemy import exists
from sqlmodel import col, select

from api.dependencies import IDEMPOTENT, CurrentActor, Cursor, Limit, May, Version, Work, etag
from api.pagination import page
from api.routes.cases import CHANGE_PROBLEMS, READ_PROBLEMS
from api.schemas.escalations import AssignmentIn, EscalationOut, EscalationPage
from api.transaction import UnitOfWorkRoute
from auth.authorisation import visible
from auth.roles import Permission
from domain.escalations.commands import assign_escalation
from domain.escalations.models import Escalation
from domain.referrals.models import Referral
from domain.referrals.queries import codes_of
from domain.referrals.rules import OVER
from domain.unit_of_work import UnitOfWork

router = APIRouter(tags=["escalations"], route_class=UnitOfWorkRoute)


@router.get("/escalations", responses=READ_PROBLEMS)
async def list_escalations(
    may: May, work: Work, actor: CurrentActor, cursor: Cursor = None, limit: Limit = 50
) -> EscalationPage:
    """List cases, referrals and due callbacks that have no responsible organisation: references and codes only."""
    may.own(Permission.ESCALATION_READ)
    over = exists().where(col(Referral.id) == col(Escalation.subject_id), col(Referral.status).in_(OVER))
    rows, following = await page(
        work.session,
        select(Escalation).where(
            visible(Escalation, Permission.ESCALATION_READ, actor), col(Escalation.settled_at).is_(None), ~over
        ),
        (col(Escalation.raised_at), col(Escalation.id)),
        cursor,
        limit,
        lambda row: (row.raised_at, row.id),
    )
    return EscalationPage(items=await _shown(work, rows), next=following)


@router.post("/escalations/{escalation_id}/assignment", dependencies=[IDEMPOTENT], responses=CHANGE_PROBLEMS)
async def assign(
    escalation_id: UUID, body: AssignmentIn, may: May, work: Work, version: Version, response: Response
) -> EscalationOut:
    """Name the organisation that is to answer for it. It is handed over within seconds, or stays with a new reason.

    A case goes to the organisation; what is sealed in it opens as far as the person agreed. Where they agreed to
    nothing, it stays on this list: name the same organisation again once their consent is recorded.
    """
    _, permit = await may.escalation(escalation_id, Permission.ESCALATION_ASSIGN)
    escalation = await assign_escalation(body.organisation, version, permit, work)
    etag(response, escalation.version)
    return (await _shown(work, [escalation]))[0]


async def _shown(work: UnitOfWork, rows: Sequence[Escalation]) -> list[EscalationOut]:
    codes = await codes_of(work, [one for row in rows for one in (row.organisation_id, row.assigned_organisation_id)])
    return [
        EscalationOut.taken(
            row,
            organisation=codes[row.organisation_id],
            assigned=codes[row.assigned_organisation_id] if row.assigned_organisation_id else None,
        )
        for row in rows
    ]
