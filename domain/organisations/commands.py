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
from domain.errors import InvalidInput
from domain.organisations.models import Membership, Organisation, StaffMember
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
    work.audit_clock(
        AuditAction.ORGANISATION_RECORDED,
        stream_id=found.id,
        subject_id=found.id,
        rule=OPERATOR,
        status=command.status,
    )
    return found


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
