"""Ten journeys that an NGO is in the middle of, each at another stage, and what its operator does to it."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

from api.settings import DatabaseRole
from auth.authentication import enter_as_clock
from domain.organisations import commands
from domain.organisations.models import Organisation
from domain.unit_of_work import UnitOfWork
from tests.journeys.scenes import CHILD, CONSENT, carried, consented, identified, opened, referred, supported
from tests.world import World

CARE = {"step": "refer-for-urgent-care", "service": "psychosocial"}
ONLY_ALPHA = {"recipients": ["organisation:NGO-ALPHA"]}


async def operated(world: World, change: Callable[[UnitOfWork], Awaitable[Organisation]]) -> None:
    """Change an organisation as the operator of the installation does, in one transaction."""
    async with world.runtime.database.sessions(DatabaseRole.OWNER)() as session:
        work = world.runtime.work(session, await enter_as_clock(session, world.runtime.clock.shift))
        await change(work)
        await work.commit()


async def closed(world: World, code: str = "NGO-ALPHA", successor: str | None = "NGO-BETA") -> None:
    """Close an organisation now; the worker has not looked at it yet."""
    await operated(world, lambda work: commands.close_organisation(code, work, successor=successor))


async def suspended(world: World, code: str = "NGO-ALPHA") -> None:
    """Suspend an organisation; the worker has not looked at it yet."""
    await operated(world, lambda work: commands.suspend_organisation(code, work))


async def reinstated(world: World, code: str = "NGO-ALPHA") -> None:
    """Let a suspended organisation work again."""
    await operated(world, lambda work: commands.reinstate_organisation(code, work))


async def escalated(world: World) -> dict[str, dict[str, Any]]:
    """Return what the coordinator sees that nobody answers for, by reference."""
    items = (await world.get("coordinator", "/escalations"))["items"]
    found = {one["reference"]: one for one in items}
    assert len(found) == len(items)
    return found


async def assigned(world: World, reference: str, to: str) -> dict[str, dict[str, Any]]:
    """Let the coordinator name an organisation and the worker carry it out; returns what is escalated then."""
    one = (await escalated(world))[reference]
    path = f"/escalations/{one['id']}/assignment"
    await world.post("coordinator", path, {"organisation": to}, version=one["version"])
    await world.work_off()
    return await escalated(world)


async def walled(world: World, who: str, **more: Any) -> str:
    """Open a case that NGO-ALPHA must not learn of."""
    case = await opened(world, who, "police")
    await consented(world, case, who)
    body = {"organisation": "NGO-ALPHA", "reason": "may_warn_suspect", **more}
    await world.post(who, f"/cases/{case}/walls", body)
    return case


@dataclass
class Journeys:
    """The references of ten journeys, by the name of their stage: cases and referrals."""

    cases: dict[str, str] = field(default_factory=dict)
    referrals: dict[str, str] = field(default_factory=dict)


async def _care(world: World, who: str, case: str, *acts: str) -> str:
    reference = await referred(world, case, "NGO-ALPHA", who=who, service=CARE["service"], step=CARE["step"])
    await carried(world, reference, "alpha", *acts)
    return reference


async def _of_others(world: World, who: str, **consent: Any) -> str:
    case = await opened(world, who, "police")
    await consented(world, case, who, **consent)
    return case


async def ten(world: World) -> Journeys:
    """Bring ten persons to ten stages, with NGO-ALPHA in the middle of each."""
    found = Journeys()
    cases, referrals = found.cases, found.referrals
    cases["just opened"] = await opened(world)
    cases["consented and identified"] = await opened(world)
    await consented(world, cases["consented and identified"])
    await identified(world, cases["consented and identified"])
    cases["consent names Alpha alone"] = await opened(world)
    await consented(world, cases["consent names Alpha alone"], **ONLY_ALPHA)
    cases["child"] = await opened(world, **CHILD)
    cases["waiting for a shelter"], _ = await supported(world)
    referrals["waiting for a shelter"] = await referred(world, cases["waiting for a shelter"])
    cases["in a shelter"], _ = await supported(world)
    referrals["in a shelter"] = await referred(world, cases["in a shelter"])
    await carried(world, referrals["in a shelter"], "north", "receipt", "acceptance", "service-start")
    cases["handed over by the hotline, unanswered"] = await opened(world, "hotline", "hotline")
    await consented(world, cases["handed over by the hotline, unanswered"], "hotline")
    referrals["handed over by the hotline, unanswered"] = await referred(
        world,
        cases["handed over by the hotline, unanswered"],
        "NGO-ALPHA",
        "case_management",
        "hand-over-case-management",
        "hotline",
    )
    cases["cared for by Alpha, police leads"] = await _of_others(world, "police")
    referrals["cared for by Alpha, police leads"] = await _care(
        world, "police", cases["cared for by Alpha, police leads"], "receipt", "acceptance", "service-start"
    )
    cases["cared for by Alpha alone, migration leads"] = await _of_others(world, "migration", **ONLY_ALPHA)
    referrals["cared for by Alpha alone, migration leads"] = await _care(
        world, "migration", cases["cared for by Alpha alone, migration leads"], "receipt", "acceptance"
    )
    cases["walled from Beta"] = await opened(world)
    await consented(world, cases["walled from Beta"])
    await world.post("alpha", f"/cases/{cases['walled from Beta']}/walls", {"organisation": "NGO-BETA"})
    await world.work_off()
    return found


NEW_CONSENT = {**CONSENT, "recipients": ["organisation:NGO-BETA"], "compartments": ["identity", "contact"]}
