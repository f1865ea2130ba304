"""What is published is the same for everybody and for ever; nothing can be asked of it but what it is called."""

import base64
import hashlib
import io
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import asyncpg
import httpx
import pytest
from python_calamine import CalamineWorkbook

from api.cli import build_parser
from api.contract import PUBLIC
from api.statistics.shelf import MOST, Kept, Shelf
from domain.audit.notes import KeyKind, SigningKey
from domain.codes import Language
from domain.statistics.document import address
from domain.statistics.models import Release
from tests.api.described import CONTRACT
from tests.attacks.asked import CASE
from tests.statistics.releasing import KEY, SIGNERS, approve, candidate, published, put_out
from tests.world import World

LIST = "/v1/statistics/releases"
PAGE = f"{LIST}/pages/{{}}.html"
SEED = KEY.private_bytes_raw()


def reading(world: World) -> httpx.AsyncClient:
    """Return the client of a reader without a token."""
    transport = httpx.ASGITransport(app=world.app, raise_app_exceptions=False)
    return httpx.AsyncClient(transport=transport, base_url="http://nrm.test")


@pytest.fixture
async def anybody(shared_world: World) -> AsyncIterator[httpx.AsyncClient]:
    """A reader without a token, where two releases are published at least."""
    await published(shared_world, 2)
    async with reading(shared_world) as client:
        yield client


@pytest.fixture
async def release(shared_world: World) -> Release:
    """The newest release of the shared installation."""
    return await published(shared_world, 2)


AS_MANY = """INSERT INTO cases SELECT (jsonb_populate_record(c, jsonb_build_object(
    'id', gen_random_uuid(), 'reference', c.reference || g))).* FROM cases c, generate_series(1, 100) g"""
"""Writes as many cases a hundred times over."""


async def everything(reader: httpx.AsyncClient) -> dict[str, bytes]:
    """Return the bytes of everything that is published, by path."""
    found = {LIST: (await reader.get(LIST)).content}
    for release in json.loads(found[LIST])["items"]:
        here = f"{LIST}/{release['id']}"
        paths = [here, *(f"{here}/{in_path(one['name'])}" for one in release["files"])]
        for path in paths:
            response = await reader.get(path)
            assert response.status_code == 200, (path, response.text)
            found[path] = response.content
    for language in Language:
        found[PAGE.format(language)] = (await reader.get(PAGE.format(language))).content
    return found


def in_path(name: str) -> str:
    """Return the rest of the path of a file."""
    return name if name.startswith("tables/") else f"files/{name}"


def test_nothing_under_statistics_has_a_query_parameter() -> None:
    operations = {
        (path, method): one
        for path, operations in CONTRACT["paths"].items()
        if path.startswith("/v1/statistics")
        for method, one in operations.items()
    }
    assert len(operations) >= 7
    asked = {
        key: [one["name"] for one in found.get("parameters", ()) if one["in"] not in {"path", "header"}]
        for key, found in operations.items()
    }
    assert {key for key, names in asked.items() if names} == set()
    assert {path for path, one in CONTRACT["paths"].items() if one.get("get", {}).get("security") == []} >= {
        path for path, _ in operations if path.startswith(PUBLIC)
    }


async def test_two_readings_before_and_after_a_thousand_writes_are_the_same_to_the_byte(
    world: World, admin: asyncpg.Connection
) -> None:
    await published(world, 2)
    async with reading(world) as anybody:
        before = await everything(anybody)
    for _ in range(10):
        await world.post("alpha", "/cases", CASE, expect=201)
    await admin.execute(AS_MANY)
    assert await admin.fetchval("SELECT count(*) FROM cases") >= 1_000
    world.app.state.shelf.empty()
    async with reading(world) as anybody:
        assert await everything(anybody) == before
    assert len(before) > 2 * 20


async def test_every_reader_gets_the_same_bytes_with_and_without_a_token(
    shared_world: World, anybody: httpx.AsyncClient, release: Release
) -> None:
    without = await everything(anybody)
    for who in ("monitor", "police"):
        async with shared_world.client(who) as reader:
            reader.headers["Accept-Language"] = "ky"
            reader.headers["Accept"] = "text/html"
            assert await everything(reader) == without
    raw = without[f"{LIST}/{release.id}"]
    assert (hashlib.sha256(raw).hexdigest(), raw) == (release.id, release.document)


async def test_what_is_listed_is_what_is_served(anybody: httpx.AsyncClient) -> None:
    items = (await anybody.get(LIST)).json()["items"]
    assert [(one["number"], one["previous"]) for one in items] == [
        (number, items[number - 2]["id"] if number > 1 else "") for number in range(1, len(items) + 1)
    ]
    for one in items:
        for file in one["files"]:
            response = await anybody.get(f"{LIST}/{one['id']}/{in_path(file['name'])}")
            told = (len(response.content), hashlib.sha256(response.content).hexdigest())
            assert told == (file["bytes"], file["address"])
            assert response.headers["ETag"] == f'"{file["address"]}"'
            assert response.headers["Content-Type"] == file["media_type"]


async def test_any_query_is_refused_in_one_way(anybody: httpx.AsyncClient, release: Release) -> None:
    for path in (LIST, PAGE.format("ru"), f"{LIST}/{release.id}", f"{LIST}/{release.id}/files/release.csv"):
        answers = [await anybody.get(f"{path}?{query}") for query in ("sex=female", "limit=1", "x", "format=json&a=b")]
        assert {(one.status_code, one.content) for one in answers} == {(answers[0].status_code, answers[0].content)}
        assert (answers[0].status_code, answers[0].json()["code"]) == (422, "invalid-request")


async def test_what_does_not_exist_is_not_found(
    shared_world: World, anybody: httpx.AsyncClient, release: Release
) -> None:
    kept = await candidate(shared_world, release.number + 1)
    for path in (
        f"/{'0' * 64}",
        f"/{kept.address}",
        f"/{release.id}/files/release.pdf",
        f"/{release.id}/tables/nobody.sex",
        f"/{release.id}/files/tables.json",
    ):
        assert (await anybody.get(LIST + path)).status_code == 404, path


async def test_a_published_file_may_be_kept_for_ever_and_is_not_sent_twice(
    shared_world: World, anybody: httpx.AsyncClient, release: Release
) -> None:
    first = await anybody.get(f"{LIST}/{release.id}")
    assert first.headers["Cache-Control"] == "public, max-age=31536000, immutable"
    again = await anybody.get(f"{LIST}/{release.id}", headers={"If-None-Match": first.headers["ETag"]})
    assert (again.status_code, again.content) == (304, b"")
    listed = await anybody.get(LIST)
    assert "immutable" not in listed.headers["Cache-Control"]
    refused = await anybody.get(f"{LIST}/{'0' * 64}")
    assert refused.headers["Cache-Control"] == "no-store"
    assert (await shared_world.ask("monitor", "GET", "/statistics/candidates")).headers["Cache-Control"] == "no-store"


async def test_pages_run_no_script_and_lead_to_one_another(anybody: httpx.AsyncClient, release: Release) -> None:
    for language in ("en", "ru", "ky"):
        response = await anybody.get(f"{LIST}/{release.id}/files/{language}.html")
        policy = response.headers["Content-Security-Policy"]
        assert "default-src 'none'" in policy
        assert "script" not in policy
        assert "<script" not in response.text
        for other in {"en", "ru", "ky"} - {language}:
            assert f'href="{other}.html"' in response.text


async def test_the_workbook_and_the_csv_say_the_same(anybody: httpx.AsyncClient, release: Release) -> None:
    book = await anybody.get(f"{LIST}/{release.id}/files/en.xlsx")
    lines = (await anybody.get(f"{LIST}/{release.id}/files/release.csv")).text.splitlines()[1:]
    sheets = CalamineWorkbook.from_filelike(io.BytesIO(book.content))
    counted = [row[5] for name in sheets.sheet_names[1:-1] for row in sheets.get_sheet_by_name(name).to_python()]
    figures = [int(count) for count in counted if isinstance(count, float)]
    assert sorted(figures) == sorted(int(line.rsplit(",", 1)[1]) for line in lines)


async def test_whoever_downloads_a_release_verifies_it_without_us(
    anybody: httpx.AsyncClient, release: Release, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    raw = (await anybody.get(f"{LIST}/{release.id}")).content
    signature = (await anybody.get(f"{LIST}/{release.id}/files/signature.txt")).content
    key = SigningKey("nrm.test/releases", KeyKind.RELEASE, SEED).public.line
    other = SigningKey("nrm.test/releases", KeyKind.RELEASE, b"\x01" * 32).public.line

    def verify(document: bytes, signed: bytes, *more: str) -> int:
        (tmp_path / "release.json").write_bytes(document)
        (tmp_path / "signature.txt").write_bytes(signed)
        files = [str(tmp_path / "release.json"), str(tmp_path / "signature.txt")]
        arguments = build_parser().parse_args(["statistics", "verify", *files, *more])
        found: int = arguments.run(arguments)
        return found

    assert verify(raw, signature, "--key", key, "--address", release.id) == 0
    assert f"release {release.number} of KG, {address(raw)}" in capsys.readouterr().out
    altered = raw.replace(b'"number":', b'"number":1')
    assert verify(altered, signature, "--key", key) == 1
    assert verify(raw, base64.b64encode(b"\x00" * 64), "--key", key) == 1
    assert verify(raw, signature, "--key", other) == 1
    assert verify(raw, signature, "--key", key, "--address", "0" * 64) == 1
    assert verify(raw, b"not base64", "--key", key) == 2
    assert verify(raw, signature, "--key", "no key") == 2


async def test_a_candidate_stands_as_far_as_it_is(world: World) -> None:
    kept = await candidate(world)
    path = f"/statistics/candidates/{kept.id}"
    read = await world.get("focal", path)
    assert (read["status"], read["prepared_by"], read["approved_by"]) == ("waiting", "MONITORING", [])
    assert read["report"]["passed"] is True
    assert address(kept.document) == read["address"] == read["report"]["document"]
    for number, who in enumerate(SIGNERS, 1):
        signed: Any = (await approve(world, who, kept)).json()
        assert len(signed["approved_by"]) == number
    assert (await world.get("coordinator", path))["status"] == "approved"
    await put_out(world.runtime, kept)
    assert (await world.get("coordinator", path))["status"] == "published"
    assert (await approve(world, SIGNERS[0], kept)).json()["current"] == "published"
    listed = (await world.get("focal", "/statistics/candidates"))["items"]
    assert [(one["id"], one["status"]) for one in listed] == [(str(kept.id), "published")]


async def test_the_same_document_prepared_again_is_the_same_candidate(world: World) -> None:
    first, again = await candidate(world), await candidate(world)
    assert first.id == again.id


def test_the_shelf_keeps_no_more_than_its_bytes() -> None:
    shelf = Shelf()
    half = Kept(b"\x00" * (MOST // 2), (), b"", None)
    for path in "abc":
        shelf.keep(path, half)
        shelf.keep(path, half)
    assert [shelf.find(path) is None for path in "abc"] == [True, False, False]


async def test_from_the_shelf_and_from_the_database_come_the_same_answer(
    shared_world: World, anybody: httpx.AsyncClient, release: Release
) -> None:
    path = f"{LIST}/{release.id}/files/en.html"
    shared_world.app.state.shelf.empty()
    first, again = await anybody.get(path), await anybody.get(path)
    assert shared_world.app.state.shelf.find(path) is not None
    told = [{**one.headers, "x-request-id": "", "ratelimit": ""} for one in (first, again)]
    assert told[0] == told[1]
    assert first.content == again.content
    spared = await anybody.get(path, headers={"If-None-Match": first.headers["ETag"]})
    assert (spared.status_code, spared.content, spared.headers["ETag"]) == (304, b"", first.headers["ETag"])
    assert spared.headers["X-Content-Type-Options"] == "nosniff"
    assert (await anybody.get(path, params={"sex": "female"})).status_code == 422
