"""An adult from a hotline call to a completed service."""

from tests.world import World

PERSON = {"given_name": "Aizada", "family_name": "Testova"}


async def test_an_adult_gets_from_a_call_to_a_completed_service(world: World) -> None:
    contact = await world.post(
        "hotline",
        "/contacts",
        {
            "channel": "call",
            "language": "ky",
            "topic": "possible_trafficking",
            "cases": [
                {
                    "entry_channel": "hotline",
                    "person": {"sex": "female", "age_band": "24--26", "citizenships": ["KG"], "languages": ["ky"]},
                    "compartments": {"identity": PERSON, "contact": {"phone": "+996 555 010203"}},
                }
            ],
        },
    )
    case = contact["cases"][0]
    consent = {
        "decision": "given",
        "giver": "self",
        "purposes": ["support", "identification"],
        "recipients": ["any"],
        "compartments": ["identity", "contact", "location", "narrative"],
        "obtained": "oral",
        "language": "ky",
        "informed_of": ["purpose", "how_to_withdraw"],
    }
    await world.post("hotline", f"/cases/{case}/steps/inform-of-rights/completion")
    await world.post("hotline", f"/cases/{case}/consents", consent)
    referral = await world.post(
        "hotline",
        f"/cases/{case}/referrals",
        {"step": "hand-over-case-management", "service": "case_management", "recipient": "NGO-ALPHA"},
    )
    await world.act("alpha", referral["reference"], "receipt")
    accepted = await world.act("alpha", referral["reference"], "acceptance")
    assert accepted["status"] == "accepted"
    await world.work_off()
    assert (await world.get("alpha", f"/cases/{case}"))["relation"] == "owner"
    identity = await world.get("alpha", f"/cases/{case}/person/identity")
    assert identity["fields"] == PERSON

    await world.post("alpha", f"/cases/{case}/assessments", {"danger": "low", "needs": ["psychosocial", "shelter"]})
    await world.post("alpha", f"/cases/{case}/screenings", {"hits": {}, "result": "indicated"})
    await world.post(
        "alpha",
        f"/cases/{case}/decisions",
        {"body": "ngo", "outcome": "ActualVictimOfTrafficking", "legal_basis": "guideline-1", "reasons": "seen"},
    )
    steps = await world.get("alpha", f"/cases/{case}/next-steps")
    assert "refer-for-support" in {step["step"] for step in steps["open"]}
    shelter = await world.post(
        "alpha",
        f"/cases/{case}/referrals",
        {"step": "refer-for-shelter", "service": "shelter", "recipient": "SHELTER-NORTH"},
    )
    reference = shelter["reference"]
    assert (await world.get("focal", f"/referrals/{reference}/status"))["status"] == "sent"
    await world.act("north", reference, "receipt")
    await world.act("north", reference, "acceptance")
    package = await world.get("north", f"/referrals/{reference}/package")
    assert package["compartments"]["identity"] == PERSON
    await world.act("north", reference, "service-start")
    done = await world.act("north", reference, "completion", {"outcome": "full"})
    assert done["status"] == "completed"
    await world.work_off()
    funnel = await world.get("coordinator", "/caseload/funnel")
    assert all(stage["count"] > 0 for stage in funnel["stages"]), funnel
    assert (await world.get("alpha", f"/cases/{case}"))["support"] == "completed"
