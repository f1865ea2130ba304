"""By how long an answer takes, the foreign and the walled cannot be told from the absent, on any route with an id.

Whether somebody could is a question of statistics and not of speed. For each route one member of staff asks in turn for
something that exists and is not theirs and for something that does not exist, in an order that is drawn anew for each
pair. Of the time of an answer, the time is taken off in which our process or the database's was ready and the machine
was busy with something else: that is noise, and without it a leak shows earlier. The statistic is the AUC of Mann and
Whitney: how often an answer about the one took longer than an answer about the other, 0.5 if nothing can be told. The
rule was fixed before anything was measured:

- a first round of `--pairs` pairs a route; a route goes on if its AUC is at least `THRESHOLD` away from one half
- `ROUNDS` more rounds of `MORE` fresh pairs; the route is told apart if each is that far away, on the same side; by
  chance alone that happens in one run of fifty thousand
"""

from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass, replace
from itertools import cycle
from pathlib import Path
from random import Random
from time import perf_counter
from typing import Any

import asyncpg
import httpx
import numpy as np
import pytest
from sqlalchemy import Engine, event
from starlette.types import ASGIApp, Receive, Scope, Send

from domain.codes import Role
from tests.attacks import permissions
from tests.attacks.asked import asked
from tests.attacks.relations import Stage, Things, prepared, staged
from tests.conftest import Databases
from tests.patience import patient
from tests.world import new_world

Attack = Callable[..., None]

MANY = 12
"""From so many pairs on each route is asked for by the foreign and by the walled; with fewer by one of them in turn."""

MORE = 24
ROUNDS = 3
THRESHOLD = 0.2
TRIES = 3
LEAK = 0.002
"""Seconds that the control spends where something exists."""

ASKERS = ("foreign", "walled")
LEAST_ROUTES = 60


@dataclass(frozen=True)
class Asked:
    """A route as one member of staff asks for it."""

    route: str
    relation: str
    role: Role


def asked_for(*, by_each: bool) -> list[Asked]:
    """Return every route on which the foreign or the walled is absent for somebody, with the first such role."""
    found: dict[tuple[str, str], Asked] = {}
    for (route, role, relation), sign in permissions.cells().items():
        if relation in ASKERS and sign == "-" and "{" in route:
            found.setdefault((route, relation), Asked(route, relation, Role(role)))
    every = list(found.values())
    if by_each:
        return every
    turns = cycle(ASKERS)
    asker = {route: next(turns) for route in dict.fromkeys(one.route for one in every)}
    chosen = {one.route: one for one in every} | {one.route: one for one in every if one.relation == asker[one.route]}
    return list(chosen.values())


@dataclass(frozen=True)
class Timed:
    """A stage with a stopwatch.

    Attributes:
        things: What each relation asks for.
        queues: Where the system tells how long our thread and the database's processes had to wait for a processor.
    """

    stage: Stage
    things: Mapping[str, Things]
    queues: tuple[Path, ...]

    def waited(self) -> float:
        """Return the seconds that were waited for a processor so far; 0 where the system does not tell."""
        return sum(int(queue.read_text().split()[1]) for queue in self.queues) / 1e9

    async def took(self, one: Asked, about: Things) -> float:
        """Return the seconds that an answer took; it must be the one for what does not exist."""
        waited, begun = self.waited(), perf_counter()
        answer = await asked(self.stage, one.route, one.relation, one.role, about)
        seconds = perf_counter() - begun - (self.waited() - waited)
        assert answer.status_code == 404, (one, answer.text)
        return seconds

    async def measured(self, one: Asked, pairs: int) -> tuple[list[float], list[float]]:
        """Ask in pairs, each in an order of its own; returns the seconds for what exists and for what does not."""
        dice = Random(f"{one}{pairs}")  # noqa: S311 - the order of questions
        exists, absent = [], []
        for _ in range(pairs):
            order = [(exists, self.things[one.relation]), (absent, self.things["absent"])]
            dice.shuffle(order)
            for seconds, about in order:
                seconds.append(await self.took(one, about))
        return exists, absent

    async def told_apart(self, one: Asked, first: float) -> bool:
        """Repeat what looked suspicious; see the rule above."""
        for _ in range(ROUNDS):
            again = auc(*await self.measured(one, MORE)) - 0.5
            if abs(again) < THRESHOLD or (again > 0) != (first > 0.5):
                return False
        return True

    async def is_found(self, one: Asked) -> bool:
        """Tell whether a leak on a route is found within some tries: how much the rule can see, not what it says."""
        for _ in range(TRIES):
            if await self.told_apart(one, 1.0):
                return True
        return False


@pytest.fixture(scope="module")
async def timed(databases: Databases, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Timed]:
    access = await databases.new()
    async with new_world(access, tmp_path_factory.mktemp("timed"), patient(2)) as world, staged(world) as made:
        things = await prepared(made)
        connection = await asyncpg.connect(access.admin_dsn())
        rows = await connection.fetch("SELECT pid FROM pg_stat_activity WHERE datname = $1", access.database)
        await connection.close()
        known = [Path("/proc/thread-self/schedstat"), *(Path(f"/proc/{row['pid']}/schedstat") for row in rows)]
        assert len(rows) >= 1
        yield Timed(made, things, tuple(queue for queue in known if queue.is_file()))


def auc(exists: list[float], absent: list[float]) -> float:
    """Return how likely an answer about what exists takes longer than one about what does not."""
    one, other = np.array(exists)[:, None], np.array(absent)[None, :]
    return float((one > other).mean() + (one == other).mean() / 2)


async def test_the_time_of_an_answer_does_not_tell_the_foreign_from_the_absent(
    timed: Timed, attack: Attack, request: pytest.FixtureRequest
) -> None:
    pairs = request.config.getoption("--pairs")
    every = asked_for(by_each=pairs >= MANY)
    assert len({one.route for one in every}) >= LEAST_ROUTES
    for one in every:
        await timed.took(one, timed.things["absent"])  # what is compiled once is compiled before
    found = {one: await timed.measured(one, pairs) for one in every}
    statistics = {one: auc(*seconds) for one, seconds in found.items()}
    suspicious = [one for one in every if abs(statistics[one] - 0.5) >= THRESHOLD]
    told = [one for one in suspicious if await timed.told_apart(one, statistics[one])]
    wins = [exists > absent for both in found.values() for exists, absent in zip(*both, strict=True)]
    share = sum(wins) / len(wins)
    attack(
        f"foreign and walled against absent by time: {len(every)} routes and askers, {len(suspicious)} asked again, "
        f"what exists took longer in {share:.1%} of pairs (threshold for a route: AUC {0.5 + THRESHOLD} in all rounds)",
        tried=len(wins) + MORE * len(suspicious),
        succeeded=len(told),
    )
    assert abs(share - 0.5) < 3 / len(wins) ** 0.5, "over all routes together, six standard deviations"


async def test_the_foreign_and_the_absent_make_the_database_do_the_same(timed: Timed, attack: Attack) -> None:
    """What takes the time is the same: statement by statement. This one needs no statistic."""
    said: list[str] = []

    def hear(*heard: Any) -> None:
        said.append(heard[2])

    event.listen(Engine, "before_cursor_execute", hear)
    try:
        every, told = asked_for(by_each=True), []
        for one in every:
            both = []
            for about in (timed.things[one.relation], timed.things["absent"]):
                said.clear()
                await timed.took(one, about)
                both.append(tuple(said))
            assert len(both[0]) >= 2
            told += [one] if both[0] != both[1] else []
    finally:
        event.remove(Engine, "before_cursor_execute", hear)
    assert told == []
    attack("foreign and walled against absent by the statements that are made", tried=len(every), succeeded=len(told))


class Leaking:
    """The application, with a leak: where a path names what exists, the answer takes a little longer."""

    def __init__(self, app: ASGIApp, secrets: list[str]) -> None:
        self.app, self.secrets = app, secrets

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if any(secret in scope["path"] for secret in self.secrets):
            until = perf_counter() + LEAK
            while perf_counter() < until:  # a sleep this short would be no more exact than the clock's tick
                pass
        await self.app(scope, receive, send)


async def test_a_leak_of_two_milliseconds_is_found(timed: Timed) -> None:
    """The control: by the same rule, on two of three routes at least, within `TRIES` on a machine that is busy."""
    mine = timed.things["foreign"]
    leaking = Leaking(timed.stage.world.app, [mine.case, mine.referral, mine.contact])
    transport = httpx.ASGITransport(app=leaking, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://nrm.test") as client:
        control = replace(timed, stage=Stage(timed.stage.world, client))
        routes = ("cases/{reference}", "referrals/{reference}", "contacts/{contact_id}")
        chosen = [Asked(f"GET /v1/{route}", "foreign", Role.NGO_CASEWORKER) for route in routes]
        found = 0
        for one in chosen:
            await control.took(one, timed.things["absent"])
            found += await control.is_found(one)
        assert found >= 2
