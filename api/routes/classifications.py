"""How a case is classified, by whom and since when: only the organisation that leads the case reads or records it."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter
from sqlmodel import col, select

from api.dependencies import IDEMPOTENT, CurrentActor, May, Reference, Work, opens
from api.problems import problems
from api.routes.cases import READ_PROBLEMS, WRITE_PROBLEMS
from api.schemas.base import AtMost200
from api.schemas.classifications import ClassificationIn, ClassificationOut, ReasonsOut
from api.transaction import UnitOfWorkRoute
from auth.roles import Permission
from domain.classifications.commands import COMPARTMENT, classify, reveal_reasons
from domain.classifications.models import Classification
from domain.errors import NotPermitted
from domain.sealing.envelope import SealBroken

MOST = 200

router = APIRouter(tags=["classifications"], route_class=UnitOfWorkRoute)


@router.post("/cases/{reference}/classifications", status_code=201, dependencies=[IDEMPOTENT], responses=WRITE_PROBLEMS)
async def create_classification(
    reference: Reference, body: ClassificationIn, may: May, work: Work
) -> ClassificationOut:
    """Record what the person, an agency or the law calls it, beside what was said before. Support reads none of it."""
    _, permit = await may.case(reference, Permission.CLASSIFICATION_RECORD)
    if body.reasons is not None and COMPARTMENT not in opens(work, may.actor, "owner").ever():
        raise NotPermitted(rule="role", compartment=str(COMPARTMENT))
    return ClassificationOut.of(await classify(body.to_command(), permit, work))


@router.get("/cases/{reference}/classifications", responses=READ_PROBLEMS)
async def list_classifications(
    reference: Reference, may: May, work: Work
) -> Annotated[list[ClassificationOut], AtMost200]:
    """List the classifications of a case, oldest first: the last of each kind speaks."""
    case, _ = await may.case(reference, Permission.RECORD_READ)
    rows = await work.session.execute(
        select(Classification)
        .where(col(Classification.case_id) == case.id)
        .order_by(col(Classification.recorded_at), col(Classification.id))
        .limit(MOST)
    )
    return [ClassificationOut.of(row) for row in rows.scalars()]


@router.get(
    "/cases/{reference}/classifications/{classification_id}/reasons", responses=READ_PROBLEMS | problems(SealBroken)
)
async def read_classification_reasons(
    reference: Reference, classification_id: UUID, may: May, work: Work, actor: CurrentActor
) -> ReasonsOut:
    """Open the reasons of a classification. Recorded before you read them."""
    case, permit = await may.case(
        reference, Permission.COMPARTMENT_REVEAL, opens(work, actor, "owner").only({COMPARTMENT})
    )
    if not permit.compartments:
        raise NotPermitted(rule="compartment", compartment=str(COMPARTMENT))
    return ReasonsOut(reasons=await reveal_reasons(classification_id, case, permit, work))
