"""Search, and keep the pages: done by a process that holds keys, apart from every request, with the same steps for all.

A request that records an identity writes a vector and asks for a search, whatever is known already, and is answered.
The search comes later and writes one finding of one length, whatever it found. So whoever asks sees nothing of the
answer: not in status, body or headers, and in time no more than in the noise of what others do.
"""

import asyncio
from collections.abc import Collection, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Final
from uuid import UUID

from sqlalchemy import delete, func, select, text
from sqlmodel import col

from domain.duplicates.index import Index
from domain.duplicates.models import MatchEntry, MatchFinding, MatchPage, MatchPlace, MatchSearch
from domain.duplicates.pages import SEALING, SLOTS, open_page, open_vector, seal_finding, seal_page
from domain.duplicates.vectors import weights
from domain.duplicates.warnings import Warnings

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from domain.unit_of_work import UnitOfWork

AT_ONCE: Final = 8
"""Searches in one transaction: whoever records one of these persons again waits until it ends."""

PAGES_AT_ONCE: Final = 64
WAITS: Final = "300ms"
"""How long compaction waits for a lock before it leaves the work for later; deadlocks are looked for after 1 s."""


@dataclass
class Matching:
    """What a process that holds keys keeps in memory of the search; `wipe` it when the keys are sealed."""

    index: Index = field(default_factory=Index)
    warnings: Warnings = field(default_factory=Warnings)

    def wipe(self) -> None:
        """Overwrite every vector, and forget what was found."""
        self.index.wipe()
        self.warnings = Warnings()


@asynccontextmanager
async def as_search(work: "UnitOfWork") -> "AsyncIterator[None]":
    """Let the transaction see sealed vectors and findings of all organisations, as the search itself does."""
    await work.session.execute(text("SELECT set_config('nrm.matching', 'yes', true)"))
    yield
    await work.session.execute(text("SELECT set_config('nrm.matching', 'no', true)"))


async def refresh(work: "UnitOfWork", index: Index) -> None:
    """Bring the index to what is stored: entries first, so that what moves meanwhile is seen twice, not never.

    Raises:
        SealBroken: a page or an entry was altered, moved or rolled back.
    """
    rows = await work.session.execute(select(col(MatchEntry.case_id), col(MatchEntry.changed_at)))
    entries = {row.case_id: row.changed_at for row in rows}
    changed = {}
    for row in (await _rows(work, index.unknown_entries(entries))) if entries else ():
        changed[row.case_id] = row.changed_at, open_vector(row.sealed, row.case_id, row.version, work.keys)
    index.set_entries(entries, changed)
    pages = select(func.count(), func.sum(col(MatchPage.blanked)), func.max(col(MatchPage.written_at)))
    stored = tuple((await work.session.execute(pages.select_from(MatchPage))).one())
    if stored != index.stored:  # a page is only added, blanked or dropped, and each of these shows in the three
        await _open_pages(work, index)
        index.stored = stored


async def _open_pages(work: "UnitOfWork", index: Index) -> None:
    states = await work.session.execute(select(col(MatchPage.id), col(MatchPage.version), col(MatchPage.blanked)))
    outdated = index.outdated({page_id: (version, blanked) for page_id, version, blanked in states})
    key = work.keys.derive(SEALING)
    for start in range(0, len(outdated), PAGES_AT_ONCE):
        wanted = outdated[start : start + PAGES_AT_ONCE]
        pages = await work.session.execute(
            select(MatchPage.id, MatchPage.version, MatchPage.blanked, MatchPage.sealed, MatchPage.pads).where(  # type: ignore[call-overload]
                col(MatchPage.id).in_(wanted)
            )
        )
        for page_id, version, blanked, sealed, pads in pages:
            index.put(page_id, (version, blanked), *open_page(sealed, pads, page_id, version, key))


async def _rows(work: "UnitOfWork", case_ids: Sequence[UUID]) -> Sequence[MatchEntry]:
    rows = await work.session.execute(
        select(MatchEntry).where(col(MatchEntry.case_id).in_(case_ids)).execution_options(populate_existing=True)
    )
    return rows.scalars().all()


async def search_waiting(work: "UnitOfWork", index: Index) -> int:
    """Make the searches that wait longest and that nobody else makes now; returns how many.

    Killed at any instant it leaves them waiting, with no finding; done, it leaves one finding for each and no search.
    """
    rows = await work.session.execute(
        select(MatchSearch)
        .order_by(col(MatchSearch.asked_at), col(MatchSearch.case_id))
        .limit(AT_ONCE)
        .with_for_update(skip_locked=True)
    )
    searches = rows.scalars().all()
    if not searches:
        return 0
    await refresh(work, index)
    alike: dict[UUID, list[tuple[UUID, float]]] = {}
    for search in searches:
        wanted = await _vector_of(work, index, search.case_id)
        if wanted is not None:
            alike[search.case_id] = await asyncio.to_thread(index.like, search.case_id, wanted, weights().threshold)
    waiting = await _asked_at(work, {one for found in alike.values() for one, _ in found} | alike.keys())
    for asked, found in alike.items():
        first = [one for one in found if not _later(waiting, one[0], asked)]
        finding_id = work.ids.uuid()
        sealed = seal_finding(asked, first, finding_id, work.keys, work.ids.random)
        work.add(MatchFinding(id=finding_id, sealed=sealed, found_at=work.now))
    done = [search.case_id for search in searches]
    await work.session.execute(delete(MatchSearch).where(col(MatchSearch.case_id).in_(done)))
    return len(searches)


async def _asked_at(work: "UnitOfWork", case_ids: Collection[UUID]) -> dict[UUID, datetime]:
    """Return since when searches of these cases wait; those that are being made wait until they are done."""
    rows = await work.session.execute(
        select(col(MatchSearch.case_id), col(MatchSearch.asked_at)).where(col(MatchSearch.case_id).in_(case_ids))
    )
    return {row.case_id: row.asked_at for row in rows}


def _later(waiting: Mapping[UUID, datetime], one: UUID, asked: UUID) -> bool:
    """Whether a case asked later than another and still waits: it will find the other, and one side alone is told."""
    return one in waiting and (waiting[one], one) > (waiting[asked], asked)


async def _vector_of(work: "UnitOfWork", index: Index, case_id: UUID) -> bytes | None:
    """Return the vector of a case, or None where it was erased meanwhile."""
    if case_id in index.entries:
        return index.entries[case_id][1]
    place = await work.session.get(MatchPlace, case_id)
    return None if place is None else index.vector_at(place.page_id, place.slot)


async def compact(work: "UnitOfWork", at_least: int = SLOTS) -> int:
    """Move entries into a new page and blank where their older vectors stood; returns how many were moved.

    Entries that somebody is changing are passed over. Killed at any instant it has moved all of them or none.
    """
    await work.session.execute(text(f"SET LOCAL lock_timeout = '{WAITS}'"))
    rows = await work.session.execute(
        select(MatchEntry)
        .order_by(col(MatchEntry.changed_at), col(MatchEntry.case_id))
        .limit(SLOTS)
        .with_for_update(skip_locked=True)
    )
    entries = rows.scalars().all()
    if not entries or len(entries) < at_least:
        return 0
    case_ids = [entry.case_id for entry in entries]
    await work.session.execute(select(func.nrm_blank(case_ids)))
    members = [(one.case_id, open_vector(one.sealed, one.case_id, one.version, work.keys)) for one in entries]
    page_id = work.ids.uuid()
    sealed, pads = seal_page(members, page_id, 1, work.keys, work.ids.random)
    work.add(MatchPage(id=page_id, sealed=sealed, pads=pads, filled=len(members), written_at=work.now))
    await work.flush()
    work.add(*(MatchPlace(case_id=one, page_id=page_id, slot=slot) for slot, one in enumerate(case_ids)))
    await work.session.execute(delete(MatchEntry).where(col(MatchEntry.case_id).in_(case_ids)))
    await work.flush()
    return len(members)
