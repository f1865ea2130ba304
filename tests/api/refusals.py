"""How each problem is met through HTTP: one request for each code."""

import hashlib
import hmac
import json
import secrets
from collections.abc import Awaitable, Callable
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import asyncpg
import httpx
from sqlalchemy import text

from api.app import create_app
from api.database import Database
from api.settings import DatabaseRole
from domain.sealing.keeper import FileSource, Keeper
from domain.sealing.providers import FileProvider
from tests.api.prepared import PERSON, Prepared
from tests.journeys.erasing import granted
from tests.world import STAFF, World

ABSENT = "C-0000-0000-0000-0000"
NOWHERE = "postgresql://nobody:nothing@127.0.0.1:1/absent"
Meeting = Callable[[World], Awaitable[httpx.Response]]


async def not_found(world: World) -> httpx.Response:
    return await world.ask("alpha", "GET", f"/cases/{ABSENT}")


async def too_many_requests(world: World) -> httpx.Response:
    settings = world.runtime.settings.model_copy(update={"requests_per_minute_and_address": 1})
    hurried = replace(world, app=create_app(replace(world.runtime, settings=settings)))
    await hurried.ask("alpha", "GET", "/cases")
    return await hurried.ask("alpha", "GET", "/cases")


async def not_permitted(world: World) -> httpx.Response:
    return await world.ask("monitor", "GET", "/cases")


async def token_refused(world: World) -> httpx.Response:
    return await world.ask("alpha", "GET", "/cases", headers={"Authorization": "Bearer nothing"})


async def version_stale(world: World) -> httpx.Response:
    case = await Prepared(world).named("opened")
    return await world.ask("alpha", "PATCH", f"/cases/{case}/person", {"sex": "male"}, version=999)


async def precondition_required(world: World) -> httpx.Response:
    case = await Prepared(world).named("opened")
    return await world.ask("alpha", "PATCH", f"/cases/{case}/person", {"sex": "male"})


async def state_conflict(world: World) -> httpx.Response:
    referral = await Prepared(world).named("referral:sent")
    version = await world.version("north", f"/referrals/{referral}")
    return await world.ask("north", "POST", f"/referrals/{referral}/service-start", version=version)


async def step_not_open(world: World) -> httpx.Response:
    case = await Prepared(world).named("opened")
    return await world.ask("alpha", "POST", f"/cases/{case}/steps/notify-anonymously/completion")


async def consent_missing(world: World) -> httpx.Response:
    case = await Prepared(world).named("opened")
    await world.post("alpha", f"/cases/{case}/assessments", {"danger": "high"})
    body = {"step": "offer-emergency-shelter", "service": "shelter", "recipient": "SHELTER-NORTH"}
    return await world.ask("alpha", "POST", f"/cases/{case}/referrals", body)


async def restricted(world: World) -> httpx.Response:
    prepared = Prepared(world)
    referral = await prepared.named("referral:received")
    await granted(world, await prepared.named("case"), "restriction")
    version = await world.version("north", f"/referrals/{referral}")
    return await world.ask("north", "POST", f"/referrals/{referral}/acceptance", version=version)


async def no_free_place(world: World) -> httpx.Response:
    referral = await Prepared(world).named("referral:accepted")
    return await world.ask("north", "POST", f"/referrals/{referral}/placement", {"children": 1})


async def invalid_input(world: World) -> httpx.Response:
    body = {"entry_channel": "ngo", "compartments": {"identity": {"phone": "not here"}}}
    return await world.ask("alpha", "POST", "/cases", body)


async def invalid_request(world: World) -> httpx.Response:
    return await world.ask("alpha", "POST", "/cases", {"entry_channel": "ngo", "person": {"sex": 1}})


async def idempotency_key_missing(world: World) -> httpx.Response:
    async with world.client("alpha") as client:
        return await client.post("/v1/cases", json={"entry_channel": "ngo"})


async def idempotency_key_reused(world: World) -> httpx.Response:
    await world.ask("alpha", "POST", "/cases", {"entry_channel": "ngo"}, key="reused-key-1")
    return await world.ask("alpha", "POST", "/cases", {"entry_channel": "police"}, key="reused-key-1")


async def idempotency_key_in_flight(world: World) -> httpx.Response:
    subject, organisation, _ = STAFF["alpha"]
    asked = "SELECT o.id, s.id FROM organisations o, staff_members s WHERE o.code = :code AND s.subject = :subject"
    async with world.runtime.database.sessions(DatabaseRole.OWNER)() as session:
        (ids,) = await session.execute(text(asked), {"code": organisation, "subject": subject})
        kept = hmac.new(world.runtime.keys.derive("idempotency"), b"in-flight-1", hashlib.sha256).hexdigest()
        lock = hashlib.sha256(f"{ids[0]}{ids[1]}{kept}".encode()).digest()[:8]
        number = int.from_bytes(lock, "big", signed=True)
        await session.execute(text("SELECT pg_advisory_xact_lock(:number)"), {"number": number})
        return await world.ask("alpha", "POST", "/cases", {"entry_channel": "ngo"}, key="in-flight-1")


async def approval_missing(world: World) -> httpx.Response:
    said = {"case": ABSENT, "compartment": "identity", "reason": "missing_person", "account": "Fictional."}
    glass = (await world.post("hotline", "/break-glass", said))["id"]
    await world.post("monitor", f"/break-glass/{glass}/review", {"outcome": "unjustified"})
    return await world.ask("monitor", "POST", f"/break-glass/{glass}/restoration")


async def budget_exceeded(world: World) -> httpx.Response:
    said = {"case": ABSENT, "compartment": "identity", "reason": "missing_person", "account": "Fictional."}
    answers = [await world.with_budgets().ask("beta", "POST", "/break-glass", said) for _ in range(4)]
    return answers[-1]


async def body_too_large(world: World) -> httpx.Response:
    return await world.ask("alpha", "POST", "/cases", {"entry_channel": "x" * world.runtime.settings.body_limit})


async def method_not_allowed(world: World) -> httpx.Response:
    return await world.ask("alpha", "DELETE", "/cases")


async def unsupported_media_type(world: World) -> httpx.Response:
    async with world.client("alpha") as client:
        body = json.dumps({"entry_channel": "ngo"}).encode()
        headers = {"Idempotency-Key": "media-type-1", "Content-Type": "text/plain"}
        return await client.post("/v1/cases", content=body, headers=headers)


def away(world: World) -> World:
    """Return the same world with a database that nobody answers for."""
    runtime = replace(world.runtime, database=Database(dict.fromkeys(DatabaseRole, NOWHERE)))
    return World(runtime, world.access, create_app(runtime), world.numbers)


async def unavailable(world: World) -> httpx.Response:
    return await away(world).ask("alpha", "GET", "/cases")


async def sealed(world: World) -> httpx.Response:
    keeper = Keeper(FileSource(Path("/nowhere/keys.json"), secrets.token_bytes))
    runtime = replace(world.runtime, keys=keeper)
    closed = World(runtime, world.access, create_app(runtime), world.numbers)
    return await closed.ask("alpha", "POST", "/cases", {"entry_channel": "ngo"})


async def key_not_held(world: World) -> httpx.Response:
    body = {"entry_channel": "ngo", "person": PERSON, "compartments": {"identity": {"given_name": "Fictional"}}}
    case = (await world.post("alpha", "/cases", body))["reference"]
    with TemporaryDirectory() as folder:
        other = FileProvider.create(Path(folder) / "keys.json", secrets.token_bytes)
        runtime = replace(world.runtime, keys=other)
        elsewhere = World(runtime, world.access, create_app(runtime), world.numbers)
        return await elsewhere.ask("alpha", "GET", f"/cases/{case}/person/identity")


MET: dict[str, Meeting] = {
    "not-found": not_found,
    "approval-missing": approval_missing,
    "budget-exceeded": budget_exceeded,
    "too-many-requests": too_many_requests,
    "not-permitted": not_permitted,
    "token-refused": token_refused,
    "version-stale": version_stale,
    "precondition-required": precondition_required,
    "state-conflict": state_conflict,
    "step-not-open": step_not_open,
    "consent-missing": consent_missing,
    "restricted": restricted,
    "no-free-place": no_free_place,
    "invalid-input": invalid_input,
    "invalid-request": invalid_request,
    "idempotency-key-missing": idempotency_key_missing,
    "idempotency-key-reused": idempotency_key_reused,
    "idempotency-key-in-flight": idempotency_key_in_flight,
    "body-too-large": body_too_large,
    "method-not-allowed": method_not_allowed,
    "unsupported-media-type": unsupported_media_type,
    "unavailable": unavailable,
    "sealed": sealed,
    "key-not-held": key_not_held,
}
"""Every problem that a client can meet; the two below need a fault of ours or a hand in the database."""


async def seal_broken(world: World, admin: "asyncpg.Connection[Any]") -> httpx.Response:
    body = {"entry_channel": "ngo", "person": PERSON, "compartments": {"identity": {"given_name": "Fictional"}}}
    case = (await world.post("alpha", "/cases", body))["reference"]
    await admin.execute("UPDATE sealed_values SET sealed = set_byte(sealed, 60, get_byte(sealed, 60) # 1)")
    return await world.ask("alpha", "GET", f"/cases/{case}/person/identity")


async def internal(world: World, admin: "asyncpg.Connection[Any]") -> httpx.Response:
    await admin.execute("ALTER TABLE referrals RENAME TO referrals_elsewhere")
    return await world.ask("alpha", "GET", "/referrals/inbox")


DAMAGED = {"seal-broken": seal_broken, "internal": internal}
