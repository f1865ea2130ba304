"""Enter figures that others published. Nothing is overwritten: a correction is a new version; the newest speaks."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from sqlmodel import col, select

from domain.audit.actions import AuditAction
from domain.codes import CountUnit
from domain.errors import InvalidInput
from domain.figures.models import PublishedFigure
from domain.permits import Permit
from domain.unit_of_work import UnitOfWork


@dataclass(frozen=True, slots=True)
class EnterFigure:
    """What a source says about one series in one country and period.

    Attributes:
        value: None where the source says that it has no data: that is not 0.
        disputed: The source contradicts itself about it.
    """

    series: str
    unit: CountUnit
    country: str
    period_from: date
    period_to: date
    value: int | None
    source: str
    disputed: bool = False


async def enter_figures(commands: Sequence[EnterFigure], permit: Permit, work: UnitOfWork) -> list[PublishedFigure]:
    """Enter figures; one that stands already, unchanged, stays as it is, so that a file can be entered twice.

    Raises:
        InvalidInput: a period ends before it begins, or a series would change what it counts.
    """
    return [await _enter(command, permit, work) for command in commands]


async def _enter(command: EnterFigure, permit: Permit, work: UnitOfWork) -> PublishedFigure:
    if command.period_to < command.period_from:
        raise InvalidInput(field="period_to", reason="before the period begins")
    others = await work.session.execute(
        select(PublishedFigure.unit).where(
            col(PublishedFigure.series) == command.series, col(PublishedFigure.unit) != command.unit
        )
    )
    if others.first() is not None:
        raise InvalidInput(field="unit", reason="this series counts something else")
    rows = await work.session.execute(
        select(PublishedFigure)
        .where(
            col(PublishedFigure.series) == command.series,
            col(PublishedFigure.country) == command.country,
            col(PublishedFigure.period_from) == command.period_from,
            col(PublishedFigure.period_to) == command.period_to,
            col(PublishedFigure.source) == command.source,
        )
        .order_by(col(PublishedFigure.version).desc())
        .limit(1)
    )
    last = rows.scalar_one_or_none()
    if last is not None and (last.value, last.disputed) == (command.value, command.disputed):
        _record(work, permit, last)
        return last
    figure = PublishedFigure(
        id=work.ids.uuid(),
        series=command.series,
        unit=command.unit,
        country=command.country,
        period_from=command.period_from,
        period_to=command.period_to,
        value=command.value,
        source=command.source,
        disputed=command.disputed,
        version=last.version + 1 if last is not None else 1,
        entered_at=work.now,
        staff_id=permit.actor.staff_id,
        organisation_id=permit.actor.organisation_id,
    )
    work.add(figure)
    await work.flush()
    _record(work, permit, figure)
    return figure


def _record(work: UnitOfWork, permit: Permit, figure: PublishedFigure) -> None:
    """Record that somebody entered it, if only to say the same again."""
    work.audit(
        AuditAction.FIGURE_ENTERED,
        permit,
        stream_id=permit.actor.organisation_id,
        subject_id=figure.id,
        version=figure.version,
    )
