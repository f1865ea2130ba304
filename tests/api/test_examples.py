"""Every operation has one example, and every example is a request that is answered as it says."""

import base64
import json
from typing import Any

import pytest

from tests.api.described import EXAMPLES, OPERATIONS, faults, schema_of
from tests.api.prepared import Prepared, who
from tests.documents import BINARY, carried
from tests.world import World

NAMES = sorted(file.stem for file in EXAMPLES.glob("*.json"))
KNOWN = {"as", "organisation", "method", "path", "parameters", "query", "headers", "body", "status"}


def example(name: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((EXAMPLES / f"{name}.json").read_text(encoding="utf-8"))
    return found


def test_no_operation_is_without_an_example_and_no_example_without_an_operation() -> None:
    assert sorted(OPERATIONS) == NAMES


@pytest.mark.parametrize("name", NAMES)
def test_an_example_says_what_the_contract_asks_for_and_nothing_else(name: str) -> None:
    method, path, operation = OPERATIONS[name]
    shown = example(name)
    assert shown.keys() <= KNOWN
    assert (shown["method"].lower(), shown["path"]) == (method, path)
    assert ("as" in shown) == bool(operation.get("security"))
    parameters = {(one["in"], one["name"]) for one in operation.get("parameters", ())}
    given = {("path", key) for key in shown.get("parameters", {})} | {("query", key) for key in shown.get("query", {})}
    assert given <= parameters
    assert {one for one in parameters if one[0] == "path"} <= given
    assert {name.lower() for name in shown.get("headers", {})} == {
        key for place, key in parameters if place == "header"
    }
    body = operation.get("requestBody")
    assert (body is None) == ("body" not in shown)
    if body is not None:
        content = body["content"]
        assert faults(content.get("application/json", content.get(BINARY))["schema"], shown["body"]) == []


def sent(name: str, headers: dict[str, str], body: Any) -> dict[str, Any]:
    """Return headers and body of an example as they are sent; what is no JSON stands in it in base64."""
    described = OPERATIONS[name][2].get("requestBody", {}).get("content", {})
    return carried(base64.b64decode(body) if BINARY in described else body, headers)


@pytest.mark.parametrize("name", NAMES)
async def test_an_example_is_answered_as_it_and_the_contract_say(name: str, shared_world: World) -> None:
    shown = example(name)
    world = shared_world
    prepared = Prepared(world)
    path = shown["path"].format(**await prepared.filled(shown.get("parameters", {})))
    headers = await prepared.filled(shown.get("headers", {}))
    body = await prepared.filled(shown.get("body"))
    actor = who(shown["as"], shown["organisation"]) if "as" in shown else "monitor"
    async with world.client(actor) as client:
        if "as" not in shown:
            del client.headers["Authorization"]
        response = await client.request(shown["method"], path, params=shown.get("query"), **sent(name, headers, body))
    assert response.status_code == shown["status"], response.text
    documented = schema_of(OPERATIONS[name][2]["responses"][str(shown["status"])])
    if documented is None:
        assert response.content == b""
        return
    media_type, schema = documented
    assert response.headers["content-type"] == media_type
    if media_type == BINARY:
        assert len(response.content) == int(response.headers["content-length"]) > 0
        return
    assert faults(schema, response.text if media_type.startswith("text/") else response.json()) == []
