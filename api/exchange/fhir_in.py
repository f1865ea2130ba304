"""A FHIR R4 bundle as the wish to send a referral. Pure: every rule about the referral is the command's."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any, Final, TypeVar

from fhir.resources.R4B.bundle import Bundle as PublishedBundle
from pydantic import ValidationError

from api.exchange.fhir import PRIORITY, SYSTEM, url
from api.schemas.fhir import Bundle, Coding, Element, Organization, Patient, ServiceRequest, Task
from domain.codes import Compartment, Priority, Service
from domain.errors import InvalidInput
from domain.referrals.commands import SendReferral

Resource = TypeVar("Resource", bound=Element)

MEANT: Final = {fhir: ours for ours, fhir in PRIORITY.items()} | {"asap": Priority.EMERGENCY}
"""FHIR has a priority between ours; it is read as the faster of the two."""

OF_THE_SERVICE: Final = {
    "ServiceRequest": ("identifier", "authored_on"),
    "Task": ("status_reason", "business_status", "authored_on", "last_modified", "restriction", "output"),
}
"""Elements that this service alone sets."""

BEGINS: Final = {("draft", "draft"): True, ("active", "requested"): False}
"""Statuses of ServiceRequest and Task with which a referral begins; whether it is a draft."""


@dataclass(frozen=True, slots=True)
class _Parts:
    """The resources of a bundle, by what they are."""

    entries: Mapping[str, Any]

    def only(self, kind: type[Resource]) -> tuple[str, Resource]:
        """Return the one resource of a kind, with where it stands."""
        found = [(where, one) for where, one in self.entries.items() if isinstance(one, kind)]
        if len(found) != 1:
            raise _refused(f"Bundle.entry.{kind.__name__}", "exactly one")
        return found[0]

    def organisation(self, reference: str, element: str) -> str:
        """Return the code of the organisation that a reference points to: an entry, or one of the directory."""
        found = self.entries.get(reference)
        if isinstance(found, Organization):
            if found.identifier[0].system != SYSTEM + "organization":
                raise _refused("Organization.identifier", f"system is not {SYSTEM}organization")
            return found.identifier[0].value
        if found is not None:
            raise _refused(element, "points to no organisation")
        return _after("organization", reference, element)


def wish_of(bundle: Bundle, sender: str) -> SendReferral:
    """Return the referral that a bundle asks for.

    Args:
        bundle: As it came.
        sender: The code of the organisation that sends it.

    Raises:
        InvalidInput: an element means nothing here, or is not the sender's to say; `field` names it, never its value.
    """
    _check_published(bundle)
    parts = _Parts({one.full_url: one.resource for one in bundle.entry})
    if len(parts.entries) != len(bundle.entry):
        raise _refused("Bundle.entry.fullUrl", "stands twice")
    here, request = parts.only(ServiceRequest)
    _, task = parts.only(Task)
    person, _ = parts.only(Patient)
    for resource in (request, task):
        _check_left_to_service(resource)
    _check_same("Task.focus", task.focus.reference, here)
    _check_same("Task.for", task.for_.reference, person)
    _check_same("ServiceRequest.subject", request.subject.reference, person)
    _check_same("ServiceRequest.performer", request.performer[0].reference, task.owner.reference)
    for one in (request, task):
        element = f"{type(one).__name__}.requester"
        if one.requester is not None and parts.organisation(one.requester.reference, element) != sender:
            raise _refused(element, "not your organisation")
    return SendReferral(
        step=_after("step", request.instantiates_uri[0], "ServiceRequest.instantiatesUri"),
        service=Service(_code(request.code.coding, "service", set(Service), "ServiceRequest.code")),
        recipient=parts.organisation(task.owner.reference, "Task.owner"),
        priority=_priority(request, task),
        compartments=_compartments(task),
        draft=_is_draft(request, task),
        earlier_referral=_earlier(request),
    )


def _refused(element: str, reason: str) -> InvalidInput:
    return InvalidInput(field=element, reason=reason)


def _check_published(bundle: Bundle) -> None:
    """Hold a bundle against the published structure: identifiers, instants and what must go together."""
    try:
        PublishedBundle.model_validate(bundle.model_dump(mode="json", by_alias=True, exclude_none=True))
    except ValidationError as error:
        places = [str(part) for part in error.errors(include_input=False)[0]["loc"]]
        raise _refused(".".join(["Bundle", *places])[:200], "not of the structure of FHIR R4") from None


def _check_left_to_service(resource: ServiceRequest | Task) -> None:
    kind = type(resource)
    for name in OF_THE_SERVICE[kind.__name__]:
        if getattr(resource, name) is not None:
            raise _refused(f"{kind.__name__}.{kind.model_fields[name].alias}", "set by the service alone")


def _check_same(element: str, given: str, wanted: str) -> None:
    if given != wanted:
        raise _refused(element, "points elsewhere")


def _after(kind: str, reference: str, element: str) -> str:
    """Return what stands after `urn:nrm:<kind>:`."""
    prefix = url(kind, "")
    if not reference.startswith(prefix) or reference == prefix:
        raise _refused(element, f"does not begin with {prefix}")
    return reference.removeprefix(prefix)


def _code(codings: list[Coding], system: str, known: Collection[str], element: str) -> str:
    """Return the one code of a system of ours."""
    found = [one.code for one in codings if one.system == SYSTEM + system]
    if len(found) != 1 or found[0] not in known:
        raise _refused(element, f"no code of {SYSTEM}{system}")
    return found[0]


def _priority(request: ServiceRequest, task: Task) -> Priority | None:
    if None not in (request.priority, task.priority) and request.priority != task.priority:
        raise _refused("Task.priority", "another than that of the ServiceRequest")
    said = request.priority or task.priority
    return None if said is None else MEANT[said]


def _compartments(task: Task) -> tuple[Compartment, ...] | None:
    if task.input is None:
        return None
    for one in task.input:
        _code(one.type.coding, "input", {"compartment"}, "Task.input.type")
        if one.value_code not in set(Compartment):
            raise _refused("Task.input.valueCode", "no compartment")
    return tuple(Compartment(one.value_code) for one in task.input)


def _is_draft(request: ServiceRequest, task: Task) -> bool:
    found = BEGINS.get((request.status, task.status))
    if found is None:
        raise _refused("Task.status", "a referral begins as draft (draft) or requested (active)")
    return found


def _earlier(request: ServiceRequest) -> str | None:
    if request.replaces is None:
        return None
    return _after("servicerequest", request.replaces[0].reference, "ServiceRequest.replaces")
