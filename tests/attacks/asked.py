"""A request for every route, such that the answer depends on nothing but access.

Bodies are valid. Where a change names a version, it names a stale one: what is allowed is tried and changes nothing.
"""

import re
from collections.abc import Callable, Mapping
from typing import Any, Final

import httpx
from fastapi import FastAPI
from fastapi.routing import RouteContext, iter_route_contexts

from domain.codes import Role
from tests.attacks.relations import CASE, CONSENT, CONTACT, REFERRAL, REPORTING, Stage, Things

STALE: Final = 987_654_321
OPEN: Final = frozenset(
    {
        "/v1/openapi.json",
        "/documentation",
        "/documentation/start.js",
        "/documentation/assets",
        "/health/live",
        "/health/ready",
    }
)
"""Paths that ask nobody who they are: they hold nothing but the program itself."""

Body = Callable[[Role], Any]


def nothing(_: Role) -> None:
    """Return no body."""


def always(body: Any) -> Body:
    """Return the same body for every role."""
    return lambda _: body


def decision(role: Role) -> Any:
    """Return the decision that a role may speak for."""
    body = "state" if role in {Role.POLICE_OFFICER, Role.MIGRATION_OFFICER} else "ngo"
    return {"body": body, "outcome": "PossibleVictimOfTrafficking", "legal_basis": "guideline-1"}


BODIES: Mapping[str, Body] = {
    "POST /v1/contacts": always({**CONTACT, "cases": [CASE]}),
    "POST /v1/contacts/{contact_id}/callback": always({"reached": True}),
    "POST /v1/cases": always(CASE),
    "PATCH /v1/cases/{reference}/person": always({"sex": "male"}),
    "PUT /v1/cases/{reference}/person/{compartment}": always({"fields": {"given_name": "Overwritten"}}),
    "PUT /v1/cases/{reference}/case-work": always({"case_work": "active"}),
    "POST /v1/cases/{reference}/cooperation": always({"willing": "no"}),
    "POST /v1/cases/{reference}/walls": always({"organisation": "NGO-BETA"}),
    "POST /v1/cases/{reference}/screenings": always({"hits": {}, "result": "indicated"}),
    "POST /v1/cases/{reference}/assessments": always({"danger": "low", "needs": ["medical"]}),
    "POST /v1/cases/{reference}/decisions": decision,
    "POST /v1/cases/{reference}/consents": always(CONSENT),
    "POST /v1/cases/{reference}/consents/{consent_id}/versions": always(REPORTING),
    "POST /v1/cases/{reference}/service-episodes": always({"service": "medical"}),
    "POST /v1/service-episodes/{episode_id}/end": always({"outcome": "full"}),
    "POST /v1/cases/{reference}/referrals": always({**REFERRAL, "recipient": "NGO-ALPHA", "draft": True}),
    "POST /v1/referrals/{reference}/question": always({"text": "Which language?"}),
    "POST /v1/referrals/{reference}/answer": always({"text": "Kyrgyz."}),
    "POST /v1/referrals/{reference}/decline": always({"declined_by": "provider", "reason": "no_capacity"}),
    "POST /v1/referrals/{reference}/completion": always({"outcome": "full"}),
    "POST /v1/referrals/{reference}/failure": always({"reason": "other"}),
    "POST /v1/webhooks": always({"url": "https://receiver.example/hook", "kinds": ["referral_arrived"]}),
    "PUT /v1/webhooks/{webhook_id}/status": always({"status": "paused"}),
    "POST /v1/webhooks/{webhook_id}/replay": always({}),
}
"""What is sent; routes that are not here take no body."""

WITHOUT_VERSION: Final = re.compile(
    r"POST /v1/(contacts|cases|webhooks"
    r"|cases/\{reference\}/(steps/.*|cooperation|walls|screenings|assessments|decisions|consents.*|service-episodes"
    r"|referrals))"
)
"""Changes that make something new and so name no version."""

FIXED: Mapping[str, str] = {
    "step": "inform-of-rights",
    "compartment": "identity",
    "sop": "kg-identification-and-referral",
    "version": "1.0.0",
}
"""Parts of paths that name no record."""


def contexts(app: FastAPI) -> list[RouteContext]:
    """Return every route that the application answers, wherever it was declared."""
    return [one for one in iter_route_contexts(app.routes) if one.path is not None]


def routes(app: FastAPI) -> list[str]:
    """Return every route that asks who one is, as `METHOD path`; what only reads comes first."""
    found = [
        f"{method} {one.path}" for one in contexts(app) if one.path not in OPEN for method in sorted(one.methods or ())
    ]
    return sorted(found, key=lambda route: (not route.startswith("GET "), route))


def filled(path: str, things: Things) -> str:
    """Return a path with the ids of what is asked for."""
    reference = things.referral if path.startswith("/v1/referrals") else things.case
    known = {
        **FIXED,
        "reference": reference,
        "contact_id": things.contact,
        "consent_id": things.consent,
        "episode_id": things.episode,
        "webhook_id": things.webhook,
        "release_id": things.release,
        "name": things.table,
    }
    return re.sub(r"\{(\w+)\}", lambda part: known[part[1]], path)


async def asked(stage: Stage, route: str, relation: str, role: Role, things: Things) -> httpx.Response:
    """Send the request of a route as one member of staff about some things."""
    method, path = route.split(" ", 1)
    version = None if method == "GET" or WITHOUT_VERSION.fullmatch(route) else STALE
    body = BODIES.get(route, nothing)(role)
    return await stage.ask(relation, role, method, filled(path, things).removeprefix("/v1"), body, version=version)


def outcome(route: str, response: httpx.Response) -> str:
    """Return what an answer says about access.

    `+` allowed: done, or refused for the state of things alone; `=` nothing is open in this state; `x` 403; `-` 404.
    Anything else is returned as it is, and fits nothing.
    """
    status = response.status_code
    if status in {403, 404}:
        return {403: "x", 404: "-"}[status]
    if response.is_success:
        return "+"
    if route.startswith("GET "):
        return "=" if status == 409 else f"{status}"
    allowed = status in {409, 412} or (status == 422 and response.json()["code"] == "invalid-input")
    return "+" if allowed else f"{status} {response.text}"


VARYING: Final = frozenset({"x-request-id", "date", "ratelimit"})


def seen(response: httpx.Response) -> tuple[int, bytes, tuple[tuple[str, str], ...]]:
    """Return everything that an asker can tell two answers apart by."""
    headers = tuple(sorted((name, value) for name, value in response.headers.items() if name not in VARYING))
    return response.status_code, response.content, headers
