"""Who read which exact figures, and when, is known afterwards; what they said is not."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import asyncpg
import httpx
import pytest

from api.schemas.caseload import NOTICE
from api.second_sink import FileSink
from domain.audit.sink import read_opening
from domain.codes import CountUnit, Role
from tests.api.test_second_sink import with_sink
from tests.attacks.asked import routes
from tests.attacks.relations import CONTACT, WORKER, Stage, code_of, opened, referred
from tests.attacks.test_audit_completeness import BREAK, MEND, Watch
from tests.world import CATALOGUE, World

Attack = Callable[..., None]
KEY = "acceptance-rate"
EVER = "2020-01-01..2099-12-30"
EVERY = [one.key for one in CATALOGUE.framework("KG").reported_in("KG")]

READ: dict[str, tuple[str, str, Role, dict[str, Any]]] = {
    "GET /v1/caseload": ("/caseload", "owner", WORKER, {"figures": "caseload"}),
    "GET /v1/dashboard": ("/dashboard", "foreign", Role.COORDINATOR, {"figures": "dashboard"}),
    "GET /v1/caseload/funnel": ("/caseload/funnel", "foreign", Role.COORDINATOR, {"figures": "funnel"}),
    "GET /v1/caseload/callbacks": ("/caseload/callbacks", "foreign", Role.COORDINATOR, {"figures": "callbacks"}),
    "GET /v1/indicators/{period}": (
        f"/indicators/{EVER}",
        "foreign",
        Role.COORDINATOR,
        {"figures": "results", "period": EVER, "indicators": EVERY},
    ),
    "GET /v1/indicators/{period}/{indicator}": (
        f"/indicators/{EVER}/{KEY}",
        "foreign",
        Role.COORDINATOR,
        {"figures": "results", "period": EVER, "indicators": [KEY]},
    ),
}
"""By route: how it is asked, by whom, and what the entry must say of it."""

ENTRIES = """
    SELECT e.stream_id = o.id AND e.subject_id = o.id AS own, e.rule, e.details, s.subject
    FROM audit_entries e JOIN organisations o ON o.id = e.organisation_id JOIN staff_members s ON s.id = e.actor_id
    WHERE e.action = 'figures.read' AND o.code = $1 ORDER BY e.sequence DESC LIMIT 1
"""


def answers_of(stage: Stage) -> set[str]:
    """Return every route that tells figures of the running mechanism: all of the two tags but the definitions."""
    told = {
        f"{method.upper()} {path}"
        for path, methods in stage.world.app.openapi()["paths"].items()
        for method, one in methods.items()
        if {"caseload", "indicators"} & set(one["tags"])
    }
    return told - {"GET /v1/indicators"}


@pytest.mark.parametrize("route", READ)
async def test_whoever_reads_exact_figures_is_recorded_with_which_and_without_any(
    stage: Stage, superuser: asyncpg.Connection, route: str
) -> None:
    path, relation, role, which = READ[route]
    watch = Watch(stage, superuser)
    answers, entries = [], []
    for _ in range(2):
        case, _, _ = await opened(stage, "owner", WORKER)
        await referred(stage, case, "before")
        await stage.do("owner", "/contacts", {**CONTACT, "channel": "voicemail"})
        assert await watch.after(relation, role, "GET", path) == (200, ["figures.read"])
        row = await superuser.fetchrow(ENTRIES, code_of(relation))
        assert row is not None
        assert (row["own"], row["rule"], row["subject"]) == (True, "role", f"{relation}-{role}")
        entries.append(json.loads(row["details"]))
        answers.append((await stage.ask(relation, role, "GET", path)).text)
    assert entries == [which | {"role": role}] * 2
    assert answers[0] != answers[1], "the figures changed, and the entry did not"


def test_no_route_with_exact_figures_is_left_out(stage: Stage) -> None:
    assert answers_of(stage) == set(READ)
    assert set(READ) < set(routes(stage.world.app))


async def test_definitions_are_no_figures_and_who_is_refused_has_read_none(
    stage: Stage, superuser: asyncpg.Connection
) -> None:
    watch = Watch(stage, superuser)
    assert await watch.after("foreign", Role.COORDINATOR, "GET", "/indicators") == (200, [])
    for path, *_ in READ.values():
        assert await watch.after("foreign", Role.MONITORING_STAFF, "GET", path) == (403, ["access.denied"])
    refused = await watch.after("foreign", Role.HOTLINE_OPERATOR, "GET", f"/indicators/2026/{KEY}")
    assert refused == (404, ["access.denied"]), "of the coordinator alone"


async def test_without_the_audit_and_without_the_sink_no_figure_is_told(
    stage: Stage, superuser: asyncpg.Connection, attack: Attack, tmp_path: Path
) -> None:

    async def shown(world: World) -> list[httpx.Response]:
        through = httpx.ASGITransport(app=world.app, raise_app_exceptions=False)
        async with httpx.AsyncClient(transport=through, base_url="http://nrm.test") as client:
            there = Stage(world, client)
            return [await there.ask(relation, role, "GET", path) for path, relation, role, _ in READ.values()]

    mended = tmp_path / "openings"
    assert {one.status_code for one in await shown(with_sink(stage.world, FileSink(mended)))} == {200}
    kept = [read_opening(line) for line in mended.read_bytes().splitlines(keepends=True)]
    assert [one[1].entry.details["figures"] for one in kept if one] == [one["figures"] for *_, one in READ.values()]
    await superuser.execute(BREAK)
    try:
        told = await shown(stage.world)
    finally:
        await superuser.execute(MEND)
    told += await shown(with_sink(stage.world, FileSink(Path("/dev/full"))))
    assert [one.status_code for one in told] == [500] * len(READ) + [503] * len(READ)
    signs = ("count", "value", NOTICE, KEY, *CountUnit)
    leaked = [one for one in told if any(f'"{sign}"' in one.text for sign in signs)]
    attack("exact figures while who reads them cannot be kept", tried=len(told), succeeded=len(leaked))
