"""A superuser who switches the triggers off and rewrites the audit: what `nrm audit verify` then says, and where."""

from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, replace
from uuid import UUID

import pytest
from sqlalchemy import select, text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncSession
from sqlmodel import col

from api.database import dsn_as, engine_for
from api.postgres import Server
from domain.audit.chain import Entry, Head, entry_hash, genesis
from domain.audit.export import Tally, written
from domain.audit.log import export_entries
from domain.audit.models import AuditEntry, AuditHead
from domain.audit.verification import BadPosition, Elsewhere, Fault, Verdict, Verification, verify
from tests.attacks.relations import WORKER, Stage, answered, opened, referred
from tests.patience import patient

Attack = Callable[..., None]

EDITS = {
    "action": "action = 'case.closed'",
    "actor": "actor_id = gen_random_uuid()",
    "organisation": "organisation_id = NULL",
    "subject": "subject_id = gen_random_uuid()",
    "rule": "rule = 'break-glass'",
    "details": """details = details || '{"extra": 1}'""",
    "instant, later": "at = at + interval '1 microsecond'",
    "hash": "hash = sha256(hash)",
}


THERE = "WHERE stream_id = :stream AND sequence = :place"


@dataclass(frozen=True)
class Master:
    """The superuser in one transaction, which is taken back in the end."""

    session: AsyncSession
    stream: UUID
    length: int

    async def run(self, statement: str, **values: object) -> None:
        """Run SQL with every trigger off."""
        await self.session.execute(text(statement), {"stream": self.stream, **values})

    async def exported(self) -> list[bytes]:
        """Export, as `nrm audit export` does."""
        self.session.expire_all()
        tally, lines = Tally(), []
        async for part in export_entries(self.session):
            tally.count(part)
            lines.append(written(part))
        return [*lines, written(tally.summary())]

    async def verified(self, kept: dict[UUID, Head] | None = None, elsewhere: Elsewhere | None = None) -> Verification:
        """Export and verify, as `nrm audit verify` does."""
        return verify(await self.exported(), elsewhere or Elsewhere(kept=kept or {}))

    async def entries(self) -> list[AuditEntry]:
        """Return the stream."""
        rows = await self.session.execute(
            select(AuditEntry).where(col(AuditEntry.stream_id) == self.stream).order_by(col(AuditEntry.sequence))
        )
        return list(rows.scalars())

    async def rechain(self) -> None:
        """Make every hash and the head anew, as a patient forger would."""
        self.session.expire_all()
        link = genesis(self.stream)
        rows = await self.entries()
        for row in rows:
            entry = Entry(
                row.stream_id, row.sequence, row.action, row.actor_id, row.organisation_id, row.subject_id, row.rule,
                row.at, row.details,
            )  # fmt: skip
            link = row.hash = entry_hash(link, entry)
        head = (
            await self.session.execute(select(AuditHead).where(col(AuditHead.stream_id) == self.stream))
        ).scalar_one()
        head.hash, head.sequence = link, rows[-1].sequence
        await self.session.flush()


@pytest.fixture(scope="module")
async def played(stage: Stage, connection: AsyncConnection) -> UUID:
    """Leave an audit behind; returns the case's stream."""
    case, _, _ = await opened(stage, "owner", WORKER)
    referral = await referred(stage, case, "before")
    await answered(stage, "before", referral, "acceptance", "service-start")
    await stage.ask("before", WORKER, "GET", f"/referrals/{referral}/package")
    found = await connection.scalar(text("SELECT id FROM cases WHERE reference = :case"), {"case": case})
    await connection.rollback()
    assert isinstance(found, UUID)
    return found


@pytest.fixture(scope="module")
async def connection(stage: Stage, postgres: Server) -> AsyncIterator[AsyncConnection]:
    dsn = dsn_as(stage.world.access.url, user="nrm_admin", password=postgres.password)
    engine = engine_for(dsn, name="master", pool=patient(2))
    async with engine.connect() as opened_connection:
        yield opened_connection
    await engine.dispose()


@pytest.fixture
async def master(connection: AsyncConnection, played: UUID) -> AsyncIterator[Master]:
    transaction = await connection.begin()
    session = AsyncSession(connection, join_transaction_mode="create_savepoint")
    await session.execute(text("SET LOCAL session_replication_role = replica"))
    count = "SELECT count(*) FROM audit_entries WHERE stream_id = :stream"
    length = await session.scalar(text(count), {"stream": played})
    assert length
    assert length > 8
    made = Master(session, played, length)
    assert (await made.verified()).verdict == Verdict.INTACT
    yield made
    await session.close()
    await transaction.rollback()


def caught(verification: Verification, stream: UUID, at: int, *faults: Fault) -> bool:
    """Tell whether the verdict is broken, at this position of this stream, for one of these faults."""
    assert verification.verdict == Verdict.BROKEN
    assert verification.bad is not None
    bad = replace(verification.bad, line=1)
    return bad in [BadPosition(fault, 1, stream, at) for fault in faults]


async def test_an_edited_entry_is_named(master: Master, attack: Attack) -> None:
    missed = []
    places = (1, master.length // 2, master.length)
    for name, edit in EDITS.items():
        for place in places:
            await master.run("SAVEPOINT before")
            await master.run(f"UPDATE audit_entries SET {edit} {THERE}", place=place)  # noqa: S608 - ours, above
            if not caught(await master.verified(), master.stream, place, Fault.EDITED):
                missed.append((name, place))
            await master.run("ROLLBACK TO SAVEPOINT before")
    assert missed == []
    attack("audit: an entry edited", tried=len(EDITS) * len(places), succeeded=len(missed))


async def test_a_deleted_entry_is_named(master: Master, attack: Attack) -> None:
    for place, named, fault in (
        (1, 2, Fault.POSITION),
        (master.length // 2, master.length // 2 + 1, Fault.POSITION),
        (master.length, master.length, Fault.CUT_OFF),
    ):
        await master.run("SAVEPOINT before")
        await master.run(f"DELETE FROM audit_entries {THERE}", place=place)  # noqa: S608 - ours, above
        assert caught(await master.verified(), master.stream, named, fault), place
        await master.run("ROLLBACK TO SAVEPOINT before")
    attack("audit: an entry deleted", tried=3, succeeded=0)


COPY = """
    INSERT INTO audit_entries
    SELECT stream_id, :target, action, actor_id, organisation_id, subject_id, rule, details, at, hash
    FROM audit_entries WHERE stream_id = :stream AND sequence = :source
"""


async def test_an_inserted_entry_is_named(master: Master, attack: Attack) -> None:
    last, middle = master.length, master.length // 2
    await master.run("SAVEPOINT before")
    await master.run(COPY, source=middle, target=last + 1)
    assert caught(await master.verified(), master.stream, last + 1, Fault.EDITED)
    await master.run("ROLLBACK TO SAVEPOINT before")
    shift = "UPDATE audit_entries SET sequence = sequence {} WHERE stream_id = :stream AND sequence > :middle"
    await master.run(shift.format("+ 1000001"), middle=middle)
    await master.run(shift.format("- 1000000").replace(":middle", "1000000"))
    await master.run(COPY, source=middle, target=middle + 1)
    assert caught(await master.verified(), master.stream, middle + 1, Fault.EDITED)
    attack("audit: an entry inserted", tried=2, succeeded=0)


async def test_swapped_entries_are_named(master: Master, attack: Attack) -> None:
    move = "UPDATE audit_entries SET sequence = :new WHERE stream_id = :stream AND sequence = :old"
    for old, new in ((3, -3), (4, 3), (-3, 4)):
        await master.run(move, old=old, new=new)
    assert caught(await master.verified(), master.stream, 3, Fault.EDITED)
    attack("audit: entries reordered", tried=1, succeeded=0)


async def test_an_entry_of_another_stream_is_named(master: Master, attack: Attack) -> None:
    other = await master.session.scalar(
        text("SELECT stream_id FROM audit_entries WHERE stream_id <> :stream LIMIT 1"), {"stream": master.stream}
    )
    await master.run(
        COPY.replace("SELECT stream_id", "SELECT CAST(:other AS uuid)"), source=3, target=999_999, other=other
    )
    assert caught(await master.verified(), other, 999_999, Fault.POSITION)
    attack("audit: an entry moved to another stream", tried=1, succeeded=0)


async def test_a_backdated_entry_is_named_even_if_every_hash_was_made_anew(master: Master, attack: Attack) -> None:
    place = master.length - 1
    await master.run(
        "UPDATE audit_entries SET at = at - interval '1 day' WHERE stream_id = :stream AND sequence = :place",
        place=place,
    )
    assert caught(await master.verified(), master.stream, place, Fault.EDITED)
    await master.rechain()
    assert caught(await master.verified(), master.stream, place, Fault.BACKDATED)
    attack("audit: an entry backdated", tried=2, succeeded=0)


async def test_a_head_that_was_set_back_or_removed_is_named(master: Master, attack: Attack) -> None:
    await master.run("SAVEPOINT before")
    await master.run(
        "UPDATE audit_heads h SET sequence = e.sequence, hash = e.hash FROM audit_entries e "
        "WHERE h.stream_id = :stream AND e.stream_id = :stream AND e.sequence = :place",
        place=master.length - 1,
    )
    assert caught(await master.verified(), master.stream, master.length - 1, Fault.HEAD_DIFFERS)
    await master.run("ROLLBACK TO SAVEPOINT before")
    await master.run("DELETE FROM audit_heads WHERE stream_id = :stream")
    verification = await master.verified()
    assert verification.verdict == Verdict.BROKEN
    assert verification.bad is not None
    assert verification.bad.fault == Fault.HEAD_MISSING
    attack("audit: a head set back or removed", tried=2, succeeded=0)


async def test_what_the_database_alone_cannot_show_an_earlier_export_does(master: Master, attack: Attack) -> None:
    """Cut with its head, rewritten as a whole, or gone without a trace: the export kept elsewhere knows more."""
    kept = dict((await master.verified()).heads)
    await master.run("SAVEPOINT before")
    await master.run("DELETE FROM audit_entries WHERE stream_id = :stream AND sequence > 4")
    await master.rechain()
    assert (await master.verified()).verdict == Verdict.INTACT
    assert caught(await master.verified(kept), master.stream, 4, Fault.CUT_OFF)
    await master.run("ROLLBACK TO SAVEPOINT before")
    await master.run("UPDATE audit_entries SET rule = 'forged' WHERE stream_id = :stream AND sequence = 2")
    await master.rechain()
    assert (await master.verified()).verdict == Verdict.INTACT
    assert caught(await master.verified(kept), master.stream, master.length, Fault.REWRITTEN)
    await master.run("DELETE FROM audit_entries WHERE stream_id = :stream")
    await master.run("DELETE FROM audit_heads WHERE stream_id = :stream")
    assert (await master.verified()).verdict == Verdict.INTACT
    assert caught(await master.verified(kept), master.stream, master.length, Fault.CUT_OFF)
    attack("audit: cut, rewritten or removed as a whole, against a kept export", tried=3, succeeded=0)


async def test_everything_truncated_at_once_is_seen_against_a_kept_export(master: Master, attack: Attack) -> None:
    kept = dict((await master.verified()).heads)
    await master.run("DELETE FROM audit_entries")
    await master.run("DELETE FROM audit_heads")
    verification = await master.verified(kept)
    assert verification.verdict == Verdict.BROKEN
    assert verification.bad is not None
    assert verification.bad.fault == Fault.CUT_OFF
    attack("audit: everything truncated", tried=1, succeeded=0)


async def test_an_audit_that_grew_is_intact_against_a_kept_export(stage: Stage, master: Master) -> None:
    """No false alarm: what is only longer is not broken."""
    kept = dict((await master.verified()).heads)
    await opened(stage, "owner", WORKER)
    grown = await master.verified(kept)
    assert (grown.verdict, grown.bad) == (Verdict.INTACT, None)
    assert grown.summary.entries > sum(head.sequence for head in kept.values())
