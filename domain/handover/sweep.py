"""What follows when an organisation closes, is suspended or comes back: a list of what it leaves, one deadline each.

Each is then handled in a transaction of its own, by whichever worker is free. A crash loses nothing: what is not
handled still stands as a deadline. Handling twice does nothing twice: each handler looks at how things are now.
"""

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, exists, or_
from sqlalchemy.dialects.postgresql import insert
from sqlmodel import col, select
from sqlmodel.sql.expression import Select

from domain.cases.models import Case, CaseAccess, Relation
from domain.codes import CaseWork, ContactOutcome, EscalationReason, OrganisationStatus, ReferralStatus
from domain.contacts.models import Contact
from domain.deadlines.models import Deadline, DeadlineKind
from domain.escalations.commands import settle_escalations
from domain.escalations.models import Escalation
from domain.handover.walls import inherit_walls
from domain.organisations.models import Organisation
from domain.organisations.rules import OPEN, is_open
from domain.referrals.models import Referral
from domain.referrals.rules import OVER
from domain.unit_of_work import UnitOfWork

CALLBACK_WAITS = (ContactOutcome.CALLBACK_DUE, ContactOutcome.NOT_REACHED)
LOOK_AGAIN = timedelta(minutes=1)
"""A request that was under way when the organisation left may commit after the first look."""

AGAIN = "again"


async def organisation_changed(work: UnitOfWork, deadline: Deadline) -> bool:
    """List what an organisation that is not open leaves behind; give back what one that came back still had."""
    organisation = await work.get(Organisation, deadline.subject_id)
    if organisation.status != OrganisationStatus.CLOSED and organisation.active_until <= work.now:
        organisation.status = OrganisationStatus.CLOSED
    if is_open(organisation, work.now):
        await _give_back(work, organisation)
        return True
    first = not deadline.rule.startswith(AGAIN)
    await inherit_walls(work, organisation, again=not first)
    found = await _list(work, organisation, everything=first)
    if found or first:
        work.add(
            Deadline(
                id=work.ids.uuid(),
                subject_id=organisation.id,
                organisation_id=organisation.id,
                kind=DeadlineKind.ORGANISATION_CHANGED,
                rule=f"{AGAIN} {work.ids.uuid()}",
                anchored_at=work.now,
                due_at=work.now + LOOK_AGAIN,
            )
        )
    return True


async def _give_back(work: UnitOfWork, organisation: Organisation) -> None:
    rows = await work.session.execute(
        select(Escalation).where(
            col(Escalation.organisation_id) == organisation.id,
            col(Escalation.reason) == EscalationReason.ORGANISATION_SUSPENDED,
            col(Escalation.settled_at).is_(None),
        )
    )
    await settle_escalations(work, rows.scalars().all())


def _escalated(subject: Any) -> ColumnElement[bool]:
    return exists().where(col(Escalation.subject_id) == subject, col(Escalation.settled_at).is_(None))


def _leads(organisation: Organisation, now: datetime, *, everything: bool) -> Select[UUID, UUID]:
    """Select open cases, and closed ones that the organisation could still open."""
    may_open = exists().where(
        col(CaseAccess.case_id) == col(Case.id),
        col(CaseAccess.organisation_id) == organisation.id,
        col(CaseAccess.relation) == Relation.OWNER,
        col(CaseAccess.valid_until) > now,
    )
    is_open_case = col(Case.case_work) != CaseWork.CLOSED
    closed = organisation.status == OrganisationStatus.CLOSED
    unhandled = is_open_case if everything else is_open_case & ~_escalated(col(Case.id))
    return select(col(Case.id), col(Case.id)).where(
        col(Case.owner_organisation_id) == organisation.id,
        col(Case.erased_at).is_(None),
        or_(unhandled, may_open) if closed else unhandled,
    )


def _receives(organisation: Organisation, *, everything: bool) -> Select[UUID, UUID]:
    statement = select(col(Referral.id), col(Referral.case_id)).where(
        col(Referral.receiving_organisation_id) == organisation.id,
        col(Referral.status).not_in({*OVER, ReferralStatus.DRAFT}),
    )
    closed = organisation.status == OrganisationStatus.CLOSED
    return statement if everything or closed else statement.where(~_escalated(col(Referral.id)))


def _sends(organisation: Organisation) -> Select[UUID, UUID]:
    """Select what it sent in cases that somebody else leads; what it sent in its own moves with the case."""
    return (
        select(col(Referral.id), col(Referral.case_id))
        .join(Case, col(Case.id) == col(Referral.case_id))
        .join(Organisation, col(Organisation.id) == col(Case.owner_organisation_id))
        .where(
            col(Organisation.status).in_(OPEN),
            col(Referral.sending_organisation_id) == organisation.id,
            col(Referral.status).not_in(OVER),
            col(Case.owner_organisation_id) != organisation.id,
        )
    )


def _calls_back(organisation: Organisation, *, everything: bool) -> Select[UUID, UUID]:
    statement = select(col(Contact.id), col(Contact.id)).where(
        col(Contact.organisation_id) == organisation.id, col(Contact.outcome).in_(CALLBACK_WAITS)
    )
    return statement if everything else statement.where(~_escalated(col(Contact.id)))


async def _list(work: UnitOfWork, organisation: Organisation, *, everything: bool) -> int:
    """Leave a deadline for each thing; returns how many.

    `everything`: also what was escalated already, since a successor may be known now.
    """
    kinds = {
        DeadlineKind.CASE_LEFT: _leads(organisation, work.now, everything=everything),
        DeadlineKind.RECEIVER_LEFT: _receives(organisation, everything=everything),
        DeadlineKind.CONTACT_LEFT: _calls_back(organisation, everything=everything),
    }
    if organisation.status == OrganisationStatus.CLOSED:
        kinds[DeadlineKind.SENDER_LEFT] = _sends(organisation)
    found = 0
    for kind, statement in kinds.items():
        rows: list[Any] = list((await work.session.execute(statement)).all())
        about_case = kind != DeadlineKind.CONTACT_LEFT
        await leave(work, organisation.id, kind, [(row[0], row[1] if about_case else None) for row in rows])
        found += len(rows)
    return found


async def leave(
    work: UnitOfWork, organisation_id: UUID, kind: DeadlineKind, subjects: list[tuple[UUID, UUID | None]]
) -> None:
    """Leave it to the worker to find somebody else for each subject; what waits already is not listed twice."""
    if not subjects:
        return
    rows = [
        {
            "id": work.ids.uuid(),
            "case_id": case_id,
            "subject_id": subject_id,
            "organisation_id": organisation_id,
            "kind": kind,
            "rule": "left",
            "anchored_at": work.now,
            "due_at": work.now,
        }
        for subject_id, case_id in subjects
    ]
    await work.session.execute(insert(Deadline).on_conflict_do_nothing(), rows)
