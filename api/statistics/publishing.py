"""From counted periods to a release: prepared in somebody's name, signed by two others, published by the operator.

Counts are read by the worker's role and a release is written by the owner's, with the operator's key; what a person
decides is done in their name, by the application's role, where the database keeps author and approvers apart.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col, select

from api.bootstrap import Access
from api.database import Database
from api.runtime import Runtime
from api.settings import DatabaseRole
from api.statistics.formats import formats_of
from auth.authentication import enter, enter_as_clock
from auth.authorisation import Authorisation
from auth.roles import Permission
from auth.tokens import Claims
from domain.audit.notes import SigningKey
from domain.errors import NotFound
from domain.permits import Actor, Permit
from domain.statistics.candidates import approve, find_candidate, keep_candidate, newest_release, publish
from domain.statistics.catalogue import Declared
from domain.statistics.counting import Counted, counted_periods
from domain.statistics.document import sign
from domain.statistics.examining import Report, examine
from domain.statistics.gate import Tell, silently
from domain.statistics.models import Release, ReleaseCandidate
from domain.statistics.preparing import erratum, next_release
from domain.unit_of_work import UnitOfWork

Wrong = tuple[str, str, str, str]
"""Population, table, first and last period of a published window."""


class GateRefused(Exception):
    """The gate did not let a document through; its report says why."""

    def __init__(self, report: Report) -> None:
        super().__init__("the gate refused")
        self.report = report


@dataclass(frozen=True)
class Publisher:
    """Makes releases of one installation.

    Attributes:
        runtime: Of the application's role.
        access: The database's addresses, the owner's among them.
        tell: Is told after each attacker that one more is done.
    """

    runtime: Runtime
    access: Access
    tell: Tell = silently

    async def prepare(self, claims: Claims, wrong: Wrong | None = None) -> ReleaseCandidate:
        """Prepare the next release, or the erratum of a window, and keep it for approval with the gate's report.

        Raises:
            DomainError: the actor may not.
            NothingToPublish: no period has ended since the last release; or no such window stands.
        """
        async with self.runtime.database.sessions()() as session:
            actor = await enter(session, claims, self.runtime.clock)
            _own(session, actor)
            last = await newest_release(session, actor.country)
        declared = self.runtime.catalogue.statistics(actor.country)
        counted = await self._counted(declared)
        before = last.document if last is not None else None
        if wrong is None:
            raw, report = next_release(declared, counted, before, tell=self.tell)
        elif before is None:
            raise NotFound
        else:
            raw, report = erratum(declared, counted, before, wrong, tell=self.tell)
        async with self.runtime.database.sessions()() as session:
            actor = await enter(session, claims, self.runtime.clock)
            work = self.runtime.work(session, actor.now)
            kept = await keep_candidate(raw, report, _own(session, actor), work)
            await work.commit()
            return kept

    async def gate(self, address: str | None) -> Report:
        """Look at a kept candidate again, the newest if none is named, with the counts as they are now.

        Raises:
            NotFound: there is no such candidate.
        """
        async with self._working_as(DatabaseRole.OWNER) as work:
            return await self._examined(await _candidate(work.session, address), work)

    async def approve(self, claims: Claims, address: str, report: str) -> ReleaseCandidate:
        """Sign the report on a candidate in somebody's name.

        Raises:
            DomainError: as `domain.statistics.candidates.approve` does.
        """
        async with self.runtime.database.sessions()() as session:
            actor = await enter(session, claims, self.runtime.clock)
            may, work = Authorisation(session, actor), self.runtime.work(session, actor.now)
            may.own(Permission.CANDIDATE_READ)
            found = await find_candidate(session, address)
            _, permit = await may.candidate(found.id, Permission.CANDIDATE_APPROVE)
            signed = await approve(report, permit, work)
            await work.commit()
            return signed

    async def publish(self, address: str, key: SigningKey) -> Release:
        """Let the gate look once more, sign, and publish.

        Raises:
            GateRefused: it found something.
            StateConflict: two have not signed, or another release came before.
        """
        async with self._working_as(DatabaseRole.OWNER) as work:
            candidate = await _candidate(work.session, address)
            report = await self._examined(candidate, work)
            if not report.passed:
                raise GateRefused(report)
            signature = sign(candidate.document, Ed25519PrivateKey.from_private_bytes(key.seed))
            release = await publish(candidate, signature, formats_of(candidate.document, signature), work)
            await work.commit()
            return release

    async def _examined(self, candidate: ReleaseCandidate, work: UnitOfWork) -> Report:
        declared = self.runtime.catalogue.statistics(candidate.country)
        counted = await self._counted(declared)
        before = await work.session.get(Release, candidate.previous) if candidate.previous else None
        return examine(
            candidate.document, declared, counted, before.document if before is not None else None, tell=self.tell
        )

    async def _counted(self, declared: Declared) -> Counted:
        async with self._working_as(DatabaseRole.WORKER) as work:
            return await counted_periods(work.session, declared)

    @asynccontextmanager
    async def _working_as(self, role: DatabaseRole) -> AsyncIterator[UnitOfWork]:
        """Work for nobody, as the owner of the tables or the worker, in a pool that lasts no longer than this."""
        database = Database(self.access.dsns)
        try:
            async with database.sessions(role)() as session:
                yield self.runtime.work(session, await enter_as_clock(session, self.runtime.clock.shift))
        finally:
            await database.close()


def _own(session: AsyncSession, actor: Actor) -> Permit:
    return Authorisation(session, actor).own(Permission.RELEASE_PREPARE)


async def _candidate(session: AsyncSession, address: str | None) -> ReleaseCandidate:
    if address is not None:
        return await find_candidate(session, address)
    newest = select(ReleaseCandidate).order_by(col(ReleaseCandidate.prepared_at).desc()).limit(1)
    found = (await session.execute(newest)).scalar_one_or_none()
    if found is None:
        raise NotFound
    return found
