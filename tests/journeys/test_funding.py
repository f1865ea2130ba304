"""Costs exact to the last unit; awards asked without a word about the person, decided in time or escalated, paid."""

from datetime import timedelta
from typing import Any

import asyncpg
import pytest

from tests.journeys import scenes
from tests.world import World

ASKED = {
    "service": "medical",
    "amount": 1_500_001,
    "currency": "KGS",
    "ground": "state_declined",
    "decided_by": "COORDINATION",
}
COST = {"amount": 10, "currency": "USD", "funding_source": "donor"}


async def episode_of(world: World) -> tuple[str, str]:
    case, _ = await scenes.supported(world)
    episode = await world.post("alpha", f"/cases/{case}/service-episodes", {"service": "psychosocial"})
    return case, episode["id"]


async def asked(world: World, **changes: Any) -> tuple[str, Any]:
    case = await scenes.opened(world)
    return case, await world.post("alpha", f"/cases/{case}/awards", {**ASKED, **changes})


async def test_costs_are_summed_to_the_last_unit_and_never_across_currencies(shared_world: World) -> None:
    world = shared_world
    _, episode = await episode_of(world)
    path = f"/service-episodes/{episode}/costs"
    for amount in (10, 20, 9_007_199_254_741):
        await world.post("alpha", path, {**COST, "amount": amount})
    await world.post("alpha", path, {**COST, "funding_source": "state"})
    wrong = await world.post("alpha", path, {**COST, "currency": "KGS", "amount": 99})
    back = await world.post("alpha", f"{path}/{wrong['id']}/reversal")
    assert (back["amount"], back["reverses_id"]) == (-99, wrong["id"])
    shown = await world.get("alpha", path)
    assert {(one["currency"], one["funding_source"]): one["amount"] for one in shown["totals"]} == {
        ("KGS", "donor"): 0,
        ("USD", "donor"): 9_007_199_254_771,
        ("USD", "state"): 10,
    }
    assert len(shown["costs"]) == 6
    for cost in (wrong["id"], back["id"]):
        again = await world.ask("alpha", "POST", f"{path}/{cost}/reversal")
        assert (again.status_code, again.json()["code"]) == (409, "state-conflict")


@pytest.mark.parametrize("amount", [0, -1, 1.5, "10", 10**14 + 1])
async def test_an_amount_is_a_whole_number_above_nothing(shared_world: World, amount: object) -> None:
    _, episode = await episode_of(shared_world)
    refused = await shared_world.ask("alpha", "POST", f"/service-episodes/{episode}/costs", {**COST, "amount": amount})
    assert refused.status_code == 422


async def test_only_who_gives_the_service_records_its_cost_and_the_case_s_owner_reads_it(shared_world: World) -> None:
    world = shared_world
    case, _ = await scenes.supported(world)
    referral = await scenes.referred(world, case)
    await scenes.carried(world, referral, "north", "receipt", "acceptance", "service-start")
    (episode,) = await world.get("alpha", f"/cases/{case}/service-episodes")
    path = f"/service-episodes/{episode['id']}"
    await world.post("north", f"{path}/costs", COST)
    await world.post("north", f"{path}/terms", {"planned_start": "2026-12-01"})
    assert (await world.get("alpha", f"{path}/costs"))["totals"][0]["amount"] == 10
    assert [one["planned_start"] for one in await world.get("alpha", f"{path}/terms")] == ["2026-12-01"]
    assert (await world.ask("alpha", "POST", f"{path}/costs", COST)).status_code == 403
    for method, body in (("GET", None), ("POST", COST)):
        assert (await world.ask("beta", method, f"{path}/costs", body)).status_code == 404
    await world.post("alpha", f"/cases/{case}/walls", {"organisation": "SHELTER-NORTH"})
    assert (await world.ask("north", "GET", f"{path}/costs")).status_code == 404


async def test_plans_and_certificates_keep_their_history(shared_world: World) -> None:
    world = shared_world
    _, episode = await episode_of(world)
    path = f"/service-episodes/{episode}/terms"
    await world.post("alpha", path, {"planned_start": "2026-12-01", "planned_end": "2027-02-28"})
    await world.post("alpha", path, {"certificate": "yes", "certificate_issued_on": "2026-11-01"})
    shown = await world.get("alpha", path)
    assert [(one["planned_end"], one["certificate"]) for one in shown] == [("2027-02-28", "not_asked"), (None, "yes")]
    for wrong in (
        {"planned_start": "2026-12-01", "planned_end": "2026-11-30"},
        {"certificate": "no", "certificate_issued_on": "2026-11-01"},
        {"certificate": "yes", "certificate_issued_on": "2190-11-01"},
    ):
        assert (await world.ask("alpha", "POST", path, wrong)).status_code == 422


async def test_who_decides_learns_of_no_case_and_no_person(shared_world: World) -> None:
    world = shared_world
    case, award = await asked(world)
    shown = await world.get("coordinator", f"/awards/{award['id']}")
    assert set(shown) == {
        *("id", "asked_by", "decided_by", "service", "population", "ground", "currency", "amount_asked"),
        *("amount_granted", "status", "refusal", "asked_at", "due_at", "decided_at", "paid_at", "version"),
    }
    listed = await world.get("coordinator", "/awards")
    told = await world.get("coordinator", "/notifications")
    assert award["id"] in str(listed)
    assert award["id"] in str(told)
    assert case not in f"{shown} {listed} {told}"
    assert "Aizada" not in f"{shown} {listed} {told}"
    assert (await world.ask("coordinator", "GET", f"/cases/{case}/awards")).status_code == 403


async def test_an_award_is_asked_decided_and_paid(shared_world: World) -> None:
    world = shared_world
    case, award = await asked(world)
    path = f"/awards/{award['id']}"
    early = await world.ask("coordinator", "POST", f"{path}/payment", version=1)
    assert (early.status_code, early.json()["current"]) == (409, "asked")
    for wrong in ({}, {"amount": 1_500_002}, {"amount": 1, "refusal": "other"}):
        assert (await world.ask("coordinator", "POST", f"{path}/decision", wrong, version=1)).status_code == 422
    granted = await world.post("coordinator", f"{path}/decision", {"amount": 1_500_000}, version=1)
    assert (granted["status"], granted["amount_granted"]) == ("granted", 1_500_000)
    twice = await world.ask("coordinator", "POST", f"{path}/decision", {"refusal": "other"}, version=2)
    assert (twice.status_code, twice.json()["current"]) == (409, "granted")
    stale = await world.ask("coordinator", "POST", f"{path}/payment", version=1)
    assert stale.status_code == 412
    await world.post("coordinator", f"{path}/payment", version=2)
    (shown,) = await world.get("alpha", f"/cases/{case}/awards")
    assert (shown["status"], shown["amount_granted"], shown["population"]) == ("paid", 1_500_000, "trafficking")
    assert await scenes.told(world, "alpha", award["id"]) == ["award_changed", "award_changed"]


async def test_a_refusal_has_a_reason_and_the_asker_may_not_decide(shared_world: World) -> None:
    world = shared_world
    _, award = await asked(world)
    path = f"/awards/{award['id']}"
    for who, status in (("alpha", 403), ("beta", 403), ("focal", 403)):
        assert (await world.ask(who, "POST", f"{path}/decision", {"amount": 1}, version=1)).status_code == status
    assert (await world.ask("beta", "GET", path)).status_code == 404
    declined = await world.post("coordinator", f"{path}/decision", {"refusal": "state_provides"}, version=1)
    assert (declined["status"], declined["refusal"], declined["amount_granted"]) == ("declined", "state_provides", None)


@pytest.mark.parametrize("decider", ["NGO-BETA", "NGO-ALPHA", "NOBODY", "POLICE"])
async def test_only_the_coordinating_organisation_decides(shared_world: World, decider: str) -> None:
    case = await scenes.opened(shared_world)
    refused = await shared_world.ask("alpha", "POST", f"/cases/{case}/awards", {**ASKED, "decided_by": decider})
    assert (refused.status_code, refused.json()["field"]) == (422, "decided_by")


async def test_an_award_that_nobody_decides_for_a_week_is_escalated_once(world: World) -> None:
    _, late = await asked(world)
    _, decided = await asked(world)
    await world.post("coordinator", f"/awards/{decided['id']}/decision", {"amount": 5}, version=1)
    early = world.later(timedelta(days=6))
    await early.work_off()
    assert "award_overdue" not in await scenes.told(early, "coordinator", late["id"])
    after = world.later(timedelta(days=8))
    await after.work_off()
    await after.work_off()
    assert (await scenes.told(after, "coordinator", late["id"])).count("award_overdue") == 1
    assert (await scenes.told(after, "alpha", late["id"])).count("award_overdue") == 1
    assert "award_overdue" not in await scenes.told(after, "coordinator", decided["id"])


async def test_behind_a_wall_the_decider_sees_neither_the_award_nor_its_notification(world: World) -> None:
    case, award = await asked(world)
    await world.post("alpha", f"/cases/{case}/walls", {"staff": "coordinator"})
    path = f"/awards/{award['id']}"
    assert (await world.ask("coordinator", "GET", path)).status_code == 404
    assert (await world.ask("coordinator", "POST", f"{path}/decision", {"amount": 1}, version=1)).status_code == 404
    assert award["id"] not in str(await world.get("coordinator", "/awards"))
    assert award["id"] not in str(await world.get("coordinator", "/notifications"))
    assert award["id"] in str(await world.get("alpha", "/awards"))


async def test_awards_for_migrants_say_so_and_nothing_in_the_table_names_a_case(
    world: World, admin: asyncpg.Connection
) -> None:
    case = await scenes.opened(world)
    migrant = {"kind": "helped_as", "code": "vulnerable_migrant", "body": "ngo"}
    await world.post("alpha", f"/cases/{case}/classifications", migrant)
    award = await world.post("alpha", f"/cases/{case}/awards", ASKED)
    assert award["population"] == "vulnerable_migrant"
    row = str(await admin.fetchrow("SELECT t::text FROM awards t"))
    assert str(await admin.fetchval("SELECT id FROM cases WHERE reference = $1", case)) not in row
