"""The directory in the shape of the Human Services Data Specification 3 (Open Referral, CC BY). Pure.

What HSDS has a field for stands there; the rest of an entry stands as attributes of taxonomies of ours, so that it
comes back. Where a shelter is stands nowhere: it has no location, no region and no service area.
"""

import uuid
from collections.abc import Iterable
from typing import Any, Final

from domain.codes import NrmRole, OrganisationStatus, OrganisationType, Service
from domain.organisations.models import Organisation

SCHEME: Final = "nrm"
NAMESPACE: Final = uuid.uuid5(uuid.NAMESPACE_URL, "urn:nrm:hsds")
STATUS: Final = {
    OrganisationStatus.ACTIVE: "active",
    OrganisationStatus.PROBATION: "active",
    OrganisationStatus.APPLIED: "inactive",
    OrganisationStatus.SUSPENDED: "temporarily closed",
    OrganisationStatus.CLOSED: "defunct",
}


def is_hidden(organisation: Organisation) -> bool:
    """Whether it must not be told where an organisation is: whoever shelters people, under whatever name."""
    return (
        organisation.type == OrganisationType.SHELTER
        or NrmRole.SHELTER in organisation.nrm_roles
        or Service.SHELTER in organisation.services
    )


def page_of(organisations: Iterable[Organisation]) -> dict[str, Any]:
    """Return the directory as one page of organisations, as the API of HSDS answers."""
    contents = [_organization(one) for one in sorted(organisations, key=lambda one: one.code)]
    return {
        "total_items": len(contents),
        "total_pages": 1,
        "page_number": 1,
        "size": len(contents),
        "first_page": True,
        "last_page": True,
        "empty": not contents,
        "contents": contents,
    }


def _id(*parts: str) -> str:
    return str(uuid.uuid5(NAMESPACE, "/".join(parts)))


def _attribute(owner: str, entity: str, taxonomy: str, code: str, **more: str) -> dict[str, Any]:
    term = _id("term", taxonomy, code)
    return {
        "id": _id(owner, taxonomy, code),
        "link_id": owner,
        "link_entity": entity,
        "taxonomy_term_id": term,
        "taxonomy_term": {
            "id": term,
            "code": code,
            "name": code,
            "description": f"{taxonomy} of the National Referral Mechanism",
            "taxonomy": f"urn:nrm:{taxonomy}",
        },
        **more,
    }


def _organization(one: Organisation) -> dict[str, Any]:
    own = _id("organization", one.code)
    terms = [("type", str(one.type)), ("status", str(one.status)), ("country", one.country)]
    terms += [("role", code) for code in one.nrm_roles] + [("language", code) for code in one.languages]
    attributes = [_attribute(own, "organization", taxonomy, code) for taxonomy, code in terms]
    attributes += [
        _attribute(own, "organization", "name", language, value=name) for language, name in sorted(one.name.items())
    ]
    found = {
        "id": own,
        "name": one.name.get("en", one.code),
        "description": f"{one.type} in the National Referral Mechanism of {one.country}",
        "organization_identifiers": [
            {
                "id": _id(own, "identifier"),
                "organization_id": own,
                "identifier_scheme": SCHEME,
                "identifier_type": "code",
                "identifier": one.code,
            }
        ],
        "attributes": attributes,
        "services": [_service(one, own, code) for code in one.services],
    }
    if one.region is not None and not is_hidden(one):
        found["locations"] = [
            {"id": _id(own, "location"), "location_type": "physical", "name": one.region, "organization_id": own}
        ]
    return found


def _service(one: Organisation, organization: str, code: str) -> dict[str, Any]:
    own = _id(organization, "service", code)
    found = {
        "id": own,
        "organization_id": organization,
        "name": code,
        "status": STATUS[OrganisationStatus(one.status)],
        "languages": [{"id": _id(own, "language", tag), "code": tag, "name": tag} for tag in one.languages],
        "attributes": [_attribute(own, "service", "service", code)],
    }
    area = None if is_hidden(one) else one.region
    if area is not None:
        found["service_areas"] = [{"id": _id(own, "area"), "service_id": own, "name": area, "extent_type": "text"}]
    return found
