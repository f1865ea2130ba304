"""The steps of a case as a person reads them: open and closed, by when, and why."""

from datetime import datetime

from api.schemas.base import Labelled
from api.schemas.cases import NextStepsOut, SourceOut, StepOut
from domain.cases.models import Case
from domain.cases.queries import record_of, situation
from domain.codes import Language, Role
from domain.courses.queries import CourseSituation
from domain.unit_of_work import UnitOfWork
from domain.workflow.calendar import Calendar
from domain.workflow.catalogue import Catalogue
from domain.workflow.engine import OpenStep, Snapshot, open_steps
from domain.workflow.explain import explain
from domain.workflow.sop import Sop, Step


async def next_steps(work: UnitOfWork, case: Case, role: Role, language: Language) -> NextStepsOut:
    """Return what may be done now in a case, and why the rest may not."""
    sop, snapshot, calendar = situation(work, await record_of(work.session, case))
    return steps_out(work, sop, snapshot, calendar, sop.steps, role, language)


def steps_of_course(work: UnitOfWork, now: CourseSituation, role: Role, language: Language) -> NextStepsOut:
    """Return what may be done now in a course, as far as the reader may know what it depends on."""
    return steps_out(work, now.sop, now.snapshot, now.calendar, now.steps, role, language)


def steps_out(
    work: UnitOfWork,
    sop: Sop,
    snapshot: Snapshot,
    calendar: Calendar,
    steps: tuple[Step, ...],
    role: Role,
    language: Language,
) -> NextStepsOut:
    """Return some steps of a procedure, open and closed, with the reasons."""
    found = {step.step.key: step for step in open_steps(sop, snapshot, calendar)}
    shown = [step_out(work.catalogue, sop, step, found.get(step.key), role, language, work.now) for step in steps]
    for one in shown:
        one.because.extend(explain(sop, snapshot, one.step, language, work.catalogue.messages).because)
    return NextStepsOut(
        sop=sop.sop,
        version=sop.version,
        open=[one for one in shown if one.step in found],
        closed=[one for one in shown if one.step not in found],
    )


def step_out(
    catalogue: Catalogue, sop: Sop, step: Step, found: OpenStep | None, role: Role, language: Language, now: datetime
) -> StepOut:
    """Return one step as shown; `found` is None for a closed one."""

    def label(code_list: str, code: str) -> Labelled:
        return Labelled(code=code, label=catalogue.labels(code_list, code, language))

    due_at = found.due_at if found else None
    return StepOut(
        step=step.key,
        title=step.title[language],
        track=step.track,
        responsible=[label("Role", one) for one in step.responsible],
        yours=role in step.responsible,
        duty=found.duty if found else False,
        due_at=due_at,
        overdue=due_at is not None and due_at < now,
        services=[label("Service", one) for one in step.services],
        priority=step.opens.referral.priority if step.opens else None,
        consent_missing=[label("Purpose", one) for one in (found.missing if found else ())],
        rests_on=found.basis if found else None,
        because=[],
        source=source_out(sop, step),
    )


def source_out(sop: Sop, step: Step) -> SourceOut:
    """Return what a step rests on. The basis is the rule's own: a stated source may hold an assumed rule."""
    source = sop.sources[step.source]
    return SourceOut(title=source.title, reference=source.reference, basis=step.basis)
