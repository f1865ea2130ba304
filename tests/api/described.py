"""The committed contract, read once, and what tests ask it."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from jsonschema import Draft202012Validator

ROOT = Path(__file__).parents[2]
FILE = ROOT / "openapi" / "openapi.json"
EXAMPLES = ROOT / "openapi" / "examples"
CONTRACT: dict[str, Any] = json.loads(FILE.read_text(encoding="utf-8"))
METHODS = {"get", "put", "post", "patch", "delete"}
OPERATIONS: dict[str, tuple[str, str, dict[str, Any]]] = {
    operation["operationId"]: (method, path, operation)
    for path, operations in CONTRACT["paths"].items()
    for method, operation in operations.items()
    if method in METHODS
}
"""By operation id: method, path, description."""


def faults(schema: dict[str, Any], value: Any) -> list[str]:
    """Return what is wrong with a value by a schema of the contract."""
    whole = {**schema, "components": CONTRACT["components"]}
    return [f"{error.json_path}: {error.message}" for error in Draft202012Validator(whole).iter_errors(value)]


def schema_of(response: dict[str, Any]) -> tuple[str, dict[str, Any]] | None:
    """Return media type and schema of a documented response, or None if it has no body."""
    for media_type, content in response.get("content", {}).items():
        return media_type, content["schema"]
    return None


def schemas() -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield every schema of the contract with where it stands."""
    for name, schema in CONTRACT["components"]["schemas"].items():
        yield f"schema {name}", schema
    for name, (_, _, operation) in OPERATIONS.items():
        for parameter in operation.get("parameters", ()):
            yield f"{name} parameter {parameter['name']}", parameter["schema"]
        for status, response in operation["responses"].items():
            if (found := schema_of(response)) is not None:
                yield f"{name} answer {status}", found[1]
