"""Courses beside a case: what goes in, what comes out."""

from datetime import date
from typing import Annotated

from pydantic import AfterValidator, Field

from api.schemas.base import FIRST_YEAR, LAST_YEAR, Code, In, Instant, Labelled, Out
from api.schemas.cases import NextStepsOut
from domain.codes import CourseSubject


def _of_our_time(day: date) -> date:
    if not FIRST_YEAR <= day.year <= LAST_YEAR:
        raise ValueError("before or after everything that is recorded here")
    return day


Day = Annotated[date, AfterValidator(_of_our_time)]
FactName = Annotated[str, Field(pattern=r"^[a-z][a-z_]*$", max_length=60)]
FactValue = Annotated[str, Field(pattern=r"^[a-z][a-z_]*$", max_length=40)]


class CourseIn(In):
    """Open a course beside a case. A stay is opened by the shelter that accepted the referral for it."""

    subject: CourseSubject


class StepIn(In):
    """What a step recorded. What the step leaves no choice about may be left out."""

    fact: FactName | None = None
    value: FactValue | None = None
    on_day: Day | None = Field(default=None, description="The day that the value speaks of, such as of a hearing.")


class HappenedIn(In):
    """What happened outside the steps: a new stage, a hearing, a wish. A day to come announces what time will bring."""

    fact: FactName
    value: FactValue
    on_day: Day | None = None


class CourseFactOut(Out):
    """What one fact of the course says now, and since when."""

    fact: Labelled
    value: Labelled
    since: Instant | None


class CourseEventOut(Out):
    """A fact got a value: by a step, or because it happened."""

    fact: Code
    value: Code
    step: Code | None
    on_day: date | None
    recorded_at: Instant
    organisation: Code


class CourseSummary(Out):
    """A course in a list."""

    reference: str = Field(max_length=24)
    subject: CourseSubject
    sop: str = Field(max_length=60)
    sop_version: str = Field(max_length=20)
    opened_at: Instant
    closed_at: Instant | None


class CourseOut(CourseSummary):
    """A course with its own facts, its history, and its steps."""

    facts: list[CourseFactOut] = Field(max_length=40)
    history: list[CourseEventOut] = Field(max_length=500, description="The newest 500, oldest first.")
    steps: NextStepsOut
