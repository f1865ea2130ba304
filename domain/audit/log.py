"""Append to the audit inside the business transaction, and read it back for export."""

from collections.abc import AsyncIterator, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from domain.audit.actions import AuditAction
from domain.audit.chain import Detail, Entry, Head, entry_hash, genesis
from domain.audit.export import Recorded
from domain.audit.models import AuditEntry, AuditHead


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


async def append(session: AsyncSession, happenings: Iterable[Happening], at: datetime) -> None:
    """Append to the chains, each locked from here until the transaction ends.

    The head row is locked before it is read: reading "the last entry" without a lock forks a chain under load.
    Streams are taken in the order of their ids, so that two transactions never wait for each other in a circle.
    """
    by_stream: dict[UUID, list[Happening]] = {}
    for happening in happenings:
        by_stream.setdefault(happening.stream_id, []).append(happening)
    streams = sorted(by_stream)
    if not streams:
        return
    starts = [{"stream_id": one, "sequence": 0, "at": at, "hash": genesis(one)} for one in streams]
    await session.execute(insert(AuditHead).on_conflict_do_nothing(), starts)
    heads = await session.execute(
        select(AuditHead)
        .where(col(AuditHead.stream_id).in_(streams))
        .order_by(col(AuditHead.stream_id))
        .with_for_update()
        .execution_options(populate_existing=True)
    )
    entries: list[dict[str, Any]] = []
    for head in heads.scalars():
        stream_id, instant = head.stream_id, max(at, head.at)
        for happening in by_stream[stream_id]:
            entry = Entry(
                stream_id=stream_id,
                sequence=head.sequence + 1,
                action=happening.action,
                actor_id=happening.actor_id,
                organisation_id=happening.organisation_id,
                subject_id=happening.subject_id,
                rule=happening.rule,
                details=dict(happening.details),
                at=instant,
            )
            head.hash, head.sequence, head.at = entry_hash(head.hash, entry), entry.sequence, instant
            entries.append(_row(entry, head.hash))
    await session.execute(insert(AuditEntry), entries)


def _row(entry: Entry, digest: bytes) -> dict[str, Any]:
    """Return an entry as it is written, with the hash that closes the chain up to it."""
    return {
        "stream_id": entry.stream_id,
        "sequence": entry.sequence,
        "action": entry.action,
        "actor_id": entry.actor_id,
        "organisation_id": entry.organisation_id,
        "subject_id": entry.subject_id,
        "rule": entry.rule,
        "details": dict(entry.details),
        "at": entry.at,
        "hash": digest,
    }


async def export_entries(session: AsyncSession) -> AsyncIterator[Recorded | Head]:
    """Yield every stream in the order of its id: its entries, then its head as the service keeps it.

    The session should hold one snapshot (`REPEATABLE READ`), or a stream that grows meanwhile looks cut.
    """
    heads = {head.stream_id: head for head in (await session.execute(select(AuditHead))).scalars()}
    # Streams are taken from entries and heads alike: a stream whose head was deleted must not vanish from the export.
    known = await session.execute(select(col(AuditEntry.stream_id)).distinct())
    for stream_id in sorted({*heads, *known.scalars()}):
        rows = await session.stream_scalars(
            select(AuditEntry).where(col(AuditEntry.stream_id) == stream_id).order_by(col(AuditEntry.sequence))
        )
        async for row in rows:
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
            )
        if (head := heads.get(stream_id)) is not None:
            yield Head(head.stream_id, head.sequence, head.hash)
