"""Keep the stored deadlines equal to what the procedures say now. A deadline is a copy for the worker to look at."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import func, select, update
from sqlmodel import col

from domain.cases.models import Case
from domain.cases.queries import record_of, situation
from domain.cases.rules import CaseRecord
from domain.deadlines.models import Deadline, DeadlineKind
from domain.unit_of_work import UnitOfWork
from domain.workflow.calendar import Calendar
from domain.workflow.engine import OpenStep, Snapshot, open_steps
from domain.workflow.sop import Sop


async def case_changed(work: UnitOfWork, case: Case) -> CaseRecord:
    """Count the version of a changed case up and set its step deadlines anew; returns what the case now records.

    The courses beside it are left to the worker: whoever changes the case may not see all of them.
    """
    case.version += 1
    await work.flush()
    record = await refresh_steps(work, case)
    if (await work.session.execute(select(func.nrm_has_courses(case.id)))).scalar_one():
        ask_for_refresh(work, case.id, case.owner_organisation_id, case.id)
    return record


async def refresh_steps(work: UnitOfWork, case: Case) -> CaseRecord:
    """Set the deadlines of a case's open steps, see `set_steps`; returns what the case now records."""
    record = await record_of(work.session, case)
    await set_steps(work, case.id, case.id, case.owner_organisation_id, *situation(work, record))
    return record


async def set_steps(
    work: UnitOfWork,
    case_id: UUID,
    subject_id: UUID,
    organisation_id: UUID,
    sop: Sop,
    snapshot: Snapshot,
    calendar: Calendar,
) -> None:
    """Set the deadlines of open steps: new ones begin, those of closed steps are settled, fired ones stay.

    A deadline that already fired is not set again for the same start, so that nobody is called twice for one thing.

    Args:
        work: The unit of work.
        case_id: The case.
        subject_id: The case itself, or a course beside it.
        organisation_id: Who is responsible, and called.
        sop: The procedure of the case or the course.
        snapshot: What is known of it.
        calendar: Of its country.
    """
    wanted = {
        step.step.key: step for step in open_steps(sop, snapshot, calendar) if step.due_at is not None and step.duty
    }
    rows = await work.session.execute(
        select(Deadline).where(col(Deadline.subject_id) == subject_id, col(Deadline.kind) == DeadlineKind.STEP)
    )
    running: set[str] = set()
    for known in rows.scalars():
        still = wanted.get(known.rule)
        if known.settled_at is not None:
            continue
        calls_responsible = known.fired_at is not None or known.organisation_id == organisation_id
        if still is not None and known.due_at == still.due_at and calls_responsible:
            running.add(known.rule)
        elif known.fired_at is None:
            known.settled_at = work.now
    await work.flush()
    for key, step in wanted.items():
        if key not in running and step.due_at is not None:
            work.add(_begun(work, case_id, subject_id, organisation_id, step, step.due_at))
    await work.flush()


def _begun(
    work: UnitOfWork, case_id: UUID, subject_id: UUID, organisation_id: UUID, step: OpenStep, due_at: datetime
) -> Deadline:
    escalations = step.step.deadline.on_breach if step.step.deadline else ()
    return Deadline(
        id=work.ids.uuid(),
        case_id=case_id,
        subject_id=subject_id,
        organisation_id=organisation_id,
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
