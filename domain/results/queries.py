"""Ask the database what indicators need, and put results together. Row-level security and `nrm_measured` limit both."""

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import Final

from sqlalchemy import ARRAY, Text, bindparam, text
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col, select

from domain.audit.figures import record_reading
from domain.codes import NrmRole, Role
from domain.figures.models import PublishedFigure
from domain.figures.rules import speaking
from domain.organisations.models import Organisation
from domain.permits import Actor, Permit
from domain.results.framework import Framework, Indicator
from domain.results.periods import Period
from domain.results.rules import Result, Row, beside, measures_of, together, told
from domain.unit_of_work import UnitOfWork

EVER: Final = datetime(1900, 1, 1, tzinfo=UTC)
"""Before everything that is recorded here."""

_MEASURED = text("SELECT * FROM nrm_measured(:wanted, :since, :until, :zone)").bindparams(
    bindparam("wanted", type_=ARRAY(Text))
)


async def owned(session: AsyncSession, framework: Framework, actor: Actor) -> tuple[Indicator, ...]:
    """Return the indicators that the actor's organisation is told of: the coordinator of all, others of their own."""
    reported = framework.reported_in(actor.country)
    if actor.role == Role.COORDINATOR:
        return reported
    own = await session.get(Organisation, actor.organisation_id)
    parts = {NrmRole(one) for one in own.nrm_roles} if own is not None else set()
    return tuple(one for one in reported if one.owner in parts - {NrmRole.COORDINATOR})


async def results(
    framework: Framework, indicators: Sequence[Indicator], period: Period, permit: Permit, work: UnitOfWork
) -> list[Result]:
    """Return the results of indicators in the asker's country and a period, each with that of the period before.

    They are exact: that they were read is in the audit before they are told.
    """
    session, country = work.session, permit.actor.country
    figures = await entered_figures(session, indicators)
    now = await _told(session, framework, indicators, figures, country, period)
    before = await _told(session, framework, indicators, figures, country, period.before())
    record_reading("results", permit, work, period=period.name, indicators=[one.key for one in indicators])
    return beside(now, before)


async def regional(
    session: AsyncSession, framework: Framework, own: Sequence[Result], country: str, period: Period
) -> list[Result]:
    """Return, after own results, those that were entered of other countries, and the sums of all.

    Only indicators that several countries report are told here.
    """
    indicators = [framework.by_key[one.indicator] for one in own]
    shared = [one for one in indicators if len(one.countries) > 1]
    figures = await entered_figures(session, shared)
    found = [
        told(one, framework, (), (), figures, other, period)
        for one in shared
        for other in one.countries
        if other != country
    ]
    return [*found, *(together(one, framework, [*own, *found], figures, period) for one in shared)]


async def entered_figures(session: AsyncSession, indicators: Iterable[Indicator]) -> list[PublishedFigure]:
    """Return the newest version of every figure that indicators look at."""
    series = {one for indicator in indicators for one in (indicator.series, *indicator.apart) if one is not None}
    rows = await session.execute(
        select(PublishedFigure)
        .where(col(PublishedFigure.series).in_(series))
        .order_by(col(PublishedFigure.source), col(PublishedFigure.period_from), col(PublishedFigure.version))
    )
    return speaking(rows.scalars())


async def _told(
    session: AsyncSession,
    framework: Framework,
    indicators: Sequence[Indicator],
    figures: Sequence[PublishedFigure],
    country: str,
    period: Period,
) -> list[Result]:
    since, until = period.instants(framework.timezone)
    wanted = measures_of(indicators, country)
    rows = await _measured(session, wanted, since, until, framework.timezone)
    begun = {row.measure for row in rows}
    silent = sorted(set(wanted) - begun)
    begun |= {row.measure for row in await _measured(session, silent, EVER, until, framework.timezone)}
    return [told(one, framework, rows, begun, figures, country, period) for one in indicators]


async def _measured(
    session: AsyncSession, wanted: Sequence[str], since: datetime, until: datetime, zone: str
) -> list[Row]:
    if not wanted:
        return []
    rows = await session.execute(_MEASURED, {"wanted": list(wanted), "since": since, "until": until, "zone": zone})
    return [Row(**row) for row in rows.mappings()]
