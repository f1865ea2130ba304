"""After a restore: erase again what the ledger says was erased since the backup. By the owner, who reads no word."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy import delete, func, select, text, tuple_, update
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from domain.audit.actions import AuditAction
from domain.audit.log import Happening, append
from domain.cases.models import Case, CaseAccess
from domain.codes import Compartment, ErasureReason
from domain.contacts.models import Contact
from domain.deadlines.models import Deadline
from domain.organisations.models import Organisation
from domain.retention.ledger import Ledger, LedgerRefused, Shredded, missing
from domain.retention.models import EVERYTHING, Erasure, Restoration, ShredEntry
from domain.retention.queries import entries_of
from domain.sealing.models import SealedChunk, SealedValue, SealingKey
from domain.workflow.attributes import FORGETTABLE
from domain.workflow.catalogue import Catalogue
from domain.workflow.retention import CONTACT, WHOLE

SEALED = (SealedChunk, SealedValue, SealingKey)
VECTORS = frozenset({"match_entries", "match_pages", "match_places", "match_searches"})
"""What a trigger destroys with the key of an identity: the one trigger that does its work here too."""

TOUCHED = tuple(
    sorted(
        {*FORGETTABLE, *VECTORS, "capacity_askings"}
        | {str(one.__tablename__) for one in (*SEALED, ShredEntry, Erasure, Case, CaseAccess, Deadline)}
    )
)
"""The tables whose triggers and policies are put aside here; the lock that this takes keeps everybody else out."""

AT_ONCE = 500


async def replay(session: AsyncSession, ledger: Ledger, catalogue: Catalogue) -> tuple[int, int]:
    """Bring a restored database to where the ledger is; returns how many entries were new, and how many erasures.

    The transaction is the caller's. Keys go first, then what is left of each erased case and contact; then the ledger
    itself is completed, and the database may serve.

    Raises:
        LedgerRefused: the database was not restored, or the ledger is older than its backup, or not its own.
    """
    pending = list((await session.execute(select(Restoration).where(col(Restoration.replayed_at).is_(None)))).scalars())
    if not pending:
        raise LedgerRefused("nothing waits for a ledger here")
    if any(ledger.exported_at < one.taken_at for one in pending):
        raise LedgerRefused("the ledger was exported before the backup was taken: it cannot tell what came after")
    now: datetime = (await session.execute(select(func.now()))).scalar_one()
    await _alter(session, "DISABLE TRIGGER USER", "NO FORCE ROW LEVEL SECURITY")
    await session.execute(text("ALTER TABLE sealing_keys ENABLE TRIGGER forget_vectors"))
    new = missing(await entries_of(session), ledger)
    await _destroy(session, new)
    session.add_all(
        ShredEntry(
            sequence=one.sequence,
            holder_id=one.holder_id,
            compartment=one.compartment,
            erasure_id=one.erasure_id,
            why=one.why,
            at=one.at,
            hash=one.hash,
        )
        for one in new
    )
    erasures = [await _finish(session, part, catalogue, now) for part in _by_erasure(new)]
    for one in pending:
        one.replayed_at, one.replayed_entries = now, len(ledger.entries)
    await session.flush()
    await _alter(session, "ENABLE TRIGGER USER", "FORCE ROW LEVEL SECURITY")
    return len(new), sum(erasures)


async def _alter(session: AsyncSession, *changes: str) -> None:
    for table in TOUCHED:
        for change in changes:
            await session.execute(text(f"ALTER TABLE {table} {change}"))


async def _destroy(session: AsyncSession, entries: Sequence[Shredded]) -> None:
    places = [(one.holder_id, one.compartment) for one in entries if one.compartment != EVERYTHING]
    for start in range(0, len(places), AT_ONCE):
        part = places[start : start + AT_ONCE]
        for table in SEALED:
            await session.execute(delete(table).where(tuple_(table.holder_id, table.compartment).in_(part)))
    wholes = [one.holder_id for one in entries if one.compartment == EVERYTHING]
    for table in SEALED:
        await session.execute(delete(table).where(col(table.holder_id).in_(wholes)))


def _by_erasure(entries: Iterable[Shredded]) -> Iterable[list[Shredded]]:
    found: dict[UUID, list[Shredded]] = {}
    for one in entries:
        if one.erasure_id is not None:
            found.setdefault(one.erasure_id, []).append(one)
    return found.values()


async def _finish(session: AsyncSession, entries: list[Shredded], catalogue: Catalogue, now: datetime) -> bool:
    """Forget and close what an erasure erased; returns whether it was there: what is newer than the backup is not."""
    ends = [one for one in entries if one.compartment == EVERYTHING]
    whole, last = bool(ends), (ends or entries)[0]
    holders = [last.holder_id] if whole else [one.holder_id for one in entries]
    case = (await session.execute(select(Case).where(col(Case.id).in_(holders)))).scalar_one_or_none()
    contact = (await session.execute(select(Contact).where(col(Contact.id).in_(holders)))).scalars().first()
    if last.erasure_id is None or (case is None and contact is None):
        return False
    destroyed = sorted(Compartment) if whole and case else sorted({one.compartment for one in entries} - {EVERYTHING})
    if case is not None:
        place = case.id, case.reference, case.owner_organisation_id
    else:
        assert contact is not None  # noqa: S101 - for the types: one of them is there
        place = contact.id, str(contact.id), contact.organisation_id
    erasure = Erasure(
        id=last.erasure_id,
        case_id=case.id if case else None,
        subject_id=place[0],
        reference=place[1],
        organisation_id=place[2],
        why=ErasureReason(last.why),
        compartments=[*map(str, destroyed)],
        whole=whole,
        erased_at=last.at,
    )
    session.add(erasure)
    await session.flush()
    if whole:
        await _forget(session, erasure, case, catalogue, now)
    stream = case.id if case else erasure.organisation_id
    happening = Happening(
        AuditAction.LEDGER_REPLAYED, stream, erasure.id, "restore", details={"why": str(erasure.why), "whole": whole}
    )
    await append(session, [happening], now)
    return True


async def _forget(
    session: AsyncSession, erasure: Erasure, case: Case | None, catalogue: Catalogue, now: datetime
) -> None:
    country = case.country if case is not None else None
    if country is None:
        owner = await session.get_one(Organisation, erasure.organisation_id)
        country = owner.country
    forgotten = catalogue.retention(country).forgotten.get(WHOLE if case is not None else CONTACT, ())
    await session.execute(select(func.nrm_forget(erasure.subject_id, list(forgotten))))
    if case is None:
        return
    case.erased_at = erasure.erased_at
    case.version += 1
    of_case = col(CaseAccess.case_id) == case.id, col(CaseAccess.valid_until) > now
    await session.execute(update(CaseAccess).where(*of_case).values(valid_until=now))
    await session.execute(
        update(Deadline)
        .where(col(Deadline.case_id) == case.id, col(Deadline.fired_at).is_(None), col(Deadline.settled_at).is_(None))
        .values(settled_at=now)
    )
