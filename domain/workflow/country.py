"""The profile of a country: its calendar, its languages and which version of each file is current."""

from datetime import date
from enum import StrEnum
from typing import Annotated

from pydantic import Field

from domain.codes import Compartment, Language, Role
from domain.workflow.calendar import Calendar
from domain.workflow.conditions import Closed
from domain.workflow.sop import Labels, SemanticVersion, Source, StepKey, Translation, Within


class Weekday(StrEnum):
    """A day of the week."""

    MONDAY = "monday"
    TUESDAY = "tuesday"
    WEDNESDAY = "wednesday"
    THURSDAY = "thursday"
    FRIDAY = "friday"
    SATURDAY = "saturday"
    SUNDAY = "sunday"


class Announced(Closed):
    """A day that was announced to be off, or to be worked, against the list of holidays."""

    day: date
    reason: str


class CalendarRules(Closed):
    """What a country's calendar adds to the public list of holidays.

    Attributes:
        working_week: The days on which offices are open.
        days_off: Moving feasts are announced late: a day off that the list lacks.
        working_days: A holiday of the list that is worked after all, or a day off that was moved.
    """

    working_week: tuple[Weekday, ...] = Field(min_length=1)
    days_off: tuple[Announced, ...] = ()
    working_days: tuple[Announced, ...] = ()


class Named(Closed):
    """One file of the package."""

    key: StepKey
    version: SemanticVersion


class EmergencyFund(Closed):
    """How awards for what the state does not give are decided.

    Attributes:
        decision_within: By when at the latest, counted from the request.
        escalate: The role that is told when nobody decided.
    """

    decision_within: Within
    escalate: Role
    source: Source


class Attachments(Closed):
    """Which documents may lie with a case: photographs of papers, scanned forms.

    Attributes:
        compartments: Those that may hold any; a compartment that is not named holds none.
    """

    compartments: tuple[Compartment, ...]
    source: Source


class CountryProfile(Closed):
    """What holds for every procedure of a country."""

    country: Annotated[str, Field(pattern=r"^[A-Z]{2}$")]
    name: Labels
    translations: dict[Language, Translation]
    timezone: str
    languages: tuple[Language, ...] = Field(min_length=1)
    calendar: CalendarRules
    current: dict[StepKey, SemanticVersion]
    confidentiality: Named
    retention: Named
    indicator_set: Named
    statistics: Named
    emergency_fund: EmergencyFund | None = None
    attachments: Attachments | None = None

    @property
    def attachment_compartments(self) -> tuple[Compartment, ...]:
        """The compartments that may hold attachments; none unless the data name some."""
        return self.attachments.compartments if self.attachments is not None else ()

    def working_calendar(self) -> Calendar:
        """The calendar that deadlines of this country are counted with."""
        rules = self.calendar
        return Calendar(
            timezone=self.timezone,
            country=self.country,
            days_off=frozenset(announced.day for announced in rules.days_off),
            working_days=frozenset(announced.day for announced in rules.working_days),
            weekend=frozenset(n for n, day in enumerate(Weekday) if day not in rules.working_week),
        )
