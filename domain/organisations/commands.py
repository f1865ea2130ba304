"""What the operator of the installation records: organisations and who works where. Runs as the owner of the database.

Access follows the membership, so a closed membership or organisation ends it on the next request. There is no permit
here: the operator is not an actor of the service, and cannot read a case this way.
"""

from dataclasses import dataclass
from datetime import datetime

from sqlmodel import col, select

from domain.audit.actions import AuditAction
from domain.codes import NrmRole, OrganisationStatus, OrganisationType, Role, Service
from domain.columns import FOREVER
from domain.deadlines.models import Deadline, DeadlineKind
from domain.errors import InvalidInput
from domain.organisations.models import Membership, Organisation, StaffMember
from domain.organisations.rules import OPEN, is_open
from domain.unit_of_work import UnitOfWork

OPERATOR = "operator"


@dataclass(frozen=True, slots=True)
class RecordOrganisation:
    """A directory entry, made or changed."""

    code: str
    name: dict[str, str]
    type: OrganisationType
    country: str
    nrm_roles: tuple[NrmRole, ...] = ()
    services: tuple[Service, ...] = ()
    languages: tuple[str, ...] = ()
    region: str | None = None
    status: OrganisationStatus = OrganisationStatus.ACTIVE


async def record_organisation(command: RecordOrganisation, work: UnitOfWork) -> Organisation:
    """Make or change a directory entry."""
    found = await work.one(Organisation, code=command.code)
    values = {
        "name": dict(command.name),
        "type": command.type,
        "country": command.country,
        "nrm_roles": sorted(command.nrm_roles),
        "services": sorted(command.services),
        "languages": sorted(command.languages),
        "region": command.region,
        "status": command.status,
    }
    if found is None:
        found = Organisation(
            id=work.ids.uuid(),
            code=command.code,
            name=dict(command.name),
            type=command.type,
            nrm_roles=[],
            country=command.country,
            services=[],
            languages=[],
            status=command.status,
            active_from=work.now,
        )
        work.add(found)
    for name, value in values.items():
        setattr(found, name, value)
    await work.flush()
    _recorded(work, found)
    if found.status not in OPEN:
        _look_at(work, found, work.now)
    return found


def _recorded(work: UnitOfWork, organisation: Organisation) -> None:
    work.audit_clock(
        AuditAction.ORGANISATION_RECORDED,
        stream_id=organisation.id,
        subject_id=organisation.id,
        rule=OPERATOR,
        status=organisation.status,
    )


def _look_at(work: UnitOfWork, organisation: Organisation, at: datetime) -> None:
    """Leave it to the worker to find somebody else for what an organisation leaves, or to give it back."""
    work.add(
        Deadline(
            id=work.ids.uuid(),
            subject_id=organisation.id,
            organisation_id=organisation.id,
            kind=DeadlineKind.ORGANISATION_CHANGED,
            rule=str(work.ids.uuid()),
            anchored_at=work.now,
            due_at=at,
        )
    )


async def _known(work: UnitOfWork, code: str, field: str = "organisation") -> Organisation:
    found = await work.one(Organisation, code=code)
    if found is None:
        raise InvalidInput(field=field, reason="unknown")
    return await work.lock(Organisation, found.id)


async def close_organisation(
    code: str, work: UnitOfWork, *, at: datetime | None = None, successor: str | None = None
) -> Organisation:
    """Close an organisation: its staff see nothing from that instant on, and the worker hands over what it leaves.

    Saying it again for an organisation that closed names a successor for what nobody took yet.

    Raises:
        InvalidInput: unknown; the instant has passed; or the successor is itself, of another country or not open.
    """
    organisation = await _known(work, code)
    instant = work.now if at is None else at
    if instant < work.now:
        raise InvalidInput(field="at", reason="has passed")
    if successor is not None:
        following = await _known(work, successor, "successor")
        same = following.id == organisation.id
        if same or following.country != organisation.country or not is_open(following, work.now):
            raise InvalidInput(field="successor", reason="not another open organisation of the country")
        organisation.successor_id = following.id
    organisation.active_until = min(organisation.active_until, instant)
    if organisation.active_until <= work.now:
        organisation.status = OrganisationStatus.CLOSED
    rows = await work.session.execute(
        select(Membership).where(
            col(Membership.organisation_id) == organisation.id, col(Membership.valid_until) > instant
        )
    )
    for membership in rows.scalars():
        membership.valid_until = instant
        work.audit_clock(
            AuditAction.MEMBERSHIP_RECORDED,
            stream_id=organisation.id,
            subject_id=membership.id,
            rule=OPERATOR,
            role=membership.role,
        )
    _recorded(work, organisation)
    _look_at(work, organisation, instant)
    await work.flush()
    return organisation


async def merge_organisation(code: str, into: str, work: UnitOfWork) -> Organisation:
    """Close an organisation now whose duties another one takes over: what it may do, the other may do too.

    Raises:
        InvalidInput: as for `close_organisation`.
    """
    organisation = await close_organisation(code, work, successor=into)
    following = await _known(work, into, "successor")
    for name in ("nrm_roles", "services", "languages"):
        setattr(following, name, sorted({*getattr(following, name), *getattr(organisation, name)}))
    _recorded(work, following)
    await work.flush()
    return organisation


async def suspend_organisation(code: str, work: UnitOfWork) -> Organisation:
    """Suspend an organisation: its staff see nothing, nothing new goes to it, its open work is escalated.

    Raises:
        InvalidInput: unknown, or not open.
    """
    organisation = await _known(work, code)
    if not is_open(organisation, work.now):
        raise InvalidInput(field="organisation", reason="not open")
    return await _set_status(work, organisation, OrganisationStatus.SUSPENDED)


async def reinstate_organisation(code: str, work: UnitOfWork) -> Organisation:
    """Let a suspended organisation work again; what nobody else was given meanwhile is its own again.

    Raises:
        InvalidInput: unknown, or not suspended.
    """
    organisation = await _known(work, code)
    if organisation.status != OrganisationStatus.SUSPENDED:
        raise InvalidInput(field="organisation", reason="not suspended")
    return await _set_status(work, organisation, OrganisationStatus.ACTIVE)


async def _set_status(work: UnitOfWork, organisation: Organisation, status: OrganisationStatus) -> Organisation:
    organisation.status = status
    _recorded(work, organisation)
    _look_at(work, organisation, work.now)
    await work.flush()
    return organisation


@dataclass(frozen=True, slots=True)
class RecordMembership:
    """A person of staff works for an organisation in a role."""

    subject: str
    organisation: str
    role: Role
    valid_from: datetime | None = None
    valid_until: datetime = FOREVER


async def record_membership(command: RecordMembership, work: UnitOfWork) -> Membership:
    """Record who works where; a running membership of the same kind gets the new end.

    Raises:
        InvalidInput: there is no such organisation.
    """
    organisation = await work.one(Organisation, code=command.organisation)
    if organisation is None:
        raise InvalidInput(field="organisation", reason="unknown")
    staff = await work.one(StaffMember, subject=command.subject)
    if staff is None:
        staff = StaffMember(id=work.ids.uuid(), subject=command.subject)
        work.add(staff)
        await work.flush()
    rows = await work.session.execute(
        select(Membership).where(
            col(Membership.staff_id) == staff.id,
            col(Membership.organisation_id) == organisation.id,
            col(Membership.role) == command.role,
            col(Membership.valid_until) > work.now,
        )
    )
    found = rows.scalar_one_or_none()
    if found is None:
        found = Membership(
            id=work.ids.uuid(),
            staff_id=staff.id,
            organisation_id=organisation.id,
            role=command.role,
            valid_from=command.valid_from or work.now,
            valid_until=command.valid_until,
        )
        work.add(found)
    else:
        found.valid_until = command.valid_until
    await work.flush()
    work.audit_clock(
        AuditAction.MEMBERSHIP_RECORDED,
        stream_id=organisation.id,
        subject_id=found.id,
        rule=OPERATOR,
        role=command.role,
    )
    return found
