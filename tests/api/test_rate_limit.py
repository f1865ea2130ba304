"""A caller who asks too often is told to wait; nobody else is, and nothing is told of what was asked for."""

from dataclasses import dataclass, field, replace

import httpx
import pytest
from starlette.responses import PlainTextResponse
from starlette.types import Receive, Scope, Send

from api.app import create_app
from api.rate_limit import RateLimit
from tests.api.refusals import ABSENT
from tests.world import World, token_of

ONE, ONE_OF_US = "one", "alpha"


@dataclass
class Limited:
    """A limit of three requests a token and five an address, with a clock that is moved by hand."""

    world: World
    now: float = 1000.0
    reached: int = 0
    limit: RateLimit = field(init=False)

    def __post_init__(self) -> None:
        self.limit = RateLimit(self.answer, per_caller=3, per_address=5, seconds=lambda: self.now)

    async def answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer what gets through."""
        self.reached += 1
        await PlainTextResponse("answered")(scope, receive, send)

    async def enter(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on as the application does to its layers."""
        await self.limit({**scope, "app": self.world.app}, receive, send)

    async def ask(self, token: str | None = ONE, address: str = "192.0.2.1") -> httpx.Response:
        """Send one request."""
        transport = httpx.ASGITransport(app=self.enter, client=(address, 40000))
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        async with httpx.AsyncClient(transport=transport, base_url="http://nrm.test", headers=headers) as client:
            return await client.get("/v1/cases")


@pytest.fixture
def limited(shared_world: World) -> Limited:
    """Give each test a limit of its own."""
    return Limited(shared_world)


async def test_a_token_may_ask_as_often_as_allowed_and_then_waits_for_the_next_minute(limited: Limited) -> None:
    answers = [await limited.ask() for _ in range(5)]
    assert [answer.status_code for answer in answers] == [200, 200, 200, 429, 429]
    assert limited.reached == 3
    refused = answers[-1]
    assert refused.json()["code"] == "too-many-requests"
    assert refused.headers["retry-after"] == "21"
    limited.now += 21
    assert (await limited.ask()).status_code == 200


async def test_every_answer_tells_what_is_left(limited: Limited) -> None:
    answers = [await limited.ask() for _ in range(4)]
    assert [answer.headers["ratelimit"] for answer in answers] == [f'"caller";r={left};t=21' for left in (2, 1, 0, 0)]
    assert {answer.headers["ratelimit-policy"] for answer in answers} == {'"caller";q=3;w=60'}


async def test_one_caller_does_not_use_up_what_another_may(limited: Limited) -> None:
    for _ in range(4):
        await limited.ask("one", "192.0.2.1")
    assert (await limited.ask("two", "192.0.2.2")).status_code == 200


async def test_made_up_tokens_count_for_their_address_and_fill_no_memory(limited: Limited) -> None:
    answers = [await limited.ask(f"made-up-{number}") for number in range(50)]
    assert [answer.status_code for answer in answers].count(200) == 5
    assert len(limited.limit.counted) == 1 + 5


async def test_without_a_token_the_address_counts(limited: Limited) -> None:
    answers = [await limited.ask(None) for _ in range(6)]
    assert [answer.status_code for answer in answers] == [200] * 5 + [429]


async def test_a_refusal_for_haste_is_the_same_for_what_exists_and_what_does_not(shared_world: World) -> None:
    settings = shared_world.runtime.settings.model_copy(update={"requests_per_minute": 1})
    hurried = create_app(replace(shared_world.runtime, settings=settings))
    headers = {"Authorization": f"Bearer {token_of(ONE_OF_US, shared_world.runtime)}"}
    transport = httpx.ASGITransport(app=hurried)
    async with httpx.AsyncClient(transport=transport, base_url="http://nrm.test", headers=headers) as client:
        assert (await client.get("/v1/cases")).status_code == 200
        answers = [await client.get(path) for path in ("/v1/cases", f"/v1/cases/{ABSENT}", "/absent", "/health/live")]
    assert {(answer.status_code, answer.content) for answer in answers} == {(429, answers[0].content)}
