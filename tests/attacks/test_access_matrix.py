"""Every route × every role × every relation to the case: asked for real, and compared with the committed matrix."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import timedelta
from itertools import product
from pathlib import Path

import httpx
import pytest

from api import sequencer
from api.transaction import UnitOfWorkRoute
from domain.codes import Role
from tests.attacks import permissions
from tests.attacks.asked import OPEN, asked, contexts, outcome, routes, seen
from tests.attacks.gathering import gathered
from tests.attacks.relations import RELATIONS, Stage, prepared

Cell = tuple[str, str, str]

OVERSIGHT = {Role.FOCAL_POINT, Role.COORDINATOR}
STATUS = "GET /v1/referrals/{reference}/status"
PACKAGE = "GET /v1/referrals/{reference}/package"
COMPARTMENT = "GET /v1/cases/{reference}/person/{compartment}"
PUBLISHED = (
    "GET /v1/code-lists",
    "GET /v1/organisations",
    "GET /v1/published-figures",
    "GET /v1/sops",
)
ASSIGNMENT = "POST /v1/escalations/{escalation_id}/assignment"
OF_THE_COORDINATOR = {ASSIGNMENT, "POST /v1/published-figures"}
"""The only acts of those who watch over the mechanism: about no person, or about references alone."""
WITNESSING = {
    "GET /v1/audit/checkpoint",
    "GET /v1/audit/consistency",
    "GET /v1/audit/leaves/{position}",
    "POST /v1/audit/checkpoints/{size}/cosignatures",
}
"""Hashes, sizes and signatures of the tree over the audit: about no case and no person."""
GLASS = "/v1/break-glass"
OF_THE_INDEPENDENT = (
    "GET /v1/break-glass",
    "POST /v1/break-glass/{break_glass_id}/",
    "GET /v1/notifications",
    "GET /v1/approvals",
    "POST /v1/approvals",
    "GET /v1/statistics/candidates",
    "POST /v1/statistics/candidates",
)
"""What the independent body may see and do beside what is published: what it watches over, which is no case."""
ABOUT_NOBODY = {"candidates", "approvals", "indicators"}
"""Parts of routes that name what stands beside every case: to be published, counted, or about the directory."""
UNKNOWING = ("walled", "walled_staff", "foreign", "abroad")
"""Relations for which the case must not exist."""


@pytest.fixture(scope="module")
async def answers(stage: Stage) -> Mapping[Cell, httpx.Response]:
    """Send every request; what only reads comes first, since what writes may change what is read."""
    things = await prepared(stage)
    await sequencer.place_all(stage.world.runtime)
    signed = await sequencer.sign(stage.world.runtime, timedelta(0))
    assert signed is not None
    things |= {one: replace(things[one], checkpoint=str(signed.size)) for one in things if one != "absent"}
    found: dict[Cell, httpx.Response] = {}
    for route in routes(stage.world.app):
        row = list(product(Role, RELATIONS))
        sent = [asked(stage, route, relation, role, things[relation]) for role, relation in row]
        for (role, relation), response in zip(row, await gathered(sent), strict=True):
            found[route, role, relation] = response
    return found


def named(route: str) -> bool:
    """Tell whether a route names a record by id."""
    return "{" in route and "/sops/" not in route and "/audit/" not in route


def test_every_route_has_its_row_and_every_row_its_route(stage: Stage) -> None:
    in_matrix = {route for group in permissions.groups() for route in group.routes}
    assert in_matrix == set(routes(stage.world.app))


def test_every_route_but_the_open_ones_is_one_unit_of_work(stage: Stage) -> None:
    outside = {one.path for one in contexts(stage.world.app) if not isinstance(one.original_route, UnitOfWorkRoute)}
    assert outside == OPEN


async def test_without_a_token_every_route_answers_the_same(stage: Stage, attack: Callable[..., None]) -> None:
    found = set()
    every = routes(stage.world.app)
    for route in every:
        method, path = route.split(" ", 1)
        response = await stage.client.request(method, path)
        found.add((response.status_code, response.content))
    attack("no token, on every route", tried=len(every), succeeded=len(found) - 1)
    assert {status for status, _ in found} == {401}


def test_every_answer_is_the_one_of_the_matrix(
    answers: Mapping[Cell, httpx.Response], attack: Callable[..., None]
) -> None:
    expected = permissions.cells()
    assert answers.keys() == expected.keys()
    wrong = {
        cell: f"{sign!r} expected, {got!r} came"
        for cell, sign in expected.items()
        if (got := outcome(cell[0], answers[cell])) != sign
    }
    assert wrong == {}
    refusals = sum(sign != "+" for sign in expected.values())
    attack("access matrix: what a role or relation must not do", tried=refusals, succeeded=0)


def test_who_must_not_know_is_answered_as_if_nothing_were_there(
    answers: Mapping[Cell, httpx.Response], attack: Callable[..., None]
) -> None:
    told, tried = [], 0
    for (route, role, relation), response in answers.items():
        overseen = route in {STATUS, ASSIGNMENT} and role in OVERSIGHT and relation == "foreign"
        overseen |= GLASS in route and role == Role.MONITORING_STAFF and relation == "foreign"
        if not named(route) or relation not in UNKNOWING or overseen or ABOUT_NOBODY & set(route.split("/")):
            continue
        tried += 1
        if seen(response) != seen(answers[route, role, "absent"]):
            told.append((route, role, relation))
    assert told == []
    attack("foreign and walled against absent, byte for byte", tried=tried, succeeded=len(told))


AWARDS = {"POST /v1/awards/{award_id}/decision", "POST /v1/awards/{award_id}/payment"}
"""All that who oversees may change: money, about which no case and no person is named."""


def test_the_matrix_itself_keeps_its_promises() -> None:
    cells = permissions.cells()
    allowed = [cell for cell, sign in cells.items() if sign == "+"]
    of_case = [(route, role, relation) for route, role, relation in allowed if named(route)]
    assert {
        relation
        for route, role, relation in of_case
        if not ABOUT_NOBODY & set(route.split("/"))
        and route not in {STATUS, ASSIGNMENT}
        and not (GLASS in route and role == Role.MONITORING_STAFF)
    } == {
        "owner",
        "sender",
        "before",
        "after",
        "declined",
        "withdrawn",
    }
    assert {relation for route, _, relation in allowed if route == PACKAGE} == {"after"}
    assert {relation for route, _, relation in allowed if route == COMPARTMENT} == {"owner"}
    assert {relation for route, _, relation in of_case if "/cases/" in route} == {"owner", "after"}
    for route, role, _ in allowed:
        if role == Role.MONITORING_STAFF:
            assert route.startswith(PUBLISHED + OF_THE_INDEPENDENT) or route in WITNESSING, route
        if role in OVERSIGHT:
            assert "/cases" not in route, route
            theirs = {(Role.COORDINATOR, act) for act in OF_THE_COORDINATOR | AWARDS | WITNESSING}
            webhook = route.startswith("POST /v1/webhooks")
            signed = route.startswith("POST /v1/statistics/candidates")
            emergency = role == Role.COORDINATOR and route.startswith((f"POST {GLASS}", "POST /v1/approvals"))
            assert not route.startswith("POST") or webhook or emergency or signed or (role, route) in theirs, route
            assert route != PACKAGE
            assert "/contacts" not in route, route


def test_what_a_refusal_says_depends_on_the_role_alone(answers: Mapping[Cell, httpx.Response]) -> None:
    """A role without the verb gets the same answer whatever it names."""
    for group, role in product(permissions.groups(), Role):
        if set(group.rows[role]) != {"x"}:
            continue
        for route in group.routes:
            told = {seen(answers[route, role, relation]) for relation in RELATIONS}
            assert len(told) == 1, (route, role)


def test_the_page_for_people_is_the_matrix() -> None:
    assert Path(permissions.PAGE).read_text(encoding="utf-8") == permissions.page()
