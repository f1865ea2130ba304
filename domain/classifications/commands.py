"""What can be recorded about how a case is classified. Support reads none of it."""

from dataclasses import dataclass
from uuid import UUID

from domain.audit.actions import AuditAction
from domain.cases.commands import collect
from domain.cases.models import Case
from domain.cases.queries import record_of
from domain.cases.rules import identification
from domain.classifications.models import Classification
from domain.classifications.rules import VICTIMS, check
from domain.codes import ClassificationKind, ClassifyingBody, Compartment, Known, VictimType
from domain.deadlines.commands import case_changed
from domain.disclosures.grounds import to_open
from domain.errors import InvalidInput, NotFound, StateConflict
from domain.exploitation.rules import bounds
from domain.permits import Permit
from domain.unit_of_work import UnitOfWork

KIND = "classification"
"""The kind of sealed value that the reasons of a classification are."""

COMPARTMENT = Compartment.LEGAL


@dataclass(frozen=True, slots=True)
class Classify:
    """What somebody called it; see `Classification`."""

    kind: ClassificationKind
    code: str
    body: ClassifyingBody
    said_on: str = Known.NOT_ASKED
    reasons: str | None = None
    corrects: UUID | None = None


async def classify(command: Classify, permit: Permit, work: UnitOfWork) -> Classification:
    """Record a classification beside all earlier ones; one of the kind `helped_as` changes what the case counts as.

    Raises:
        InvalidInput: the code, body, date or corrected entry does not fit.
        StateConflict: the case counts as that already, or a victim was found, who is no vulnerable migrant.
        NotPermitted: there are reasons, and the legal compartment was not handed over.
    """
    check(command.kind, command.code, command.body)
    said_on = bounds("said_on", command.said_on)
    if said_on is not None and said_on[0] > work.today(permit.actor.country):
        raise InvalidInput(field="said_on", reason="in the future")
    case = await work.lock(Case, permit.subject_id)
    await _corrects_own(command, case, work)
    if command.kind == ClassificationKind.HELPED_AS:
        await _help_as(VictimType(command.code), case, work)
    made = Classification(
        id=work.ids.uuid(),
        case_id=case.id,
        kind=command.kind,
        code=command.code,
        body=command.body,
        said_on=command.said_on,
        corrects_id=command.corrects,
        recorded_at=work.now,
        staff_id=permit.actor.staff_id,
        organisation_id=permit.actor.organisation_id,
    )
    work.add(made)
    await work.flush()
    if command.reasons is not None:
        await _seal(command.reasons, case, made, work)
    helped_as = command.code if command.kind == ClassificationKind.HELPED_AS else None
    work.audit(
        AuditAction.CLASSIFICATION_RECORDED,
        permit,
        stream_id=case.id,
        subject_id=made.id,
        kind=command.kind,
        helped_as=helped_as,
    )
    if helped_as is not None:
        await case_changed(work, case)
    return made


async def reveal_reasons(classification_id: UUID, case: Case, permit: Permit, work: UnitOfWork) -> str | None:
    """Open the reasons of a classification of this case; None if none were given.

    Raises:
        NotFound: the case has no such classification.
    """
    found = await work.get(Classification, classification_id)
    if found.case_id != case.id:
        raise NotFound
    ground = await to_open(work, permit, case.id)
    opened = await work.reveal(
        ground, action=AuditAction.COMPARTMENT_REVEALED, stream_id=case.id, record_id=found.id, kind=KIND
    )
    return opened.get(COMPARTMENT, {}).get("reasons")


async def _help_as(victim_type: VictimType, case: Case, work: UnitOfWork) -> None:
    if case.victim_type == victim_type:
        raise StateConflict(current=str(victim_type))
    axis = identification(await record_of(work.session, case))
    if victim_type == VictimType.VULNERABLE_MIGRANT and axis in VICTIMS:
        raise StateConflict(current=str(axis))
    case.victim_type = victim_type


async def _corrects_own(command: Classify, case: Case, work: UnitOfWork) -> None:
    if command.corrects is None:
        return
    earlier = await work.session.get(Classification, command.corrects)
    if earlier is None or earlier.case_id != case.id or earlier.kind != command.kind:
        raise InvalidInput(field="corrects", reason="not a classification of this kind on this case")


async def _seal(reasons: str, case: Case, made: Classification, work: UnitOfWork) -> None:
    await collect(COMPARTMENT, case, work)
    await work.vault.put(
        {"reasons": reasons}, holder_id=case.id, record_id=made.id, kind=KIND, compartment=COMPARTMENT, now=work.now
    )
