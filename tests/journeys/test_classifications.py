"""Who calls it what: the person, agencies and the law kept apart with their history; migrants never among victims."""

from typing import Any

import asyncpg
import pytest

from domain.workflow.facts import CASE
from tests.journeys import scenes
from tests.world import World

MIGRANT = {"kind": "helped_as", "code": "vulnerable_migrant", "body": "ngo"}
VICTIM = {**MIGRANT, "code": "trafficking"}
FILED = {"kind": "legal_offence", "code": "illegal_migration", "body": "prosecution", "said_on": "2026-03"}


async def called(world: World, case: str, who: str = "alpha", **said: Any) -> Any:
    return await world.post(who, f"/cases/{case}/classifications", said)


async def test_three_views_stand_side_by_side_and_none_overwrites_another(shared_world: World) -> None:
    world = shared_world
    case = await scenes.opened(world)
    await called(world, case, kind="self_described", code="in_debt", body="person")
    await called(world, case, kind="agency_alleged", code="illegal_migration", body="migration_service")
    filed = await called(world, case, **FILED)
    await called(world, case, kind="self_described", code="exploited", body="person", said_on="2026")
    await called(world, case, **{**FILED, "code": "trafficking_in_persons", "corrects": filed["id"]})
    shown = await world.get("alpha", f"/cases/{case}/classifications")
    assert [(one["kind"], one["code"]) for one in shown] == [
        ("self_described", "in_debt"),
        ("agency_alleged", "illegal_migration"),
        ("legal_offence", "illegal_migration"),
        ("self_described", "exploited"),
        ("legal_offence", "trafficking_in_persons"),
    ]
    assert [one["said_on"] for one in shown] == ["not_asked", "not_asked", "2026-03", "2026", "2026-03"]
    assert [one["corrects_id"] for one in shown] == [None, None, None, None, filed["id"]]


@pytest.mark.parametrize(
    ("said", "field"),
    [
        ({"kind": "self_described", "code": "fraud", "body": "person"}, "code"),
        ({"kind": "self_described", "code": "migrant", "body": "police"}, "body"),
        ({"kind": "agency_alleged", "code": "fraud", "body": "person"}, "body"),
        ({"kind": "legal_offence", "code": "fraud", "body": "ngo"}, "body"),
        ({"kind": "helped_as", "code": "fraud", "body": "ngo"}, "code"),
        ({**FILED, "said_on": "2026-13"}, "said_on"),
        ({**FILED, "said_on": "2150"}, "said_on"),
    ],
)
async def test_only_who_can_say_it_says_it(shared_world: World, said: dict[str, Any], field: str) -> None:
    case = await scenes.opened(shared_world)
    refused = await shared_world.ask("alpha", "POST", f"/cases/{case}/classifications", said)
    assert (refused.status_code, refused.json()["field"]) == (422, field)


async def test_what_was_said_today_is_not_to_come_while_it_is_yesterday_in_utc(world: World) -> None:
    night = world.night()
    today = night.day()
    assert today > str(night.runtime.clock.present().date())
    case = await scenes.opened(night)
    await called(night, case, **{**FILED, "said_on": today})
    refused = await night.ask("alpha", "POST", f"/cases/{case}/classifications", {**FILED, "said_on": night.day(1)})
    assert (refused.status_code, refused.json()["field"]) == (422, "said_on")


async def test_reasons_are_sealed_and_opened_by_the_owner_alone(world: World, admin: asyncpg.Connection) -> None:
    case = await scenes.opened(world, "hotline", "hotline")
    path = f"/cases/{case}/classifications"
    reasons = {**FILED, "reasons": "the investigator said so"}
    assert (await world.ask("hotline", "POST", path, reasons)).status_code == 403
    await scenes.consented(world, case, "hotline")
    await scenes.taken_over(world, case)
    filed = await called(world, case, **reasons)
    assert await world.get("alpha", f"{path}/{filed['id']}/reasons") == {"reasons": "the investigator said so"}
    assert (await world.ask("hotline", "GET", f"{path}/{filed['id']}/reasons")).status_code == 404
    assert "investigator" not in str(await admin.fetch("SELECT t::text FROM classifications t"))
    actions = await admin.fetch("SELECT action, details::text FROM audit_entries WHERE details ->> 'kind' IS NOT NULL")
    assert {"classification.recorded", "compartment.revealed"} <= {row["action"] for row in actions}
    assert not [row for row in actions if "illegal_migration" in row["details"]]


async def test_what_the_law_calls_it_opens_and_closes_nothing(shared_world: World) -> None:
    world, found = shared_world, []
    for said in (None, {**FILED, "code": "none"}, FILED, {**FILED, "code": "administrative_offence"}):
        case, _ = await scenes.supported(world)
        if said is not None:
            await called(world, case, **said)
        shown = await world.get("alpha", f"/cases/{case}")
        axes = (shown["identification"], shown["case_work"], shown["support"], shown["victim_type"])
        found.append((axes, sorted(await scenes.open_now(world, case))))
    assert found == [found[0]] * 4
    assert not [fact.name for fact in CASE.facts if {"offence", "classification", "victim"} & set(fact.name.split("_"))]


async def test_being_helped_as_a_migrant_opens_the_same_steps(shared_world: World) -> None:
    world = shared_world
    first, second = await scenes.opened(world), await scenes.opened(world)
    await called(world, second, **MIGRANT)
    assert sorted(await scenes.open_now(world, first)) == sorted(await scenes.open_now(world, second))


async def test_a_change_of_what_somebody_is_helped_as_is_recorded_and_can_be_changed_back(
    world: World, admin: asyncpg.Connection
) -> None:
    case = await scenes.opened(world)
    before = await world.version("alpha", f"/cases/{case}")
    await called(world, case, **MIGRANT)
    assert (await world.get("alpha", f"/cases/{case}"))["victim_type"] == "vulnerable_migrant"
    again = await world.ask("alpha", "POST", f"/cases/{case}/classifications", MIGRANT)
    assert (again.status_code, again.json()["current"]) == (409, "vulnerable_migrant")
    await called(world, case, **VICTIM)
    assert (await world.get("alpha", f"/cases/{case}"))["victim_type"] == "trafficking"
    assert await world.version("alpha", f"/cases/{case}") == before + 2
    history = await world.get("alpha", f"/cases/{case}/classifications")
    assert [one["code"] for one in history] == ["vulnerable_migrant", "trafficking"]
    rows = await admin.fetch(
        "SELECT details ->> 'helped_as' AS code FROM audit_entries WHERE action = 'classification.recorded' "
        "ORDER BY sequence"
    )
    assert [row["code"] for row in rows] == ["vulnerable_migrant", "trafficking"]


async def test_an_identified_victim_does_not_become_a_migrant_without_a_decision(shared_world: World) -> None:
    world = shared_world
    case, _ = await scenes.supported(world)
    refused = await world.ask("alpha", "POST", f"/cases/{case}/classifications", MIGRANT)
    assert (refused.status_code, refused.json()["current"]) == (409, "identified")
    assert await world.get("alpha", f"/cases/{case}/classifications") == []


async def test_nobody_is_found_a_victim_while_being_counted_as_a_migrant(shared_world: World) -> None:
    world = shared_world
    case = await scenes.opened(world)
    await scenes.consented(world, case)
    await called(world, case, **MIGRANT)
    await world.post("alpha", f"/cases/{case}/screenings", {"hits": {}, "result": "indicated"})
    refused = await world.ask("alpha", "POST", f"/cases/{case}/decisions", scenes.VICTIM)
    assert (refused.status_code, refused.json()["current"]) == (409, "vulnerable_migrant")
    await called(world, case, **VICTIM)
    await world.post("alpha", f"/cases/{case}/decisions", scenes.VICTIM)
    assert (await world.get("alpha", f"/cases/{case}"))["identification"] == "identified"


async def test_the_funnel_counts_migrants_apart_and_says_whom_each_number_counts(
    world: World, admin: asyncpg.Connection
) -> None:
    await scenes.supported(world)
    taken_back, _ = await scenes.supported(world)  # found a victim once: what is counted is what they are helped as
    await admin.execute("UPDATE cases SET victim_type = 'vulnerable_migrant' WHERE reference = $1", taken_back)
    migrant = await scenes.opened(world)
    await scenes.consented(world, migrant)
    await called(world, migrant, **MIGRANT)
    body = {"step": "refer-for-urgent-care", "service": "psychosocial", "recipient": "NGO-BETA"}
    await world.post("alpha", f"/cases/{migrant}/referrals", body)
    funnel = await world.get("coordinator", "/caseload/funnel")
    counts = {(one["population"], one["stage"]): one["count"] for one in funnel["stages"]}
    victims, migrants = "victims_of_trafficking", "vulnerable_migrants"
    assert counts["all", "contacts"] == 0
    assert [counts[victims, stage] for stage in ("cases", "presumed_or_identified", "sent")] == [1, 1, 0]
    assert [counts[migrants, stage] for stage in ("cases", "sent")] == [2, 1]
    assert (migrants, "presumed_or_identified") not in counts


async def test_every_list_of_cases_says_as_what_each_person_is_helped(world: World) -> None:
    victim, migrant = await scenes.opened(world), await scenes.opened(world)
    await called(world, migrant, **MIGRANT)
    items = (await world.get("alpha", "/cases"))["items"]
    assert {one["reference"]: one["victim_type"] for one in items} == {
        victim: "trafficking",
        migrant: "vulnerable_migrant",
    }
