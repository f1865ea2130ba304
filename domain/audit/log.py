"""Append to the audit inside the business transaction, and read it back for export."""

from collections import Counter
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from uuid import UUID

from sqlalchemy import ARRAY, DateTime, Integer, Text, Uuid, bindparam, select, text
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from domain.audit.actions import AuditAction
from domain.audit.chain import HASH_BYTES, Detail, Entry, Head, around
from domain.audit.export import Place, Recorded, Signed
from domain.audit.models import AuditCheckpoint, AuditEntry, AuditHead, AuditLeaf
from domain.audit.sink import Opening
from domain.audit.tree import cosigned


@dataclass(frozen=True, slots=True)
class Happening:
    """Something to be recorded when the transaction commits.

    Attributes:
        stream_id: The case, or the organisation for what concerns no case.
        details: Codes, numbers and ids; never data of the person.
    """

    action: AuditAction
    stream_id: UUID
    subject_id: UUID
    rule: str
    actor_id: UUID | None = None
    organisation_id: UUID | None = None
    details: Mapping[str, Detail] = field(default_factory=dict)


COLUMNS = ("streams", "places", "befores", "betweens", "afters")
APPEND = text("SELECT nrm_append(:present, :streams, :places, :befores, :betweens, :afters)").bindparams(
    bindparam("present", type_=DateTime(timezone=True)),
    bindparam("streams", type_=ARRAY(Uuid)),
    bindparam("places", type_=ARRAY(Integer)),
    bindparam("befores", type_=ARRAY(Text)),
    bindparam("betweens", type_=ARRAY(Text)),
    bindparam("afters", type_=ARRAY(Text)),
)


async def append(session: AsyncSession, happenings: Iterable[Happening], present: datetime) -> None:
    """Append to the chains in one statement, each locked from here until the transaction ends.

    `nrm_append` (migration 0027) makes the heads that are missing, locks them all, reads them, and links and stores the
    entries: reading "the last entry" without a lock forks a chain under load.
    """
    counted: Counter[UUID] = Counter()
    rows = []
    for one in happenings:
        counted[one.stream_id] += 1
        rows.append((one.stream_id, counted[one.stream_id], *around(entry_of(one, present))))
    if rows:
        columns = map(list, zip(*rows, strict=True))
        await session.execute(APPEND, dict(zip(COLUMNS, columns, strict=True), present=present))


async def openings(session: AsyncSession, happenings: Sequence[Happening]) -> list[Opening]:
    """Return the entries that were just appended, as the second sink keeps them; the chains are still locked.

    All entries of one chain and transaction have one instant, and the head tells the position and hash of the last.
    """
    counted = Counter(one.stream_id for one in happenings)
    rows = await session.execute(
        select(col(AuditHead.stream_id), col(AuditHead.sequence), col(AuditHead.at), col(AuditHead.hash)).where(
            col(AuditHead.stream_id).in_(counted)
        )
    )
    heads = {row.stream_id: row for row in rows}
    found = []
    for one in happenings:
        head = heads[one.stream_id]
        counted[one.stream_id] -= 1
        left = counted[one.stream_id]
        entry = replace(entry_of(one, head.at), sequence=head.sequence - left)
        found.append(Opening(entry, None if left else head.hash))
    return found


def entry_of(happening: Happening, present: datetime) -> Entry:
    """Return the entry with a position that its chain has yet to give."""
    return Entry(
        stream_id=happening.stream_id,
        sequence=1,
        action=happening.action,
        actor_id=happening.actor_id,
        organisation_id=happening.organisation_id,
        subject_id=happening.subject_id,
        rule=happening.rule,
        details=happening.details,
        at=present,
    )


async def export_entries(session: AsyncSession) -> AsyncIterator[Recorded | Head | Signed]:
    """Yield every stream in the order of its id: its entries, then its head as the service keeps it; then checkpoints.

    The session should hold one snapshot (`REPEATABLE READ`), or a stream that grows meanwhile looks cut.
    """
    async for part in _streams(session):
        yield part
    checkpoints = await session.execute(select(AuditCheckpoint).order_by(col(AuditCheckpoint.size)))
    for checkpoint in checkpoints.scalars().all():
        yield Signed(await cosigned(session, checkpoint))


async def _streams(session: AsyncSession) -> AsyncIterator[Recorded | Head]:
    heads = {head.stream_id: head for head in (await session.execute(select(AuditHead))).scalars()}
    # Streams are taken from entries and heads alike: a stream whose head was deleted must not vanish from the export.
    known = await session.execute(select(col(AuditEntry.stream_id)).distinct())
    for stream_id in sorted({*heads, *known.scalars()}):
        rows = await session.stream(
            select(AuditEntry, AuditLeaf)
            .outerjoin(
                AuditLeaf,
                (col(AuditLeaf.stream_id) == col(AuditEntry.stream_id))
                & (col(AuditLeaf.sequence) == col(AuditEntry.sequence)),
            )
            .where(col(AuditEntry.stream_id) == stream_id)
            .order_by(col(AuditEntry.sequence))
        )
        async for row, *joined in rows:
            leaf: AuditLeaf | None = joined[0]
            yield Recorded(
                Entry(
                    stream_id=row.stream_id,
                    sequence=row.sequence,
                    action=row.action,
                    actor_id=row.actor_id,
                    organisation_id=row.organisation_id,
                    subject_id=row.subject_id,
                    rule=row.rule,
                    details=row.details,
                    at=row.at,
                ),
                row.hash,
                Place(leaf.position, leaf.hashes[:HASH_BYTES]) if leaf is not None else None,
            )
        if (head := heads.get(stream_id)) is not None:
            yield Head(head.stream_id, head.sequence, head.hash)
