"""A service that was being given and stopped because its organisation is gone: somebody must act today."""

from uuid import UUID

from domain.notifications.models import NotificationKind
from domain.organisations.models import Organisation
from domain.organisations.queries import coordinators_of
from domain.unit_of_work import UnitOfWork


async def interrupted(
    work: UnitOfWork, organisation: Organisation, responsible: UUID, reference: str, service: str
) -> None:
    """Tell whoever leads the case, and the coordinators, that a service stopped."""
    told = {responsible, *await coordinators_of(work, organisation.country)}
    for organisation_id in sorted(told):
        work.notify(organisation_id, NotificationKind.SERVICE_INTERRUPTED, reference, service)
