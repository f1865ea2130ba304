"""What can be asked about courses. Row-level security hides what the transaction's organisation may not see."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeVar
from uuid import UUID

from sqlalchemy import func, select
from sqlmodel import SQLModel, col

from domain.cases.models import Case
from domain.cases.queries import record_of
from domain.cases.rules import CaseRecord, Facts
from domain.cases.rules import facts as facts_of_case
from domain.codes import CourseSubject
from domain.consents.models import Consent
from domain.courses.models import Course, CourseFact
from domain.courses.rules import LED_WITH_CASE, CourseFacts, CourseRecord, Placed, facts, stands_alone
from domain.persons.models import Person
from domain.places.queries import admitted_placement
from domain.referrals.models import Referral
from domain.rehabilitation.models import CommissionRecord, FollowUp, PlanVersion
from domain.screenings.models import Assessment
from domain.services.models import ServiceEpisode
from domain.unit_of_work import UnitOfWork
from domain.workflow.calendar import Calendar
from domain.workflow.engine import Snapshot
from domain.workflow.sop import Sop, Step

Row = TypeVar("Row", bound=SQLModel)

PROCEDURES: Mapping[str, Mapping[CourseSubject, str]] = {
    "KG": {
        CourseSubject.PROCEEDINGS: "kg-law-enforcement-proceedings",
        CourseSubject.REHABILITATION: "kg-social-rehabilitation",
        CourseSubject.STAY: "kg-shelter-stay",
    }
}
"""Which procedure a course of a country follows."""


@dataclass(frozen=True, slots=True)
class CourseSituation:
    """Where a course stands now.

    Attributes:
        whole: Whether the facts of the case are among the facts; if not, only steps that look at none may be taken.
    """

    course: Course
    record: CourseRecord
    sop: Sop
    facts: CourseFacts
    calendar: Calendar
    whole: bool

    @property
    def snapshot(self) -> Snapshot:
        """What the engine needs to know."""
        return Snapshot(self.facts.values, self.facts.since)

    @property
    def steps(self) -> tuple[Step, ...]:
        """The steps that can be decided on by what is known here."""
        return tuple(step for step in self.sop.steps if self.whole or stands_alone(self.sop, step))


async def courses_of(work: UnitOfWork, case_id: UUID) -> list[Course]:
    """Return the courses of a case, as far as the caller may know them, oldest first."""
    rows = await work.session.execute(
        select(Course).where(col(Course.case_id) == case_id).order_by(col(Course.opened_at), col(Course.id))
    )
    return list(rows.scalars())


async def record_of_course(work: UnitOfWork, course: Course) -> CourseRecord:
    """Load everything that a course has recorded."""
    told = await all_of_course(work, CourseFact, course.id, CourseFact.recorded_at)
    if course.subject != CourseSubject.REHABILITATION:
        return CourseRecord(course, told, placed=await _placed(work, course))
    return CourseRecord(
        course,
        told,
        await all_of_course(work, PlanVersion, course.id, PlanVersion.number),
        await all_of_course(work, CommissionRecord, course.id, CommissionRecord.recorded_at),
        await all_of_course(work, FollowUp, course.id, FollowUp.due_on),
    )


async def all_of_course(work: UnitOfWork, model: type[Row], course_id: UUID, order: Any) -> list[Row]:
    """Return the rows of a course in an order."""
    columns: Any = model
    rows = await work.session.execute(select(model).where(columns.course_id == course_id).order_by(order, columns.id))
    return list(rows.scalars())


async def _placed(work: UnitOfWork, course: Course) -> list[Placed]:
    """Return what the placement of a stay tells: when the person came, and when they left."""
    if course.subject != CourseSubject.STAY or course.referral_id is None:
        return []
    placement = await admitted_placement(work, course.referral_id)
    if placement is None or placement.admitted_at is None:
        return []
    came = Placed("stay", "staying", placement.admitted_at)
    return [came] if placement.ended_at is None else [came, Placed("stay", "left", placement.ended_at)]


async def situation_of(work: UnitOfWork, course: Course, *, leads: bool) -> CourseSituation:
    """Return where a course stands now.

    Args:
        work: The unit of work.
        course: The course.
        leads: Whether the caller leads the case (or is the clock). A shelter leads its stay and no case: what its
            procedure needs to know of the case is told to it by the database, and nothing else.
    """
    record = await record_of_course(work, course)
    of_case: Facts | None = None
    if course.subject == CourseSubject.STAY:
        of_case = facts_of_case(await _known_in_stay(work, course), work.now)
    elif leads:
        case = await work.get(Case, course.case_id)
        of_case = facts_of_case(await record_of(work.session, case), work.now)
    country = course.country
    calendar = work.catalogue.calendar(country)
    found = facts(record, of_case, calendar, work.now)
    sop = work.catalogue.sop(course.sop, course.sop_version)
    return CourseSituation(course, record, sop, found, calendar, of_case is not None)


def led_with_case(course: Course) -> bool:
    """Whether the course is led by whoever leads the case."""
    return course.subject in LED_WITH_CASE


async def _known_in_stay(work: UnitOfWork, course: Course) -> CaseRecord:
    """Return the part of the case's record that a stay looks at: codes and instants, nothing of the criminal track."""
    told: dict[str, Any] = (await work.session.execute(select(func.nrm_known_in_stay(course.id)))).scalar_one()
    case = Case(id=course.case_id, country=course.country, **_row(told["case"]))
    return CaseRecord(
        case,
        Person(case_id=case.id, citizenships=[], **_row(told["person"])),
        assessments=[Assessment(**_row(one)) for one in told["assessments"]],
        consents=[Consent(**_row(one)) for one in told["consents"]],
        referrals=[Referral(**_row(one)) for one in told["referrals"]],
        episodes=[ServiceEpisode(**_row(one)) for one in told["episodes"]],
    )


def _row(told: Mapping[str, Any]) -> dict[str, Any]:
    return {
        name: datetime.fromisoformat(value) if name.endswith("_at") and value is not None else value
        for name, value in told.items()
    }
