"""The 27 variables of the Counter-Trafficking Data Collaborative, of one case. Pure.

A variable is 1 or empty: CTDC knows no zero, so that what is not known is never taken for a no. Nothing here says whose
case it is. Source: CTDC Global Synthetic Dataset v2024 (names, bands and countries as its file has them).
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Final

from api.exchange.countries import ALPHA_3
from api.exchange.exploitation import known
from domain.cases.rules import CaseRecord, identification
from domain.codes import (
    NOT_KNOWN,
    AgeBand,
    ExploitationDuration,
    ExploitationType,
    Gender,
    Identification,
    Industry,
    MeansOfControl,
    OrganisationType,
    Purpose,
    RecruiterRelation,
    SexualExploitationType,
    VictimType,
)
from domain.consents.rules import newest, stands
from domain.exploitation.models import ExploitationEpisode
from domain.workflow.calendar import Calendar

M, X = MeansOfControl, ExploitationType

FLAGS: Final[dict[str, tuple[str, frozenset[str]]]] = {
    "meansDebtBondageEarnings": ("means_of_control", frozenset({M.DEBT_BONDAGE, M.TAKES_EARNINGS})),
    "meansThreats": (
        "means_of_control",
        frozenset({M.PHYSICAL_THREATS, M.THREATS_OF_LAW_ENFORCEMENT, M.THREATS_TO_FAMILY}),
    ),
    "meansAbusePsyPhySex": (
        "means_of_control",
        frozenset({M.PSYCHOLOGICAL_ABUSE, M.PHYSICAL_ABUSE, M.SEXUAL_ABUSE}),
    ),
    "meansFalsePromises": ("means_of_control", frozenset({M.FALSE_PROMISES})),
    "meansDrugsAlcohol": ("means_of_control", frozenset({M.PSYCHOACTIVE_SUBSTANCE})),
    "meansDenyBasicNeeds": (
        "means_of_control",
        frozenset({M.RESTRICTS_MONEY, M.RESTRICTS_MEDICAL_CARE, M.WITHHOLDS_NECESSITIES, M.RESTRICTS_MOVEMENT}),
    ),
    "meansExcessiveWorkHours": ("means_of_control", frozenset({M.EXCESSIVE_HOURS})),
    "meansWithholdDocs": ("means_of_control", frozenset({M.WITHHOLDS_DOCUMENTS})),
    "isForcedLabour": ("types", frozenset({X.FORCED_LABOUR})),
    "isSexualExploit": ("types", frozenset({X.SEXUAL_EXPLOITATION})),
    "isOtherExploit": ("types", frozenset(X) - {X.FORCED_LABOUR, X.SEXUAL_EXPLOITATION}),
    "typeOfLabourAgriculture": ("industries", frozenset({Industry.CROPS_AND_ANIMALS})),
    "typeOfLabourConstruction": ("industries", frozenset({Industry.CONSTRUCTION})),
    "typeOfLabourDomesticWork": ("industries", frozenset({Industry.HOUSEHOLDS})),
    "typeOfLabourHospitality": ("industries", frozenset({Industry.HOSPITALITY})),
    "typeOfSexProstitution": ("sexual_types", frozenset({SexualExploitationType.PROSTITUTION})),
    "typeOfSexPornography": ("sexual_types", frozenset({SexualExploitationType.PORNOGRAPHY})),
    "recruiterRelationIntimatePartner": ("recruiter_relations", frozenset({RecruiterRelation.INTIMATE_PARTNER})),
    "recruiterRelationFriend": ("recruiter_relations", frozenset({RecruiterRelation.FRIEND})),
    "recruiterRelationFamily": ("recruiter_relations", frozenset({RecruiterRelation.FAMILIAL})),
    "recruiterRelationOther": (
        "recruiter_relations",
        frozenset({RecruiterRelation.ACQUAINTED, RecruiterRelation.UNACQUAINTED}),
    ),
}
"""Variables that are 1 if any episode names one of these codes; merged by CTDC, and never expanded back."""

COLUMNS: Final = (
    "yearOfRegistration",
    "gender",
    "ageBroad",
    "citizenship",
    "CountryOfExploitation",
    "traffickMonths",
    *FLAGS,
)
"""All 27."""

GENDER: Final = {
    Gender.FEMININE: "Woman",
    Gender.MASCULINE: "Man",
    Gender.TRANSGENDER_FEMININE: "Trans/Transgender/NonConforming",
    Gender.TRANSGENDER_MASCULINE: "Trans/Transgender/NonConforming",
    Gender.NON_CONFORMING: "Trans/Transgender/NonConforming",
}
OURS: Final = frozenset({AgeBand.AGE_0_17, AgeBand.AGE_18_PLUS})
AGE: Final[dict[AgeBand, str]] = {band: str(band) for band in AgeBand if band not in OURS}
AGE[AgeBand.AGE_9_17] = "09--17"
MONTHS: Final = {
    ExploitationDuration.UP_TO_12: "0--12 (0-1 yr)",
    ExploitationDuration.UP_TO_24: "13--24 (1-2 yrs)",
    ExploitationDuration.FROM_25: "25+ (2+ yrs)",
}
RECIPIENTS: Final = frozenset({"any", f"type:{OrganisationType.INTERNATIONAL_ORGANISATION}"})
"""Whom a consent must name for its data to go to CTDC, which the International Organization for Migration keeps."""

VICTIMS: Final = frozenset({Identification.PRESUMED, Identification.IDENTIFIED})


def barred(record: CaseRecord, now: datetime) -> str | None:
    """Return why a case may not be told of, or None.

    Only victims of trafficking are told of, and only whoever agreed, in a consent that runs now, to reporting to an
    organisation such as the one that keeps the data.
    """
    if record.case.victim_type != VictimType.TRAFFICKING:
        return "not a victim of trafficking"
    if identification(record) not in VICTIMS:
        return "not identified, by an NGO or by the state"
    agreed = [one for one in newest(record.consents) if Purpose.REPORTING in one.purposes and stands(one, now)]
    if not any(RECIPIENTS & set(one.recipients) for one in agreed):
        return "no consent to reporting to an international organisation"
    return None


def variables(record: CaseRecord, episodes: Sequence[ExploitationEpisode], calendar: Calendar) -> dict[str, str]:
    """Return the 27 variables of a case, by its country's calendar; what is not known, or not one, is empty."""
    person = record.person
    found = {
        "yearOfRegistration": str(calendar.day_of(record.case.opened_at).year),
        "gender": GENDER.get(Gender(person.gender), "") if person.gender in set(Gender) else "",
        "ageBroad": AGE.get(AgeBand(person.age_band), "") if _certain(person.age_band, record) else "",
        "citizenship": _country([code for code in person.citizenships if code not in NOT_KNOWN]),
        "CountryOfExploitation": _country(known(episodes, "exploitation_countries")),
        "traffickMonths": _months(episodes),
    }
    flags = {name: "1" if codes & set(known(episodes, attribute)) else "" for name, (attribute, codes) in FLAGS.items()}
    return {name: (found | flags)[name] for name in COLUMNS}


def _certain(band: str, record: CaseRecord) -> bool:
    return band in set(AgeBand) and not record.person.age_disputed


def _country(codes: Sequence[str]) -> str:
    return ALPHA_3.get(codes[0], "") if len(codes) == 1 else ""


def _months(episodes: Sequence[ExploitationEpisode]) -> str:
    """Return how long it lasted, if there was one stretch: several may overlap, and are not added up."""
    lengths = known(episodes, "duration") if len(episodes) == 1 else []
    return MONTHS[ExploitationDuration(lengths[0])] if lengths else ""
