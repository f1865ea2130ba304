"""An adult from a hotline call to a completed service."""

from tests.journeys.scenes import ADULT, PERSON, SEALED, carried, consented, identified, open_now, referred, taken_over
from tests.world import World

BUT_NARRATIVE = {"identity": PERSON, "contact": SEALED["contact"], "location": SEALED["location"]}


async def called(world: World) -> str:
    """Let the hotline take a call that opens a case, and the person agree; returns the case."""
    case = {"entry_channel": "hotline", "person": ADULT, "compartments": SEALED}
    call = {"channel": "call", "language": "ky", "topic": "possible_trafficking", "cases": [case]}
    contact = await world.post("hotline", "/contacts", call)
    reference: str = contact["cases"][0]
    await consented(world, reference, "hotline")
    return reference


async def test_an_adult_gets_from_a_call_to_a_completed_service(world: World) -> None:
    case = await called(world)
    await taken_over(world, case)
    await world.work_off()
    assert (await world.get("alpha", f"/cases/{case}"))["relation"] == "owner"
    assert (await world.get("alpha", f"/cases/{case}/person/identity"))["fields"] == PERSON
    await world.post("alpha", f"/cases/{case}/assessments", {"danger": "low", "needs": ["psychosocial", "shelter"]})
    await identified(world, case)
    assert "refer-for-support" in await open_now(world, case)
    reference = await referred(world, case)
    assert (await world.get("focal", f"/referrals/{reference}/status"))["status"] == "sent"
    await carried(world, reference, "north", "receipt", "acceptance")
    assert (await world.get("north", f"/referrals/{reference}/package"))["compartments"] == BUT_NARRATIVE
    await carried(world, reference, "north", "service-start")
    done = await world.act("north", reference, "completion", {"outcome": "full"})
    assert (done["status"], done["outcome"]) == ("completed", "full")
    await world.work_off()
    assert (await world.get("alpha", f"/cases/{case}"))["support"] == "completed"
    funnel = await world.get("coordinator", "/caseload/funnel")
    apart = [stage["count"] for stage in funnel["stages"] if stage["population"] == "vulnerable_migrants"]
    assert set(apart) == {0}
    others = [stage["count"] for stage in funnel["stages"] if stage["population"] != "vulnerable_migrants"]
    assert all(others), funnel


async def test_before_acceptance_the_receiver_sees_a_request_and_no_person(world: World) -> None:
    case = await called(world)
    await taken_over(world, case)
    await identified(world, case)
    reference = await referred(world, case)
    arrived = (await world.get("north", "/referrals/inbox"))["items"][0]
    assert (arrived["reference"], arrived["status"]) == (reference, "sent")
    await carried(world, reference, "north", "receipt")
    seen = await world.get("north", f"/referrals/{reference}")
    assert (seen["case"], seen["compartments"]) == (None, [])
    assert {one["because"] for one in seen["withheld"]} == {"not-accepted"}
    await world.get("north", f"/cases/{case}", expect=404)
    assert (await world.ask("north", "GET", f"/referrals/{reference}/package")).status_code == 409
    for text in (PERSON["family_name"], SEALED["contact"]["phone"]):
        assert text not in str(seen)
