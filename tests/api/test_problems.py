"""Every refusal is an RFC 9457 problem with a stable code, a title in the reader's language, and nothing typed."""

import json
import re
from typing import Any

import asyncpg
import httpx
import pytest
import yaml

from api.problems import FILE, TYPE, catalogue
from domain.codes import Language
from tests.api.described import CONTRACT, OPERATIONS, ROOT, faults
from tests.api.refusals import DAMAGED, MET
from tests.world import World

DOCUMENT = (ROOT / "openapi" / "problems.md").read_text(encoding="utf-8")
SECTION = re.compile(r"^## `([a-z-]+)` \((\d{3})\)\n\n(.+?)\n\n```json\n(.+?)\n```$", re.MULTILINE | re.DOTALL)


def documented() -> dict[str, tuple[int, str, dict[str, Any]]]:
    """Return what the document says of each code: status, meaning, example."""
    return {found[1]: (int(found[2]), found[3], json.loads(found[4])) for found in SECTION.finditer(DOCUMENT)}


def is_problem(response: httpx.Response, code: str, language: str = "en") -> dict[str, Any]:
    body: dict[str, Any] = response.json()
    entry = catalogue()[code]
    assert response.status_code == entry["status"], response.text
    assert response.headers["content-type"] == "application/problem+json"
    assert response.headers["content-language"] == language
    assert body["type"] == TYPE + code
    assert (body["code"], body["status"], body["title"]) == (code, entry["status"], entry["title"][language])
    assert faults({"$ref": "#/components/schemas/Problem"}, body) == []
    return body


def test_every_problem_is_met_by_a_test_and_documented() -> None:
    assert set(MET) | set(DAMAGED) == set(catalogue()) == set(documented())


@pytest.mark.parametrize("code", sorted(MET))
async def test_a_problem_is_answered_as_its_document_says(code: str, shared_world: World) -> None:
    body = is_problem(await MET[code](shared_world), code)
    status, meaning, example = documented()[code]
    assert status == body["status"]
    assert len(meaning) > 20
    assert {key: example[key] for key in ("type", "title", "status", "code")} == {
        key: body[key] for key in ("type", "title", "status", "code")
    }
    assert example.keys() == body.keys()


@pytest.mark.parametrize("code", sorted(DAMAGED))
async def test_a_fault_on_our_side_is_a_problem_without_a_word_about_itself(
    code: str, world: World, admin: "asyncpg.Connection[Any]"
) -> None:
    body = is_problem(await DAMAGED[code](world, admin), code)
    assert body.keys() == {"type", "title", "status", "code"} == documented()[code][2].keys()


@pytest.mark.parametrize("language", [language.value for language in Language])
async def test_a_problem_has_a_title_in_every_language(language: str, shared_world: World) -> None:
    response = await shared_world.ask("monitor", "GET", "/cases", headers={"Accept-Language": language})
    is_problem(response, "not-permitted", language)


def test_every_title_is_there_in_every_language_and_says_whether_it_was_reviewed() -> None:
    assert yaml.safe_load(FILE.read_text(encoding="utf-8"))["translations"].keys() == set(Language)
    for code, entry in catalogue().items():
        assert entry["title"].keys() == set(Language), code
        assert len(set(entry["title"].values())) == len(Language), code


@pytest.mark.parametrize(
    ("asked", "got"),
    [
        ("ky", "ky"),
        ("ky-KG", "ky"),
        ("KY", "ky"),
        ("fr, ru;q=0.5", "ru"),
        ("en;q=0.4, ky;q=0.8, ru;q=0.6", "ky"),
        ("ru, ky", "ru"),
        ("ru;q=0, ky;q=0.1", "ky"),
        ("ru;q=0", "en"),
        ("ru;q=broken", "en"),
        ("de, fr", "en"),
        ("*", "en"),
        ("", "en"),
        (",;q=,ky;", "ky"),
    ],
)
async def test_the_reader_gets_the_best_of_the_languages_asked_for(asked: str, got: str, shared_world: World) -> None:
    response = await shared_world.ask("monitor", "GET", "/cases", headers={"Accept-Language": asked})
    is_problem(response, "not-permitted", got)


async def test_labels_come_in_the_readers_language(shared_world: World) -> None:
    found = {}
    for language in ("en", "ru", "ky"):
        response = await shared_world.ask("alpha", "GET", "/code-lists", headers={"Accept-Language": language})
        assert response.headers["content-language"] == language
        found[language] = {one["name"]: one["codes"] for one in response.json()["items"]}["Service"][0]["label"]
    assert len(set(found.values())) == 3


async def test_a_refused_token_says_how_to_sign_in_and_an_absent_database_when_to_come_back(
    shared_world: World,
) -> None:
    assert (await MET["token-refused"](shared_world)).headers["www-authenticate"] == "Bearer"
    assert int((await MET["unavailable"](shared_world)).headers["retry-after"]) > 0


async def test_what_was_typed_is_never_repeated(shared_world: World) -> None:
    canary = "Canaryname-7319"
    bodies: list[Any] = [
        {"entry_channel": canary},
        {"entry_channel": "ngo", canary: 1},
        {"entry_channel": "ngo", "person": {"sex": canary}},
        {"entry_channel": "ngo", "person": {"citizenships": [canary]}},
        {"entry_channel": "ngo", "compartments": {"identity": {canary.lower(): "x"}}},
        {"entry_channel": "ngo", "compartments": {canary: {"given_name": "x"}}},
        {"entry_channel": "ngo", "compartments": {"identity": {"given_name": {canary: canary}}}},
        [canary],
        canary,
    ]
    for body in bodies:
        response = await shared_world.ask("alpha", "POST", "/cases", body)
        assert response.status_code == 422, body
        assert canary.lower() not in response.text.lower()
    for path in (f"/cases/{canary}", f"/contacts/{canary}", f"/cases?limit={canary}", f"/cases?cursor={canary}"):
        response = await shared_world.ask("hotline", "GET", path)
        assert response.status_code == 422
        assert canary not in response.text


@pytest.mark.parametrize("name", sorted(OPERATIONS))
def test_every_documented_refusal_refers_to_the_one_problem_schema(name: str) -> None:
    for status, response in OPERATIONS[name][2]["responses"].items():
        if status >= "400" and name != "ready":
            reference = response["content"]["application/problem+json"]["schema"]["$ref"]
            assert reference == "#/components/schemas/Problem"
    assert CONTRACT["components"]["schemas"]["Problem"]["required"] == ["type", "title", "status", "code"]
