"""A request that is sent again does nothing again: the same key gets the same bytes."""

import asyncio
import re
from typing import Any

import asyncpg
import httpx
import pytest

from api.transaction import SAFE
from tests.journeys.scenes import carried, opened, referred, supported
from tests.world import World

CASE: dict[str, Any] = {"entry_channel": "ngo", "person": {"age_band": "30--38"}}


def bytes_of(answer: httpx.Response) -> tuple[Any, ...]:
    """Return all of an answer that a client may rely on."""
    names = ("content-type", "location", "etag")
    return answer.status_code, answer.content, *(answer.headers.get(name) for name in names)


async def test_a_replayed_request_gets_the_same_bytes_and_does_nothing_twice(
    world: World, admin: asyncpg.Connection
) -> None:
    first = await world.ask("alpha", "POST", "/cases", CASE, key="one-and-the-same")
    again = await world.ask("alpha", "POST", "/cases", CASE, key="one-and-the-same")
    assert bytes_of(again) == bytes_of(first)
    assert first.headers["location"].endswith(first.json()["reference"])
    assert await admin.fetchval("SELECT count(*) FROM cases") == 1
    assert await admin.fetchval("SELECT count(*) FROM audit_entries WHERE action = 'case.opened'") == 1


async def test_a_replayed_act_gets_the_answer_of_then_although_things_moved_on(world: World) -> None:
    case, _ = await supported(world)
    reference = await referred(world, case)
    version = await world.version("north", f"/referrals/{reference}")
    path = f"/referrals/{reference}/receipt"
    first = await world.ask("north", "POST", path, version=version, key="the-receipt")
    await carried(world, reference, "north", "acceptance", "service-start")
    again = await world.ask("north", "POST", path, version=version, key="the-receipt")
    assert bytes_of(again) == bytes_of(first)
    assert again.json()["status"] == "received"
    assert (await world.get("north", f"/referrals/{reference}"))["status"] == "in_service"


async def test_many_replays_at_once_do_the_work_once(world: World, admin: asyncpg.Connection) -> None:
    keys = [f"key-number-{number}" for number in range(4)]
    asked = [world.ask("alpha", "POST", "/cases", CASE, key=key) for key in keys * 10]
    answers = await asyncio.gather(*asked)
    done: dict[str, set[tuple[Any, ...]]] = {key: set() for key in keys}
    for key, answer in zip(keys * 10, answers, strict=True):
        if answer.status_code == 409:
            assert answer.json()["code"] == "idempotency-key-in-flight"
        else:
            done[key].add(bytes_of(answer))
    assert [len(found) for found in done.values()] == [1] * 4
    assert {next(iter(found))[0] for found in done.values()} == {201}
    assert await admin.fetchval("SELECT count(*) FROM cases") == 4


@pytest.mark.parametrize("change", ["body", "path", "version"])
async def test_a_key_is_for_one_request_only(world: World, change: str) -> None:
    case = await opened(world)
    path, body, version = f"/cases/{case}/case-work", {"case_work": "active"}, 1
    version = await world.version("alpha", f"/cases/{case}")
    first = await world.ask("alpha", "PUT", path, body, version=version, key="used-before")
    assert first.status_code == 200, first.text
    if change == "body":
        body = {"case_work": "closed", "reason": "moved"}
    elif change == "path":
        path = f"/cases/{await opened(world)}/case-work"
    else:
        version += 1
    other = await world.ask("alpha", "PUT", path, body, version=version, key="used-before")
    assert (other.status_code, other.json()["code"]) == (422, "idempotency-key-reused")
    assert (await world.get("alpha", f"/cases/{case}"))["case_work"] == "active"


async def test_the_keys_of_two_people_are_apart(world: World, admin: asyncpg.Connection) -> None:
    for who in ("alpha", "alpha2", "beta"):
        answer = await world.ask(who, "POST", "/cases", CASE, key="everybodys-key")
        assert answer.status_code == 201, answer.text
    assert await admin.fetchval("SELECT count(DISTINCT reference) FROM cases") == 3


async def test_a_refused_request_may_be_repeated_with_its_key_once_it_is_possible(world: World) -> None:
    case, _ = await supported(world)
    reference = await referred(world, case)
    version = await world.version("north", f"/referrals/{reference}")
    path = f"/referrals/{reference}/acceptance"
    early = await world.ask("north", "POST", path, version=version + 1, key="the-acceptance")
    assert (early.status_code, early.json()["current"]) == (409, "sent")
    await carried(world, reference, "north", "receipt")
    answer = await world.ask("north", "POST", path, version=version + 1, key="the-acceptance")
    assert (answer.status_code, answer.json()["status"]) == (200, "accepted")


async def test_every_unsafe_route_needs_a_key(shared_world: World) -> None:
    world = shared_world
    asked = []
    async with world.client("alpha") as client:
        for path, item in world.app.openapi()["paths"].items():
            for method in item:
                if path.startswith("/v1/") and method.upper() not in SAFE:
                    answer = await client.request(method, re.sub(r"\{.*?\}", "x", path), json={})
                    assert answer.json()["code"] == "idempotency-key-missing", (method, path, answer.text)
                    asked.append(path)
    assert len(asked) > 25, "the routes were found"


async def test_the_stored_answer_outlives_the_restart_of_the_application(world: World) -> None:
    first = await world.ask("alpha", "POST", "/cases", CASE, key="before-restart")
    restarted = World(world.runtime, world.access, world.later(-world.runtime.clock.shift).app, world.numbers)
    again = await restarted.ask("alpha", "POST", "/cases", CASE, key="before-restart")
    assert bytes_of(again) == bytes_of(first)
