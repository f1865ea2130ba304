"""What the clock does when nobody reviewed an emergency access in time."""

from domain.audit.actions import AuditAction
from domain.break_glass.models import BreakGlass
from domain.break_glass.queries import independent_bodies
from domain.deadlines.models import Deadline
from domain.notifications.models import NotificationKind
from domain.organisations.queries import coordinators_of
from domain.unit_of_work import UnitOfWork


async def unreviewed(work: UnitOfWork, deadline: Deadline) -> bool:
    """Record that the right is suspended until somebody reviews, and tell everybody whom it concerns.

    The right itself ends by the clock alone (`nrm_glass_is_shut`), also while no worker runs.
    """
    glass = await work.get(BreakGlass, deadline.subject_id)
    if glass.outcome is not None:
        return False
    glass.suspended_at = work.now
    bodies = await independent_bodies(work, glass.country, but=glass.organisation_id)
    for one in sorted({glass.organisation_id, *bodies, *await coordinators_of(work, glass.country)}):
        work.notify(one, NotificationKind.GLASS_UNREVIEWED, str(glass.id))
    work.audit_clock(AuditAction.GLASS_SUSPENDED, stream_id=glass.organisation_id, subject_id=glass.id, rule="clock")
    return True
