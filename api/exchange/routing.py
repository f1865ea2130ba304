"""What the standard knows of a case besides the person: status, referrals, services, consent. Pure."""

from collections.abc import Mapping
from datetime import date, datetime
from typing import Any, Final
from uuid import UUID

from domain.cases.rules import POSITIVE, UNCOUNTED, CaseRecord, identification
from domain.codes import (
    CaseWork,
    ConsentDecision,
    DecisionBody,
    DecisionOutcome,
    Identification,
    OrganisationType,
    ReferralStatus,
    Service,
)
from domain.organisations.models import Organisation
from domain.referrals.models import Referral
from domain.workflow.calendar import Calendar

STATUS: Final = {
    CaseWork.OPEN: "Active",
    CaseWork.ACTIVE: "Active",
    CaseWork.FOLLOW_UP: "FollowUp",
    CaseWork.CLOSED: "Closed",
}
TRAFFICKING: Final = {
    Identification.IDENTIFIED: DecisionOutcome.ACTUAL_VICTIM,
    Identification.PRESUMED: DecisionOutcome.POSSIBLE_VICTIM,
    Identification.NOT_A_VICTIM: DecisionOutcome.NOT_A_VICTIM,
}
STATE: Final = {
    OrganisationType.LAW_ENFORCEMENT: "Police",
    OrganisationType.COURT: "CourtOrProsecution",
    OrganisationType.PROSECUTION: "CourtOrProsecution",
}
PLANS: Final = {
    Service.MEDICAL: "Health",
    Service.LEGAL: "Legal",
    Service.DOCUMENTS: "Legal",
    Service.COMPENSATION: "Legal",
    Service.PSYCHOSOCIAL: "SocialCare",
    Service.SOCIAL_SUPPORT: "SocialCare",
    Service.SHELTER: "SocialCare",
    Service.GUARDIANSHIP: "SocialCare",
    Service.EDUCATION: "Education",
    Service.EMPLOYMENT: "Livelihood",
}
NOT_IN_STANDARD: Final = frozenset(OrganisationType) - frozenset(list(OrganisationType)[:9])
MOVES: Final = frozenset({Service.RETURN})
ARRIVED: Final = frozenset(
    {ReferralStatus.ACCEPTED, ReferralStatus.IN_SERVICE, ReferralStatus.COMPLETED, ReferralStatus.FAILED}
)


def routing(
    record: CaseRecord, organisations: Mapping[UUID, Organisation], since: datetime, now: datetime, calendar: Calendar
) -> dict[str, Any]:
    """Return the fields of the standard that follow from plain records.

    Args:
        record: The case, complete.
        organisations: The directory.
        since: When the organisation that leads the case began to.
        now: When consents count as expired.
        calendar: The country's, by which days are told.
    """
    case = record.case
    owner = organisations[case.owner_organisation_id]
    found: dict[str, Any] = {
        "org_Name": owner.name.get("en", owner.code),
        "cas_Status": STATUS[CaseWork(case.case_work)],
        "cas_IncomingReferralDetails": f"entry channel: {case.entry_channel}",
        **_trafficking(record, organisations),
        **_incoming(record, organisations, calendar.day_of(since)),
        **_outgoing(record, organisations, calendar),
        **_plan(record, calendar),
        **_consent(record, now),
    }
    if owner.type not in NOT_IN_STANDARD:
        found["org_Type"] = str(owner.type)
    if case.closure_reason is not None:
        found["cas_ReasonForCaseClosure"] = str(case.closure_reason)
    return found


def _trafficking(record: CaseRecord, organisations: Mapping[UUID, Organisation]) -> dict[str, str]:
    """Return the status, and who decided so last."""
    status = TRAFFICKING.get(identification(record))
    said = [one for one in record.decisions if one.outcome == status]
    if status is None or not said:
        return {}
    last = said[-1]
    by_state = STATE.get(
        OrganisationType(organisations[last.organisation_id].type), "NonPoliceGovernmentalOrganization"
    )
    return {
        "vic_TraffickingStatus": str(status),
        "vic_TraffickingStatusDecisionMakingOrg": "NGO" if last.body == DecisionBody.NGO else by_state,
    }


def _reason(referral: Referral) -> str:
    return "MigrationOrChangeOfLocation" if referral.service in MOVES else "AdditionalServicesRequired"


def _incoming(record: CaseRecord, organisations: Mapping[UUID, Organisation], since: date) -> dict[str, str]:
    """Return the hand-over by which the case came."""
    came = [
        one
        for one in record.referrals
        if one.service == Service.CASE_MANAGEMENT
        and one.status in ARRIVED
        and one.receiving_organisation_id == record.case.owner_organisation_id
    ]
    if not came:
        return {}
    return {
        "cas_ReferringOrganisation": organisations[came[-1].sending_organisation_id].code,
        "cas_IncomingReferralDate": since.isoformat(),
        "cas_ReasonForIncomingReferral": _reason(came[-1]),
    }


def _outgoing(record: CaseRecord, organisations: Mapping[UUID, Organisation], calendar: Calendar) -> dict[str, Any]:
    """Return the referrals that the organisation in charge sent: one place in each list for each."""
    sent = [
        one
        for one in record.referrals
        if one.sending_organisation_id == record.case.owner_organisation_id and one.status not in UNCOUNTED
    ]
    if not sent:
        return {}
    return {
        "cas_ReferredOrganisation": [organisations[one.receiving_organisation_id].code for one in sent],
        "cas_OutgoingReferralDate": [calendar.day_of(one.created_at).isoformat() for one in sent],
        "cas_ReasonForOutgoingReferral": [_reason(one) for one in sent],
        "cas_OutgoingReferralDetails": ", ".join(f"{one.service} {one.status}" for one in sent),
    }


def _plan(record: CaseRecord, calendar: Calendar) -> dict[str, Any]:
    """Return the services that were given as a plan; its end only where all have ended."""
    given = record.episodes
    if not given:
        return {}
    found: dict[str, Any] = {"spl_ActionPlan": ", ".join(sorted({str(one.service) for one in given}))}
    types = sorted({PLANS[one.service] for one in given if one.service in PLANS})
    if types:
        found["spl_Type"] = types
    ends = [one.ended_at for one in given if one.ended_at is not None]
    if len(ends) == len(given):
        found["spl_ActualEndDate"] = calendar.day_of(max(ends)).isoformat()
    return found


def _consent(record: CaseRecord, now: datetime) -> dict[str, bool]:
    """Return the checkbox: ticked if any consent runs, unticked if the person said no or took all back, else absent."""
    latest = {one.consent_id: one for one in sorted(record.consents, key=lambda one: one.version)}
    if not latest:
        return {}
    runs = [one for one in latest.values() if one.decision == ConsentDecision.GIVEN and one.expires_at > now]
    return {"con_Consent": bool(runs)}


def lost(record: CaseRecord) -> dict[str, str]:
    """Return the plain records that the standard cannot hold, by what they are, with the reason."""
    case = record.case
    found = {
        "case.victim_type": "HTCDS has no such field",
        "case.sop_versions": "HTCDS has no such field",
        "case.opened_at": "HTCDS has no date of the case",
    }
    if case.closed_at is not None:
        found["case.closed_at"] = "HTCDS has no date of the case"
    if case.case_work in {CaseWork.OPEN, CaseWork.ACTIVE}:
        found["case.case_work"] = "HTCDS has one code for open and active"
    if len(record.decisions) > 1 or any(one.outcome not in POSITIVE for one in record.decisions):
        found["decisions"] = "HTCDS holds one status, without suspension, review, ground and date"
    if record.consents:
        found["consents"] = "HTCDS has one checkbox: no purpose, recipient, compartment, version or end"
    if record.referrals:
        found["referrals"] = "HTCDS has no reference, life or priority of a referral"
    if record.episodes:
        found["service episodes"] = "HTCDS has one plan: no provider, outcome or single service"
    kinds = {
        "screenings": record.screenings,
        "assessments": record.assessments,
        "co-operation": record.cooperations,
        "steps": record.completions,
    }
    found.update({name: "HTCDS has no such record" for name, rows in kinds.items() if rows})
    return found
