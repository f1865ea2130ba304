"""Bundles that ask for a referral, as a partner's system would make them."""

from typing import Any


def bundle_for(step: str, service: str, recipient: str, *, draft: bool = False) -> dict[str, Any]:
    """Return the least bundle that asks an organisation for one service."""
    owner = {"reference": f"urn:nrm:organization:{recipient}"}
    here = {"request": "urn:partner:servicerequest:1", "task": "urn:partner:task:1", "person": "urn:partner:patient:1"}
    request = {
        "resourceType": "ServiceRequest",
        "status": "draft" if draft else "active",
        "intent": "order",
        "instantiatesUri": [f"urn:nrm:step:{step}"],
        "code": {"coding": [{"system": "urn:nrm:service", "code": service}]},
        "subject": {"reference": here["person"]},
        "performer": [owner],
    }
    task = {
        "resourceType": "Task",
        "status": "draft" if draft else "requested",
        "intent": "order",
        "focus": {"reference": here["request"]},
        "for": {"reference": here["person"]},
        "owner": owner,
    }
    resources = {here["request"]: request, here["task"]: task, here["person"]: {"resourceType": "Patient"}}
    return {
        "resourceType": "Bundle",
        "type": "collection",
        "entry": [{"fullUrl": where, "resource": what} for where, what in resources.items()],
    }
