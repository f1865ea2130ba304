"""A referral as FHIR R4: of the published structure, without identity, out and in by the same rules."""

import copy
import json
from itertools import pairwise
from typing import Any

import asyncpg
import httpx
import pytest
from fhir.resources.R4B.bundle import Bundle

from domain.codes import ReferralStatus
from domain.referrals.rules import FHIR_TASK_STATUS
from tests.api.prepared import CONSENT, LIFE, PERSON
from tests.world import World

SECRET = "Zhibek-canary"
CASE = {
    "entry_channel": "ngo",
    "person": PERSON,
    "compartments": {"identity": {"given_name": SECRET}, "contact": {"phone": "+996 canary"}},
}
REFERRAL = {
    "step": "refer-for-shelter",
    "service": "shelter",
    "recipient": "SHELTER-NORTH",
    "priority": "urgent",
    "compartments": ["identity", "contact"],
}


async def prepared(world: World) -> str:
    """Return a case of which a referral for shelter may be sent."""
    case = (await world.post("alpha", "/cases", CASE))["reference"]
    await world.post("alpha", f"/cases/{case}/steps/inform-of-rights/completion")
    await world.post("alpha", f"/cases/{case}/consents", CONSENT)
    await world.post("alpha", f"/cases/{case}/screenings", {"hits": {}, "result": "indicated"})
    decision = {"body": "ngo", "outcome": "ActualVictimOfTrafficking", "legal_basis": "guideline-1"}
    await world.post("alpha", f"/cases/{case}/decisions", decision)
    return str(case)


async def referred(world: World, case: str, **changed: Any) -> str:
    return str((await world.post("alpha", f"/cases/{case}/referrals", REFERRAL | changed))["reference"])


async def bundle(world: World, who: str, referral: str) -> dict[str, Any]:
    response = await world.ask(who, "GET", f"/referrals/{referral}/fhir")
    assert response.status_code == 200, response.text
    assert response.headers["content-type"] == "application/fhir+json"
    found: dict[str, Any] = response.json()
    Bundle.model_validate(found)
    return found


def part(of: dict[str, Any], kind: str) -> dict[str, Any]:
    found: dict[str, Any] = next(one["resource"] for one in of["entry"] if one["resource"]["resourceType"] == kind)
    return found


def asking(of: dict[str, Any]) -> dict[str, Any]:
    """Return a bundle that went out as one that may come in: without what the service alone sets."""
    wish = copy.deepcopy(of)
    for one, names in {
        "ServiceRequest": ("identifier", "authoredOn"),
        "Task": ("statusReason", "businessStatus", "authoredOn", "lastModified", "restriction", "output"),
    }.items():
        for name in names:
            part(wish, one).pop(name, None)
    return wish


async def wish_about(world: World, case: str) -> dict[str, Any]:
    """Return a bundle that asks for a referral of a case."""
    wish = asking(await bundle(world, "alpha", await referred(world, case, draft=True)))
    part(wish, "ServiceRequest")["status"], part(wish, "Task")["status"] = "active", "requested"
    return wish


async def sent_in(world: World, case: str, wish: Any, who: str = "alpha") -> httpx.Response:
    return await world.ask(
        who, "POST", f"/cases/{case}/referrals/fhir", wish, headers={"Content-Type": "application/fhir+json"}
    )


async def test_every_state_of_a_referral_is_of_the_published_structure_and_without_identity(world: World) -> None:
    seen = set()
    ends: list[tuple[str, str, Any]] = [
        ("north", "decline", {"declined_by": "provider", "reason": "no_capacity"}),
        ("alpha", "revocation", None),
        ("alpha", "withdrawal", None),
        ("alpha", "error-mark", None),
    ]
    lives = [*LIFE.values(), *((LIFE["received"] + (end,)) for end in ends)]
    lives.append(LIFE["in_service"] + (("north", "completion", {"outcome": "full"}),))
    lives.append(LIFE["accepted"] + (("north", "failure", {"reason": "unsafe"}),))
    for number, life in enumerate(lives):
        referral = await referred(world, await prepared(world), draft=number == 0)
        for who, act, body in life:
            await world.act(who, referral, act, body)
        status = (await world.get("alpha", f"/referrals/{referral}"))["status"]
        for who in ("alpha", "north") if status != "draft" else ("alpha",):
            found = await bundle(world, who, referral)
            assert SECRET not in json.dumps(found)
            assert "canary" not in json.dumps(found)
            assert part(found, "Task")["status"] == FHIR_TASK_STATUS[ReferralStatus(status)]
            assert part(found, "Task")["businessStatus"]["coding"][0]["code"] == status
            assert part(found, "Patient").keys() == {"resourceType", "id", "extension", "gender", "communication"}
        seen.add(status)
    assert seen == set(ReferralStatus) - {"waitlisted", "expired"}


async def test_a_bundle_says_nothing_that_the_referral_itself_does_not(world: World) -> None:
    referral = await referred(world, await prepared(world))
    await world.act("north", referral, "receipt")
    await world.act("north", referral, "decline", {"declined_by": "person", "reason": "declined_by_person"})
    told = json.dumps(await world.get("north", f"/referrals/{referral}"))
    of_fhir = {
        "ServiceRequest", "Task", "Patient", "Organization", "Bundle", "collection", "order", "rejected", "revoked",
    }  # fmt: skip
    listed = json.dumps(await world.get("north", "/organisations"), ensure_ascii=False)

    def words(value: Any) -> set[str]:
        if isinstance(value, dict):
            return set().union(*map(words, value.values()))
        return set().union(*map(words, value)) if isinstance(value, list) else {str(value).rpartition(":")[2]}

    said = words(await bundle(world, "north", referral)) - of_fhir
    systems = {
        "referral", "service", "referral-status", "refusal-reason", "declined-by", "input", "compartment",
        "age-band", "language", "organization", "outcome",
    }  # fmt: skip
    unknown = {word for word in said - systems if word not in told and word not in listed and "T" not in word}
    assert unknown <= {"00.000000Z"} or all(word.endswith("Z") for word in unknown), unknown


async def test_a_bundle_that_went_out_comes_in_as_the_same_referral(world: World) -> None:
    for draft in (False, True):
        first = await referred(world, await prepared(world), draft=draft)
        response = await sent_in(world, await prepared(world), asking(await bundle(world, "alpha", first)))
        assert response.status_code == 201, response.text
        assert response.headers["content-type"] == "application/fhir+json"
        second = part(response.json(), "ServiceRequest")["id"]
        told = [await world.get("alpha", f"/referrals/{one}") for one in (first, second)]
        same = ("status", "service", "priority", "step", "receiver", "sender", "withheld", "age_band", "languages")
        assert [told[0][name] for name in same] == [told[1][name] for name in same]
        assert {second, told[1]["reference"]} == {second}


async def test_a_referral_by_bundle_opens_on_acceptance_and_not_before(world: World) -> None:
    case = await prepared(world)
    wish = await wish_about(world, case)
    referral = part((await sent_in(world, case, wish)).json(), "Task")["id"]
    await world.get("north", f"/referrals/{referral}/package", expect=409)
    await world.act("north", referral, "receipt")
    await world.act("north", referral, "acceptance")
    package = await world.get("north", f"/referrals/{referral}/package")
    assert package["compartments"]["identity"] == {"given_name": SECRET}
    assert SECRET not in json.dumps(await bundle(world, "north", referral))


async def test_the_rules_are_the_same_as_in_our_own_shape(world: World) -> None:
    case = await prepared(world)
    wish = await wish_about(world, case)
    without = (await world.post("alpha", "/cases", CASE))["reference"]
    refused = await sent_in(world, without, wish)
    own = await world.ask("alpha", "POST", f"/cases/{without}/referrals", REFERRAL)
    assert refused.json() == own.json()
    assert refused.json()["code"] in {"consent-missing", "step-not-open"}
    for who in ("beta", "police"):
        assert (await sent_in(world, case, wish, who)).status_code == 404
    assert (await sent_in(world, case, wish, "north")).status_code == 403


CHANGES: list[tuple[str, tuple[Any, ...], Any, str]] = [
    ("an unknown status", ("Task", "status"), "ready", "body/entry/1/resource/Task/status"),
    ("a status that nobody begins with", ("Task", "status"), "accepted", "Task.status"),
    ("statuses that contradict each other", ("ServiceRequest", "status"), "draft", "Task.status"),
    ("a reflex order", ("ServiceRequest", "intent"), "reflex-order", "body/entry/0/resource/ServiceRequest/intent"),
    ("a contained resource", ("Task", "contained"), [{"resourceType": "Patient"}], "body/entry/1/resource/Task/…"),
    ("a name", ("Patient", "name"), [{"text": "Aigul"}], "body/entry/2/resource/Patient/name"),
    ("a birth date", ("Patient", "birthDate"), "1991-03-08", "body/entry/2/resource/Patient/…"),
    ("an identifier", ("Patient", "identifier"), [{"value": "1"}], "body/entry/2/resource/Patient/identifier"),
    ("a note", ("ServiceRequest", "note"), [{"text": "Aigul"}], "body/entry/0/resource/ServiceRequest/note"),
    ("an outcome", ("Task", "output"), [{"type": {"coding": [{"system": "urn:nrm:output", "code": "outcome"}]},
     "valueCodeableConcept": {"coding": [{"system": "urn:nrm:outcome", "code": "full"}]}}], "Task.output"),
    ("a focus elsewhere", ("Task", "focus"), {"reference": "urn:nrm:servicerequest:R-0"}, "Task.focus"),
    ("another person", ("Task", "for"), {"reference": "urn:nrm:patient:R-0"}, "Task.for"),
    ("another subject", ("ServiceRequest", "subject"), {"reference": "urn:nrm:case:C-0"}, "ServiceRequest.subject"),
    ("another performer", ("ServiceRequest", "performer"), [{"reference": "urn:nrm:organization:POLICE"}],
     "ServiceRequest.performer"),
    ("a foreign requester", ("Task", "requester"), {"reference": "urn:nrm:organization:POLICE"}, "Task.requester"),
    ("a person as owner", ("Task", "owner"), {"reference": "urn:nrm:practitioner:1"}, "ServiceRequest.performer"),
    ("a step of nothing", ("ServiceRequest", "instantiatesUri"), ["urn:nrm:step:"],
     "ServiceRequest.instantiatesUri"),
    ("an unknown service", ("ServiceRequest", "code"), {"coding": [{"system": "urn:nrm:service", "code": "gold"}]},
     "ServiceRequest.code"),
    ("priorities that differ", ("Task", "priority"), "routine", "Task.priority"),
    ("an unknown compartment", ("Task", "input"), [{"type": {"coding": [{"system": "urn:nrm:input",
     "code": "compartment"}]}, "valueCode": "soul"}], "Task.input.valueCode"),
    ("another's referral", ("ServiceRequest", "replaces"),
     [{"reference": "urn:nrm:servicerequest:R-0000-0000-0000-0000"}], "earlier_referral"),
    ("two requests", ("Task", "resourceType"), "ServiceRequest", ""),
]  # fmt: skip


@pytest.mark.parametrize(("at", "value", "named"), [one[1:] for one in CHANGES], ids=[one[0] for one in CHANGES])
async def test_a_refusal_names_the_element_and_quotes_nothing(
    at: tuple[str, str], value: Any, named: str, shared_world: World
) -> None:
    world = shared_world
    case = await prepared(world)
    wish = await wish_about(world, case)
    part(wish, at[0])[at[1]] = value
    response = await sent_in(world, case, wish)
    assert response.status_code == 422, response.text
    problem = response.json()
    places = [problem.get("field"), *(fault["at"] for fault in problem.get("faults", ()))]
    assert any(str(one).startswith(named) for one in places), problem
    assert "Aigul" not in response.text
    assert len(await world.get("alpha", f"/cases/{case}/referrals")) == 1


def nested(depth: int) -> Any:
    found: Any = {"resourceType": "Bundle"}
    for _ in range(depth):
        found = {"resourceType": "Bundle", "type": "collection", "entry": [{"fullUrl": "urn:x", "resource": found}]}
    return found


async def test_hostile_bundles_are_refused(world: World, admin: asyncpg.Connection) -> None:
    case = await prepared(world)
    wish = await wish_about(world, case)
    hostile = [
        nested(200),
        wish | {"entry": wish["entry"] * 2},
        wish | {"entry": wish["entry"] * 5000},
        wish | {"entry": [wish["entry"][0]] * 3},
        wish | {"entry": [*wish["entry"][:3], wish["entry"][0]]},
        wish | {"type": "transaction"},
        wish | {"link": [{"relation": "next", "url": "http://169.254.169.254/"}]},
        wish | {"entry": [one | {"request": {"method": "DELETE", "url": "Patient/1"}} for one in wish["entry"]]},
        [wish],
        {},
    ]
    before = await admin.fetchval("SELECT count(*) FROM referrals")
    statuses = [(await sent_in(world, case, body)).status_code for body in hostile]
    assert set(statuses) <= {413, 422}, statuses
    async with world.client("alpha") as client:
        for content in (b"[" * 100_000, b'{"resourceType":' * 10_000, b'{"a": NaN}', b"\xff\xfe"):
            response = await client.post(
                f"/v1/cases/{case}/referrals/fhir",
                content=content,
                headers={"Content-Type": "application/fhir+json", "Idempotency-Key": f"hostile-{len(content)}"},
            )
            assert response.status_code in {413, 422}, response.text
    assert await admin.fetchval("SELECT count(*) FROM referrals") == before


async def test_only_fhir_routes_understand_its_media_type(world: World) -> None:
    case = await prepared(world)
    headers = {"Content-Type": "application/fhir+json"}
    refused = await world.ask("alpha", "POST", f"/cases/{case}/referrals", REFERRAL, headers=headers)
    assert refused.status_code == 415
    wish = await wish_about(world, case)
    assert (await world.ask("alpha", "POST", f"/cases/{case}/referrals/fhir", wish)).status_code == 201


async def test_asking_by_bundle_is_recorded(world: World, admin: asyncpg.Connection) -> None:
    referral = await referred(world, await prepared(world))
    counted = "SELECT count(*) FROM audit_entries WHERE action = 'referral.status_read'"
    counts = [await admin.fetchval(counted)]
    for who in ("alpha", "north"):
        await bundle(world, who, referral)
        counts.append(await admin.fetchval(counted))
    assert [after - before for before, after in pairwise(counts)] == [1, 1]
