"""What was erased, told to whoever led the case or took the contact; and the certificate that the ledger confirms."""

from uuid import UUID

from fastapi import APIRouter
from sqlalchemy import ColumnElement
from sqlmodel import col, select

from api.dependencies import CurrentActor, Cursor, Limit, May, Work
from api.pagination import page
from api.routes.cases import READ_PROBLEMS
from api.schemas.erasures import CertificateOut, ErasureOut, ErasurePage
from api.transaction import UnitOfWorkRoute
from auth.roles import Permission
from auth.walls import walled
from domain.audit.actions import AuditAction
from domain.errors import NotFound
from domain.permits import Actor
from domain.retention.models import Erasure
from domain.retention.queries import certificate

router = APIRouter(tags=["erasures"], route_class=UnitOfWorkRoute)


def _of_own(actor: Actor) -> ColumnElement[bool]:
    return (col(Erasure.organisation_id) == actor.organisation_id) & ~walled(col(Erasure.case_id), actor)


@router.get("/erasures", responses=READ_PROBLEMS)
async def list_erasures(
    may: May, work: Work, actor: CurrentActor, cursor: Cursor = None, limit: Limit = 50
) -> ErasurePage:
    """List what was erased of the cases that your organisation led and the contacts that it took, newest first."""
    may.own(Permission.ERASURE_READ)
    rows, following = await page(
        work.session,
        select(Erasure).where(_of_own(actor)),
        (col(Erasure.erased_at), col(Erasure.id)),
        cursor,
        limit,
        lambda row: (row.erased_at, row.id),
    )
    return ErasurePage(items=[ErasureOut.taken(row) for row in rows], next=following)


@router.get("/erasures/{erasure_id}/certificate", responses=READ_PROBLEMS)
async def read_certificate(erasure_id: UUID, may: May, work: Work, actor: CurrentActor) -> CertificateOut:
    """Read the certificate of an erasure: what was destroyed, line by line of the shred ledger, and what remains."""
    permit = may.own(Permission.ERASURE_READ)
    rows = await work.session.execute(select(Erasure).where(col(Erasure.id) == erasure_id, _of_own(actor)))
    erasure = rows.scalar_one_or_none()
    if erasure is None:
        raise NotFound
    stream = erasure.case_id or erasure.organisation_id
    work.audit(AuditAction.CERTIFICATE_READ, permit, stream_id=stream, subject_id=erasure.id)
    remaining = work.catalogue.retention(actor.country).remaining
    found = await certificate(work.session, erasure, actor.organisation_code, remaining)
    return CertificateOut.model_validate(found.written())
