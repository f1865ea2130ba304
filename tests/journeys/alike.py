"""Persons who are recorded twice."""

from typing import Any

from api.matching import search_all
from tests.world import World

CONSENT = {
    "decision": "given",
    "giver": "self",
    "purposes": ["support", "identification"],
    "recipients": ["any"],
    "compartments": ["identity", "contact", "location", "narrative", "health", "legal"],
    "obtained": "written",
    "language": "ky",
    "informed_of": ["purpose", "how_to_withdraw"],
}
FIRST = {"given_name": "Айгүл", "family_name": "Жээнбекова", "birth_date": "1999-02-01"}
AGAIN = {"given_name": "Aygul", "family_name": "Jeenbekova", "birth_date": "1999"}
ANOTHER = {"given_name": "Mirlan", "family_name": "Toktosunov", "birth_date": "1981"}


async def recorded(world: World, who: str, identity: dict[str, Any], *, consent: bool = False) -> str:
    """Open a case for a person; returns its reference."""
    adult = {"sex": "female", "age_band": "24--26"}
    body = {"entry_channel": "ngo", "person": adult, "compartments": {"identity": identity}}
    case: str = (await world.post(who, "/cases", body))["reference"]
    if consent:
        await world.post(who, f"/cases/{case}/steps/inform-of-rights/completion")
        await world.post(who, f"/cases/{case}/consents", CONSENT)
    return case


async def twice(world: World, first: str = "alpha", second: str = "beta", *, consent: bool = False) -> tuple[str, str]:
    """Let one person be recorded by two, one after the other, and searched for; returns both references."""
    cases = await recorded(world, first, FIRST, consent=consent), await recorded(world, second, AGAIN, consent=consent)
    await search_all(world.runtime)
    return cases


async def warnings(world: World, who: str) -> list[dict[str, Any]]:
    """Return what somebody is warned of."""
    items: list[dict[str, Any]] = (await world.get(who, "/duplicates"))["items"]
    return items


async def said(world: World, who: str, answer: str = "same_person") -> dict[str, Any]:
    """Answer the only warning of somebody; returns it."""
    (warning,) = await warnings(world, who)
    await world.post(who, f"/cases/{warning['case']}/duplicates/{warning['id']}/answers", {"answer": answer})
    return warning


async def merge(world: World, who: str, expect: int = 204) -> dict[str, Any]:
    """Ask for the merge of the only pair that somebody is told of; returns the warning."""
    (warning,) = await warnings(world, who)
    await world.post(who, f"/cases/{warning['case']}/duplicates/{warning['id']}/merge", expect=expect)
    return warning


async def merged(world: World) -> tuple[str, str]:
    """Let two organisations merge their cases of one person; returns survivor and merged."""
    cases = await twice(world, consent=True)
    await said(world, "alpha")
    await merge(world, "alpha")
    await merge(world, "beta")
    return cases
