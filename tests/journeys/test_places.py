"""Shelter places: reserved for an accepted referral, occupied from its start, free from its end, never given twice."""

from datetime import datetime, timedelta
from typing import Any

import pytest

from tests.journeys.courses import begun, done, happened, values_in
from tests.journeys.scenes import carried, opened, referred, supported, told
from tests.journeys.test_capacity import answered, asked
from tests.world import World

ONE_WOMAN = {"sex": "women", "family": "single", "count": 1}
NO_PLACE = {"declined_by": "provider", "reason": "no_capacity"}


async def offered(world: World, who: str = "north", **changes: Any) -> dict[str, Any]:
    """Add places to a shelter; returns its whole list."""
    listed: dict[str, Any] = await world.post(who, "/places", {**ONE_WOMAN, **changes})
    return listed


async def accepted(world: World, case: str, **more: Any) -> str:
    """Refer to the northern shelter, which accepts."""
    reference = await referred(world, case, **more)
    await carried(world, reference, "north", "receipt", "acceptance")
    return reference


async def counts(world: World) -> tuple[int, int, int]:
    """Return how many places of the northern shelter are free, reserved and occupied."""
    listed = (await world.get("north", "/places"))["counts"]
    free, reserved, occupied = (sum(one[state] for one in listed) for state in ("free", "reserved", "occupied"))
    return free, reserved, occupied


async def told_free(world: World, code: str = "SHELTER-NORTH") -> tuple[str | None, list[tuple[str, str, str]]]:
    """Return what the directory tells a hotline about the places of a shelter."""
    items = (await world.get("hotline", "/organisations"))["items"]
    found = next(one for one in items if one["code"] == code)
    return found["free_places"], [(one["sex"], one["family"], one["free"]) for one in found["place_types"]]


async def stay_of(world: World, case: str) -> str:
    """Return the stay that an admission opened beside a case."""
    (stay,) = await world.get("north", f"/cases/{case}/courses")
    reference: str = stay["reference"]
    return reference


async def facts_of(world: World, stay: str) -> tuple[str, str]:
    """Return whether the person stays, and how far the stay is."""
    values = await values_in(world, stay, "north")
    return values["stay"], values["length"]


async def test_from_the_question_to_the_leaving(world: World) -> None:
    assert await told_free(world) == ("unknown", [])
    assert await told_free(world, "NGO-ALPHA") == (None, [])
    await offered(world)
    assert await told_free(world) == ("yes", [("women", "single", "yes")])
    case, _ = await supported(world)
    question = await asked(world, case)
    await answered(world, question)
    referral = await accepted(world, case, capacity_question=question)
    reserved = await world.post("north", f"/referrals/{referral}/placement", {})
    assert (reserved["status"], reserved["places"]) == ("reserved", [1])
    assert await counts(world) == (0, 1, 0)
    assert await told_free(world) == ("no", [("women", "single", "no")])
    await world.act("north", referral, "service-start")
    path = f"/referrals/{referral}/placement"
    assert (await world.get("north", path))["status"] == "occupied"
    assert await counts(world.later(timedelta(days=5))) == (0, 0, 1), "an admission does not end with its reservation"
    stay = await stay_of(world, case)
    assert await facts_of(world, stay) == ("staying", "first_days")
    near = world.later(timedelta(days=80))
    assert await facts_of(near, stay) == ("staying", "near_limit")
    await happened(near, stay, "extension", "asked", "north")
    until = near.day(60)
    await done(near, stay, "decide-extension", "north", fact="extension", value="granted", on_day=until)
    assert await facts_of(near, stay) == ("staying", "settled"), "the extension moved the end"
    over = world.later(timedelta(days=141))
    assert await facts_of(over, stay) == ("staying", "at_limit")
    assert await counts(over) == (0, 0, 1), "nobody is put out by a clock"
    version = await world.version("north", path)
    refused = await over.post("north", f"{path}/leaving", version=version, expect=409)
    assert (refused["code"], refused["step"]) == ("step-not-open", "record-leaving")
    assert (await over.act("north", referral, "completion", {"outcome": "full"}, expect=409))["code"] == "step-not-open"
    await done(over, stay, "find-next-place", "north", value="found")
    left = await over.post("north", f"{path}/leaving", version=version)
    assert left["status"] == "left"
    assert (await values_in(over, stay, "north"))["stay"] == "left"
    assert await counts(over) == (1, 0, 0)
    assert await told_free(over) == ("yes", [("women", "single", "yes")])
    await over.act("north", referral, "completion", {"outcome": "full"})
    tomorrow = over.day(1)
    await happened(over, stay, "grant_report", "due", "north", on_day=tomorrow)
    after = world.later(timedelta(days=143))
    await done(after, stay, "report-grant", "north")
    await done(after, stay, "close-stay", "north")


@pytest.mark.parametrize(
    ("who", "act", "body"),
    [
        ("alpha", "withdrawal", None),
        ("north", "failure", {"reason": "could_not_be_reached"}),
        ("alpha", "error-mark", None),
    ],
)
async def test_an_end_before_admission_frees_the_reservation(
    world: World, who: str, act: str, body: dict[str, str] | None
) -> None:
    await offered(world)
    referral = await accepted(world, (await supported(world))[0])
    await world.post("north", f"/referrals/{referral}/placement", {})
    await world.act(who, referral, act, body)
    assert await counts(world) == (1, 0, 0)
    assert (await world.get("north", f"/referrals/{referral}/placement"))["status"] == "released"
    assert (await world.ask("north", "GET", f"/referrals/{referral}/package")).status_code == 409


async def test_a_withdrawn_consent_frees_the_place_and_takes_the_package(world: World) -> None:
    await offered(world)
    case, consent = await supported(world)
    referral = await accepted(world, case)
    await world.post("north", f"/referrals/{referral}/placement", {})
    await world.act("north", referral, "service-start")
    await world.post("alpha", f"/cases/{case}/consents/{consent}/withdrawal")
    assert await counts(world) == (1, 0, 0)
    assert (await world.get("north", f"/referrals/{referral}/placement"))["status"] == "left"
    assert (await world.ask("north", "GET", f"/referrals/{referral}/package")).status_code == 409


async def test_a_reservation_that_nobody_uses_ends_by_itself(world: World) -> None:
    """The place is free from the instant on, with no worker; the worker only tells."""
    await offered(world)
    referral = await accepted(world, (await supported(world))[0])
    await world.post("north", f"/referrals/{referral}/placement", {})
    late = world.later(timedelta(hours=73))
    assert await counts(late) == (1, 0, 0)
    refused = await late.act("north", referral, "service-start", expect=409)
    assert refused["current"] == "no-place-reserved"
    await late.work_off()
    assert (await told(late, "north", referral))[-1] == "reservation_expired"
    again = await late.post("north", f"/referrals/{referral}/placement", {})
    assert (again["status"], again["places"]) == ("reserved", [1])
    assert (await late.act("north", referral, "service-start"))["status"] == "in_service"


async def test_a_family_takes_places_together_or_not_at_all(world: World) -> None:
    await offered(world, family="with_children", count=2)
    await offered(world, sex="any", family="with_children", count=1)
    mother = await accepted(world, (await supported(world))[0])
    refused = await world.post("north", f"/referrals/{mother}/placement", {"children": 2}, expect=409)
    assert (refused["code"], refused["wanted"], refused["family"]) == ("no-free-place", 3, "with_children")
    assert await counts(world) == (3, 0, 0), "not one place was taken"
    placed = await world.post("north", f"/referrals/{mother}/placement", {"children": 1})
    assert placed["places"] == [1, 2], "places for anybody are kept for who needs them"
    assert await counts(world) == (1, 2, 0)
    await world.act("alpha", mother, "withdrawal")
    assert await counts(world) == (3, 0, 0), "the places of a family come free together"


@pytest.mark.parametrize(
    ("person", "sex", "family", "fits"),
    [
        ({}, "men", "single", False),
        ({}, "any", "single", True),
        ({}, "women", "with_children", False),
        ({"sex": "male"}, "men", "single", True),
        ({"sex": "unknown"}, "women", "single", False),
        ({"sex": "unknown"}, "any", "single", True),
        ({"age_band": "unknown"}, "women", "unaccompanied_child", True),
        ({"age_band": "unknown"}, "women", "single", False),
    ],
)
async def test_a_place_is_given_only_to_whom_its_type_fits(
    world: World,
    person: dict[str, str],
    sex: str,
    family: str,
    fits: bool,  # noqa: FBT001
) -> None:
    await offered(world, sex=sex, family=family)
    referral = await accepted(world, (await supported(world, **person))[0])
    answer = await world.ask("north", "POST", f"/referrals/{referral}/placement", {})
    assert (answer.status_code, answer.json().get("code")) == ((201, None) if fits else (409, "no-free-place"))


async def test_a_place_out_of_order_or_not_offered_is_given_to_nobody(world: World) -> None:
    listed = await offered(
        world, count=2, offered_until=(datetime.fromisoformat("2199-01-01T00:00:00+00:00")).isoformat()
    )
    for place in listed["items"]:
        change = {"out_of_order": True} if place["number"] == 1 else {"offered_until": "2026-01-01T00:00:00Z"}
        answer = await world.ask("north", "PATCH", f"/places/{place['id']}", change, version=1)
        assert answer.status_code == (200 if place["number"] == 1 else 422), "an offer does not end before it begins"
    second = listed["items"][1]
    soon = (datetime.fromisoformat(second["offered_from"]) + timedelta(hours=1)).isoformat()
    assert (await world.ask("north", "PATCH", f"/places/{second['id']}", {"offered_until": soon}, version=1)).is_success
    later = world.later(timedelta(hours=2))
    states = [place["state"] for place in (await later.get("north", "/places"))["items"]]
    assert states == ["out_of_order", "not_offered"]
    assert await told_free(later) == ("no", [("women", "single", "no")])
    referral = await accepted(later, (await supported(later))[0])
    refused = await later.post("north", f"/referrals/{referral}/placement", {}, expect=409)
    assert refused["code"] == "no-free-place"
    path = f"/places/{listed['items'][0]['id']}"
    assert (await later.ask("north", "PATCH", path, {"out_of_order": False}, version=1)).status_code == 412
    assert (await later.ask("north", "PATCH", path, {"out_of_order": False}, version=2)).status_code == 200
    assert (await later.post("north", f"/referrals/{referral}/placement", {}))["places"] == [1]


async def test_places_are_reserved_for_accepted_referrals_by_their_own_shelter_alone(world: World) -> None:
    await offered(world)
    referral = await referred(world, (await supported(world))[0])
    await carried(world, referral, "north", "receipt")
    path = f"/referrals/{referral}/placement"
    assert (await world.post("north", path, {}, expect=409))["current"] == "received"
    await carried(world, referral, "north", "acceptance")
    await world.post("south", path, {}, expect=404)
    await world.post("alpha", path, {}, expect=403)
    assert (await world.act("north", referral, "service-start", expect=409))["current"] == "no-place-reserved"
    await world.post("north", path, {})
    assert (await world.post("north", path, {}, expect=409))["current"] == "reserved"
    refused = await world.post("north", f"{path}/leaving", version=1, expect=409)
    assert refused["current"] == "nobody-stays"


async def test_a_shelter_that_keeps_no_places_here_works_as_before(world: World) -> None:
    referral = await accepted(world, (await supported(world))[0])
    assert (await world.act("north", referral, "service-start"))["status"] == "in_service"
    assert (await world.get("north", f"/referrals/{referral}/placement", expect=409))["current"] == "no-placement"


async def test_a_body_that_is_no_shelter_keeps_no_places_and_nobody_sees_anothers(world: World) -> None:
    await world.post("beta", "/places", ONE_WOMAN, expect=422)
    place = (await offered(world))["items"][0]
    assert (await world.get("south", "/places")) == {"items": [], "counts": []}
    answer = await world.ask("south", "PATCH", f"/places/{place['id']}", {"out_of_order": True}, version=1)
    assert answer.status_code == 404
    await world.get("hotline", "/places", expect=403)


async def test_a_stay_and_its_placement_cannot_say_two_things(world: World) -> None:
    """Where places are kept, the admission and the leaving are recorded with the placement, by no other way."""
    await offered(world)
    case, _ = await supported(world)
    referral = await accepted(world, case)
    path = f"/referrals/{referral}/placement"
    stay = await begun(world, case, "stay", "north")
    by_hand = {"fact": "stay", "value": "staying"}
    refused = await world.post("north", f"/courses/{stay}/steps/decide-admission", by_hand, expect=422)
    assert refused["reason"] == "this step is done by recording what it is about"
    await world.post("north", path, {})
    assert (await values_in(world, stay, "north"))["stay"] == "asked"
    await world.act("north", referral, "service-start")
    assert await stay_of(world, case) == stay, "the admission moves the stay that was opened before"
    assert (await values_in(world, stay, "north"))["stay"] == "staying"
    await world.post("north", f"/courses/{stay}/steps/decide-admission", by_hand, expect=409)
    await happened(world, stay, "wish", "leave", "north")
    await world.post("north", f"/courses/{stay}/steps/record-leaving", {}, expect=422)
    await world.act("alpha", referral, "withdrawal")
    assert (await values_in(world, stay, "north"))["stay"] == "left", "whoever ends the referral ends the stay"
    assert await counts(world) == (1, 0, 0)


async def test_who_is_declined_admission_holds_no_place_and_is_not_admitted(world: World) -> None:
    await offered(world)
    case, _ = await supported(world)
    referral = await accepted(world, case)
    stay = await begun(world, case, "stay", "north")
    await world.post("north", f"/referrals/{referral}/placement", {})
    await done(world, stay, "decide-admission", "north", fact="stay", value="declined")
    assert await counts(world) == (1, 0, 0)
    await world.post("north", f"/referrals/{referral}/placement", {})
    refused = await world.act("north", referral, "service-start", expect=409)
    assert (refused["code"], refused["step"]) == ("step-not-open", "decide-admission")


async def test_nobody_is_admitted_without_the_consent_that_the_procedure_wants(world: World) -> None:
    await offered(world)
    case = await opened(world)
    await world.post("alpha", f"/cases/{case}/assessments", {"danger": "imminent"})
    sent = {"step": "offer-emergency-shelter", "service": "shelter", "recipient": "SHELTER-NORTH"}
    sent["reason"] = "threatened with death"
    referral = (await world.post("alpha", f"/cases/{case}/referrals", sent))["reference"]
    await carried(world, referral, "north", "receipt", "acceptance")
    await world.post("north", f"/referrals/{referral}/placement", {})
    admitted = await world.act("north", referral, "service-start")
    assert admitted["status"] == "in_service", "imminent danger is the basis instead of consent"
