"""Ways to stand to a case: an organisation for each, with every role in it, and what each of them asks for."""

import secrets
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any
from uuid import UUID

import httpx

from api import directory
from api.settings import DatabaseRole
from domain.codes import NrmRole, OrganisationType, Role, Service
from tests.attacks.attached import attached, with_attachments
from tests.attacks.emergencies import with_emergencies
from tests.documents import carried
from tests.journeys.leaving import reinstated, suspended
from tests.statistics.releasing import keep, release
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
ABSENT = "00000000-0000-4000-8000-000000000000"
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
EXPLOITATION = {"types": ["ForcedLabour"], "account": "worked matrixwise", "places": "Matrix hall"}
CLASSIFICATION = {"kind": "legal_offence", "code": "fraud", "body": "police"}
COST = {"amount": 15_000, "currency": "KGS", "funding_source": "state"}
AWARD = {
    "service": "medical",
    "amount": 15_000,
    "currency": "KGS",
    "ground": "state_declined",
    "decided_by": "ORG-BEFORE",
}
QUESTION = {"service": "psychosocial", "recipients": ["NGO-ALPHA"]}
REPORTING = {**CONSENT, "purposes": ["reporting"]}


@dataclass(frozen=True)
class Things:
    """What one asker names in paths and bodies."""

    case: str
    referral: str
    contact: str
    consent: str
    episode: str
    candidate: str
    question: str = "Q-0000-0000-0000-0000"
    place: str = "00000000-0000-4000-8000-000000000000"
    course: str = "K-0000-0000-0000-0000"
    webhook: str = "00000000-0000-4000-8000-000000000000"
    exploitation: str = ""
    classification: str = ""
    award: str = ""
    cost: str = ""
    escalation: str = ""
    checkpoint: str = "9007199254740991"
    glass: str = ABSENT
    approval: str = ABSENT
    attachment: str = "A-0000-0000-0000-0000"
    packed: str = "A-0000-0000-0000-0000"


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
        return await self.client.request(method, f"/v1{path}", **carried(body, headers))

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
    candidate = await proposed(stage)
    case, contact, consent = await opened(stage, "owner", WORKER)
    done = await stage.do("owner", f"/cases/{case}/service-episodes", {"service": "medical"})
    course = await begun(stage, "owner", case)
    picture = await attached(stage, case)
    received = ("before", "after", "declined", "withdrawn")
    sent = {relation: await referred(stage, case, relation, picture) for relation in received}
    await answered(stage, "after", sent["after"], "acceptance", "service-start")
    await answered(stage, "declined", sent["declined"])
    await stage.do("declined", f"/referrals/{sent['declined']}/decline", {"declined_by": "provider", "reason": "other"})
    await answered(stage, "withdrawn", sent["withdrawn"], "acceptance")
    await stage.do("owner", f"/referrals/{sent['withdrawn']}/withdrawal")
    put = {relation: await questioned(stage, case, relation) for relation in sent}
    places = await stage.do("owner", "/places", {"sex": "women", "family": "single", "count": 1})
    place = places["items"][0]["id"]
    mine = Things(case, sent["before"], contact, consent, done["id"], candidate, put["before"], place, course)
    running = await given(stage, "after", case)
    found = {
        "owner": mine,
        "sender": await handed_over(stage, candidate),
        "before": mine,
        "after": replace(mine, referral=sent["after"], episode=running, question=put["after"]),
        "declined": replace(mine, referral=sent["declined"], question=put["declined"]),
        "withdrawn": replace(mine, referral=sent["withdrawn"], question=put["withdrawn"]),
        **await walled_off(stage, candidate),
        "foreign": mine,
        "abroad": mine,
    }
    suffered = {one.case: await exploited(stage, one.case) for one in found.values()}
    awards = {one.case: (await stage.do("owner", f"/cases/{one.case}/awards", AWARD))["id"] for one in found.values()}
    costs = {found[giver].episode: await costed(stage, giver, found[giver].episode) for giver in ("owner", "after")}
    called = {one.case: await classified(stage, one.case) for one in found.values()}
    seen, hidden = await left_behind(stage)
    hooked = await with_emergencies(stage, await with_attachments(stage, await with_webhooks(stage, found)))
    return {
        **{
            relation: replace(
                one,
                exploitation=suffered[one.case],
                classification=called[one.case],
                award=awards[one.case],
                cost=costs.get(one.episode, ABSENT),
                escalation=hidden if relation in {"walled", "walled_staff"} else seen,
            )
            for relation, one in hooked.items()
        },
        "absent": absent(),
    }


async def with_webhooks(stage: Stage, things: Mapping[str, Things]) -> dict[str, Things]:
    """Let everybody ask for the webhook of the owner, and the owner's own staff behind a wall for somebody else's."""
    body = {"url": "https://receiver.example/hook", "kinds": ["referral_arrived"]}
    mine, other = [(await stage.do(one, "/webhooks", body))["id"] for one in ("owner", "after")]
    named = {relation: other if relation == "walled_staff" else mine for relation in things if relation != "absent"}
    return {
        relation: replace(one, webhook=named[relation]) if relation in named else one
        for relation, one in things.items()
    }


async def left_behind(stage: Stage) -> tuple[str, str]:
    """Suspend an organisation that leads two cases; returns the escalations of both.

    Walls stand before some of us in the second case.
    """
    body = {"entry_channel": "ngo"}
    world = stage.world
    first, second = [(await world.post("beta", "/cases", body))["reference"] for _ in range(2)]
    await world.post("beta", f"/cases/{second}/walls", {"organisation": code_of("walled")})
    await world.post("beta", f"/cases/{second}/walls", {"staff": subject_of("walled_staff", Role.COORDINATOR)})
    await suspended(world, "NGO-BETA")
    await world.work_off()
    listed = (await stage.ask("foreign", Role.COORDINATOR, "GET", "/escalations")).json()["items"]
    found = {one["reference"]: one["id"] for one in listed}
    await reinstated(world, "NGO-BETA")
    return found[first], found[second]


async def exploited(stage: Stage, case: str, relation: str = "owner") -> str:
    """Record an exploitation episode; returns its id."""
    recorded = await stage.do(relation, f"/cases/{case}/exploitation-episodes", EXPLOITATION)
    episode: str = recorded["id"]
    return episode


def absent() -> Things:
    """Return what does not exist."""
    ids = [str(UUID(bytes=secrets.token_bytes(16), version=4)) for _ in range(3)]
    return Things(
        "C-0000-0000-0000-0000",
        "R-0000-0000-0000-0000",
        *ids,
        ABSENT,
        exploitation=ids[0],
        classification=ids[1],
        award=ids[2],
        cost=ids[0],
        escalation=ids[1],
    )


async def costed(stage: Stage, relation: str, episode: str) -> str:
    """Record a cost of a service; returns its id."""
    recorded = await stage.do(relation, f"/service-episodes/{episode}/costs", COST)
    cost: str = recorded["id"]
    return cost


async def classified(stage: Stage, case: str, relation: str = "owner") -> str:
    """Record a legal classification; returns its id."""
    recorded = await stage.do(relation, f"/cases/{case}/classifications", CLASSIFICATION)
    classification: str = recorded["id"]
    return classification


async def opened(stage: Stage, relation: str, role: Role) -> tuple[str, str, str]:
    """Open a case out of a contact, with consent to everything; returns case, contact and a consent to reporting."""
    contact = await stage.do(relation, "/contacts", {**CONTACT, "cases": [CASE]}, role=role)
    case = contact["cases"][0]
    await stage.do(relation, f"/cases/{case}/steps/inform-of-rights/completion", role=role)
    await stage.do(relation, f"/cases/{case}/consents", CONSENT, role=role)
    reporting = await stage.do(relation, f"/cases/{case}/consents", REPORTING, role=role)
    return case, contact["id"], reporting["consent_id"]


async def referred(stage: Stage, case: str, receiver: str, *attachments: str) -> str:
    """Send a referral of the owner's case; returns its reference."""
    body = {**REFERRAL, "recipient": code_of(receiver), "attachments": list(attachments)}
    sent = await stage.do("owner", f"/cases/{case}/referrals", body)
    reference: str = sent["reference"]
    await stage.do(receiver, f"/referrals/{reference}/receipt")
    return reference


async def questioned(stage: Stage, case: str, receiver: str, relation: str = "owner", role: Role = WORKER) -> str:
    """Ask an organisation whether it could take somebody; returns the reference of the question."""
    body = {**QUESTION, "recipients": [code_of(receiver)]}
    asked = await stage.do(relation, f"/cases/{case}/capacity-questions", body, role=role)
    reference: str = asked[0]["reference"]
    return reference


async def answered(stage: Stage, relation: str, referral: str, *acts: str) -> None:
    """Do some acts on a referral that was received."""
    for act in acts:
        await stage.do(relation, f"/referrals/{referral}/{act}")


async def begun(stage: Stage, relation: str, case: str, subject: str = "proceedings") -> str:
    """Open a course beside a case; returns its reference."""
    reference: str = (await stage.do(relation, f"/cases/{case}/courses", {"subject": subject}))["reference"]
    return reference


async def given(stage: Stage, relation: str, case: str) -> str:
    """Return the service episode that an organisation gives in a case."""
    response = await stage.ask(relation, WORKER, "GET", f"/cases/{case}/service-episodes")
    found: str = response.json()[0]["id"]
    return found


async def handed_over(stage: Stage, candidate: str) -> Things:
    """Open a case with the hotline of the sender, and hand it over to the owner."""
    case, contact, consent = await opened(stage, "sender", Role.HOTLINE_OPERATOR)
    question = await questioned(stage, case, "before", "sender", Role.HOTLINE_OPERATOR)
    body = {"step": "hand-over-case-management", "service": "case_management", "recipient": code_of("owner")}
    sent = await stage.do("sender", f"/cases/{case}/referrals", body, role=Role.HOTLINE_OPERATOR)
    await answered(stage, "owner", sent["reference"], "receipt", "acceptance")
    episode = await stage.do("owner", f"/cases/{case}/service-episodes", {"service": "medical"})
    course = await begun(stage, "owner", case)
    return Things(case, sent["reference"], contact, consent, episode["id"], candidate, question, course=course)


async def walled_off(stage: Stage, candidate: str) -> Mapping[str, Things]:
    """Open a case, let an organisation serve in it, then raise walls against it and against some of our own."""
    case, contact, consent = await opened(stage, "owner", WORKER)
    own = await stage.do("owner", f"/cases/{case}/service-episodes", {"service": "medical"})
    referral = await referred(stage, case, "walled", await attached(stage, case))
    await answered(stage, "walled", referral, "acceptance", "service-start")
    episode = await given(stage, "walled", case)
    question = await questioned(stage, case, "walled")
    course = await begun(stage, "owner", case)
    walls = [{"organisation": code_of("walled")}, *({"staff": subject_of("walled_staff", role)} for role in Role)]
    for wall in walls:
        await stage.do("owner", f"/cases/{case}/walls", wall)
    return {
        "walled": Things(case, referral, contact, consent, episode, candidate, question, course=course),
        "walled_staff": Things(case, referral, contact, consent, own["id"], candidate, question, course=course),
    }


async def proposed(stage: Stage) -> str:
    """Let the sender's coordinator prepare a release in which nothing can be published."""
    runtime = stage.world.runtime
    claims = runtime.verifier.verify(stage.token("sender", Role.COORDINATOR), runtime.clock.present())
    return str((await keep(runtime, claims, *release(1, size=0))).id)
