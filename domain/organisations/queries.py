"""What can be asked about organisations."""

from collections.abc import Sequence
from typing import TYPE_CHECKING
from uuid import UUID

from sqlalchemy import any_, literal
from sqlmodel import col, select

from domain.codes import NrmRole, OrganisationStatus, Role
from domain.organisations.models import Membership, Organisation
from domain.organisations.rules import OPEN, is_open

if TYPE_CHECKING:
    from domain.unit_of_work import UnitOfWork


async def coordinators_of(work: "UnitOfWork", country: str) -> Sequence[UUID]:
    """Return the organisations that coordinate the mechanism of a country."""
    rows = await work.session.execute(
        select(Organisation.id).where(
            col(Organisation.country) == country,
            literal(NrmRole.COORDINATOR.value) == any_(col(Organisation.nrm_roles)),
            col(Organisation.status) == OrganisationStatus.ACTIVE,
        )
    )
    return rows.scalars().all()


async def successor_of(work: "UnitOfWork", organisation: Organisation) -> Organisation | None:
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


async def deciding_with(work: "UnitOfWork", country: str, *, but: UUID) -> Sequence[UUID]:
    """Return the organisations of a country whose staff may agree to an act of two, `but` the one that asks."""
    rows = await work.session.execute(
        select(Organisation.id)
        .join(Membership, col(Membership.organisation_id) == col(Organisation.id))
        .where(
            col(Organisation.country) == country,
            col(Organisation.status).in_(sorted(OPEN)),
            col(Organisation.id) != but,
            col(Membership.role).in_([Role.COORDINATOR, Role.MONITORING_STAFF]),
            col(Membership.valid_from) <= work.now,
            col(Membership.valid_until) > work.now,
        )
        .distinct()
        .order_by(col(Organisation.id))
    )
    return rows.scalars().all()
