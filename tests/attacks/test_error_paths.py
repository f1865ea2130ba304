"""Every operation of the contract, every place where a word may stand: refused, it is repeated nowhere.

The requests are those of the access matrix, so that a new route is among them. In each, one value after the other is
replaced by a canary: in the body, in the path, in the query and in headers; names of fields too. What is accepted is
sealed or has been a code: so the tables are searched as well, and the log.
"""

import copy
import io
from collections.abc import AsyncIterator, Callable, Iterator
from itertools import cycle
from typing import Any

import asyncpg
import httpx
import pytest
import structlog

from api import logs
from domain.codes import Role
from tests.attacks import permissions
from tests.attacks.asked import BODIES, STALE, WITHOUT_VERSION, filled, nothing, routes
from tests.attacks.disguises import disguises
from tests.attacks.gathering import gathered
from tests.attacks.needles import Needles
from tests.attacks.relations import WORKER, Stage, Things, prepared, staged
from tests.conftest import Databases
from tests.world import new_world

Attack = Callable[..., None]

NAME, FAMILY, PHONE = "Жупаргүлдөнөй", "Vydumannikova", "706418275"
WORDS = (NAME, FAMILY, PHONE)
SAID = f"{NAME} {FAMILY} +996 {PHONE}"


@pytest.fixture
async def own(databases: Databases, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Stage]:
    async with new_world(await databases.new(), tmp_path_factory.mktemp("errors")) as world, staged(world) as made:
        yield made


@pytest.fixture
def logged() -> Iterator[io.StringIO]:
    """Log as the service does when it is told to say everything."""
    before = structlog.get_config()
    logs.configure("debug")
    said = io.StringIO()
    structlog.configure(**{**structlog.get_config(), "logger_factory": structlog.PrintLoggerFactory(said)})
    yield said
    structlog.configure(**before)


def places(body: Any, way: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Yield the way to every value of a body, and to the body itself."""
    yield way
    inner = body.items() if isinstance(body, dict) else enumerate(body) if isinstance(body, list) else ()
    for name, value in inner:
        yield from places(value, (*way, name))


def put(body: Any, way: tuple[Any, ...], value: Any) -> Any:
    """Return the body with a value somewhere else in it."""
    if not way:
        return value
    changed = copy.deepcopy(body)
    inside = changed
    for name in way[:-1]:
        inside = inside[name]
    inside[way[-1]] = value
    return changed


def bodies(body: Any) -> Iterator[Any]:
    """Yield the body with the canary in each place, as a text or in a list in turn, and as the name of a field."""
    if body is None:
        yield {"note": SAID}
        return
    for way, value in zip(places(body), cycle((SAID, [NAME, {FAMILY: PHONE}])), strict=False):
        yield put(body, way, value)
    if isinstance(body, dict):
        yield {**body, NAME: FAMILY, "note": PHONE}


def speaking(route: str) -> Role:
    """Return who has the most to say on a route: a role that may, if any may."""
    cells = permissions.cells()
    return next((role for role in (WORKER, *Role) if cells[route, role, "owner"] in "+="), WORKER)


def requests(route: str, things: Things) -> Iterator[dict[str, Any]]:
    """Yield every request of one route that says the canary somewhere."""
    method, path = route.split(" ", 1)
    role = speaking(route)
    sound, body = filled(path, things), BODIES.get(route, nothing)(role)
    documents = isinstance(body, bytes)
    json = {} if body is None else {"content" if documents else "json": body}
    headers = {"If-Match": f'"{STALE}"'} if method != "GET" and not WITHOUT_VERSION.fullmatch(route) else {}
    base = {"method": method, "url": sound, "headers": headers}
    if documents:
        yield {**base, "content": SAID.encode()}
    elif method != "GET":
        yield from ({**base, "json": one} for one in bodies(body))
    parts = path.split("/")
    for number, part in enumerate(parts):
        if part.startswith("{"):
            named = [*filled(path, things).split("/")]
            named[number] = f"{FAMILY}-{PHONE}"
            yield {**base, **json, "url": "/".join(named)}
    query = "&".join(f"{name}={NAME}{PHONE}" for name in ("limit", "cursor", "since", "service", FAMILY))
    yield {**base, **json, "url": f"{sound}?{query}"}
    said = dict.fromkeys(("If-Match", "Idempotency-Key", "Accept-Language", "X-Request-ID"), f"{FAMILY}-{PHONE}")
    yield {**base, **json, "headers": {**headers, **said}}


async def sent(stage: Stage, request: dict[str, Any], role: Role) -> httpx.Response:
    """Send one request; a key is added to it if it has none."""
    own = {"Authorization": f"Bearer {stage.token('owner', role)}", "Idempotency-Key": f"e-{stage.world.numbers():08}"}
    return await stage.client.request(**{**request, "headers": {**own, **request["headers"]}})


async def test_no_operation_repeats_a_word_wherever_it_was_said(
    own: Stage, logged: io.StringIO, attack: Attack
) -> None:
    things = (await prepared(own))["owner"]
    every = [(speaking(route), one) for route in routes(own.world.app) for one in requests(route, things)]
    answers = await gathered([sent(own, one, role) for role, one in every])
    refused = [answer for answer in answers if not answer.is_success]
    assert {answer.status_code for answer in refused} >= {404, 409, 412, 422}
    assert [answer.request.url.path for answer in refused if answer.status_code >= 500] == []
    looked_for = Needles({form: word for word in WORDS for form in disguises(word)})
    told = [
        (answer.request.method, answer.request.url.path)
        for answer in answers
        if looked_for.found(repr(answer.headers.multi_items()).encode())
        or (not answer.is_success and looked_for.found(answer.content))
    ]
    assert told == []
    attack("words in refusals of every operation", tried=len(refused), succeeded=len(told))
    said = logged.getvalue().encode()
    assert said.count(b'"event": "request"') >= len(answers)
    attack("words in the log of every operation", tried=len(answers), succeeded=len(looked_for.found(said)))
    tables = await copied(own)
    assert set(tables) >= {"cases", "sealed_values", "audit_entries", "idempotency_records", "contacts"}
    kept = [name for name, content in tables.items() if looked_for.found(content)]
    assert kept == []
    attack("words in a table after every operation", tried=len(tables) * len(looked_for.patterns), succeeded=len(kept))


async def copied(stage: Stage) -> dict[str, bytes]:
    """Return the text of every table."""
    connection = await asyncpg.connect(stage.world.access.admin_dsn(stage.world.access.database))
    try:
        found = {}
        for row in await connection.fetch("SELECT tablename FROM pg_tables WHERE schemaname = 'public'"):
            sink = io.BytesIO()
            await connection.copy_from_table(row["tablename"], output=sink)
            found[row["tablename"]] = sink.getvalue()
        return found
    finally:
        await connection.close()
