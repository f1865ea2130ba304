"""A referral as FHIR R4, out and in: the same verbs, rules and audit as in our own shape."""

from typing import Any, ClassVar

from fastapi import APIRouter, Response
from fastapi.responses import JSONResponse
from sqlmodel import col, select

from api.dependencies import IDEMPOTENT, CurrentActor, May, Reference, Work, etag
from api.exchange.fhir import Told, bundle_of
from api.exchange.fhir_in import wish_of
from api.problems import InvalidRequest, Unavailable, problems
from api.routes.referrals import SEND_PROBLEMS
from api.schemas.fhir import MEDIA_TYPE, Bundle
from api.transaction import JSON, UnitOfWorkRoute
from auth.roles import Permission
from auth.tokens import TokenRefused
from domain.audit.actions import AuditAction
from domain.errors import NotFound, NotPermitted
from domain.organisations.models import Organisation
from domain.referrals.commands import send_referral
from domain.referrals.models import Referral
from domain.referrals.queries import answering, events_of
from domain.unit_of_work import UnitOfWork


class FhirRoute(UnitOfWorkRoute):
    """A route that understands FHIR's own media type, too."""

    understood: ClassVar[frozenset[str]] = frozenset({JSON, MEDIA_TYPE})


class FhirAnswer(JSONResponse):
    """An answer in FHIR's own media type."""

    media_type = MEDIA_TYPE


router = APIRouter(tags=["referrals"], route_class=FhirRoute, default_response_class=FhirAnswer)

BODY: dict[str, Any] = {
    "requestBody": {"content": {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Bundle"}}}},
}


@router.get(
    "/referrals/{reference}/fhir",
    response_model_exclude_none=True,
    responses=problems(TokenRefused, NotFound, NotPermitted, InvalidRequest, Unavailable),
)
async def read_referral_fhir(reference: Reference, may: May, work: Work, response: Response) -> Bundle:
    """Ask where a referral stands, as a FHIR R4 bundle of ServiceRequest and Task. Without identity; it is recorded."""
    referral, permit = await may.referral(reference, Permission.REFERRAL_READ)
    work.audit(AuditAction.REFERRAL_STATUS_READ, permit, stream_id=referral.case_id)
    etag(response, referral.version)
    return await shown(work, referral)


@router.post(
    "/cases/{reference}/referrals/fhir",
    status_code=201,
    dependencies=[IDEMPOTENT],
    response_model_exclude_none=True,
    openapi_extra=BODY,
    responses=SEND_PROBLEMS,
)
async def create_referral_fhir(
    reference: Reference, body: Bundle, may: May, work: Work, actor: CurrentActor, response: Response
) -> Bundle:
    """Ask another organisation to serve the person of this case, by a FHIR R4 bundle; a refusal names the element."""
    _, permit = await may.case(reference, Permission.REFERRAL_SEND)
    referral, _ = await send_referral(wish_of(body, actor.organisation_code), permit, work)
    await work.flush()
    etag(response, referral.version)
    return await shown(work, referral)


async def shown(work: UnitOfWork, referral: Referral) -> Bundle:
    """Return a referral as a bundle."""
    sender, receiver = referral.sending_organisation_id, referral.receiving_organisation_id
    rows = await work.session.execute(select(Organisation).where(col(Organisation.id).in_([sender, receiver])))
    listed = {one.id: one for one in rows.scalars()}
    events = await events_of(work, referral.id)
    earlier = await work.session.get(Referral, referral.earlier_referral_id) if referral.earlier_referral_id else None
    return bundle_of(
        Told(
            referral,
            listed[sender],
            listed[receiver],
            respond_by=(await answering(work, [referral.id]))[referral.id].respond_by,
            earlier=earlier.reference if earlier else None,
            last=events[-1] if events else None,
        )
    )
