"""What can be asked about emergency access."""

from collections.abc import Sequence
from typing import TYPE_CHECKING
from uuid import UUID

from sqlalchemy import any_, literal
from sqlmodel import col, select

from domain.codes import OrganisationStatus
from domain.organisations.models import Organisation

if TYPE_CHECKING:
    from domain.unit_of_work import UnitOfWork


async def independent_bodies(work: "UnitOfWork", country: str, *, but: UUID) -> Sequence[UUID]:
    """Return the organisations that watch over emergency access in a country, `but` the one that is watched."""
    rules = work.catalogue.access.get(country)
    if rules is None:
        return []
    rows = await work.session.execute(
        select(Organisation.id)
        .where(
            col(Organisation.country) == country,
            literal(rules.independent.nrm_role.value) == any_(col(Organisation.nrm_roles)),
            col(Organisation.status) == OrganisationStatus.ACTIVE,
            col(Organisation.id) != but,
        )
        .order_by(col(Organisation.id))
    )
    return rows.scalars().all()
