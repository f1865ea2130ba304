"""What can be done with a case."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import Any

from sqlmodel import col, select

from domain.audit.actions import AuditAction
from domain.audit.chain import Scalar
from domain.cases.models import Case, CaseAccess, Cooperation, Relation, StepCompletion
from domain.cases.queries import record_of, running_grants, situation
from domain.cases.rules import CaseRecord
from domain.codes import NOT_KNOWN, CaseWork, ClosureReason, Compartment, EntryChannel, Known, VictimType
from domain.deadlines.commands import case_changed, refresh_steps_of
from domain.duplicates.commands import COMPARED, search_again, search_for_new
from domain.errors import InvalidInput, NotPermitted, VersionStale
from domain.permits import Permit
from domain.persons.models import Person
from domain.retention.planning import keep_on, plan_case
from domain.sealing.vault import Place, Sealing
from domain.unit_of_work import UnitOfWork
from domain.workflow.confidentiality import OF_PERSON
from domain.workflow.engine import OpenStep, step_that_records, step_to_take

KIND = OF_PERSON
"""The kind of sealed value that a case's own compartments are."""

OPENED_BY_NOBODY = frozenset({"reasons", "request-words", "request-reasons"})
"""Kinds of sealed values that are not about the person: reasons of decisions, and what requests of theirs said."""


@dataclass(frozen=True, slots=True)
class Attributes:
    """Coded attributes of a person; what is left out stays as it is. See `Person`."""

    values: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class OpenCase:
    """Open a case for one person."""

    entry_channel: EntryChannel
    victim_type: VictimType = VictimType.TRAFFICKING
    attributes: Attributes = field(default_factory=Attributes)
    compartments: dict[Compartment, dict[str, Any]] = field(default_factory=dict)


async def open_case(command: OpenCase, permit: Permit, work: UnitOfWork) -> Case:
    """Open a case, owned by the permit's organisation, under the SOP versions that are current now.

    Creates blind: nobody is told whether a person like this one is known already.
    """
    (record,) = await open_cases([command], permit, work)
    return record.case


async def open_cases(commands: Sequence[OpenCase], permit: Permit, work: UnitOfWork) -> list[CaseRecord]:
    """Open cases as `open_case` does, however many with the same few statements; returns what they record."""
    opened = [_new_case(command, permit, work) for command in commands]
    work.add(*(one.case for one in opened))
    await work.flush()
    work.add(*(_ownership(one.case, work) for one in opened))
    await work.flush()
    work.add(*(one.person for one in opened))
    await work.flush()
    sealings = [
        Sealing(Place(one.case.id, one.person.id, KIND), compartment, fields)
        for one, command in zip(opened, commands, strict=True)
        for compartment, fields in command.compartments.items()
    ]
    fingerprints = iter(zip(sealings, await work.vault.put_first(sealings, work.now), strict=True))
    for one, command in zip(opened, commands, strict=True):
        case = one.case
        work.audit(
            AuditAction.CASE_OPENED, permit, stream_id=case.id, subject_id=case.id, channel=command.entry_channel
        )
        for sealing, fingerprint in islice(fingerprints, len(command.compartments)):
            audit_seal(work, permit, sealing.place, sealing.compartment, fingerprint)
        search_for_new(work, case, one.person, command.compartments)
    await refresh_steps_of(work, opened)
    return opened


def _new_case(command: OpenCase, permit: Permit, work: UnitOfWork) -> CaseRecord:
    """Return the case and its person, not yet written."""
    actor = permit.actor
    case = Case(
        id=work.ids.uuid(),
        reference=work.ids.reference("C"),
        country=actor.country,
        owner_organisation_id=actor.organisation_id,
        entry_channel=command.entry_channel,
        victim_type=command.victim_type,
        sop_versions=dict(work.catalogue.current(actor.country)),
        case_work=CaseWork.OPEN,
        opened_at=work.now,
    )
    person = Person(
        id=work.ids.uuid(),
        case_id=case.id,
        citizenships=[Known.NOT_ASKED],
        languages=[Known.NOT_ASKED],
        age_changed_at=work.now,
    )
    assign(person, command.attributes)
    return CaseRecord(case, person)


def _ownership(case: Case, work: UnitOfWork) -> CaseAccess:
    return CaseAccess(
        id=work.ids.uuid(),
        case_id=case.id,
        organisation_id=case.owner_organisation_id,
        relation=Relation.OWNER,
        holder_id=case.id,
        compartments=sorted(Compartment),
        valid_from=work.now,
    )


def assign(person: Person, attributes: Attributes) -> bool:
    """Set coded attributes; returns whether the age changed.

    Raises:
        InvalidInput: a list mixes codes with a kind of not knowing.
    """
    before = (person.age_band, person.age_disputed)
    for name, value in attributes.values.items():
        if isinstance(value, list) and (not value or (len(value) > 1 and NOT_KNOWN & set(value))):
            raise InvalidInput(field=name, reason="codes, or one kind of not knowing alone")
        setattr(person, name, value)
    return before != (person.age_band, person.age_disputed)


async def person_of(work: UnitOfWork, case: Case) -> Person:
    """Return the person of a case."""
    return (await work.session.execute(select(Person).where(col(Person.case_id) == case.id))).scalar_one()


async def lock_at(work: UnitOfWork, permit: Permit, version: int | None) -> Case:
    """Lock the permit's case and make sure that it is still the one the caller read.

    Raises:
        VersionStale: it has changed; says the present version.
    """
    case = await work.lock(Case, permit.subject_id)
    if version is not None and case.version != version:
        raise VersionStale(current_version=case.version)
    return case


async def record_person(attributes: Attributes, version: int, permit: Permit, work: UnitOfWork) -> Case:
    """Record coded attributes of the person."""
    case = await lock_at(work, permit, version)
    person = await person_of(work, case)
    if assign(person, attributes):
        person.age_changed_at = work.now
    if "citizenships" in attributes.values:
        await search_again(work, case, person, Place(case.id, person.id, KIND), {})
    names: list[Scalar] = [*sorted(attributes.values)]
    work.audit(AuditAction.PERSON_RECORDED, permit, stream_id=case.id, subject_id=person.id, fields=names)
    await case_changed(work, case)
    return case


async def put_compartment(
    work: UnitOfWork, permit: Permit, case: Case, person: Person, compartment: Compartment, fields: dict[str, Any]
) -> None:
    """Seal one compartment of the person, remember the fingerprint of the seal, and search anew for duplicates."""
    blob = await work.vault.put(
        fields, holder_id=case.id, record_id=person.id, kind=KIND, compartment=compartment, now=work.now
    )
    place = Place(case.id, person.id, KIND)
    audit_seal(work, permit, place, compartment, blob)
    if compartment in COMPARED:
        await search_again(work, case, person, place, {compartment: fields})


def audit_seal(work: UnitOfWork, permit: Permit, place: Place, compartment: Compartment, blob: str) -> None:
    """Remember the fingerprint of a compartment that was sealed."""
    work.audit(
        AuditAction.COMPARTMENT_SEALED,
        permit,
        stream_id=place.holder_id,
        subject_id=place.record_id,
        compartment=compartment,
        fingerprint=blob,
    )


async def seal_compartment(
    compartment: Compartment, fields: dict[str, Any], version: int, permit: Permit, work: UnitOfWork
) -> Case:
    """Replace what one compartment of the person holds.

    An organisation that took the case over may fill a compartment that is empty, and reads what it collected itself;
    what the person did not agree to hand over it can neither read nor overwrite.

    Raises:
        NotPermitted: the compartment holds something that the organisation may not open.
    """
    case = await lock_at(work, permit, version)
    person = await person_of(work, case)
    await collect(compartment, case, work)
    await put_compartment(work, permit, case, person, compartment, fields)
    await case_changed(work, case)
    return case


async def collect(compartment: Compartment, case: Case, work: UnitOfWork) -> None:
    """Let the organisation that leads a case seal into a compartment, and read there what it collects itself.

    Raises:
        NotPermitted: the compartment was not handed over and holds something: about the person, what was done to them,
            or what it was called. Reasons of decisions do not count, since nobody opens those.
    """
    grant = (await running_grants(work.session, case.id, Relation.OWNER, work.now))[0]
    if compartment in grant.compartments:
        return
    grant.compartments = sorted({*grant.compartments, compartment})
    await work.flush()
    if await work.vault.holds(case.id, compartment, but=OPENED_BY_NOBODY):
        raise NotPermitted(rule="not-handed-over", compartment=str(compartment))


async def take_step(work: UnitOfWork, case: Case, permit: Permit, key: str) -> OpenStep:
    """Return a step of the case that is open now and that the actor's role is responsible for.

    Raises:
        StepNotOpen: the procedure does not allow it now.
        ConsentMissing: the person has not agreed to it.
        NotPermitted: another role is responsible.
    """
    sop, snapshot, calendar = situation(work, await record_of(work.session, case))
    return responsible(step_to_take(sop, snapshot, calendar, key), permit)


async def take_recording_step(work: UnitOfWork, case: Case, permit: Permit, fact: str, value: str) -> OpenStep:
    """Return the open step of the procedure that sets a fact to a value; raises as `take_step` does."""
    sop, snapshot, calendar = situation(work, await record_of(work.session, case))
    return responsible(step_that_records(sop, snapshot, calendar, fact, value), permit)


def responsible(step: OpenStep, permit: Permit) -> OpenStep:
    """Return the step if the actor's role is responsible for it.

    Raises:
        NotPermitted: another role is; says which.
    """
    if permit.actor.role not in step.step.responsible:
        raise NotPermitted(rule="responsible", needed=[str(role) for role in step.step.responsible])
    return step


async def complete_step(key: str, permit: Permit, work: UnitOfWork) -> Case:
    """Report that a step was done which leaves no record of its own.

    Raises:
        InvalidInput: the step is done by recording something else; says what.
        StepNotOpen, ConsentMissing, NotPermitted: see `take_step`.
    """
    case = await work.lock(Case, permit.subject_id)
    open_step = await take_step(work, case, permit, key)
    if open_step.step.done is not None:
        raise InvalidInput(field="step", reason="this step is done by recording what it is about")
    work.add(
        StepCompletion(
            id=work.ids.uuid(),
            case_id=case.id,
            step=key,
            completed_at=work.now,
            staff_id=permit.actor.staff_id,
            organisation_id=permit.actor.organisation_id,
        )
    )
    work.audit(AuditAction.STEP_COMPLETED, permit, stream_id=case.id, step=key)
    await case_changed(work, case)
    return case


async def record_cooperation(willing: Known, permit: Permit, work: UnitOfWork) -> Case:
    """Record whether the person wishes to co-operate with law enforcement. Support does not look at it.

    The procedure says when somebody may first be asked; a change of mind is recorded at any time.
    """
    case = await work.lock(Case, permit.subject_id)
    if (
        await work.session.scalar(select(col(Cooperation.id)).where(col(Cooperation.case_id) == case.id).limit(1))
        is None
    ):
        await take_recording_step(work, case, permit, "cooperation", willing)
    work.add(
        Cooperation(
            id=work.ids.uuid(),
            case_id=case.id,
            willing=willing,
            recorded_at=work.now,
            staff_id=permit.actor.staff_id,
        )
    )
    work.audit(AuditAction.COOPERATION_RECORDED, permit, stream_id=case.id)
    await case_changed(work, case)
    return case


async def set_case_work(
    case_work: CaseWork, reason: ClosureReason | None, version: int, permit: Permit, work: UnitOfWork
) -> Case:
    """Move the case-work axis by the step of the procedure that stands for the move.

    Raises:
        InvalidInput: a closure without its reason, or a reason without a closure.
        StepNotOpen, NotPermitted, VersionStale: see `take_step` and `lock_at`.
    """
    if (case_work == CaseWork.CLOSED) != (reason is not None):
        raise InvalidInput(field="reason", reason="a closure, and only a closure, has a reason")
    case = await lock_at(work, permit, version)
    step = await take_recording_step(work, case, permit, "case_work", case_work)
    if case_work == CaseWork.CLOSED:
        action = AuditAction.CASE_CLOSED
    else:
        action = AuditAction.CASE_REOPENED if case.closed_at is not None else AuditAction.STEP_COMPLETED
    case.case_work, case.closure_reason = case_work, reason
    case.closed_at = work.now if case_work == CaseWork.CLOSED else None
    await keep_on(work, case)
    plan_case(work, case)
    work.audit(action, permit, stream_id=case.id, step=step.step.key, reason=reason)
    await case_changed(work, case)
    return case
