"""A conflict wall is about people and their ties, and those do not end when their organisation does."""

from sqlalchemy import func, select

from domain.audit.actions import AuditAction
from domain.cases.models import Case
from domain.cases.walls import remind_on
from domain.codes import OrganisationStatus
from domain.notifications.models import NotificationKind
from domain.organisations.models import Organisation
from domain.organisations.queries import successor_of
from domain.unit_of_work import UnitOfWork

COLUMNS = ("case_id", "wall_id", "reason", "review_on")


async def inherit_walls(work: UnitOfWork, organisation: Organisation, *, again: bool) -> None:
    """Let walls before an organisation that closed stand before its successor, and tell who leads the cases.

    Where the successor leads the case itself, or was sent the person, no wall cuts it off from somebody it supports:
    who leads the case is told, and may raise walls before members of staff instead.

    Args:
        work: The unit of work of the worker, which reads no wall: the database raises them.
        organisation: What closed.
        again: Whether it was looked at before: then only walls that were raised meanwhile are new to anybody.
    """
    if organisation.status != OrganisationStatus.CLOSED:
        return
    successor = await successor_of(work, organisation)
    if successor is None:
        return
    await work.flush()  # the database looks whether the organisation is closed
    walls = func.nrm_inherit_walls(organisation.id, successor.id).table_valued(*COLUMNS)
    for case_id, wall_id, reason, review_on in (await work.session.execute(select(walls))).all():
        case = await work.get(Case, case_id)
        if wall_id is not None:
            work.audit_clock(
                AuditAction.WALL_RAISED, stream_id=case.id, subject_id=wall_id, rule="clock", reason=reason
            )
            if review_on is not None:
                remind_on(work, case, wall_id, review_on)
        if wall_id is not None or not again:
            work.notify(case.owner_organisation_id, NotificationKind.WALL_REVIEW, case.reference)
