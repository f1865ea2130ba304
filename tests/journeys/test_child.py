"""A child: no form that nobody signed stands between a child and protection."""

from tests.journeys.scenes import CHILD, carried, consented, open_now, opened, referred
from tests.world import World

REASON = "a child alone, and nobody there to consent"


async def test_a_child_gets_a_guardian_and_a_shelter_without_anybodys_consent(world: World) -> None:
    case = await opened(world, **CHILD)
    guardian = await referred(world, case, "GUARDIANS", "guardianship", "refer-guardian", reason=REASON)
    await world.post("alpha", f"/cases/{case}/assessments", {"danger": "high"})
    shelter = await referred(world, case, step="offer-emergency-shelter", reason=REASON)
    for reference in (guardian, shelter):
        assert (await world.get("alpha", f"/referrals/{reference}"))["basis"] == "child_best_interest"
    assert (await world.get("alpha", f"/cases/{case}/consents")) == []
    await carried(world, guardian, "guardian", "receipt", "acceptance", "service-start")
    await carried(world, shelter, "north", "receipt", "acceptance")
    package = await world.get("north", f"/referrals/{shelter}/package")
    assert set(package["compartments"]) == {"identity", "contact", "location"}


async def test_a_person_whose_age_is_disputed_or_unknown_is_protected_like_a_child(world: World) -> None:
    for person in ({"age_disputed": True}, {"age_band": "unknown"}):
        case = await opened(world, **person)
        steps = await open_now(world, case)
        assert steps["refer-guardian"]["consent_missing"] == []
        assert steps["refer-guardian"]["rests_on"] == "child_best_interest"
        await referred(world, case, "GUARDIANS", "guardianship", "refer-guardian", reason=REASON)


async def test_no_step_that_protects_a_child_waits_for_a_form(world: World) -> None:
    case = await opened(world, **CHILD)
    await consented(world, case, giver="guardian", decision="refused")
    await world.post("alpha", f"/cases/{case}/assessments", {"danger": "imminent"})
    await world.post("alpha", f"/cases/{case}/screenings", {"hits": {}, "result": "indicated"})
    decision = {"body": "ngo", "outcome": "PossibleVictimOfTrafficking", "legal_basis": "guideline-1"}
    await world.post("alpha", f"/cases/{case}/decisions", decision)
    steps = await open_now(world, case)
    protective = {key for key, step in steps.items() if step["track"] in {"support", "emergency", "identification"}}
    assert {"refer-guardian", "offer-emergency-shelter", "refer-for-support", "refer-for-shelter"} <= protective
    assert {key: steps[key]["consent_missing"] for key in protective} == {key: [] for key in protective}
    assert "notify-anonymously" not in steps


async def test_once_the_child_turns_out_to_be_an_adult_their_own_consent_is_needed(world: World) -> None:
    case = await opened(world, age_disputed=True)
    await world.post("alpha", f"/cases/{case}/assessments", {"danger": "high"})
    assert (await open_now(world, case))["offer-emergency-shelter"]["consent_missing"] == []
    draft = await referred(world, case, step="offer-emergency-shelter", draft=True, reason=REASON)
    path = f"/cases/{case}/person"
    version = await world.version("alpha", f"/cases/{case}")
    adult = await world.ask("alpha", "PATCH", path, {"age_disputed": False}, version=version)
    assert adult.status_code == 200, adult.text
    missing = (await open_now(world, case))["offer-emergency-shelter"]["consent_missing"]
    assert [one["code"] for one in missing] == ["support"]
    body = {"step": "offer-emergency-shelter", "service": "shelter", "recipient": "SHELTER-NORTH"}
    refused = await world.post("alpha", f"/cases/{case}/referrals", body, expect=409)
    assert refused["code"] == "consent-missing"
    assert refused["purposes"] == ["support"]
    await consented(world, case, recipients=["organisation:SHELTER-SOUTH"])
    stale = await world.act("alpha", draft, "sending", expect=409)
    assert stale["code"] == "consent-missing", "the draft rested on best interest; this consent names another shelter"


async def test_a_draft_that_rested_on_a_childs_best_interest_is_prepared_anew_for_an_adult(world: World) -> None:
    case = await opened(world, age_disputed=True)
    await world.post("alpha", f"/cases/{case}/assessments", {"danger": "high"})
    draft = await referred(world, case, step="offer-emergency-shelter", draft=True, reason=REASON)
    version = await world.version("alpha", f"/cases/{case}")
    await world.ask("alpha", "PATCH", f"/cases/{case}/person", {"age_disputed": False}, version=version)
    await consented(world, case)
    assert (await world.act("alpha", draft, "sending", expect=409))["code"] == "consent-missing"
    await referred(world, case, step="offer-emergency-shelter")
