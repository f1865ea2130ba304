"""What becomes of a referral besides yes: no, no answer, a question, a waiting list, a second try."""

from datetime import timedelta

import asyncpg
import pytest

from tests.journeys.scenes import carried, open_now, referred, sealed_rows, supported, told
from tests.world import World

NO_PLACE = {"declined_by": "provider", "reason": "no_capacity"}


async def test_a_declined_referral_is_tried_elsewhere_and_the_two_are_linked(
    world: World, admin: asyncpg.Connection
) -> None:
    case, _ = await supported(world)
    first = await referred(world, case)
    await carried(world, first, "north", "receipt")
    declined = await world.act("north", first, "decline", NO_PLACE)
    assert (declined["history"][-1]["reason"], declined["history"][-1]["declined_by"]) == ("no_capacity", "provider")
    assert await sealed_rows(admin, first) == (0, 0), "who declined keeps nothing"
    await world.work_off()
    assert "refer-for-shelter" in await open_now(world, case)
    second = await referred(world, case, "SHELTER-SOUTH", earlier_referral=first)
    seen = await world.get("alpha", f"/referrals/{second}")
    assert (seen["earlier_referral"], seen["warnings"]) == (first, [])
    await carried(world, second, "south", "receipt", "acceptance")
    assert (await world.get("alpha", f"/referrals/{first}"))["status"] == "declined"
    assert await told(world, "alpha", first) == ["referral_changed", "referral_changed"]


async def test_a_second_referral_to_a_service_that_is_asked_for_already_warns_and_is_sent(world: World) -> None:
    case, _ = await supported(world)
    await referred(world, case, "NGO-BETA", "legal", "refer-for-support")
    body = {"step": "refer-for-support", "service": "legal", "recipient": "NGO-BETA"}
    again = await world.post("alpha", f"/cases/{case}/referrals", body)
    assert (again["warnings"], again["status"]) == (["duplicate-referral"], "sent")
    other = await world.post("alpha", f"/cases/{case}/referrals", {**body, "service": "documents"})
    assert other["warnings"] == []


async def test_an_unanswered_referral_escalates_once_and_then_expires_for_the_sender_to_try_again(
    world: World, admin: asyncpg.Connection
) -> None:
    case, _ = await supported(world)
    reference = await referred(world, case)
    await carried(world, reference, "north", "receipt")
    await world.work_off()
    assert "refer-for-shelter" not in await open_now(world, case)
    late = world.later(timedelta(hours=73))
    await late.work_off()
    assert await told(late, "coordinator", reference) == ["referral_overdue"]
    overdue = (await late.get("focal", "/referrals/overdue"))["items"]
    assert [(one["reference"], one["receiver"]) for one in overdue] == [(reference, "SHELTER-NORTH")]
    assert await late.work_off() == 0
    assert await told(late, "coordinator", reference) == ["referral_overdue"], "nobody is called twice for one thing"
    over = world.later(timedelta(days=8))
    await over.work_off()
    seen = await over.get("alpha", f"/referrals/{reference}")
    assert (seen["status"], seen["history"][-1]["by"], seen["overdue"]) == ("expired", None, False)
    assert (await told(over, "alpha", reference))[-1] == "referral_expired"
    assert await told(over, "coordinator", reference) == ["referral_overdue", "referral_expired"]
    assert (await told(over, "north", reference)).count("referral_expired") == 1
    assert await sealed_rows(admin, reference) == (0, 0)
    assert (await over.get("focal", "/referrals/overdue"))["items"] == []
    steps = await open_now(over, case)
    assert "refer-for-shelter" in steps
    assert steps["refer-for-support"]["due_at"] is not None, "nobody gives support, so it is due again"
    refused = await over.act("north", reference, "acceptance", expect=409)
    assert refused["current"] == "expired"


async def test_a_question_and_its_answer_are_read_by_both_sides_and_by_nobody_else(
    world: World, admin: asyncpg.Connection
) -> None:
    case, _ = await supported(world)
    reference = await referred(world, case)
    await carried(world, reference, "north", "receipt")
    asked = await world.act("north", reference, "question", {"text": "Is there a lift to be used?"})
    assert asked["status"] == "info_requested"
    await world.act("alpha", reference, "answer", {"text": "Yes, made-up needs."})
    for side in ("alpha", "north"):
        notes = await world.get(side, f"/referrals/{reference}/notes")
        assert [note["kind"] for note in notes] == ["question", "answer"]
        assert notes[1]["text"] == "Yes, made-up needs."
    await world.get("south", f"/referrals/{reference}/notes", expect=404)
    await world.get("coordinator", f"/referrals/{reference}/notes", expect=403)
    stored = await admin.fetchval("SELECT string_agg(encode(sealed, 'escape'), ' ') FROM sealed_values")
    assert "made-up" not in stored
    await carried(world, reference, "north", "acceptance")
    history = (await world.get("alpha", f"/referrals/{reference}"))["history"]
    expected = ["sent", "received", "info_requested", "received", "accepted"]
    assert [event["status"] for event in history] == expected


async def test_a_waiting_list_stops_the_clock_of_the_answer_but_not_the_expiry(world: World) -> None:
    case, _ = await supported(world)
    reference = await referred(world, case)
    await carried(world, reference, "north", "receipt", "waitlisting")
    late = world.later(timedelta(hours=73))
    await late.work_off()
    assert "referral_overdue" not in await told(late, "coordinator", reference)
    assert (await late.get("focal", f"/referrals/{reference}/status"))["overdue"] is False
    over = world.later(timedelta(days=8))
    await over.work_off()
    assert (await over.get("north", f"/referrals/{reference}"))["status"] == "expired"


@pytest.mark.parametrize(
    ("act", "body", "status"),
    [
        ("failure", {"reason": "could_not_be_reached"}, "failed"),
        ("completion", {"outcome": "partial"}, "completed"),
    ],
)
async def test_an_ended_service_leaves_its_receiver_nothing(
    world: World, admin: asyncpg.Connection, act: str, body: dict[str, str], status: str
) -> None:
    case, _ = await supported(world)
    reference = await referred(world, case)
    await carried(world, reference, "north", "receipt", "acceptance", "service-start")
    assert (await world.act("north", reference, act, body))["status"] == status
    assert await sealed_rows(admin, reference) == (0, 0)
    await world.get("north", f"/cases/{case}", expect=404)
    assert (await world.ask("north", "GET", f"/referrals/{reference}/package")).status_code == 409
    episode = (await world.get("alpha", f"/cases/{case}/service-episodes"))[0]
    assert episode["ended_at"] is not None


async def test_the_sender_revokes_before_acceptance_and_marks_an_error_at_any_time(
    world: World, admin: asyncpg.Connection
) -> None:
    case, _ = await supported(world)
    revoked = await referred(world, case)
    await world.act("alpha", revoked, "revocation")
    assert await told(world, "north", revoked) == ["referral_arrived", "referral_recalled"]
    wrong = await referred(world, case)
    await carried(world, wrong, "north", "receipt", "acceptance", "service-start")
    assert (await world.act("alpha", wrong, "revocation", expect=409))["current"] == "in_service"
    assert (await world.act("alpha", wrong, "error-mark"))["status"] == "entered_in_error"
    await world.get("north", f"/cases/{case}", expect=404)
    assert await sealed_rows(admin, wrong) == (0, 0)
    running = await admin.fetchval("SELECT count(*) FROM service_episodes WHERE ended_at IS NULL")
    assert running == 0, "a service of a referral that never should have been is not running"
    assert (await world.act("alpha", wrong, "error-mark", expect=409))["current"] == "entered_in_error"


async def test_a_draft_is_the_senders_own_until_it_is_sent(world: World) -> None:
    case, _ = await supported(world)
    draft = await referred(world, case, draft=True)
    await world.get("north", f"/referrals/{draft}", expect=404)
    await world.get("focal", f"/referrals/{draft}/status", expect=404)
    assert (await world.get("north", "/referrals/inbox"))["items"] == []
    assert (await world.get("alpha", f"/referrals/{draft}"))["respond_by"] is None
    sent = await world.act("alpha", draft, "sending")
    assert (sent["status"], sent["respond_by"] is not None) == ("sent", True)
    await carried(world, draft, "north", "receipt")


async def test_a_draft_is_not_sent_to_whom_a_conflict_wall_now_shuts_out(world: World) -> None:
    case, _ = await supported(world)
    draft = await referred(world, case, draft=True)
    await world.post("alpha", f"/cases/{case}/walls", {"organisation": "SHELTER-NORTH"})
    refused = await world.act("alpha", draft, "sending", expect=422)
    assert refused["field"] == "recipient"
    assert (await world.get("north", "/notifications"))["items"] == []


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"service": "medical"}, "service"),
        ({"priority": "normal"}, "priority"),
        ({"recipient": "NOBODY"}, "recipient"),
        ({"recipient": "NGO-ALPHA"}, "recipient"),
        ({"recipient": "POLICE"}, "recipient"),
        ({"compartments": ["identity", "health"]}, "compartments"),
        ({"earlier_referral": "R-0000-0000-0000-0000"}, "earlier_referral"),
    ],
)
async def test_a_referral_that_does_not_fit_its_step_is_refused(
    shared_world: World, change: dict[str, object], field: str
) -> None:
    world = shared_world
    case, _ = await supported(world)
    body = {"step": "refer-for-shelter", "service": "shelter", "recipient": "SHELTER-NORTH", **change}
    refused = await world.post("alpha", f"/cases/{case}/referrals", body, expect=422)
    assert refused["field"] == field
    assert await world.get("alpha", f"/cases/{case}/referrals") == []


async def test_a_draft_is_not_sent_to_an_organisation_that_was_suspended_meanwhile(
    world: World, admin: asyncpg.Connection
) -> None:
    case, _ = await supported(world)
    draft = await referred(world, case, draft=True)
    await admin.execute("UPDATE organisations SET status = 'suspended' WHERE code = 'SHELTER-NORTH'")
    assert (await world.act("alpha", draft, "sending", expect=422))["field"] == "recipient"
