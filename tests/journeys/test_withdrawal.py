"""The person takes consent back while help is under way: it acts in one transaction, everywhere."""

from datetime import timedelta

import asyncpg

from tests.journeys.scenes import CONSENT, carried, consented, opened, referred, sealed_rows, supported, told
from tests.world import World

SUPPORT = "refer-for-support"


async def three_under_way(world: World, case: str) -> dict[str, str]:
    """Return one referral that was received, one accepted and one in service, by the receiver."""
    received = await referred(world, case, "NGO-BETA", "legal", SUPPORT)
    accepted = await referred(world, case, "SHELTER-NORTH")
    served = await referred(world, case, "SHELTER-SOUTH", "psychosocial", SUPPORT)
    await carried(world, received, "beta", "receipt")
    await carried(world, accepted, "north", "receipt", "acceptance")
    await carried(world, served, "south", "receipt", "acceptance", "service-start")
    return {"beta": received, "north": accepted, "south": served}


async def test_a_withdrawal_half_way_ends_everything_that_rests_on_the_consent_at_once(
    world: World, admin: asyncpg.Connection
) -> None:
    case, consent = await supported(world)
    referrals = await three_under_way(world, case)
    for reference in referrals.values():
        assert min(await sealed_rows(admin, reference)) > 0
    taken_back = await world.post("alpha", f"/cases/{case}/consents/{consent}/withdrawal")
    assert (taken_back["decision"], taken_back["version"]) == ("withdrawn", 2)
    for receiver, reference in referrals.items():
        seen = await world.get(receiver, f"/referrals/{reference}")
        assert (seen["status"], seen["compartments"]) == ("withdrawn_by_person", [])
        assert (await world.ask(receiver, "GET", f"/referrals/{reference}/package")).status_code in {404, 409}
        await world.get(receiver, f"/cases/{case}", expect=404)
        assert await sealed_rows(admin, reference) == (0, 0), receiver
        assert (await told(world, receiver, reference))[-1] == "referral_recalled"
    running = "SELECT count(*) FROM case_access WHERE relation = 'receiver' AND valid_until > now()"
    assert await admin.fetchval(running) == 0
    episodes = await world.get("alpha", f"/cases/{case}/service-episodes")
    assert [(one["provider"], one["outcome"]) for one in episodes] == [("SHELTER-SOUTH", "declined_by_person")]
    assert (await world.get("alpha", f"/cases/{case}"))["support"] == "stopped"
    instants = await admin.fetchval(
        "SELECT count(DISTINCT at) FROM referral_events WHERE status = 'withdrawn_by_person'"
    )
    assert instants == 1, "one transaction, one instant"


async def test_nobody_can_go_on_with_a_withdrawn_referral(world: World) -> None:
    case, consent = await supported(world)
    referrals = await three_under_way(world, case)
    await world.post("alpha", f"/cases/{case}/consents/{consent}/withdrawal")
    attempts = [
        ("beta", "acceptance", None),
        ("north", "service-start", None),
        ("south", "completion", {"outcome": "full"}),
    ]
    for receiver, act, body in attempts:
        refused = await world.act(receiver, referrals[receiver], act, body, expect=409)
        assert refused["current"] == "withdrawn_by_person"
    again = await world.post("alpha", f"/cases/{case}/consents/{consent}/withdrawal", expect=409)
    assert again["current"] == "withdrawn"
    await world.work_off()
    later = world.later(timedelta(days=40))
    await later.work_off()
    for receiver, reference in referrals.items():
        assert "referral_overdue" not in await told(later, receiver, reference)
        assert (await later.get(receiver, f"/referrals/{reference}"))["status"] == "withdrawn_by_person"


async def test_narrowing_ends_what_it_no_longer_covers_and_nothing_else(
    world: World, admin: asyncpg.Connection
) -> None:
    case, consent = await supported(world)
    referrals = await three_under_way(world, case)
    narrower = {**CONSENT, "recipients": ["organisation:SHELTER-NORTH", "organisation:NGO-BETA"]}
    narrower["compartments"] = ["identity", "contact", "location"]
    version = await world.post("alpha", f"/cases/{case}/consents/{consent}/versions", narrower)
    assert version["version"] == 2
    states = {who: (await world.get(who, f"/referrals/{one}"))["status"] for who, one in referrals.items()}
    expected = {"north": "accepted", "beta": "withdrawn_by_person", "south": "withdrawn_by_person"}
    assert states == expected, "the lawyer's package held the narrative, and South is no recipient any more"
    assert await sealed_rows(admin, referrals["south"]) == (0, 0)
    assert min(await sealed_rows(admin, referrals["north"])) > 0
    wider = await world.ask("alpha", "POST", f"/cases/{case}/consents/{consent}/versions", CONSENT)
    assert (wider.status_code, wider.json()["code"]) == (422, "invalid-input")


async def test_narrowing_the_purposes_ends_the_referrals_that_served_the_others(world: World) -> None:
    case, consent = await supported(world)
    shelter = await referred(world, case)
    state = await referred(world, case, "MIGRATION", "state_identification", "refer-for-state-identification")
    await carried(world, shelter, "north", "receipt", "acceptance")
    narrower = {**CONSENT, "purposes": ["identification"]}
    await world.post("alpha", f"/cases/{case}/consents/{consent}/versions", narrower)
    assert (await world.get("north", f"/referrals/{shelter}"))["status"] == "withdrawn_by_person"
    assert (await world.get("migration", f"/referrals/{state}"))["status"] == "sent"


async def test_a_shorter_consent_shortens_what_was_granted_under_it(world: World) -> None:
    case, consent = await supported(world)
    accepted = await referred(world, case)
    waiting = await referred(world, case, "SHELTER-SOUTH", "psychosocial", SUPPORT)
    await carried(world, accepted, "north", "receipt", "acceptance")
    await carried(world, waiting, "south", "receipt")
    await world.post("alpha", f"/cases/{case}/consents/{consent}/versions", {**CONSENT, "valid_days": 2})
    await carried(world, waiting, "south", "acceptance")
    await world.get("north", f"/referrals/{accepted}/package")
    later = world.later(timedelta(days=3))
    for receiver, reference in (("north", accepted), ("south", waiting)):
        await later.get(receiver, f"/referrals/{reference}/package", expect=403)
        await later.get(receiver, f"/cases/{case}", expect=404)


async def test_a_draft_is_withdrawn_too_and_its_receiver_never_hears_of_it(world: World) -> None:
    case, consent = await supported(world)
    draft = await referred(world, case, draft=True)
    await world.post("alpha", f"/cases/{case}/consents/{consent}/withdrawal")
    assert (await world.get("alpha", f"/referrals/{draft}"))["status"] == "withdrawn_by_person"
    assert await told(world, "north", draft) == []


async def test_an_expired_consent_counts_as_not_asked_and_opens_nothing(world: World) -> None:
    case = await opened(world)
    await consented(world, case, valid_days=1, purposes=["support"])
    draft_body = {"step": "refer-for-urgent-care", "service": "medical", "recipient": "SHELTER-NORTH"}
    draft = (await world.post("alpha", f"/cases/{case}/referrals", {**draft_body, "draft": True}))["reference"]
    later = world.later(timedelta(days=2))
    assert (await later.post("alpha", f"/cases/{case}/referrals", draft_body, expect=409))["code"] == "consent-missing"
    assert (await later.act("alpha", draft, "sending", expect=409))["code"] == "consent-missing"
    await consented(later, case, purposes=["support"])
    assert (await later.act("alpha", draft, "sending"))["status"] == "sent"


async def test_what_was_not_told_yet_of_a_withdrawn_referral_is_told_no_more_but_for_the_recall(
    world: World, admin: asyncpg.Connection
) -> None:
    kinds = ["referral_arrived", "referral_recalled"]
    await world.post("north", "/webhooks", {"url": "https://receiver.example/hook", "kinds": kinds})
    case, consent = await supported(world)
    withdrawn = await referred(world, case)
    await world.post("alpha", f"/cases/{case}/consents/{consent}/withdrawal")
    rows = await admin.fetch(
        "SELECT n.kind, d.state FROM deliveries d JOIN notifications n ON n.id = d.notification_id "
        "WHERE n.reference = $1 ORDER BY n.kind",
        withdrawn,
    )
    assert [tuple(row) for row in rows] == [("referral_arrived", "withheld"), ("referral_recalled", "waiting")]
    assert await told(world, "north", withdrawn) == ["referral_arrived", "referral_recalled"]
