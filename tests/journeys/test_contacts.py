"""The hotline: a contact is neither a case nor a person, and no message is lost."""

from datetime import datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from tests.journeys.scenes import ADULT, told
from tests.world import CATALOGUE, World

BISHKEK = ZoneInfo("Asia/Bishkek")


def call(**more: Any) -> dict[str, Any]:
    return {"channel": "call", "language": "ky", "topic": "possible_trafficking", **more}


async def test_two_calls_about_a_man_and_his_sister_are_two_contacts_and_two_cases(world: World) -> None:
    brother = {"entry_channel": "hotline", "person": {**ADULT, "sex": "male"}}
    sister = {"entry_channel": "family", "person": ADULT}
    first = await world.post("hotline", "/contacts", call(cases=[brother]))
    second = await world.post("hotline", "/contacts", call(cases=[sister]))
    assert len({*first["cases"], *second["cases"]}) == 2
    third = await world.post("hotline", "/contacts", call(cases=[brother, sister]))
    assert (len(third["cases"]), third["outcome"]) == (2, "case_opened")
    fourth = await world.post("hotline", "/contacts", call(topic="employment_abroad"))
    assert (fourth["cases"], fourth["outcome"]) == ([], "information_given")


async def test_a_voicemail_is_due_within_a_working_day_and_overdue_after(world: World) -> None:
    left = await world.post("hotline", "/contacts", call(channel="voicemail", contact={"phone": "+996 555 010203"}))
    assert left["outcome"] == "callback_due"
    made_at, due_at = (datetime.fromisoformat(left[name]) for name in ("made_at", "callback_due_at"))
    called, until = made_at.astimezone(BISHKEK), due_at.astimezone(BISHKEK).date()
    days = [called.date() + timedelta(days=later) for later in range((until - called.date()).days)]
    is_working_day = CATALOGUE.calendar("KG").is_working_day
    assert len([day for day in days if is_working_day(day)]) == 1, "a working day of the hotline"
    working = is_working_day(called.date())
    assert due_at.astimezone(BISHKEK).time() == (called.time() if working else time(0))
    assert made_at < due_at <= made_at + timedelta(days=14)
    waiting = await world.get("hotline", "/contacts/callbacks")
    assert [one["id"] for one in waiting] == [left["id"]]
    late = world.later(due_at - made_at + timedelta(minutes=1))
    assert await late.work_off() > 0
    assert await told(late, "hotline", left["id"]) == ["callback_overdue"]
    assert await told(late, "coordinator", left["id"]) == ["callback_overdue"]
    assert await late.work_off() == 0


async def test_who_was_not_reached_stays_on_the_list_until_somebody_is(world: World) -> None:
    left = await world.post("hotline", "/contacts", call(callback=True))
    path = f"/contacts/{left['id']}/callback"
    tried = await world.post("hotline", path, {"reached": False}, version=1)
    assert (tried["outcome"], tried["callback_due_at"]) == ("not_reached", left["callback_due_at"])
    assert [one["id"] for one in await world.get("hotline", "/contacts/callbacks")] == [left["id"]]
    stale = await world.post("hotline", path, {"reached": True}, version=1, expect=412)
    assert stale["current_version"] == 2
    reached = await world.post("hotline", path, {"reached": True}, version=2)
    assert (reached["outcome"], reached["called_back_at"] is not None) == ("called_back", True)
    assert await world.get("hotline", "/contacts/callbacks") == []
    assert (await world.post("hotline", path, {"reached": True}, version=3, expect=409))["current"] == "called_back"
    late = world.later(timedelta(days=30))
    await late.work_off()
    assert await told(late, "hotline", left["id"]) == []


async def test_a_late_call_back_leaves_nothing_overdue(world: World) -> None:
    left = await world.post("hotline", "/contacts", call(callback=True))
    late = world.later(timedelta(days=15))
    await late.work_off()
    assert await told(late, "coordinator", left["id"]) == ["callback_overdue"]
    await late.post("hotline", f"/contacts/{left['id']}/callback", {"reached": True}, version=1)
    assert await late.get("hotline", "/contacts/callbacks") == []
    later = world.later(timedelta(days=30))
    await later.work_off()
    assert await told(later, "coordinator", left["id"]) == ["callback_overdue"]


async def test_what_was_said_is_read_again_by_the_hotline_and_by_nobody_else(world: World) -> None:
    words = {"narrative": {"account": "made up"}, "contact": {"phone": "+996 555 010203"}}
    contact = await world.post("hotline", "/contacts", call(**words))
    assert "made up" not in str(contact)
    read = await world.get("hotline", f"/contacts/{contact['id']}/words")
    assert read == words
    for other in ("alpha", "beta"):
        await world.get(other, f"/contacts/{contact['id']}", expect=404)
        await world.get(other, f"/contacts/{contact['id']}/words", expect=404)
    for other in ("police", "coordinator", "monitor"):
        await world.get(other, f"/contacts/{contact['id']}", expect=403)


async def test_a_contact_does_not_lie_in_the_future(world: World) -> None:
    answer = await world.post("hotline", "/contacts", call(made_at="2099-01-01T00:00:00Z"), expect=422)
    assert answer["field"] == "made_at"
    earlier = await world.post("hotline", "/contacts", call(made_at="2026-11-02T03:00:00Z"))
    assert earlier["made_at"].startswith("2026-11-02T03:00:00")
