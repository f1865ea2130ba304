"""An adult who refuses: counted, never named."""

import pytest

from tests.journeys.scenes import consented, open_now, opened
from tests.world import World


async def test_an_adult_who_refuses_is_notified_anonymously_and_the_case_is_closed(world: World) -> None:
    case = await opened(world)
    await consented(world, case, decision="refused", recipients=[], compartments=[])
    steps = await open_now(world, case)
    assert "notify-anonymously" in steps
    assert {"screen", "identify-by-ngo"}.isdisjoint(steps)
    assert (await world.get("alpha", f"/cases/{case}"))["identification"] == "reported"
    await world.post("alpha", f"/cases/{case}/steps/notify-anonymously/completion")
    shown = await world.get("alpha", f"/cases/{case}")
    assert shown["identification"] == "anonymous_notification"
    version = await world.version("alpha", f"/cases/{case}")
    closing = {"case_work": "closed", "reason": "anonymous_notification"}
    closed = await world.ask("alpha", "PUT", f"/cases/{case}/case-work", closing, version=version)
    assert closed.status_code == 200, closed.text
    assert closed.json()["closure_reason"] == "anonymous_notification"
    assert set(await open_now(world, case)) == {"reopen-case"}


async def test_nothing_of_an_adult_who_refuses_can_be_shared(world: World) -> None:
    case = await opened(world)
    await consented(world, case, decision="refused", recipients=[], compartments=[])
    await world.post("alpha", f"/cases/{case}/assessments", {"danger": "high"})
    asked = [
        ("offer-emergency-shelter", "shelter", "SHELTER-NORTH"),
        ("refer-for-urgent-care", "medical", "NGO-BETA"),
        ("refer-for-support", "legal", "NGO-BETA"),
        ("refer-for-shelter", "shelter", "SHELTER-NORTH"),
        ("refer-for-state-identification", "state_identification", "MIGRATION"),
        ("refer-to-law-enforcement", "criminal_proceedings", "POLICE"),
    ]
    for step, service, recipient in asked:
        body = {"step": step, "service": service, "recipient": recipient}
        answer = await world.ask("alpha", "POST", f"/cases/{case}/referrals", body)
        assert answer.json()["code"] in {"consent-missing", "step-not-open"}, (step, answer.text)
    screening = {"hits": {}, "result": "indicated"}
    assert (await world.post("alpha", f"/cases/{case}/screenings", screening, expect=409))["code"] == "step-not-open"
    for recipient in ("north", "beta", "migration", "police"):
        assert (await world.get(recipient, "/referrals/inbox"))["items"] == []


async def test_only_imminent_danger_to_life_passes_a_refusal_and_says_so(world: World) -> None:
    case = await opened(world)
    await consented(world, case, decision="refused", recipients=[], compartments=[])
    await world.post("alpha", f"/cases/{case}/assessments", {"danger": "imminent"})
    body = {"step": "offer-emergency-shelter", "service": "shelter", "recipient": "SHELTER-NORTH"}
    unsaid = await world.post("alpha", f"/cases/{case}/referrals", body, expect=422)
    assert (unsaid["code"], unsaid["field"]) == ("invalid-input", "reason"), "whoever passes a refusal says why"
    sent = await world.post("alpha", f"/cases/{case}/referrals", {**body, "reason": "threatened with death"})
    assert sent["basis"] == "vital_interests"


@pytest.mark.parametrize("decision", ["refused", "withdrawn"])
async def test_a_consent_cannot_begin_as_a_withdrawal_nor_a_refusal_be_taken_back(world: World, decision: str) -> None:
    case = await opened(world)
    if decision == "withdrawn":
        answer = await world.ask("alpha", "POST", f"/cases/{case}/consents", {**_no(), "decision": decision})
        assert (answer.status_code, answer.json()["code"]) == (422, "invalid-input")
        return
    consent = await consented(world, case, decision=decision)
    answer = await world.post("alpha", f"/cases/{case}/consents/{consent}/withdrawal", expect=409)
    assert answer["current"] == "refused"


def _no() -> dict[str, object]:
    return {"giver": "self", "purposes": ["support"], "obtained": "oral", "language": "ky"}
