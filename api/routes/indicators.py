"""Outcome indicators: definitions and exact results, for the coordinator and for whoever owns them."""

from collections.abc import Sequence
from typing import Annotated

from fastapi import APIRouter, Path

from api.dependencies import May, Reader, Work
from api.routes.cases import READ_PROBLEMS
from api.schemas.indicators import IndicatorList, IndicatorOut, ResultList, ResultOut
from api.transaction import UnitOfWorkRoute
from auth.roles import Permission
from domain.errors import InvalidInput, NotFound
from domain.permits import Permit
from domain.results.framework import Framework, Indicator
from domain.results.periods import Period
from domain.results.queries import owned, results
from domain.unit_of_work import UnitOfWork

PeriodName = Annotated[
    str,
    Path(
        pattern=r"^[A-Za-z0-9.-]+$",
        max_length=24,
        description="`2019`, `2019-H1`, `2019-Q3`, `FY2019` (October 2018 to September 2019), two days as "
        "`2015-01-01..2020-02-28`, or a name of the framework.",
        examples=["2026-Q3"],
    ),
]
IndicatorKey = Annotated[str, Path(pattern=r"^[a-z][a-z0-9-]*$", max_length=60, examples=["dar-2-4"])]

router = APIRouter(tags=["indicators"], route_class=UnitOfWorkRoute)


@router.get("/indicators", responses=READ_PROBLEMS)
async def list_indicators(may: May, work: Work, reader: Reader) -> IndicatorList:
    """List the indicators that you are told of: the coordinator of all, an organisation of those that it owns."""
    permit = may.own(Permission.INDICATOR_READ)
    framework, indicators = await _owned(work, permit)
    return IndicatorList(
        framework=framework.framework,
        version=framework.version,
        items=[IndicatorOut.of(one, framework, permit.actor.country, reader) for one in indicators],
    )


@router.get("/indicators/{period}", responses=READ_PROBLEMS)
async def report_indicators(period: PeriodName, may: May, work: Work, reader: Reader) -> ResultList:
    """See the results of a period, exact: of all indicators that you are told of.

    A value is a number or `no_data`, which is not 0. Whoever did not agree to be counted is only in `excluded`; what is
    behind a conflict wall of yours counts nowhere. That you read them is recorded before you do.
    """
    permit = may.own(Permission.INDICATOR_READ)
    framework, indicators = await _owned(work, permit)
    wanted = period_of(framework, period)
    found = await results(framework, indicators, wanted, permit, work)
    return ResultList.of(found, framework, wanted.name, work.catalogue, reader)


@router.get("/indicators/{period}/{indicator}", responses=READ_PROBLEMS)
async def read_indicator(
    period: PeriodName, indicator: IndicatorKey, may: May, work: Work, reader: Reader
) -> ResultOut:
    """See the result of one indicator in a period. One that you are not told of does not exist for you.

    That you read it is recorded before you do.
    """
    permit = may.own(Permission.INDICATOR_READ)
    framework, indicators = await _owned(work, permit)
    wanted = [one for one in indicators if one.key == indicator]
    if not wanted:
        raise NotFound
    found = await results(framework, wanted, period_of(framework, period), permit, work)
    return ResultOut.of_result(found[0], framework, work.catalogue, reader)


async def _owned(work: UnitOfWork, permit: Permit) -> tuple[Framework, Sequence[Indicator]]:
    framework = work.catalogue.framework(permit.actor.country)
    return framework, await owned(work.session, framework, permit.actor)


def period_of(framework: Framework, name: str) -> Period:
    """Return a period by its name.

    Raises:
        InvalidInput: it is none.
    """
    try:
        return framework.period_called(name)
    except ValueError:
        raise InvalidInput(field="period", reason="no period") from None
