"""What is stored of requests of the person. What they said is sealed under the case's own keys."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import Index, Text
from sqlmodel import Field, SQLModel

from domain.codes import RefusalGround, Requester, SubjectRequestKind, SubjectRequestStatus
from domain.columns import Instant


class SubjectRequest(SQLModel, table=True):
    """The person, or somebody in their name, asks to see, correct, restrict or erase what is held about them.

    Attributes:
        due_at: By when it must be answered; the clock escalates it then.
        ground: Why it was refused; never without one.
    """

    __tablename__ = "subject_requests"
    __table_args__ = (Index("subject_requests_of_case", "case_id", "received_at"),)

    id: UUID = Field(primary_key=True)
    case_id: UUID = Field(foreign_key="cases.id")
    kind: SubjectRequestKind = Field(sa_type=Text)
    made_by: Requester = Field(sa_type=Text)
    status: SubjectRequestStatus = Field(sa_type=Text)
    received_at: datetime = Field(sa_type=Instant)
    due_at: datetime = Field(sa_type=Instant)
    answered_at: datetime | None = Field(default=None, sa_type=Instant)
    ground: RefusalGround | None = Field(default=None, sa_type=Text)
    staff_id: UUID = Field(foreign_key="staff_members.id")
    organisation_id: UUID = Field(foreign_key="organisations.id")
    version: int = 1
