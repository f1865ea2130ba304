"""Which courses who leads a case may read, by role: an authority conducts proceedings, and support is not its own."""

from datetime import timedelta
from itertools import product
from uuid import UUID

import pytest

from auth.authorisation import allowing
from auth.roles import Permission, may
from domain.cases.models import CaseAccess, Relation
from domain.codes import CourseSubject, Role
from domain.courses.models import Course
from domain.permits import Actor
from tests.auth.countries import CASES, NOW, ORGANISATIONS, STAFF

READ = {
    (Role.NGO_CASEWORKER, CourseSubject.PROCEEDINGS),
    (Role.NGO_CASEWORKER, CourseSubject.REHABILITATION),
    (Role.POLICE_OFFICER, CourseSubject.PROCEEDINGS),
}


@pytest.mark.parametrize(("role", "subject"), list(product(Role, CourseSubject)))
def test_who_leads_a_case_reads_the_courses_of_their_calling_alone(role: Role, subject: CourseSubject) -> None:
    leader, shelter = ORGANISATIONS[:2]
    grant = CaseAccess(
        id=UUID(int=1),
        case_id=CASES[0],
        organisation_id=leader,
        relation=Relation.OWNER,
        holder_id=CASES[0],
        compartments=[],
        valid_from=NOW - timedelta(days=1),
        valid_until=NOW + timedelta(days=1),
    )
    course = Course(
        id=UUID(int=2),
        reference="K-1",
        case_id=CASES[0],
        country="KG",
        organisation_id=shelter,
        subject=subject,
        sop="x",
        sop_version="1.0.0",
        opened_at=NOW,
    )
    actor = Actor(STAFF[0], leader, "X", role, "KG", NOW)
    read = may(role, Permission.COURSE_READ) and allowing(Permission.COURSE_READ, actor, course, [grant]) is not None
    assert read is ((role, subject) in READ)
