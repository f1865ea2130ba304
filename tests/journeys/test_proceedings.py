"""Criminal proceedings beside a case: stages, hearings, charges, and the authority that records them."""

from datetime import timedelta

from tests.journeys.courses import begun, done, happened, open_in, overdue, values_in
from tests.journeys.scenes import carried, consented, opened, referred, supported, taken_over
from tests.world import World


async def accompanied(world: World) -> tuple[str, str, str]:
    """Let a person agree to proceedings, and the police accept the referral; returns case, course and referral."""
    case, _ = await supported(world)
    course = await begun(world, case, "proceedings")
    await consented(world, case, purposes=["criminal_proceedings"])
    await world.ask("alpha", "POST", f"/cases/{case}/cooperation", {"willing": "yes"})
    referral = await referred(world, case, "POLICE", "criminal_proceedings", "refer-to-law-enforcement")
    await carried(world, referral, "police", "receipt", "acceptance")
    await world.work_off()
    return case, course, referral


async def test_a_person_is_accompanied_from_investigation_to_the_end(world: World) -> None:
    case, course, _ = await accompanied(world)
    await world.post("alpha", f"/cases/{case}/assessments", {"danger": "low", "needs": []})
    assert "assess-danger" in await open_in(world, course)
    assert not (await open_in(world, course))["assess-danger"]["duty"]
    await done(world, course, "explain-support")
    await done(world, course, "explain-stage", "police")
    assert "explain-stage" not in await open_in(world, course)
    await happened(world, course, "stage", "pre_trial", "police")
    assert "explain-stage" in await open_in(world, course), "each stage is explained anew"
    await done(world, course, "explain-stage", "police")
    await done(world, course, "check-own-charges", value="brought")
    await done(world, course, "object-to-charges")
    await happened(world, course, "hearing", "planned", "police", on_day="2027-03-01")
    await done(world, course, "agree-how-heard", value="agreed")
    await happened(world, course, "hearing", "held", "police")
    await happened(world, course, "stage", "trial", "police")
    await happened(world, course, "stage", "after_trial", "police")
    await done(world, course, "tell-outcome", "police")
    await done(world, course, "end-accompaniment")
    shown = await world.get("alpha", f"/courses/{course}")
    assert shown["closed_at"] is not None
    assert [one["value"] for one in shown["history"] if one["fact"] == "stage"] == ["pre_trial", "trial", "after_trial"]
    assert {step["step"] for step in shown["steps"]["open"]} == {"take-up-again"}
    await done(world, course, "take-up-again")
    assert (await world.get("alpha", f"/courses/{course}"))["closed_at"] is None


async def test_what_cannot_happen_is_refused(world: World) -> None:
    case, _ = await supported(world)
    course = await begun(world, case, "proceedings")
    for fact, value in (("stage", "after_trial"), ("stage", "investigation"), ("cooperation", "yes"), ("none", "x")):
        refused = await world.ask("alpha", "POST", f"/courses/{course}/happenings", {"fact": fact, "value": value})
        assert refused.status_code == 422, (fact, value, refused.text)
    refused = await world.ask("alpha", "POST", f"/courses/{course}/happenings", {"fact": "hearing", "value": "planned"})
    assert refused.json()["code"] == "invalid-input", "a hearing has its day"
    refused = await world.ask("alpha", "POST", f"/courses/{course}/steps/assess-danger", {"value": "low"})
    assert refused.json()["code"] == "invalid-input", "danger is recorded in the case"
    refused = await world.ask("alpha", "POST", f"/courses/{course}/steps/explain-stage", {})
    assert (refused.status_code, refused.json()["code"]) == (403, "not-permitted"), "the police explain the stage"
    refused = await world.ask("alpha", "POST", f"/courses/{course}/steps/tell-outcome", {})
    assert refused.json()["code"] == "step-not-open"


async def test_proceedings_are_opened_once_and_by_who_leads_the_case(world: World) -> None:
    case, _ = await supported(world)
    await begun(world, case, "proceedings")
    again = await world.ask("alpha", "POST", f"/cases/{case}/courses", {"subject": "proceedings"})
    assert again.status_code == 409
    await world.post("beta", f"/cases/{case}/courses", {"subject": "proceedings"}, expect=404)


async def test_the_authority_takes_only_steps_that_look_at_the_proceedings_alone(world: World) -> None:
    _, course, _ = await accompanied(world)
    seen = await world.get("police", f"/courses/{course}")
    keys = {step["step"] for part in ("open", "closed") for step in seen["steps"][part]}
    assert "explain-stage" in keys
    assert not keys & {"end-accompaniment", "assess-danger", "ask-about-cooperation", "refer-for-support"}
    assert not {one["fact"]["code"] for one in seen["facts"]} & {"cooperation", "support", "danger"}
    refused = await world.ask("police", "POST", f"/courses/{course}/steps/end-accompaniment", {})
    assert refused.status_code == 403


async def test_a_step_that_nobody_takes_is_escalated_once_and_settled_when_it_is_taken(world: World) -> None:
    case, _ = await supported(world)
    course = await begun(world, case, "proceedings")
    await done(world, course, "check-own-charges", value="none")
    later = world.later(timedelta(days=2))
    await later.work_off()
    for who in ("alpha", "coordinator"):
        assert await overdue(later, course, who) == ["assess-danger", "explain-support"], "both within 24 hours"
    await done(later, course, "explain-support")
    much_later = world.later(timedelta(days=30))
    await much_later.work_off()
    await much_later.work_off()
    once_each = ["assess-danger", "explain-stage", "explain-support"]
    assert await overdue(much_later, course) == once_each, "none twice, and never the charges, which were checked"


async def test_a_handed_over_case_takes_its_proceedings_along(world: World) -> None:
    case = await opened(world, "police")
    await consented(world, case, "police")
    course = await begun(world, case, "proceedings", "police")
    await done(world, course, "check-own-charges", "police", value="none")
    await taken_over(world, case, "police", "alpha")
    await world.get("police", f"/courses/{course}", expect=404)
    await world.get("police", f"/cases/{case}/courses", expect=404)
    assert [one["reference"] for one in await world.get("alpha", f"/cases/{case}/courses")] == [course]
    await world.work_off()
    later = world.later(timedelta(days=2))
    await later.work_off()
    assert await overdue(later, course) == ["assess-danger", "explain-support"]
    assert await overdue(later, course, "police") == []
    await done(world, course, "explain-support")
    assert (await values_in(world, course))["own_charges"] == "none", "what was recorded before is not lost"


async def test_an_authority_whose_referral_ended_sees_the_proceedings_no_more(world: World) -> None:
    _, course, referral = await accompanied(world)
    await world.get("police", f"/courses/{course}")
    await world.act("alpha", referral, "withdrawal")
    await world.get("police", f"/courses/{course}", expect=404)
