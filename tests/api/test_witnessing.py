"""A witness of another institution over HTTP and by hand: what it signs, what it refuses, and what it leaves behind."""

import argparse
import secrets
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import asyncpg
import httpx
import pytest

from api import backup, sequencer
from api.app import create_app
from api.cli import witness as command
from api.database import Database
from api.witnessing import NothingKept, NotReached, Witness, look
from domain.audit.checkpoints import Checkpoint, Offer, cosigned_at, hash_read, hash_written, read_signed
from domain.audit.merkle import verify_consistency, verify_inclusion
from domain.audit.notes import KeyKind, NoteRefused, SigningKey
from domain.audit.witness import Cosigned, Misconduct, Refused
from tests.patience import patient
from tests.reliability.backups import replayed
from tests.world import AUDIT_KEY, WITNESS_KEY, World, token_of

BODY = {"entry_channel": "ngo"}


@pytest.fixture
def witness(tmp_path: Path) -> Witness:
    return Witness(AUDIT_KEY.public, WITNESS_KEY, tmp_path / "state")


def now(world: World) -> int:
    return int(world.runtime.clock.present().timestamp())


async def grown(world: World, cases: int = 1) -> int:
    """Let something happen, and have it placed and signed; returns the size of the tree."""
    for _ in range(cases):
        await world.post("alpha", "/cases", BODY)
    await sequencer.place_all(world.runtime)
    made = await sequencer.sign(world.runtime, timedelta(0))
    assert made is not None
    return made.size


def talking(world: World, who: str = "monitor") -> httpx.AsyncClient:
    return httpx.AsyncClient(
        transport=httpx.ASGITransport(app=world.app, raise_app_exceptions=False),
        base_url="http://nrm.test/v1/",
        headers={"Authorization": f"Bearer {token_of(who, world.runtime)}"},
    )


async def looked(world: World, witness: Witness, *, first: bool = False) -> Cosigned | Refused:
    async with talking(world) as client:
        return await look(witness, client, now(world), first=first)


async def test_a_witness_signs_what_grows_and_gives_it_back(
    world: World, witness: Witness, admin: asyncpg.Connection
) -> None:
    first = await grown(world)
    with pytest.raises(NothingKept):
        await looked(world, witness)
    assert isinstance(await looked(world, witness, first=True), Cosigned)
    assert witness.seen()[1] == first
    second = await grown(world, 3)
    assert isinstance(await looked(world, witness), Cosigned)
    assert isinstance(await looked(world, witness), Cosigned), "nothing new is signed again, and changes nothing"
    assert witness.seen()[1] == second > first
    checkpoint, note = read_signed((await world.get("coordinator", "/audit/checkpoint"))["note"], AUDIT_KEY.public)
    assert checkpoint.size == second
    assert set(cosigned_at(note, [WITNESS_KEY.public])) == {WITNESS_KEY.name}
    rows = await admin.fetch(
        "SELECT action, organisation_id = stream_id AS own FROM audit_entries WHERE action ~ 'cosig'"
    )
    assert len(rows) >= 2
    assert all(row["own"] for row in rows)


async def test_a_witness_that_dies_after_signing_has_remembered_before_anybody_knows(
    world: World, witness: Witness
) -> None:
    size = await grown(world)

    class Dead(httpx.ASGITransport):
        async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
            if request.method == "POST":
                raise httpx.ConnectError("dead")
            return await super().handle_async_request(request)

    headers = {"Authorization": f"Bearer {token_of('monitor', world.runtime)}"}
    transport = Dead(app=world.app)
    async with httpx.AsyncClient(transport=transport, base_url="http://nrm.test/v1/", headers=headers) as client:
        with pytest.raises(NotReached):
            await look(witness, client, now(world), first=True)
    assert witness.seen()[1] == size
    assert isinstance(await looked(world, witness), Cosigned)


async def test_proofs_of_every_entry_and_between_all_sizes_are_served(world: World) -> None:
    size = await grown(world, 2)
    root = read_signed((await world.get("monitor", "/audit/checkpoint"))["note"], AUDIT_KEY.public)[0].root
    for position in range(size):
        found = await world.get("monitor", f"/audit/leaves/{position}?size={size}")
        proof = [hash_read(one) for one in found["proof"]]
        verify_inclusion(hash_read(found["leaf"]), position, size, proof, root)
    first = await world.get("monitor", "/audit/leaves/0?size=1")
    for old in (1, 2, 3, size - 1, size):
        served = await world.get("monitor", f"/audit/consistency?old={old}&size={size}")
        old_root = hash_read(first["leaf"]) if old == 1 else None
        if old_root is not None:
            verify_consistency(1, old_root, size, root, [hash_read(one) for one in served["proof"]])
        assert served["size"] == size
    await world.get("monitor", f"/audit/leaves/{size + 900}", expect=404)
    for path in (f"/audit/consistency?old={size + 900}", f"/audit/leaves/0?size={size + 900}"):
        assert (await world.ask("monitor", "GET", path)).json()["code"] == "invalid-input"
    assert (await world.ask("alpha", "GET", "/audit/checkpoint")).status_code == 403


async def test_only_what_a_known_witness_signed_is_taken(world: World, admin: asyncpg.Connection) -> None:
    size = await grown(world)
    text = read_signed((await world.get("monitor", "/audit/checkpoint"))["note"], AUDIT_KEY.public)[1].text
    other = SigningKey.make(WITNESS_KEY.name, KeyKind.WITNESS, secrets.token_bytes)
    forged = replace(other.cosign(text, now(world)), key_id=WITNESS_KEY.public.id)
    path = f"/audit/checkpoints/{size}/cosignatures"
    for line, reason in (
        (other.cosign(text, now(world)).line, "unknown-witness"),
        (forged.line, "does-not-verify"),
        (WITNESS_KEY.cosign("another text\n", now(world)).line, "does-not-verify"),
        (WITNESS_KEY.cosign(text, now(world) + 3600).line, "in-the-future"),
        (WITNESS_KEY.cosign(text, 2**63).line, "in-the-future"),
        ("— garbage", "does-not-verify"),
    ):
        answer = await world.ask("monitor", "POST", path, {"cosignature": line})
        assert (answer.status_code, answer.json()["reason"]) == (422, reason)
    good = {"cosignature": WITNESS_KEY.cosign(text, now(world)).line}
    assert (await world.ask("monitor", "POST", "/audit/checkpoints/9999/cosignatures", good)).status_code == 404
    assert (await world.ask("alpha", "POST", path, good)).status_code == 403
    assert await admin.fetchval("SELECT count(*) FROM audit_cosignatures") == 0


@pytest.fixture
async def restored(world: World, witness: Witness, tmp_path: Path) -> AsyncIterator[World]:
    """Yield the world as it was set back to a backup; the witness has seen more."""
    await grown(world)
    assert isinstance(await looked(world, witness, first=True), Cosigned)
    await backup.take(world.access, tmp_path / "backup")
    await grown(world, 3)
    assert isinstance(await looked(world, witness), Cosigned)
    access = backup.elsewhere(world.access, f"{world.access.database}_old")
    await backup.restore(access, tmp_path / "backup")
    await replayed(world, access, tmp_path / "ledger")
    database = Database(access.dsns, pool=patient(4))
    runtime = replace(world.runtime, database=database)
    yield World(runtime, access, create_app(runtime), world.numbers)
    await database.close()
    connection = await asyncpg.connect(world.access.admin_dsn())
    await connection.execute(f'DROP DATABASE "{access.database}" WITH (FORCE)')
    await connection.close()


async def test_a_database_set_back_is_refused_and_so_is_what_grows_from_it(
    world: World, restored: World, witness: Witness
) -> None:
    found = await looked(restored, witness)
    assert isinstance(found, Refused)
    assert found.misconduct == Misconduct.ROLLED_BACK
    assert witness.evidence(now(world)).exists() or list(witness.state.parent.glob("state.evidence-*"))
    before = witness.state.read_text()
    await grown(restored, 9)
    forked = await looked(restored, witness)
    assert isinstance(forked, Refused)
    assert forked.misconduct == Misconduct.FORKED
    assert witness.state.read_text() == before
    evidence = sorted(path.read_text() for path in witness.state.parent.glob("state.evidence-*"))
    assert all(read_signed(part, AUDIT_KEY.public) for part in (forked.seen, forked.shown))
    assert any(forked.shown in one for one in evidence)
    assert isinstance(await looked(world, witness), Cosigned), "the true log is still signed"


def run(*words: str) -> int:
    parser = argparse.ArgumentParser()
    command.register(parser.add_subparsers(required=True))
    arguments = parser.parse_args(["witness", *words])
    return int(arguments.run(arguments))


@pytest.fixture
def keys(tmp_path: Path) -> dict[str, str]:
    log, key = tmp_path / "log.pub", tmp_path / "witness.key"
    log.write_text(AUDIT_KEY.public.line)
    assert run("key", "--name", "court.test/w", "--output", str(key)) == 0
    assert run("key", "--name", "court.test/w", "--output", str(key)) == 2
    return {"--log-key": str(log), "--key-file": str(key), "--state": str(tmp_path / "court")}


def by_hand(tmp_path: Path, keys: dict[str, str], offer: Offer, *more: str) -> int:
    path = tmp_path / "offer"
    path.write_text(offer.written())
    return run("sign", str(path), *[word for pair in keys.items() for word in pair], *more)


def checkpoint(size: int, root: bytes) -> str:
    return Checkpoint(AUDIT_KEY.name, size, root).signed(AUDIT_KEY).written()


def test_by_hand_the_exit_code_tells(tmp_path: Path, keys: dict[str, str], capsys: pytest.CaptureFixture[str]) -> None:
    one, other = checkpoint(1, b"\x01" * 32), checkpoint(1, b"\x02" * 32)
    assert by_hand(tmp_path, keys, Offer(0, (), one)) == 2, "the first time must be said"
    assert by_hand(tmp_path, keys, Offer(0, (), one), "--first", "--output", str(tmp_path / "signed")) == 0
    assert (tmp_path / "signed").read_text() == (tmp_path / "court").read_text()
    assert by_hand(tmp_path, keys, Offer(1, (), one)) == 0
    assert capsys.readouterr().out == (tmp_path / "court").read_text()
    assert by_hand(tmp_path, keys, Offer(1, (), other)) == 1
    (evidence,) = tmp_path.glob("court.evidence-*")
    assert one.partition("\n\n")[0] in evidence.read_text()
    assert other in evidence.read_text()
    assert by_hand(tmp_path, keys, Offer(5, (b"\x00" * 32,), checkpoint(9, b"\x03" * 32))) == 2, (
        "another proof is needed"
    )
    assert by_hand(tmp_path, keys, Offer(1, (), one.replace("\n1\n", "\n2\n"))) == 2, "not signed by the log"
    (tmp_path / "court").write_text(one)
    assert by_hand(tmp_path, keys, Offer(1, (), one)) == 2, "a state that this witness did not sign"
    assert hash_written(b"\x01" * 32) in one


def test_a_service_that_cannot_be_reached_is_2(tmp_path: Path, keys: dict[str, str]) -> None:
    (tmp_path / "token").write_text("x")
    words: list[Any] = [word for pair in keys.items() for word in pair]
    assert (
        run("look", "--url", "http://127.0.0.1:9/v1", "--token-file", str(tmp_path / "token"), *words, "--first") == 2
    )
    with pytest.raises(NoteRefused):
        SigningKey.read((tmp_path / "log.pub").read_text(), KeyKind.WITNESS)
