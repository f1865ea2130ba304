"""A superuser with every trigger off who rewrites chains, heads, tree and checkpoints: what still tells, and where."""

from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from uuid import UUID

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncSession

from api import sequencer
from api.database import dsn_as, engine_for
from api.postgres import Server
from api.second_sink import FileSink
from domain.audit.checkpoints import Checkpoint, read_signed
from domain.audit.merkle import Growing, leaf_hash
from domain.audit.notes import KeyKind, SigningKey
from domain.audit.placing import Trust
from domain.audit.sink import SinkVerifier
from domain.audit.verification import BadPosition, Elsewhere, Fault, Verdict, verify
from domain.codes import Role
from tests.attacks.relations import WORKER, Stage, opened
from tests.attacks.test_audit_tampering import COPY, Master
from tests.patience import patient
from tests.world import AUDIT_KEY, WITNESS_KEY

Attack = Callable[..., None]

TRUST = Trust((AUDIT_KEY.public,), (WITNESS_KEY.public,), 1)
SIGNED_ONLY = Trust((AUDIT_KEY.public,))


@dataclass(frozen=True)
class Taken:
    """The superuser over a tree that a witness has signed.

    Attributes:
        note: What the witness keeps.
        size: How many entries it covers.
    """

    master: Master
    note: str
    size: int

    async def bad(self, elsewhere: Elsewhere) -> BadPosition | None:
        """Return the first bad position of what the database has become."""
        return (await self.master.verified(elsewhere=elsewhere)).bad

    async def found(self) -> BadPosition | None:
        """Return what an auditor finds who has the export and public keys."""
        return await self.bad(Elsewhere(trust=TRUST))

    async def found_with_checkpoint(self) -> BadPosition | None:
        """Return what an auditor finds to whom the witness has given its own checkpoint too."""
        return await self.bad(Elsewhere(trust=SIGNED_ONLY, checkpoints=(self.note,)))

    async def position(self, sequence: int) -> int:
        """Return the place of an entry of the stream."""
        asked = text("SELECT position FROM audit_leaves WHERE stream_id = :stream AND sequence = :place")
        found = await self.master.session.scalar(asked, {"stream": self.master.stream, "place": sequence})
        assert isinstance(found, int)
        return found

    async def replant(self, key: SigningKey | None = None) -> None:
        """Make the whole tree anew out of the entries as they now are, and sign it, if the log's key was taken too."""
        await self.master.run(
            "DELETE FROM audit_leaves l WHERE NOT EXISTS (SELECT FROM audit_entries e "
            "WHERE (e.stream_id, e.sequence) = (l.stream_id, l.sequence))"
        )
        rows = await self.master.session.execute(
            text(
                "SELECT l.position, e.hash FROM audit_leaves l JOIN audit_entries e USING (stream_id, sequence) "
                "ORDER BY l.position"
            )
        )
        tree = Growing()
        change = text("UPDATE audit_leaves SET position = :new, hashes = :hashes WHERE position = :old")
        for row in rows.all():
            new = tree.size
            await self.master.session.execute(
                change, {"old": row.position, "new": new, "hashes": b"".join(tree.add(leaf_hash(row.hash)))}
            )
        await self.master.run("DELETE FROM audit_leaves WHERE position >= :size", size=tree.size)
        if key is not None:
            note = Checkpoint(key.name, tree.size, tree.root()).signed(key).written()
            await self.master.run("DELETE FROM audit_cosignatures")
            await self.master.run("DELETE FROM audit_checkpoints")
            await self.master.run(
                "INSERT INTO audit_checkpoints VALUES (:size, :note, now())", size=tree.size, note=note
            )


@pytest.fixture(scope="module")
async def connection(stage: Stage, postgres: Server) -> AsyncIterator[AsyncConnection]:
    dsn = dsn_as(stage.world.access.url, user="nrm_admin", password=postgres.password)
    engine = engine_for(dsn, name="master", pool=patient(2))
    async with engine.connect() as opened_connection:
        yield opened_connection
    await engine.dispose()


@pytest.fixture(scope="module")
async def played(
    stage: Stage, connection: AsyncConnection, tmp_path_factory: pytest.TempPathFactory
) -> tuple[UUID, Path]:
    """Leave an audit and a second sink behind; returns the case's stream, and the sink."""
    case, _, _ = await opened(stage, "owner", WORKER)
    path = tmp_path_factory.mktemp("sink") / "openings"
    object.__setattr__(stage.world.runtime, "sink", FileSink(path))
    for _ in range(4):
        assert (await stage.ask("owner", WORKER, "GET", f"/cases/{case}/person/identity")).status_code == 200
    object.__setattr__(stage.world.runtime, "sink", None)
    found = await connection.scalar(text("SELECT id FROM cases WHERE reference = :case"), {"case": case})
    await connection.rollback()
    assert isinstance(found, UUID)
    return found, path


@pytest.fixture(scope="module")
async def witnessed(stage: Stage, played: tuple[UUID, Path]) -> str:
    """Let the tree be signed and witnessed; returns what the witness keeps."""
    assert played
    await sequencer.place_all(stage.world.runtime)
    await sequencer.sign(stage.world.runtime, timedelta(0))
    answer = await stage.ask("owner", Role.MONITORING_STAFF, "GET", "/audit/checkpoint")
    checkpoint, note = read_signed(answer.json()["note"], AUDIT_KEY.public)
    line = WITNESS_KEY.cosign(note.text, int(stage.world.runtime.clock.present().timestamp()))
    path = f"/audit/checkpoints/{checkpoint.size}/cosignatures"
    await stage.do("owner", path, {"cosignature": line.line}, role=Role.MONITORING_STAFF)
    kept = (await stage.ask("owner", Role.MONITORING_STAFF, "GET", "/audit/checkpoint")).json()["note"]
    assert isinstance(kept, str)
    return kept


@pytest.fixture
async def taken(connection: AsyncConnection, played: tuple[UUID, Path], witnessed: str) -> AsyncIterator[Taken]:
    transaction = await connection.begin()
    session = AsyncSession(connection, join_transaction_mode="create_savepoint")
    await session.execute(text("SET LOCAL session_replication_role = replica"))
    count = "SELECT count(*) FROM audit_entries WHERE stream_id = :stream"
    length = await session.scalar(text(count), {"stream": played[0]})
    assert length
    made = Taken(Master(session, played[0], length), witnessed, read_signed(witnessed, AUDIT_KEY.public)[0].size)
    verified = await made.master.verified(elsewhere=Elsewhere(trust=TRUST))
    assert (verified.verdict, verified.bad, verified.witnessed) == (Verdict.INTACT, None, made.size)
    yield made
    await session.close()
    await transaction.rollback()


REWRITES = {
    "edit": ("UPDATE audit_entries SET rule = 'forged' WHERE stream_id = :stream AND sequence = :place",),
    "edit, who": ("UPDATE audit_entries SET actor_id = NULL WHERE stream_id = :stream AND sequence = :place",),
    "backdate": ("UPDATE audit_entries SET at = at - interval '1 s' WHERE stream_id = :stream AND sequence = :place",),
    "reorder": (
        "UPDATE audit_entries SET sequence = -1 WHERE stream_id = :stream AND sequence = :place",
        "UPDATE audit_entries SET sequence = :place WHERE stream_id = :stream AND sequence = :place + 1",
        "UPDATE audit_entries SET sequence = :place + 1 WHERE stream_id = :stream AND sequence = -1",
    ),
    "delete": (
        "DELETE FROM audit_entries WHERE stream_id = :stream AND sequence = :place",
        "UPDATE audit_entries SET sequence = sequence + 1000000 WHERE stream_id = :stream AND sequence > :place",
        "UPDATE audit_entries SET sequence = sequence - 1000001 WHERE stream_id = :stream AND sequence > 1000000",
    ),
    "insert": (
        "UPDATE audit_entries SET sequence = sequence + 1000001 WHERE stream_id = :stream AND sequence >= :place",
        "UPDATE audit_entries SET sequence = sequence - 1000000 WHERE stream_id = :stream AND sequence > 1000000",
        COPY.replace(":target", "CAST(:place AS bigint)").replace(":source", ":place - 1"),
    ),
}


async def test_a_chain_that_was_rewritten_with_its_head_is_named_by_its_place(taken: Taken, attack: Attack) -> None:
    """First by the tree's own leaves; with the leaves made anew by the signed root; signed anew by the witness."""
    master, missed, place = taken.master, [], 3
    position = await taken.position(place)
    for name, rewrite in REWRITES.items():
        await master.run("SAVEPOINT before")
        for statement in rewrite:
            await master.run(statement, place=place)
        await master.rechain()
        found = await taken.found()
        at = {"backdate": Fault.BACKDATED}.get(name, Fault.LEAF)
        if found is None or (found.fault, found.stream_id, found.sequence) not in {
            (at, master.stream, place),
            (Fault.LEAF, master.stream, place),
        }:
            missed.append((name, "leaves", found))
        await taken.replant()
        found = await taken.found()
        known = (Fault.TREE_CUT_OFF,) if name == "delete" else (Fault.ROOT, Fault.BACKDATED)
        if found is None or found.fault not in known or (found.position or 0) > max(position, taken.size - 1):
            missed.append((name, "root", found))
        await taken.replant(AUDIT_KEY)
        if (found := await taken.found()) is None:
            missed.append((name, "quorum", found))
        found = await taken.found_with_checkpoint()
        if found is None:
            missed.append((name, "witness", found))
        await master.run("ROLLBACK TO SAVEPOINT before")
    assert missed == []
    attack("audit: a whole chain rewritten, with head, tree and signatures", tried=4 * len(REWRITES), succeeded=0)


async def test_a_stream_that_was_removed_without_a_trace_leaves_a_hole(taken: Taken, attack: Attack) -> None:
    master, first = taken.master, await taken.position(1)
    for table in ("audit_entries", "audit_heads", "audit_placed"):
        await master.run(f"DELETE FROM {table} WHERE stream_id = :stream")  # noqa: S608 - named above
    found = await taken.found()
    assert found is not None
    assert (found.fault, found.position) in {(Fault.PLACE, first), (Fault.TREE_CUT_OFF, first)}
    await master.run("DELETE FROM audit_leaves WHERE stream_id = :stream")
    await taken.replant()
    assert await taken.found() is not None
    await taken.replant(AUDIT_KEY)
    assert (await taken.bad(Elsewhere(trust=SIGNED_ONLY))) is None, "whoever holds all keys fools who asks nobody else"
    found = await taken.found()
    assert found is not None
    assert found.fault == Fault.UNWITNESSED
    found = await taken.found_with_checkpoint()
    assert found is not None
    assert found.fault == Fault.TREE_CUT_OFF
    attack("audit: a stream removed, with head, tree and signatures", tried=4, succeeded=0)


async def test_a_database_cut_back_to_an_earlier_day_is_too_small_for_its_witness(taken: Taken, attack: Attack) -> None:
    master, keep = taken.master, taken.size - 5
    await master.run(
        "DELETE FROM audit_entries e WHERE NOT EXISTS (SELECT FROM audit_leaves l "
        "WHERE (l.stream_id, l.sequence) = (e.stream_id, e.sequence) AND l.position < :keep)",
        keep=keep,
    )
    await master.run("DELETE FROM audit_leaves WHERE position >= :keep", keep=keep)
    await master.run(
        "UPDATE audit_heads h SET sequence = e.sequence, hash = e.hash, at = e.at FROM audit_entries e WHERE "
        "h.stream_id = e.stream_id AND e.sequence = (SELECT max(x.sequence) FROM audit_entries x "
        "WHERE x.stream_id = h.stream_id)"
    )
    await master.run(
        "DELETE FROM audit_heads h WHERE NOT EXISTS (SELECT FROM audit_entries WHERE stream_id = h.stream_id)"
    )
    found = await taken.found()
    assert found is not None
    assert (found.fault, found.position) == (Fault.TREE_CUT_OFF, keep)
    await master.run("DELETE FROM audit_cosignatures")
    await master.run("DELETE FROM audit_checkpoints")
    assert await taken.bad(Elsewhere()) is None, "the database alone is a perfect backup of that day"
    found = await taken.found_with_checkpoint()
    assert found is not None
    assert (found.fault, found.position) == (Fault.TREE_CUT_OFF, keep)
    attack("audit: set back to an earlier day", tried=2, succeeded=0)


FORGED_STREAM = """
    INSERT INTO audit_entries
        (stream_id, sequence, action, actor_id, organisation_id, subject_id, rule, details, at, hash)
    VALUES (:new, 1, 'case.read', :new, :new, :new, 'role', '{}', now() - interval '9 days', :hash)
"""


async def test_a_chain_made_up_today_for_last_week_is_too_late_for_its_place(taken: Taken, attack: Attack) -> None:
    master, new = taken.master, UUID(int=1)
    await master.run(FORGED_STREAM, new=new, hash=b"")
    await master.run("INSERT INTO audit_heads VALUES (:new, 1, now() - interval '9 days', '')", new=new)
    await Master(master.session, new, 1).rechain()
    found = await taken.found()
    assert found is not None
    assert (found.fault, found.stream_id, found.sequence) == (Fault.LATE, new, 1)
    await master.run(
        "INSERT INTO audit_leaves SELECT :size, stream_id, 1, sha256('\\x00'::bytea || hash) FROM audit_entries "
        "WHERE stream_id = :new",
        new=new,
        size=taken.size,
    )
    found = await taken.found()
    assert found is not None
    assert (found.fault, found.stream_id, found.position) == (Fault.LATE, new, taken.size)
    attack("audit: a chain made up and backdated as a whole", tried=2, succeeded=0)


async def test_places_that_were_swapped_or_taken_away_are_named(taken: Taken, attack: Attack) -> None:
    master = taken.master
    one, two = await taken.position(2), await taken.position(3)
    await master.run("SAVEPOINT before")
    for old, new in ((one, -1), (two, one), (-1, two)):
        await master.run("UPDATE audit_leaves SET position = :new WHERE position = :old", old=old, new=new)
    found = await taken.found()
    assert found is not None
    assert (found.fault, found.sequence) == (Fault.PLACE_ORDER, 3)
    await master.run("ROLLBACK TO SAVEPOINT before")
    await master.run("DELETE FROM audit_leaves WHERE position = :two", two=two)
    found = await taken.found()
    assert found is not None
    assert (found.fault, found.sequence) == (Fault.PLACE_ORDER, 4)
    attack("audit: places of the tree swapped or taken away", tried=2, succeeded=0)


async def test_checkpoints_that_were_forged_are_named(taken: Taken, attack: Attack) -> None:
    master = taken.master
    thief = SigningKey.make(AUDIT_KEY.name, KeyKind.LOG, lambda count: b"\x07" * count)
    forged = Checkpoint(AUDIT_KEY.name, taken.size, b"\x01" * 32)
    changes = {
        "of another key": forged.signed(thief).written(),
        "of another tree": forged.signed(AUDIT_KEY).written(),
        "of another log": Checkpoint("nrm.test/other", taken.size, b"\x01" * 32).text + "\n— x AAAAAAAA\n",
        "none": "forged",
    }
    for name, note in changes.items():
        await master.run("SAVEPOINT before")
        await master.run("UPDATE audit_checkpoints SET note = :note WHERE size = :size", note=note, size=taken.size)
        found = await taken.found()
        assert found is not None
        assert found.fault == Fault.NOTE, name
        await master.run("ROLLBACK TO SAVEPOINT before")
    attack("audit: checkpoints forged", tried=len(changes), succeeded=0)


async def test_an_opening_that_the_database_lost_is_found_in_the_second_sink(
    taken: Taken, played: tuple[UUID, Path], attack: Attack
) -> None:
    """Before any witness looked, and with the chain, the head and the tree made anew."""
    master, lines = taken.master, played[1].read_bytes().splitlines(keepends=True)
    assert len(lines) == 4
    with_sink = Elsewhere(trust=SIGNED_ONLY, sink=SinkVerifier(lines))
    assert await taken.bad(with_sink) is None
    await master.run("DELETE FROM audit_entries WHERE stream_id = :stream AND sequence > :last", last=master.length - 2)
    await master.rechain()
    await taken.replant(AUDIT_KEY)
    found = await taken.bad(Elsewhere(trust=SIGNED_ONLY, sink=SinkVerifier(lines)))
    assert found is not None
    assert (found.fault, found.sink_line, found.sequence) == (Fault.SINK_KNOWS_MORE, 3, master.length - 1)
    attack("audit: openings deleted everywhere but in the second sink", tried=1, succeeded=0)


async def test_no_line_of_an_export_or_of_the_sink_can_be_edited(
    taken: Taken, played: tuple[UUID, Path], attack: Attack
) -> None:
    """A file on a disk: every line of the case's chain, of the checkpoints and of the sink, changed in turn."""
    lines = await taken.master.exported()
    stream = str(taken.master.stream).encode()
    chosen = [
        number for number, line in enumerate(lines) if stream in line or b'"checkpoint"' in line or b"summary" in line
    ]
    unseen, tried = [], 0
    sink = played[1].read_bytes().splitlines(keepends=True)

    def seen(changed: list[bytes], kept: list[bytes]) -> bool:
        elsewhere = Elsewhere(trust=TRUST, checkpoints=(taken.note,), sink=SinkVerifier(kept))
        return verify(changed, elsewhere).verdict != Verdict.INTACT

    assert not seen(lines, sink)
    for number in chosen:
        line = lines[number]
        digit = next(place for place, byte in enumerate(line) if chr(byte).isdigit() and place > len(line) // 3)
        edited = line[:digit] + (b"1" if line[digit : digit + 1] != b"1" else b"2") + line[digit + 1 :]
        for name, changed in (
            ("edit", [*lines[:number], edited, *lines[number + 1 :]]),
            ("delete", [*lines[:number], *lines[number + 1 :]]),
            ("double", [*lines[:number], line, *lines[number:]]),
            ("truncate", lines[:number]),
        ):
            tried += 1
            only_of_a_checkpoint = name == "delete" and b'"checkpoint"' in line and lines[number + 1 :] != lines[-1:]
            if not seen(changed, sink) and not only_of_a_checkpoint:
                unseen.append((number, name))
    for number, line in enumerate(sink):
        tried += 2
        edited = line.replace(b"role", b"rule", 1)
        if not seen(lines, [*sink[:number], edited, *sink[number + 1 :]]):
            unseen.append((number, "sink edited"))
        if number < len(sink) - 1 and not seen(lines, [*sink[:number], *sink[number + 1 :]]):
            unseen.append((number, "sink deleted"))
    assert unseen == []
    attack("audit: lines of files edited", tried=tried, succeeded=len(unseen))
