"""Exact figures for the screen: of one's own organisation, and of the mechanism for the coordinator. No parameters."""

from fastapi import APIRouter
from sqlalchemy import text

from api.dependencies import May, Work
from api.own_caseload import own_caseload
from api.routes.cases import READ_PROBLEMS
from api.schemas.caseload import CaseloadOut, DashboardLine, DashboardOut
from api.transaction import UnitOfWorkRoute
from auth.roles import Permission
from domain.audit.figures import record_reading
from domain.codes import CountUnit

router = APIRouter(tags=["caseload"], route_class=UnitOfWorkRoute)

UNITS = {"referrals": CountUnit.REFERRALS, "steps": CountUnit.STEPS, "questions": CountUnit.CAPACITY_QUESTIONS}
"""What a figure counts, by the first word of its name."""


@router.get("/caseload", responses=READ_PROBLEMS)
async def read_caseload(may: May, work: Work) -> CaseloadOut:
    """Count the cases, referrals and services of your organisation that you see in its lists: exact, for you alone.

    That you read them is recorded before you do.
    """
    return await own_caseload(may.own(Permission.CASELOAD_READ), work)


@router.get("/dashboard", responses=READ_PROBLEMS)
async def read_dashboard(may: May, work: Work) -> DashboardOut:
    """See where referrals wait, fail for want of room or miss their time, by organisation and by service: exact.

    That you read it is recorded before you do.
    """
    record_reading("dashboard", may.own(Permission.DASHBOARD_READ), work)
    rows = await work.session.execute(text("SELECT * FROM nrm_dashboard() ORDER BY 1 NULLS LAST, 2, 3, 4"))
    return DashboardOut(
        lines=[
            DashboardLine(
                organisation=row.organisation,
                service=row.service,
                figure=row.figure,
                unit=UNITS[row.figure.partition("_")[0]],
                population=row.population,
                count=row.counted,
                median_hours=None if row.median_hours is None else round(row.median_hours, 1),
            )
            for row in rows
        ]
    )
