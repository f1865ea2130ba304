"""Events are neither lost nor invented, however often dispatchers are killed; and they come in order."""

import asyncio
import random
from collections import Counter
from collections.abc import Iterator
from multiprocessing.process import BaseProcess
from typing import Any
from uuid import UUID

import asyncpg
import pytest

from api.cli.acting import claims_for
from api.dispatcher import BATCH, LANES
from api.settings import DatabaseRole
from auth.authentication import enter
from domain.notifications.models import NotificationKind
from tests.receiver import Receiver, receiving, verified
from tests.reliability import dispatching
from tests.reliability.dispatching import AFTER_CLAIMING, AFTER_SENDING, NEVER, Plan
from tests.world import STAFF, World

EVENTS = 10_000
"""So many happen at least; and more, as long as somebody who is to die might find nothing to do."""

PLENTY = 1_000
"""Events not yet told of that keep everybody busy: however slow the machine is, no more are heaped up for deaths."""

TOGETHER = 25
"""Events of one transaction."""

DEATHS = 60
AFTER_DEATHS = 2_000
"""Events that happen only when all have died who will: nobody is spared for want of work."""

KINDS = ["referral_arrived", "referral_changed"]
WANTED, UNWANTED = NotificationKind.REFERRAL_ARRIVED, NotificationKind.STEP_OVERDUE


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receiving() as found:
        yield found


def plan(world: World, point: str = NEVER, calls: int = 0) -> Plan:
    key = world.runtime.webhook_key
    assert key is not None
    return Plan(world.access.dsns[DatabaseRole.WORKER], key, point, calls)


async def registered(world: World, who: str, receiver: Receiver) -> dict[str, Any]:
    """Register a webhook; returns it with its secret."""
    made: dict[str, Any] = await world.post(who, "/webhooks", {"url": receiver.url, "kinds": KINDS})
    return made


async def happened(world: World, who: str, count: int, *, undone: bool = False) -> list[str]:
    """Tell somebody's organisation of events in one real unit of work; returns their ids, also if it is undone."""
    runtime = world.runtime
    async with runtime.database.sessions()() as session:
        actor = await enter(session, claims_for(*STAFF[who], runtime), runtime.clock)
        work = runtime.work(session, actor.now)
        for number in range(count):
            work.notify(actor.organisation_id, WANTED, f"R-{number:04}-0000-0000-0000", "made-up")
        work.notify(actor.organisation_id, UNWANTED, "C-0000-0000-0000-0000")
        ids = [str(record.id) for record in session.new if getattr(record, "kind", None) == WANTED]
        await work.flush()
        if undone:
            await session.rollback()
        else:
            await work.commit()
        return ids


async def test_ten_thousand_events_survive_the_death_of_their_dispatchers(
    world: World, admin: asyncpg.Connection, receiver: Receiver
) -> None:
    told = ("alpha", "beta", "north", "police")
    secrets = {}
    for who in told:
        made = await registered(world, who, receiver)
        secrets[UUID(made["id"])] = made["secret"]
    # One call in a hundred is refused and has to come again.
    receiver.answers = lambda number: (503 if number % 100 == 0 else 204, {})
    all_died = asyncio.Event()
    writing = asyncio.create_task(written(world, told, receiver, all_died))
    deaths = await killed_until_delivered(world, admin, writing, all_died)
    expected, undone = await writing
    accepted = [event for number, event in enumerate(receiver.ids, 1) if number % 100 != 0]
    refused = [event for number, event in enumerate(receiver.ids, 1) if number % 100 == 0]
    assert len(expected) >= EVENTS
    assert min(deaths[point] for point in (AFTER_CLAIMING, AFTER_SENDING, "anywhere")) >= 10
    assert sum(deaths.values()) == DEATHS
    assert set(accepted) == set(expected), "an event was lost or invented"
    assert not set(receiver.ids) & set(undone)
    assert set(refused) <= set(accepted)
    repeats = len(accepted) - len(set(accepted))
    # Whoever dies takes at most one turn with them in each lane.
    assert deaths[AFTER_SENDING] <= repeats <= sum(deaths.values()) * LANES * BATCH
    await all_signed(world, admin, receiver, secrets)
    states = await admin.fetch("SELECT state, count(*) AS count FROM deliveries GROUP BY state")
    assert {row["state"]: row["count"] for row in states} == {"delivered": len(expected)}
    print(f"{len(expected)} events, {sum(deaths.values())} deaths {dict(deaths)}, {repeats} repeats")  # noqa: T201


async def written(
    world: World, told: tuple[str, ...], receiver: Receiver, all_died: asyncio.Event
) -> tuple[list[str], list[str]]:
    """Let events happen in many transactions, some of which are undone; returns the ids of both.

    Dispatchers die at a call of theirs: as long as one is to die there is always a next call.
    """
    chance = random.Random(1)  # noqa: S311 - repeatable on purpose
    expected: list[str] = []
    undone: list[str] = []
    after_deaths = 0
    while len(expected) < EVENTS or after_deaths < AFTER_DEATHS:
        if all_died.is_set():
            after_deaths += TOGETHER
        elif len(expected) >= EVENTS - AFTER_DEATHS and len(expected) - len(set(receiver.ids)) > PLENTY:
            await asyncio.sleep(0.05)
            continue
        expected += await happened(world, chance.choice(told), TOGETHER)
        if chance.random() < 0.1:
            undone += await happened(world, chance.choice(told), TOGETHER, undone=True)
    return expected, undone


async def killed_until_delivered(
    world: World, admin: asyncpg.Connection, writing: asyncio.Task[Any], all_died: asyncio.Event
) -> Counter[str]:
    """Keep two dispatchers alive, killing them again and again, until nothing waits; returns how they died."""
    chance = random.Random(2)  # noqa: S311 - repeatable on purpose
    deaths: Counter[str] = Counter()
    running: list[tuple[BaseProcess, str]] = []
    waiting = "SELECT count(*) FROM deliveries WHERE state = 'waiting'"
    try:
        while not writing.done() or await admin.fetchval(waiting):
            for process, point in [one for one in running if not one[0].is_alive()]:
                running.remove((process, point))
                deaths[point] += 1
            if sum(deaths.values()) == DEATHS:
                all_died.set()
            while len(running) < 2:
                mortal = sum(deaths.values()) + len(running) < DEATHS
                point = chance.choice([AFTER_CLAIMING, AFTER_SENDING, "anywhere"]) if mortal else NEVER
                made = dispatching.started(plan(world, point, chance.randint(1, 60)))
                running.append((made, point))
            await asyncio.sleep(chance.uniform(0.02, 0.15))
            for process, point in running:
                if point == "anywhere":
                    process.kill()
            assert all(process.exitcode in {None, -9} for process, _ in running)
    finally:
        for process, _ in running:
            process.kill()
            process.join()
    return deaths


async def all_signed(world: World, admin: asyncpg.Connection, receiver: Receiver, secrets: dict[UUID, str]) -> None:
    """Check every call as the page for receivers shows it, with the secret of its webhook."""
    rows = await admin.fetch("SELECT notification_id, webhook_id FROM deliveries")
    whose = {str(row["notification_id"]): row["webhook_id"] for row in rows}
    now = world.runtime.clock.present().timestamp()
    for call in receiver.calls:
        event = call.headers["webhook-id"]
        assert verified(secrets[whose[event]], call.headers, call.body, now) == event


async def test_first_attempts_come_in_the_order_of_events_also_from_several_dispatchers(
    world: World, receiver: Receiver
) -> None:
    await registered(world, "alpha", receiver)
    expected = []
    for _ in range(150):
        expected += await happened(world, "alpha", 1)
    receiver.answers = lambda number: (500 if number % 40 == 7 else 204, {})
    several = [dispatching.dispatcher(plan(world)) for _ in range(3)]
    while len(set(receiver.ids)) < len(expected):
        await asyncio.gather(*(one.serve_all() for one in several))
        await asyncio.sleep(0.01)
    for one in several:
        await one.runtime.database.close()
    assert list(dict.fromkeys(receiver.ids)) == expected


async def test_what_was_undone_is_not_told_and_what_nobody_wants_is_not_kept(
    world: World, admin: asyncpg.Connection
) -> None:
    await happened(world, "alpha", 3)
    with receiving() as receiver:
        await registered(world, "alpha", receiver)
        await happened(world, "alpha", 3, undone=True)
        kept = await happened(world, "alpha", 2)
        await happened(world, "beta", 3)
    rows = await admin.fetch("SELECT notification_id FROM deliveries")
    assert {str(row["notification_id"]) for row in rows} == set(kept)
