"""An NGO closes in the middle of ten journeys: nobody is lost, its former staff see nothing, the history stays."""

from datetime import timedelta
from typing import Any

import asyncpg
import pytest

from api.settings import DatabaseRole
from auth.authentication import enter, enter_as_clock
from auth.authorisation import Authorisation
from auth.roles import Permission
from domain.cases.commands import OpenCase, open_case
from domain.codes import EntryChannel
from domain.deadlines.firing import fire_due
from tests.journeys.leaving import Journeys, assigned, closed, escalated, ten
from tests.journeys.scenes import PERSON, carried, consented, open_now, told
from tests.world import World, token_of

BETAS = ("consented and identified", "child", "waiting for a shelter", "in a shelter")
OPEN_REFERRALS = """
    SELECT r.reference, s.status AS sender, v.status AS receiver,
           EXISTS (SELECT 1 FROM escalations e WHERE e.settled_at IS NULL
                   AND e.subject_id IN (r.id, r.case_id)) AS escalated
    FROM referrals r JOIN organisations s ON s.id = r.sending_organisation_id
    JOIN organisations v ON v.id = r.receiving_organisation_id
    WHERE r.status NOT IN ('completed', 'declined', 'expired', 'withdrawn_by_person', 'revoked_by_sender', 'failed',
                           'entered_in_error')
"""
ALPHAS_GRANTS = """
    SELECT count(*) FROM case_access g JOIN organisations o ON o.id = g.organisation_id
    WHERE o.code = 'NGO-ALPHA' AND g.valid_until > now() + $1::interval
"""
LOST = """
    SELECT c.reference FROM cases c JOIN organisations o ON o.id = c.owner_organisation_id
    WHERE c.case_work <> 'closed'
      AND NOT (o.status = 'active' AND EXISTS (
          SELECT 1 FROM case_access g WHERE g.case_id = c.id AND g.relation = 'owner'
          AND g.organisation_id = o.id AND g.valid_until > now() + $1::interval))
      AND NOT EXISTS (SELECT 1 FROM escalations e WHERE e.subject_id = c.id AND e.settled_at IS NULL)
"""


async def nobody_is_lost(admin: asyncpg.Connection, later: timedelta = timedelta(0)) -> None:
    """Every open case has a leader or an escalation, and so has every open referral on both sides."""
    assert await admin.fetch(LOST, later) == []
    assert await admin.fetchval(ALPHAS_GRANTS, later) == 0
    for row in await admin.fetch(OPEN_REFERRALS):
        assert row["receiver"] == "active" or row["escalated"], row
        assert row["sender"] == "active" or row["escalated"], row


async def statuses(world: World, journeys: Journeys) -> dict[str, str]:
    """Return where each referral stands, as the coordinator sees it."""
    return {
        name: (await world.get("coordinator", f"/referrals/{reference}/status"))["status"]
        for name, reference in journeys.referrals.items()
    }


async def history(world: World, who: str, case: str) -> dict[str, Any]:
    """Return everything that a case has recorded."""
    parts = ("screenings", "assessments", "decisions", "consents", "service-episodes")
    return {part: await world.get(who, f"/cases/{case}/{part}") for part in parts}


async def test_an_ngo_closes_in_the_middle_of_ten_journeys_and_nobody_is_lost(
    world: World, admin: asyncpg.Connection
) -> None:
    journeys = await ten(world)
    assert len(journeys.cases) == 10
    before = {name: await history(world, "alpha", journeys.cases[name]) for name in BETAS}
    await closed(world)
    await world.work_off()
    await nobody_is_lost(admin)
    await what_beta_may_not_have_is_escalated_and_sealed(world, journeys)
    await what_beta_may_have_is_led_by_it_with_its_history(world, journeys, before)
    await what_others_asked_for_is_asked_of_beta_or_ended(world, journeys)
    await the_journeys_go_on(world, journeys)
    await nobody_is_lost(admin)


async def what_beta_may_not_have_is_escalated_and_sealed(world: World, journeys: Journeys) -> None:
    on_list = await escalated(world)
    for name, reason in (
        ("just opened", "no_consent"),
        ("consent names Alpha alone", "no_consent"),
        ("walled from Beta", "conflict_wall"),
    ):
        case = journeys.cases[name]
        one = on_list.pop(case)
        assert (one["unit"], one["reason"], one["organisation"]) == ("case", reason, "NGO-ALPHA"), name
        await world.get("beta", f"/cases/{case}", expect=404)
        await world.get("beta", f"/cases/{case}/person/identity", expect=404)
    assert on_list == {}


async def what_beta_may_have_is_led_by_it_with_its_history(
    world: World, journeys: Journeys, before: dict[str, dict[str, Any]]
) -> None:
    for name in BETAS:
        case = journeys.cases[name]
        shown = await world.get("beta", f"/cases/{case}")
        assert (shown["owner"], shown["relation"]) == ("NGO-BETA", "owner"), name
        assert (await world.get("beta", f"/cases/{case}/person/identity"))["fields"] == PERSON, name
        assert await history(world, "beta", case) == before[name], name
        assert await told(world, "beta", case) == ["case_handed_over"], name
        assert await open_now(world, case, "beta"), name


async def what_others_asked_for_is_asked_of_beta_or_ended(world: World, journeys: Journeys) -> None:
    assert await statuses(world, journeys) == {
        "waiting for a shelter": "sent",
        "in a shelter": "in_service",
        "handed over by the hotline, unanswered": "sent",
        "cared for by Alpha, police leads": "sent",
        "cared for by Alpha alone, migration leads": "failed",
    }
    for name in ("handed over by the hotline, unanswered", "cared for by Alpha, police leads"):
        reference = journeys.referrals[name]
        assert await told(world, "beta", reference) == ["referral_arrived"], name
        last = (await world.get("beta", f"/referrals/{reference}"))["history"][-1]
        assert (last["status"], last["reason"], last["by"]) == ("sent", "organisation_closed", None), name
    alone = "cared for by Alpha alone, migration leads"
    ended = await world.get("migration", f"/referrals/{journeys.referrals[alone]}")
    assert (ended["history"][-1]["reason"], ended["history"][-1]["by"]) == ("organisation_closed", None)
    assert (await told(world, "migration", ended["reference"]))[-1] == "referral_changed"
    assert "refer-for-urgent-care" in await open_now(world, journeys.cases[alone], "migration")
    stopped = journeys.referrals["cared for by Alpha, police leads"]
    assert {"referral_changed", "service_interrupted"} <= set(await told(world, "police", stopped))
    assert await told(world, "coordinator", stopped) == ["service_interrupted"]


async def the_journeys_go_on(world: World, journeys: Journeys) -> None:
    stopped = journeys.referrals["cared for by Alpha, police leads"]
    waiting, served = journeys.referrals["waiting for a shelter"], journeys.referrals["in a shelter"]
    await world.get("beta", f"/referrals/{stopped}/package", expect=409)
    await carried(world, stopped, "beta", "receipt", "acceptance")
    assert (await world.get("beta", f"/referrals/{stopped}/package"))["compartments"]["identity"] == PERSON
    over = "handed over by the hotline, unanswered"
    await carried(world, journeys.referrals[over], "beta", "receipt", "acceptance")
    assert (await world.get("beta", f"/cases/{journeys.cases[over]}"))["owner"] == "NGO-BETA"
    await carried(world, waiting, "north", "receipt")
    await world.act("north", waiting, "question", {"text": "made up"})
    await world.act("beta", waiting, "answer", {"text": "made up"})
    await world.act("north", served, "completion", {"outcome": "full"})
    assert (await told(world, "beta", served))[-1] == "referral_changed"


async def test_former_staff_see_nothing_from_the_very_next_request_on(world: World) -> None:
    journeys = await ten(world)
    token = token_of("alpha", world.runtime)
    async with world.client("alpha") as client:
        client.headers["Authorization"] = f"Bearer {token}"
        assert (await client.get("/v1/cases")).status_code == 200
        await closed(world)  # the worker has done nothing yet
        for path in ("/cases", "/contacts", "/referrals/inbox", "/notifications", "/organisations", "/code-lists"):
            assert (await client.get(f"/v1{path}")).status_code == 401, path
        for case in journeys.cases.values():
            assert (await client.get(f"/v1/cases/{case}")).status_code == 401
        for referral in journeys.referrals.values():
            assert (await client.get(f"/v1/referrals/{referral}/package")).status_code == 401
    await world.work_off()
    await world.get("alpha", "/cases", expect=401)
    listed = {one["code"] for one in (await world.get("beta", "/organisations"))["items"]}
    assert "NGO-ALPHA" not in listed


async def crash(world: World) -> None:
    """Let a worker do the work of one transaction and die before it commits."""
    async with world.runtime.database.sessions(DatabaseRole.WORKER)() as session:
        now = await enter_as_clock(session, world.runtime.clock.shift)
        assert await fire_due(world.runtime.work(session, now))


async def test_a_worker_that_dies_at_every_single_step_loses_nobody(world: World, admin: asyncpg.Connection) -> None:
    await ten(world)
    await closed(world)
    steps = 0
    while True:
        due = await admin.fetchval(
            "SELECT count(*) FROM deadlines WHERE due_at <= now() AND fired_at IS NULL AND settled_at IS NULL"
        )
        if due == 0:
            break
        await crash(world)  # the work is done once for nothing
        async with world.runtime.database.sessions(DatabaseRole.WORKER)() as session:
            work = world.runtime.work(session, await enter_as_clock(session, world.runtime.clock.shift))
            await fire_due(work)  # and once for good; then that worker dies as well
            await work.commit()
        steps += 1
    assert steps > 5
    await nobody_is_lost(admin)
    assert len(await escalated(world)) == 3
    once = (
        "SELECT max(times) FROM (SELECT count(*) AS times FROM audit_entries WHERE action = $1 GROUP BY subject_id) x"
    )
    for action in ("case.handed_over", "escalation.raised", "referral.rerouted", "referral.failed"):
        assert await admin.fetchval(once, action) == 1, action


async def test_a_case_that_is_being_opened_while_the_ngo_closes_is_found_when_it_is_looked_at_again(
    world: World, admin: asyncpg.Connection
) -> None:
    await ten(world)
    runtime = world.runtime
    async with runtime.database.sessions()() as session:
        actor = await enter(
            session, runtime.verifier.verify(token_of("alpha", runtime), runtime.clock.present()), runtime.clock
        )
        work = runtime.work(session, actor.now)
        permit = Authorisation(session, actor).own(Permission.CASE_OPEN)
        late = (await open_case(OpenCase(EntryChannel.NGO), permit, work)).reference
        await closed(world)
        await world.work_off()
        found = await escalated(world)
        await work.commit()
    later = world.later(timedelta(minutes=1, seconds=1))
    await later.work_off()
    assert (await escalated(later)).keys() == found.keys()
    assert (await later.get("beta", f"/cases/{late}"))["owner"] == "NGO-BETA", "of unknown age: a child till decided"
    await nobody_is_lost(admin, timedelta(minutes=2))
    await world.later(timedelta(minutes=5)).work_off()
    left = "SELECT count(*) FROM deadlines WHERE kind = 'organisation_changed' AND fired_at IS NULL"
    assert await admin.fetchval(left) == 0, "it is looked at until nothing is found, and then no more"


async def test_what_nobody_agreed_to_stays_sealed_for_whoever_is_named_until_the_person_agrees(world: World) -> None:
    case = (await ten(world)).cases["consent names Alpha alone"]
    await closed(world)
    await world.work_off()
    left = (await assigned(world, case, "NGO-BETA"))[case]
    assert (left["reason"], left["organisation"], left["assigned"]) == ("no_consent", "NGO-BETA", None)
    assert (await world.get("beta", f"/cases/{case}"))["person"]["compartments"] == []
    await world.get("beta", f"/cases/{case}/person/identity", expect=403)
    again = (await assigned(world, case, "NGO-BETA"))[case]
    assert again["reason"] == "no_consent", "naming it twice opens nothing"
    new = {"recipients": ["organisation:NGO-BETA"], "compartments": ["identity", "contact"]}
    await consented(world, case, "beta", **new)
    await world.get("beta", f"/cases/{case}/person/identity", expect=403)
    assert case not in await assigned(world, case, "NGO-BETA")
    assert (await world.get("beta", f"/cases/{case}/person/identity"))["fields"] == PERSON
    await world.get("beta", f"/cases/{case}/person/narrative", expect=403)


async def test_the_coordinator_cannot_hand_a_case_through_a_conflict_wall(world: World) -> None:
    case = (await ten(world)).cases["walled from Beta"]
    await closed(world)
    await world.work_off()
    left = (await assigned(world, case, "NGO-BETA"))[case]
    assert (left["reason"], left["assigned"]) == ("conflict_wall", None)
    await world.get("beta", f"/cases/{case}", expect=404)
    assert case not in str(await world.get("beta", "/notifications"))
    assert case not in await assigned(world, case, "POLICE")
    assert (await world.get("police", f"/cases/{case}"))["owner"] == "POLICE"


@pytest.mark.parametrize("wall", ["organisation", "staff"])
async def test_a_coordinator_behind_a_wall_learns_of_no_escalation(world: World, wall: str) -> None:
    case = (await ten(world)).cases["just opened"]
    named = {"organisation": "COORDINATION"} if wall == "organisation" else {"staff": "coordinator"}
    await world.post("alpha", f"/cases/{case}/walls", named)
    await closed(world)
    await world.work_off()
    assert case not in await escalated(world)
    assert case not in str(await world.get("coordinator", "/notifications"))
