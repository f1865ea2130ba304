"""Attachments of a case, and their copies in the package of a referral."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Path, Query, Request, Response

from api.attachment_streams import Permitted, sent
from api.cleaning import LONGEST
from api.dependencies import IDEMPOTENT, CurrentActor, May, Reference, Version, Work, etag, opens
from api.problems import UnsupportedMediaType, problems
from api.routes.cases import CHANGE_PROBLEMS, READ_PROBLEMS, WRITE_PROBLEMS
from api.schemas.attachments import AttachmentOut, AttachmentWordsIn
from api.schemas.base import AtMost200
from api.transaction import UnitOfWorkRoute
from api.uploads import MEDIA_TYPE, Received, UploadRoute
from auth.authorisation import Authorisation
from auth.roles import Permission
from domain.attachments.commands import (
    add_attachment,
    describe_attachment,
    disclose,
    hold,
    hold_one,
    remove_attachment,
    reveal_words,
)
from domain.attachments.models import Attachment
from domain.attachments.queries import versions_of
from domain.codes import Compartment
from domain.errors import NotPermitted, StateConflict
from domain.identifiers import REFERENCE_PATTERN
from domain.permits import Permit
from domain.sealing.envelope import SealBroken
from domain.unit_of_work import UnitOfWork

BINARY = {"type": "string", "format": "binary", "maxLength": LONGEST}
DOCUMENT: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "description": "A JPEG, PNG or PDF: the content says which.",
        "content": {MEDIA_TYPE: {"schema": BINARY}},
    },
}
CONTENT: dict[int | str, dict[str, Any]] = {
    200: {"description": "The document.", "content": {MEDIA_TYPE: {"schema": BINARY}}}
}
OPENED = READ_PROBLEMS | problems(SealBroken)

AttachmentReference = Annotated[
    str, Path(pattern=REFERENCE_PATTERN, max_length=24, description="A reference, as `A-7F3K-9QWD-2M4H-XE61`.")
]

router = APIRouter(tags=["attachments"], route_class=UnitOfWorkRoute)
uploading = APIRouter(route_class=UploadRoute)


@uploading.post(
    "/cases/{reference}/attachments",
    status_code=201,
    dependencies=[IDEMPOTENT],
    openapi_extra=DOCUMENT,
    responses=WRITE_PROBLEMS | problems(UnsupportedMediaType),
)
async def create_attachment(
    reference: Reference,
    compartment: Annotated[Compartment, Query(description="Where it belongs; the country's data say which take any.")],
    document: Received,
    may: May,
    work: Work,
    actor: CurrentActor,
    response: Response,
) -> AttachmentOut:
    """Add a picture or a document. What tells where, when and by whom it was made is taken out, then it is sealed."""
    case, permit = await may.case(reference, Permission.COMPARTMENT_SEAL)
    if compartment not in opens(work, actor, "owner").at(case.case_work):
        raise NotPermitted(rule="role", compartment=str(compartment))
    attachment = await add_attachment(document, compartment, permit, work)
    etag(response, 1)
    response.headers["Location"] = f"/v1/cases/{reference}/attachments/{attachment.reference}/content"
    return AttachmentOut.of(attachment, 1)


@router.get("/cases/{reference}/attachments", responses=OPENED)
async def list_attachments(reference: Reference, may: May, work: Work) -> Annotated[list[AttachmentOut], AtMost200]:
    """List the attachments of a case, oldest first. Their names are opened where you may, which is recorded."""
    case, _ = await may.case(reference, Permission.RECORD_READ)
    found = await hold(case, work)

    async def permitted(compartment: Compartment) -> Permit:
        wanted = opens(work, may.actor, "owner").only({compartment})
        return (await may.case(reference, Permission.COMPARTMENT_REVEAL, wanted))[1]

    return await _listed(found, permitted, work)


@router.put(
    "/cases/{reference}/attachments/{attachment}/words",
    status_code=204,
    dependencies=[IDEMPOTENT],
    responses=CHANGE_PROBLEMS | problems(SealBroken),
)
async def put_attachment_words(
    reference: Reference,
    attachment: AttachmentReference,
    body: AttachmentWordsIn,
    may: May,
    work: Work,
    version: Version,
) -> Response:
    """Say what an attachment is called and what it is, in place of what was said before; sealed at once."""
    _, permit = await may.case(reference, Permission.COMPARTMENT_SEAL, opens(work, may.actor, "owner"))
    made = await describe_attachment(attachment, body.model_dump(), version, permit, work)
    return Response(status_code=204, headers={"ETag": f'"{made}"'})


@router.delete(
    "/cases/{reference}/attachments/{attachment}",
    status_code=204,
    dependencies=[IDEMPOTENT],
    responses=CHANGE_PROBLEMS,
)
async def delete_attachment(
    reference: Reference, attachment: AttachmentReference, may: May, work: Work, version: Version
) -> Response:
    """Destroy an attachment and its copies in packages; receivers are told, and that there was one stays recorded."""
    _, permit = await may.case(reference, Permission.COMPARTMENT_SEAL, opens(work, may.actor, "owner"))
    await remove_attachment(attachment, version, permit, work)
    return Response(status_code=204)


@router.get("/cases/{reference}/attachments/{attachment}/content", response_class=Response, responses=OPENED | CONTENT)
async def read_attachment(
    reference: Reference, attachment: AttachmentReference, may: May, work: Work, request: Request
) -> Response:
    """Open an attachment of a case. Recorded before you read it; sent under a name that tells nothing."""
    case, _ = await may.case(reference, Permission.COMPARTMENT_REVEAL)
    found = await hold_one(case, attachment, work)

    async def again(may: Authorisation, work: UnitOfWork) -> Permit:
        wanted = opens(work, may.actor, "owner").only({Compartment(found.compartment)})
        return (await may.case(reference, Permission.COMPARTMENT_REVEAL, wanted))[1]

    return await _sent(found, again, may, work, request)


@router.get("/referrals/{reference}/attachments", responses=OPENED | problems(StateConflict))
async def list_package_attachments(
    reference: Reference, may: May, work: Work
) -> Annotated[list[AttachmentOut], AtMost200]:
    """List the attachments in the package of a referral that your organisation accepted, with their names."""
    referral, _ = await may.referral(reference, Permission.PACKAGE_REVEAL)
    found = await hold(referral, work)

    async def permitted(compartment: Compartment) -> Permit:
        wanted = opens(work, may.actor, "receiver").only({compartment})
        return (await may.referral(reference, Permission.PACKAGE_REVEAL, wanted))[1]

    return await _listed(found, permitted, work)


@router.get(
    "/referrals/{reference}/attachments/{attachment}/content",
    response_class=Response,
    responses=OPENED | problems(StateConflict) | CONTENT,
)
async def read_package_attachment(
    reference: Reference, attachment: AttachmentReference, may: May, work: Work, request: Request
) -> Response:
    """Open an attachment in the package of a referral that your organisation accepted. Recorded before you read it."""
    referral, _ = await may.referral(reference, Permission.PACKAGE_REVEAL)
    found = await hold_one(referral, attachment, work)

    async def again(may: Authorisation, work: UnitOfWork) -> Permit:
        wanted = opens(work, may.actor, "receiver").only({Compartment(found.compartment)})
        return (await may.referral(reference, Permission.PACKAGE_REVEAL, wanted))[1]

    return await _sent(found, again, may, work, request)


async def _listed(
    found: Sequence[Attachment], permitted: Callable[[Compartment], Awaitable[Permit]], work: UnitOfWork
) -> list[AttachmentOut]:
    """Return attachments with the words of those that a permit opens; each is asked for by its own compartment."""
    versions = await versions_of(work, found)
    left = [one for one in found if one.id in versions]
    words: dict[UUID, Mapping[str, str | None]] = {}
    for compartment in sorted({one.compartment for one in left}):
        try:
            permit = await permitted(Compartment(compartment))
        except NotPermitted:
            continue
        if permit.compartments:
            of_it = [one for one in left if one.compartment == compartment]
            words |= await reveal_words(of_it, permit, work)
    return [
        AttachmentOut.taken(one, version=versions[one.id], **words[one.id])
        if one.id in words
        else AttachmentOut.taken(one, version=versions[one.id], withheld="role")
        for one in left
    ]


async def _sent(
    found: Attachment, again: Permitted, may: Authorisation, work: UnitOfWork, request: Request
) -> Response:
    permit = await again(may, work)
    return await sent(await disclose(found, permit, work), permit, work, again, request)


router.include_router(uploading)
