"""A service whose keys are sealed answers what needs none, says 503 to the rest, and loses nothing."""

import secrets
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import asyncpg
import pytest

from api.app import create_app
from domain.sealing import key_files, pkcs11, shares
from domain.sealing.keeper import FileSource, Keeper, Source
from domain.sealing.pkcs11 import TokenPlace, TokenSource
from domain.sealing.providers import FileProvider
from domain.sealing.shares import SharesSource
from tests.api.prepared import PERSON
from tests.softhsm import Tokens
from tests.world import World

BODY: dict[str, Any] = {
    "entry_channel": "ngo",
    "person": PERSON,
    "compartments": {"identity": {"given_name": "Fictional"}},
}
COUNTED = ("cases", "sealed_values", "sealing_keys", "audit_entries", "idempotency_records", "deadlines")


@dataclass
class Keyed:
    """A world whose keys can be sealed, and how they are opened again."""

    world: World
    keeper: Keeper
    mnemonics: list[str]

    def open(self) -> None:
        for mnemonic in self.mnemonics:
            self.keeper.offer(mnemonic)
        if not self.mnemonics:
            self.keeper.unseal()


def source_of(kind: str, folder: Path, request: pytest.FixtureRequest) -> tuple[Source, list[str]]:
    path = folder / "keys"
    if kind == "shares":
        file, mnemonics = shares.begun(custodians=5, quorum=3, random=secrets.token_bytes)
        key_files.write(path, file.text())
        return SharesSource(path, secrets.token_bytes), mnemonics[1:4]
    if kind == "pkcs11":
        tokens: Tokens = request.getfixturevalue("tokens")
        label = f"sealed-{secrets.token_hex(4)}"
        pin = tokens.new(label)
        place = TokenPlace(tokens.found.module, label, lambda: pin.read_text().strip())
        pkcs11.create(place, secrets.token_bytes).forget()
        return TokenSource(place, secrets.token_bytes), []
    FileProvider.create(path, secrets.token_bytes)
    return FileSource(path, secrets.token_bytes), []


@pytest.fixture(params=["file", "shares", "pkcs11"])
async def keyed(request: pytest.FixtureRequest, world: World, tmp_path: Path) -> AsyncIterator[Keyed]:
    source, mnemonics = source_of(request.param, tmp_path, request)
    keeper = Keeper(source)
    runtime = replace(world.runtime, keys=keeper)
    yield Keyed(World(runtime, world.access, create_app(runtime), world.numbers), keeper, mnemonics)
    keeper.seal()


async def ready(world: World) -> tuple[int, str]:
    async with world.client("alpha") as client:
        del client.headers["Authorization"]
        answer = await client.get("/health/ready")
        return answer.status_code, answer.json()["status"]


async def test_sealing_stops_every_opening_and_unsealing_loses_nothing(keyed: Keyed, admin: asyncpg.Connection) -> None:
    world = keyed.world
    keyed.open()
    case = (await world.post("alpha", "/cases", BODY))["reference"]
    identity = f"/cases/{case}/person/identity"
    assert (await world.get("alpha", identity))["fields"]["given_name"] == "Fictional"
    assert await ready(world) == (200, "ready")
    before = [await admin.fetchval(f"SELECT count(*) FROM {table}") for table in COUNTED]  # noqa: S608

    keyed.keeper.seal()
    assert await ready(world) == (503, "sealed")
    for method, path, body in (
        ("GET", identity, None),
        ("POST", "/cases", BODY),
        ("POST", "/cases", {"entry_channel": "ngo"}),
        ("POST", "/contacts", {"channel": "phone_hotline", "language": "ru", "topic": "trafficking"}),
    ):
        refused = await world.ask("alpha", method, path, body, key="sent-again-1" if body is BODY else None)
        assert (refused.status_code, refused.json()["code"]) == (503, "sealed"), path
        assert int(refused.headers["retry-after"]) > 0
        assert refused.json().keys() == {"type", "title", "status", "code"}
    assert [await admin.fetchval(f"SELECT count(*) FROM {table}") for table in COUNTED] == before  # noqa: S608
    for path in ("/cases", f"/cases/{case}", "/referrals/inbox", "/organisations", "/notifications"):
        await world.get("alpha", path)

    keyed.open()
    assert (await world.get("alpha", identity))["fields"]["given_name"] == "Fictional"
    assert (await world.ask("alpha", "POST", "/cases", BODY, key="sent-again-1")).status_code == 201
    assert await ready(world) == (200, "ready")


async def test_while_sealed_the_clock_goes_on(keyed: Keyed, admin: asyncpg.Connection) -> None:
    """The worker needs no key: what is due fires, and packages that expire are destroyed."""
    world = keyed.world
    keyed.open()
    await world.post("alpha", "/cases", BODY)
    keyed.keeper.seal()
    assert await world.later(timedelta(days=30)).work_off() > 0
    assert await admin.fetchval("SELECT count(*) FROM deadlines WHERE fired_at IS NOT NULL") > 0


async def test_a_sealed_service_answers_the_foreign_and_the_absent_alike(keyed: Keyed) -> None:
    world = keyed.world
    keyed.open()
    case = (await world.post("alpha", "/cases", BODY))["reference"]
    keyed.keeper.seal()
    answers = [
        await world.ask("beta", "GET", f"/cases/{reference}/person/identity")
        for reference in (case, "C-0000-0000-0000-0000")
    ]
    assert {(answer.status_code, answer.content) for answer in answers} == {(404, answers[0].content)}
