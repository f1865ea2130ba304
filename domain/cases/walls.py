"""What can be done with conflict walls: raise one, and lift it again."""

from dataclasses import dataclass
from datetime import date
from uuid import UUID

from sqlmodel import col, select

from domain.audit.actions import AuditAction
from domain.cases.models import Case, CaseWall
from domain.codes import OrganisationStatus, WallReason
from domain.deadlines.commands import case_changed, settle
from domain.deadlines.models import Deadline, DeadlineKind
from domain.errors import InvalidInput, NotFound
from domain.notifications.models import NotificationKind
from domain.organisations.models import Organisation, StaffMember
from domain.permits import Permit
from domain.unit_of_work import UnitOfWork


@dataclass(frozen=True, slots=True)
class RaiseWall:
    """Put an organisation or a member of staff behind a wall.

    Attributes:
        organisation: Its code; or
        staff: the subject of the member of staff.
        review_on: When who leads the case is asked whether the wall is still needed; nothing opens by itself.
    """

    organisation: str | None = None
    staff: str | None = None
    reason: WallReason = WallReason.NOT_STATED
    review_on: date | None = None


async def raise_wall(command: RaiseWall, permit: Permit, work: UnitOfWork) -> CaseWall:
    """Put an organisation or a member of staff behind a conflict wall: they never learn that the case exists.

    Raises:
        InvalidInput: nobody, or not exactly one, is named; it is the organisation that leads the case; or one that has
            closed and has a successor, before which the wall would not stand: walls follow only at the closing.
    """
    case = await work.lock(Case, permit.subject_id)
    if (command.organisation is None) == (command.staff is None):
        raise InvalidInput(field="organisation", reason="name one organisation or one member of staff")
    organisation = await work.one(Organisation, code=command.organisation) if command.organisation else None
    staff = await work.one(StaffMember, subject=command.staff) if command.staff else None
    if organisation is None and staff is None:
        raise InvalidInput(field="organisation", reason="unknown")
    if organisation is not None and organisation.id == case.owner_organisation_id:
        raise InvalidInput(field="organisation", reason="leads the case")
    if organisation is not None and organisation.status == OrganisationStatus.CLOSED and organisation.successor_id:
        raise InvalidInput(field="organisation", reason="has closed, name who follows it")
    if command.review_on is not None and command.review_on <= work.today(case.country):
        raise InvalidInput(field="review_on", reason="has passed")
    wall = CaseWall(
        id=work.ids.uuid(),
        case_id=case.id,
        organisation_id=organisation.id if organisation else None,
        staff_id=staff.id if staff else None,
        raised_at=work.now,
        reason=command.reason,
        review_on=command.review_on,
    )
    await case_changed(work, case)
    if command.review_on is not None:
        remind_on(work, case, wall.id, command.review_on)
        await work.flush()
    work.add(wall)  # last: it may stand before whoever raises it, who then sees nothing of the case any more
    work.audit(AuditAction.WALL_RAISED, permit, stream_id=case.id, subject_id=wall.id, reason=command.reason)
    return wall


def remind_on(work: UnitOfWork, case: Case, wall_id: UUID, day: date) -> None:
    """Let the clock remind who leads the case, when the day begins, that a wall is to be looked at."""
    work.add(
        Deadline(
            id=work.ids.uuid(),
            case_id=case.id,
            subject_id=wall_id,
            organisation_id=case.owner_organisation_id,
            kind=DeadlineKind.WALL_REVIEW,
            rule="review",
            anchored_at=work.now,
            due_at=work.catalogue.calendar(case.country).begins(day),
        )
    )


async def lift_wall(wall_id: UUID, permit: Permit, work: UnitOfWork) -> None:
    """Take a conflict wall of the case away: what stands in the audit is all that is left of it.

    Raises:
        NotFound: the case has no such wall, or it stands before whoever asks.
    """
    case = await work.lock(Case, permit.subject_id)
    wanted = (col(CaseWall.id) == wall_id, col(CaseWall.case_id) == case.id)
    wall = (await work.session.execute(select(CaseWall).where(*wanted))).scalar_one_or_none()
    if wall is None:
        raise NotFound
    await work.session.delete(wall)
    await settle(work, wall_id, DeadlineKind.WALL_REVIEW)
    work.audit(AuditAction.WALL_LIFTED, permit, stream_id=case.id, subject_id=wall_id)
    await case_changed(work, case)


async def review_due(work: UnitOfWork, deadline: Deadline) -> bool:
    """Remind who leads the case now that a wall is to be looked at; it stands until they lift it."""
    case = await work.get(Case, deadline.case_id) if deadline.case_id is not None else None
    if case is None:
        return False
    work.notify(case.owner_organisation_id, NotificationKind.WALL_REVIEW, case.reference)
    return True
