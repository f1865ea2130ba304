"""What is stored of what goes on beside a case: a course of proceedings, of rehabilitation, or a stay."""

from datetime import date, datetime
from uuid import UUID

from sqlalchemy import Index, Text, text
from sqlmodel import Field, SQLModel

from domain.codes import CourseSubject
from domain.columns import Instant


class Course(SQLModel, table=True):
    """Something that goes on beside a case under a procedure of its own. Holds no word about the person.

    Proceedings and rehabilitation are led by whoever leads the case, so they follow its hand-over by themselves.

    Attributes:
        organisation_id: Who opened it: the shelter, of a stay; of the others only where they began.
        referral_id: The accepted referral that it stands on: for shelter, of a stay; for criminal proceedings, of
            proceedings, once there is one.
        sop_version: The version of the procedure that it keeps.
    """

    __tablename__ = "courses"
    __table_args__ = (
        Index("courses_once", "case_id", "subject", unique=True, postgresql_where=text("subject <> 'stay'")),
        Index("courses_stay_once", "referral_id", unique=True, postgresql_where=text("subject = 'stay'")),
        Index("courses_of_case", "case_id"),
    )

    id: UUID = Field(primary_key=True)
    reference: str = Field(unique=True, max_length=24)
    case_id: UUID = Field(foreign_key="cases.id")
    organisation_id: UUID = Field(foreign_key="organisations.id")
    referral_id: UUID | None = Field(default=None, foreign_key="referrals.id")
    country: str = Field(max_length=2)
    subject: CourseSubject = Field(sa_type=Text)
    sop: str = Field(max_length=60)
    sop_version: str = Field(max_length=20)
    opened_at: datetime = Field(sa_type=Instant)
    closed_at: datetime | None = Field(default=None, sa_type=Instant)
    version: int = 1


class CourseFact(SQLModel, table=True):
    """A fact of a course got a value. The newest speaks; none is ever changed.

    Attributes:
        step: The step that was done, or None for what happened outside the steps.
        on_day: The day that the value speaks of, such as that of a hearing; a value that time brings holds from then.
    """

    __tablename__ = "course_facts"
    __table_args__ = (Index("course_facts_of_course", "course_id", "recorded_at"),)

    id: UUID = Field(primary_key=True)
    course_id: UUID = Field(foreign_key="courses.id")
    case_id: UUID = Field(foreign_key="cases.id")
    fact: str = Field(max_length=80)
    value: str = Field(max_length=40)
    step: str | None = Field(default=None, max_length=60)
    on_day: date | None = None
    recorded_at: datetime = Field(sa_type=Instant)
    staff_id: UUID = Field(foreign_key="staff_members.id")
    organisation_id: UUID = Field(foreign_key="organisations.id")
