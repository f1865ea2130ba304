"""Proceedings are cut off from support, and authorities from rehabilitation and stays: held by the database itself."""

from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from typing import Any

import asyncpg
import pytest

from api.settings import DatabaseRole
from domain.codes import CourseSubject
from domain.courses.rules import from_case
from domain.workflow.facts import CRIMINAL_FACTS
from tests.attacks.intruder import CONTEXT, Intruder
from tests.journeys.courses import begun, done, sheltered
from tests.journeys.scenes import carried, consented, referred, supported
from tests.world import STAFF, World

Attack = Callable[..., None]
OF_COURSES = ("courses", "course_facts", "plan_versions", "commission_records", "follow_ups", "compensation_records")
APPEND_ONLY = ("course_facts", "plan_versions", "plan_episodes", "commission_records", "compensation_records")
SEEN = {
    "alpha": {"proceedings", "rehabilitation"},
    "north": {"stay"},
    "police": {"proceedings"},
    "beta": set(),
    "south": set(),
    "migration": set(),
    "hotline": set(),
    "focal": set(),
    "coordinator": set(),
    "monitor": set(),
}
"""Which courses of one case each member of staff reads: the police accepted its referral for criminal proceedings."""


@dataclass
class Beside:
    """A case with all three courses beside it."""

    case: str
    courses: dict[str, str]
    intruder: Intruder
    admin: asyncpg.Connection

    async def become(self, who: str) -> None:
        """Set the context of a member of staff."""
        subject, organisation, role = STAFF[who]
        row = await self.admin.fetchrow(
            "SELECT o.id AS organisation, s.id AS staff, o.country FROM organisations o, staff_members s "
            "WHERE o.code = $1 AND s.subject = $2",
            organisation,
            subject,
        )
        assert row is not None
        await self.intruder.connection.execute(
            CONTEXT, str(row["organisation"]), str(row["staff"]), role, row["country"]
        )


@pytest.fixture
async def beside(world: World, admin: asyncpg.Connection) -> AsyncIterator[Beside]:
    case, _ = await supported(world)
    courses = {"proceedings": await begun(world, case, "proceedings")}
    courses["rehabilitation"] = await begun(world, case, "rehabilitation")
    await done(world, courses["rehabilitation"], "assess-needs")
    await sheltered(world, case)
    courses["stay"] = await begun(world, case, "stay", "north")
    await done(world, courses["stay"], "decide-admission", "north", fact="stay", value="staying")
    await consented(world, case, purposes=["criminal_proceedings"])
    await world.ask("alpha", "POST", f"/cases/{case}/cooperation", {"willing": "yes"})
    referral = await referred(world, case, "POLICE", "criminal_proceedings", "refer-to-law-enforcement")
    await carried(world, referral, "police", "receipt", "acceptance")
    await world.work_off()
    await done(world, courses["proceedings"], "explain-stage", "police")
    claim = {"stage": "claimed", "on_day": "2026-01-05", "amount": "100.00", "currency": "KGS"}
    await world.post("alpha", f"/courses/{courses['proceedings']}/compensation", claim, expect=201)
    connection = await asyncpg.connect(world.access.dsns[DatabaseRole.APPLICATION])
    yield Beside(case, courses, Intruder(connection), admin)
    await connection.close()


async def test_each_reads_the_courses_meant_for_them_and_no_other(world: World, beside: Beside, attack: Attack) -> None:
    tried = 0
    for who, subjects in SEEN.items():
        await beside.become(who)
        rows = await beside.intruder.connection.fetch("SELECT subject FROM courses")
        assert {row["subject"] for row in rows} == subjects, who
        told = await beside.intruder.connection.fetch(
            "SELECT DISTINCT c.subject FROM course_facts f LEFT JOIN courses c ON c.id = f.course_id"
        )
        assert {row["subject"] for row in told} <= subjects, who
        claims = await beside.intruder.connection.fetchval("SELECT count(*) FROM compensation_records")
        assert claims == (1 if who == "alpha" else 0), who
        for subject, course in beside.courses.items():
            tried += 1
            status = (await world.ask(who, "GET", f"/courses/{course}")).status_code
            assert status == 200 if subject in subjects else status in {403, 404}, (who, subject)
    attack("courses that are not theirs, by SQL and by the API", tried=tried, succeeded=0)


async def test_an_authority_sees_no_rehabilitation_and_no_stay_whatever_its_staff_are_called(
    world: World, beside: Beside
) -> None:
    await beside.admin.execute(
        "UPDATE organisations SET type = 'LawEnforcement' WHERE code IN ('NGO-ALPHA', 'SHELTER-NORTH')"
    )
    for who, subjects in (("alpha", {"proceedings"}), ("north", set())):
        await beside.become(who)
        rows = await beside.intruder.connection.fetch("SELECT subject FROM courses")
        assert {row["subject"] for row in rows} == subjects, who
    await world.get("alpha", f"/courses/{beside.courses['rehabilitation']}", expect=404)
    await world.get("north", f"/courses/{beside.courses['stay']}", expect=404)


async def test_a_stay_is_told_nothing_of_the_criminal_track_identification_or_origin(beside: Beside) -> None:
    stay = await beside.admin.fetchval("SELECT id FROM courses WHERE subject = 'stay'")
    await beside.become("north")
    told: str = await beside.intruder.connection.fetchval("SELECT nrm_known_in_stay($1)::text", stay)
    assert "assessments" in told
    for hidden in ("criminal", "cooperat", "citizen", "migration", "documents_held", "identification", "name"):
        assert hidden not in told, hidden
    for who in ("police", "south", "alpha", "migration", "coordinator"):
        await beside.become(who)
        assert await beside.intruder.connection.fetchval("SELECT nrm_known_in_stay($1)", stay) is None, who


def test_support_and_stays_take_no_fact_of_the_criminal_track_from_the_case() -> None:
    assert CRIMINAL_FACTS & from_case(CourseSubject.PROCEEDINGS)
    for subject in (CourseSubject.REHABILITATION, CourseSubject.STAY):
        assert not CRIMINAL_FACTS & from_case(subject)


async def test_what_was_recorded_of_a_course_cannot_be_changed_or_forged(beside: Beside, attack: Attack) -> None:
    ids = {row["subject"]: row["id"] for row in await beside.admin.fetch("SELECT subject, id FROM courses")}
    case = await beside.admin.fetchval("SELECT id FROM cases WHERE reference = $1", beside.case)
    changes: list[tuple[Any, ...]] = [
        (f"{verb} {table}{more}",)
        for table in APPEND_ONLY
        for verb, more in (("UPDATE", " SET case_id = case_id"), ("DELETE FROM", ""), ("TRUNCATE", ""))
    ]
    fact = (
        "INSERT INTO course_facts (id, course_id, case_id, fact, value, recorded_at, staff_id, organisation_id) "
        "VALUES (gen_random_uuid(), $1, $2, 'stage', 'trial', now(), nrm_staff(), nrm_organisation())"
    )
    decision = (
        "INSERT INTO commission_records (id, request_id, course_id, case_id, organisation_id, asked_by_id, services, "
        "outcome, recorded_at, staff_id) VALUES (gen_random_uuid(), gen_random_uuid(), $1, $2, nrm_organisation(), "
        "nrm_organisation(), '{}', 'declined', now(), nrm_staff())"
    )
    through = []
    for who, forged in (("police", "rehabilitation"), ("police", "stay"), ("north", "proceedings"), ("beta", "stay")):
        await beside.become(who)
        through += await beside.intruder.all_refused((fact, ids[forged], case), *changes)
    await beside.become("migration")
    through += await beside.intruder.all_refused((decision, ids["rehabilitation"], case))
    await beside.become("alpha")
    through += await beside.intruder.all_refused((decision, ids["rehabilitation"], case), *changes)
    assert through == []
    attack("changed and forged records of courses", tried=beside.intruder.tried, succeeded=beside.intruder.succeeded)


async def test_behind_a_wall_no_course_is_seen_or_told_of(world: World, beside: Beside, attack: Attack) -> None:
    await beside.become("north")
    assert await beside.intruder.connection.fetchval("SELECT count(*) FROM courses") == 1
    for code in ("SHELTER-NORTH", "POLICE"):
        await world.post("alpha", f"/cases/{beside.case}/walls", {"organisation": code}, expect=201)
    await beside.admin.execute(
        "INSERT INTO notifications (id, organisation_id, kind, reference, created_at) "
        "SELECT gen_random_uuid(), c.organisation_id, 'step_overdue', c.reference, now() FROM courses c"
    )
    for who in ("north", "police"):
        await beside.become(who)
        for table in OF_COURSES:
            assert await beside.intruder.is_refused(f"SELECT 1 FROM {table}"), (who, table)  # noqa: S608 - ours
        for course in beside.courses.values():
            await world.get(who, f"/courses/{course}", expect=404)
            assert course not in str(await world.get(who, "/notifications"))
    attack("courses behind a wall", tried=beside.intruder.tried, succeeded=beside.intruder.succeeded)
