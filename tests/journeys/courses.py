"""Scenes of what goes on beside a case."""

from typing import Any

from tests.journeys.scenes import carried, referred
from tests.world import World


async def begun(world: World, case: str, subject: str, who: str = "alpha") -> str:
    """Open a course; returns its reference."""
    reference: str = (await world.post(who, f"/cases/{case}/courses", {"subject": subject}, expect=201))["reference"]
    return reference


async def done(world: World, course: str, step: str, who: str = "alpha", **outcome: Any) -> Any:
    """Do a step of a course."""
    return await world.post(who, f"/courses/{course}/steps/{step}", outcome, expect=201)


async def happened(world: World, course: str, fact: str, value: str, who: str = "alpha", **more: Any) -> Any:
    """Record what happened in a course."""
    return await world.post(who, f"/courses/{course}/happenings", {"fact": fact, "value": value, **more}, expect=201)


async def open_in(world: World, course: str, who: str = "alpha") -> dict[str, dict[str, Any]]:
    """Return the open steps of a course by key."""
    shown = await world.get(who, f"/courses/{course}")
    return {step["step"]: step for step in shown["steps"]["open"]}


async def values_in(world: World, course: str, who: str = "alpha") -> dict[str, str]:
    """Return what the facts of a course say."""
    shown = await world.get(who, f"/courses/{course}")
    return {one["fact"]["code"]: one["value"]["code"] for one in shown["facts"]}


async def sheltered(world: World, case: str, who: str = "north") -> str:
    """Let a shelter accept the person; returns its referral."""
    code = {"north": "SHELTER-NORTH", "south": "SHELTER-SOUTH"}[who]
    referral = await referred(world, case, code)
    await carried(world, referral, who, "receipt", "acceptance")
    return referral


async def overdue(world: World, course: str, who: str = "alpha") -> list[str]:
    """Return the steps of a course of which an organisation was told that they are overdue, by name."""
    items = (await world.get(who, "/notifications"))["items"]
    return sorted(one["detail"] for one in items if (one["reference"], one["kind"]) == (course, "step_overdue"))
