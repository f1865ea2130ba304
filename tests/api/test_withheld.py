"""What is withheld is said to be withheld: never null, never as if it were not there."""

from tests.api.prepared import CONSENT, PERSON, Prepared
from tests.world import World

EVERY = {"identity", "contact", "location", "narrative", "health", "legal"}
SEALED = {
    "identity": {"given_name": "Fictional"},
    "contact": {"phone": "+000 000 000000"},
    "health": {"diet": "none"},
}


async def test_the_owner_sees_what_may_be_opened_and_why_the_rest_is_withheld(shared_world: World) -> None:
    body = {"entry_channel": "ngo", "person": PERSON, "compartments": SEALED}
    case = (await shared_world.post("alpha", "/cases", body))["reference"]
    person = (await shared_world.get("alpha", f"/cases/{case}"))["person"]
    assert set(person["compartments"]) == set(SEALED)
    withheld = {one["compartment"]: one["because"] for one in person["withheld"]}
    assert withheld == dict.fromkeys(EVERY - set(SEALED), "empty")
    assert "Fictional" not in str(person)


async def test_a_role_that_may_not_open_a_compartment_is_told_so(shared_world: World) -> None:
    body = {"entry_channel": "hotline", "compartments": SEALED}
    case = (await shared_world.post("hotline", "/cases", body))["reference"]
    person = (await shared_world.get("hotline", f"/cases/{case}"))["person"]
    withheld = {one["compartment"]: one["because"] for one in person["withheld"]}
    assert withheld == {"health": "role", "legal": "role", "location": "empty", "narrative": "empty"}
    refused = await shared_world.ask("hotline", "GET", f"/cases/{case}/person/health")
    assert (refused.status_code, refused.json()["code"]) == (403, "not-permitted")


async def test_a_receiver_sees_a_withheld_value_as_withheld_and_not_as_absent(shared_world: World) -> None:
    prepared = Prepared(shared_world)
    referral = await prepared.named("referral:received")
    before = await shared_world.get("north", f"/referrals/{referral}")
    assert before["compartments"] == []
    assert {one["because"] for one in before["withheld"]} == {"not-accepted"}
    refused = await shared_world.ask("north", "GET", f"/referrals/{referral}/package")
    assert refused.status_code in {403, 409}
    await shared_world.act("north", referral, "acceptance")
    after = await shared_world.get("north", f"/referrals/{referral}")
    assert set(after["compartments"]) == {"identity", "contact", "location"}
    assert after["withheld"] == []
    case = await shared_world.get("north", f"/cases/{await prepared.named('case')}")
    person = case["person"]
    assert {one["compartment"] for one in person["withheld"]} == EVERY
    for name in person["withheld_attributes"]:
        assert person[name] in ("withheld", ["withheld"]), "neither null nor a kind of not knowing"
    assert None not in person.values()


async def test_the_sender_keeps_the_status_and_is_told_that_the_package_is_not_theirs(shared_world: World) -> None:
    referral = await Prepared(shared_world).named("referral:accepted")
    shown = await shared_world.get("alpha", f"/referrals/{referral}")
    assert shown["compartments"] == []
    assert {one["because"] for one in shown["withheld"]} == {"package-is-the-receivers"}
    refused = await shared_world.ask("alpha", "GET", f"/referrals/{referral}/package")
    assert refused.status_code == 403


async def test_a_consent_that_was_never_asked_for_shows_in_the_steps(shared_world: World) -> None:
    case = await Prepared(shared_world).named("opened")
    await shared_world.post("alpha", f"/cases/{case}/assessments", {"danger": "high"})
    steps = await shared_world.get("alpha", f"/cases/{case}/next-steps")
    (shelter,) = [step for step in steps["open"] if step["step"] == "offer-emergency-shelter"]
    assert [one["code"] for one in shelter["consent_missing"]] == ["support"]
    assert shelter["rests_on"] is None
    await shared_world.post("alpha", f"/cases/{case}/consents", CONSENT)
    steps = await shared_world.get("alpha", f"/cases/{case}/next-steps")
    (shelter,) = [step for step in steps["open"] if step["step"] == "offer-emergency-shelter"]
    assert (shelter["consent_missing"], shelter["rests_on"]) == ([], "consent")
