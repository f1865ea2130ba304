"""Somebody puts a tracer into the process: no span, so no path with a reference, reaches it."""

from collections.abc import Callable
from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from opentelemetry import trace
from opentelemetry.trace import NonRecordingSpan, SpanContext, TraceFlags, Tracer, TracerProvider
from opentelemetry.util._once import Once

from api.app import create_app
from tests.world import World

Attack = Callable[..., None]
ROUNDS = 20


class Listening(TracerProvider, Tracer):
    """A tracer that remembers the names and attributes of every span it is asked to start."""

    def __init__(self) -> None:
        self.heard: list[str] = []

    def get_tracer(self, *_: Any, **__: Any) -> Tracer:
        return self

    def start_span(self, name: str, *_: Any, **more: Any) -> NonRecordingSpan:
        self.heard.append(f"{name} {more.get('attributes')}")
        return NonRecordingSpan(SpanContext(1, 1, is_remote=False, trace_flags=TraceFlags(1)))

    def start_as_current_span(self, name: str, *_: Any, **more: Any) -> Any:
        return trace.use_span(self.start_span(name, **more))


@pytest.fixture
def listening(monkeypatch: pytest.MonkeyPatch) -> Listening:
    """Put a listening tracer where the framework looks for one."""
    provider = Listening()
    monkeypatch.setattr(trace, "_TRACER_PROVIDER_SET_ONCE", Once())
    monkeypatch.setattr(trace, "_TRACER_PROVIDER", None)
    trace.set_tracer_provider(provider)
    return provider


async def test_no_span_is_started_for_any_request(
    shared_world: World, listening: Listening, attack: Attack, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FASTAPI_OTEL_AUTO_CONFIGURE", "true")
    world = World(shared_world.runtime, shared_world.access, create_app(shared_world.runtime))
    for _ in range(ROUNDS):
        await world.ask("alpha", "GET", "/cases/C-0000-0000-0000-0000")
    attack("telemetry: spans of requests reach a planted tracer", tried=ROUNDS, succeeded=len(listening.heard))


async def test_the_planted_tracer_would_have_heard_the_framework_with_its_defaults(listening: Listening) -> None:
    app = FastAPI()

    @app.get("/cases/{reference}")
    async def read(reference: str) -> str:
        return reference

    async with httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url="http://nrm.test") as client:
        await client.get("/cases/C-1")
    assert any("/cases/" in span for span in listening.heard)
