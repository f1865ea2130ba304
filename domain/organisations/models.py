"""What is stored of organisations, their staff and who works where."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import Index, Text, UniqueConstraint
from sqlmodel import Field, SQLModel

from domain.codes import OrganisationStatus, OrganisationType, Role
from domain.columns import FOREVER, Codes, Document, Instant


class Organisation(SQLModel, table=True):
    """A state body, NGO, shelter or hotline in the directory. Shelters' addresses are not kept here."""

    __tablename__ = "organisations"

    id: UUID = Field(primary_key=True)
    code: str = Field(unique=True, max_length=40)
    name: dict[str, str] = Field(sa_type=Document)
    type: OrganisationType = Field(sa_type=Text)
    nrm_roles: list[str] = Field(sa_type=Codes)
    country: str = Field(max_length=2)
    region: str | None = Field(default=None, max_length=40)
    services: list[str] = Field(sa_type=Codes)
    languages: list[str] = Field(sa_type=Codes)
    status: OrganisationStatus = Field(sa_type=Text)
    active_from: datetime = Field(sa_type=Instant)
    active_until: datetime = Field(default=FOREVER, sa_type=Instant)
    successor_id: UUID | None = Field(default=None, foreign_key="organisations.id")


class StaffMember(SQLModel, table=True):
    """A person of staff, known only by the pseudonymous subject of their tokens."""

    __tablename__ = "staff_members"

    id: UUID = Field(primary_key=True)
    subject: str = Field(unique=True, max_length=80)


class Membership(SQLModel, table=True):
    """A person of staff works for an organisation in a role, from and until."""

    __tablename__ = "memberships"
    __table_args__ = (
        UniqueConstraint("staff_id", "organisation_id", "role", "valid_from"),
        Index("memberships_organisation", "organisation_id"),
    )

    id: UUID = Field(primary_key=True)
    staff_id: UUID = Field(foreign_key="staff_members.id")
    organisation_id: UUID = Field(foreign_key="organisations.id")
    role: Role = Field(sa_type=Text)
    valid_from: datetime = Field(sa_type=Instant)
    valid_until: datetime = Field(default=FOREVER, sa_type=Instant)
