"""Open what is sealed with a case, each on a ground found in the same transaction."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from domain.audit.actions import AuditAction
from domain.audit.chain import Detail
from domain.cases.commands import KIND, person_of
from domain.cases.models import Case
from domain.codes import Compartment
from domain.disclosures.grounds import to_open, to_open_each, to_read
from domain.errors import NotFound, NotPermitted
from domain.permits import Permit
from domain.persons.models import Person
from domain.referrals.models import Referral
from domain.unit_of_work import UnitOfWork


async def reveal_compartment(permit: Permit, case: Case, work: UnitOfWork) -> dict[Compartment, dict[str, Any]]:
    """Open the permit's compartments of the person."""
    ground = await to_open(work, permit, case.id)
    person = await person_of(work, case)
    return await work.reveal(
        ground, action=AuditAction.COMPARTMENT_REVEALED, stream_id=case.id, record_id=person.id, kind=KIND
    )


async def reveal_compartments(
    permits: Sequence[tuple[Permit, Person]], work: UnitOfWork
) -> dict[UUID, dict[Compartment, dict[str, Any]]]:
    """Open the compartments of several persons, each by the permit for the case; returns them by case.

    A case whose ground has ended since it was permitted is left out.
    """
    grounds = await to_open_each(work, {person.case_id: permit for permit, person in permits})
    standing = [person for _, person in permits if person.case_id in grounds]
    records = {person.id: (grounds[person.case_id], person.case_id) for person in standing}
    opened = await work.reveal_each(records, action=AuditAction.COMPARTMENT_REVEALED, kind=KIND)
    return {person.case_id: opened[person.id] for person in standing}


async def read(work: UnitOfWork, permit: Permit, case: Case) -> None:
    """Record that the plain part of a case is shown: to whoever leads it, or to a receiver while its ground stands.

    Raises:
        NotFound: the case does not concern the organisation any more.
    """
    told: dict[str, Detail] = {}
    if permit.holder_id != case.id:
        referral = await work.get(Referral, permit.holder_id or permit.subject_id)
        try:
            told = (await to_read(work, permit, referral)).told()
        except NotPermitted as refusal:
            raise NotFound from refusal
    work.audit(AuditAction.CASE_READ, permit, stream_id=case.id, subject_id=case.id, **told)
