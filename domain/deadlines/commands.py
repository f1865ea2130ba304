"""Keep the stored deadlines equal to what the procedure says now. A deadline is a copy for the worker to look at."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import select, update
from sqlmodel import col

from domain.cases.models import Case
from domain.cases.queries import record_of, situation
from domain.cases.rules import CaseRecord
from domain.deadlines.models import Deadline, DeadlineKind
from domain.unit_of_work import UnitOfWork
from domain.workflow.engine import open_steps


async def case_changed(work: UnitOfWork, case: Case) -> CaseRecord:
    """Count the version of a changed case up and set its step deadlines anew; returns what the case now records."""
    case.version += 1
    await work.flush()
    return await refresh_steps(work, case)


async def refresh_steps(work: UnitOfWork, case: Case, record: CaseRecord | None = None) -> CaseRecord:
    """Set the deadlines of a case's open steps: new ones begin, those of closed steps are settled, fired ones stay.

    A deadline that already fired is not set again for the same start, so that nobody is called twice for one thing.

    Args:
        work: The transaction.
        case: The case, locked.
        record: What it has recorded, if the caller knows all of it.
    """
    record = record or await record_of(work.session, case)
    sop, snapshot, calendar = situation(work, record)
    wanted = {
        step.step.key: step for step in open_steps(sop, snapshot, calendar) if step.due_at is not None and step.duty
    }
    rows = await work.session.execute(
        select(Deadline).where(
            col(Deadline.subject_id) == case.id,
            col(Deadline.kind) == DeadlineKind.STEP,
            col(Deadline.settled_at).is_(None),
        )
    )
    running: dict[str, datetime] = {}
    for known in rows.scalars():
        still = wanted.get(known.rule)
        calls_owner = known.fired_at is not None or known.organisation_id == case.owner_organisation_id
        if still is not None and known.due_at == still.due_at and calls_owner:
            running[known.rule] = known.due_at
        elif known.fired_at is None:
            known.settled_at = work.now
    await work.flush()
    for key, step in wanted.items():
        if key not in running and step.due_at is not None:
            escalations = step.step.deadline.on_breach if step.step.deadline else ()
            work.add(
                Deadline(
                    id=work.ids.uuid(),
                    case_id=case.id,
                    subject_id=case.id,
                    organisation_id=case.owner_organisation_id,
                    kind=DeadlineKind.STEP,
                    rule=key,
                    escalate_to=escalations[0].escalate if escalations else None,
                    anchored_at=work.now,
                    due_at=step.due_at,
                )
            )
    await work.flush()
    return record


def ask_for_refresh(work: UnitOfWork, case_id: UUID, organisation_id: UUID, subject_id: UUID) -> None:
    """Leave it to the worker to set a case's step deadlines, where the caller may not see the whole case."""
    work.add(
        Deadline(
            id=work.ids.uuid(),
            case_id=case_id,
            subject_id=subject_id,
            organisation_id=organisation_id,
            kind=DeadlineKind.RECOMPUTE,
            rule=str(work.ids.uuid()),
            anchored_at=work.now,
            due_at=work.now,
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
