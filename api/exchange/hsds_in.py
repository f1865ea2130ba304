"""A directory in the shape of HSDS 3 as entries of ours, and what of it has no place here. Pure."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Final, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from api.directory import OrganisationEntry
from api.exchange.hsds import SCHEME
from api.imports.report import Fate, Line
from domain.codes import Language, OrganisationStatus, Service

LARGEST_FILE: Final = 32 * 1024 * 1024
"""Bytes."""

PLACED: Final = frozenset(
    {"id", "name", "description", "organization_identifiers", "attributes", "services", "locations"}
)
OF_SERVICE: Final = frozenset(
    {"id", "name", "status", "description", "organization_id", "languages", "attributes", "service_areas"}
)
OF_LOCATION: Final = frozenset({"id", "location_type", "name", "organization_id"})
NO_FIELD: Final = (Fate.NOT_PLACED, "the directory has no such field")
NO_ADDRESS: Final = (Fate.DROPPED, "no address is stored in the directory")
OF_STANDARD: Final = frozenset(
    {
        "accessibility",
        "accreditations",
        "additional_urls",
        "additional_websites",
        "addresses",
        "alert",
        "alternate_name",
        "application_process",
        "assured_date",
        "assurer_email",
        "capacities",
        "contacts",
        "cost_options",
        "description",
        "eligibility_description",
        "email",
        "external_identifier",
        "external_identifier_type",
        "fees",
        "fees_description",
        "funding",
        "interpretation_services",
        "languages",
        "last_modified",
        "latitude",
        "legal_status",
        "licenses",
        "logo",
        "longitude",
        "maximum_age",
        "metadata",
        "minimum_age",
        "parent_organization_id",
        "phones",
        "program",
        "program_id",
        "programs",
        "required_documents",
        "schedules",
        "service_at_locations",
        "tax_id",
        "tax_status",
        "transportation",
        "uri",
        "url",
        "wait_time",
        "website",
        "year_incorporated",
    }
)
"""Fields of HSDS 3 that the directory has no place for; other names may be anything, and are not repeated."""

Text = Annotated[str, Field(max_length=4000)]


class DirectoryRefused(ValueError):
    """The file is no directory in the shape of HSDS; the message quotes no value."""


class _Published(BaseModel):
    """A part of HSDS: what we read of it, and whatever else it may have."""

    model_config = ConfigDict(extra="allow", frozen=True, hide_input_in_errors=True)

    id: UUID


class _Term(_Published):
    code: Text | None = None
    taxonomy: Text | None = None


class _Attribute(_Published):
    value: Text | None = None
    taxonomy_term: _Term | None = None


class _Identifier(_Published):
    identifier_scheme: Text | None = None
    identifier_type: Text
    identifier: Text


class _Location(_Published):
    location_type: Literal["physical", "postal", "virtual"]
    name: Text | None = None


class _Service(_Published):
    name: Text
    status: Literal["active", "inactive", "defunct", "temporarily closed"]
    attributes: list[_Attribute] = Field(default_factory=list, max_length=200)


class _Organization(_Published):
    name: Text
    description: Text
    organization_identifiers: list[_Identifier] = Field(default_factory=list, max_length=50)
    attributes: list[_Attribute] = Field(default_factory=list, max_length=200)
    services: list[_Service] = Field(default_factory=list, max_length=500)
    locations: list[_Location] = Field(default_factory=list, max_length=500)


class _Page(BaseModel):
    model_config = ConfigDict(extra="allow", frozen=True, hide_input_in_errors=True)

    contents: list[_Organization] = Field(max_length=10_000)


@dataclass(frozen=True, slots=True)
class Entry:
    """What an organisation of a file becomes.

    Attributes:
        organisation: None if it cannot be recorded; then the last line says why.
        lines: What has no place in the directory.
    """

    organisation: OrganisationEntry | None
    lines: tuple[Line, ...] = ()


def read(content: bytes) -> list[Entry]:
    """Read a page of organisations, or a bare list of them.

    Raises:
        DirectoryRefused: see the class.
    """
    if len(content) > LARGEST_FILE:
        raise DirectoryRefused(f"larger than {LARGEST_FILE} bytes")
    try:
        found = json.loads(content.decode("utf-8-sig"))
        page = _Page.model_validate({"contents": found} if isinstance(found, list) else found)
    except ValidationError as error:
        place = ".".join(str(part) for part in error.errors(include_input=False)[0]["loc"] if _is_ours(part))
        raise DirectoryRefused(f"not of the structure of HSDS 3 at {place}") from None
    except (ValueError, RecursionError):
        raise DirectoryRefused("not JSON in UTF-8") from None
    return [_entry(one) for one in page.contents]


def _is_ours(part: object) -> bool:
    """Whether a part of a place is a number or a name of the standard; any other was typed by somebody."""
    known = {name for model in (_Page, _Organization, _Service, _Location, _Identifier, _Attribute, _Term)
             for name in model.model_fields}  # fmt: skip
    return isinstance(part, int) or part in known


def _entry(organization: _Organization) -> Entry:
    lines = _lines(organization)
    terms = _terms(organization.attributes)
    codes = [one.identifier for one in organization.organization_identifiers if one.identifier_scheme == SCHEME]
    given = [code for one in organization.services for code, _ in _terms(one.attributes).get("service", ())]
    names = {language: name for language, name in terms.get("name", ()) if language in set(Language) and name}
    values = {
        "code": next(iter(codes), None),
        "name": names or {Language.ENGLISH: organization.name},
        "type": _only(terms, "type"),
        "country": _only(terms, "country"),
        "nrm_roles": [code for code, _ in terms.get("role", ())],
        "services": [code for code in dict.fromkeys(given) if code in set(Service)],
        "languages": [code for code, _ in terms.get("language", ())],
        "region": next((one.name for one in organization.locations if one.name), None),
        "status": _only(terms, "status") or OrganisationStatus.APPLIED,
    }
    try:
        return Entry(OrganisationEntry.model_validate(values), tuple(lines))
    except ValidationError as error:
        wrong = sorted({str(fault["loc"][0]) for fault in error.errors(include_input=False)})
        why = f"{', '.join(wrong)}: not said as the directory needs it, and nothing is guessed"
        return Entry(None, (*lines, Line("organization", Fate.NOT_PLACED, why)))


def _terms(attributes: Iterable[_Attribute]) -> Mapping[str, list[tuple[str, str]]]:
    """Return codes and values by taxonomy of ours, in their order."""
    found: dict[str, list[tuple[str, str]]] = {}
    for one in attributes:
        term = one.taxonomy_term
        if term is not None and term.code and (term.taxonomy or "").startswith("urn:nrm:"):
            found.setdefault(str(term.taxonomy).removeprefix("urn:nrm:"), []).append((term.code, one.value or ""))
    return found


def _only(terms: Mapping[str, list[tuple[str, str]]], taxonomy: str) -> str | None:
    codes = [code for code, _ in terms.get(taxonomy, ())]
    return codes[0] if len(codes) == 1 else None


def _lines(organization: _Organization) -> list[Line]:
    """Return a line for every kind of field that the directory has no place for; names that are typed are counted."""
    found: list[tuple[str, Any, frozenset[str], Fate, str]] = [("organization", organization, PLACED, *NO_FIELD)]
    found += [("service", one, OF_SERVICE, *NO_FIELD) for one in organization.services]
    found += [("location", one, OF_LOCATION, *NO_ADDRESS) for one in organization.locations]
    lines: dict[Line, None] = {}
    for kind, part, placed, fate, why in found:
        extra = part.model_extra or {}
        for name in sorted(set(extra) - placed):
            called = name if name in OF_STANDARD else "a field of the sender's own"
            lines[Line(f"{kind}.{called}", fate, why)] = None
    return list(lines)
