"""The person's log of disclosures: who saw which compartment, when and why; for the case worker to show or print."""

from typing import Annotated

from fastapi import APIRouter, Query

from api.dependencies import May, Reader, Reference, Work, opens
from api.problems import InvalidRequest, Unavailable, problems
from api.schemas.base import Labelled
from api.schemas.disclosures import DisclosureOut, DisclosurePage
from api.transaction import UnitOfWorkRoute
from auth.roles import Permission
from auth.tokens import TokenRefused
from domain.codes import Compartment, Language, LegalBasis
from domain.disclosures.log import Disclosed, disclosures
from domain.errors import NotFound, NotPermitted
from domain.sealing.envelope import SealBroken
from domain.workflow.catalogue import Catalogue

MOST = 100

router = APIRouter(tags=["disclosures"], route_class=UnitOfWorkRoute)


@router.get(
    "/cases/{reference}/disclosures",
    responses=problems(TokenRefused, NotFound, NotPermitted, InvalidRequest, SealBroken, Unavailable),
)
async def list_disclosures(
    reference: Reference,
    may: May,
    work: Work,
    reader: Reader,
    after: Annotated[int, Query(ge=0, le=2**53, description="`next` of the part before.")] = 0,
) -> DisclosurePage:
    """See who saw what of the person, when and why, in the reader's language: to be shown to the person."""
    opening = opens(work, may.actor, "owner").only({Compartment.NARRATIVE})
    case, permit = await may.case(reference, Permission.DISCLOSURES_READ, opening)
    lines, following = await disclosures(work, permit, case, after, MOST)
    return DisclosurePage(items=[shown(work.catalogue, line, reader) for line in lines], next=following)


def shown(catalogue: Catalogue, line: Disclosed, reader: Language) -> DisclosureOut:
    """Return a line with what its codes are called."""

    def label(code_list: str, code: str | None) -> Labelled | None:
        return None if code is None else Labelled(code=code, label=catalogue.labels(code_list, code, reader))

    organisation = line.organisation
    return DisclosureOut(
        position=line.position,
        at=line.at,
        what=Labelled(code=line.kind, label=catalogue.labels("DisclosureKind", line.kind, reader)),
        compartments=[
            Labelled(code=one, label=catalogue.labels("Compartment", one, reader)) for one in line.compartments
        ],
        organisation=None
        if organisation is None
        else Labelled(code=organisation.code, label=organisation.name.get(reader, organisation.code)),
        kind_of_organisation=label("OrganisationType", line.kind_of_organisation),
        role=label("Role", line.role),
        why=label("LegalBasis" if line.basis in set(LegalBasis) else "Standing", line.basis),
        consent_version=line.consent_version,
        referral=line.referral,
        reason=line.reason,
    )
