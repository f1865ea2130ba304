"""Closing, reopening, and the ways in that no organisation opened."""

from datetime import timedelta

from tests.journeys.scenes import carried, consented, identified, open_now, opened, referred, supported
from tests.world import World


async def work(world: World, case: str, expect: int = 200, **body: str) -> dict[str, object]:
    version = await world.version("alpha", f"/cases/{case}")
    answer = await world.ask("alpha", "PUT", f"/cases/{case}/case-work", body, version=version)
    assert answer.status_code == expect, answer.text
    shown: dict[str, object] = answer.json()
    return shown


async def test_a_case_goes_from_open_to_follow_up_to_closed_and_is_reopened(world: World) -> None:
    case, _ = await supported(world)
    await work(world, case, case_work="active")
    assert (await work(world, case, 409, case_work="follow_up"))["code"] == "step-not-open"
    reference = await referred(world, case)
    await carried(world, reference, "north", "receipt", "acceptance", "service-start")
    await world.act("north", reference, "completion", {"outcome": "full"})
    assert (await work(world, case, case_work="follow_up"))["case_work"] == "follow_up"
    closed = await work(world, case, case_work="closed", reason="support_completed")
    assert (closed["closure_reason"], closed["closed_at"] is not None) == ("support_completed", True)
    assert set(await open_now(world, case)) == {"reopen-case"}
    reopened = await work(world, case, case_work="active")
    assert (reopened["case_work"], reopened["closed_at"], reopened["closure_reason"]) == ("active", None, None)
    assert "refer-for-shelter" in await open_now(world, case)


async def test_a_case_is_not_closed_while_somebody_gives_support_or_was_asked_to(world: World) -> None:
    case, _ = await supported(world)
    reference = await referred(world, case)
    for acts in (("receipt",), ("acceptance", "service-start")):
        await carried(world, reference, "north", *acts)
        refused = await work(world, case, 409, case_work="closed", reason="lost_contact")
        assert refused["code"] == "step-not-open"
    await world.act("north", reference, "failure", {"reason": "could_not_be_reached"})
    assert (await work(world, case, case_work="closed", reason="lost_contact"))["case_work"] == "closed"


async def test_a_closure_and_only_a_closure_has_a_reason(world: World) -> None:
    case = await opened(world)
    assert (await work(world, case, 422, case_work="closed"))["field"] == "reason"
    assert (await work(world, case, 422, case_work="active", reason="moved"))["field"] == "reason"


async def test_a_closed_case_calls_nobody(world: World) -> None:
    case = await opened(world)
    await work(world, case, case_work="closed", reason="moved")
    late = world.later(timedelta(days=60))
    assert await late.work_off() == 0
    assert (await late.get("coordinator", "/notifications"))["items"] == []


async def test_a_step_that_leaves_a_record_is_not_ticked_off_and_one_is_done_once(world: World) -> None:
    case = await opened(world)
    refused = await world.post("alpha", f"/cases/{case}/steps/screen/completion", expect=422)
    assert refused["field"] == "step"
    await world.post("alpha", f"/cases/{case}/steps/inform-of-rights/completion")
    again = await world.post("alpha", f"/cases/{case}/steps/inform-of-rights/completion", expect=409)
    assert again["code"] == "step-not-open"


async def test_a_foreign_victim_without_papers_gets_the_same_steps_as_a_national(world: World) -> None:
    foreign = {"citizenships": ["UZ"], "migration_status": "irregular", "documents_held": "no"}
    stateless = {"citizenships": ["not_applicable"], "migration_status": "stateless", "documents_held": "no"}
    seen = []
    for person in ({"documents_held": "yes", "migration_status": "national"}, foreign, stateless):
        case = await opened(world, **person)
        before = await open_now(world, case)
        await consented(world, case)
        await identified(world, case)
        reference = await referred(world, case)
        await carried(world, reference, "north", "receipt", "acceptance")
        seen.append((set(before), set(await open_now(world, case))))
    assert seen[0] == seen[1] == seen[2]


async def test_a_receiver_does_not_learn_where_the_person_is_from(world: World) -> None:
    case, _ = await supported(world, citizenships=["UZ"], migration_status="irregular")
    reference = await referred(world, case)
    await carried(world, reference, "north", "receipt")
    summary = await world.get("north", f"/referrals/{reference}")
    assert {"citizenships", "migration_status"}.isdisjoint(summary)
    assert (summary["age_band"], summary["sex"], summary["languages"]) == ("24--26", "female", ["ky"])


async def test_a_person_who_comes_by_themselves_walks_the_same_way(world: World) -> None:
    case = await opened(world, channel="self_report")
    assert (await world.get("alpha", f"/cases/{case}"))["entry_channel"] == "self_report"
    await consented(world, case)
    await identified(world, case)
    reference = await referred(world, case, "NGO-BETA", "medical", "refer-for-support")
    await carried(world, reference, "beta", "receipt", "acceptance", "service-start")
    assert (await world.get("alpha", f"/cases/{case}"))["support"] == "receiving"


async def test_the_organisation_that_leads_the_case_gives_services_itself(world: World) -> None:
    case, _ = await supported(world)
    started = await world.post("alpha", f"/cases/{case}/service-episodes", {"service": "psychosocial"})
    assert (await world.get("alpha", f"/cases/{case}"))["support"] == "receiving"
    wrong = await world.post("alpha", f"/cases/{case}/service-episodes", {"service": "shelter"}, expect=422)
    assert wrong["field"] == "service"
    path, end = f"/service-episodes/{started['id']}/end", {"outcome": "partial"}
    assert (await world.post("alpha", path, end, version=9, expect=412))["current_version"] == 1
    assert (await world.post("alpha", path, end, version=1))["outcome"] == "partial"
    assert (await world.post("alpha", path, end, version=2, expect=409))["current"] == "ended"
    assert (await world.get("alpha", f"/cases/{case}"))["support"] == "completed"


async def test_the_service_of_a_referral_ends_with_the_referral(world: World) -> None:
    case, _ = await supported(world)
    reference = await referred(world, case)
    await carried(world, reference, "north", "receipt", "acceptance", "service-start")
    episode = (await world.get("north", f"/cases/{case}/service-episodes"))[0]
    path = f"/service-episodes/{episode['id']}/end"
    refused = await world.post("north", path, {"outcome": "full"}, version=1, expect=409)
    assert refused["current"] == "ended-by-its-referral"


async def test_coded_attributes_are_codes_or_one_kind_of_not_knowing(world: World) -> None:
    case = await opened(world)
    version = await world.version("alpha", f"/cases/{case}")
    mixed = {"citizenships": ["KG", "unknown"]}
    answer = await world.ask("alpha", "PATCH", f"/cases/{case}/person", mixed, version=version)
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid-input")
    stale = await world.ask("alpha", "PATCH", f"/cases/{case}/person", {"sex": "male"}, version=version + 1)
    assert (stale.status_code, stale.json()["current_version"]) == (412, version)
