"""Exact figures of the running mechanism: for the screen of those who work in it. No release can be made of them."""

from typing import Literal

from pydantic import Field

from api.schemas.base import Out
from domain.cases.models import Relation
from domain.codes import CaseWork, CountUnit, DashboardFigure, Population, ReferralStatus, Service

NOTICE = "exact figures of the running mechanism: for your screen only, never for publication"
LARGEST = 2**53


class Exact(Out):
    """Figures that nothing protects. No function that makes a release takes them."""

    publishable: Literal[False] = Field(default=False, description="Never: only a release is for others.")
    notice: str = Field(NOTICE, max_length=200)


class CasesCounted(Out):
    """How many cases stand in one state."""

    relation: Literal[Relation.OWNER, Relation.RECEIVER] = Field(description="Whether you lead them or serve in them.")
    case_work: CaseWork
    count: int = Field(ge=0, le=LARGEST)


class PersonsCounted(Out):
    """How many persons, of the cases that you lead and have not closed, have one attribute."""

    code: str = Field(max_length=40, description="The attribute, or one of the kinds of not knowing.")
    count: int = Field(ge=0, le=LARGEST)


class ReferralsCounted(Out):
    """How many referrals stand in one status."""

    direction: Literal["sent", "received"]
    status: ReferralStatus
    count: int = Field(ge=0, le=LARGEST)
    overdue: int = Field(ge=0, le=LARGEST, description="Those whose time to be answered has passed.")


class ServicesCounted(Out):
    """How many services of one kind your organisation gives and gave."""

    service: Service
    running: int = Field(ge=0, le=LARGEST)
    ended: int = Field(ge=0, le=LARGEST)


class CaseloadOut(Exact):
    """What your organisation has to do, as far as you may see it in its lists: exact."""

    cases: list[CasesCounted] = Field(max_length=10)
    sexes: list[PersonsCounted] = Field(max_length=20)
    age_bands: list[PersonsCounted] = Field(max_length=40)
    referrals: list[ReferralsCounted] = Field(max_length=40)
    services: list[ServicesCounted] = Field(max_length=60)


class DashboardLine(Out):
    """One figure of one organisation, or of one service everywhere."""

    organisation: str | None = Field(
        max_length=60, description="To whom it was sent, or who is called; else a service."
    )
    service: Service | None
    figure: DashboardFigure
    unit: CountUnit
    population: Population
    count: int = Field(ge=1, le=LARGEST)
    median_hours: float | None = Field(ge=0, le=LARGEST, description="From the sending or asking; where it is a wait.")


class DashboardOut(Exact):
    """How the mechanism works, by organisation and by service: exact. What is not there is none."""

    lines: list[DashboardLine] = Field(max_length=100_000)
