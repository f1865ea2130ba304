"""The directory, code lists, procedures, notifications and the funnel."""

from typing import Annotated

from fastapi import APIRouter, Path, Query
from sqlalchemy import any_, func, literal, text
from sqlmodel import col, select

from api.dependencies import CurrentActor, Cursor, Limit, May, Reader, Work
from api.next_steps import source_out
from api.pagination import page
from api.routes.cases import READ_PROBLEMS
from api.schemas.base import Labelled
from api.schemas.contacts import CallbackCounts, CallbacksOfOrganisation
from api.schemas.directory import (
    CodeListOut,
    CodeLists,
    OrganisationList,
    OrganisationOut,
    SopList,
    SopOut,
    SopStepOut,
)
from api.schemas.referrals import FunnelOut, FunnelStage, NotificationOut, NotificationPage
from api.transaction import UnitOfWorkRoute
from auth.roles import Permission
from domain.audit.figures import record_reading
from domain.codes import CountUnit, Language, Population, Service
from domain.notifications.models import Notification
from domain.organisations.models import Organisation
from domain.places.queries import directory_of_places
from domain.workflow.catalogue import Catalogue
from domain.workflow.sop import Sop

STAGES = (
    "contacts",
    "contacts_about_cases",
    "cases",
    "persons",
    "presumed_or_identified",
    "sent",
    "received",
    "accepted",
    "in_service",
    "completed",
    "services_begun",
    "services_given",
)
SopName = Annotated[str, Path(pattern=r"^[a-z][a-z0-9-]*$", max_length=60)]
SopVersion = Annotated[str, Path(pattern=r"^[0-9]+\.[0-9]+\.[0-9]+$", max_length=20)]

router = APIRouter(route_class=UnitOfWorkRoute)


@router.get("/organisations", tags=["directory"], responses=READ_PROBLEMS)
async def list_organisations(
    may: May,
    work: Work,
    actor: CurrentActor,
    service: Annotated[Service | None, Query(description="Only those that give this service.")] = None,
) -> OrganisationList:
    """List the active organisations of your country."""
    may.own(Permission.DIRECTORY_READ)
    statement = select(Organisation).where(
        col(Organisation.country) == actor.country,
        col(Organisation.status).in_(("active", "probation")),
        col(Organisation.active_until) > actor.now,
    )
    if service is not None:
        statement = statement.where(literal(str(service)) == any_(col(Organisation.services)))
    rows = await work.session.execute(statement.order_by(col(Organisation.code)).limit(1000))
    types = await directory_of_places(work)
    return OrganisationList(items=[OrganisationOut.of(row, types.get(row.id, ())) for row in rows.scalars()])


@router.get("/code-lists", tags=["directory"], responses=READ_PROBLEMS)
async def list_codes(may: May, work: Work, reader: Reader) -> CodeLists:
    """List every closed code list with labels in your language."""
    may.own(Permission.DIRECTORY_READ)
    return CodeLists(
        items=[
            CodeListOut(
                name=name,
                codes=[Labelled(code=code, label=labels[reader]) for code, labels in codes.items()],
            )
            for name, codes in sorted(work.catalogue.codes.lists.items())
        ]
    )


@router.get("/sops", tags=["procedures"], responses=READ_PROBLEMS)
async def list_sops(may: May, work: Work, reader: Reader) -> SopList:
    """List the published procedures, every version, with the share of rules that are only assumed."""
    may.own(Permission.DIRECTORY_READ)
    return SopList(items=[_sop(work.catalogue, sop, reader) for _, sop in sorted(work.catalogue.sops.items())])


@router.get("/sops/{sop}/{version}", tags=["procedures"], responses=READ_PROBLEMS)
async def read_sop(sop: SopName, version: SopVersion, may: May, work: Work, reader: Reader) -> SopOut:
    """Read one version of a procedure."""
    may.own(Permission.DIRECTORY_READ)
    return _sop(work.catalogue, work.catalogue.sop(sop, version), reader)


def _sop(catalogue: Catalogue, sop: Sop, language: Language) -> SopOut:
    assumed, rules = sop.assumed
    return SopOut(
        sop=sop.sop,
        version=sop.version,
        title=sop.title[language],
        translation=sop.translations[language],
        assumed_rules=assumed,
        rules=rules,
        steps=[
            SopStepOut(
                step=step.key,
                title=step.title[language],
                track=step.track,
                responsible=[
                    Labelled(code=role, label=catalogue.labels("Role", role, language)) for role in step.responsible
                ],
                within=str(step.deadline.within) if step.deadline else None,
                source=source_out(sop, step),
            )
            for step in sop.steps
        ],
    )


@router.get("/notifications", tags=["notifications"], responses=READ_PROBLEMS)
async def list_notifications(
    may: May, work: Work, actor: CurrentActor, cursor: Cursor = None, limit: Limit = 50
) -> NotificationPage:
    """List what your organisation was told, newest first: references only, no content."""
    may.own(Permission.NOTIFICATION_READ)
    rows, following = await page(
        work.session,
        select(Notification).where(
            col(Notification.organisation_id) == actor.organisation_id,
            col(Notification.reference).not_in(select(func.nrm_walled_references())),
            col(Notification.reference).not_in(select(func.nrm_walled_questions())),
        ),
        (col(Notification.created_at), col(Notification.id)),
        cursor,
        limit,
        lambda row: (row.created_at, row.id),
    )
    items = [NotificationOut.taken(row) for row in rows]
    return NotificationPage(items=items, next=following)


@router.get("/caseload/funnel", tags=["caseload"], responses=READ_PROBLEMS)
async def read_funnel(may: May, work: Work) -> FunnelOut:
    """See how far the referrals of the country get: exact, for the coordinator alone.

    Every line names its unit and of whom it speaks; vulnerable migrants are counted apart and never as victims.
    That you read it is recorded before you do.
    """
    record_reading("funnel", may.own(Permission.FUNNEL_READ), work)
    rows = await work.session.execute(text("SELECT stage, unit, population, counted FROM nrm_funnel()"))
    stages = [FunnelStage(stage=row.stage, unit=row.unit, population=row.population, count=row.counted) for row in rows]
    order = {population: place for place, population in enumerate(Population)}
    stages.sort(key=lambda one: (STAGES.index(one.stage), order[one.population]))
    return FunnelOut(stages=stages)


@router.get("/caseload/callbacks", tags=["caseload"], responses=READ_PROBLEMS)
async def count_callbacks(may: May, work: Work) -> CallbackCounts:
    """Count the callbacks that organisations of the country owe, and how old they are. No contact is named.

    That you read the counts is recorded before you do.
    """
    record_reading("callbacks", may.own(Permission.CALLBACKS_COUNT), work)
    rows = await work.session.execute(
        text(
            "SELECT organisation, due, overdue, oldest_due_at FROM nrm_callbacks() ORDER BY oldest_due_at, organisation"
        )
    )
    items = [CallbacksOfOrganisation.taken(row) for row in rows]
    return CallbackCounts(unit=CountUnit.CALLBACKS, items=items)
