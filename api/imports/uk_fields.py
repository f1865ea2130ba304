"""Where each field of the United Kingdom's digital NRM form goes.

Names and meanings follow the form that the Home Office publishes (Report modern slavery, MIT licence). Which of our
fields may hold them is decided by the country's confidentiality profile, not here.
"""

from dataclasses import dataclass

from domain.codes import (
    AgeBand,
    Compartment,
    ExploitationType,
    Industry,
    Known,
    MeansOfControl,
    SexualExploitationType,
)

C = Compartment


@dataclass(frozen=True, slots=True)
class Place:
    """A sealed field of ours, and what stands before the value where several fields of the form share it."""

    compartment: Compartment
    field: str
    label: str = ""

    def __str__(self) -> str:
        """Return the place as the report names it."""
        return f"{self.compartment}.{self.field}"


def _narrative(field: str, **labels: str) -> dict[str, Place]:
    return {name: Place(C.NARRATIVE, field, label) for name, label in labels.items()}


PLACES: dict[str, Place] = {
    "Customer.Forename1": Place(C.IDENTITY, "given_name"),
    "Customer.Surname": Place(C.IDENTITY, "family_name"),
    "Customer.Alias": Place(C.IDENTITY, "aliases"),
    "Customer.DOB": Place(C.IDENTITY, "birth_date"),
    "Customer.Email": Place(C.CONTACT, "email"),
    "Customer.Phone": Place(C.CONTACT, "phone", "own"),
    "SupportProviderContactByPhone": Place(C.CONTACT, "phone", "for a support provider"),
    "Customer.ContactMethod": Place(C.CONTACT, "other_contact", "wishes to be reached by"),
    "HowToNotify": Place(C.CONTACT, "other_contact", "wishes to be told by"),
    "WhoToSendDecisionTo": Place(C.CONTACT, "other_contact", "a decision goes to"),
    "SafeToEmail": Place(C.CONTACT, "other_contact", "safe to write by e-mail"),
    "SafeToPostal": Place(C.CONTACT, "other_contact", "safe to write by post"),
    "Customer.Custom13": Place(C.CONTACT, "interpreter", "interpreter needed"),
    "Customer.Custom14": Place(C.CONTACT, "interpreter", "language"),
    "Customer.Custom15": Place(C.CONTACT, "interpreter", "help with communication needed"),
    "Customer.Custom16": Place(C.CONTACT, "interpreter", "help"),
    "Customer.Address": Place(C.LOCATION, "address", "street"),
    "Customer.Town": Place(C.LOCATION, "address", "town"),
    "Customer.County": Place(C.LOCATION, "address", "county"),
    "Customer.Postcode": Place(C.LOCATION, "address", "postcode"),
    "PVCurrentCityTown": Place(C.LOCATION, "place"),
    "PVCurrentCounty": Place(C.LOCATION, "district"),
    "CIDReference": Place(C.LEGAL, "immigration_history", "reference of the Home Office"),
    "ReportedCase": Place(C.LEGAL, "proceedings", "reported to the police"),
    "PoliceForce": Place(C.LEGAL, "proceedings", "police force"),
    "PoliceForceCRN": Place(C.LEGAL, "proceedings", "crime reference"),
    "CanPoliceContactPV": Place(C.LEGAL, "proceedings", "the police may make contact"),
    "CollaborationInfo": Place(C.LEGAL, "proceedings", "about co-operation"),
    **_narrative(
        "account",
        VictimAccount="what happened",
        PVBirthplace="born in",
        PVFamily="family",
        PVEducation="education",
        PVEmploymentHistory="work before",
        NeedSupport="wants support",
        OtherVictims="others in the same situation",
        FirstChanceToReport="first chance to report",
        ReasonForReportingNow="why reported now",
        ProfessionalsInvolved="professionals involved",
        DetailsOfProfessionalsInvolved="which professionals",
        EvidenceSubmitted="documents handed in",
    ),
    "Customer.Custom9": Place(C.NARRATIVE, "account", "has children"),
    "Customer.Custom10": Place(C.NARRATIVE, "account", "number of children"),
    **_narrative(
        "identification_reasons",
        ReasonForMakingReferral="why referred",
        DetailsAboutInterview="about the interview",
    ),
    **_narrative("recruitment", HowExploitationStarted="how it began"),
    **_narrative(
        "journey",
        ExploitationTakenSomewhere="was taken somewhere",
        ExploitationJourneyDetails="journey",
        ExploitationLocationPresented="where it happened",
        ExploitationUKAddress="address in the United Kingdom",
        ExploitationOverseasAddress="address elsewhere",
        **{f"City{number}": f"town {number}" for number in range(1, 11)},
        **{f"Country{number}": f"country {number}" for number in range(1, 11)},
    ),
    **_narrative(
        "exploitation",
        ExploitationDates="when",
        MultipleExploitationSituations="further situations",
        ExploitationAverageDay="an average day",
        AdultOrChildDuringExploitation="age at the time",
        ExploitationOther="other exploitation",
    ),
    **_narrative(
        "control",
        ExploitationTreatment="treatment",
        ExploitationWhyTheyStayed="why the person stayed",
        ExploitationReasonTheyLeft="why the person left",
        PVStillInExploitativeSituation="still in it",
    ),
    **_narrative(
        "exploiters",
        ExploiterDetails="who",
        ExploitersLocationInformationPresent="whereabouts known",
        ExploitersInUK="in the United Kingdom",
        InformationOnExploitersCurrentLocation="whereabouts",
        PVExploitersLastContact="last contact",
        DetailsLastContact="about the last contact",
    ),
    **_narrative("danger_reasons", ConcernsOfFurtherExploitationToPV="fear of further exploitation"),
}

EXPLOITATION: dict[str, dict[str, str]] = {
    "ComponentForcedToWorkForNothing": {"types": ExploitationType.FORCED_LABOUR},
    "ComponentWagesTaken": {"means_of_control": MeansOfControl.TAKES_EARNINGS},
    "ComponentFraud": {"types": ExploitationType.FORCED_CRIMINALITY},
    "ComponentProstitution": {
        "types": ExploitationType.SEXUAL_EXPLOITATION,
        "sexual_types": SexualExploitationType.PROSTITUTION,
    },
    "ComponentChildExploitation": {"types": ExploitationType.SEXUAL_EXPLOITATION},
    "ComponentSexuallyassaulted": {
        "types": ExploitationType.SEXUAL_EXPLOITATION,
        "sexual_types": SexualExploitationType.PRIVATE_SERVICES,
    },
    "ComponentForcedCrime": {"types": ExploitationType.FORCED_CRIMINALITY},
    "ComponentOrgansRemoved": {"types": ExploitationType.ORGAN_REMOVAL},
    "ComponentDomesticServitude": {"types": ExploitationType.SERVITUDE, "industries": Industry.HOUSEHOLDS},
}
"""What a flag of the form says about the exploitation episode: attribute and code."""

EXPLOITATION_ANSWERS: dict[str, tuple[str, dict[str, str]]] = {
    "AdultOrChildDuringExploitation": (
        "age_when_trafficked",
        {"Adult": AgeBand.AGE_18_PLUS, "Child": AgeBand.AGE_0_17},
    ),
    "PVStillInExploitativeSituation": ("still_going_on", {"Yes": Known.YES, "No": Known.NO}),
}
"""Questions whose answer is one attribute of the episode; other answers stay words."""

PERMISSION = "AltContactPermissionToSend"

TRUSTED = frozenset(
    {
        "AltContactFirstName",
        "AltContactName",
        "AltContactAddress",
        "AltContactTown",
        "AltContactCounty",
        "AltContactPostcode",
        "AltContactEmail",
        PERMISSION,
    }
)
"""A third person to whom a decision may be sent; kept only where the potential victim permitted it."""

_STAFF = "data of staff of another organisation"
_DOUBTS = "doubts about credibility are no field of ours: nothing that decides on help may read them"

DROPPED: dict[str, str] = {
    "EvidenceOfDishonesty": _DOUBTS,
    "DetailsOfEvidenceOfDishonesty": _DOUBTS,
    **dict.fromkeys(
        (
            "Agent.Forename1",
            "Agent.Name",
            "Agent.Email",
            "Agent.Phone",
            "Agent.Jobtitle",
            "AlternateFREmail",
            "LocalAuthority",
            "LAFirstName",
            "LALastName",
            "LAPhone",
            "LAEmail",
        ),
        _STAFF,
    ),
}

NOT_PLACED: dict[str, str] = {
    "Case.Jurisdiction": "concerns the sender's country",
    "Country": "concerns the sender's country",
    "CountryLabel": "concerns the sender's country",
    "Customer.Custom7": "says only that a birth date is given",
    "DTNReason": "belongs to a refusal",
}

DECIDING = frozenset({"Type", "NRMOrDuty", "AdultOrChild", "ExternalId", "WillingToCooperate", "Agent.Organisation"})
"""Read by the rules of the import; each has a line of its own."""
