"""What can be asked about organisations."""

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import any_, literal
from sqlmodel import col, select

from domain.codes import NrmRole, OrganisationStatus
from domain.organisations.models import Organisation
from domain.organisations.rules import is_open
from domain.unit_of_work import UnitOfWork


async def coordinators_of(work: UnitOfWork, country: str) -> Sequence[UUID]:
    """Return the organisations that coordinate the mechanism of a country."""
    rows = await work.session.execute(
        select(Organisation.id).where(
            col(Organisation.country) == country,
            literal(NrmRole.COORDINATOR.value) == any_(col(Organisation.nrm_roles)),
            col(Organisation.status) == OrganisationStatus.ACTIVE,
        )
    )
    return rows.scalars().all()


async def successor_of(work: UnitOfWork, organisation: Organisation) -> Organisation | None:
    """Return the open organisation that took an organisation's place, through others that closed too, or None."""
    passed = {organisation.id}
    following = organisation.successor_id
    while following is not None and following not in passed:
        found = await work.get(Organisation, following)
        if is_open(found, work.now):
            return found
        passed.add(found.id)
        following = found.successor_id
    return None
