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
from api.rate_limit import POLICY, RETRY, STATE

BEARER_REFUSED = {"token-refused", "not-permitted", "unavailable", "sealed", "key-not-held", "budget-exceeded"}
ALWAYS_REFUSED = {"too-many-requests", "internal"}
PUBLIC_REFUSED = {"invalid-request", "unavailable"} | ALWAYS_REFUSED
UNSAFE_REFUSED = {"idempotency-key-missing", "idempotency-key-in-flight", "idempotency-key-reused", "invalid-request"}
BODY_REFUSED = {"body-too-large", "unsupported-media-type", "invalid-request"}
CONDITION_REFUSED = {"precondition-required", "version-stale", "invalid-request"}
PUBLIC = "/v1/statistics/releases"
"""Below it everything is for everybody, without a token."""

METHODS = frozenset({"get", "put", "post", "patch", "delete"})

LONGEST = {"uuid": 36, "date-time": 40, "date": 10}
"""Characters of a string of a format."""

DEMANDED = frozenset({"idempotency-key", "if-match"})
"""Headers without which a request is refused, each with a problem of its own."""

GREATEST_INT32 = 2**31 - 1
NO_NUL = r"^[^\u0000]*$"
"""What every text keeps to, whatever else it may be."""

TAGS = {
    "contacts": "Conversations with a hotline or a front desk.",
    "cases": "The file on one person who may be a victim.",
    "records": "What is recorded in a case.",
    "attachments": "Documents of a case: sealed, and free of what tells where and by whom they were made.",
    "exploitation": "What was done to a person, in codes; words are sealed.",
    "disclosures": "Who saw what of the person, when and why.",
    "classifications": "What the person, agencies and the law call it.",
    "funding": "What services cost, who paid, and awards of the Emergency Fund.",
    "courses": "What goes on beside a case: proceedings, rehabilitation, stays.",
    "capacity": "Whether somebody could be taken, asked without saying who; and who waits.",
    "referrals": "Requests that another organisation give a named service.",
    "places": "Beds of a shelter, and who holds them from and until.",
    "duplicates": "Cases that may be about one person: told to who recorded the person first, and to nobody who asks.",
    "directory": "Organisations and what the codes mean.",
    "approvals": "What two persons of two organisations must agree on.",
    "break-glass": "Emergency access to one compartment of one case, and its review.",
    "requests": "What a person asks about their own file, and what it is kept for.",
    "erasures": "What was erased, and the certificates of it.",
    "escalations": "What has no responsible organisation, and who is to answer for it.",
    "procedures": "The standard operating procedures as data.",
    "notifications": "What an organisation is told: references, never content.",
    "caseload": "Exact counts for the screen: of one's own organisation, and for those who lead the mechanism.",
    "statistics": "Published releases, what two approve before one is made, and figures that others published.",
    "indicators": "Results against targets, exact: for the coordinator and for whoever owns an indicator.",
    "webhooks": "Where an organisation has its own system told of events.",
    "audit": "Signed heads of the tree over the audit and proofs, for witnesses of other institutions.",
    "health": "Whether the process answers.",
}
HEADERS = {
    POLICY: "How many requests (`q`) a caller may make in how many seconds (`w`).",
    STATE: "How many requests are left (`r`), and in how many seconds they begin anew (`t`).",
    "Access-Control-Allow-Origin": "Not sent: no page of another origin may read an answer.",
}
"""Of every answer that is not a failure."""

RETRY_HEADER = {"description": "Seconds to wait.", "schema": {"type": "integer", "minimum": 1, "maximum": 86_400}}


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
    components["headers"] = {
        name: {"description": text, "schema": {"type": "string", "maxLength": 60}} for name, text in HEADERS.items()
    } | {RETRY: RETRY_HEADER}
    for path, operations in schema["paths"].items():
        for method, operation in operations.items():
            if method in METHODS:
                _complete(operation, path, method)
    used = {tag for operations in schema["paths"].values() for one in operations.values() for tag in one["tags"]}
    schema["tags"] = [{"name": tag, "description": TAGS[tag]} for tag in sorted(used)]
    schema["servers"] = [
        {"url": "/", "description": "This installation: local, staging or production.", "x-internal": False}
    ]
    _limit(schema["paths"])
    _limit(components)
    return schema


def _limit(part: Any) -> None:
    """Say of every number and text below a part of the description what its kind implies: width, length, no NUL."""
    if isinstance(part, list):
        for one in part:
            _limit(one)
    if not isinstance(part, dict):
        return
    kind = part.get("type")
    if kind == "integer":
        part.setdefault("format", "int32" if part.get("maximum", GREATEST_INT32 + 1) <= GREATEST_INT32 else "int64")
    if kind == "string" and not {"enum", "const"} & part.keys():
        if part.get("format") in LONGEST:
            part.setdefault("maxLength", LONGEST[part["format"]])
        elif "pattern" not in part and part.get("format") != "binary":
            part["pattern"] = NO_NUL
    for name, one in part.items():
        if name not in {"examples", "example", "default"}:
            _limit(one)


def _complete(operation: dict[str, Any], path: str, method: str) -> None:
    for parameter in operation.get("parameters", ()):
        if parameter["name"] in DEMANDED:
            _demand(parameter)
    own = {code for response in operation["responses"].values() for code in response.pop("x-problems", ())}
    answers = {status: response for status, response in operation["responses"].items() if status < "400"}
    if path.startswith(PUBLIC):
        operation["security"] = []
        answers |= described(own | PUBLIC_REFUSED)
    elif path.startswith("/v1/"):
        operation["security"] = [{"accessToken": []}]
        answers |= described(refusals(own, operation, path, method))
    else:
        operation["security"] = []
        answers |= {status: response for status, response in operation["responses"].items() if status != "422"}
        answers |= described(ALWAYS_REFUSED)
    for status, response in answers.items():
        if status < "500":
            sent = {**HEADERS, RETRY: ""} if status == "429" else HEADERS
            response["headers"] = {name: {"$ref": f"#/components/headers/{name}"} for name in sent}
    operation["responses"] = {str(status): answers[status] for status in sorted(answers, key=str)}


def _demand(parameter: dict[str, Any]) -> None:
    """Say that a header is needed, which its absence's own problem answers: the code takes it as optional."""
    choices = parameter["schema"].pop("anyOf", ())
    parameter["required"] = True
    for choice in choices:
        if choice.get("type") != "null":
            parameter["schema"] |= choice


def refusals(own: Iterable[str], operation: dict[str, Any], path: str, method: str) -> set[str]:
    """Return the codes of every problem that an operation may answer with.

    Args:
        own: What its route names.
        operation: Its parameters and body.
        path: With its places, as `/v1/cases/{reference}`.
        method: In lower case.
    """
    codes = set(own) | BEARER_REFUSED | ALWAYS_REFUSED
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
