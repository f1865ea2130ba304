"""Keep the stored deadlines equal to what the procedures say now. A deadline is a copy for the worker to look at."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import func, select, update
from sqlmodel import col

from domain.cases.models import Case
from domain.cases.queries import record_of, situation
from domain.cases.rules import CaseRecord
from domain.deadlines.models import Deadline, DeadlineKind
from domain.errors import StateConflict
from domain.unit_of_work import UnitOfWork
from domain.workflow.calendar import Calendar
from domain.workflow.engine import OpenStep, Snapshot, open_steps
from domain.workflow.sop import Sop


async def case_changed(work: UnitOfWork, case: Case) -> CaseRecord:
    """Count the version of a changed case up and set its step deadlines anew; returns what the case now records.

    The courses beside it are left to the worker: whoever changes the case may not see all of them.

    Raises:
        StateConflict: it was merged into another case, and is changed there.
    """
    if case.merged_into_id is not None:
        raise StateConflict(current="merged")
    case.version += 1
    await work.flush()
    record = await refresh_steps(work, case)
    if (await work.session.execute(select(func.nrm_has_courses(case.id)))).scalar_one():
        ask_for_refresh(work, case.id, case.owner_organisation_id, case.id)
    return record


async def refresh_steps(work: UnitOfWork, case: Case, record: CaseRecord | None = None) -> CaseRecord:
    """Set the deadlines of a case's open steps, see `set_steps`; returns what the case now records.

    Args:
        work: The unit of work.
        case: The case, locked.
        record: What it has recorded, if the caller knows all of it.
    """
    record = record or await record_of(work.session, case)
    await refresh_steps_of(work, [record])
    return record


async def refresh_steps_of(work: UnitOfWork, records: Sequence[CaseRecord]) -> None:
    """Set the deadlines of the open steps of cases, each record complete; see `set_steps`."""
    await set_steps(
        work,
        [
            Followed(one.case.id, one.case.id, one.case.owner_organisation_id, *situation(work, one))
            for one in records
            if one.case.merged_into_id is None
        ],
    )


@dataclass(frozen=True, slots=True)
class Followed:
    """What follows a procedure: a case, or a course beside it.

    Attributes:
        subject_id: The case itself, or the course.
        organisation_id: Who is responsible, and called.
    """

    case_id: UUID
    subject_id: UUID
    organisation_id: UUID
    sop: Sop
    snapshot: Snapshot
    calendar: Calendar


async def set_steps(work: UnitOfWork, subjects: Sequence[Followed]) -> None:
    """Set the deadlines of open steps: new ones begin, those of closed steps are settled, fired ones stay.

    A deadline that already fired is not set again for the same start, so that nobody is called twice for one thing.
    """
    rows = await work.session.execute(
        select(Deadline).where(
            col(Deadline.subject_id).in_([one.subject_id for one in subjects]),
            col(Deadline.kind) == DeadlineKind.STEP,
            col(Deadline.settled_at).is_(None),
        )
    )
    known: dict[UUID, list[Deadline]] = {one.subject_id: [] for one in subjects}
    for row in rows.scalars():
        known[row.subject_id].append(row)
    begun = [begin for one in subjects for begin in _set(work, one, known[one.subject_id])]
    await work.flush()  # what is settled makes room for what begins: one open deadline for each step
    for deadline in begun:
        work.add(deadline)
    await work.flush()


def _set(work: UnitOfWork, subject: Followed, known: Sequence[Deadline]) -> list[Deadline]:
    """Settle what is void and return what begins."""
    wanted = {
        step.step.key: step
        for step in open_steps(subject.sop, subject.snapshot, subject.calendar)
        if step.due_at is not None and step.duty
    }
    running: set[str] = set()
    for deadline in known:
        still = wanted.get(deadline.rule)
        calls_responsible = deadline.fired_at is not None or deadline.organisation_id == subject.organisation_id
        if still is not None and deadline.due_at == still.due_at and calls_responsible:
            running.add(deadline.rule)
        elif deadline.fired_at is None:
            deadline.settled_at = work.now
    return [
        _begun(work, subject, step, step.due_at)
        for key, step in wanted.items()
        if key not in running and step.due_at is not None
    ]


def _begun(work: UnitOfWork, subject: Followed, step: OpenStep, due_at: datetime) -> Deadline:
    escalations = step.step.deadline.on_breach if step.step.deadline else ()
    return Deadline(
        id=work.ids.uuid(),
        case_id=subject.case_id,
        subject_id=subject.subject_id,
        organisation_id=subject.organisation_id,
        kind=DeadlineKind.STEP,
        rule=step.step.key,
        escalate_to=escalations[0].escalate if escalations else None,
        anchored_at=work.now,
        due_at=due_at,
    )


def ask_for_refresh(
    work: UnitOfWork, case_id: UUID, organisation_id: UUID, subject_id: UUID, at: datetime | None = None
) -> None:
    """Leave it to the worker to set a case's step deadlines, and those of its courses.

    For a caller who may not see all of them, or for the instant `at` which time alone changes something.
    """
    work.add(
        Deadline(
            id=work.ids.uuid(),
            case_id=case_id,
            subject_id=subject_id,
            organisation_id=organisation_id,
            kind=DeadlineKind.RECOMPUTE,
            rule=str(work.ids.uuid()) if at is None else at.isoformat(),
            anchored_at=work.now,
            due_at=work.now if at is None else at,
        )
    )


async def settle(work: UnitOfWork, subject_id: UUID, *kinds: DeadlineKind) -> None:
    """Mark the deadlines of a referral or contact as met, late ones too, or void."""
    await work.flush()
    await work.session.execute(
        update(Deadline)
        .where(
            col(Deadline.subject_id) == subject_id,
            col(Deadline.kind).in_(kinds),
            col(Deadline.settled_at).is_(None),
        )
        .values(settled_at=work.now)
    )
