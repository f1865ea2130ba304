"""Two databases that differ by a walled case and all that followed from it: behind the wall they are one.

Both grow from one: played, copied, and only then does one of them get the case. Whatever an excluded member of staff
reads, or is refused, comes from both byte for byte alike.
"""

from collections.abc import AsyncIterator, Callable
from dataclasses import astuple, dataclass, replace
from itertools import product

import asyncpg
import httpx
import pytest

from api.app import create_app
from api.bootstrap import close_to_others, create_database
from api.database import Database
from domain.codes import Role
from tests.attacks import permissions
from tests.attacks.asked import asked, routes, seen
from tests.attacks.gathering import gathered
from tests.attacks.relations import Stage, Things, prepared, staged, walled_off
from tests.conftest import Databases
from tests.patience import let_wait, patient
from tests.world import World, new_world

Attack = Callable[..., None]

EXCLUDED = ("walled", "walled_staff")


@dataclass(frozen=True)
class Twins:
    """Two stages, and what only the first has.

    Attributes:
        named: By relation: what the walled case and all that belongs to it is called.
    """

    having: Stage
    lacking: Stage
    named: dict[str, Things]


@pytest.fixture(scope="module")
async def twins(databases: Databases, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Twins]:
    access = await databases.new()
    async with new_world(access, tmp_path_factory.mktemp("twins")) as world, staged(world) as having:
        known = await prepared(having)
        await world.runtime.database.close()
        copy = replace(access, url=databases.server.dsn(database=f"{access.database}_twin"))
        connection = await asyncpg.connect(databases.server.dsn())
        await create_database(connection, copy.database, template=access.database)
        await let_wait(connection, copy.database)
        await connection.close()
        await close_to_others(copy)
        runtime = replace(world.runtime, database=Database(copy.dsns, pool=patient()))
        other = World(runtime, copy, create_app(runtime), world.numbers)
        transport = httpx.ASGITransport(app=other.app, raise_app_exceptions=False)
        async with httpx.AsyncClient(transport=transport, base_url="http://nrm.test") as client:
            lacking = Stage(other, client)
            lacking.tokens = having.tokens
            hidden = await walled_off(having, candidate=known["owner"].candidate)
            await having.world.work_off()
            await lacking.world.work_off()
            named = {
                relation: replace(
                    things, exploitation=known[relation].exploitation, classification=known[relation].classification,
                    award=known[relation].award, cost=known[relation].cost, escalation=known[relation].escalation,
                    webhook=known[relation].webhook,
                )
                for relation, things in hidden.items()
            }  # fmt: skip
            yield Twins(having, lacking, named)
        await runtime.database.close()


def told() -> list[tuple[str, str, Role]]:
    """Return what each excluded member of staff may read, or is refused: what changes nothing."""
    return [
        (route, relation, Role(role))
        for (route, role, relation), sign in permissions.cells().items()
        if relation in EXCLUDED and (sign == "-" or (sign != "x" and route.startswith("GET ")))
    ]


async def test_who_is_behind_the_wall_is_told_the_same_with_and_without_the_case(twins: Twins, attack: Attack) -> None:
    every = told()
    answers = [
        await gathered([asked(stage, route, relation, role, twins.named[relation]) for route, relation, role in every])
        for stage in (twins.having, twins.lacking)
    ]
    differing = [one for one, having, lacking in zip(every, *answers, strict=True) if seen(having) != seen(lacking)]
    assert differing == []
    read = sum(answer.is_success for answer in answers[0])
    assert read > len(EXCLUDED) * 50, "lists and records of their own are among what is compared"
    attack("twin databases with and without a walled case", tried=len(every), succeeded=len(differing))


async def test_lists_that_are_asked_for_in_every_length_are_the_same(twins: Twins, attack: Attack) -> None:
    """Pages and their cursors count what was left out, if anything does."""
    lists = [route for route in routes(twins.having.world.app) if route.startswith("GET ") and "{" not in route]
    tried = told_by = 0
    for route, relation, limit in product(lists, EXCLUDED, (1, 2, 100)):
        path = f"{route.removeprefix('GET /v1')}?limit={limit}"
        for role in (Role.NGO_CASEWORKER, Role.COORDINATOR):
            having, lacking = [
                seen(await stage.ask(relation, role, "GET", path)) for stage in (twins.having, twins.lacking)
            ]
            tried, told_by = tried + 1, told_by + (having != lacking)
    attack("twin databases: lists by page", tried=tried, succeeded=told_by)


async def test_who_is_not_excluded_is_told_of_the_case(twins: Twins) -> None:
    """The control: the two do differ."""
    marks = [mark for mark in astuple(twins.named["walled"])[:2] if mark]
    for stage, there in ((twins.having, True), (twins.lacking, False)):
        lists = [
            (await stage.ask("owner", Role.NGO_CASEWORKER, "GET", path)).text
            for path in ("/cases?limit=100", "/referrals/outbox?limit=100")
        ]
        assert [any(mark in text for text in lists) for mark in marks] == [there] * 2
