"""The last shelter place, asked for by many clients at once, goes to exactly one; no count is ever below zero."""

import asyncio
from collections import Counter
from datetime import timedelta
from typing import Any

import asyncpg
import httpx
import pytest

from tests.journeys.scenes import supported
from tests.journeys.test_places import accepted, counts, offered
from tests.world import World

CLIENTS = 32
OVERLAPS = """
    SELECT count(*) FROM held_places a JOIN held_places b
    ON a.place_id = b.place_id AND a.placement_id < b.placement_id
    AND tstzrange(a.held_from, a.held_until) && tstzrange(b.held_from, b.held_until)
"""


async def waiting_for_a_bed(world: World, *persons: dict[str, Any]) -> list[str]:
    """Bring people to where a shelter has accepted them; returns their referrals."""
    gate = asyncio.Semaphore(4)

    async def one(person: dict[str, Any]) -> str:
        async with gate:
            case, _ = await supported(world, **person)
            return await accepted(world, case)

    return list(await asyncio.gather(*map(one, persons)))


async def rush(world: World, referrals: list[str], body: dict[str, int] | None = None) -> list[httpx.Response]:
    """Ask for a place for everybody at once."""
    path = "/referrals/{}/placement"
    return list(await asyncio.gather(*(world.ask("north", "POST", path.format(one), body or {}) for one in referrals)))


def clear(answers: list[httpx.Response]) -> Counter[int]:
    """Return how many answers had each status; every refusal must say that there is no place."""
    for answer in answers:
        assert answer.status_code in {201, 409}, (answer.status_code, answer.text)
        if answer.status_code == 409:
            assert answer.json()["code"] == "no-free-place", answer.text
            assert answer.headers["content-type"] == "application/problem+json"
    return Counter(answer.status_code for answer in answers)


async def test_the_last_place_goes_to_exactly_one_of_32_again_after_it_ended_unused_and_by_type(
    world: World, admin: asyncpg.Connection
) -> None:
    place = (await offered(world, sex="any"))["items"][0]
    people: list[dict[str, Any]] = [{}, {"sex": "male"}] * (CLIENTS // 2)
    referrals = await waiting_for_a_bed(world, *people)
    assert clear(await rush(world, referrals)) == {201: 1, 409: CLIENTS - 1}
    assert await counts(world) == (0, 1, 0)
    later = world.later(timedelta(hours=73))
    assert clear(await rush(later, referrals)) == {201: 1, 409: CLIENTS - 1}, "the first reservation had ended"
    assert await counts(later) == (0, 1, 0)
    latest = world.later(timedelta(hours=146))
    closed = await latest.ask("north", "PATCH", f"/places/{place['id']}", {"out_of_order": True}, version=1)
    assert closed.status_code == 200
    await offered(latest)
    await offered(latest, sex="men", count=2)
    answers = await rush(latest, referrals)
    assert clear(answers) == {201: 3, 409: CLIENTS - 3}
    won = Counter(person.get("sex", "female") for person, one in zip(people, answers, strict=True) if one.is_success)
    assert won == {"female": 1, "male": 2}, "two types of place go to those whom they fit"
    assert await counts(latest) == (0, 3, 0)
    assert await admin.fetchval("SELECT count(*) FROM held_places") == 5
    assert await admin.fetchval(OVERLAPS) == 0


async def test_families_that_ask_at_once_share_no_place_and_none_gets_half(
    world: World, admin: asyncpg.Connection
) -> None:
    await offered(world, family="with_children", count=5)
    referrals = await waiting_for_a_bed(world, *[{}] * 8)
    assert clear(await rush(world, referrals, {"children": 1})) == {201: 2, 409: 6}
    assert await counts(world) == (1, 4, 0)
    sizes = await admin.fetch("SELECT count(*) AS places FROM held_places GROUP BY placement_id")
    assert [row["places"] for row in sizes] == [2, 2]


async def test_one_referral_asked_for_many_times_at_once_reserves_once(world: World) -> None:
    await offered(world, count=5)
    (referral,) = await waiting_for_a_bed(world, {})
    answers = await rush(world, [referral] * 8)
    assert Counter(one.status_code for one in answers) == {201: 1, 409: 7}
    assert await counts(world) == (4, 1, 0)


async def test_the_database_itself_refuses_to_hold_a_place_twice(world: World, admin: asyncpg.Connection) -> None:
    """Even for a superuser, and whatever the program thinks."""
    await offered(world)
    first, second = await waiting_for_a_bed(world, {}, {})
    await world.post("north", f"/referrals/{first}/placement", {})
    copied = """
        WITH stolen AS (
            INSERT INTO placements (id, organisation_id, referral_id, case_id, reserved_at, reserved_until, version)
            SELECT gen_random_uuid(), r.receiving_organisation_id, r.id, r.case_id, now(), now() + interval '1 day', 1
            FROM referrals r WHERE r.reference = $1 RETURNING id)
        INSERT INTO held_places SELECT stolen.id, h.place_id, now() + $2, now() + interval '9 days'
        FROM stolen, held_places h
    """
    with pytest.raises(asyncpg.ExclusionViolationError):
        await admin.execute(copied, second, timedelta(hours=1))
    await admin.execute(copied, second, timedelta(hours=73))
    assert await admin.fetchval(OVERLAPS) == 0, "after the reservation's end the place may be held again"


async def test_who_is_hidden_by_a_wall_still_holds_the_place(world: World) -> None:
    """A member of staff behind a wall cannot see the placement; the place is not given to another for that."""
    await offered(world)
    case, _ = await supported(world)
    hidden = await accepted(world, case)
    await world.post("north", f"/referrals/{hidden}/placement", {})
    await world.post("alpha", f"/cases/{case}/walls", {"staff": "shelter-worker-north"})
    (other,) = await waiting_for_a_bed(world, {})
    refused = await world.post("north", f"/referrals/{other}/placement", {}, expect=409)
    assert refused["code"] == "no-free-place"
    assert await counts(world) == (0, 1, 0)
    await world.get("north", f"/referrals/{hidden}/placement", expect=404)
