"""What can be asked about cases. Row-level security hides what the transaction's organisation may not see."""

from collections.abc import Sequence
from functools import cache
from typing import Any, TypeVar
from uuid import UUID

from sqlalchemy import Select, bindparam, func, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import SQLModel, col

from domain.cases.models import Case, CaseAccess, CaseWall, Cooperation, Relation, StepCompletion
from domain.cases.rules import CaseRecord, facts
from domain.consents.models import Consent
from domain.errors import InvalidInput
from domain.organisations.models import Organisation, StaffMember
from domain.persons.models import Person
from domain.referrals.models import Referral
from domain.screenings.models import Assessment, IdentificationDecision, Screening
from domain.services.models import ServiceEpisode
from domain.unit_of_work import UnitOfWork
from domain.workflow.calendar import Calendar
from domain.workflow.engine import Snapshot
from domain.workflow.sop import Sop

Row = TypeVar("Row", bound=SQLModel)

SOP_KEY = {"KG": "kg-identification-and-referral"}
"""Which procedure a case of a country follows from its first contact."""


async def all_of(
    session: AsyncSession, model: type[Row], case_ids: Sequence[UUID], order: Any
) -> dict[UUID, list[Row]]:
    """Return the rows of some cases in the order in which they happened, by case."""
    found: dict[UUID, list[Row]] = {case_id: [] for case_id in case_ids}
    rows = await session.execute(_of_cases(model, order), {"case_ids": case_ids})
    for row in rows.scalars():
        case_id: UUID = row.case_id  # every model that is asked for has a case
        found[case_id].append(row)
    return found


@cache
def _of_cases(model: type[SQLModel], order: Any) -> Select[Any]:
    """Return the query for the rows of some cases, made once: to make it costs as much as to run it."""
    columns: Any = model
    wanted = columns.case_id.in_(bindparam("case_ids", expanding=True))
    return select(model).where(wanted).order_by(order, columns.id)


async def records(session: AsyncSession, cases: Sequence[Case]) -> dict[UUID, CaseRecord]:
    """Load everything that some cases have recorded: one query for each kind of record, however many cases."""
    ids = [case.id for case in cases]
    persons = await all_of(session, Person, ids, Person.id)
    screenings = await all_of(session, Screening, ids, Screening.recorded_at)
    assessments = await all_of(session, Assessment, ids, Assessment.recorded_at)
    decisions = await all_of(session, IdentificationDecision, ids, IdentificationDecision.recorded_at)
    consents = await all_of(session, Consent, ids, Consent.recorded_at)
    cooperations = await all_of(session, Cooperation, ids, Cooperation.recorded_at)
    completions = await all_of(session, StepCompletion, ids, StepCompletion.completed_at)
    referrals = await all_of(session, Referral, ids, Referral.created_at)
    episodes = await all_of(session, ServiceEpisode, ids, ServiceEpisode.started_at)
    return {
        case.id: CaseRecord(
            case,
            persons[case.id][0],
            screenings[case.id],
            assessments[case.id],
            decisions[case.id],
            consents[case.id],
            cooperations[case.id],
            completions[case.id],
            referrals[case.id],
            episodes[case.id],
        )
        for case in cases
    }


async def record_of(session: AsyncSession, case: Case) -> CaseRecord:
    """Load everything that one case has recorded."""
    return (await records(session, [case]))[case.id]


def procedure(work: UnitOfWork, case: Case) -> Sop:
    """Return the procedure of a case in the version under which it started."""
    key = SOP_KEY[case.country]
    return work.catalogue.sop(key, case.sop_versions[key])


def situation(work: UnitOfWork, record: CaseRecord) -> tuple[Sop, Snapshot, Calendar]:
    """Return what the engine needs to decide about a case now."""
    found = facts(record, work.now)
    case = record.case
    return procedure(work, case), Snapshot(found.values, found.since), work.catalogue.calendar(case.country)


async def running_grants(session: AsyncSession, case_id: UUID, relation: Relation, now: Any) -> list[CaseAccess]:
    """Return the grants of one relation that run now."""
    rows = await session.execute(
        select(CaseAccess).where(
            col(CaseAccess.case_id) == case_id,
            col(CaseAccess.relation) == relation,
            col(CaseAccess.valid_from) <= now,
            col(CaseAccess.valid_until) > now,
        )
    )
    return list(rows.scalars())


async def walls_out(session: AsyncSession, case_id: UUID, organisation_id: UUID) -> bool:
    """Tell the worker whether a conflict wall of a case stands before an organisation that is to take it over."""
    return bool((await session.execute(select(func.nrm_walls_out(case_id, organisation_id)))).scalar_one())


async def refuse_walled(work: UnitOfWork, case_id: UUID, organisation_id: UUID, *, field: str) -> None:
    """Refuse to tell an organisation of a case behind whose conflict wall it stands.

    Raises:
        InvalidInput: it does; names the field that named it.
    """
    wanted = (col(CaseWall.case_id) == case_id, col(CaseWall.organisation_id) == organisation_id)
    if await work.session.scalar(select(col(CaseWall.id)).where(*wanted).limit(1)) is not None:
        raise InvalidInput(field=field, reason="behind a conflict wall of this case")


async def walls_of(session: AsyncSession, case_id: UUID) -> list[tuple[CaseWall, str | None, str | None]]:
    """Return the conflict walls of a case, oldest first, with the code or the subject of whom each stands before."""
    rows = await session.execute(
        select(CaseWall, col(Organisation.code), col(StaffMember.subject))
        .outerjoin(Organisation, col(Organisation.id) == CaseWall.organisation_id)
        .outerjoin(StaffMember, col(StaffMember.id) == CaseWall.staff_id)
        .where(col(CaseWall.case_id) == case_id)
        .order_by(col(CaseWall.raised_at), col(CaseWall.id))
    )
    return [(wall, code, subject) for wall, code, subject in rows]
