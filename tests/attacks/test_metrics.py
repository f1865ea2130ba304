"""Somebody reads all that a process tells its watchers: no word of anybody, and nothing about anybody.

Every word goes in by every way there is: bodies, paths, methods, headers, queries; what is refused, and what is sent on
to a webhook that fails.
"""

import re
import socket
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from datetime import timedelta
from urllib.parse import quote

import httpx
import pytest
from fastapi.routing import iter_route_contexts
from prometheus_client.parser import text_string_to_metric_families

from api.dispatcher import Dispatcher
from api.metrics import METHODS, Metrics
from api.monitoring import count_what_waits, watched
from api.sending import Sender
from api.settings import DatabaseRole, Settings
from domain.deadlines.models import DeadlineKind
from domain.webhooks.models import AttemptOutcome
from tests.attacks.disguises import Haystack, disguises
from tests.attacks.test_leaks import CANARIES, CASE, CONSENT, CONTACT
from tests.journeys.scenes import referred, supported
from tests.world import World

Attack = Callable[..., None]
OF_PROCESS = re.compile(r"^process_")


async def told(world: World) -> str:
    """Return what the port for watching tells, asked for real."""
    settings = world.runtime.settings.model_copy(update={"metrics_port": 0})
    with watched(replace(world.runtime, settings=settings)) as port:
        async with httpx.AsyncClient() as client:
            answer = await client.get(f"http://127.0.0.1:{port}/metrics?{quote(CANARIES[1])}")
    assert answer.status_code == 200
    return answer.text


async def busy(world: World) -> list[str]:
    """Let everything happen that is counted, with a canary in every place that takes a word; returns references."""
    contact = await world.post("hotline", "/contacts", CONTACT)
    opened = await world.post("alpha", "/cases", CASE)
    await world.ask("alpha", "POST", f"/cases/{opened['reference']}/consents", CONSENT)
    case, _ = await supported(world)
    await world.post("north", "/webhooks", {"url": "https://receiver.example/hook", "kinds": ["referral_arrived"]})
    reference = await referred(world, case)
    assert world.runtime.webhook_key is not None
    sender = Sender(world.runtime.allowed, resolving=nowhere)
    await Dispatcher(world.runtime, sender, world.runtime.webhook_key).serve_all()
    await world.post("alpha", "/webhooks", {"url": "https://receiver.example/hook", "kinds": ["referral_changed"]})
    await world.act("north", reference, "receipt")
    late = world.later(timedelta(days=9))
    await late.work_off()
    await count_what_waits(late.runtime)
    for word in CANARIES:
        for path in (f"/cases/{quote(word)}", f"/{quote(word)}", f"/cases?cursor={quote(word)}", "/cases"):
            await world.ask("alpha", "GET", path, headers={"X-Request-ID": quote(word), "Accept-Language": quote(word)})
            await world.ask("alpha", quote(word).upper().replace("%", "X").replace(" ", "").replace("+", ""), path)
    return [case, reference, opened["reference"], contact["id"], *contact["cases"]]


async def nowhere(_: str, __: int) -> list[str]:
    return ["10.0.0.1"]


async def test_no_word_and_no_reference_is_told_to_watchers(world: World, attack: Attack) -> None:
    references = await busy(world)
    text = await told(world)
    haystack = Haystack()
    haystack.add(text.encode())
    forms = {form for word in [*CANARIES, "Aizada", "Testova", *references] for form in disguises(word)}
    codes = {"NGO-ALPHA", "SHELTER-NORTH", "HOTLINE", "receiver.example"}
    found = sorted(haystack.hits(forms | {code.encode() for code in codes}))
    assert found == []
    assert "nrm_request_seconds_count" in text
    attack("words, references and organisations in what watchers are told", tried=len(forms), succeeded=len(found))


async def test_every_label_has_a_closed_list_of_values_and_each_is_on_it(world: World) -> None:
    await busy(world)
    routes = {str(one.path) for one in iter_route_contexts(world.app.routes)}
    routes |= {route.removeprefix("/v1") for route in routes} | {"other"}
    closed = {
        "route": routes,
        "method": METHODS | {"other"},
        "status": {f"{number}xx" for number in range(1, 6)},
        "kind": set(DeadlineKind),
        "result": {"fired", "settled"},
        "outcome": set(AttemptOutcome),
        "state": {"waiting", "dead", "in_use", "idle"},
        "role": set(DatabaseRole),
    }
    seen: dict[str, set[str]] = {}
    for family in text_string_to_metric_families(await told(world)):
        assert family.name.startswith("nrm_") or OF_PROCESS.match(family.name)
        for sample in family.samples:
            for label, value in sample.labels.items():
                if label != "le":
                    seen.setdefault(label, set()).add(value)
    assert seen.keys() == closed.keys()
    assert {label: values - closed[label] for label, values in seen.items() if not values <= closed[label]} == {}
    assert len(seen["route"]) > 5
    assert {"other", "GET", "POST"} <= seen["method"]


async def test_the_figures_are_those_of_what_happened(world: World) -> None:
    await busy(world)
    figures = {
        (sample.name, *sorted(sample.labels.values())): sample.value
        for family in text_string_to_metric_families(await told(world))
        for sample in family.samples
    }
    assert figures["nrm_webhook_attempts_total", "not_allowed"] == 1
    assert figures["nrm_outbox_events", "waiting"] == 1, "of the receipt; the arrival of what expired is withheld"
    assert figures["nrm_outbox_events", "dead"] == 0
    assert figures["nrm_outbox_oldest_seconds",] > 8 * 86400
    assert figures["nrm_deadlines_total", "fired", "referral_expiry"] == 1
    assert figures["nrm_deadlines_due",] == 0
    assert figures["nrm_audit_entries_total",] > 10
    assert figures["nrm_pool_connections", "idle", "nrm_application"] > 0
    assert figures["nrm_worker_heartbeat_timestamp_seconds",] > 1.7e9


async def test_the_api_itself_tells_nothing_to_watchers(shared_world: World) -> None:
    for path in ("/metrics", "/v1/metrics", "/health/metrics"):
        async with shared_world.client("coordinator") as client:
            assert (await client.get(path)).status_code == 404


def test_the_port_for_watching_is_closed_unless_asked_for_and_on_loopback_unless_told_otherwise(
    shared_world: World,
) -> None:
    assert Settings().metrics_port is None
    assert Settings().metrics_host == "127.0.0.1"
    with watched(shared_world.runtime) as port:
        assert port is None
    settings = shared_world.runtime.settings.model_copy(update={"metrics_port": 0})
    with watched(replace(shared_world.runtime, settings=settings)) as port:
        assert port is not None
        elsewhere = socket.gethostbyname(socket.gethostname())
        with closing(socket.socket()) as other:
            if not elsewhere.startswith("127."):
                with pytest.raises(OSError, match=r"reach this machine|refused"):
                    other.connect((elsewhere, port))


async def test_a_worker_is_ready_while_it_looks_for_work(world: World) -> None:
    metrics = Metrics()
    settings = world.runtime.settings.model_copy(update={"metrics_port": 0})
    runtime = replace(world.runtime, settings=settings, metrics=metrics)
    answers = {}
    with watched(runtime, lambda: metrics.beating(60)) as port:
        async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}") as client:
            answers["before"] = (await client.get("/health/ready")).status_code
            await World(runtime, world.access, world.app).work_off()
            answers["after"] = (await client.get("/health/ready")).status_code
            for path in ("/", "/health", "/metrics/../x", "/v1/cases"):
                answers[path] = (await client.get(path)).status_code
            answers["post"] = (await client.post("/metrics")).status_code
            assert (await client.get("/health/live")).text == "live\n"
    assert answers == {"before": 503, "after": 200} | dict.fromkeys(
        ("/", "/health", "/metrics/../x", "/v1/cases", "post"), 404
    )
    assert not metrics.beating(-1)
