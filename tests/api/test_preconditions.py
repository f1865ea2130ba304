"""A change needs the version that was read; a stale one changes nothing; a repeat gets the same bytes."""

from typing import Any

import pytest

from tests.api.prepared import Prepared
from tests.world import World

CHANGES: dict[str, tuple[str, str, str, Any]] = {
    "person": ("opened", "PATCH", "/cases/{}/person", {"sex": "female"}),
    "compartment": ("opened", "PUT", "/cases/{}/person/location", {"fields": {"place": "x"}}),
    "case work": ("opened", "PUT", "/cases/{}/case-work", {"case_work": "active"}),
    "referral": ("referral:draft", "POST", "/referrals/{}/sending", None),
}


async def changed(world: World, name: str, if_match: str | None) -> tuple[int, str]:
    """Try a change with one If-Match; return status and code of the problem."""
    symbol, method, path, body = CHANGES[name]
    prepared = Prepared(world)
    headers = (
        {} if if_match is None else {"If-Match": await prepared.filled(if_match.replace("{}", f"{{{symbol}.version}}"))}
    )
    response = await world.ask("alpha", method, path.format(await prepared.named(symbol)), body, headers=headers)
    return response.status_code, response.json()["code"] if response.status_code >= 400 else ""


@pytest.mark.parametrize("name", CHANGES)
async def test_a_change_needs_the_version_that_was_read(name: str, shared_world: World) -> None:
    assert (await changed(shared_world, name, '"{}"'))[0] < 300
    assert await changed(shared_world, name, None) == (428, "precondition-required")
    assert await changed(shared_world, name, '"999"') == (412, "version-stale")
    for wrong in ('W/"{}"', "{}", "*", '"{}", "999"', '"-1"', '""', '"x"'):
        assert await changed(shared_world, name, wrong) == (422, "invalid-request"), wrong


async def test_a_stale_change_tells_the_present_version_and_changes_nothing(shared_world: World) -> None:
    case = await Prepared(shared_world).named("opened")
    path = f"/cases/{case}/person"
    first = await shared_world.ask("alpha", "PATCH", path, {"sex": "male"}, version=1)
    second = await shared_world.ask("alpha2", "PATCH", path, {"sex": "other"}, version=1)
    assert (first.status_code, second.status_code) == (200, 412)
    assert first.headers["etag"] == f'"{second.json()["current_version"]}"'
    shown = await shared_world.ask("alpha", "GET", f"/cases/{case}")
    assert (shown.json()["person"]["sex"], shown.headers["etag"]) == ("male", first.headers["etag"])


async def test_every_change_gives_a_new_strong_validator(shared_world: World) -> None:
    case = await Prepared(shared_world).named("opened")
    seen = set()
    for sex in ("male", "female", "other"):
        version = await shared_world.version("alpha", f"/cases/{case}")
        response = await shared_world.ask("alpha", "PATCH", f"/cases/{case}/person", {"sex": sex}, version=version)
        assert response.headers["etag"].startswith('"')
        seen.add(response.headers["etag"])
    assert len(seen) == 3


async def test_a_repeat_gets_the_same_bytes_and_does_nothing_twice(world: World) -> None:
    body = {"entry_channel": "ngo"}
    first, second = [await world.ask("alpha", "POST", "/cases", body, key="same-key-1") for _ in range(2)]
    assert first.content == second.content
    for header in ("etag", "location", "content-type"):
        assert first.headers[header] == second.headers[header]
    assert len((await world.get("alpha", "/cases"))["items"]) == 1


async def test_a_key_is_its_owners_alone(world: World) -> None:
    body = {"entry_channel": "ngo"}
    answers = [await world.ask(who, "POST", "/cases", body, key="same-key-1") for who in ("alpha", "alpha2", "beta")]
    assert len({answer.json()["reference"] for answer in answers}) == 3


async def test_a_refused_request_leaves_its_key_free(shared_world: World) -> None:
    refused = await shared_world.ask("alpha", "POST", "/cases", {"entry_channel": "x"}, key="free-key-1")
    accepted = await shared_world.ask("alpha", "POST", "/cases", {"entry_channel": "ngo"}, key="free-key-1")
    assert (refused.status_code, accepted.status_code) == (422, 201)


@pytest.mark.parametrize("key", ["short", "a" * 81, "with space in it", "кириллица", "semi;colon-key"])
async def test_a_key_has_a_form(key: str, shared_world: World) -> None:
    async with shared_world.client("alpha") as client:
        headers = {"Idempotency-Key": key.encode()}
        response = await client.post("/v1/cases", json={"entry_channel": "ngo"}, headers=headers)
    assert (response.status_code, response.json()["code"]) == (422, "invalid-request")
