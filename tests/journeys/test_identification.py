"""NGO and state identify apart: neither waits for the other, neither overwrites the other."""

import pytest

from tests.journeys.scenes import VICTIM, carried, open_now, referred, supported
from tests.world import World

REFER = "refer-for-state-identification"


async def decided(world: World, case: str, who: str, outcome: str, **more: object) -> dict[str, object]:
    body = {"body": "state", "outcome": outcome, "legal_basis": "article-0", "reasons": "sealed", **more}
    answer: dict[str, object] = await world.post(who, f"/cases/{case}/decisions", body)
    return answer


@pytest.mark.parametrize(("who", "code"), [("police", "POLICE"), ("migration", "MIGRATION")])
async def test_the_state_decides_where_it_was_asked_and_the_ngos_finding_stands_beside_it(
    world: World, who: str, code: str
) -> None:
    case, _ = await supported(world)
    reference = await referred(world, case, code, "state_identification", REFER)
    await world.post(who, f"/cases/{case}/decisions", {**VICTIM, "body": "state"}, expect=404)
    await carried(world, reference, who, "receipt", "acceptance")
    await decided(world, case, who, "NotAVictimOfTrafficking")
    await world.work_off()
    seen = await world.get("alpha", f"/cases/{case}")
    assert (seen["ngo_identification"], seen["state_identification"]) == ("positive", "negative")
    assert seen["identification"] == "identified", "one positive finding is enough"
    assert "refer-for-support" in await open_now(world, case), "the state's no takes no support away"
    assert {one["body"] for one in await world.get("alpha", f"/cases/{case}/decisions")} == {"ngo", "state"}


async def test_a_negative_decision_of_the_state_is_reviewed_when_the_ngo_asks_for_it(world: World) -> None:
    case, _ = await supported(world)
    reference = await referred(world, case, "MIGRATION", "state_identification", REFER)
    await carried(world, reference, "migration", "receipt", "acceptance")
    first = await decided(world, case, "migration", "NotAVictimOfTrafficking")
    await world.work_off()
    assert "request-review" in await open_now(world, case)
    await decided(world, case, "alpha", "InReview", review_of=first["id"])
    assert (await world.get("alpha", f"/cases/{case}"))["state_identification"] == "in_review"
    assert "decide-state-identification" in await open_now(world, case)
    await decided(world, case, "migration", "ActualVictimOfTrafficking", review_of=first["id"])
    await world.work_off()
    seen = await world.get("alpha", f"/cases/{case}")
    assert (seen["state_identification"], seen["ngo_identification"]) == ("positive", "positive")
    outcomes = [one["outcome"] for one in await world.get("alpha", f"/cases/{case}/decisions")]
    assert outcomes[1:] == ["NotAVictimOfTrafficking", "InReview", "ActualVictimOfTrafficking"], (
        "nothing is overwritten"
    )


async def test_an_ngo_asks_for_a_review_and_decides_nothing_in_the_name_of_the_state(world: World) -> None:
    case, _ = await supported(world)
    for outcome in ("ActualVictimOfTrafficking", "NotAVictimOfTrafficking", "Suspended"):
        body = {"body": "state", "outcome": outcome, "legal_basis": "none"}
        answer = await world.post("alpha", f"/cases/{case}/decisions", body, expect=403)
        assert answer["rule"] == "competent-authority"
    review = {"body": "state", "outcome": "InReview", "legal_basis": "none"}
    early = await world.post("alpha", f"/cases/{case}/decisions", review, expect=409)
    assert early["code"] == "step-not-open", "there is nothing to review yet"


async def test_the_state_identifies_nobody_for_an_ngo(world: World) -> None:
    case, _ = await supported(world)
    reference = await referred(world, case, "POLICE", "state_identification", REFER)
    await carried(world, reference, "police", "receipt", "acceptance")
    answer = await world.post("police", f"/cases/{case}/decisions", VICTIM, expect=403)
    assert answer["rule"] == "ngo-identifies"
    other = await referred(world, case, "SHELTER-NORTH")
    await carried(world, other, "north", "receipt", "acceptance")
    await world.post("north", f"/cases/{case}/decisions", {**VICTIM, "body": "state"}, expect=403)


async def test_whoever_gives_another_service_does_not_identify_for_the_state(world: World) -> None:
    case, _ = await supported(world)
    await world.post("alpha", f"/cases/{case}/cooperation", {"willing": "yes"})
    consent = {
        "decision": "given",
        "giver": "self",
        "purposes": ["criminal_proceedings"],
        "recipients": ["any"],
        "compartments": ["identity", "contact", "narrative", "legal"],
        "obtained": "written",
        "language": "ky",
    }
    await world.post("alpha", f"/cases/{case}/consents", consent)
    reference = await referred(world, case, "POLICE", "criminal_proceedings", "refer-to-law-enforcement")
    await carried(world, reference, "police", "receipt", "acceptance")
    answer = await world.post("police", f"/cases/{case}/decisions", {**VICTIM, "body": "state"}, expect=403)
    assert answer["rule"] == "referred-for-identification"


async def test_a_review_names_a_decision_of_the_same_body_on_the_same_case(world: World) -> None:
    case, _ = await supported(world)
    own = (await world.get("alpha", f"/cases/{case}/decisions"))[0]["id"]
    other, _ = await supported(world)
    await world.post("alpha", f"/cases/{case}/decisions", {**VICTIM, "review_of": own})
    wrong = await world.post("alpha", f"/cases/{other}/decisions", {**VICTIM, "review_of": own}, expect=422)
    assert wrong["field"] == "review_of"


async def test_a_suspension_leaves_what_was_said_before(world: World) -> None:
    case, _ = await supported(world)
    await world.post("alpha", f"/cases/{case}/decisions", {**VICTIM, "outcome": "Suspended"})
    seen = await world.get("alpha", f"/cases/{case}")
    assert (seen["identification"], seen["ngo_identification"]) == ("identified", "positive")


async def test_only_the_organisation_that_leads_the_case_asks_for_a_review(world: World) -> None:
    case, _ = await supported(world)
    reference = await referred(world, case, "POLICE", "state_identification", REFER)
    await carried(world, reference, "police", "receipt", "acceptance")
    await decided(world, case, "police", "NotAVictimOfTrafficking")
    body = {"body": "state", "outcome": "InReview", "legal_basis": "article-0"}
    assert (await world.post("police", f"/cases/{case}/decisions", body, expect=403))["rule"] == "owner-of-case"
