"""Whatever leaves its owner holds its case until it has committed: here each stands still just before that."""

import asyncio
from collections.abc import Callable
from contextlib import suppress

import asyncpg

from tests.attacks.racing import Asks
from tests.attacks.test_consent import CARE, Shared, shared
from tests.world import World

Attack = Callable[..., None]

HELD = "SELECT id FROM cases WHERE reference = $1 FOR NO KEY UPDATE NOWAIT"
WAITING = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND query LIKE '%nrm_append%'"


def each(one: Shared) -> dict[str, Asks]:
    """Return every way in which something of the case leaves its owner, or is opened."""
    package, other, read, notes = one.asks()[:4]
    ask, case = one.world.ask, one.case

    def by(who: str, method: str, path: str, body: object = None, version: int | None = None) -> Asks:
        return lambda: ask(who, method, path, body, version=version)

    question = {"service": "shelter", "recipients": ["SHELTER-SOUTH"]}
    return {
        "a package": package,
        "a package of another": other,
        "the case, by a receiver": read,
        "question and answer": notes,
        "a compartment, by who leads": by("alpha", "GET", f"/cases/{case}/person/identity"),
        "the log of disclosures": by("alpha", "GET", f"/cases/{case}/disclosures"),
        "a referral": by("alpha", "POST", f"/cases/{case}/referrals", CARE),
        "an acceptance": by("south", "POST", f"/referrals/{one.waiting[0]}/acceptance", version=3),
        "a question about capacity": by("alpha", "POST", f"/cases/{case}/capacity-questions", question),
    }


async def test_every_disclosure_holds_its_case_until_it_has_committed(
    world: World, admin: asyncpg.Connection, attack: Attack
) -> None:
    one = await shared(world)
    free = []
    ways = each(one)
    for name, ask in ways.items():
        async with admin.transaction():
            await admin.fetch("SELECT stream_id FROM audit_heads FOR UPDATE")
            asked = asyncio.create_task(ask())
            while not await admin.fetchval(WAITING):
                await asyncio.sleep(0.01)
                await admin.fetchval("SELECT pg_stat_clear_snapshot()")
                assert not asked.done(), (name, asked.result().text)
            with suppress(asyncpg.LockNotAvailableError):
                async with admin.transaction():
                    await admin.fetch(HELD, one.case)
                free.append(name)
        answer = await asked
        assert answer.is_success, (name, answer.text)
    attack("consent: cases not held while something leaves them", tried=len(ways), succeeded=len(free))
    assert free == []
