"""Whether somebody helps the police changes nothing about the help that they get."""

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from tests.journeys.scenes import CONSENT, VICTIM, carried, open_now, opened, referred
from tests.world import World

ANSWERS = ("yes", "no", "unknown", "declined_to_answer", "not_asked")
SUPPORT: tuple[dict[str, Any], ...] = (
    {"step": "refer-for-support", "service": "legal", "recipient": "NGO-BETA"},
    {"step": "refer-for-shelter", "service": "shelter", "recipient": "SHELTER-NORTH"},
    {"step": "offer-emergency-shelter", "service": "shelter", "recipient": "SHELTER-SOUTH"},
    {"step": "refer-for-urgent-care", "service": "medical", "recipient": "NGO-BETA"},
    {"step": "refer-for-state-identification", "service": "state_identification", "recipient": "MIGRATION"},
)


@pytest.fixture(scope="session")
def country(shared_world: World) -> Callable[[], World]:
    """Hand the world out through a function, which prints briefly where an example fails."""
    return lambda: shared_world


def histories() -> st.SearchStrategy[dict[str, Any]]:
    """Return what may have happened in a case before anybody spoke of the police."""
    return st.fixed_dictionaries(
        {
            "age": st.sampled_from(["24--26", "9--17", "unknown"]),
            "danger": st.sampled_from([None, "imminent", "high", "low"]),
            "support": st.sampled_from(["given", "given", "refused", None]),
            "identification": st.sampled_from(["given", "given", "refused", None]),
            "referral": st.sampled_from([None, "sent", "accepted"]),
            "outcome": st.sampled_from(["ActualVictimOfTrafficking", "PossibleVictimOfTrafficking"]),
            "work": st.sampled_from(["open", "active"]),
        }
    )


async def lived(world: World, history: dict[str, Any]) -> str:
    """Open a case and let this much of a history happen; what the procedure refuses does not happen."""
    case = await opened(world, age_band=history["age"])
    await world.post("alpha", f"/cases/{case}/steps/inform-of-rights/completion")
    for purpose in ("support", "identification"):
        if history[purpose] is not None:
            body = {**CONSENT, "purposes": [purpose], "decision": history[purpose]}
            await world.post("alpha", f"/cases/{case}/consents", body)
    if history["danger"] is not None:
        await world.post("alpha", f"/cases/{case}/assessments", {"danger": history["danger"]})
    await world.ask("alpha", "POST", f"/cases/{case}/screenings", {"hits": {}, "result": "indicated"})
    await world.ask("alpha", "POST", f"/cases/{case}/decisions", {**VICTIM, "outcome": history["outcome"]})
    if history["work"] == "active":
        version = await world.version("alpha", f"/cases/{case}")
        await world.ask("alpha", "PUT", f"/cases/{case}/case-work", {"case_work": "active"}, version=version)
    if history["referral"] is not None:
        sent = await world.ask("alpha", "POST", f"/cases/{case}/referrals", SUPPORT[1])
        if sent.status_code == 201 and history["referral"] == "accepted":
            await carried(world, sent.json()["reference"], "north", "receipt", "acceptance")
    await world.work_off()
    return case


async def steps_of(world: World, case: str) -> dict[str, Any]:
    """Return everything that the procedure says outside the criminal track: instants, reasons, words and all."""
    shown = await world.get("alpha", f"/cases/{case}/next-steps")
    return {side: [step for step in shown[side] if step["track"] != "criminal"] for side in ("open", "closed")}


async def answered(world: World, case: str, body: dict[str, Any]) -> tuple[Any, ...]:
    """Return what comes of asking for support, without references and instants."""
    answer = await world.ask("alpha", "POST", f"/cases/{case}/referrals", body)
    said = answer.json()
    kept = ("code", "status", "service", "priority", "receiver", "basis", "withheld", "warnings", "purposes", "field")
    return answer.status_code, *(said.get(name) for name in kept)


@settings(max_examples=8, phases=(Phase.explicit, Phase.generate))
@given(history=histories(), answer=st.sampled_from(ANSWERS), willing=st.permutations(ANSWERS))
async def test_flipping_cooperation_changes_no_step_no_instant_no_recipient_and_no_answer(
    country: Callable[[], World], history: dict[str, Any], answer: str, willing: list[str]
) -> None:
    world = country()
    case, twin = await lived(world, history), await lived(world, history)
    before = await steps_of(world, case)
    asked = [(await world.ask("alpha", "POST", f"/cases/{case}/cooperation", {"willing": one})) for one in willing[:2]]
    assert {one.status_code for one in asked} <= {204, 409}
    assert await steps_of(world, case) == before
    await world.ask("alpha", "POST", f"/cases/{case}/cooperation", {"willing": answer})
    await world.work_off()
    assert await steps_of(world, case) == before
    for body in SUPPORT:
        assert await answered(world, case, body) == await answered(world, twin, body), (history, answer, body)
    axes = ("identification", "support", "case_work", "ngo_identification", "state_identification")
    seen, twins = [await world.get("alpha", f"/cases/{one}") for one in (case, twin)]
    assert [seen[axis] for axis in axes] == [twins[axis] for axis in axes]


async def test_support_opens_with_the_identification_by_the_ngo_alone(world: World) -> None:
    case = await opened(world)
    await world.post("alpha", f"/cases/{case}/steps/inform-of-rights/completion")
    await world.post("alpha", f"/cases/{case}/consents", CONSENT)
    await world.post("alpha", f"/cases/{case}/screenings", {"hits": {}, "result": "indicated"})
    assert {"refer-for-support", "refer-for-shelter"}.isdisjoint(await open_now(world, case))
    await world.post("alpha", f"/cases/{case}/decisions", VICTIM)
    assert {"refer-for-support", "refer-for-shelter"} <= set(await open_now(world, case))
    reference = await referred(world, case)
    await carried(world, reference, "north", "receipt", "acceptance", "service-start")
    seen = await world.get("alpha", f"/cases/{case}")
    assert (seen["state_identification"], seen["support"]) == ("none", "receiving")
    referrals = await world.get("alpha", f"/cases/{case}/referrals")
    assert {one["service"] for one in referrals} == {"shelter"}, "no state, no police"


async def test_co_operation_is_first_asked_when_the_procedure_says_and_changed_at_any_time(world: World) -> None:
    case = await opened(world)
    early = await world.ask("alpha", "POST", f"/cases/{case}/cooperation", {"willing": "yes"})
    assert (early.status_code, early.json()["code"]) == (409, "step-not-open")
    await world.post("alpha", f"/cases/{case}/steps/inform-of-rights/completion")
    await world.post("alpha", f"/cases/{case}/consents", CONSENT)
    await world.post("alpha", f"/cases/{case}/screenings", {"hits": {}, "result": "indicated"})
    await world.post("alpha", f"/cases/{case}/decisions", VICTIM)
    assert "refer-to-law-enforcement" not in await open_now(world, case)
    await world.post("alpha", f"/cases/{case}/cooperation", {"willing": "yes"})
    assert "refer-to-law-enforcement" in await open_now(world, case)
    await world.post("alpha", f"/cases/{case}/cooperation", {"willing": "no"})
    assert "refer-to-law-enforcement" not in await open_now(world, case)
