"""A stay in a shelter as a course: what the shelter decides, what time brings, and what it may know of the case."""

from datetime import timedelta

from tests.journeys.courses import begun, done, happened, open_in, overdue, sheltered, values_in
from tests.journeys.scenes import CHILD, carried, referred, supported
from tests.world import World


async def test_a_stay_lasts_from_admission_to_the_report_on_the_grant(world: World) -> None:
    case, _ = await supported(world)
    referral = await sheltered(world, case)
    stay = await begun(world, case, "stay", "north")
    assert "decide-admission" in await open_in(world, stay, "north")
    await done(world, stay, "decide-admission", "north", value="staying", fact="stay")
    await done(world, stay, "explain-house", "north")
    await done(world, stay, "assess-danger", "north", value="low")
    assert (await values_in(world, stay, "north"))["length"] == "first_days"
    await world.work_off()
    settled = world.later(timedelta(days=15))
    await settled.work_off()
    assert (await values_in(settled, stay, "north"))["length"] == "settled"
    last = world.later(timedelta(days=80))
    await last.work_off()
    assert (await values_in(last, stay, "north"))["length"] == "near_limit"
    found = (await open_in(last, stay, "north"))["find-next-place"]
    assert found["duty"]
    assert found["due_at"] is not None
    await happened(last, stay, "extension", "asked", "north")
    refused = await last.ask(
        "north", "POST", f"/courses/{stay}/steps/decide-extension", {"fact": "extension", "value": "granted"}
    )
    assert refused.json()["code"] == "invalid-input", "until when?"
    until = last.day(40)
    await done(last, stay, "decide-extension", "north", fact="extension", value="granted", on_day=until)
    assert (await values_in(last, stay, "north"))["length"] == "settled"
    assert "find-next-place" not in await open_in(last, stay, "north")
    assert "record-leaving" not in await open_in(last, stay, "north")
    await happened(last, stay, "wish", "leave", "north")
    await done(last, stay, "find-next-place", "north", value="own_choice")
    await done(last, stay, "record-leaving", "north")
    tomorrow = last.day(1)
    await happened(last, stay, "grant_report", "due", "north", on_day=tomorrow)
    assert "report-grant" not in await open_in(last, stay, "north")
    after = world.later(timedelta(days=82))
    await after.work_off()
    assert (await open_in(after, stay, "north"))["report-grant"]["duty"]
    await done(after, stay, "report-grant", "north")
    assert "close-stay" not in await open_in(after, stay, "north"), "the referral is still open"
    await carried(after, referral, "north", "service-start")
    await after.act("north", referral, "completion", {"outcome": "full"})
    await done(after, stay, "close-stay", "north")
    assert (await after.get("north", f"/courses/{stay}"))["closed_at"] is not None


async def test_what_time_brings_begins_its_deadlines_though_nobody_looks(world: World) -> None:
    case, _ = await supported(world)
    await sheltered(world, case)
    stay = await begun(world, case, "stay", "north")
    await done(world, stay, "decide-admission", "north", fact="stay", value="staying")
    await done(world, stay, "explain-house", "north")
    await done(world, stay, "assess-danger", "north", value="low")
    await world.later(timedelta(days=78)).work_off()
    assert await overdue(world, stay, "north") == []
    last = world.later(timedelta(days=105))
    await last.work_off()
    assert await overdue(last, stay, "north") == ["find-next-place"]
    await last.work_off()
    assert await overdue(last, stay, "coordinator") == ["find-next-place"]


async def test_a_stay_is_opened_by_the_shelter_that_accepted_and_by_nobody_else(world: World) -> None:
    case, _ = await supported(world)
    body = {"subject": "stay"}
    for who, status in (("alpha", 403), ("north", 404), ("police", 404)):
        assert (await world.ask(who, "POST", f"/cases/{case}/courses", body)).status_code == status, who
    await sheltered(world, case)
    stay = await begun(world, case, "stay", "north")
    assert (await world.ask("north", "POST", f"/cases/{case}/courses", body)).status_code == 409
    await world.get("south", f"/courses/{stay}", expect=404)
    await world.get("alpha", f"/courses/{stay}", expect=404)
    assert (
        await world.ask("north", "POST", f"/cases/{case}/courses", {"subject": "rehabilitation"})
    ).status_code == 403


async def test_the_shelter_learns_what_its_steps_depend_on_and_reads_no_record_of_the_case(world: World) -> None:
    case, _ = await supported(world, **CHILD)
    await world.post("alpha", f"/cases/{case}/assessments", {"danger": "high", "needs": []})
    await sheltered(world, case)
    stay = await begun(world, case, "stay", "north")
    await done(world, stay, "decide-admission", "north", fact="stay", value="staying")
    now = await open_in(world, stay, "north")
    assert not now["assess-danger"]["duty"], "whoever leads the case assessed the danger"
    assert now["refer-guardian"]["duty"], "a child needs a guardian"
    await referred(world, case, "GUARDIANS", "guardianship", "refer-guardian")
    assert "refer-guardian" not in await open_in(world, stay, "north"), "who leads the case asked for one"
    await world.get("north", f"/cases/{case}/assessments", expect=403)
    await world.get("north", f"/cases/{case}/consents", expect=403)
    await world.work_off()
    await world.later(timedelta(days=3)).work_off()
    assert "refer-guardian" not in await overdue(world.later(timedelta(days=3)), stay, "north")
