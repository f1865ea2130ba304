"""Read a file of published figures, and enter it in the name of a coordinator.

Two forms are read (JSON or YAML): `figures`, as the API takes them; and `hotline_years`, a table with one row for each
country and year, in which `null` means that the source has no data and a column that is absent says nothing.
"""

from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Annotated, Any, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field

from api.runtime import Runtime
from api.schemas.figures import FiguresIn
from auth.authentication import enter
from auth.authorisation import Authorisation
from auth.roles import Permission
from auth.tokens import Claims
from domain.codes import CountUnit
from domain.figures.commands import EnterFigure, enter_figures

Count = Annotated[int, Field(strict=True, ge=0)]

SERIES: dict[str, tuple[str, CountUnit]] = {
    "target": ("hotline-calls-target", CountUnit.CALLS),
    "calls": ("hotline-calls", CountUnit.CALLS),
    "male": ("hotline-calls-male", CountUnit.CALLS),
    "female": ("hotline-calls-female", CountUnit.CALLS),
    "vot_referrals": ("hotline-victim-referrals", CountUnit.REFERRALS),
    "vot_male": ("hotline-victim-referrals-male", CountUnit.REFERRALS),
    "vot_female": ("hotline-victim-referrals-female", CountUnit.REFERRALS),
}
"""What the columns of a table of hotline years count. Calls are neither persons nor cases."""


class HotlineYear(BaseModel):
    """One row: a hotline in one year. A column that is left out says nothing; `null` says that there is no data."""

    model_config = ConfigDict(extra="forbid")

    country: Annotated[str, Field(pattern=r"^[A-Z]{2}$")]
    year: Annotated[int, Field(ge=1990, le=2100)]
    target: Count | None = None
    calls: Count | None = None
    male: Count | None = None
    female: Count | None = None
    vot_referrals: Count | None = None
    vot_male: Count | None = None
    vot_female: Count | None = None
    reasons: dict[Annotated[str, Field(pattern=r"^[a-z_]{1,30}$")], Count | None] = Field(default_factory=dict)
    contradiction: str | None = None

    def figures(self, source: str) -> Iterator[EnterFigure]:
        """Yield what the row says."""
        said = [(*SERIES[name], getattr(self, name)) for name in SERIES if name in self.model_fields_set]
        series, unit = SERIES["vot_referrals"]
        said += [(f"{series}-{reason.replace('_', '-')}", unit, value) for reason, value in self.reasons.items()]
        for name, counts, value in said:
            yield EnterFigure(
                series=name,
                unit=counts,
                country=self.country,
                period_from=date(self.year, 1, 1),
                period_to=date(self.year, 12, 31),
                value=value,
                source=source,
                disputed=self.contradiction is not None and name == series,
            )


class HotlineYears(BaseModel):
    """A table of hotline years. It counts calls; another unit would be another table."""

    unit: Literal["calls"]
    rows: list[HotlineYear]


def read(path: Path, source: str | None) -> list[EnterFigure]:
    """Read a file of figures.

    Args:
        path: JSON or YAML.
        source: The code of the publication; needed for a table of hotline years, which does not name it.

    Raises:
        ValueError: it has neither form, does not fit its form, or has no source.
    """
    document: Any = yaml.safe_load(path.read_text(encoding="utf-8"))
    if isinstance(document, dict) and "figures" in document:
        return [one.to_command() for one in FiguresIn.model_validate(document).figures]
    if not isinstance(document, dict) or "hotline_years" not in document:
        raise ValueError("neither `figures` nor `hotline_years` is in it")
    if source is None:
        raise ValueError("a table of hotline years needs --source")
    table = HotlineYears.model_validate(document["hotline_years"])
    return [figure for row in table.rows for figure in row.figures(source)]


async def enter_file(figures: list[EnterFigure], claims: Claims, runtime: Runtime) -> int:
    """Enter figures in one transaction as a coordinator; returns how many are new or corrected.

    Raises:
        DomainError: the actor may not, or a figure does not fit.
    """
    async with runtime.database.sessions()() as session:
        actor = await enter(session, claims, runtime.clock)
        work = runtime.work(session, actor.now)
        permit = Authorisation(session, actor).own(Permission.FIGURE_ENTER)
        entered = await enter_figures(figures, permit, work)
        await work.commit()
    return sum(figure.entered_at == actor.now for figure in entered)
