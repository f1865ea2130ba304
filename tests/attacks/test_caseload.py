"""Exact figures: nobody counts what they may not see, and none of them can become a release."""

import typing
from collections.abc import Callable, Iterator
from datetime import timedelta
from importlib import import_module
from inspect import getmembers, isfunction, signature
from pkgutil import walk_packages
from types import ModuleType

import grimp
import pytest

import api.statistics
import domain.statistics
from api.routes import candidates, releases
from api.schemas.caseload import CaseloadOut, DashboardOut, Exact
from api.schemas.referrals import FunnelOut
from domain.codes import Role
from tests.attacks.asked import routes
from tests.attacks.relations import CASE, WORKER, Stage, walled_off
from tests.attacks.test_honey import plant
from tests.world import World

Attack = Callable[..., None]
PATHS = ("/caseload", "/dashboard")


async def shown(stage: Stage, relation: str, role: Role) -> dict[str, str]:
    """Return the figures as they are answered, word for word."""
    return {path: (await stage.ask(relation, role, "GET", path)).text for path in PATHS}


async def test_no_figure_moves_for_whom_a_conflict_wall_stands_before(stage: Stage, attack: Attack) -> None:
    excluded = [(relation, role) for relation in ("walled", "walled_staff") for role in Role]
    before = {one: await shown(stage, *one) for one in excluded}
    others = [("owner", WORKER), ("foreign", Role.COORDINATOR)]
    seen = {one: await shown(stage, *one) for one in others}
    await walled_off(stage, candidate="")
    after = {one: await shown(stage, *one) for one in excluded}
    moved = [one for one in excluded if before[one] != after[one]]
    assert moved == []
    assert (await shown(stage, *others[0]))["/caseload"] != seen[others[0]]["/caseload"]
    assert (await shown(stage, *others[1]))["/dashboard"] != seen[others[1]]["/dashboard"]
    attack("walled: own caseload and dashboard", tried=len(excluded) * len(PATHS), succeeded=len(moved))


async def test_a_honey_case_is_in_the_caseload_as_in_the_list_and_not_on_the_dashboard(
    world: World, attack: Attack
) -> None:
    await plant(world)
    listed = (await world.get("alpha", "/cases"))["items"]
    counted = (await world.get("alpha", "/caseload"))["cases"]
    assert sum(one["count"] for one in counted) == len(listed) == 1
    late = world.later(timedelta(days=3))
    assert (await late.get("coordinator", "/dashboard"))["lines"] == [], "its steps are missed like any other's"
    await world.post("alpha", "/cases", CASE)
    assert (await late.get("coordinator", "/dashboard"))["lines"] != []
    attack("honey: telling it by a count", tried=2, succeeded=0)


def modules(package: ModuleType) -> Iterator[ModuleType]:
    for found in walk_packages(package.__path__, f"{package.__name__}."):
        yield import_module(found.name)


EXACT = (Exact, CaseloadOut, DashboardOut, FunnelOut)
PUBLISHING = [*modules(domain.statistics), *modules(api.statistics), releases, candidates]


def test_nothing_that_makes_or_serves_a_release_takes_or_returns_exact_figures() -> None:
    checked = 0
    for module in PUBLISHING:
        for name, function in getmembers(module, isfunction):
            if function.__module__ == module.__name__:
                hints = [str(one) for one in (*function.__annotations__.values(), signature(function))]
                assert not any(kind.__name__ in hint for kind in EXACT for hint in hints), f"{module.__name__}.{name}"
                checked += 1
    assert checked > 50


def test_no_chain_of_imports_leads_from_a_release_to_exact_figures() -> None:
    graph = grimp.build_graph("api", "auth", "domain", cache_dir=None)
    exact = {"api.own_caseload", "api.schemas.caseload", "api.routes.caseload"}
    assert exact <= graph.modules
    for module in PUBLISHING:
        chains = [graph.find_shortest_chain(module.__name__, one) for one in exact]
        allowed = [chain for chain in chains if chain and not {"api.app", "api.cli"} & set(chain)]
        assert allowed == [], module.__name__
    reading = {one for module in PUBLISHING for one in graph.find_modules_that_directly_import(module.__name__)}
    assert not exact & reading, "nor back"


@pytest.mark.parametrize("path", ["/v1/caseload", "/v1/dashboard"])
def test_they_have_no_parameter_and_one_format_that_is_none_of_a_release(stage: Stage, path: str) -> None:
    operation = stage.world.app.openapi()["paths"][path]
    assert set(operation) == {"get"}
    assert not [one for one in operation["get"].get("parameters", ()) if one["in"] in {"query", "path"}]
    assert set(operation["get"]["responses"]["200"]["content"]) == {"application/json"}
    assert f"GET {path}" in routes(stage.world.app)


def test_exact_figures_say_of_themselves_that_they_are_for_no_publication() -> None:
    for kind in EXACT:
        assert typing.get_args(kind.model_fields["publishable"].annotation) == (False,)
        assert "never for publication" in kind.model_fields["notice"].default
