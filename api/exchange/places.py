"""Which field of the standard stands where with us: in a field of its own, or kept in words."""

from dataclasses import dataclass
from typing import Final

from api.imports.uk_fields import Place
from domain.codes import Compartment

C = Compartment

DIRECT: Final[dict[str, Place]] = {
    "prs_FirstName": Place(C.IDENTITY, "given_name"),
    "prs_MiddleName": Place(C.IDENTITY, "patronymic"),
    "prs_SecondName": Place(C.IDENTITY, "family_name"),
    "prs_Birthdate": Place(C.IDENTITY, "birth_date"),
    "prs_IdentityNumber": Place(C.IDENTITY, "document_numbers"),
    "prs_Email": Place(C.CONTACT, "email"),
    "prs_MobilePhone": Place(C.CONTACT, "phone"),
    "prs_MailingStreet": Place(C.LOCATION, "address"),
    "prs_MailingCity": Place(C.LOCATION, "place"),
    "prs_MailingState": Place(C.LOCATION, "district"),
    "hte_Description": Place(C.NARRATIVE, "account"),
}
"""Fields that both have."""


def _kept(compartment: Compartment, field: str, *names: str) -> dict[str, Place]:
    return {name: Place(compartment, field, name) for name in names}


KEPT: Final[dict[str, Place]] = {
    **_kept(C.CONTACT, "other_contact", "prs_HomePhone"),
    **_kept(
        C.LOCATION,
        "address",
        "prs_MailingCountry",
        "prs_MailingPostalCode",
        "prs_MailingLongitude",
        "prs_MailingLatitude",
    ),
    **_kept(
        C.NARRATIVE,
        "account",
        "prs_Salutation",
        "prs_Title",
        "prs_Deceased",
        "prs_MaritalStatus",
        "prs_NumberOfChildren",
        "prs_HighestLevelOfEducation",
        "vic_AgeWhenTrafficked",
        "vic_Vulnerabilities",
        "vic_DetailsOfVulnerabilities",
        "cco_CaseComment",
        "cas_Status",
        "cas_ReasonForCaseClosure",
        "cas_ReferringOrganisation",
        "cas_IncomingReferralDate",
        "cas_ReasonForIncomingReferral",
        "cas_IncomingReferralDetails",
        "prs_Gender",
        "prs_Citizenship",
        "prs_PrimaryLanguage",
        "prs_SecondaryLanguage",
        "spl_Objectives",
        "spl_ActionPlan",
        "spl_PlannedEndDate",
        "spl_ActualEndDate",
        "spl_Type",
    ),
    **_kept(
        C.NARRATIVE,
        "exploitation",
        "vic_TypeOfExploitation",
        "vic_ForcedLabourIndustry",
        "vic_TypeOfSexExploitation",
        "vic_LocationOfExploitation",
        "vic_ExploitationWebsitesAndApps",
    ),
    **_kept(
        C.NARRATIVE,
        "recruitment",
        "vic_MethodOfRecruitment",
        "vic_LocationOfRecruitment",
        "vic_RecruitmentWebsitesAndApps",
        "vic_RelationshipToTrafficker",
    ),
    **_kept(C.NARRATIVE, "control", "vic_MethodsOfControl"),
    **_kept(
        C.NARRATIVE,
        "journey",
        *(f"hte_{part}" for part in ("City", "Country", "State", "Street", "PostalCode")),
        *(f"hte_{part}" for part in ("Date", "Type", "Longitude", "Latitude")),
    ),
    **_kept(
        C.NARRATIVE,
        "identification_reasons",
        "vic_TraffickingStatus",
        "vic_TraffickingStatusDecisionMakingOrg",
    ),
}
"""Fields without a record of ours: sealed as words, on lines that begin with the name, so that they come back."""

STAFF: Final = "data of staff of another organisation"
DROPPED: Final[dict[str, str]] = {
    "cas_CaseOwner": STAFF,
    "cas_ReferringPrimaryCaseWorker": STAFF,
    "cas_ReferredPrimaryCaseWorker": STAFF,
    "per_RoleInProcess": "would make a perpetrator of the person whom the case protects",
    "per_RoleDetails": "would make a perpetrator of the person whom the case protects",
}
"""Fields that are taken in nowhere, on purpose."""

OUTGOING: Final = "a referral is sent from here anew, under consent"
DIRECTORY: Final = "organisations stand in the directory"
NOT_TAKEN: Final[dict[str, str]] = {
    "cas_ReferredOrganisation": OUTGOING,
    "cas_ReasonForOutgoingReferral": OUTGOING,
    "cas_OutgoingReferralDate": OUTGOING,
    "cas_OutgoingReferralDetails": OUTGOING,
    **dict.fromkeys(
        (
            "org_Name",
            "org_ShippingCity",
            "org_ShippingCountry",
            "org_ShippingState",
            "org_ShippingStreet",
            "org_ShippingPostalCode",
            "org_ShippingLongitude",
            "org_ShippingLatitude",
            "org_Phone",
            "org_Type",
        ),
        DIRECTORY,
    ),
}
"""Fields that are not taken in, with the reason."""

CONSENTS: Final = ("con_Consent", "vic_AgreementToManagePersonalData")
BY_PLACE: Final = {(place.compartment, place.field): name for name, place in DIRECT.items()}


@dataclass(frozen=True, slots=True)
class Words:
    """A sealed text: what was written there, and the fields of the standard that are kept in it."""

    text: str
    kept: dict[str, str]


def kept_line(name: str, value: str) -> str:
    """Return the line, or lines, that keep a field; further lines are indented."""
    return f"{name}: " + value.replace("\n", "\n  ")


def apart(compartment: Compartment, field: str, text: str) -> Words:
    """Take a sealed text apart; what `kept_line` wrote into this very field comes back as it was."""
    plain: list[str] = []
    kept: dict[str, str] = {}
    current: str | None = None
    for line in text.split("\n"):
        name, colon, value = line.partition(": ")
        place = KEPT.get(name) if colon else None
        if place is not None and (place.compartment, place.field) == (compartment, field) and name not in kept:
            current, kept[name] = name, value
        elif current is not None and line.startswith("  "):
            kept[current] += "\n" + line.removeprefix("  ")
        else:
            current = None
            plain.append(line)
    return Words("\n".join(plain), kept)
