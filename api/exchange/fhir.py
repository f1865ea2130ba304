"""A referral as a FHIR R4 bundle. Pure.

It tells what both sides may know of the referral in the state that it is in, and no more: the structure has no element
for anything else. Systems of codes are our own URNs, since FHIR has none for these lists.
"""

from dataclasses import dataclass
from typing import Any, Final

from api.schemas.fhir import Bundle
from domain.codes import NOT_KNOWN, Priority, ReferralStatus, Sex
from domain.organisations.models import Organisation
from domain.referrals.models import Referral, ReferralEvent
from domain.referrals.rules import FHIR_TASK_STATUS, OVER

SYSTEM: Final = "urn:nrm:"
PRIORITY: Final = {Priority.NORMAL: "routine", Priority.URGENT: "urgent", Priority.EMERGENCY: "stat"}


@dataclass(frozen=True, slots=True)
class Told:
    """What is told of a referral.

    Attributes:
        earlier: The reference of the referral that it repeats.
        last: The event that led to its status.
    """

    referral: Referral
    sender: Organisation
    receiver: Organisation
    respond_by: Any = None
    earlier: str | None = None
    last: ReferralEvent | None = None


def _concept(*codes: tuple[str, str]) -> dict[str, Any]:
    return {"coding": [{"system": SYSTEM + system, "code": code} for system, code in codes]}


def url(kind: str, name: str) -> str:
    """Return the `fullUrl` of an entry."""
    return f"{SYSTEM}{kind}:{name}"


def request_status(status: ReferralStatus) -> str:
    """Return the status of the ServiceRequest of a referral."""
    if status in {ReferralStatus.DRAFT, ReferralStatus.COMPLETED}:
        return str(status)
    if status == ReferralStatus.ENTERED_IN_ERROR:
        return "entered-in-error"
    return "revoked" if status in OVER else "active"


def bundle_of(told: Told) -> Bundle:
    """Return a referral as its sender or receiver may see it; it says nothing that the referral itself does not."""
    name = told.referral.reference
    resources = {
        url("servicerequest", name): _request(told),
        url("task", name): _task(told),
        url("patient", name): _patient(told.referral),
        url("organization", told.sender.code): _organization(told.sender),
        url("organization", told.receiver.code): _organization(told.receiver),
    }
    return Bundle.model_validate(
        {
            "resourceType": "Bundle",
            "type": "collection",
            "timestamp": told.referral.changed_at,
            "entry": [{"fullUrl": where, "resource": what} for where, what in resources.items()],
        }
    )


def _common(told: Told) -> dict[str, Any]:
    """Return what ServiceRequest and Task both say."""
    return {
        "id": told.referral.reference,
        "priority": PRIORITY[Priority(told.referral.priority)],
        "intent": "order",
        "authoredOn": told.referral.created_at,
        "requester": _to("organization", told.sender.code),
    }


def _to(kind: str, name: str) -> dict[str, str]:
    return {"reference": url(kind, name)}


def _request(told: Told) -> dict[str, Any]:
    referral = told.referral
    return _common(told) | {
        "resourceType": "ServiceRequest",
        "identifier": [{"system": SYSTEM + "referral", "value": referral.reference}],
        "instantiatesUri": [url("step", referral.step)],
        "replaces": [_to("servicerequest", told.earlier)] if told.earlier else None,
        "status": request_status(ReferralStatus(referral.status)),
        "code": _concept(("service", referral.service)),
        "subject": _to("patient", referral.reference),
        "performer": [_to("organization", told.receiver.code)],
    }


def _task(told: Told) -> dict[str, Any]:
    referral, status = told.referral, ReferralStatus(told.referral.status)
    inputs = [{"type": _concept(("input", "compartment")), "valueCode": one} for one in referral.compartments]
    return _common(told) | {
        "resourceType": "Task",
        "status": FHIR_TASK_STATUS[status],
        "statusReason": _reason(told.last),
        "businessStatus": _concept(("referral-status", status)),
        "focus": _to("servicerequest", referral.reference),
        "for": _to("patient", referral.reference),
        "lastModified": referral.changed_at,
        "owner": _to("organization", told.receiver.code),
        "restriction": {"period": {"end": told.respond_by}} if told.respond_by else None,
        "input": inputs or None,
        "output": _output(referral),
    }


def _output(referral: Referral) -> list[dict[str, Any]] | None:
    if referral.outcome is None:
        return None
    return [{"type": _concept(("output", "outcome")), "valueCodeableConcept": _concept(("outcome", referral.outcome))}]


def _reason(last: ReferralEvent | None) -> dict[str, Any] | None:
    said = (("refusal-reason", last.reason), ("declined-by", last.declined_by)) if last is not None else ()
    codes = [(system, code) for system, code in said if code]
    return _concept(*codes) if codes else None


def _patient(referral: Referral) -> dict[str, Any]:
    languages = [code for code in referral.languages if code not in NOT_KNOWN]
    known = referral.age_band not in NOT_KNOWN
    return {
        "resourceType": "Patient",
        "id": referral.reference,
        "extension": [{"url": SYSTEM + "age-band", "valueCode": referral.age_band}] if known else None,
        "gender": str(referral.sex) if referral.sex in set(Sex) else "unknown",
        "communication": [{"language": _concept(("language", code))} for code in languages] or None,
    }


def _organization(organisation: Organisation) -> dict[str, Any]:
    return {
        "resourceType": "Organization",
        "id": organisation.code,
        "identifier": [{"system": SYSTEM + "organization", "value": organisation.code}],
    }
