"""An adult from a hotline call to a completed service."""

from tests.journeys.scenes import ADULT, PERSON, carried, consented, identified, open_now, referred, taken_over
from tests.world import World

CALL = {
    "channel": "call",
    "language": "ky",
    "topic": "possible_trafficking",
    "cases": [
        {
            "entry_channel": "hotline",
            "person": ADULT,
            "compartments": {"identity": PERSON, "contact": {"phone": "+996 555 010203"}},
        }
    ],
}


async def test_an_adult_gets_from_a_call_to_a_completed_service(world: World) -> None:
    case = (await world.post("hotline", "/contacts", CALL))["cases"][0]
    await consented(world, case, "hotline")
    await taken_over(world, case)
    await world.work_off()
    assert (await world.get("alpha", f"/cases/{case}"))["relation"] == "owner"
    assert (await world.get("alpha", f"/cases/{case}/person/identity"))["fields"] == PERSON

    await world.post("alpha", f"/cases/{case}/assessments", {"danger": "low", "needs": ["psychosocial", "shelter"]})
    assert "refer-for-support" not in await open_now(world, case)
    await identified(world, case)
    assert "refer-for-support" in await open_now(world, case)

    shelter = await referred(world, case)
    assert (await world.get("focal", f"/referrals/{shelter}/status"))["status"] == "sent"
    await carried(world, shelter, "north", "receipt", "acceptance")
    package = await world.get("north", f"/referrals/{shelter}/package")
    assert package["compartments"]["identity"] == PERSON
    await carried(world, shelter, "north", "service-start")
    done = await world.act("north", shelter, "completion", {"outcome": "full"})
    assert done["status"] == "completed"
    await world.work_off()
    assert (await world.get("alpha", f"/cases/{case}"))["support"] == "completed"
    funnel = await world.get("coordinator", "/caseload/funnel")
    assert all(stage["count"] > 0 for stage in funnel["stages"]), funnel
