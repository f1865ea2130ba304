"""Conflict walls say why, are looked at again, and are lifted by who leads the case, not by time, not by others."""

from collections.abc import Callable
from datetime import timedelta

from tests.attacks.asked import seen
from tests.world import STAFF, World

Attack = Callable[..., None]
ABSENT = "00000000-0000-4000-8000-000000000000"


async def opened(world: World, who: str = "alpha") -> str:
    reference: str = (await world.post(who, "/cases", {"entry_channel": "ngo"}))["reference"]
    return reference


async def test_a_wall_says_why_and_stands_until_it_is_lifted(world: World) -> None:
    case = await opened(world)
    own = f"/cases/{case}/walls"
    in_a_month = world.day(30)
    said = {"staff": STAFF["alpha2"][0], "reason": "related_to_suspect", "review_on": in_a_month}
    wall = (await world.post("alpha", own, said))["id"]
    (shown,) = await world.get("alpha", own)
    assert {key: shown[key] for key in said} == said
    assert (await world.ask("alpha2", "GET", f"/cases/{case}")).status_code == 404
    late = world.later(timedelta(days=31))
    await late.work_off()
    told = [(one["kind"], one["reference"]) for one in (await late.get("alpha", "/notifications"))["items"]]
    assert ("wall_review", case) in told
    assert (await late.ask("alpha2", "GET", f"/cases/{case}")).status_code == 404, "nothing opens by itself"
    assert "wall_review" not in (await late.ask("alpha2", "GET", "/notifications")).text
    await late.post("alpha", f"{own}/{wall}/lifting", expect=204)
    assert await late.get("alpha", own) == []
    assert (await late.ask("alpha2", "GET", f"/cases/{case}")).status_code == 200


async def test_a_lifted_wall_is_reviewed_no_more(world: World) -> None:
    case = await opened(world)
    in_a_month = world.day(30)
    wall = (await world.post("alpha", f"/cases/{case}/walls", {"organisation": "POLICE", "review_on": in_a_month}))[
        "id"
    ]
    await world.post("alpha", f"/cases/{case}/walls/{wall}/lifting", expect=204)
    late = world.later(timedelta(days=31))
    await late.work_off()
    assert "wall_review" not in (await late.ask("alpha", "GET", "/notifications")).text


async def test_nobody_but_who_leads_the_case_lifts_or_sees_a_wall(world: World, attack: Attack) -> None:
    case, other = await opened(world), await opened(world, "beta")
    walls = [{"organisation": "POLICE"}, {"staff": STAFF["alpha2"][0]}]
    first, second = [(await world.post("alpha", f"/cases/{case}/walls", wall))["id"] for wall in walls]
    tries = [
        ("police", case, first),
        ("beta", case, first),
        ("alpha2", case, second),
        ("beta", other, first),
        ("alpha", other, first),
    ]
    told = 0
    for who, asked, wall in tries:
        answers = [await world.ask(who, "POST", f"/cases/{asked}/walls/{one}/lifting") for one in (wall, ABSENT)]
        told += answers[0].status_code != 404 or seen(answers[0]) != seen(answers[1])
    lists = [(await world.ask(who, "GET", f"/cases/{case}/walls")).status_code for who in ("police", "beta", "alpha2")]
    assert lists == [404] * 3
    assert len(await world.get("alpha", f"/cases/{case}/walls")) == 2
    attack("walls: lifted or seen by others, or through another case", tried=len(tries) + 3, succeeded=told)
