"""The contract is what the code answers, complete, closed where things come in, and limited everywhere."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from openapi_spec_validator import OpenAPIV31SpecValidator

from api.cli.openapi import contract
from api.contract import PUBLIC
from api.problems import catalogue
from tests.api.described import CONTRACT, FILE, OPERATIONS, schemas
from tests.world import World

CLOSED = {"enum", "const"}
LIMITS: dict[str, set[str]] = {
    "string": {"maxLength", *CLOSED},
    "array": {"maxItems"},
    "integer": {"maximum", *CLOSED},
    "number": {"maximum", *CLOSED},
    "object": {"properties", "maxProperties"},
}
LIMITED_FORMATS = {"uuid", "date-time", "date"}
UNTYPED = {
    "schema Problem{}",
    "schema CandidateInFull/report{}",
    "schema CandidateInFull/document{}",
    "read_release answer 200{}",
    "read_table answer 200{}",
    "read_file_of_release answer 200{}",
}
"""Releases are answered as they were published, and details of problems are what the error names."""


def unlimited(schema: Any, at: str) -> Iterator[str]:
    """Yield every place below a schema where something may be arbitrarily large."""
    if schema is True or schema == {}:
        yield at
        return
    if not isinstance(schema, dict) or "$ref" in schema:
        return
    if not LIMITS.get(schema.get("type", ""), set()) & set(schema) and not _is_fixed(schema):
        yield at
    for part, place in parts(schema, at):
        yield from unlimited(part, place)


def parts(schema: dict[str, Any], at: str) -> Iterator[tuple[Any, str]]:
    """Yield the schemas inside a schema with where they stand."""
    for name, part in schema.get("properties", {}).items():
        yield part, f"{at}/{name}"
    for part in (*schema.get("patternProperties", {}).values(), schema.get("additionalProperties", False)):
        if part is not False:
            yield part, f"{at}{{}}"
    if "items" in schema:
        yield schema["items"], f"{at}[]"
    choices = [part for word in ("anyOf", "oneOf", "allOf") for part in schema.get(word, ())]
    yield from ((part, f"{at}|{number}") for number, part in enumerate(choices))


def _is_fixed(schema: dict[str, Any]) -> bool:
    return schema.get("type") in {None, "boolean", "null"} or schema.get("format") in LIMITED_FORMATS or _fixed(schema)


def _fixed(schema: dict[str, Any]) -> bool:
    """Whether a pattern is anchored and has no open repetition."""
    pattern = schema.get("pattern", "")
    return pattern.startswith("^") and pattern.endswith("$") and not re.search(r"[*+]|,\}", pattern)


def needs_token(path: str) -> bool:
    """Whether a path is for members of staff alone: all but what is published, and whether the process answers."""
    return path.startswith("/v1/") and not path.startswith(PUBLIC)


def test_the_committed_contract_is_the_one_of_the_code() -> None:
    assert contract() == FILE.read_text(encoding="utf-8"), "run `make openapi` and read the difference"


def test_the_contract_is_valid_openapi_3_1() -> None:
    assert CONTRACT["openapi"].startswith("3.1")
    assert list(OpenAPIV31SpecValidator(CONTRACT).iter_errors()) == []


@pytest.mark.parametrize("name", sorted(OPERATIONS))
def test_every_operation_is_described_in_full(name: str) -> None:
    _, path, operation = OPERATIONS[name]
    assert re.fullmatch(r"[a-z]+(_[a-z]+)*", name)
    assert operation["summary"]
    assert len(operation["description"]) > 20
    assert operation["tags"]
    assert operation["security"] == ([{"accessToken": []}] if needs_token(path) else [])
    assert any(status.startswith("2") for status in operation["responses"])


@pytest.mark.parametrize("name", sorted(OPERATIONS))
def test_every_operation_tells_what_the_machinery_around_it_may_answer(name: str) -> None:
    method, path, operation = OPERATIONS[name]
    if not needs_token(path):
        return
    told = {code: status for status, one in operation["responses"].items() for code in one.get("x-problems", ())}
    assert all(str(catalogue()[code]["status"]) == status for code, status in told.items())
    expected = {"token-refused", "not-permitted", "unavailable", "sealed"}
    if method != "get":
        expected |= {"idempotency-key-missing", "idempotency-key-in-flight", "idempotency-key-reused"}
    if "requestBody" in operation:
        expected |= {"body-too-large", "unsupported-media-type", "invalid-request"}
    assert expected <= told.keys()
    parameters = {parameter["name"] for parameter in operation.get("parameters", ())}
    assert ("not-found" in told) == ("{" in path)
    assert ({"version-stale", "precondition-required"} <= told.keys()) == ("if-match" in parameters)
    assert ("idempotency-key" in parameters) == (method != "get")


def test_no_two_schemas_share_a_name() -> None:
    """Of two with one name the framework makes long ones, and generators of clients know neither."""
    assert [name for name in CONTRACT["components"]["schemas"] if "__" in name] == []


def test_everything_that_goes_in_or_comes_out_has_a_limit() -> None:
    open_places = {place for at, schema in schemas() for place in unlimited(schema, at)}
    assert open_places == UNTYPED


def test_the_walk_over_schemas_finds_what_has_no_limit() -> None:
    schema = {
        "type": "object",
        "properties": {
            "text": {"type": "string"},
            "open": {"type": "string", "pattern": "^[a-z]+$"},
            "fixed": {"type": "string", "pattern": "^[A-Z]{2}$"},
            "list": {"type": "array", "items": {"type": "integer"}},
            "free": {"type": "object", "additionalProperties": True, "maxProperties": 3},
            "either": {"anyOf": [{"type": "string", "maxLength": 3}, {"type": "number"}]},
        },
    }
    assert set(unlimited(schema, "")) == {"/text", "/open", "/list", "/list[]", "/free{}", "/either|1"}


def test_everything_that_comes_in_is_closed() -> None:
    inputs = {name: schema for name, schema in CONTRACT["components"]["schemas"].items() if name.endswith("In")}
    assert len(inputs) > 10
    assert [name for name, schema in inputs.items() if schema.get("additionalProperties") is not False] == []


def test_the_contract_holds_no_schema_that_nothing_uses() -> None:
    text = FILE.read_text(encoding="utf-8")
    names = CONTRACT["components"]["schemas"]
    assert [name for name in names if f'"#/components/schemas/{name}"' not in text] == []


async def test_the_service_serves_the_same_contract_to_everybody(shared_world: World) -> None:
    async with shared_world.client("monitor") as client:
        response = await client.get("/v1/openapi.json", headers={"Authorization": ""})
    assert response.status_code == 200
    assert response.json() == CONTRACT


def test_the_command_writes_the_contract_to_a_file(tmp_path: Path) -> None:
    from api.cli import build_parser  # noqa: PLC0415 - as the command line does

    output = tmp_path / "contract.json"
    arguments = build_parser().parse_args(["openapi", "--output", str(output)])
    assert arguments.run(arguments) == 0
    assert json.loads(output.read_text(encoding="utf-8")) == CONTRACT
