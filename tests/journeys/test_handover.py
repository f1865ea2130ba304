"""The hotline hands a case over: what was not agreed to stays shut, and the old owner looks on from outside."""

from datetime import timedelta

import asyncpg

from tests.journeys.scenes import PERSON, carried, consented, open_now, opened, referred, taken_over, told
from tests.world import World

BUT_NARRATIVE = ["identity", "contact", "location"]


async def called(world: World) -> str:
    """Open a case at the hotline, with consent to hand over all but what the person told."""
    case = await opened(world, "hotline", "hotline")
    await consented(world, case, "hotline", compartments=BUT_NARRATIVE)
    return case


async def test_after_a_hand_over_the_old_owner_sees_the_status_of_the_referral_and_nothing_else(world: World) -> None:
    case = await called(world)
    reference = await taken_over(world, case, compartments=BUT_NARRATIVE)
    for path in ("", "/next-steps", "/person/identity", "/consents", "/referrals", "/screenings"):
        await world.get("hotline", f"/cases/{case}{path}", expect=404)
    assert (await world.get("hotline", "/cases"))["items"] == []
    seen = await world.get("hotline", f"/referrals/{reference}")
    assert (seen["status"], seen["case"], seen["compartments"]) == ("accepted", None, [])
    assert (await world.get("hotline", f"/referrals/{reference}/status"))["status"] == "accepted"
    taken = await world.get("alpha", f"/cases/{case}")
    assert (taken["relation"], taken["owner"]) == ("owner", "NGO-ALPHA")
    assert (await world.get("alpha", f"/cases/{case}/person/identity"))["fields"] == PERSON


async def test_what_was_not_handed_over_is_withheld_and_cannot_be_overwritten(world: World) -> None:
    case = await called(world)
    await taken_over(world, case, compartments=BUT_NARRATIVE)
    person = (await world.get("alpha", f"/cases/{case}"))["person"]
    assert person["compartments"] == ["contact", "identity", "location"]
    because = {one["compartment"]: one["because"] for one in person["withheld"]}
    assert because == {"narrative": "not-granted", "health": "not-granted", "legal": "not-granted"}
    await world.get("alpha", f"/cases/{case}/person/narrative", expect=403)
    version = await world.version("alpha", f"/cases/{case}")
    for given in ({"account": "another story"}, {"recruitment": "another"}):
        path = f"/cases/{case}/person/narrative"
        answer = await world.ask("alpha", "PUT", path, {"fields": given}, version=version)
        assert (answer.status_code, answer.json()["rule"]) == (403, "not-handed-over")
    await world.get("alpha", f"/cases/{case}/person/narrative", expect=403)


async def test_an_empty_compartment_may_be_filled_and_read_by_whoever_took_over(world: World) -> None:
    case = await called(world)
    await taken_over(world, case, compartments=BUT_NARRATIVE)
    version = await world.version("alpha", f"/cases/{case}")
    path = f"/cases/{case}/person/health"
    answer = await world.ask("alpha", "PUT", path, {"fields": {"conditions": "made up"}}, version=version)
    assert answer.status_code == 204, answer.text
    assert (await world.get("alpha", path))["fields"] == {"conditions": "made up"}
    await world.get("hotline", path, expect=404)


async def test_only_one_organisation_leads_a_case_at_any_time(world: World, admin: asyncpg.Connection) -> None:
    case = await called(world)
    first = await referred(
        world, case, "NGO-ALPHA", "case_management", "hand-over-case-management", "hotline", compartments=BUT_NARRATIVE
    )
    second = {"step": "hand-over-case-management", "service": "case_management", "recipient": "NGO-BETA"}
    answer = await world.ask("hotline", "POST", f"/cases/{case}/referrals", second)
    assert (answer.status_code, answer.json()["code"]) == (409, "step-not-open")
    await carried(world, first, "alpha", "receipt", "acceptance")
    leading = "SELECT count(*) FROM case_access WHERE relation = 'owner' AND valid_until > now()"
    assert await admin.fetchval(leading) == 1
    await world.get("beta", f"/cases/{case}", expect=404)


async def test_overdue_steps_call_the_organisation_that_leads_the_case_now(world: World) -> None:
    case = await called(world)
    await taken_over(world, case, compartments=BUT_NARRATIVE)
    await world.work_off()
    late = world.later(timedelta(days=10))
    await late.work_off()
    assert "step_overdue" in await told(late, "alpha", case)
    assert await told(late, "hotline", case) == [], "the hotline has no business with the case any more"
    assert "step_overdue" in await told(late, "coordinator", case)


async def test_the_new_owner_ends_what_the_old_one_sent_and_both_sides_hear_of_it(world: World) -> None:
    case = await opened(world, "hotline", "hotline")
    await consented(world, case, "hotline")
    await world.post("hotline", f"/cases/{case}/assessments", {"danger": "high"})
    shelter = await referred(world, case, step="offer-emergency-shelter", who="hotline")
    await carried(world, shelter, "north", "receipt", "acceptance", "service-start")
    await taken_over(world, case)
    ended = await world.act("alpha", shelter, "withdrawal")
    assert ended["status"] == "withdrawn_by_person"
    assert (await told(world, "north", shelter))[-1] == "referral_recalled"
    assert (await told(world, "hotline", shelter))[-1] == "referral_changed"
    await world.get("north", f"/cases/{case}", expect=404)


async def test_the_new_owner_goes_on_where_the_hotline_stopped(world: World) -> None:
    case = await called(world)
    await taken_over(world, case, compartments=BUT_NARRATIVE)
    steps = await open_now(world, case)
    assert "inform-of-rights" not in steps
    assert "ask-consent-support" not in steps
    assert steps["screen"]["yours"]
    onward = {"step": "hand-over-case-management", "service": "case_management", "recipient": "NGO-BETA"}
    answer = await world.ask("alpha", "POST", f"/cases/{case}/referrals", onward)
    assert answer.status_code in {403, 409}, "an NGO that leads a case is not asked to hand it over"


async def test_who_gives_a_service_says_how_it_ended_after_the_case_was_handed_over_too(world: World) -> None:
    case = await opened(world, "police", "police")
    await consented(world, case, "police")
    started = await world.post("police", f"/cases/{case}/service-episodes", {"service": "witness_protection"})
    await taken_over(world, case, "police")
    end, body = f"/service-episodes/{started['id']}/end", {"outcome": "full"}
    assert (await world.post("police", end, body, version=1))["outcome"] == "full"
    await world.work_off()
    seen = await world.get("alpha", f"/cases/{case}/service-episodes")
    assert [(one["service"], one["outcome"]) for one in seen] == [("witness_protection", "full")]
