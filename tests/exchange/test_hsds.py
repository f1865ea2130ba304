"""The directory as HSDS 3: of the published structure, back without loss, and no word about where a shelter is."""

import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from api.exchange import hsds, hsds_in
from api.exchange.directory import give_directory_out, take_directory_in
from api.exchange.hsds_in import DirectoryRefused
from api.imports.report import Fate
from api.settings import DatabaseRole
from domain.codes import OrganisationStatus, OrganisationType
from domain.columns import FOREVER
from domain.organisations.models import Organisation
from tests.exchange.test_exchange import acting
from tests.world import World

SCHEMA = json.loads((Path(hsds.__file__).with_name("hsds.schema.json")).read_text(encoding="utf-8"))
VALID = jsonschema.Draft202012Validator(SCHEMA, format_checker=jsonschema.FormatChecker())


async def given(world: World) -> dict[str, Any]:
    page = await give_directory_out(acting(world, "monitor"), world.runtime)
    VALID.validate(page)
    return page


async def taken(world: World, content: Any) -> tuple[int, list[hsds_in.Entry]]:
    entries = hsds_in.read(json.dumps(content).encode())
    async with world.runtime.database.sessions(DatabaseRole.OWNER)() as session:
        return await take_directory_in(entries, session, world.runtime), entries


def organisation(**changed: Any) -> Organisation:
    values: dict[str, Any] = {
        "code": "ONE",
        "name": {"en": "One"},
        "type": OrganisationType.NGO,
        "nrm_roles": [],
        "country": "KG",
        "region": "Secret valley",
        "services": [],
        "languages": ["ky"],
        "status": OrganisationStatus.ACTIVE,
        "active_until": FOREVER,
    }
    return Organisation(**(values | changed))


async def test_the_directory_comes_back_as_it_was(world: World) -> None:
    before = await world.get("alpha", "/organisations")
    page = await given(world)
    assert page["total_items"] == len(before["items"])
    count, entries = await taken(world, page)
    assert count == page["total_items"]
    assert [line for entry in entries for line in entry.lines] == []
    assert await world.get("alpha", "/organisations") == before


async def test_a_change_in_the_file_is_a_change_in_the_directory(world: World) -> None:
    page = await given(world)
    one = next(one for one in page["contents"] if one["name"] == "Fictional NGO Beta")
    one["services"] = one["services"][:1]
    await taken(world, [one])
    listed = {one["code"]: one for one in (await world.get("alpha", "/organisations"))["items"]}
    assert listed["NGO-BETA"]["services"] == [one["services"][0]["name"]]


@pytest.mark.parametrize(
    "shelters",
    [{"type": OrganisationType.SHELTER}, {"nrm_roles": ["shelter"]}, {"services": ["shelter", "legal"]}],
)
def test_where_a_shelter_is_never_leaves(shelters: dict[str, Any]) -> None:
    hidden, shown = organisation(**shelters), organisation(services=["legal"])
    assert "Secret valley" not in json.dumps(hsds.page_of([hidden]))
    assert "Secret valley" in json.dumps(hsds.page_of([shown]))
    (content,) = hsds.page_of([hidden])["contents"]
    assert "locations" not in content
    assert all("service_areas" not in service for service in content["services"])


async def test_a_file_that_says_no_place_leaves_the_place_that_is_known(world: World) -> None:
    page = await given(world)
    north = next(one for one in page["contents"] if "North" in one["name"])
    place = [{"id": north["id"], "location_type": "physical", "name": "Naryn"}]
    await taken(world, [north | {"locations": place}])
    assert "Naryn" not in json.dumps(await given(world))
    await taken(world, [north])
    listed = {one["code"]: one for one in (await world.get("alpha", "/organisations"))["items"]}
    assert listed["SHELTER-NORTH"]["region"] == "Naryn"


async def test_addresses_are_dropped_and_every_field_without_a_place_is_named(world: World) -> None:
    page = await given(world)
    one = page["contents"][0] | {
        "website": "https://example.test",
        "Айгүл": "a name",
        "locations": [
            {
                "id": page["contents"][0]["id"],
                "location_type": "physical",
                "name": "Osh",
                "latitude": 1,
                "addresses": [{"address_1": "Hidden street 1"}],
            }
        ],
    }
    _, (entry,) = await taken(world, [one])
    assert {(line.field, line.fate) for line in entry.lines} == {
        ("organization.website", Fate.NOT_PLACED),
        ("organization.a field of the sender's own", Fate.NOT_PLACED),
        ("location.latitude", Fate.DROPPED),
        ("location.addresses", Fate.DROPPED),
    }
    assert "Hidden street" not in json.dumps(await given(world))


async def test_nothing_is_guessed_of_an_organisation_that_is_not_ours(world: World) -> None:
    stranger = {"id": "d9d5e0f5-d3ce-4f73-9a2f-4dd0ecc6c610", "name": "Example Inc.", "description": "Helps"}
    count, (entry,) = await taken(world, {"contents": [stranger]})
    assert count == 0
    assert entry.organisation is None
    assert "code, country, type" in entry.lines[-1].where


@pytest.mark.parametrize(
    ("content", "place"),
    [
        (b"\xff", "UTF-8"),
        (b"[" * 100_000, "JSON"),
        (b"{}", "contents"),
        (b'[{"id": "1", "name": "secret", "description": "x"}]', "contents.0.id"),
        (b'[{"id": "d9d5e0f5-d3ce-4f73-9a2f-4dd0ecc6c610", "name": "secret"}]', "contents.0.description"),
        (b'{"contents": {"../../etc/passwd": 1}}', "contents"),
    ],
)
def test_what_is_not_of_the_structure_is_refused_and_not_quoted(content: bytes, place: str) -> None:
    with pytest.raises(DirectoryRefused) as refused:
        hsds_in.read(content)
    assert place in str(refused.value)
    assert "secret" not in str(refused.value)
    assert "passwd" not in str(refused.value)
