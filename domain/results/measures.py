"""The closed vocabulary of what can be counted from cases. The database counts it (`nrm_measured`, migration 0025).

A measure is a set of units (persons, referrals, consents …) that belong to a period. Each unit is a *hit* or not, or it
is not known yet whether it is; some have a value, and some a code of a kind of their own.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType
from typing import Final

from domain.codes import CountUnit, NrmRole

QUERY: Final = "nrm_measured/1"
"""Which version of the counting statement is asked: goes into every result."""


class How(StrEnum):
    """What is made of the units of a measure."""

    COUNT = "count"
    SHARE = "share"
    MEDIAN = "median"
    MEAN = "mean"


COUNTS: Final = frozenset({How.COUNT, How.SHARE})


@dataclass(frozen=True, slots=True)
class Measure:
    """One thing that the database can count.

    Attributes:
        unit: What a unit is.
        kind: The code list of the units' own codes, in the dimension `kind`; None: they have none.
        hows: What can be made of it.
        about: Whether units are about persons, so that sex, age, way in and type of victim are known of them.
        owners: What an organisation must be in the mechanism to be told; coordinators are told of all.
    """

    unit: CountUnit
    kind: str | None = None
    hows: frozenset[How] = COUNTS
    about: bool = True
    owners: frozenset[NrmRole] = frozenset()


_HOURS = frozenset({How.MEDIAN})
_REFERRALS = CountUnit.REFERRALS

MEASURES: Final[Mapping[str, Measure]] = MappingProxyType(
    {
        "calls_taken": Measure(CountUnit.CALLS, "ContactTopic", about=False, owners=frozenset({NrmRole.HOTLINE})),
        "persons_approaching": Measure(CountUnit.PERSONS),
        "persons_found": Measure(CountUnit.PERSONS),
        "persons_referred": Measure(CountUnit.PERSONS),
        "persons_assisted": Measure(CountUnit.PERSONS, "Known"),
        "persons_sent": Measure(CountUnit.PERSONS, "OrganisationType"),
        "referrals_accepted": Measure(_REFERRALS, "Priority"),
        "referrals_declined": Measure(_REFERRALS, "RefusalReason"),
        "referrals_expired": Measure(_REFERRALS, "Priority"),
        "referrals_closed": Measure(_REFERRALS, "Priority"),
        "referrals_answered_in_time": Measure(_REFERRALS, "Priority"),
        "hours_to_receipt": Measure(_REFERRALS, "Priority", _HOURS),
        "hours_to_acceptance": Measure(_REFERRALS, "Priority", _HOURS),
        "hours_to_start": Measure(_REFERRALS, "Priority", _HOURS),
        "decisions_in_time": Measure(CountUnit.DECISIONS, owners=frozenset({NrmRole.COMPETENT_AUTHORITY})),
        "consents_informed": Measure(CountUnit.CONSENTS),
        "withdrawals_honoured": Measure(CountUnit.CONSENTS),
        "requests_unmet": Measure(CountUnit.CAPACITY_QUESTIONS, "Service"),
        "episodes_completed": Measure(CountUnit.SERVICE_EPISODES, "Service"),
        "episode_cost": Measure(CountUnit.SERVICE_EPISODES, "Currency", frozenset({How.MEAN, How.MEDIAN})),
        "claims_paid": Measure(CountUnit.CLAIMS, "CompensationStage"),
        "follow_ups_done": Measure(CountUnit.FOLLOW_UPS),
        "work_after": Measure(CountUnit.FOLLOW_UPS, "WorkNow"),
        "income_after": Measure(CountUnit.FOLLOW_UPS, "IncomeNow"),
        "living_standard_after": Measure(CountUnit.FOLLOW_UPS, "LivingStandardNow"),
        "awards_given": Measure(CountUnit.AWARDS, "Service"),
        "persons_awarded": Measure(CountUnit.PERSONS),
        "awards_to_women": Measure(CountUnit.AWARDS),
        "awards_with_disability": Measure(CountUnit.AWARDS),
        "cases_filed": Measure(CountUnit.CASES, "ExploitationType"),
        "police_involved": Measure(CountUnit.ORGANISATIONS, about=False),
        "entries_unknown": Measure(CountUnit.ENTRIES, "PersonField"),
    }
)

OF_PERSONS: Final[Mapping[str, str]] = MappingProxyType(
    {"sex": "Sex", "age_band": "AgeBand", "entry_channel": "EntryChannel", "victim_type": "VictimType"}
)
"""The dimensions of every measure about persons, and their code lists."""


def code_list(measure: str, dimension: str) -> str | None:
    """Return the code list of a dimension of a measure; None: it has no such dimension."""
    declared = MEASURES[measure]
    if dimension == "kind":
        return declared.kind
    return OF_PERSONS.get(dimension) if declared.about else None
