"""Cases: open, list, look, work, close; the person and their compartments; who must not know."""

from typing import Annotated, Any

from fastapi import APIRouter, Path, Response
from sqlmodel import col, select

from api.dependencies import (
    IDEMPOTENT,
    CurrentActor,
    Cursor,
    Limit,
    May,
    Reader,
    Reference,
    Version,
    Work,
    etag,
    opens,
)
from api.next_steps import next_steps
from api.pagination import page
from api.problems import InvalidRequest, PreconditionRequired, Unavailable, problems
from api.schemas.base import Withheld
from api.schemas.cases import (
    AttributesIn,
    CaseIn,
    CaseOpened,
    CaseOut,
    CasePage,
    CaseSummary,
    CaseWorkIn,
    CompartmentIn,
    CompartmentOut,
    CooperationIn,
    NextStepsOut,
    PersonOut,
)
from api.transaction import UnitOfWorkRoute
from auth.authorisation import Authorisation, visible
from auth.roles import Permission
from auth.tokens import TokenRefused
from domain.budgets.commands import count_search
from domain.cases.commands import (
    KIND,
    complete_step,
    open_case,
    person_of,
    record_cooperation,
    record_person,
    seal_compartment,
    set_case_work,
)
from domain.cases.models import Case, Relation
from domain.cases.queries import record_of
from domain.cases.rules import decided, identification, support
from domain.codes import Compartment, DecisionBody
from domain.disclosures.openings import read, reveal_compartment
from domain.duplicates.commands import COMPARED
from domain.errors import InvalidInput, NotFound, NotPermitted, StateConflict, VersionStale
from domain.permits import Permit
from domain.referrals.queries import codes_of
from domain.sealing.envelope import SealBroken
from domain.unit_of_work import UnitOfWork
from domain.workflow.confidentiality import EVERYTHING
from domain.workflow.engine import ConsentMissing, StepNotOpen

READ_PROBLEMS = problems(TokenRefused, NotFound, NotPermitted, InvalidRequest, Unavailable)
WRITE_PROBLEMS = READ_PROBLEMS | problems(StateConflict, StepNotOpen, ConsentMissing, InvalidInput, InvalidRequest)
CHANGE_PROBLEMS = WRITE_PROBLEMS | problems(VersionStale) | problems(PreconditionRequired)

NEW_PROBLEMS = problems(TokenRefused, NotPermitted, InvalidRequest, InvalidInput, Unavailable)
StepName = Annotated[str, Path(pattern=r"^[a-z][a-z0-9-]*$", max_length=60, description="A step of the procedure.")]

router = APIRouter(tags=["cases"], route_class=UnitOfWorkRoute)


@router.post("/cases", status_code=201, dependencies=[IDEMPOTENT], responses=NEW_PROBLEMS)
async def create_case(body: CaseIn, may: May, work: Work, response: Response) -> CaseOpened:
    """Open a case for one person. What is sealed does not come back in the answer."""
    permit = may.own(Permission.CASE_OPEN)
    fields_fit(work, permit, {name: dict(fields) for name, fields in body.compartments.items()})
    case = await open_case(body.to_command(), permit, work)
    if COMPARED & body.compartments.keys():
        await count_search(work, permit.actor)
    etag(response, case.version)
    response.headers["Location"] = f"/v1/cases/{case.reference}"
    return CaseOpened.of(case)


@router.get("/cases", responses=READ_PROBLEMS)
async def list_cases(may: May, work: Work, actor: CurrentActor, cursor: Cursor = None, limit: Limit = 50) -> CasePage:
    """List the cases that your organisation leads or serves, newest first."""
    may.own(Permission.CASE_READ)
    rows, following = await page(
        work.session,
        select(Case).where(visible(Case, Permission.CASE_READ, actor), col(Case.merged_into_id).is_(None)),
        (col(Case.opened_at), col(Case.id)),
        cursor,
        limit,
        lambda row: (row.opened_at, row.id),
    )
    return CasePage(items=[_summary(case, may) for case in rows], next=following)


@router.get("/cases/{reference}", responses=READ_PROBLEMS)
async def read_case(reference: Reference, may: May, work: Work, response: Response) -> CaseOut:
    """Look at a case: its axes, the coded attributes of the person, and what is withheld. Reading is recorded."""
    case, permit = await may.case(reference, Permission.CASE_READ)
    await read(work, permit, case)
    etag(response, case.version)
    return await shown(work, may, case)


@router.patch("/cases/{reference}/person", dependencies=[IDEMPOTENT], responses=CHANGE_PROBLEMS)
async def change_person(
    reference: Reference, body: AttributesIn, may: May, work: Work, version: Version, response: Response
) -> CaseOut:
    """Record coded attributes of the person."""
    _, permit = await may.case(reference, Permission.PERSON_RECORD)
    case = await record_person(body.to_attributes(), version, permit, work)
    etag(response, case.version)
    return await shown(work, may, case)


@router.put(
    "/cases/{reference}/person/{compartment}",
    status_code=204,
    dependencies=[IDEMPOTENT],
    responses=CHANGE_PROBLEMS,
)
async def put_compartment(
    reference: Reference,
    compartment: Compartment,
    body: CompartmentIn,
    may: May,
    work: Work,
    actor: CurrentActor,
    version: Version,
) -> Response:
    """Replace what one compartment of the person holds; sealed before it is stored."""
    _, permit = await may.case(reference, Permission.COMPARTMENT_SEAL, opens(work, actor, "owner"))
    fields_fit(work, permit, {compartment: dict(body.fields)})
    if compartment not in opens(work, actor, "owner").ever():
        raise NotPermitted(rule="role", compartment=str(compartment))
    case = await seal_compartment(compartment, dict(body.fields), version, permit, work)
    if compartment in COMPARED:
        await count_search(work, actor)
    return Response(status_code=204, headers={"ETag": f'"{case.version}"'})


@router.get("/cases/{reference}/person/{compartment}", responses=READ_PROBLEMS | problems(SealBroken))
async def read_compartment(
    reference: Reference, compartment: Compartment, may: May, work: Work, actor: CurrentActor
) -> CompartmentOut:
    """Open one compartment of the person. Recorded before you read it."""
    case, permit = await may.case(
        reference, Permission.COMPARTMENT_REVEAL, opens(work, actor, "owner").only({compartment})
    )
    if compartment not in permit.compartments:
        raise NotPermitted(rule="compartment", compartment=str(compartment))
    opened = await reveal_compartment(permit, case, work)
    return CompartmentOut(compartment=compartment, fields=opened.get(compartment, {}))


@router.get("/cases/{reference}/next-steps", responses=READ_PROBLEMS)
async def read_next_steps(reference: Reference, may: May, work: Work, reader: Reader) -> NextStepsOut:
    """See what may be done now, by whom, by when and on what ground, and why the rest is closed."""
    case, _ = await may.case(reference, Permission.CASE_WORK)
    return await next_steps(work, case, may.actor.role, reader)


@router.post(
    "/cases/{reference}/steps/{step}/completion",
    status_code=201,
    dependencies=[IDEMPOTENT],
    responses=WRITE_PROBLEMS,
)
async def report_step(reference: Reference, step: StepName, may: May, work: Work, reader: Reader) -> NextStepsOut:
    """Report that a step was done which leaves no record of its own; answers with what is open then."""
    _, permit = await may.case(reference, Permission.CASE_WORK)
    case = await complete_step(step, permit, work)
    return await next_steps(work, case, may.actor.role, reader)


@router.put("/cases/{reference}/case-work", dependencies=[IDEMPOTENT], responses=CHANGE_PROBLEMS)
async def change_case_work(
    reference: Reference, body: CaseWorkIn, may: May, work: Work, version: Version, response: Response
) -> CaseOut:
    """Take a case up, begin its follow-up, close it with a reason, or reopen it, where the procedure allows it."""
    _, permit = await may.case(reference, Permission.CASE_CLOSE)
    case = await set_case_work(body.case_work, body.reason, version, permit, work)
    etag(response, case.version)
    return await shown(work, may, case)


@router.post("/cases/{reference}/cooperation", status_code=204, dependencies=[IDEMPOTENT], responses=WRITE_PROBLEMS)
async def create_cooperation(reference: Reference, body: CooperationIn, may: May, work: Work) -> Response:
    """Record whether the person wishes to co-operate with law enforcement. Support does not look at it."""
    _, permit = await may.case(reference, Permission.COOPERATION_RECORD)
    await record_cooperation(body.willing, permit, work)
    return Response(status_code=204)


def fields_fit(work: UnitOfWork, permit: Permit, given: dict[Compartment, dict[str, Any]]) -> None:
    """Refuse a field that the confidentiality profile does not place in its compartment: default deny.

    Raises:
        InvalidInput: says which compartment, not which field: its name was typed by the caller.
    """
    profile = work.catalogue.confidentiality(permit.actor.country)
    for compartment, fields in given.items():
        if any(profile.compartment_of(name) != compartment for name in fields):
            raise InvalidInput(field=str(compartment), reason="a field that the profile does not place here")


def _summary(case: Case, may: Authorisation) -> CaseSummary:
    relation = Relation.OWNER if case.owner_organisation_id == may.actor.organisation_id else Relation.RECEIVER
    return CaseSummary.taken(case, relation=relation)


async def shown(work: UnitOfWork, may: Authorisation, case: Case) -> CaseOut:
    """Return a case as the actor's organisation may see it."""
    owns = case.owner_organisation_id == may.actor.organisation_id
    codes = await codes_of(work, [case.owner_organisation_id])
    record = await record_of(work.session, case)
    decisions = record.decisions
    return CaseOut(
        **_summary(case, may).model_dump(),
        country=case.country,
        owner=codes[case.owner_organisation_id],
        sop_versions=case.sop_versions,
        identification=identification(record) if owns else None,
        ngo_identification=decided(decisions, DecisionBody.NGO)[0] if owns else None,
        state_identification=decided(decisions, DecisionBody.STATE)[0] if owns else None,
        support=support(record.referrals, record.episodes) if owns else None,
        closure_reason=case.closure_reason,
        merged_into=await _merged_into(work, case),
        person=await _person(work, may, case),
    )


async def _merged_into(work: UnitOfWork, case: Case) -> str | None:
    """Return the reference of the case that goes on for the same person, if there is one."""
    if case.merged_into_id is None:
        return None
    return await work.session.scalar(select(col(Case.reference)).where(col(Case.id) == case.merged_into_id))


async def _person(work: UnitOfWork, may: Authorisation, case: Case) -> PersonOut:
    """Return the person with what is withheld: by role, because it was not handed over, or because it is not open."""
    person = await person_of(work, case)
    if case.owner_organisation_id != may.actor.organisation_id:
        return PersonOut.for_receiver(person)
    by_role = opens(work, may.actor, "owner").at(case.case_work)
    try:
        _, permit = await may.case(case.reference, Permission.COMPARTMENT_REVEAL, EVERYTHING)
        granted = permit.compartments
    except NotPermitted:
        granted = frozenset()
    held = await work.vault.present(holder_id=case.id, record_id=person.id, kind=KIND)
    may_open = by_role & granted & held
    withheld = [
        Withheld(compartment=one, because=_reason(one, by_role, granted)) for one in Compartment if one not in may_open
    ]
    return PersonOut.of(person, set(may_open), withheld)


def _reason(one: Compartment, by_role: frozenset[Compartment], granted: frozenset[Compartment]) -> str:
    if one not in by_role:
        return "role"
    return "not-granted" if one not in granted else "empty"
