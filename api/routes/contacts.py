"""Contacts: log, list, call back."""

from collections.abc import Sequence
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Response
from sqlalchemy import func
from sqlmodel import col, select

from api.dependencies import IDEMPOTENT, CurrentActor, Cursor, Limit, May, Reference, Version, Work, etag
from api.pagination import page
from api.problems import problems
from api.routes.cases import CHANGE_PROBLEMS, NEW_PROBLEMS, READ_PROBLEMS, WRITE_PROBLEMS, fields_fit
from api.schemas.base import AtMost200
from api.schemas.contacts import (
    CallbackIn,
    CallbackOut,
    ContactIn,
    ContactOut,
    ContactPage,
    ContactWordsOut,
    HeardOfUsCount,
    HeardOfUsOut,
)
from api.transaction import UnitOfWorkRoute
from auth.authorisation import visible
from auth.roles import Permission
from domain.cases.models import Case
from domain.codes import Compartment, ContactOutcome, CountUnit, HeardOfUs
from domain.contacts.commands import call_back, link_contact, log_contact, reveal_contact
from domain.contacts.models import Contact, ContactCase
from domain.sealing.envelope import SealBroken
from domain.unit_of_work import UnitOfWork

router = APIRouter(tags=["contacts"], route_class=UnitOfWorkRoute)


@router.post("/contacts", status_code=201, dependencies=[IDEMPOTENT], responses=NEW_PROBLEMS)
async def create_contact(body: ContactIn, may: May, work: Work, response: Response) -> ContactOut:
    """Log a conversation and open its cases in one go. A contact is neither a case nor a person."""
    permit = may.own(Permission.CONTACT_LOG)
    opening = may.own(Permission.CASE_OPEN) if body.cases else None
    command = body.to_command()
    fields_fit(work, permit, command.sealed)
    for case in command.opens:
        fields_fit(work, permit, case.compartments)
    contact, cases = await log_contact(command, permit, opening, work)
    etag(response, contact.version)
    return ContactOut.of(contact, [case.reference for case in cases])


@router.get("/contacts", responses=READ_PROBLEMS)
async def list_contacts(
    may: May, work: Work, actor: CurrentActor, cursor: Cursor = None, limit: Limit = 50
) -> ContactPage:
    """List your organisation's contacts, newest first."""
    may.own(Permission.CONTACT_READ)
    rows, following = await page(
        work.session,
        select(Contact).where(visible(Contact, Permission.CONTACT_READ, actor)),
        (col(Contact.made_at), col(Contact.id)),
        cursor,
        limit,
        lambda row: (row.made_at, row.id),
    )
    return ContactPage(items=await _shown(work, rows), next=following)


@router.get("/contacts/callbacks", responses=READ_PROBLEMS)
async def list_callbacks(may: May, work: Work, actor: CurrentActor) -> Annotated[list[CallbackOut], AtMost200]:
    """List who is still to be called back, the longest due first, with how long they wait. No message is lost."""
    may.own(Permission.CONTACT_READ)
    waiting = (ContactOutcome.CALLBACK_DUE, ContactOutcome.NOT_REACHED)
    rows = await work.session.execute(
        select(Contact)
        .where(visible(Contact, Permission.CONTACT_READ, actor), col(Contact.outcome).in_(waiting))
        .order_by(col(Contact.callback_due_at), col(Contact.made_at), col(Contact.id))
        .limit(200)
    )
    return [CallbackOut.at(one, work.now) for one in await _shown(work, rows.scalars().all())]


@router.get("/contacts/heard-of-us", responses=READ_PROBLEMS)
async def count_heard_of_us(may: May, work: Work, actor: CurrentActor) -> HeardOfUsOut:
    """Count how the people whom your organisation spoke with heard of it. The unit is contacts, not persons."""
    may.own(Permission.CONTACT_READ)
    rows = await work.session.execute(
        select(Contact.heard_of_us, func.count())
        .where(visible(Contact, Permission.CONTACT_READ, actor))
        .group_by(col(Contact.heard_of_us))
    )
    counted = {HeardOfUs(code): count for code, count in rows}
    return HeardOfUsOut(
        unit=CountUnit.CONTACTS,
        items=[HeardOfUsCount(heard_of_us=code, count=counted.get(code, 0)) for code in HeardOfUs],
    )


@router.get("/contacts/{contact_id}", responses=READ_PROBLEMS)
async def read_contact(contact_id: UUID, may: May, work: Work, response: Response) -> ContactOut:
    """Look at a contact, without what was said."""
    contact, _ = await may.contact(contact_id, Permission.CONTACT_READ)
    etag(response, contact.version)
    return (await _shown(work, [contact]))[0]


@router.get("/contacts/{contact_id}/words", responses=READ_PROBLEMS | problems(SealBroken))
async def read_contact_words(contact_id: UUID, may: May, work: Work) -> ContactWordsOut:
    """Read what was said and how to call back. Recorded before you read it."""
    contact, permit = await may.contact(contact_id, Permission.CONTACT_REVEAL)
    opened = await reveal_contact(permit, contact, work)
    return ContactWordsOut(narrative=opened.get(Compartment.NARRATIVE), contact=opened.get(Compartment.CONTACT))


@router.put("/contacts/{contact_id}/cases/{reference}", dependencies=[IDEMPOTENT], responses=WRITE_PROBLEMS)
async def link(contact_id: UUID, reference: Reference, may: May, work: Work) -> ContactOut:
    """Say that a contact was about a case that your organisation leads already: many calls may be about one person.

    Of a case that your organisation does not lead you learn nothing.
    """
    contact, permit = await may.contact(contact_id, Permission.CONTACT_LINK)
    case, _ = await may.case(reference, Permission.CASE_WORK)
    return (await _shown(work, [await link_contact(contact, permit, case, work)]))[0]


@router.post("/contacts/{contact_id}/callback", dependencies=[IDEMPOTENT], responses=CHANGE_PROBLEMS)
async def create_callback(
    contact_id: UUID, body: CallbackIn, may: May, work: Work, version: Version, response: Response
) -> ContactOut:
    """Record that a due callback was tried; it stays due until somebody was reached."""
    _, permit = await may.contact(contact_id, Permission.CONTACT_CALL_BACK)
    contact = await call_back(body.reached, version, permit, work)
    etag(response, contact.version)
    return (await _shown(work, [contact]))[0]


async def _shown(work: UnitOfWork, rows: Sequence[Contact]) -> list[ContactOut]:
    """Return contacts with the references of their cases that are still visible, in one query."""
    opened = await work.session.execute(
        select(ContactCase.contact_id, Case.reference)
        .join(Case, col(Case.id) == col(ContactCase.case_id))
        .where(col(ContactCase.contact_id).in_([row.id for row in rows]))
    )
    cases: dict[UUID, list[str]] = {}
    for contact_id, reference in opened:
        cases.setdefault(contact_id, []).append(reference)
    return [ContactOut.of(row, sorted(cases.get(row.id, []))) for row in rows]
