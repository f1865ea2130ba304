"""What the clock does when a capacity question was not answered in time."""

from domain.capacity.models import CapacityQuestion
from domain.capacity.rules import overdue
from domain.notifications.models import NotificationKind
from domain.organisations.models import Organisation
from domain.unit_of_work import UnitOfWork


async def unanswered(work: UnitOfWork, question: CapacityQuestion) -> str | None:
    """Remind the provider of a question that it has not answered; returns its code, or None if all is well."""
    if not overdue(question, work.now):
        return None
    work.notify(question.asked_organisation_id, NotificationKind.CAPACITY_OVERDUE, question.reference)
    return (await work.get(Organisation, question.asked_organisation_id)).code
