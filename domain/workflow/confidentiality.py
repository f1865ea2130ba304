"""The confidentiality profile of a country: which field is in which compartment, and who needs which compartment."""

from collections.abc import Iterable, Mapping
from enum import StrEnum
from functools import cached_property
from types import MappingProxyType
from typing import Annotated

from pydantic import Field, model_validator

from domain.codes import Compartment, Language, Purpose, Role, Service
from domain.workflow.conditions import Closed
from domain.workflow.sop import Basis, Labels, SemanticVersion, Source, StepKey, Translation

FieldName = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$")]


class AfterKeeping(StrEnum):
    """What happens when the time of keeping is over."""

    ERASE = "erase"
    ANONYMISE = "anonymise"


class Disclosure(Closed):
    """The compartments that a role may open, by how its organisation stands to the case.

    Attributes:
        owner: The organisation manages the case.
        receiver: The organisation accepted a referral; never more than the referral's package holds.
    """

    owner: tuple[Compartment, ...] = ()
    receiver: tuple[Compartment, ...] = ()


class ConsentRule(Closed):
    """For how long a consent holds if nothing shorter was agreed."""

    valid_days: int = Field(gt=0)
    source: str
    basis: Basis


class RetentionRule(Closed):
    """For how long something is kept, from when, and what happens then."""

    days: int = Field(ge=0)
    counted_from: str = Field(alias="from")
    then: AfterKeeping
    source: str
    basis: Basis


class Confidentiality(Closed):
    """One version of a confidentiality profile.

    Attributes:
        compartments: The fields of each compartment; a field that stands nowhere is never shared.
        services: The compartments that an organisation needs to give a service, and no others.
        roles: The compartments that a role may open.
        consents: The validity of a consent, by purpose.
        retention: The classes of keeping.
    """

    profile: StepKey
    version: SemanticVersion
    country: str
    title: Labels
    translations: dict[Language, Translation]
    sources: dict[str, Source]
    compartments: dict[Compartment, tuple[FieldName, ...]]
    services: dict[Service, tuple[Compartment, ...]]
    roles: dict[Role, Disclosure]
    consents: dict[Purpose, ConsentRule]
    retention: dict[StepKey, RetentionRule]

    @model_validator(mode="after")
    def _nothing_is_left_out(self) -> "Confidentiality":
        for given, expected in (
            (self.compartments, Compartment),
            (self.services, Service),
            (self.roles, Role),
            (self.consents, Purpose),
        ):
            if missing := sorted(set(expected) - set(given)):
                raise ValueError(f"nothing is said of {', '.join(missing)}")
        fields = [name for names in self.compartments.values() for name in names]
        if twice := sorted({name for name in fields if fields.count(name) > 1}):
            raise ValueError(f"in two compartments: {', '.join(twice)}")
        rules: list[ConsentRule | RetentionRule] = [*self.consents.values(), *self.retention.values()]
        if unknown := sorted({rule.source for rule in rules} - set(self.sources)):
            raise ValueError(f"no such source: {', '.join(unknown)}")
        return self

    @cached_property
    def matrix(self) -> Mapping[Service, frozenset[Compartment]]:
        """The compartments that each service needs."""
        return MappingProxyType({service: frozenset(needed) for service, needed in self.services.items()})

    @cached_property
    def _compartment_by_field(self) -> Mapping[str, Compartment]:
        return {name: compartment for compartment, names in self.compartments.items() for name in names}

    def compartment_of(self, field: str) -> Compartment | None:
        """The compartment of a field, or none: a field that stands nowhere may not be stored or shared."""
        return self._compartment_by_field.get(field)

    def package(self, allowed: Iterable[Compartment], services: Iterable[Service]) -> frozenset[Compartment]:
        """The compartments to share in a referral: what the step allows and at least one asked-for service needs.

        Args:
            allowed: The compartments of the step's consent.
            services: The services that the referral asks for.
        """
        needed = frozenset[Compartment]().union(*(self.matrix[service] for service in services))
        return frozenset(allowed) & needed
