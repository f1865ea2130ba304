"""What can be done with a contact: log it, open cases from it, call back."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlmodel import col, select

from domain.audit.actions import AuditAction
from domain.cases.commands import OpenCase, open_case
from domain.cases.models import Case
from domain.codes import Channel, Compartment, ContactOutcome, ContactTopic, HeardOfUs
from domain.contacts.models import Contact, ContactCase
from domain.deadlines.commands import settle
from domain.deadlines.models import Deadline, DeadlineKind
from domain.disclosures.grounds import to_open_contact
from domain.errors import InvalidInput, StateConflict, VersionStale
from domain.permits import Permit
from domain.retention.planning import plan_contact
from domain.unit_of_work import UnitOfWork
from domain.workflow.engine import Snapshot, open_steps

HOTLINE_SOP = {"KG": "kg-hotline-contact"}
"""Which procedure a contact of a country follows."""

NOTES = "notes"
"""The kind of sealed value that a contact's own words are."""


MOST_CASES = 20
"""How many cases one contact may be about."""


@dataclass(frozen=True, slots=True)
class LogContact:
    """One conversation.

    Attributes:
        made_at: When it took place; the present if left out.
        callback: Whether somebody must be called back; a voicemail always must.
        sealed: What was said (`narrative`) and how to call back (`contact`), sealed under the contact's own keys.
        opens: The cases that it opens: one for each person.
    """

    channel: Channel
    language: str
    topic: ContactTopic
    heard_of_us: HeardOfUs = HeardOfUs.NOT_ASKED
    country_of_interest: str | None = None
    anonymous: bool = True
    made_at: datetime | None = None
    callback: bool = False
    sealed: dict[Compartment, dict[str, Any]] = field(default_factory=dict)
    opens: tuple[OpenCase, ...] = ()


async def log_contact(
    command: LogContact, permit: Permit, opening: Permit | None, work: UnitOfWork
) -> tuple[Contact, list[Case]]:
    """Log a contact and open its cases in one go; a voicemail gets a callback with its due instant.

    Args:
        command: The contact.
        permit: To log contacts.
        opening: To open cases; needed only if the contact opens some.
        work: The unit of work.

    Raises:
        InvalidInput: the contact lies in the future.
    """
    contact = _contact(command, permit, work)
    work.add(contact)
    await work.flush()
    if contact.callback_due_at is not None:
        _start_clock(work, contact)
    plan_contact(work, contact, permit.actor.country, opens_cases=bool(command.opens))
    for compartment, fields in command.sealed.items():
        await work.vault.put(
            fields, holder_id=contact.id, record_id=contact.id, kind=NOTES, compartment=compartment, now=work.now
        )
    work.audit(
        AuditAction.CONTACT_LOGGED,
        permit,
        stream_id=permit.actor.organisation_id,
        subject_id=contact.id,
        channel=command.channel,
    )
    cases = [await open_case(one, opening, work) for one in command.opens] if opening is not None else []
    for case in cases:
        work.add(ContactCase(contact_id=contact.id, case_id=case.id))
    return contact, cases


def _contact(command: LogContact, permit: Permit, work: UnitOfWork) -> Contact:
    actor = permit.actor
    made_at = command.made_at or work.now
    if made_at > work.now:
        raise InvalidInput(field="made_at", reason="in the future")
    contact = Contact(
        id=work.ids.uuid(),
        organisation_id=actor.organisation_id,
        channel=command.channel,
        made_at=made_at,
        recorded_at=work.now,
        language=command.language,
        topic=command.topic,
        country_of_interest=command.country_of_interest,
        heard_of_us=command.heard_of_us,
        anonymous=command.anonymous,
        outcome=_outcome(command),
        sop_version=work.catalogue.current(actor.country)[HOTLINE_SOP[actor.country]],
    )
    if contact.outcome == ContactOutcome.CALLBACK_DUE:
        contact.callback_due_at = callback_due(work, contact, actor.country)
    return contact


def _outcome(command: LogContact) -> ContactOutcome:
    if command.callback or command.channel == Channel.VOICEMAIL:
        return ContactOutcome.CALLBACK_DUE
    return ContactOutcome.CASE_OPENED if command.opens else ContactOutcome.INFORMATION_GIVEN


def callback_due(work: UnitOfWork, contact: Contact, country: str) -> datetime | None:
    """Return when the hotline's procedure wants the call back to have been made."""
    sop = work.catalogue.sop(HOTLINE_SOP[country], contact.sop_version)
    facts = {"channel": str(contact.channel), "callback": "due", "topic": "other"}
    if contact.topic == ContactTopic.POSSIBLE_TRAFFICKING:
        facts["topic"] = "possible_trafficking"
    since = {"contact.made": contact.made_at, "callback": contact.made_at}
    steps = open_steps(sop, Snapshot(facts, since), work.catalogue.calendar(country))
    due = [
        step.due_at
        for step in steps
        if step.due_at is not None and any(record.fact == "callback" for record in step.step.records)
    ]
    return min(due, default=None)


def _start_clock(work: UnitOfWork, contact: Contact) -> None:
    if contact.callback_due_at is not None:
        work.add(
            Deadline(
                id=work.ids.uuid(),
                subject_id=contact.id,
                organisation_id=contact.organisation_id,
                kind=DeadlineKind.CALLBACK,
                rule="callback",
                escalate_to="coordinator",
                anchored_at=contact.made_at,
                due_at=contact.callback_due_at,
            )
        )


async def call_back(reached: bool, version: int, permit: Permit, work: UnitOfWork) -> Contact:  # noqa: FBT001
    """Record that a due callback was made, or that nobody was reached: then it stays due, by the same instant.

    Raises:
        StateConflict: no callback is due.
        VersionStale: a colleague recorded it meanwhile.
    """
    contact = await work.lock(Contact, permit.subject_id)
    if contact.outcome not in {ContactOutcome.CALLBACK_DUE, ContactOutcome.NOT_REACHED}:
        raise StateConflict(current=str(contact.outcome))
    if contact.version != version:
        raise VersionStale(current_version=contact.version)
    contact.version += 1
    contact.outcome = ContactOutcome.CALLED_BACK if reached else ContactOutcome.NOT_REACHED
    if reached:
        contact.called_back_at = work.now
        await settle(work, contact.id, DeadlineKind.CALLBACK)
    work.audit(
        AuditAction.CONTACT_CALLED_BACK,
        permit,
        stream_id=permit.actor.organisation_id,
        subject_id=contact.id,
        reached=reached,
    )
    return contact


async def link_contact(contact: Contact, permit: Permit, case: Case, work: UnitOfWork) -> Contact:
    """Say that a contact was about a case that exists; saying it twice changes nothing.

    Both permits were asked for: the organisation took the contact and leads the case. Nobody else learns of either.

    Raises:
        InvalidInput: the contact is about too many cases.
    """
    linked = await work.session.execute(
        select(col(ContactCase.case_id)).where(col(ContactCase.contact_id) == contact.id)
    )
    known = set(linked.scalars())
    if case.id not in known:
        if len(known) >= MOST_CASES:
            raise InvalidInput(field="contact", reason="about as many cases as one contact may be about")
        work.add(ContactCase(contact_id=contact.id, case_id=case.id))
        await work.flush()
    work.audit(AuditAction.CONTACT_LINKED, permit, stream_id=case.id, subject_id=contact.id)
    return contact


async def reveal_contact(permit: Permit, contact: Contact, work: UnitOfWork) -> dict[Compartment, dict[str, Any]]:
    """Open what was said and how to call back."""
    ground = await to_open_contact(work, permit, contact)
    return await work.reveal(
        ground,
        action=AuditAction.COMPARTMENT_REVEALED,
        stream_id=contact.organisation_id,
        record_id=contact.id,
        kind=NOTES,
    )
