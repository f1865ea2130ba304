"""Figures that others published: what goes in, what comes out. "No data" is said in words and is never 0."""

from datetime import date
from typing import Annotated, Literal

from pydantic import Field

from api.schemas.base import Code, Country, Flag, In, Instant, Out
from domain.codes import CountUnit
from domain.figures.commands import EnterFigure
from domain.figures.models import PublishedFigure

NO_DATA = "no_data"
MOST_FIGURES = 500
Value = Annotated[int, Field(strict=True, ge=0, le=2**53)] | Literal["no_data"]
Day = Annotated[date, Field(ge=date(1900, 1, 1), le=date(2199, 12, 31))]


class FigureIn(In):
    """What a source says about one series, in one country and period."""

    series: Code = Field(description="What is counted, as `hotline-calls`.")
    unit: CountUnit
    country: Country
    period_from: Day
    period_to: Day = Field(description="The last day of the period.")
    value: Value = Field(description="A number, or `no_data` where the source has none.")
    source: Code = Field(description="Which publication says so.")
    disputed: Flag = Field(default=False, description="The source contradicts itself about it.")

    def to_command(self) -> EnterFigure:
        """Return the command."""
        return EnterFigure(
            series=self.series,
            unit=self.unit,
            country=self.country,
            period_from=self.period_from,
            period_to=self.period_to,
            value=None if isinstance(self.value, str) else self.value,
            source=self.source,
            disputed=self.disputed,
        )


class FiguresIn(In):
    """Figures to be entered together: all of them, or none."""

    figures: list[FigureIn] = Field(min_length=1, max_length=MOST_FIGURES)


class FigureOut(Out):
    """One source's answer, in its newest version."""

    series: str = Field(max_length=60)
    unit: CountUnit
    country: str = Field(max_length=2)
    period_from: date
    period_to: date
    value: Value
    source: str = Field(max_length=60)
    disputed: bool = Field(description="The source contradicts itself.")
    contradicted: bool = Field(description="Another source says another number.")
    version: int = Field(ge=1, le=2**31)
    entered_at: Instant
    entered_by: str = Field(max_length=60, description="The organisation that entered it.")

    @classmethod
    def of(cls, figure: PublishedFigure, entered_by: str, *, contradicted: bool) -> "FigureOut":
        """Return the figure as shown."""
        value = NO_DATA if figure.value is None else figure.value
        return cls.taken(figure, value=value, contradicted=contradicted, entered_by=entered_by)


class FigureList(Out):
    """Hand-entered figures: published by others, not counted by this service."""

    items: list[FigureOut] = Field(max_length=5000)
