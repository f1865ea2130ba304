"""Ways to stand to a case: an organisation for each, with every role in it, and what each of them asks for."""

import asyncio
import secrets
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any
from uuid import UUID

import asyncpg
import httpx

from api import directory
from api.database import dsn_as
from api.settings import DatabaseRole
from domain.codes import NrmRole, OrganisationType, Role, Service
from tests.world import ISSUER, World

RELATIONS = {
    "owner": "leads the case and sent the referral",
    "sender": "opened the case and handed it over: sent the referral, leads the case no more",
    "before": "received the referral and has not answered it",
    "after": "accepted the referral and gives the service",
    "declined": "declined the referral",
    "withdrawn": "accepted the referral, which the person then withdrew",
    "walled": "accepted the referral, then came behind a conflict wall of the case",
    "walled_staff": "works for the organisation that leads the case, behind a conflict wall of the case",
    "foreign": "has nothing to do with the case",
    "abroad": "has nothing to do with the case, in another country",
    "absent": "asks for something that does not exist",
}
"""How the asker stands to what is asked for."""

HOME = {"walled_staff": "owner", "absent": "foreign"}
"""The relations whose askers work for the organisation of another relation."""

WORKER = Role.NGO_CASEWORKER
ALL = ["identity", "contact", "location", "narrative", "health", "legal"]
PERSON = {
    "identity": {"given_name": "Gulnara", "family_name": "Matrixova"},
    "contact": {"phone": "+996 555 020304"},
    "location": {"address": "Matrix street 7"},
    "narrative": {"account": "told matrixwise"},
    "health": {"conditions": "matrix cough"},
    "legal": {"proceedings": "matrix hearing"},
}
CONSENT = {
    "decision": "given",
    "giver": "self",
    "purposes": ["support", "identification"],
    "recipients": ["any"],
    "compartments": ALL,
    "obtained": "oral",
    "language": "ky",
}
CASE = {"entry_channel": "ngo", "person": {"sex": "female", "age_band": "24--26"}, "compartments": PERSON}
CONTACT = {"channel": "visit", "language": "ky", "topic": "possible_trafficking", "narrative": {"account": "a call"}}
REFERRAL = {"step": "refer-for-urgent-care", "service": "psychosocial"}
REPORTING = {**CONSENT, "purposes": ["reporting"]}


@dataclass(frozen=True)
class Things:
    """What one asker names in paths and bodies."""

    case: str
    referral: str
    contact: str
    consent: str
    episode: str
    release: str
    webhook: str = "00000000-0000-4000-8000-000000000000"
    table: str = "cases"


def subject_of(relation: str, role: Role) -> str:
    """Return the subject of a member of staff."""
    return f"{relation}-{role}"


def code_of(relation: str) -> str:
    """Return the organisation of a relation."""
    return f"ORG-{HOME.get(relation, relation).upper()}"


class Stage:
    """Everybody of every relation, asking one application through one client."""

    def __init__(self, world: World, client: httpx.AsyncClient) -> None:
        self.world, self.client = world, client
        self.tokens: dict[tuple[str, Role], str] = {}

    def token(self, relation: str, role: Role) -> str:
        """Return the access token of a member of staff."""
        if (relation, role) not in self.tokens:
            self.tokens[relation, role] = ISSUER.issue(
                subject=subject_of({"absent": "foreign"}.get(relation, relation), role),
                organisation=code_of(relation),
                role=role,
                lifetime=timedelta(hours=8),
                now=self.world.runtime.clock.present(),
                token_id=secrets.token_hex(8),
            )
        return self.tokens[relation, role]

    async def ask(
        self, relation: str, role: Role, method: str, path: str, body: Any = None, *, version: int | None = None
    ) -> httpx.Response:
        """Send one request to `/v1` + path."""
        headers = {"Authorization": f"Bearer {self.token(relation, role)}", "Accept-Language": "en"}
        if method != "GET":
            headers["Idempotency-Key"] = f"stage-{self.world.numbers():08}"
        if version is not None:
            headers["If-Match"] = f'"{version}"'
        return await self.client.request(method, f"/v1{path}", json=body, headers=headers)

    async def do(self, relation: str, path: str, body: Any = None, *, role: Role = WORKER) -> Any:
        """Post as a caseworker; it must work. A referral's acts are told the version that was read just before."""
        version = None
        if path.startswith("/referrals/"):
            shown = await self.ask(relation, role, "GET", path.rpartition("/")[0])
            version = int(shown.headers["etag"].strip('"'))
        response = await self.ask(relation, role, "POST", path, body, version=version)
        assert response.is_success, (relation, path, response.status_code, response.text)
        return response.json() if response.content else None


@asynccontextmanager
async def staged(world: World) -> AsyncIterator[Stage]:
    """Yield the stage over a world, with the organisations of all relations in its directory."""
    staff = {relation: [relation] for relation in RELATIONS if relation not in HOME}
    staff["owner"].append("walled_staff")
    organisations = [
        directory.OrganisationEntry(
            code=code_of(relation),
            name={"en": relation, "ru": relation, "ky": relation},
            type=OrganisationType.NGO,
            country="KZ" if relation == "abroad" else "KG",
            nrm_roles=list(NrmRole),
            services=list(Service),
            staff=[
                directory.StaffEntry(subject=subject_of(member, role), role=role) for member in members for role in Role
            ],
        )
        for relation, members in staff.items()
    ]
    async with world.runtime.database.sessions(DatabaseRole.OWNER)() as session:
        await directory.load(directory.DirectoryFile(organisations=organisations), session, world.runtime)
    transport = httpx.ASGITransport(app=world.app, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://nrm.test") as client:
        yield Stage(world, client)


async def prepared(stage: Stage) -> dict[str, Things]:
    """Play what brings every organisation into its relation; returns what each asks for."""
    release = await published(stage.world)
    case, contact, consent = await opened(stage, "owner", WORKER)
    done = await stage.do("owner", f"/cases/{case}/service-episodes", {"service": "medical"})
    sent = {
        relation: await referred(stage, case, relation) for relation in ("before", "after", "declined", "withdrawn")
    }
    await answered(stage, "after", sent["after"], "acceptance", "service-start")
    await answered(stage, "declined", sent["declined"])
    await stage.do("declined", f"/referrals/{sent['declined']}/decline", {"declined_by": "provider", "reason": "other"})
    await answered(stage, "withdrawn", sent["withdrawn"], "acceptance")
    await stage.do("owner", f"/referrals/{sent['withdrawn']}/withdrawal")
    mine = Things(case, sent["before"], contact, consent, done["id"], release)
    begun = await given(stage, "after", case)
    return await with_webhooks(
        stage,
        {
            "owner": mine,
            "sender": await handed_over(stage, release),
            "before": mine,
            "after": Things(case, sent["after"], contact, consent, begun, release),
            "declined": Things(case, sent["declined"], contact, consent, done["id"], release),
            "withdrawn": Things(case, sent["withdrawn"], contact, consent, done["id"], release),
            **await walled_off(stage, release),
            "foreign": mine,
            "abroad": mine,
            "absent": absent(),
        },
    )


async def with_webhooks(stage: Stage, things: Mapping[str, Things]) -> dict[str, Things]:
    """Let everybody ask for the webhook of the owner, and the owner's own staff behind a wall for somebody else's."""
    body = {"url": "https://receiver.example/hook", "kinds": ["referral_arrived"]}
    mine, other = [(await stage.do(one, "/webhooks", body))["id"] for one in ("owner", "after")]
    named = {relation: other if relation == "walled_staff" else mine for relation in things if relation != "absent"}
    return {
        relation: replace(one, webhook=named[relation]) if relation in named else one
        for relation, one in things.items()
    }


def absent() -> Things:
    """Return what does not exist."""
    ids = [str(UUID(bytes=secrets.token_bytes(16), version=4)) for _ in range(3)]
    return Things("C-0000-0000-0000-0000", "R-0000-0000-0000-0000", *ids, "0" * 64)


async def opened(stage: Stage, relation: str, role: Role) -> tuple[str, str, str]:
    """Open a case out of a contact, with consent to everything; returns case, contact and a consent to reporting."""
    contact = await stage.do(relation, "/contacts", {**CONTACT, "cases": [CASE]}, role=role)
    case = contact["cases"][0]
    await stage.do(relation, f"/cases/{case}/steps/inform-of-rights/completion", role=role)
    await stage.do(relation, f"/cases/{case}/consents", CONSENT, role=role)
    reporting = await stage.do(relation, f"/cases/{case}/consents", REPORTING, role=role)
    return case, contact["id"], reporting["consent_id"]


async def referred(stage: Stage, case: str, receiver: str) -> str:
    """Send a referral of the owner's case; returns its reference."""
    sent = await stage.do("owner", f"/cases/{case}/referrals", {**REFERRAL, "recipient": code_of(receiver)})
    reference: str = sent["reference"]
    await stage.do(receiver, f"/referrals/{reference}/receipt")
    return reference


async def answered(stage: Stage, relation: str, referral: str, *acts: str) -> None:
    """Do some acts on a referral that was received."""
    for act in acts:
        await stage.do(relation, f"/referrals/{referral}/{act}")


async def given(stage: Stage, relation: str, case: str) -> str:
    """Return the service episode that an organisation gives in a case."""
    response = await stage.ask(relation, WORKER, "GET", f"/cases/{case}/service-episodes")
    found: str = response.json()[0]["id"]
    return found


async def handed_over(stage: Stage, release: str) -> Things:
    """Open a case with the hotline of the sender, and hand it over to the owner."""
    case, contact, consent = await opened(stage, "sender", Role.HOTLINE_OPERATOR)
    body = {"step": "hand-over-case-management", "service": "case_management", "recipient": code_of("owner")}
    sent = await stage.do("sender", f"/cases/{case}/referrals", body, role=Role.HOTLINE_OPERATOR)
    await answered(stage, "owner", sent["reference"], "receipt", "acceptance")
    episode = await stage.do("owner", f"/cases/{case}/service-episodes", {"service": "medical"})
    return Things(case, sent["reference"], contact, consent, episode["id"], release)


async def walled_off(stage: Stage, release: str) -> Mapping[str, Things]:
    """Open a case, let an organisation serve in it, then raise walls against it and against some of our own."""
    case, contact, consent = await opened(stage, "owner", WORKER)
    own = await stage.do("owner", f"/cases/{case}/service-episodes", {"service": "medical"})
    referral = await referred(stage, case, "walled")
    await answered(stage, "walled", referral, "acceptance", "service-start")
    episode = await given(stage, "walled", case)
    walls = [{"organisation": code_of("walled")}, *({"staff": subject_of("walled_staff", role)} for role in Role)]
    for wall in walls:
        await stage.do("owner", f"/cases/{case}/walls", wall)
    return {
        "walled": Things(case, referral, contact, consent, episode, release),
        "walled_staff": Things(case, referral, contact, consent, own["id"], release),
    }


async def published(world: World) -> str:
    """Put a release of statistics into the database, as its later publisher will."""
    release = "a" * 64
    dsn = dsn_as(world.access.url, user="nrm_admin", password=world.access.admin_password or "")
    connection = await asyncpg.connect(dsn)
    try:
        await connection.execute(
            "INSERT INTO releases (id, period, published_at, tables) VALUES ($1, '2026', now(), $2)",
            release,
            '{"cases": {"rows": []}}',
        )
    finally:
        await connection.close()
    return release


async def gathered(work: list[Any], at_once: int = 6) -> list[Any]:
    """Await many coroutines, a few at once; the results in order."""
    gate = asyncio.Semaphore(at_once)

    async def one(task: Any) -> Any:
        async with gate:
            return await task

    return list(await asyncio.gather(*map(one, work)))
