"""What there is to do, in numbers: exact for whom it concerns, as their lists have it, and of no use for a release."""

from collections import Counter
from datetime import timedelta
from typing import Any

from api.schemas.caseload import NOTICE
from tests.journeys.scenes import carried, consented, opened, referred, supported
from tests.journeys.test_capacity import answered, asked
from tests.journeys.test_classifications import MIGRANT, called
from tests.world import World

Key = tuple[str | None, str | None, str]


async def lines(world: World) -> dict[Key, dict[str, Any]]:
    """Return the dashboard by organisation, service and figure."""
    found = (await world.get("coordinator", "/dashboard"))["lines"]
    return {(one["organisation"], one["service"], one["figure"]): one for one in found}


async def counts(world: World, *, organisation: str | None = None, service: str | None = None) -> dict[str, int]:
    """Return the figures of one organisation or service."""
    return {
        figure: line["count"]
        for (of, about, figure), line in (await lines(world)).items()
        if (of, about) == (organisation, service)
    }


async def test_a_caseload_counts_what_the_lists_of_the_organisation_show(world: World) -> None:
    first, _ = await supported(world)
    await opened(world, sex="male", age_band="9--17")
    accepted = await referred(world, first)
    await carried(world, accepted, "north", "receipt", "acceptance", "service-start")
    await referred(world, (await supported(world))[0], "SHELTER-SOUTH")
    shown = await world.get("alpha", "/caseload")
    listed = (await world.get("alpha", "/cases"))["items"]
    states = Counter((one["relation"], one["case_work"]) for one in listed)
    assert {(one["relation"], one["case_work"]): one["count"] for one in shown["cases"]} == states
    assert sum(states.values()) == 3
    assert {one["code"]: one["count"] for one in shown["sexes"]} == {"female": 2, "male": 1}
    assert {one["code"]: one["count"] for one in shown["age_bands"]} == {"24--26": 2, "9--17": 1}
    outbox = Counter(one["status"] for one in (await world.get("alpha", "/referrals/outbox"))["items"])
    assert {one["status"]: one["count"] for one in shown["referrals"] if one["direction"] == "sent"} == outbox
    assert [one for one in shown["referrals"] if one["direction"] == "received"] == []


async def test_whoever_receives_sees_what_came_and_what_they_give_and_nothing_of_what_is_not_theirs(
    world: World,
) -> None:
    case, _ = await supported(world)
    await carried(world, await referred(world, case), "north", "receipt", "acceptance", "service-start")
    await referred(world, (await supported(world))[0], priority="urgent")
    shown = await world.get("north", "/caseload")
    assert shown["cases"] == [{"relation": "receiver", "case_work": "open", "count": 1}]
    assert shown["sexes"] == shown["age_bands"] == []
    received = {one["status"]: (one["direction"], one["count"], one["overdue"]) for one in shown["referrals"]}
    assert received == {"in_service": ("received", 1, 0), "sent": ("received", 1, 0)}
    assert shown["services"] == [{"service": "shelter", "running": 1, "ended": 0}]
    nothing = await world.get("south", "/caseload")
    assert all(nothing[part] == [] for part in ("cases", "sexes", "age_bands", "referrals", "services"))


async def test_what_is_overdue_is_so_for_both_sides_and_for_the_coordinator(world: World) -> None:
    case, _ = await supported(world)
    await referred(world, case, priority="urgent")
    late = world.later(timedelta(hours=73))
    await late.work_off()
    for who, direction in (("alpha", "sent"), ("north", "received")):
        (counted,) = (await late.get(who, "/caseload"))["referrals"]
        assert (counted["direction"], counted["status"]) == (direction, "sent")
        assert (counted["count"], counted["overdue"]) == (1, 1)
    assert len((await late.get("coordinator", "/referrals/overdue"))["items"]) == 1
    assert (await counts(late, organisation="SHELTER-NORTH"))["referrals_overdue"] == 1
    assert (await counts(late, organisation="NGO-ALPHA"))["steps_missed"] >= 1


async def test_the_dashboard_tells_by_organisation_and_by_service_how_far_referrals_get_and_how_long_they_wait(
    world: World,
) -> None:
    case, _ = await supported(world)
    first = await referred(world, case)
    await carried(world.later(timedelta(hours=6)), first, "north", "receipt", "acceptance", "service-start")
    second = await referred(world, (await supported(world))[0])
    await carried(world, second, "north", "receipt")
    await world.act("north", second, "decline", {"declined_by": "provider", "reason": "no_capacity"})
    by_organisation = await counts(world, organisation="SHELTER-NORTH")
    wanted = {
        "referrals_sent": 2,
        "referrals_received": 2,
        "referrals_accepted": 1,
        "referrals_in_service": 1,
        "referrals_declined": 1,
        "referrals_without_capacity": 1,
    }
    assert by_organisation == wanted
    assert await counts(world, service="shelter") == wanted
    found = await lines(world)
    assert found["SHELTER-NORTH", None, "referrals_accepted"]["median_hours"] == 6.0
    assert found["SHELTER-NORTH", None, "referrals_received"]["median_hours"] == 3.0
    assert found["SHELTER-NORTH", None, "referrals_sent"]["median_hours"] is None


async def test_the_dashboard_tells_who_had_room(world: World) -> None:
    case, _ = await supported(world)
    await answered(world, await asked(world, case))
    await answered(world, await asked(world, case), "no_capacity")
    await asked(world, case)
    wanted = {
        "questions_asked": 3,
        "questions_answered": 2,
        "questions_with_capacity": 1,
        "questions_without_capacity": 1,
    }
    assert await counts(world, organisation="SHELTER-NORTH") == wanted
    assert await counts(world, service="shelter") == wanted


async def test_vulnerable_migrants_are_counted_apart(world: World) -> None:
    case = await opened(world)
    await consented(world, case)
    await referred(world, case, "NGO-BETA", "psychosocial", "refer-for-urgent-care")
    assert [one["population"] for one in (await lines(world)).values()] == ["victims_of_trafficking"] * 2
    await called(world, case, **MIGRANT)
    assert [one["population"] for one in (await lines(world)).values()] == ["vulnerable_migrants"] * 2


async def test_both_say_that_they_are_for_no_publication(world: World) -> None:
    for who, path in (("alpha", "/caseload"), ("coordinator", "/dashboard"), ("coordinator", "/caseload/funnel")):
        shown = await world.get(who, path)
        assert (shown["publishable"], shown["notice"]) == (False, NOTICE)
