"""Completes the description of the API: what every operation may answer because of the machinery around it.

Routes name the refusals of their own commands. What holds for many of them (tokens, idempotency keys, bodies,
preconditions) is added here by looking at the operation, so that no route can forget it; what cannot happen without
a parameter or a body is taken away.
"""

from collections.abc import Iterable
from typing import Any

from fastapi import FastAPI
from fastapi.routing import APIRoute

from api.dependencies import BEARER
from api.problems import Problem, described

BEARER_REFUSED = {"token-refused", "not-permitted", "unavailable"}
UNSAFE_REFUSED = {"idempotency-key-missing", "idempotency-key-in-flight", "idempotency-key-reused", "invalid-request"}
BODY_REFUSED = {"body-too-large", "unsupported-media-type", "invalid-request"}
CONDITION_REFUSED = {"precondition-required", "version-stale", "invalid-request"}
METHODS = frozenset({"get", "put", "post", "patch", "delete"})


def operation_id(route: APIRoute) -> str:
    """Return the name of an operation: that of its endpoint."""
    return route.name


def install_contract(app: FastAPI) -> None:
    """Make the application describe itself as it answers."""
    generate = app.openapi

    def openapi() -> dict[str, Any]:
        if app.openapi_schema is None:
            app.openapi_schema = completed(generate())
        return app.openapi_schema

    app.openapi = openapi  # type: ignore[method-assign]


def completed(schema: dict[str, Any]) -> dict[str, Any]:
    """Return the framework's description with our problems, tokens and refusals in place of its own."""
    components = schema["components"]
    for name in ("HTTPValidationError", "ValidationError"):
        components["schemas"].pop(name, None)
    definitions = Problem.model_json_schema(ref_template="#/components/schemas/{model}")
    components["schemas"] |= definitions.pop("$defs") | {"Problem": definitions}
    scheme = BEARER.model.model_dump(mode="json", by_alias=True, exclude_none=True)
    components["securitySchemes"] = {"accessToken": scheme}
    for path, operations in schema["paths"].items():
        for method, operation in operations.items():
            if method in METHODS:
                _complete(operation, path, method)
    return schema


def _complete(operation: dict[str, Any], path: str, method: str) -> None:
    own = {code for response in operation["responses"].values() for code in response.pop("x-problems", ())}
    answers = {status: response for status, response in operation["responses"].items() if status < "400"}
    if path.startswith("/v1/"):
        operation["security"] = [{"accessToken": []}]
        answers |= described(refusals(own, operation, path, method))
    else:
        answers |= {status: response for status, response in operation["responses"].items() if status != "422"}
    operation["responses"] = {str(status): answers[status] for status in sorted(answers, key=str)}


def refusals(own: Iterable[str], operation: dict[str, Any], path: str, method: str) -> set[str]:
    """Return the codes of every problem that an operation may answer with.

    Args:
        own: What its route names.
        operation: Its parameters and body.
        path: With its places, as `/v1/cases/{reference}`.
        method: In lower case.
    """
    codes = set(own) | BEARER_REFUSED
    parameters = {parameter["name"] for parameter in operation.get("parameters", ())}
    if method != "get":
        codes |= UNSAFE_REFUSED
    if "requestBody" in operation:
        codes |= BODY_REFUSED
    if "if-match" in parameters:
        codes |= CONDITION_REFUSED
    else:
        codes -= {"precondition-required", "version-stale"}
    if "{" not in path:
        codes -= {"not-found"}
    if not parameters and "requestBody" not in operation:
        codes -= {"invalid-request"}
    return codes
