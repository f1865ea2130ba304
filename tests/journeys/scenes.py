"""Scenes that journeys begin with. What each person in them says is made up."""

from typing import Any

import asyncpg

from tests.world import World

PERSON = {"given_name": "Aizada", "family_name": "Testova"}
SEALED: dict[str, Any] = {
    "identity": PERSON,
    "contact": {"phone": "+996 555 010203"},
    "location": {"district": "Testovo"},
    "narrative": {"account": "made up"},
}
ADULT: dict[str, Any] = {"sex": "female", "age_band": "24--26", "citizenships": ["KG"], "languages": ["ky"]}
CHILD: dict[str, Any] = {**ADULT, "age_band": "9--17"}
CONSENT: dict[str, Any] = {
    "decision": "given",
    "giver": "self",
    "purposes": ["support", "identification"],
    "recipients": ["any"],
    "compartments": ["identity", "contact", "location", "narrative", "health", "legal"],
    "obtained": "oral",
    "language": "ky",
    "informed_of": ["purpose", "how_to_withdraw"],
}
VICTIM = {"body": "ngo", "outcome": "ActualVictimOfTrafficking", "legal_basis": "guideline-1"}


async def opened(world: World, who: str = "alpha", channel: str = "ngo", **person: Any) -> str:
    """Open a case for an adult, unless `person` says otherwise; returns its reference."""
    body = {"entry_channel": channel, "person": {**ADULT, **person}, "compartments": SEALED}
    reference: str = (await world.post(who, "/cases", body))["reference"]
    return reference


async def consented(world: World, case: str, who: str = "alpha", **changes: Any) -> str:
    """Tell the person their rights if that was not done, and record what they say; returns the consent's id."""
    if "inform-of-rights" in await open_now(world, case, who):
        await world.post(who, f"/cases/{case}/steps/inform-of-rights/completion")
    recorded = await world.post(who, f"/cases/{case}/consents", {**CONSENT, **changes})
    consent: str = recorded["consent_id"]
    return consent


async def identified(world: World, case: str, who: str = "alpha") -> None:
    """Let the NGO screen the person and decide that they are a victim."""
    await world.post(who, f"/cases/{case}/screenings", {"hits": {}, "result": "indicated"})
    await world.post(who, f"/cases/{case}/decisions", VICTIM)


async def supported(world: World, who: str = "alpha", **person: Any) -> tuple[str, str]:
    """Bring an adult to where support is open; returns the case and the consent."""
    case = await opened(world, who, **person)
    consent = await consented(world, case, who)
    await identified(world, case, who)
    return case, consent


async def referred(
    world: World,
    case: str,
    recipient: str = "SHELTER-NORTH",
    service: str = "shelter",
    step: str = "refer-for-shelter",
    who: str = "alpha",
    **more: Any,
) -> str:
    """Send a referral; returns its reference."""
    body = {"step": step, "service": service, "recipient": recipient, **more}
    reference: str = (await world.post(who, f"/cases/{case}/referrals", body))["reference"]
    return reference


async def carried(world: World, referral: str, who: str, *acts: str) -> None:
    """Let the receiver do some acts that need no more to be said, in order."""
    for act in acts:
        await world.act(who, referral, act)


async def open_now(world: World, case: str, who: str = "alpha") -> dict[str, dict[str, Any]]:
    """Return the open steps of a case by key."""
    steps = await world.get(who, f"/cases/{case}/next-steps")
    return {step["step"]: step for step in steps["open"]}


async def taken_over(world: World, case: str, who: str = "hotline", by: str = "alpha", **more: Any) -> str:
    """Hand a case over to an NGO that accepts it; returns the referral."""
    code = {"alpha": "NGO-ALPHA", "beta": "NGO-BETA"}[by]
    reference = await referred(world, case, code, "case_management", "hand-over-case-management", who, **more)
    await carried(world, reference, by, "receipt", "acceptance")
    return reference


async def sealed_rows(admin: asyncpg.Connection, referral: str) -> tuple[int, int]:
    """Return how many sealed values and keys a referral's package still has in the database."""
    held = "SELECT count(*) FROM {} WHERE holder_id = (SELECT id FROM referrals WHERE reference = $1)"
    values: int = await admin.fetchval(held.format("sealed_values"), referral)
    keys: int = await admin.fetchval(held.format("sealing_keys"), referral)
    return values, keys


async def told(world: World, who: str, reference: str) -> list[str]:
    """Return what an organisation was told about a reference, oldest first."""
    items = (await world.get(who, "/notifications"))["items"]
    return [item["kind"] for item in reversed(items) if item["reference"] == reference]
