"""Two cases of one person become one and two again: references resolve, nothing opens wider, nothing is lost."""

import asyncio
from typing import Any

import asyncpg
import pytest

from tests.journeys.alike import merge, merged, said, twice, warnings
from tests.world import World

TABLES = (
    "persons",
    "consents",
    "step_completions",
    "screenings",
    "referrals",
    "sealing_keys",
    "sealed_values",
)
BELONGS = {"sealing_keys": "holder_id", "sealed_values": "holder_id"}


async def kept(admin: asyncpg.Connection, reference: str) -> dict[str, Any]:
    """Return all that a case holds, its running grants and its walls, as far as time does not number it."""
    case = await admin.fetchval("SELECT id FROM cases WHERE reference = $1", reference)
    found: dict[str, Any] = {
        table: sorted(
            map(str, await admin.fetch(f"SELECT * FROM {table} WHERE {BELONGS.get(table, 'case_id')} = $1", case))  # noqa: S608
        )
        for table in TABLES
    }
    found["case"] = dict(await admin.fetchrow("SELECT * FROM cases WHERE id = $1", case)) | {"version": 0}
    found["grants"] = await admin.fetch(
        "SELECT organisation_id, relation, holder_id, compartments, valid_from, valid_until FROM case_access "
        "WHERE case_id = $1 AND valid_until > now() ORDER BY 1, 2",
        case,
    )
    found["walls"] = await admin.fetch(
        "SELECT organisation_id, staff_id FROM case_walls WHERE case_id = $1 ORDER BY 1, 2", case
    )
    found["steps"] = await admin.fetch(
        "SELECT rule, due_at, fired_at FROM deadlines WHERE case_id = $1 AND kind = 'step' AND settled_at IS NULL "
        "ORDER BY rule",
        case,
    )
    return found


async def test_two_owners_merge_and_both_references_resolve(world: World) -> None:
    survivor, other = await merged(world)
    shown = await world.get("alpha", f"/cases/{other}")
    assert (shown["merged_into"], shown["owner"], shown["relation"]) == (survivor, "NGO-ALPHA", "owner")
    assert (await world.get("alpha", f"/cases/{survivor}"))["merged_into"] is None
    identity = await world.get("alpha", f"/cases/{other}/person/identity")
    assert identity["fields"]["given_name"] == "Aygul"
    await world.get("beta", f"/cases/{other}", expect=404)


async def test_nobody_merges_without_the_decision_of_the_one_and_the_agreement_of_the_other(world: World) -> None:
    survivor, other = await twice(world, consent=True)
    await merge(world, "alpha", expect=409)
    await said(world, "alpha", "unknown")
    await merge(world, "alpha", expect=409)
    assert await warnings(world, "beta") == []
    await said(world, "alpha")
    await merge(world, "alpha")
    assert (await world.get("beta", f"/cases/{other}"))["merged_into"] is None
    (told,) = await warnings(world, "beta")
    assert (told["case"], told["merge_wanted"], told["found_on"]) == (other, True, None)
    await said(world, "alpha", "another_person")
    assert await warnings(world, "beta") == [], "the decision was taken back before the other agreed"
    assert (await world.get("alpha", f"/cases/{survivor}"))["merged_into"] is None


async def test_the_other_side_hears_of_a_wish_to_merge_only_under_consent(world: World) -> None:
    await twice(world)
    await said(world, "alpha")
    await merge(world, "alpha")
    assert await warnings(world, "beta") == []


async def test_what_the_person_did_not_agree_to_hand_over_stays_closed(world: World) -> None:
    first, second = await recorded_with_and_without(world)
    await said(world, "alpha")
    await merge(world, "alpha")
    await merge(world, "beta")
    assert (await world.get("alpha", f"/cases/{second}"))["merged_into"] == first
    refused = await world.ask("alpha", "GET", f"/cases/{second}/person/identity")
    assert refused.status_code == 403


async def recorded_with_and_without(world: World) -> tuple[str, str]:
    """Let one person be recorded with a consent to everything, and without any."""
    first, second = await twice(world)
    consent = {"purposes": ["support"], "recipients": ["organisation:NGO-BETA"], "compartments": ["identity"]}
    await world.post("alpha", f"/cases/{first}/steps/inform-of-rights/completion")
    body = {"decision": "given", "giver": "self", "obtained": "oral", "language": "ky", **consent}
    await world.post("alpha", f"/cases/{first}/consents", body)
    return first, second


async def test_one_leader_of_both_merges_alone_and_lists_and_counts_one_person(world: World) -> None:
    before = (await world.get("coordinator", "/caseload/funnel"))["stages"]
    survivor, other = await twice(world, "alpha", "alpha2")
    await said(world, "alpha")
    await merge(world, "alpha")
    listed = [one["reference"] for one in (await world.get("alpha", "/cases"))["items"]]
    assert survivor in listed
    assert other not in listed
    after = (await world.get("coordinator", "/caseload/funnel"))["stages"]

    def persons(stages: list[dict[str, Any]]) -> list[int]:
        return [
            one["count"]
            for one in stages
            if one["stage"] in {"cases", "persons"} and one["population"] == "victims_of_trafficking"
        ]

    assert [late - early for early, late in zip(persons(before), persons(after), strict=True)] == [1, 1]


async def test_a_merged_case_is_read_and_not_changed(world: World) -> None:
    _, other = await merged(world)
    version = await world.version("alpha", f"/cases/{other}")
    changes = [
        ("POST", "walls", {"organisation": "POLICE"}, None),
        ("POST", "assessments", {"danger": "low", "needs": ["medical"]}, None),
        ("PATCH", "person", {"sex": "female"}, version),
        ("PUT", "person/location", {"fields": {"district": "x"}}, version),
    ]
    for method, path, body, at in changes:
        answer = await world.ask("alpha", method, f"/cases/{other}/{path}", body, version=at)
        assert (answer.status_code, answer.json().get("current")) == (409, "merged"), path


async def test_a_merge_waits_until_nothing_is_under_way_in_the_case_that_ends(world: World) -> None:
    _, other = await twice(world, "alpha", "alpha2")
    episode = await world.post("alpha", f"/cases/{other}/service-episodes", {"service": "psychosocial"})
    await said(world, "alpha")
    await merge(world, "alpha", expect=409)
    end = f"/service-episodes/{episode['id']}/end"
    await world.post("alpha", end, {"outcome": "full"}, version=episode["version"])
    await merge(world, "alpha")


async def test_walls_stand_before_both_cases_and_one_raised_later_too(world: World, admin: asyncpg.Connection) -> None:
    survivor, other = await twice(world, consent=True)
    await world.post("beta", f"/cases/{other}/walls", {"organisation": "POLICE"})
    before = [(await kept(admin, one))["walls"] for one in (survivor, other)]
    await said(world, "alpha")
    await merge(world, "alpha")
    await merge(world, "beta")
    walls = [(await kept(admin, one))["walls"] for one in (survivor, other)]
    assert walls[0] == walls[1] == before[1]
    await world.post("alpha", f"/cases/{survivor}/walls", {"staff": "second-caseworker-alpha"})
    for reference in (survivor, other):
        await world.get("alpha2", f"/cases/{reference}", expect=404)
    await world.post("alpha", f"/cases/{other}/separation", {})
    walls = [(await kept(admin, one))["walls"] for one in (survivor, other)]
    assert (len(walls[0]), len(walls[1])) == (1, 2), "what was copied goes, what was raised meanwhile stays before both"


async def test_undoing_gives_back_both_cases_exactly(world: World, admin: asyncpg.Connection) -> None:
    survivor, other = await twice(world, consent=True)
    before = await kept(admin, survivor), await kept(admin, other)
    await said(world, "alpha")
    await merge(world, "alpha")
    await merge(world, "beta")
    assert await kept(admin, other) != before[1]
    await world.post("alpha", f"/cases/{other}/separation", {}, expect=204)
    await world.work_off()
    assert (await kept(admin, survivor), await kept(admin, other)) == before
    await world.get("alpha", f"/cases/{other}", expect=404)
    assert (await world.get("beta", f"/cases/{other}/person/identity"))["fields"]["given_name"] == "Aygul"
    await world.post("alpha", f"/cases/{survivor}/separation", {}, expect=409)


async def test_what_was_learned_meanwhile_stays_with_the_survivor_or_goes_along_by_choice(world: World) -> None:
    survivor, other = await merged(world)
    version = await world.version("alpha", f"/cases/{survivor}")
    learned = {"fields": {"phone": "+996 555 000111"}}
    await world.ask("alpha", "PUT", f"/cases/{survivor}/person/contact", learned, version=version)
    await world.post("alpha", f"/cases/{survivor}/assessments", {"danger": "low", "needs": ["medical"]})
    await world.post("alpha", f"/cases/{other}/separation", {"keep": ["contact"]})
    assert (await world.get("beta", f"/cases/{other}/person/contact"))["fields"] == learned["fields"]
    assert (await world.get("beta", f"/cases/{other}/assessments")) == []
    assert len(await world.get("alpha", f"/cases/{survivor}/assessments")) == 1


async def test_of_many_merges_at_once_one_is_made(world: World, admin: asyncpg.Connection) -> None:
    await twice(world, "alpha", "alpha2")
    warning = await said(world, "alpha")
    path = f"/cases/{warning['case']}/duplicates/{warning['id']}/merge"
    answers = await asyncio.gather(*(world.ask(who, "POST", path) for who in ("alpha", "alpha2") * 3))
    assert min(answer.status_code for answer in answers) == 204
    assert {answer.status_code for answer in answers[1:]} <= {204, 404, 409}
    assert sum(answer.status_code == 204 for answer in answers) == 1
    assert await admin.fetchval("SELECT count(*) FROM case_merges") == 1


async def test_a_merge_and_its_undoing_are_audited_with_both_cases(world: World, admin: asyncpg.Connection) -> None:
    survivor, other = await merged(world)
    await world.post("alpha", f"/cases/{other}/separation", {})
    for reference in (survivor, other):
        actions = await admin.fetch(
            "SELECT action FROM audit_entries WHERE stream_id = (SELECT id FROM cases WHERE reference = $1) "
            "AND action LIKE 'cases.%' ORDER BY sequence",
            reference,
        )
        assert [row["action"] for row in actions] == ["cases.merged", "cases.separated"]


async def test_the_history_of_merges_only_grows(world: World, admin: asyncpg.Connection) -> None:
    await merged(world)
    for statement in ("UPDATE case_merges SET merged_at = now()", "DELETE FROM case_merges"):
        with pytest.raises(asyncpg.PostgresError):
            await admin.execute(statement)
