"""What is stored of social rehabilitation: plans in versions, what the commission said, follow-ups."""

from datetime import date, datetime
from uuid import UUID

from sqlalchemy import Index, Text, UniqueConstraint, text
from sqlmodel import Field, SQLModel

from domain.codes import CommissionOutcome, ConsentGiver, Known, PlanStatus
from domain.columns import Codes, Document, Instant


class PlanVersion(SQLModel, table=True):
    """One version of the individual plan: the newest speaks, none is ever changed.

    Attributes:
        services: What is planned: `{"service": …, "planned_on": day or None}` each.
        review_on: The day on which it is looked at again with the person.
        agreed_by: Who agreed: the person, or for a child the guardian too.
        reviewed: Whether this version came out of a review.
    """

    __tablename__ = "plan_versions"
    __table_args__ = (UniqueConstraint("course_id", "number"),)

    id: UUID = Field(primary_key=True)
    course_id: UUID = Field(foreign_key="courses.id")
    case_id: UUID = Field(foreign_key="cases.id")
    number: int
    status: PlanStatus = Field(sa_type=Text)
    services: list[dict[str, str | None]] = Field(sa_type=Document)
    review_on: date | None = None
    agreed_by: ConsentGiver | None = Field(default=None, sa_type=Text)
    reviewed: bool = False
    recorded_at: datetime = Field(sa_type=Instant)
    staff_id: UUID = Field(foreign_key="staff_members.id")
    organisation_id: UUID = Field(foreign_key="organisations.id")


class PlanEpisode(SQLModel, table=True):
    """A service of the plan that was actually given."""

    __tablename__ = "plan_episodes"
    __table_args__ = (Index("plan_episodes_of_course", "course_id"),)

    id: UUID = Field(primary_key=True)
    course_id: UUID = Field(foreign_key="courses.id")
    case_id: UUID = Field(foreign_key="cases.id")
    episode_id: UUID = Field(foreign_key="service_episodes.id", unique=True)
    recorded_at: datetime = Field(sa_type=Instant)
    staff_id: UUID = Field(foreign_key="staff_members.id")
    organisation_id: UUID = Field(foreign_key="organisations.id")


class CommissionRecord(SQLModel, table=True):
    """A plan was put to the special commission, or the commission answered. It sees this row and nothing else.

    Attributes:
        request_id: The row that asked; its own id for that row itself.
        organisation_id: The organisation that the commission belongs to.
        asked_by_id: The organisation that asked.
        services: The services of the plan, in codes: all that the commission is told.
        decided_on: The day of the decision.
    """

    __tablename__ = "commission_records"
    __table_args__ = (
        Index("commission_records_of_course", "course_id"),
        Index("commission_records_of_organisation", "organisation_id", text("recorded_at DESC"), "id"),
        Index("commission_decides_once", "request_id", unique=True, postgresql_where=text("outcome <> 'asked'")),
    )

    id: UUID = Field(primary_key=True)
    request_id: UUID
    course_id: UUID = Field(foreign_key="courses.id")
    case_id: UUID = Field(foreign_key="cases.id")
    organisation_id: UUID = Field(foreign_key="organisations.id")
    asked_by_id: UUID = Field(foreign_key="organisations.id")
    services: list[str] = Field(sa_type=Codes)
    outcome: CommissionOutcome = Field(sa_type=Text)
    decided_on: date | None = None
    recorded_at: datetime = Field(sa_type=Instant)
    staff_id: UUID = Field(foreign_key="staff_members.id")


class FollowUp(SQLModel, table=True):
    """A day on which the person is asked how they are, and what they answered. Every answer may be a not knowing.

    Attributes:
        due_on: The planned day.
        asked_on: The actual day; empty until then.
        reached: Whether the person could be reached; empty until it was tried.
        would_refer: Whether they would send others to us.
    """

    __tablename__ = "follow_ups"
    __table_args__ = (UniqueConstraint("course_id", "due_on"),)

    id: UUID = Field(primary_key=True)
    course_id: UUID = Field(foreign_key="courses.id")
    case_id: UUID = Field(foreign_key="cases.id")
    due_on: date
    planned_at: datetime = Field(sa_type=Instant)
    asked_on: date | None = None
    reached: bool | None = None
    work: str = Field(default=Known.NOT_ASKED, sa_type=Text)
    income: str = Field(default=Known.NOT_ASKED, sa_type=Text)
    living_standard: str = Field(default=Known.NOT_ASKED, sa_type=Text)
    would_refer: Known = Field(default=Known.NOT_ASKED, sa_type=Text)
    recorded_at: datetime | None = Field(default=None, sa_type=Instant)
    staff_id: UUID = Field(foreign_key="staff_members.id")
    organisation_id: UUID = Field(foreign_key="organisations.id")
