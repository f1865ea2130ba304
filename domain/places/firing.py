"""What the clock does about reservations: it tells the shelter. It puts nobody out."""

from domain.codes import PlacementStatus, Service
from domain.deadlines.models import Deadline
from domain.notifications.models import NotificationKind
from domain.places.holding import call_next
from domain.places.models import Placement
from domain.places.rules import status_of
from domain.referrals.models import Referral
from domain.unit_of_work import UnitOfWork


async def reservation_due(work: UnitOfWork, deadline: Deadline) -> bool:
    """Tell of a reservation that ended unused, and call the next; returns whether it was so."""
    placement = await work.get(Placement, deadline.subject_id)
    if placement.ended_at is not None or status_of(placement, work.now) != PlacementStatus.RELEASED:
        return False
    referral = await work.get(Referral, placement.referral_id)
    work.notify(placement.organisation_id, NotificationKind.RESERVATION_EXPIRED, referral.reference)
    await call_next(work, placement.organisation_id, Service.SHELTER, placement.id, placement.case_id)
    return True
