"""What comes in is closed and strict: no unknown field, no NUL, no silent conversion, nothing without an end."""

from typing import Any

import pytest

from tests.api.described import OPERATIONS, faults, schema_of
from tests.api.prepared import PERSON, Prepared
from tests.api.test_examples import NAMES, example
from tests.world import STAFF, World

BODIES = [name for name in NAMES if isinstance(example(name).get("body"), dict)]
CONTACT = {"channel": "call", "language": "ky", "topic": "other"}


async def refused(world: World, who: str, path: str, body: Any) -> dict[str, Any]:
    response = await world.ask(who, "POST", path, body)
    assert response.status_code == 422, (body, response.text)
    answer: dict[str, Any] = response.json()
    assert answer["code"] == "invalid-request"
    return answer


@pytest.mark.parametrize("name", BODIES)
async def test_an_unknown_field_is_refused_by_every_operation(name: str, shared_world: World) -> None:
    shown = example(name)
    prepared = Prepared(shared_world)
    path = shown["path"].format(**await prepared.filled(shown.get("parameters", {})))
    headers = await prepared.filled(shown["headers"]) | {"Idempotency-Key": f"unknown-field-{name}"}
    who = next(one for one in STAFF if _matches(one, shown))
    body = {**await prepared.filled(shown["body"]), "unknown_field": 1}
    response = await shared_world.ask(who, shown["method"], path.removeprefix("/v1"), body, headers=headers)
    assert response.status_code == 422
    assert response.json()["faults"] == [{"at": "body/…", "fault": "extra_forbidden"}]


def _matches(who: str, shown: dict[str, Any]) -> bool:
    return STAFF[who][1] == shown["organisation"]


@pytest.mark.parametrize(
    "changed",
    [
        {"anonymous": "true"},
        {"anonymous": 1},
        {"anonymous": 0},
        {"anonymous": None},
        {"callback": "false"},
        {"channel": 1},
        {"channel": "Call"},
        {"language": "kyrgyz"},
        {"language": ""},
        {"country_of_interest": "kz"},
        {"country_of_interest": "KZ\n"},
        {"made_at": "2026-11-22T10:00:00"},
        {"made_at": "yesterday"},
        {"narrative": {}},
        {"narrative": "words"},
        {"narrative": {"account": 1}},
        {"narrative": {"account": 1.5}},
        {"narrative": {"account": {"nested": "x"}}},
        {"narrative": {"account": ""}},
        {"narrative": {"account": "a\x00b"}},
        {"narrative": {"account": ["a", "b\x00"]}},
        {"narrative": {"account": "a" * 15_001}},
        {"narrative": {"account": ["x"] * 51}},
        {"narrative": {"Account": "x"}},
        {"narrative": {"a" * 41: "x"}},
        {"narrative": {f"field_{number}": "x" for number in range(31)}},
        {"cases": [{"entry_channel": "hotline"}] * 11},
        {"cases": {"entry_channel": "hotline"}},
    ],
    ids=lambda changed: str(changed)[:50],
)
async def test_a_value_of_another_kind_or_size_is_refused(changed: dict[str, Any], shared_world: World) -> None:
    await refused(shared_world, "hotline", "/contacts", CONTACT | changed)


@pytest.mark.parametrize(
    "person",
    [
        {"sex": "yes"},
        {"sex": "no"},
        {"age_band": "24-26"},
        {"age_disputed": "no"},
        {"age_disputed": 0},
        {"citizenships": []},
        {"citizenships": ["KG"] * 6},
        {"citizenships": ["yes"]},
        {"languages": "ky"},
        {"disability": True},
        {"disability": "maybe"},
    ],
    ids=str,
)
async def test_an_attribute_is_a_code_or_a_kind_of_not_knowing(person: dict[str, Any], shared_world: World) -> None:
    await refused(shared_world, "alpha", "/cases", {"entry_channel": "ngo", "person": person})


async def test_each_kind_of_not_knowing_is_stored_and_returned_as_such(shared_world: World) -> None:
    for kind in ("unknown", "not_asked", "declined_to_answer", "not_applicable"):
        person = {"sex": kind, "age_band": kind, "citizenships": [kind], "disability": kind, "migration_status": kind}
        case = (await shared_world.post("alpha", "/cases", {"entry_channel": "ngo", "person": person}))["reference"]
        shown = (await shared_world.get("alpha", f"/cases/{case}"))["person"]
        assert {name: shown[name] for name in person} == person


async def test_a_number_is_no_flag_and_a_flag_no_number(shared_world: World) -> None:
    case = await Prepared(shared_world).named("opened")
    consent = example("create_consent")["body"]
    for days in (True, "90", 90.0, 0, 3651, -1):
        answer = await refused(shared_world, "alpha", f"/cases/{case}/consents", consent | {"valid_days": days})
        assert answer["faults"][0]["at"] == "body/valid_days"


@pytest.mark.parametrize("content", [b"", b"{", b"null", b"[]", b'"x"', b"\xff\xfe", b"[" * 50_000, b'{"a": NaN}'])
async def test_a_body_that_is_no_object_is_refused(content: bytes, shared_world: World) -> None:
    headers = {"Content-Type": "application/json", "Idempotency-Key": f"body-{content[:8].hex()}-x"}
    async with shared_world.client("alpha") as client:
        response = await client.post("/v1/cases", content=content, headers=headers)
    assert (response.status_code, response.json()["code"]) == (422, "invalid-request")


async def test_a_lone_surrogate_is_refused(shared_world: World) -> None:
    content = b'{"entry_channel": "ngo", "compartments": {"identity": {"given_name": "\\ud800"}}}'
    headers = {"Content-Type": "application/json", "Idempotency-Key": "surrogate-1"}
    async with shared_world.client("alpha") as client:
        response = await client.post("/v1/cases", content=content, headers=headers)
    assert (response.status_code, response.json()["code"]) == (422, "invalid-request")


async def test_a_compartment_that_is_too_long_to_be_sealed_is_refused_and_not_an_error_of_ours(
    shared_world: World,
) -> None:
    fields = dict.fromkeys(("account", "recruitment", "journey"), "Ы" * 14_000)
    body = {"entry_channel": "ngo", "compartments": {"narrative": fields}}
    response = await shared_world.ask("alpha", "POST", "/cases", body)
    assert (response.status_code, response.json()["code"]) == (422, "invalid-input")
    assert response.json()["field"] == "narrative"


async def test_the_longest_text_comes_back_whole(shared_world: World) -> None:
    text = "Ы" * 15_000
    body = {"entry_channel": "ngo", "person": PERSON, "compartments": {"narrative": {"account": text}}}
    case = (await shared_world.post("alpha", "/cases", body))["reference"]
    opened = await shared_world.get("alpha", f"/cases/{case}/person/narrative")
    assert opened["fields"] == {"account": text}
    found = schema_of(OPERATIONS["read_compartment"][2]["responses"]["200"])
    assert found is not None
    assert faults(found[1], opened) == []


@pytest.mark.parametrize("reference", ["C-1", "c-0000-0000-0000-0000", "C-0000-0000-0000-000O", "%00", "X" * 25])
async def test_what_is_no_reference_is_refused_before_anything_is_looked_up(
    reference: str, shared_world: World
) -> None:
    response = await shared_world.ask("alpha", "GET", f"/cases/{reference}")
    assert (response.status_code, response.json()["code"]) == (422, "invalid-request")
