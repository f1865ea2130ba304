"""Scenes of requests and erasures, and a look past every policy at what is left."""

from typing import Any

import asyncpg

from tests.journeys.scenes import open_now, supported
from tests.world import World

HELD = """
    WITH holders AS (
        SELECT id FROM cases WHERE reference = $1
        UNION SELECT r.id FROM referrals r JOIN cases c ON c.id = r.case_id WHERE c.reference = $1
        UNION SELECT k.contact_id FROM contact_cases k JOIN cases c ON c.id = k.case_id WHERE c.reference = $1
    )
    SELECT (SELECT count(*) FROM sealed_values WHERE holder_id IN (SELECT id FROM holders)) AS values,
           (SELECT count(*) FROM sealing_keys WHERE holder_id IN (SELECT id FROM holders)) AS keys,
           (SELECT count(*) FROM sealed_chunks WHERE holder_id IN (SELECT id FROM holders)) AS chunks
"""


async def held(admin: asyncpg.Connection, case: str) -> tuple[int, int]:
    """Return how many sealed values and keys of a case, its packages and its contacts there are."""
    row = await admin.fetchrow(HELD, case)
    return row["values"], row["keys"]


async def chunks(admin: asyncpg.Connection, case: str) -> int:
    """Return of how many sealed chunks the attachments of a case and of its packages consist."""
    count: int = (await admin.fetchrow(HELD, case))["chunks"]
    return count


async def closed(world: World, case: str, reason: str = "lost_contact", who: str = "alpha") -> None:
    """Close a case, by whatever steps the procedure wants before."""
    for _ in range(4):
        steps = await open_now(world, case, who)
        version = await world.version(who, f"/cases/{case}")
        body = {"case_work": "closed", "reason": reason}
        answer = await world.ask(who, "PUT", f"/cases/{case}/case-work", body, version=version)
        if answer.is_success:
            return
        taken = [one for one in ("active", "follow_up") if any(one.split("_")[0] in step for step in steps)]
        for one in taken or ["active"]:
            version = await world.version(who, f"/cases/{case}")
            await world.ask(who, "PUT", f"/cases/{case}/case-work", {"case_work": one}, version=version)
    raise AssertionError(answer.text)


async def requested(world: World, case: str, kind: str, who: str = "alpha", **more: Any) -> str:
    """Record a request of the person; returns its id."""
    made = await world.post(who, f"/cases/{case}/subject-requests", {"kind": kind, **more})
    request: str = made["id"]
    return request


async def granted(world: World, case: str, kind: str, who: str = "alpha", **more: Any) -> str:
    """Record a request of the person and grant it; returns its id."""
    request = await requested(world, case, kind, who, **more)
    await world.post(who, f"/cases/{case}/subject-requests/{request}/answer", {"granted": True})
    return request


async def erased(world: World) -> str:
    """Open a case, let it be supported, and erase it because the person asked for it; returns its reference."""
    case, _ = await supported(world)
    await granted(world, case, "erasure")
    await world.work_off()
    return case
