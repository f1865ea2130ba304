"""An organisation is suspended and comes back; and what else happens when organisations end or merge."""

from datetime import timedelta

import asyncpg
import pytest

from domain.errors import InvalidInput
from domain.organisations import commands
from tests.journeys.leaving import assigned, closed, escalated, operated, reinstated, suspended, ten
from tests.journeys.scenes import PERSON, carried, consented, opened, supported, told
from tests.world import World

VOICEMAIL = {"channel": "voicemail", "language": "ky", "topic": "other", "contact": {"phone": "+996 555 000001"}}


async def test_while_suspended_its_staff_read_nothing_and_all_its_open_work_is_escalated(world: World) -> None:
    journeys = await ten(world)
    await suspended(world)
    await world.get("alpha", "/cases", expect=401)
    await world.work_off()
    on_list = await escalated(world)
    assert {one["reason"] for one in on_list.values()} == {"organisation_suspended"}
    received = {
        journeys.referrals[name]
        for name in (
            "handed over by the hotline, unanswered",
            "cared for by Alpha, police leads",
            "cared for by Alpha alone, migration leads",
        )
    }
    led = set(journeys.cases.values()) - {
        journeys.cases[name]
        for name in (
            "handed over by the hotline, unanswered",
            "cared for by Alpha, police leads",
            "cared for by Alpha alone, migration leads",
        )
    }
    assert set(on_list) == received | led
    for reference in received:
        assert (await world.get("coordinator", f"/referrals/{reference}/status"))["status"] in {
            "sent",
            "in_service",
            "accepted",
        }
    stopped = journeys.referrals["cared for by Alpha, police leads"]
    assert "service_interrupted" in await told(world, "police", stopped)


async def test_nothing_new_is_sent_to_a_suspended_organisation_nor_to_one_that_closes_today(world: World) -> None:
    case = await opened(world, "hotline", "hotline")
    await consented(world, case, "hotline")
    body = {"step": "hand-over-case-management", "service": "case_management", "recipient": "NGO-ALPHA"}
    draft = (await world.post("hotline", f"/cases/{case}/referrals", {**body, "draft": True}))["reference"]
    await suspended(world)
    await world.post("hotline", f"/cases/{case}/referrals", body, expect=422)
    await world.act("hotline", draft, "sending", expect=422)
    await reinstated(world)
    now = world.runtime.clock.present()
    await operated(world, lambda work: commands.close_organisation("NGO-ALPHA", work, at=now + timedelta(hours=2)))
    await world.get("alpha", "/cases")
    later = world.later(timedelta(hours=2, minutes=1))
    await later.get("alpha", "/cases", expect=401)
    await later.post("hotline", f"/cases/{case}/referrals", body, expect=422)


async def test_what_a_reinstated_organisation_left_is_its_own_again_but_for_what_was_given_away(world: World) -> None:
    journeys = await ten(world)
    await suspended(world)
    await world.work_off()
    given = journeys.cases["consented and identified"]
    kept = journeys.cases["in a shelter"]
    assert given not in await assigned(world, given, "NGO-BETA")
    await reinstated(world)
    await world.work_off()
    assert await escalated(world) == {}
    assert (await world.get("alpha", f"/cases/{kept}/person/identity"))["fields"] == PERSON
    await world.get("alpha", f"/cases/{given}", expect=404)
    assert (await world.get("beta", f"/cases/{given}/person/identity"))["fields"] == PERSON
    await carried(world, journeys.referrals["handed over by the hotline, unanswered"], "alpha", "receipt", "acceptance")


async def test_a_referral_of_a_suspended_receiver_goes_where_the_coordinator_says_if_the_person_agreed(
    world: World,
) -> None:
    journeys = await ten(world)
    free = journeys.referrals["cared for by Alpha, police leads"]
    bound = journeys.referrals["cared for by Alpha alone, migration leads"]
    await suspended(world)
    await world.work_off()
    assert (await assigned(world, free, "MIGRATION"))[free]["reason"] == "service_not_offered"
    assert free not in await assigned(world, free, "SHELTER-SOUTH")
    await world.get("south", f"/referrals/{free}/package", expect=409)
    await carried(world, free, "south", "receipt", "acceptance")
    assert (await world.get("south", f"/referrals/{free}/package"))["compartments"]["identity"] == PERSON
    assert (await assigned(world, bound, "SHELTER-SOUTH"))[bound]["reason"] == "no_consent"
    await world.get("south", f"/referrals/{bound}", expect=404)


async def test_due_callbacks_go_to_the_successor_with_their_clock_and_nothing_else_does(world: World) -> None:
    due = (await world.post("alpha", "/contacts", VOICEMAIL))["id"]
    heard = (await world.post("alpha", "/contacts", {**VOICEMAIL, "channel": "call"}))["id"]
    await closed(world)
    await world.work_off()
    assert [one["id"] for one in await world.get("beta", "/contacts/callbacks")] == [due]
    assert (await world.get("beta", f"/contacts/{due}/words"))["contact"] == VOICEMAIL["contact"]
    await world.get("beta", f"/contacts/{heard}", expect=404)
    assert await told(world, "beta", due) == ["callback_handed_over"]
    later = world.later(timedelta(days=14))
    await later.work_off()
    assert "callback_overdue" in await told(later, "beta", due)
    version = await world.version("beta", f"/contacts/{due}")
    await world.post("beta", f"/contacts/{due}/callback", {"reached": True}, version=version)


async def test_a_callback_without_a_successor_waits_for_the_coordinator(world: World) -> None:
    due = (await world.post("alpha", "/contacts", VOICEMAIL))["id"]
    await closed(world, successor=None)
    await world.work_off()
    one = (await escalated(world))[due]
    assert (one["unit"], one["reason"]) == ("contact", "organisation_closed")
    assert (await assigned(world, due, "SHELTER-NORTH"))[due]["reason"] == "service_not_offered"
    assert due not in await assigned(world, due, "HOTLINE")
    assert (await world.get("hotline", f"/contacts/{due}/words"))["contact"] == VOICEMAIL["contact"]


async def test_two_coordinators_do_not_name_two_organisations(world: World) -> None:
    case = (await ten(world)).cases["just opened"]
    await closed(world)
    await world.work_off()
    one = (await escalated(world))[case]
    path = f"/escalations/{one['id']}/assignment"
    await world.post("coordinator", path, {"organisation": "NGO-BETA"}, version=one["version"])
    answer = await world.ask("coordinator", "POST", path, {"organisation": "HOTLINE"}, version=one["version"])
    assert answer.status_code == 412
    answer = await world.ask("coordinator", "POST", path, {"organisation": "HOTLINE"}, version=one["version"] + 1)
    assert answer.status_code == 409
    await world.work_off()
    assert (await world.get("beta", f"/cases/{case}"))["owner"] == "NGO-BETA"


async def test_a_merger_lets_the_other_do_what_the_first_did_and_follows_later_mergers(world: World) -> None:
    case, _ = await supported(world)
    await operated(world, lambda work: commands.merge_organisation("NGO-ALPHA", "NGO-BETA", work))
    await operated(world, lambda work: commands.merge_organisation("NGO-BETA", "HOTLINE", work))
    await world.work_off()
    assert (await world.get("hotline", f"/cases/{case}"))["owner"] == "HOTLINE"
    services = {one["code"]: one["services"] for one in (await world.get("hotline", "/organisations"))["items"]}
    assert {"interpretation", "social_support", "medical"} <= set(services["HOTLINE"])


async def test_a_successor_that_is_named_later_takes_what_nobody_took(world: World, admin: asyncpg.Connection) -> None:
    case, _ = await supported(world)
    await closed(world, successor=None)
    await world.work_off()
    assert (await escalated(world))[case]["reason"] == "organisation_closed"
    await closed(world, successor="NGO-BETA")
    await world.work_off()
    assert await escalated(world) == {}
    assert (await world.get("beta", f"/cases/{case}/person/identity"))["fields"] == PERSON
    ended = await admin.fetchval(
        "SELECT valid_until <= now() FROM memberships m JOIN staff_members s ON s.id = m.staff_id "
        "WHERE s.subject = 'caseworker-alpha'"
    )
    assert ended


@pytest.mark.parametrize(("code", "successor"), [("NGO-ALPHA", "NGO-ALPHA"), ("NGO-ALPHA", "NOBODY"), ("NOBODY", None)])
async def test_what_makes_no_sense_is_refused_and_changes_nothing(
    world: World, code: str, successor: str | None
) -> None:
    with pytest.raises(InvalidInput):
        await closed(world, code, successor)
    await world.get("alpha", "/cases")
