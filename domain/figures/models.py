"""What is stored of figures that others published: entered by hand, with their source, corrected by new versions."""

from datetime import date, datetime
from uuid import UUID

from sqlalchemy import BigInteger, Index, Text, UniqueConstraint
from sqlmodel import Field, SQLModel

from domain.codes import CountUnit
from domain.columns import Instant


class PublishedFigure(SQLModel, table=True):
    """One version of one figure of one source, for one series, country and period.

    Attributes:
        period_from: The first day of the period.
        period_to: Its last day.
        value: What the source says; NULL where it says that it has no data, which is not 0.
        disputed: The source contradicts itself about this figure.
    """

    __tablename__ = "published_figures"
    __table_args__ = (
        UniqueConstraint("series", "country", "period_from", "period_to", "source", "version"),
        Index("published_figures_of_series", "series", "country", "period_from"),
    )

    id: UUID = Field(primary_key=True)
    series: str = Field(max_length=60)
    unit: CountUnit = Field(sa_type=Text)
    country: str = Field(max_length=2)
    period_from: date
    period_to: date
    value: int | None = Field(default=None, sa_type=BigInteger)
    source: str = Field(max_length=60)
    disputed: bool = False
    version: int
    entered_at: datetime = Field(sa_type=Instant)
    staff_id: UUID = Field(foreign_key="staff_members.id")
    organisation_id: UUID = Field(foreign_key="organisations.id")
