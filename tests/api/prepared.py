"""What the examples of the contract speak of by name: made through the API itself, anew for each example."""

import json
import re
from typing import Any

import asyncpg

from tests.world import STAFF, World

SYMBOL = re.compile(r"\{([a-z:_]+)(\.version)?\}")
RELEASE = "0" * 60 + "e9a3"
PERSON = {
    "sex": "female",
    "age_band": "24--26",
    "citizenships": ["KG"],
    "languages": ["ky"],
    "migration_status": "national",
}
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
LIFE: dict[str, tuple[tuple[str, str, Any], ...]] = {
    "draft": (),
    "sent": (),
    "received": (("north", "receipt", None),),
    "asked": (("north", "receipt", None), ("north", "question", {"text": "A fictional question."})),
    "accepted": (("north", "receipt", None), ("north", "acceptance", None)),
    "in_service": (("north", "receipt", None), ("north", "acceptance", None), ("north", "service-start", None)),
}


def who(role: str, organisation: str) -> str:
    """Return the short name of the first member of staff in this role there."""
    return next(name for name, (_, code, has) in STAFF.items() if (code, has) == (organisation, role))


class Prepared:
    """Things by symbolic name; the same name stands for the same thing."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.made: dict[str, tuple[str, str]] = {}

    async def filled(self, value: Any) -> Any:
        """Return a part of an example with every symbol replaced."""
        if isinstance(value, dict):
            return {key: await self.filled(part) for key, part in value.items()}
        if not isinstance(value, str):
            return value
        for symbol in SYMBOL.finditer(value):
            named = await (self._version if symbol[2] else self.named)(symbol[1])
            value = value.replace(symbol[0], named)
        return value

    async def named(self, name: str) -> str:
        """Return the reference or id that a name stands for."""
        if name not in self.made:
            kind, _, state = name.partition(":")
            self.made[name] = await getattr(self, f"_{kind}")(*([state] if state else []))
        return self.made[name][0]

    async def _version(self, name: str) -> str:
        await self.named(name)
        known = self.made[name][1]
        return known if known.isdigit() else str(await self.world.version(*known.split(" ")))

    async def _opened(self) -> tuple[str, str]:
        body = {"entry_channel": "ngo", "person": PERSON, "compartments": {"identity": {"given_name": "Fictional"}}}
        case = (await self.world.post("alpha", "/cases", body))["reference"]
        return case, f"alpha /cases/{case}"

    async def _screened(self) -> tuple[str, str]:
        case, read = await self._opened()
        await self.world.post("alpha", f"/cases/{case}/steps/inform-of-rights/completion")
        consent = await self.world.post("alpha", f"/cases/{case}/consents", CONSENT)
        self.made["consent"] = (consent["consent_id"], "")
        await self.world.post("alpha", f"/cases/{case}/screenings", {"hits": {}, "result": "indicated"})
        return case, read

    async def _case(self) -> tuple[str, str]:
        case, read = await self._screened()
        decision = {"body": "ngo", "outcome": "ActualVictimOfTrafficking", "legal_basis": "guideline-1"}
        await self.world.post("alpha", f"/cases/{case}/decisions", decision)
        return case, read

    async def _consent(self) -> tuple[str, str]:
        await self.named("case")
        return self.made["consent"]

    async def _episode(self) -> tuple[str, str]:
        case = await self.named("case")
        episode = await self.world.post("alpha", f"/cases/{case}/service-episodes", {"service": "psychosocial"})
        return episode["id"], str(episode["version"])

    async def _contact(self) -> tuple[str, str]:
        body = {"channel": "voicemail", "language": "ky", "topic": "other", "narrative": {"account": "Fictional."}}
        contact = (await self.world.post("hotline", "/contacts", body))["id"]
        return contact, f"hotline /contacts/{contact}"

    async def _webhook(self) -> tuple[str, str]:
        body = {"url": "https://receiver.example/nrm", "kinds": ["referral_arrived"]}
        webhook = (await self.world.post("alpha", "/webhooks", body))["id"]
        return webhook, f"alpha /webhooks/{webhook}"

    async def _referral(self, state: str) -> tuple[str, str]:
        case = await self.named("case")
        body = {
            "step": "refer-for-shelter",
            "service": "shelter",
            "recipient": "SHELTER-NORTH",
            "draft": state == "draft",
        }
        referral = (await self.world.post("alpha", f"/cases/{case}/referrals", body))["reference"]
        for actor, act, said in LIFE[state]:
            await self.world.act(actor, referral, act, said)
        return referral, f"alpha /referrals/{referral}"

    async def _release(self) -> tuple[str, str]:
        access = self.world.access
        connection = await asyncpg.connect(access.admin_dsn(access.database))
        try:
            await connection.execute(
                "INSERT INTO releases (id, period, published_at, tables) VALUES ($1, '2026', now(), $2) "
                "ON CONFLICT DO NOTHING",
                RELEASE,
                json.dumps({"cases": {"unit": "case", "cells": []}}),
            )
        finally:
            await connection.close()
        return RELEASE, ""

    async def _table(self) -> tuple[str, str]:
        return "cases", ""
