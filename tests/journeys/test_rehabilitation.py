"""Social rehabilitation: a plan that the person agrees to, a commission that support does not wait for, follow-ups."""

from datetime import timedelta
from typing import Any

import asyncpg

from tests.journeys.courses import begun, done, open_in, overdue, values_in
from tests.journeys.scenes import CHILD, open_now, referred, supported, told
from tests.world import World

REASONS = "The commission did not like the testova plan."


async def planned(world: World, course: str, status: str, *, expect: int = 201, **more: Any) -> Any:
    """Write a version of the plan."""
    return await world.post("alpha", f"/courses/{course}/plan", {"status": status, **more}, expect=expect)


async def agreed(world: World) -> tuple[str, str]:
    """Bring a person to an agreed plan; returns case and course."""
    case, _ = await supported(world)
    course = await begun(world, case, "rehabilitation")
    await done(world, course, "assess-needs")
    services = [{"service": "psychosocial", "planned_on": world.day(10)}, {"service": "employment"}]
    await planned(world, course, "drafted", services=services)
    await planned(world, course, "agreed", services=services[:1], agreed_by="self", review_on=world.day(30))
    return case, course


async def asked(world: World, course: str) -> str:
    """Put the plan to the commission; returns the request."""
    body = {"organisation": "MIGRATION"}
    found: str = (await world.post("alpha", f"/courses/{course}/commission-requests", body, expect=201))["request_id"]
    return found


async def decided(world: World, request: str, outcome: str, **more: Any) -> Any:
    """Let the commission decide today."""
    body = {"outcome": outcome, "decided_on": world.day(0), **more}
    return await world.post("migration", f"/commission-requests/{request}/decision", body, expect=201)


async def test_a_plan_is_drafted_agreed_approved_given_reviewed_and_completed(world: World) -> None:
    case, course = await agreed(world)
    assert (await values_in(world, course))["plan"] == "agreed"
    request = await asked(world, course)
    assert await told(world, "migration", request) == ["commission_asked"]
    await decided(world, request, "approved")
    assert await told(world, "alpha", request) == ["commission_decided"]
    assert (await values_in(world, course))["commission"] == "approved"
    episode = await world.post("alpha", f"/cases/{case}/service-episodes", {"service": "psychosocial"})
    await world.post("alpha", f"/courses/{course}/plan/episodes", {"episode": episode["id"]}, expect=201)
    later = world.later(timedelta(days=31))
    await later.work_off()
    assert (await open_in(later, course))["review-plan"]["duty"]
    await planned(later, course, "completed", reviewed=True)
    assert (await values_in(later, course))["plan_review"] == "held"
    shown = await later.get("alpha", f"/courses/{course}/plan")
    assert [one["status"] for one in shown["versions"]] == ["drafted", "agreed", "completed"]
    assert [one["service"] for one in shown["versions"][1]["services"]] == ["psychosocial"], "not wanted is left out"
    assert [one["episode_id"] for one in shown["given"]] == [episode["id"]]
    refused = await later.ask("alpha", "POST", f"/courses/{course}/steps/close-rehabilitation", {})
    assert refused.json()["code"] == "step-not-open", "a service is still given"
    version = episode["version"]
    await later.post("alpha", f"/service-episodes/{episode['id']}/end", {"outcome": "full"}, version=version)
    await done(later, course, "close-rehabilitation")


async def test_only_the_person_agrees_to_a_plan_and_to_no_more_than_was_drafted(world: World) -> None:
    case, _ = await supported(world)
    course = await begun(world, case, "rehabilitation")
    body = {"services": [{"service": "psychosocial"}]}
    await planned(world, course, "drafted", **body, expect=409)
    await done(world, course, "assess-needs")
    await planned(world, course, "agreed", agreed_by="self", review_on=world.day(9), **body, expect=409)
    await planned(world, course, "drafted", **body)
    for wrong in (
        {"review_on": world.day(9)},
        {"review_on": world.day(9), "agreed_by": "guardian"},
        {"review_on": world.day(9), "agreed_by": "best_interest_decision"},
        {"agreed_by": "self"},
        {"agreed_by": "self", "review_on": world.day(-1)},
        {"agreed_by": "self", "review_on": world.day(9), "services": [{"service": "legal"}]},
    ):
        await planned(world, course, "agreed", **wrong, expect=422)
    refused = await world.ask("alpha", "POST", f"/courses/{course}/steps/agree-plan", {"value": "agreed"})
    assert refused.json()["code"] == "invalid-input", "a plan is agreed by its record alone"
    await planned(world, course, "agreed", agreed_by="self", review_on=world.day(9))


async def test_the_guardian_of_a_child_may_agree(world: World) -> None:
    case, _ = await supported(world, **CHILD)
    course = await begun(world, case, "rehabilitation")
    await done(world, course, "assess-needs")
    await planned(world, course, "drafted", services=[{"service": "education"}])
    await planned(world, course, "agreed", agreed_by="guardian", review_on=world.day(9))


async def test_a_declined_plan_stops_neither_emergency_support_nor_referrals(world: World) -> None:
    case, course = await agreed(world)
    before = set(await open_now(world, case))
    request = await asked(world, course)
    await decided(world, request, "declined", reasons=REASONS)
    await world.work_off()
    assert (await values_in(world, course))["commission"] == "declined"
    assert set(await open_now(world, case)) == before
    assert "refer-for-services" in await open_in(world, course)
    await world.post("alpha", f"/cases/{case}/assessments", {"danger": "imminent", "needs": ["shelter"]})
    await referred(world, case, step="offer-emergency-shelter")
    again = {"outcome": "approved", "decided_on": world.day(0)}
    await world.post("migration", f"/commission-requests/{request}/decision", again, expect=409)


async def test_the_commission_sees_services_in_codes_and_its_reasons_are_sealed(
    world: World, admin: asyncpg.Connection
) -> None:
    case, course = await agreed(world)
    request = await asked(world, course)
    inbox = await world.get("migration", "/commission-requests")
    assert [(one["request_id"], one["services"]) for one in inbox] == [(request, ["psychosocial"])]
    assert not {case, course} & set(str(inbox).replace("'", " ").split())
    for path in (f"/courses/{course}", f"/courses/{course}/plan", f"/courses/{course}/commission-requests"):
        await world.get("migration", path, expect=403)
        await world.get("police", path, expect=404)
    await decided(world, request, "changes_asked", reasons=REASONS)
    assert (await world.get("alpha", f"/commission-requests/{request}/reasons"))["reasons"] == REASONS
    await world.get("beta", f"/commission-requests/{request}/reasons", expect=404)
    assert await admin.fetchval("SELECT count(*) FROM audit_entries WHERE action = 'reasons.revealed'") == 1
    for row in await admin.fetch("SELECT sealed FROM sealed_values"):
        assert b"testova" not in bytes(row["sealed"])


async def test_a_wall_stands_before_the_commission_too(world: World) -> None:
    case, course = await agreed(world)
    request = await asked(world, course)
    await world.post("alpha", f"/cases/{case}/walls", {"organisation": "MIGRATION"}, expect=201)
    assert await world.get("migration", "/commission-requests") == []
    assert await told(world, "migration", request) == []
    body = {"outcome": "approved", "decided_on": world.day(0)}
    await world.post("migration", f"/commission-requests/{request}/decision", body, expect=404)


async def test_a_follow_up_asks_and_every_answer_may_be_a_not_knowing(world: World) -> None:
    _, course = await agreed(world)
    body = {"due_on": world.day(60)}
    planned_one = await world.post("alpha", f"/courses/{course}/follow-ups", body, expect=201)
    await world.post("alpha", f"/courses/{course}/follow-ups", body, expect=409)
    answers = f"/courses/{course}/follow-ups/{planned_one['id']}/answers"
    early = {"reached": True, "asked_on": world.day(0), "work": "working"}
    assert (await world.ask("alpha", "POST", answers, early)).json()["code"] == "step-not-open"
    later = world.later(timedelta(days=61))
    await later.work_off()
    assert (await open_in(later, course))["record-follow-up"]["duty"]
    said = {
        "reached": True,
        "asked_on": later.day(0),
        "work": "in_training",
        "income": "declined_to_answer",
        "living_standard": "unknown",
        "would_refer": "yes",
    }
    recorded = await later.post("alpha", answers, said, expect=201)
    assert {name: recorded[name] for name in said} == said
    assert (recorded["due_on"], recorded["asked_on"]) == (world.day(60), later.day(0))
    values = await values_in(later, course)
    assert (values["work"], values["income"], values["living_standard"]) == ("told", "declined_to_answer", "not_asked")
    assert values["follow_up"] == "done"
    await later.post("alpha", answers, said, expect=409)


async def test_whoever_was_not_reached_answered_nothing(world: World) -> None:
    _, course = await agreed(world)
    one = await world.post("alpha", f"/courses/{course}/follow-ups", {"due_on": world.day(0)}, expect=201)
    answers = f"/courses/{course}/follow-ups/{one['id']}/answers"
    told_by_others = {"reached": False, "asked_on": world.day(0), "work": "working"}
    assert (await world.ask("alpha", "POST", answers, told_by_others)).json()["code"] == "invalid-input"
    await world.post("alpha", answers, {"reached": False, "asked_on": world.day(0)}, expect=201)
    assert (await values_in(world, course))["follow_up"] == "not_reached"


async def test_a_follow_up_that_nobody_makes_is_escalated_once(world: World) -> None:
    _, course = await agreed(world)
    await asked(world, course)
    await world.post("alpha", f"/courses/{course}/follow-ups", {"due_on": world.day(20)}, expect=201)
    await world.later(timedelta(days=21)).work_off()
    last = world.later(timedelta(days=45))
    await last.work_off()
    await last.work_off()
    asking = [one for one in await overdue(last, course) if "ask-after" in one or one == "record-follow-up"]
    assert asking == ["ask-after-income", "ask-after-living-standard", "ask-after-work", "record-follow-up"]


async def test_for_an_adult_who_withdrew_from_support_nothing_is_planned(world: World) -> None:
    case, consent = await supported(world)
    course = await begun(world, case, "rehabilitation")
    await done(world, course, "assess-needs")
    await world.post("alpha", f"/cases/{case}/consents/{consent}/withdrawal", expect=201)
    body = {"status": "drafted", "services": [{"service": "legal"}]}
    answer = await world.ask("alpha", "POST", f"/courses/{course}/plan", body)
    assert (answer.status_code, answer.json()["code"]) == (409, "consent-missing")
