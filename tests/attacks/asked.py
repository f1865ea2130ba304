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
from tests.attacks.emergencies import EMERGENCY
from tests.attacks.relations import (
    AWARD,
    CASE,
    CLASSIFICATION,
    CONSENT,
    CONTACT,
    COST,
    EXPLOITATION,
    QUESTION,
    REFERRAL,
    REPORTING,
    Stage,
    Things,
)
from tests.exchange.bundles import bundle_for

STALE: Final = 987_654_321
OPEN: Final = frozenset(
    {
        "/v1/openapi.json",
        "/documentation",
        "/documentation/start.js",
        "/documentation/assets",
        "/health/live",
        "/health/ready",
        "/v1/statistics/releases",
        "/v1/statistics/releases/pages/{language}.html",
        "/v1/statistics/releases/{release_id}",
        "/v1/statistics/releases/{release_id}/tables/{name}",
        "/v1/statistics/releases/{release_id}/files/{file}",
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


ABSENT: Final = "00000000-0000-4000-8000-000000000000"
"""An id that names nothing."""

FIGURE: Final = {
    "series": "hotline-calls",
    "unit": "calls",
    "country": "KG",
    "period_from": "2016-01-01",
    "period_to": "2016-12-31",
    "value": "no_data",
    "source": "matrix",
}

BODIES: Mapping[str, Body] = {
    "POST /v1/contacts": always({**CONTACT, "cases": [CASE]}),
    "POST /v1/contacts/{contact_id}/callback": always({"reached": True}),
    "POST /v1/cases": always(CASE),
    "PATCH /v1/cases/{reference}/person": always({"sex": "male"}),
    "PUT /v1/cases/{reference}/person/{compartment}": always({"fields": {"given_name": "Overwritten"}}),
    "PUT /v1/cases/{reference}/case-work": always({"case_work": "active"}),
    "POST /v1/cases/{reference}/cooperation": always({"willing": "no"}),
    "POST /v1/cases/{reference}/subject-requests": always({"kind": "access"}),
    "POST /v1/cases/{reference}/subject-requests/{request_id}/answer": always({"granted": True}),
    "POST /v1/cases/{reference}/retention-holds": always(
        {"ground": "complaint", "holds_until": "2027-01-05T00:00:00Z"}
    ),
    "POST /v1/cases/{reference}/walls": always({"organisation": "NGO-BETA"}),
    "POST /v1/cases/{reference}/duplicates/{warning_id}/answers": always({"answer": "unknown"}),
    "POST /v1/cases/{reference}/separation": always({"keep": []}),
    "POST /v1/cases/{reference}/screenings": always({"hits": {}, "result": "indicated"}),
    "POST /v1/cases/{reference}/assessments": always({"danger": "low", "needs": ["medical"]}),
    "POST /v1/cases/{reference}/decisions": decision,
    "POST /v1/cases/{reference}/consents": always(CONSENT),
    "POST /v1/cases/{reference}/consents/{consent_id}/versions": always(REPORTING),
    "POST /v1/cases/{reference}/attachments": always(b"no document"),
    "PUT /v1/cases/{reference}/attachments/{attachment}/words": always({"name": "Overwritten"}),
    "POST /v1/cases/{reference}/awards": always(AWARD),
    "POST /v1/awards/{award_id}/decision": always({"amount": 1}),
    "POST /v1/service-episodes/{episode_id}/costs": always(COST),
    "POST /v1/service-episodes/{episode_id}/terms": always({"certificate": "no"}),
    "POST /v1/cases/{reference}/classifications": always(CLASSIFICATION),
    "POST /v1/cases/{reference}/exploitation-episodes": always(EXPLOITATION),
    "POST /v1/cases/{reference}/exploitation-episodes/{exploitation_id}/versions": always(EXPLOITATION),
    "POST /v1/cases/{reference}/courses": always({"subject": "proceedings"}),
    "POST /v1/courses/{reference}/steps/{step}": always({}),
    "POST /v1/courses/{reference}/plan": always({"status": "ended"}),
    "POST /v1/courses/{reference}/plan/episodes": always({"episode": ABSENT}),
    "POST /v1/courses/{reference}/commission-requests": always({"organisation": "MIGRATION"}),
    "POST /v1/commission-requests/{request_id}/decision": always({"outcome": "asked", "decided_on": "2026-01-05"}),
    "POST /v1/courses/{reference}/follow-ups": always({"due_on": "2100-01-05"}),
    "POST /v1/courses/{reference}/follow-ups/{follow_up_id}/answers": always(
        {"reached": False, "asked_on": "2026-01-05"}
    ),
    "POST /v1/courses/{reference}/compensation": always({"stage": "refused", "on_day": "2026-01-05"}),
    "POST /v1/courses/{reference}/happenings": always({"fact": "hearing", "value": "held"}),
    "POST /v1/cases/{reference}/service-episodes": always({"service": "medical"}),
    "POST /v1/service-episodes/{episode_id}/end": always({"outcome": "full"}),
    "POST /v1/cases/{reference}/referrals": always({**REFERRAL, "recipient": "NGO-ALPHA", "draft": True}),
    "POST /v1/cases/{reference}/referrals/fhir": always(
        bundle_for(REFERRAL["step"], REFERRAL["service"], "NGO-ALPHA", draft=True)
    ),
    "POST /v1/referrals/{reference}/question": always({"text": "Which language?"}),
    "POST /v1/referrals/{reference}/answer": always({"text": "Kyrgyz."}),
    "POST /v1/referrals/{reference}/decline": always({"declined_by": "provider", "reason": "no_capacity"}),
    "POST /v1/referrals/{reference}/completion": always({"outcome": "full"}),
    "POST /v1/referrals/{reference}/failure": always({"reason": "other"}),
    "POST /v1/referrals/{reference}/placement": always({"children": 9}),
    "POST /v1/cases/{reference}/capacity-questions": always(QUESTION),
    "POST /v1/capacity-questions/{reference}/answer": always({"answer": "no_capacity"}),
    "POST /v1/approvals": always({"verb": "directory.close", "parameters": {"code": "NGO-BETA"}}),
    "POST /v1/approvals/{approval_id}/decision": always({"decision": "refused"}),
    "POST /v1/statistics/candidates/{candidate_id}/approvals": always({"report": "0" * 64}),
    "POST /v1/break-glass": always({**EMERGENCY, "case": "C-0000-0000-0000-0000"}),
    "POST /v1/break-glass/{break_glass_id}/review": always({"outcome": "justified"}),
    "POST /v1/places": always({"sex": "women", "family": "single", "count": 1}),
    "PATCH /v1/places/{place_id}": always({"out_of_order": True}),
    "POST /v1/escalations/{escalation_id}/assignment": always({"organisation": "NGO-BETA"}),
    "POST /v1/published-figures": always({"figures": [FIGURE]}),
    "POST /v1/webhooks": always({"url": "https://receiver.example/hook", "kinds": ["referral_arrived"]}),
    "PUT /v1/webhooks/{webhook_id}/status": always({"status": "paused"}),
    "POST /v1/webhooks/{webhook_id}/replay": always({}),
    "POST /v1/audit/checkpoints/{size}/cosignatures": always({"cosignature": f"— nobody {'A' * 104}"}),
}
"""What is sent; routes that are not here take no body."""

WITHOUT_VERSION: Final = re.compile(
    r"PUT /v1/contacts/.*|POST /v1/(contacts|cases|published-figures|webhooks|break-glass.*|approvals.*|statistics/.*"
    r"|service-episodes/\{episode_id\}/(costs.*|terms)"
    r"|places|referrals/\{reference\}/placement"
    r"|courses/.*|commission-requests/.*|audit/.*"
    r"|cases/\{reference\}/(steps/.*|cooperation|walls.*|screenings|assessments|decisions|consents.*|service-episodes"
    r"|exploitation-episodes|classifications|awards|attachments"
    r"|courses|capacity-questions|subject-requests.*|retention-holds.*|restriction/end"
    r"|duplicates/.*|separation"
    r"|referrals(/fhir)?))"
)
"""Changes that make something new and so name no version."""

QUERIES: Mapping[str, str] = {"POST /v1/cases/{reference}/attachments": "?compartment=identity"}
"""What routes are asked beside their path."""

FIXED: Mapping[str, str] = {
    "step": "inform-of-rights",
    "compartment": "identity",
    "sop": "kg-identification-and-referral",
    "version": "1.0.0",
    "request_id": ABSENT,
    "wall_id": ABSENT,
    "hold_id": ABSENT,
    "erasure_id": ABSENT,
    "warning_id": ABSENT,
    "follow_up_id": ABSENT,
    "position": "0",
    "period": "2026-Q3",
    "indicator": "dar-2-1",
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
    kinds = {"referrals": things.referral, "courses": things.course, "capacity-questions": things.question}
    reference = kinds.get(path.split("/")[2], things.case)
    known = {
        **FIXED,
        "reference": reference,
        "contact_id": things.contact,
        "consent_id": things.consent,
        "episode_id": things.episode,
        "exploitation_id": things.exploitation,
        "classification_id": things.classification,
        "award_id": things.award,
        "attachment": things.packed if "/referrals/" in path else things.attachment,
        "cost_id": things.cost,
        "place_id": things.place,
        "escalation_id": things.escalation,
        "webhook_id": things.webhook,
        "break_glass_id": things.glass,
        "approval_id": things.approval,
        "candidate_id": things.candidate,
        "size": things.checkpoint,
    }
    return re.sub(r"\{(\w+)\}", lambda part: known[part[1]], path)


async def asked(stage: Stage, route: str, relation: str, role: Role, things: Things) -> httpx.Response:
    """Send the request of a route as one member of staff about some things."""
    method, path = route.split(" ", 1)
    version = None if method == "GET" or WITHOUT_VERSION.fullmatch(route) else STALE
    body = BODIES.get(route, nothing)(role)
    asked_for = filled(path, things).removeprefix("/v1") + QUERIES.get(route, "")
    return await stage.ask(relation, role, method, asked_for, body, version=version)


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
