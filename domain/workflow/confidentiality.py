"""The confidentiality profile of a country: which field is in which compartment, and who needs which compartment."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property
from types import MappingProxyType
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, model_validator

from domain.codes import CaseWork, Compartment, Language, LegalBasis, Purpose, ReferralStatus, Role, Service
from domain.workflow.conditions import Closed
from domain.workflow.sop import Basis, Labels, SemanticVersion, Source, StepKey, Translation

OF_PERSON = "compartment"
"""The kind of sealed value that the compartments of a person are."""

AS_OF_PERSON = frozenset({OF_PERSON, "package", "notes"})
"""Kinds of sealed values with the fields of a person's compartments: those, copies of them, and what a contact said."""

_ATTACHED = ("name", "description", "stream", "key_version", "chunks", "size")

SEALED: Mapping[str, Mapping[Compartment, tuple[str, ...]]] = MappingProxyType(
    {
        "question": {Compartment.NARRATIVE: ("text",)},
        "answer": {Compartment.NARRATIVE: ("text",)},
        "ground": {Compartment.NARRATIVE: ("reason",)},
        "break-glass": {Compartment.NARRATIVE: ("account",)},
        "reasons": {Compartment.LEGAL: ("reasons",)},
        "attachment": dict.fromkeys(
            (Compartment.IDENTITY, Compartment.NARRATIVE, Compartment.HEALTH, Compartment.LEGAL), _ATTACHED
        ),
        "request-words": {Compartment.LEGAL: ("text",)},
        "request-reasons": {Compartment.LEGAL: ("text",)},
        "classification": {Compartment.LEGAL: ("reasons",)},
        "exploitation": {Compartment.NARRATIVE: ("account",), Compartment.LOCATION: ("places",)},
    }
)
"""What commands seal beside the fields of compartments. A profile that has no place for one of these is not current."""

FieldName = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$")]


SEES_NOBODY = (Role.FOCAL_POINT, Role.MONITORING_STAFF, Role.COORDINATOR)
"""Roles that watch over the mechanism and open no compartment of anybody."""

NEEDS_LOCATION = frozenset(
    {
        Service.CASE_MANAGEMENT,
        Service.GUARDIANSHIP,
        Service.RETURN,
        Service.SHELTER,
        Service.SOCIAL_SUPPORT,
        Service.WITNESS_PROTECTION,
    }
)
"""Services that give somebody a place, take them there, visit or answer for them: no other is told where they are."""


class AfterKeeping(StrEnum):
    """What happens when the time of keeping is over."""

    ERASE = "erase"
    ANONYMISE = "anonymise"


ACCEPTED = (ReferralStatus.ACCEPTED, ReferralStatus.IN_SERVICE)
"""The only states of a referral in which a profile can let its receiver open anything."""

Accepted = Literal[ReferralStatus.ACCEPTED, ReferralStatus.IN_SERVICE]


def _in_each(states: Iterable[str]) -> BeforeValidator:
    """Let a profile name one list for all states, as the first version did."""
    named = tuple(states)
    return BeforeValidator(lambda said: dict.fromkeys(named, said) if isinstance(said, list | tuple) else said)


@dataclass(frozen=True, slots=True)
class Opening:
    """The compartments that somebody's role may open, by the state of the case or referral; no state, nothing."""

    by_state: Mapping[str, frozenset[Compartment]]

    def at(self, state: str) -> frozenset[Compartment]:
        """Return what may be opened in a state."""
        return self.by_state.get(state, frozenset())

    def ever(self) -> frozenset[Compartment]:
        """Return what may be opened in some state."""
        return frozenset[Compartment]().union(*self.by_state.values())

    def only(self, compartments: Collection[Compartment]) -> "Opening":
        """Return the same, of these compartments alone."""
        return Opening({state: opened & frozenset(compartments) for state, opened in self.by_state.items()})


NOTHING = Opening({})
EVERYTHING = Opening({str(state): frozenset(Compartment) for state in CaseWork})


class Disclosure(Closed):
    """The compartments that a role may open, by how its organisation stands to the case, and in which state.

    Attributes:
        owner: The organisation manages the case; by how far case work has come.
        receiver: The organisation accepted a referral; by the referral's state, and never more than its package holds.
    """

    owner: Annotated[dict[CaseWork, tuple[Compartment, ...]], _in_each(CaseWork)] = Field(default_factory=dict)
    receiver: Annotated[dict[Accepted, tuple[Compartment, ...]], _in_each(ACCEPTED)] = Field(default_factory=dict)

    def opening(self, relation: Literal["owner", "receiver"]) -> Opening:
        """Return what may be opened in a relation."""
        said: Mapping[Any, tuple[Compartment, ...]] = self.owner if relation == "owner" else self.receiver
        return Opening({str(state): frozenset(opened) for state, opened in said.items()})


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
        sealed: What is sealed beside the fields of compartments: by kind of record, compartment and field. What stands
            neither there nor here is not stored at all.
        roles: The compartments that a role may open.
        consents: The validity of a consent, by purpose.
        bases: For how long something may be shared on another basis than consent.
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
    sealed: dict[StepKey, dict[Compartment, tuple[FieldName, ...]]] = Field(default_factory=dict)
    roles: dict[Role, Disclosure]
    consents: dict[Purpose, ConsentRule]
    bases: dict[LegalBasis, ConsentRule] = Field(default_factory=dict)
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
        rules: list[ConsentRule | RetentionRule] = [
            *self.consents.values(),
            *self.bases.values(),
            *self.retention.values(),
        ]
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

    def places(self, kind: str, compartment: Compartment, fields: Iterable[str]) -> bool:
        """Whether all these fields of a kind of record have their place in a compartment; else they are not stored."""
        named = self.compartments if kind in AS_OF_PERSON else self.sealed.get(kind, {})
        return set(fields) <= set(named.get(compartment, ()))

    def faults(self) -> list[str]:
        """What a current profile may not say, or must not leave out: the rules that no file can opt out of.

        An earlier version may lack what was added since; it is kept for what happened under it and is not current.
        """
        found = [
            f"{kind}: {compartment} has no place for {', '.join(fields)}"
            for kind, named in SEALED.items()
            for compartment, fields in named.items()
            if not self.places(kind, compartment, fields)
        ]
        found += [f"{role} opens something" for role in SEES_NOBODY if self._ever(role)]
        if Compartment.NARRATIVE in self._ever(Role.SHELTER_STAFF):
            found.append("shelter staff open the narrative")
        found += [f"{basis} has no end" for basis in LegalBasis if basis not in {LegalBasis.CONSENT, *self.bases}]
        for service, needed in self.services.items():
            if Compartment.LOCATION in needed and service not in NEEDS_LOCATION:
                found.append(f"{service} is told where somebody is")
        return found

    def _ever(self, role: Role) -> frozenset[Compartment]:
        return self.opens(role, "owner").ever() | self.opens(role, "receiver").ever()

    def opens(self, role: Role, relation: Literal["owner", "receiver"]) -> Opening:
        """The compartments that a role may open in a relation, by state."""
        return self.roles[role].opening(relation)

    def shares_for(self, basis: LegalBasis, purpose: Purpose) -> int:
        """For how many days something may be shared on a basis that is not consent."""
        return (self.bases.get(basis) or self.consents[purpose]).valid_days

    def package(self, allowed: Iterable[Compartment], services: Iterable[Service]) -> frozenset[Compartment]:
        """The compartments to share in a referral: what the step allows and at least one asked-for service needs.

        Args:
            allowed: The compartments of the step's consent.
            services: The services that the referral asks for.
        """
        needed = frozenset[Compartment]().union(*(self.matrix[service] for service in services))
        return frozenset(allowed) & needed
