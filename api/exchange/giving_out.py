"""Exports the cases that an organisation leads, as a member of staff may see them: one audited reveal for each."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

from sqlmodel import col, select

from api.dependencies import opens
from api.exchange.htcds import ATTRIBUTES, Row, Told, row_of
from api.exchange.routing import lost, routing
from api.refusals import record_refusal
from api.runtime import Runtime
from auth.authentication import enter
from auth.authorisation import Authorisation, visible
from auth.roles import Permission
from auth.tokens import Claims
from domain.audit.actions import AuditAction
from domain.cases.models import Case, CaseAccess, Relation
from domain.cases.queries import records
from domain.cases.rules import CaseRecord
from domain.codes import CaseWork, Compartment
from domain.disclosures.openings import reveal_compartments
from domain.errors import NotPermitted
from domain.exploitation.models import ExploitationEpisode
from domain.exploitation.queries import speaking
from domain.organisations.models import Organisation
from domain.permits import Permit
from domain.unit_of_work import UnitOfWork

AT_ONCE: Final = 100
"""Cases in one transaction."""


def _unseen(_: int) -> None:
    """Tell nobody how far it is."""


@dataclass(frozen=True, slots=True)
class Teller:
    """One transaction of an export.

    Attributes:
        recorded: What the cases record.
        since: When the organisation began to lead each.
        episodes: Of exploitation, those that speak.
        organisations: The directory.
    """

    may: Authorisation
    work: UnitOfWork
    recorded: dict[UUID, CaseRecord]
    since: dict[UUID, Any]
    episodes: dict[UUID, list[ExploitationEpisode]]
    organisations: dict[UUID, Organisation]

    async def rows(self) -> list[Row]:
        """Return the cases as rows; that each was read, and what was opened, is in the audit."""
        for case, permit in await self.may.cases(self.recorded.keys(), Permission.CASE_READ):
            self.work.audit(AuditAction.CASE_READ, permit, stream_id=case.id)
        by_role = opens(self.work, self.may.actor, "owner")
        revealing = await self.may.cases(self.recorded.keys(), Permission.COMPARTMENT_REVEAL, by_role)
        permits = {case.id: permit for case, permit in revealing if permit.compartments}
        opened = await reveal_compartments(
            [(permit, self.recorded[case_id].person) for case_id, permit in permits.items()], self.work
        )
        permits = {case_id: permit for case_id, permit in permits.items() if case_id in opened}
        return [
            row_of(self._told(record, permits.get(case_id), opened.get(case_id, {}), by_role.at(record.case.case_work)))
            for case_id, record in self.recorded.items()
        ]

    def _told(
        self, record: CaseRecord, permit: Permit | None, opened: dict[Compartment, Any], by_role: frozenset[Compartment]
    ) -> Told:
        permitted = permit.compartments if permit is not None else frozenset[Compartment]()
        return Told(
            record.case.reference,
            {name: getattr(record.person, name) for name in ATTRIBUTES},
            opened,
            {one: "not granted" if one in by_role else "by role" for one in Compartment if one not in permitted},
            routing(
                record,
                self.organisations,
                self.since[record.case.id],
                self.work.now,
                self.work.catalogue.calendar(record.case.country),
            ),
            lost(record),
            self.episodes[record.case.id],
            is_untouched=record.case.case_work == CaseWork.OPEN,
        )


async def give_out(claims: Claims, runtime: Runtime, told: Callable[[int], object] = _unseen) -> list[Row]:
    """Return every case that the organisation leads and the actor may see, oldest first; each was audited by then.

    Args:
        claims: In whose name.
        runtime: The process.
        told: Is called with how many cases more have been told of.

    Raises:
        TokenRefused: the person of staff is no member of the organisation in this role.
        NotPermitted: the role opens nothing of any case; the refusal is in the audit.
    """
    try:
        ids = await led(claims, runtime, Permission.COMPARTMENT_REVEAL)
    except NotPermitted as refusal:
        await record_refusal(runtime, claims, refusal, command="export htcds")
        raise
    rows: list[Row] = []
    for start in range(0, len(ids), AT_ONCE):
        part = ids[start : start + AT_ONCE]
        rows += await _part(part, claims, runtime)
        told(len(part))
    return rows


async def led(claims: Claims, runtime: Runtime, permission: Permission) -> list[UUID]:
    """Return the cases that the organisation leads and the actor may see, oldest first.

    Raises:
        TokenRefused: the person of staff is no member of the organisation in this role.
        NotPermitted: the role does not have the verb.
    """
    async with runtime.database.sessions()() as session:
        actor = await enter(session, claims, runtime.clock)
        may = Authorisation(session, actor)
        may.own(permission)
        found = await session.execute(
            select(col(Case.id)).where(*_of_own(may)).order_by(col(Case.opened_at), col(Case.id))
        )
        return list(found.scalars())


def _of_own(may: Authorisation) -> tuple[Any, ...]:
    return (
        visible(Case, Permission.CASE_READ, may.actor),
        Case.owner_organisation_id == may.actor.organisation_id,
        col(Case.restricted_at).is_(None),  # a file is passed on
        col(Case.merged_into_id).is_(None),
    )


async def still_led(ids: Sequence[UUID], may: Authorisation) -> Sequence[Case]:
    """Return those of some cases that the organisation leads and the actor may see in this transaction."""
    found = await may.session.execute(
        select(Case).where(*_of_own(may), col(Case.id).in_(ids)).order_by(col(Case.opened_at), col(Case.id))
    )
    return found.scalars().all()


async def _part(ids: Sequence[UUID], claims: Claims, runtime: Runtime) -> list[Row]:
    """Return some cases in one unit of work; what has changed hands since is left out."""
    async with runtime.database.sessions()() as session:
        actor = await enter(session, claims, runtime.clock)
        work = runtime.work(session, actor.now)
        may = Authorisation(session, actor)
        cases = await still_led(ids, may)
        listed = {one.id: one for one in (await session.execute(select(Organisation))).scalars()}
        found = [case.id for case in cases]
        since, episodes = await _since(found, work), await speaking(session, found)
        rows = await Teller(may, work, await records(session, cases), since, episodes, listed).rows()
        await work.commit()
    return rows


async def _since(ids: Iterable[UUID], work: UnitOfWork) -> dict[UUID, Any]:
    """Return when the organisation that leads each case began to."""
    rows = await work.session.execute(
        select(CaseAccess).where(
            col(CaseAccess.case_id).in_(ids),
            col(CaseAccess.relation) == Relation.OWNER,
            col(CaseAccess.valid_from) <= work.now,
            col(CaseAccess.valid_until) > work.now,
        )
    )
    return {one.case_id: one.valid_from for one in rows.scalars()}
