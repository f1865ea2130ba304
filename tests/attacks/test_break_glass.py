"""Emergency access: one compartment of one case, one hour, one member of staff; told, reviewed, and no way to guess."""

from collections.abc import Callable
from datetime import timedelta
from itertools import product
from typing import Any

import asyncpg
import httpx

from api.settings import DatabaseRole
from tests.attacks.asked import VARYING
from tests.attacks.gathering import gathered
from tests.attacks.intruder import CONTEXT, REFUSED
from tests.world import STAFF, World

Attack = Callable[..., None]
PERSON = {
    "identity": {"given_name": "Glasnara"},
    "location": {"address": "Glass street 7"},
    "narrative": {"account": "told through glass"},
}
ABSENT = "C-0000-0000-0000-0000"
HOUR = timedelta(hours=1)


async def opened(world: World) -> str:
    """Open a case of NGO Alpha; return its reference."""
    case = await world.post("alpha", "/cases", {"entry_channel": "ngo", "compartments": PERSON})
    reference: str = case["reference"]
    return reference


def asking(case: str, compartment: str = "location") -> dict[str, Any]:
    """Return what somebody says who breaks the glass."""
    account = "He said he would go to her flat tonight."
    return {"case": case, "compartment": compartment, "reason": "immediate_violence", "account": account}


async def broken(world: World, who: str, case: str, compartment: str = "location") -> str:
    """Break the glass; return the id of the access."""
    glass = await world.post(who, "/break-glass", asking(case, compartment), expect=201)
    found: str = glass["id"]
    return found


async def told(world: World, who: str) -> list[tuple[str, str]]:
    """Return what an organisation was told of: kind and reference."""
    return [(one["kind"], one["reference"]) for one in (await world.get(who, "/notifications"))["items"]]


async def test_one_compartment_opens_for_one_member_of_staff_for_an_hour(world: World, attack: Attack) -> None:
    case = await opened(world)
    glass = await broken(world, "police", case)
    path = f"/break-glass/{glass}/person"
    assert (await world.get("police", path)) == {"compartment": "location", "fields": PERSON["location"]}
    attempts = [
        *[("police", f"/cases/{case}/person/{one}", 404) for one in ("location", "identity", "narrative")],
        ("police", f"/cases/{case}", 404),
        ("migration", path, 403),
        ("beta", path, 404),
        ("alpha", path, 404),
        ("monitor", path, 403),
    ]
    refused = [(await world.ask(who, "GET", place)).status_code for who, place, _ in attempts]
    assert refused == [status for _, _, status in attempts]
    assert case not in (await world.ask("police", "GET", "/cases")).text
    late = (await world.later(HOUR).ask("police", "GET", path)).status_code
    assert late == 403
    attack("break-glass: more than one compartment, one person, one hour", tried=len(attempts) + 1, succeeded=0)


async def test_who_leads_the_case_and_the_independent_body_are_told_in_the_same_commit(
    world: World, admin: asyncpg.Connection
) -> None:
    case = await opened(world)
    glass = await broken(world, "police", case)
    assert ("glass_broken", case) in await told(world, "alpha")
    assert [await told(world, who) for who in ("monitor", "coordinator")] == [[("glass_broken", glass)]] * 2
    transactions = await admin.fetchval(
        "SELECT count(DISTINCT t) FROM (SELECT xmin::text AS t FROM break_glasses UNION ALL "
        "SELECT xmin::text FROM notifications UNION ALL "
        "SELECT xmin::text FROM case_access WHERE relation = 'break_glass' UNION ALL "
        "SELECT xmin::text FROM audit_entries WHERE action = 'glass.broken') AS written"
    )
    assert transactions == 1
    rule = "SELECT rule FROM audit_entries WHERE action = 'compartment.revealed'"
    await world.get("police", f"/break-glass/{glass}/person")
    assert await admin.fetchval(rule) == "break-glass"
    streams = "SELECT count(*) FROM audit_entries a JOIN cases c ON c.id = a.stream_id WHERE a.action = 'glass.broken'"
    assert await admin.fetchval(streams) == 1


async def test_the_account_is_sealed_and_read_by_the_independent_body_alone(
    world: World, admin: asyncpg.Connection
) -> None:
    glass = await broken(world, "police", await opened(world))
    assert (await world.get("monitor", f"/break-glass/{glass}/account"))["account"].startswith("He said")
    for who, status in (("police", 403), ("alpha", 403), ("coordinator", 403)):
        await world.get(who, f"/break-glass/{glass}/account", status)
    plain = "SELECT count(*) FROM sealed_values WHERE position('tonight'::bytea in sealed) > 0"
    assert await admin.fetchval(plain) == 0


def shown(response: httpx.Response) -> tuple[int, dict[str, Any], list[tuple[str, str]]]:
    """Return what an asker sees of an answer, without what is random or the asker's own words."""
    own = {"id", "case", "broken_at", "valid_until", "review_due_at"}
    body = {key: value for key, value in response.json().items() if key not in own}
    changing = {*VARYING, "location"}
    return response.status_code, body, sorted(one for one in response.headers.items() if one[0] not in changing)


async def test_absent_and_walled_are_answered_recorded_and_reviewed_like_an_empty_case(
    world: World, admin: asyncpg.Connection, attack: Attack
) -> None:
    """The asker sees no difference; nor does whoever watches what is written in the asker's own organisation."""
    walled, empty = await opened(world), (await world.post("alpha", "/cases", {"entry_channel": "ngo"}))["reference"]
    await world.post("alpha", f"/cases/{walled}/walls", {"organisation": "POLICE"})
    answers, sights, written = [], [], []
    for case in (empty, walled, ABSENT):
        response = await world.ask("police", "POST", "/break-glass", asking(case))
        answers.append(shown(response))
        glass = response.json()["id"]
        sights.append((await world.ask("police", "GET", f"/break-glass/{glass}/person")).content)
        answers.append(shown(await world.ask("police", "GET", f"/break-glass/{glass}")))
        assert ("glass_broken", glass) in await told(world, "monitor")
        row = await admin.fetchrow(
            "SELECT (SELECT count(*) FROM audit_entries a JOIN organisations o ON o.id = a.stream_id "
            "WHERE o.code = 'POLICE' AND a.subject_id = $1::uuid), "
            "(SELECT count(*) FROM deadlines WHERE subject_id = $1)",
            glass,
        )
        written.append(tuple(row))
    assert len(set(map(str, answers))) == 2
    assert {status for status, _, _ in answers} == {200, 201}
    assert set(sights) == {b'{"compartment":"location","fields":{}}'}
    assert written == [(2, 1)] * 3
    grants = (
        "SELECT array_agg(c.reference::text) FROM case_access g JOIN cases c ON c.id = g.case_id WHERE relation = $1"
    )
    assert await admin.fetchval(grants, "break_glass") == [empty], "no grant is written through a wall"
    assert [one["case"] for one in (await world.get("police", "/break-glass"))["items"]] == [ABSENT, walled, empty]
    attack("break-glass: telling walled and absent cases from empty ones", tried=len(answers) + 3, succeeded=0)


async def test_a_wall_before_the_organisation_or_the_person_stops_what_was_opened_before(world: World) -> None:
    for wall in ({"organisation": "POLICE"}, {"staff": STAFF["police"][0]}):
        case = await opened(world)
        glass = await broken(world, "police", case)
        await world.post("alpha", f"/cases/{case}/walls", wall)
        assert (await world.get("police", f"/break-glass/{glass}/person"))["fields"] == {}


async def test_an_independent_body_behind_a_wall_hears_of_no_access_to_the_case(world: World, attack: Attack) -> None:
    case = await opened(world)
    await world.post("alpha", f"/cases/{case}/walls", {"organisation": "MONITORING"})
    glass = await broken(world, "police", case)
    places = ("/break-glass", "/notifications")
    heard = [glass in (await world.ask("monitor", "GET", place)).text for place in places]
    paths = [(f"/break-glass/{glass}{part}", None) for part in ("", "/account")]
    heard += [(await world.ask("monitor", "GET", path)).status_code != 404 for path, _ in paths]
    review = await world.ask("monitor", "POST", f"/break-glass/{glass}/review", {"outcome": "justified"})
    heard.append(review.status_code != 404)
    assert heard == [False] * 5
    attack("break-glass: an independent body behind the wall", tried=len(heard), succeeded=sum(heard))


async def test_nobody_breaks_the_glass_whom_the_data_do_not_name(world: World, attack: Attack) -> None:
    case = await opened(world)
    attempts = [("migration", "identity"), ("focal", "identity"), ("monitor", "identity"), ("police", "narrative")]
    attempts += [("police", "legal"), ("coordinator", "health"), ("hotline", "narrative")]
    for who, compartment in attempts:
        response = await world.ask(who, "POST", "/break-glass", asking(case, compartment))
        assert response.status_code == 403, (who, compartment)
    attack("break-glass: roles and compartments that are not named", tried=len(attempts), succeeded=0)


async def test_of_a_row_of_guesses_all_but_the_first_few_are_refused_and_all_are_in_the_audit(
    world: World, admin: asyncpg.Connection, attack: Attack
) -> None:
    world, ids = world.with_budgets(), world.runtime.ids
    real = await opened(world)
    guesses = [*(ids.reference("C") for _ in range(24)), real]
    answers = [await world.ask("police", "POST", "/break-glass", asking(case)) for case in guesses]
    statuses = [one.status_code for one in answers]
    assert statuses == [201] * 3 + [429] * 22
    assert all(0 < int(one.headers["retry-after"]) <= 86_400 for one in answers[3:])
    assert {one.json()["code"] for one in answers[3:]} == {"budget-exceeded"}
    entries = "SELECT count(*) FROM audit_entries WHERE action = 'glass.broken' OR rule = 'budget-exceeded'"
    assert await admin.fetchval(entries) == 25
    assert (await world.later(25 * HOUR).ask("police", "POST", "/break-glass", asking(real))).status_code == 201
    attack("break-glass: guesses beyond the budget", tried=22, succeeded=0)


async def test_many_at_once_are_counted_together(world: World, attack: Attack) -> None:
    """Also on several connections: the count is in the database, behind a lock of the organisation."""
    world = world.with_budgets()
    asked = [world.ask("police", "POST", "/break-glass", asking(ABSENT)) for _ in range(8)]
    statuses = sorted(one.status_code for one in await gathered(asked, at_once=8))
    assert statuses == [201] * 3 + [429] * 5
    attack("break-glass: a race for the budget", tried=8, succeeded=0)


async def test_unreviewed_the_right_is_gone_until_somebody_reviews(world: World, attack: Attack) -> None:
    case = await opened(world)
    glass = await broken(world, "police", case)
    late = world.later(73 * HOUR)
    before = (await late.ask("police", "POST", "/break-glass", asking(case))).status_code
    await late.work_off()
    after = (await late.ask("police", "POST", "/break-glass", asking(case))).status_code
    assert (before, after) == (403, 403), "the clock alone suspends, also while no worker runs"
    assert (await late.get("monitor", f"/break-glass/{glass}"))["suspended_at"] is not None
    for who in ("police", "monitor", "coordinator"):
        assert ("glass_unreviewed", glass) in await told(late, who)
    await late.post("monitor", f"/break-glass/{glass}/review", {"outcome": "justified"})
    assert (await late.ask("police", "POST", "/break-glass", asking(case))).status_code == 201
    attack("break-glass: without answering for the last time", tried=2, succeeded=0)


async def test_reviewed_in_time_nothing_is_suspended(world: World) -> None:
    case = await opened(world)
    glass = await broken(world, "police", case)
    await world.post("monitor", f"/break-glass/{glass}/review", {"outcome": "justified"})
    assert ("glass_reviewed", glass) in await told(world, "police")
    late = world.later(73 * HOUR)
    await late.work_off()
    assert (await late.get("monitor", f"/break-glass/{glass}"))["suspended_at"] is None
    assert (await late.ask("police", "POST", "/break-glass", asking(case))).status_code == 201


async def test_unjustified_is_escalated_and_the_right_is_gone(world: World) -> None:
    case = await opened(world)
    glass = await broken(world, "police", case)
    await world.post("monitor", f"/break-glass/{glass}/review", {"outcome": "unjustified"})
    for who in ("police", "coordinator"):
        assert ("glass_reviewed", glass) in await told(world, who)
    assert (await world.ask("police", "POST", "/break-glass", asking(case))).status_code == 403
    assert (await world.ask("alpha", "POST", "/break-glass", asking(case))).status_code == 201
    again = await world.ask("monitor", "POST", f"/break-glass/{glass}/review", {"outcome": "justified"})
    assert again.status_code == 409


FORGED = (
    """INSERT INTO break_glasses (id, reference, country, organisation_id, staff_id, role, compartment, reason,
            broken_at, valid_until, review_due_at)
        SELECT gen_random_uuid(), 'C', 'KG', nrm_organisation(), nrm_staff(), 'x', 'x', 'x', now(), now(), now()""",
    """INSERT INTO case_access (id, case_id, holder_id, compartments, relation, organisation_id, staff_id, valid_from,
            valid_until)
        SELECT gen_random_uuid(), case_id, holder_id, compartments, relation, organisation_id, staff_id, now(),
            now() + interval '1 hour' FROM case_access WHERE relation = 'break_glass'""",
    "UPDATE case_access SET compartments = ARRAY['narrative'] WHERE relation = 'break_glass'",
    "UPDATE case_access SET valid_until = now() + interval '1 year' WHERE relation = 'break_glass'",
    """UPDATE break_glasses SET outcome = 'justified', reviewed_at = now(), reviewer_id = nrm_staff(),
            reviewer_organisation_id = nrm_organisation()""",
    "UPDATE break_glasses SET review_due_at = now() + interval '1 year'",
    "DELETE FROM break_glasses",
    """SELECT nrm_break_glass(
            'C', 'identity', 'x', gen_random_uuid(), gen_random_uuid(), now() + interval '9 days', now())""",
)


async def test_row_security_shows_what_the_grant_names_to_whom_it_is_for_and_nobody_else(
    world: World, admin: asyncpg.Connection, attack: Attack
) -> None:
    glass = await broken(world, "police", await opened(world))
    ids = await admin.fetchrow("SELECT organisation_id, staff_id FROM break_glasses WHERE id = $1::uuid", glass)
    colleague = await admin.fetchval("SELECT id FROM staff_members WHERE id <> $1 LIMIT 1", ids[1])
    seen = []
    connection = await asyncpg.connect(world.access.dsns[DatabaseRole.APPLICATION])
    try:
        for staff in (ids[1], colleague):
            await connection.execute(CONTEXT, str(ids[0]), str(staff), "police_officer", "KG")
            rows = await connection.fetch("SELECT compartment FROM sealed_values WHERE kind = 'compartment'")
            seen.append([row["compartment"] for row in rows])
    finally:
        await connection.close()
    assert seen == [["location"], []]
    attack("break-glass: row security for a colleague, and for other compartments", tried=2, succeeded=0)


async def test_no_sql_of_the_application_widens_or_reviews_an_access(
    world: World, admin: asyncpg.Connection, attack: Attack
) -> None:
    glass = await broken(world, "police", await opened(world))
    ids = await admin.fetchrow("SELECT organisation_id, staff_id FROM break_glasses WHERE id = $1::uuid", glass)
    connection = await asyncpg.connect(world.access.dsns[DatabaseRole.APPLICATION])
    through = []
    try:
        for statement, role in product(FORGED, ("police_officer", "monitoring_staff")):
            await connection.execute(CONTEXT, str(ids[0]), str(ids[1]), role, "KG")
            try:
                if not (await connection.execute(statement)).endswith(" 0"):
                    through.append(statement)
            except REFUSED:
                continue
    finally:
        await connection.close()
    assert through == []
    attack("break-glass: SQL of the application", tried=2 * len(FORGED), succeeded=0)
