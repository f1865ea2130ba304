"""Pure decisions about organisations: whether one is open, and whether one may lead a case."""

from datetime import datetime
from typing import TYPE_CHECKING

from domain.codes import NrmRole, OrganisationStatus

if TYPE_CHECKING:
    from domain.organisations.models import Organisation

OPEN = frozenset({OrganisationStatus.ACTIVE, OrganisationStatus.PROBATION})


def is_open(organisation: "Organisation", now: datetime) -> bool:
    """Whether its staff may act and something may be sent to it now."""
    return organisation.status in OPEN and organisation.active_from <= now < organisation.active_until


def may_lead(organisation: "Organisation") -> bool:
    """Whether an organisation may lead cases and answer callers: it is a first responder."""
    return NrmRole.FIRST_RESPONDER in organisation.nrm_roles
