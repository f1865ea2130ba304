"""Contacts, cases, persons and referrals are never muddled; vulnerable migrants are counted apart."""

from datetime import timedelta
from typing import Any

from tests.journeys.scenes import ADULT, carried, consented, opened, referred, supported, taken_over
from tests.world import World

Counts = dict[tuple[str, str, str], int]
VICTIMS, MIGRANTS = "victims_of_trafficking", "vulnerable_migrants"


def call(*persons: dict[str, Any], **more: Any) -> dict[str, Any]:
    cases = [{"entry_channel": "hotline", "person": person} for person in persons]
    return {"channel": "call", "language": "ky", "topic": "possible_trafficking", "cases": cases, **more}


async def funnel(world: World) -> Counts:
    """Return the funnel: stage, unit and population of each line, with its count."""
    stages = (await world.get("coordinator", "/caseload/funnel"))["stages"]
    counts = {(one["stage"], one["unit"], one["population"]): one["count"] for one in stages}
    assert len(counts) == len(stages)
    return counts


async def test_two_calls_about_two_persons_and_three_calls_about_one(world: World) -> None:
    man, sister = {**ADULT, "sex": "male"}, ADULT
    await world.post("hotline", "/contacts", call(man))
    await world.post("hotline", "/contacts", call(sister))
    counts = await funnel(world)
    assert counts["contacts", "contacts", "all"] == 2
    assert counts["cases", "cases", VICTIMS] == counts["persons", "persons", VICTIMS] == 2
    assert counts["contacts_about_cases", "contacts", VICTIMS] == 2

    case = (await world.post("hotline", "/contacts", call(man)))["cases"][0]
    for _ in range(2):
        later = await world.post("hotline", "/contacts", call())
        linked = await world.ask("hotline", "PUT", f"/contacts/{later['id']}/cases/{case}")
        assert (linked.status_code, linked.json()["cases"]) == (200, [case])
    counts = await funnel(world)
    assert counts["contacts", "contacts", "all"] == 2 + 3
    assert counts["contacts_about_cases", "contacts", VICTIMS] == 2 + 3
    assert counts["cases", "cases", VICTIMS] == counts["persons", "persons", VICTIMS] == 2 + 1
    assert counts["sent", "referrals", VICTIMS] == 0

    again = await world.ask("hotline", "PUT", f"/contacts/{later['id']}/cases/{case}")
    assert again.json()["cases"] == [case], "saying it twice changes nothing"
    assert await funnel(world) == counts


async def test_nobody_learns_from_a_link_that_a_person_is_known(world: World) -> None:
    foreign = await opened(world, "beta")
    handed = await opened(world, "hotline", "hotline")
    await consented(world, handed, "hotline")
    await taken_over(world, handed)
    contact = (await world.post("hotline", "/contacts", call()))["id"]
    answers = [
        await world.ask("hotline", "PUT", f"/contacts/{contact}/cases/{reference}")
        for reference in (foreign, handed, "C-0000-0000-0000-0000")
    ]
    assert {(answer.status_code, answer.text) for answer in answers} == {(404, answers[-1].text)}
    mine = await opened(world, "alpha")
    answer = await world.ask("alpha", "PUT", f"/contacts/{contact}/cases/{mine}")
    assert answer.status_code == 404, "another organisation's contact"


async def test_a_linked_contact_is_hidden_from_whom_a_wall_hides_the_case(world: World) -> None:
    contact = (await world.post("alpha", "/contacts", call(channel="visit")))["id"]
    case = await opened(world)
    await world.ask("alpha", "PUT", f"/contacts/{contact}/cases/{case}")
    await world.get("alpha2", f"/contacts/{contact}")
    await world.post("alpha", f"/cases/{case}/walls", {"staff": "second-caseworker-alpha"})
    await world.get("alpha2", f"/contacts/{contact}", expect=404)
    await world.post("alpha", f"/cases/{case}/walls", {"staff": "coordinator"})
    counts = await funnel(world)
    assert counts["contacts", "contacts", "all"] == counts["persons", "persons", VICTIMS] == 0


async def test_referrals_and_services_are_counted_as_what_they_are(world: World) -> None:
    case, _ = await supported(world)
    for recipient, who in (("SHELTER-NORTH", "north"), ("NGO-BETA", "beta")):
        care = await referred(world, case, recipient, "medical", "refer-for-urgent-care")
        await carried(world, care, who, "receipt", "acceptance", "service-start")
    await world.act("beta", care, "completion", {"outcome": "full"})
    await world.post("alpha", f"/cases/{case}/service-episodes", {"service": "psychosocial"})
    counts = await funnel(world)
    assert counts["presumed_or_identified", "cases", VICTIMS] == counts["persons", "persons", VICTIMS] == 1
    assert [counts[stage, "referrals", VICTIMS] for stage in ("sent", "in_service", "completed")] == [2, 2, 1]
    assert counts["services_begun", "service_episodes", VICTIMS] == 3
    assert counts["services_given", "service_episodes", VICTIMS] == 1


async def test_vulnerable_migrants_are_counted_apart_and_never_as_victims(world: World) -> None:
    body = {"entry_channel": "ngo", "victim_type": "vulnerable_migrant", "person": ADULT, "compartments": {}}
    case = (await world.post("alpha", "/cases", body))["reference"]
    await consented(world, case)
    await referred(world, case, "NGO-BETA", "medical", "refer-for-urgent-care")
    counts = await funnel(world)
    assert counts["cases", "cases", MIGRANTS] == counts["persons", "persons", MIGRANTS] == 1
    assert counts["sent", "referrals", MIGRANTS] == 1
    assert {key: count for key, count in counts.items() if key[2] == VICTIMS and count} == {}
    assert ("presumed_or_identified", "cases", MIGRANTS) not in counts


async def test_how_people_heard_of_us_is_counted_for_ones_own_organisation_by_contact(world: World) -> None:
    for heard in ("internet", "internet", "friend_or_family"):
        await world.post("hotline", "/contacts", call(heard_of_us=heard))
    await world.post("hotline", "/contacts", call())
    await world.post("alpha", "/contacts", call(heard_of_us="police"))
    counted = await world.get("hotline", "/contacts/heard-of-us")
    assert counted["unit"] == "contacts"
    counts = {one["heard_of_us"]: one["count"] for one in counted["items"]}
    assert {code: count for code, count in counts.items() if count} == {
        "internet": 2,
        "friend_or_family": 1,
        "not_asked": 1,
    }
    assert counts["police"] == 0, "of others nothing is told"


async def test_due_callbacks_say_how_old_they_are_and_the_coordinator_sees_counts_alone(world: World) -> None:
    now = world.runtime.clock.present()
    old = await world.post(
        "hotline", "/contacts", call(channel="voicemail", made_at=(now - timedelta(days=6)).isoformat())
    )
    new = await world.post("hotline", "/contacts", call(channel="voicemail"))
    waiting = await world.get("hotline", "/contacts/callbacks")
    assert [one["id"] for one in waiting] == [old["id"], new["id"]]
    assert waiting[0]["waiting_minutes"] in {6 * 24 * 60, 6 * 24 * 60 + 1}
    assert waiting[0]["overdue_minutes"] > 0
    assert (waiting[1]["waiting_minutes"], waiting[1]["overdue_minutes"]) == (0, 0)
    counts = await world.get("coordinator", "/caseload/callbacks")
    assert counts["unit"] == "callbacks"
    assert [(one["organisation"], one["due"], one["overdue"]) for one in counts["items"]] == [("HOTLINE", 2, 1)]
    assert old["id"] not in str(counts)
    await world.get("hotline", "/caseload/callbacks", expect=403)
    case = await opened(world, "hotline", "hotline")
    await world.ask("hotline", "PUT", f"/contacts/{old['id']}/cases/{case}")
    await world.post("hotline", f"/cases/{case}/walls", {"organisation": "COORDINATION"})
    assert (await world.get("coordinator", "/caseload/callbacks"))["items"][0]["due"] == 1
