"""Figures that others published, entered by hand with their source."""

from collections.abc import Sequence
from typing import Annotated

from fastapi import APIRouter, Query
from sqlmodel import col, select

from api.dependencies import IDEMPOTENT, May, Work
from api.routes.cases import NEW_PROBLEMS, READ_PROBLEMS
from api.schemas.base import Code, Country
from api.schemas.figures import FigureList, FigureOut, FiguresIn
from api.transaction import UnitOfWorkRoute
from auth.roles import Permission
from domain.figures.commands import enter_figures
from domain.figures.models import PublishedFigure
from domain.figures.rules import contradicted, question, speaking
from domain.referrals.queries import codes_of
from domain.unit_of_work import UnitOfWork

MOST = 5000

router = APIRouter(tags=["statistics"], route_class=UnitOfWorkRoute)


@router.post("/published-figures", status_code=201, dependencies=[IDEMPOTENT], responses=NEW_PROBLEMS)
async def enter_published_figures(body: FiguresIn, may: May, work: Work) -> FigureList:
    """Enter figures that others published. A figure of the same source that stands already gets a new version."""
    permit = may.own(Permission.FIGURE_ENTER)
    entered = await enter_figures([one.to_command() for one in body.figures], permit, work)
    return await _shown(work, entered)


@router.get("/published-figures", responses=READ_PROBLEMS)
async def list_published_figures(
    may: May,
    work: Work,
    country: Annotated[Country | None, Query(description="Only those about this country.")] = None,
    series: Annotated[Code | None, Query(description="Only this series.")] = None,
) -> FigureList:
    """List what others published, each source's newest version, and where they contradict each other."""
    may.own(Permission.FIGURE_READ)
    statement = select(PublishedFigure)
    if country is not None:
        statement = statement.where(col(PublishedFigure.country) == country)
    if series is not None:
        statement = statement.where(col(PublishedFigure.series) == series)
    rows = await work.session.execute(
        statement.order_by(
            col(PublishedFigure.series),
            col(PublishedFigure.country),
            col(PublishedFigure.period_from),
            col(PublishedFigure.source),
        ).limit(MOST)
    )
    return await _shown(work, speaking(rows.scalars()))


async def _shown(work: UnitOfWork, figures: Sequence[PublishedFigure]) -> FigureList:
    """Return figures, compared with what all sources say about the same."""
    series = {figure.series for figure in figures}
    rows = await work.session.execute(select(PublishedFigure).where(col(PublishedFigure.series).in_(series)))
    differing = contradicted(speaking(rows.scalars()))
    codes = await codes_of(work, [figure.organisation_id for figure in figures])
    return FigureList(
        items=[
            FigureOut.of(one, codes[one.organisation_id], contradicted=question(one) in differing) for one in figures
        ]
    )
