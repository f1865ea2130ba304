"""Leave it to the worker to erase when a period ends. What is left is a copy: the worker asks the profile again."""

from datetime import datetime

from domain.cases.models import Case
from domain.contacts.models import Contact
from domain.deadlines.commands import settle
from domain.deadlines.models import Deadline, DeadlineKind
from domain.unit_of_work import UnitOfWork
from domain.workflow.retention import CONTACT, DRAFT


def periods_of(work: UnitOfWork, case: Case) -> dict[str, datetime]:
    """Return when each class of keeping of a closed case ends; nothing while it is open, or when it is gone."""
    if case.closed_at is None or case.erased_at is not None:
        return {}
    closed_at = case.closed_at
    classes = work.catalogue.retention(case.country).classes_of_case(case.closure_reason)
    return {name: closed_at + period for name, period in classes.items()}


def plan_case(work: UnitOfWork, case: Case) -> None:
    """Set the ends of the periods of a case that was just closed."""
    for name, due_at in periods_of(work, case).items():
        end_of_period(work, case, name, due_at)


async def keep_on(work: UnitOfWork, case: Case) -> None:
    """End no period of a case that was taken up again."""
    await settle(work, case.id, DeadlineKind.RETENTION)


def end_of_period(work: UnitOfWork, case: Case, kept: str, due_at: datetime) -> None:
    """Set one end of a period."""
    work.add(
        Deadline(
            id=work.ids.uuid(),
            case_id=case.id,
            subject_id=case.id,
            organisation_id=case.owner_organisation_id,
            kind=DeadlineKind.RETENTION,
            rule=kept,
            anchored_at=work.now,
            due_at=due_at,
        )
    )


def plan_contact(work: UnitOfWork, contact: Contact, country: str, *, opens_cases: bool) -> None:
    """Set the ends of the periods of a contact: its words go soon if no case comes of it."""
    classes = work.catalogue.retention(country).classes
    for kept in (CONTACT,) if opens_cases else (DRAFT, CONTACT):
        end_of_contact(work, contact, kept, contact.made_at + classes[kept].period)


def end_of_contact(work: UnitOfWork, contact: Contact, kept: str, due_at: datetime) -> None:
    """Set one end of a period of a contact."""
    work.add(
        Deadline(
            id=work.ids.uuid(),
            subject_id=contact.id,
            organisation_id=contact.organisation_id,
            kind=DeadlineKind.CONTACT_RETENTION,
            rule=kept,
            anchored_at=work.now,
            due_at=due_at,
        )
    )
