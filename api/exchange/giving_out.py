"""Exports the cases that an organisation leads, as a member of staff may see them: one audited reveal for each."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final
from uuid import UUID

from sqlmodel import col, select

from api.dependencies import opens
from api.exchange.htcds import ATTRIBUTES, Row, Told, row_of
from api.exchange.routing import lost, routing
from api.runtime import Runtime
from auth.authentication import enter
from auth.authorisation import Authorisation, visible
from auth.roles import Permission
from auth.tokens import Claims
from domain.audit.actions import AuditAction
from domain.cases.commands import reveal_compartment
from domain.cases.models import Case, Relation
from domain.cases.queries import records, running_grants
from domain.cases.rules import CaseRecord
from domain.codes import Compartment
from domain.errors import NotPermitted
from domain.organisations.models import Organisation
from domain.unit_of_work import UnitOfWork

AT_ONCE: Final = 50
"""Cases in one transaction."""


@dataclass(frozen=True, slots=True)
class Teller:
    """One transaction of an export."""

    may: Authorisation
    work: UnitOfWork
    organisations: dict[UUID, Organisation]

    async def row(self, record: CaseRecord) -> Row:
        """Return one case as a row; that it was read, and what was opened, is in the audit."""
        case = record.case
        _, permit = await self.may.case(case.reference, Permission.CASE_READ)
        self.work.audit(AuditAction.CASE_READ, permit, stream_id=case.id)
        by_role = opens(self.work, self.may.actor, "owner")
        try:
            _, permit = await self.may.case(case.reference, Permission.COMPARTMENT_REVEAL, by_role)
        except NotPermitted:
            permitted = frozenset[Compartment]()
        else:
            permitted = permit.compartments
        opened = await reveal_compartment(permit, case, self.work) if permitted else {}
        owned = await running_grants(self.work.session, case.id, Relation.OWNER, self.work.now)
        told = Told(
            case.reference,
            {name: getattr(record.person, name) for name in ATTRIBUTES},
            opened,
            {one: "not granted" if one in by_role else "by role" for one in Compartment if one not in permitted},
            routing(record, self.organisations, owned[0].valid_from, self.work.now),
            lost(record),
        )
        return row_of(told)


async def give_out(claims: Claims, runtime: Runtime) -> list[Row]:
    """Return every case that the organisation leads and the actor may see, oldest first; each was audited by then.

    Raises:
        TokenRefused: the person of staff is no member of the organisation in this role.
        NotPermitted: the role opens nothing of any case.
    """
    rows: list[Row] = []
    ids = await _led(claims, runtime)
    for start in range(0, len(ids), AT_ONCE):
        rows += await _part(ids[start : start + AT_ONCE], claims, runtime)
    return rows


async def _led(claims: Claims, runtime: Runtime) -> list[UUID]:
    async with runtime.database.sessions()() as session:
        actor = await enter(session, claims, runtime.clock)
        Authorisation(session, actor).own(Permission.COMPARTMENT_REVEAL)
        found = await session.execute(
            select(col(Case.id))
            .where(visible(Case, Permission.CASE_READ, actor), Case.owner_organisation_id == actor.organisation_id)
            .order_by(col(Case.opened_at), col(Case.id))
        )
        return list(found.scalars())


async def _part(ids: Sequence[UUID], claims: Claims, runtime: Runtime) -> list[Row]:
    """Return some cases in one unit of work; what has changed hands since is left out."""
    async with runtime.database.sessions()() as session:
        actor = await enter(session, claims, runtime.clock)
        work = runtime.work(session, actor.now)
        found = await session.execute(
            select(Case)
            .where(visible(Case, Permission.CASE_READ, actor), Case.owner_organisation_id == actor.organisation_id)
            .where(col(Case.id).in_(ids))
            .order_by(col(Case.opened_at), col(Case.id))
        )
        cases = list(found.scalars())
        listed = {one.id: one for one in (await session.execute(select(Organisation))).scalars()}
        teller = Teller(Authorisation(session, actor), work, listed)
        recorded = await records(session, cases)
        rows = [await teller.row(recorded[case.id]) for case in cases]
        await work.commit()
    return rows
