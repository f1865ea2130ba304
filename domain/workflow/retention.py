"""The retention profile of a country: how long what is kept, what is forgotten then, and how requests are answered."""

from collections.abc import Iterable, Mapping
from datetime import timedelta
from enum import StrEnum
from functools import cached_property

from pydantic import Field, model_validator

from domain.codes import (
    ClosureReason,
    Compartment,
    Language,
    Redaction,
    RefusalGround,
    Requester,
    SubjectRequestKind,
)
from domain.workflow.attributes import CODED, FORGETTABLE
from domain.workflow.conditions import Closed
from domain.workflow.confidentiality import Confidentiality, FieldName
from domain.workflow.sop import Basis, Labels, SemanticVersion, Source, StepKey, Translation

WHOLE = "case"
"""The class by whose end all of a closed case goes."""

CONTACT, DRAFT, PACKAGE = "contact", "hotline-draft", "referral-package"
"""The classes of what no case holds: a contact, a contact that no case came of, and the package of a referral."""


class CountedFrom(StrEnum):
    """The instant from which a period counts."""

    CONTACT_MADE = "contact.made"
    CASE_CLOSED = "case.closed"
    REFERRAL_ENDED = "referral.ended"


class Then(StrEnum):
    """What happens to a coded attribute when the time of keeping is over."""

    KEEP = "keep"
    FORGET = "forget"


class Kept(Closed):
    """A class of keeping: for how many days, counted from when."""

    days: int = Field(ge=0)
    counted_from: CountedFrom = Field(alias="from")
    source: str
    basis: Basis

    @property
    def period(self) -> timedelta:
        """How long."""
        return timedelta(days=self.days)


class AttributeRule(Closed):
    """The class of a coded attribute, and whether it is kept as a count or forgotten."""

    kept: StepKey = Field(alias="class")
    then: Then


class RequestRule(Closed):
    """Within how many days a request of the person must be answered."""

    answer_days: int = Field(gt=0)
    source: str
    basis: Basis


class RefusalRule(Closed):
    """Which requests of whom a ground can refuse."""

    requests: tuple[SubjectRequestKind, ...] = Field(min_length=1)
    made_by: tuple[Requester, ...] = Field(min_length=1)
    source: str
    basis: Basis


class Retention(Closed):
    """One version of a retention profile.

    Attributes:
        closures: Closed for such a reason, a case goes as a whole by another class than `case`.
        look_again_days: When a period that something stopped is looked at again.
        fields: The class of every sealed field.
        attributes: The class of every coded attribute, and what becomes of it.
        redacted: The fields of their own file that a person is not given, and why.
        to_others_withheld: The compartments that nobody is given who asks in the person's name.
    """

    retention: StepKey
    version: SemanticVersion
    country: str
    title: Labels
    translations: dict[Language, Translation]
    sources: dict[str, Source]
    classes: dict[StepKey, Kept]
    closures: dict[ClosureReason, StepKey]
    look_again_days: int = Field(gt=0)
    fields: dict[FieldName, StepKey]
    attributes: dict[str, dict[str, AttributeRule]]
    requests: dict[SubjectRequestKind, RequestRule]
    refusals: dict[RefusalGround, RefusalRule]
    redacted: dict[FieldName, Redaction]
    to_others_withheld: tuple[Compartment, ...]

    @model_validator(mode="after")
    def _nothing_is_left_out(self) -> "Retention":
        self._refuse("nothing is said of", [*self._silent()])
        named = {*self.fields.values(), *self.closures.values(), *(rule.kept for rule in self._rules().values())}
        named |= {WHOLE, CONTACT, DRAFT, PACKAGE}
        self._refuse("no such class", named - set(self.classes))
        cited: list[Kept | RequestRule | RefusalRule] = [
            *self.classes.values(),
            *self.requests.values(),
            *self.refusals.values(),
        ]
        self._refuse("no such source", {rule.source for rule in cited} - set(self.sources))
        forgotten = {name for name, rule in self._rules().items() if rule.then == Then.FORGET}
        can = {f"{table}.{column}" for table, columns in FORGETTABLE.items() for column in columns}
        self._refuse("cannot be forgotten", forgotten - can)
        self._refuse("ends after its case", self._too_late())
        return self

    def _rules(self) -> dict[str, AttributeRule]:
        return {f"{table}.{name}": rule for table, rules in self.attributes.items() for name, rule in rules.items()}

    def _silent(self) -> Iterable[str]:
        coded = {f"{table}.{column}" for table, columns in CODED.items() for column in columns}
        yield from coded ^ set(self._rules())
        yield from set(SubjectRequestKind) - set(self.requests)
        yield from set(RefusalGround) - set(self.refusals)

    def _too_late(self) -> set[str]:
        of_case = {*self.fields.values(), *self.closures.values()}
        return {
            name
            for name in of_case & set(self.classes)
            if self.classes[name].counted_from != CountedFrom.CASE_CLOSED
            or self.classes[name].days > self.classes[WHOLE].days
        }

    @staticmethod
    def _refuse(fault: str, found: Iterable[str]) -> None:
        if listed := sorted(found):
            raise ValueError(f"{fault}: {', '.join(listed)}")

    def refuse_unclassed(self, confidentiality: Confidentiality) -> None:
        """Refuse a profile in which a sealed field has no class, or two fields under one key have different ones.

        Raises:
            ValueError: names the fields.
        """
        placed = {name for names in confidentiality.compartments.values() for name in names}
        self._refuse("without a class of keeping, or in no compartment", placed ^ set(self.fields))
        self._refuse("in no compartment", set(self.redacted) - placed)
        mixed = [one for one in Compartment if len(self._classes(confidentiality, one)) > 1]
        self._refuse("one key, two classes of keeping", mixed)

    def _classes(self, confidentiality: Confidentiality, compartment: Compartment) -> set[str]:
        return {self.fields[name] for name in confidentiality.compartments[compartment]}

    def compartments_of(self, kept: str, confidentiality: Confidentiality) -> list[Compartment]:
        """Return the compartments of a case that go when a class ends; all of them for what ends the case."""
        if kept == WHOLE or kept in self.closures.values():
            return list(Compartment)
        return [one for one in Compartment if kept in self._classes(confidentiality, one)]

    def classes_of_case(self, reason: ClosureReason | None) -> dict[str, timedelta]:
        """Return the classes that end after a case was closed, and how long after; the last ends all of it."""
        whole = self.closures.get(reason, WHOLE) if reason is not None else WHOLE
        longest = self.classes[whole].period
        partial = {name for name in self.fields.values() if name != WHOLE and self.classes[name].period < longest}
        return {name: self.classes[name].period for name in sorted(partial)} | {whole: longest}

    @cached_property
    def forgotten(self) -> Mapping[str, tuple[str, ...]]:
        """The attributes that are forgotten, as `table.column`, by the class whose end that is."""
        found: dict[str, list[str]] = {}
        for name, rule in self._rules().items():
            if rule.then == Then.FORGET:
                found.setdefault(rule.kept, []).append(name)
        return {kept: tuple(sorted(names)) for kept, names in found.items()}

    @cached_property
    def remaining(self) -> tuple[str, ...]:
        """The attributes that stay after everything else has gone: pseudonymous counts."""
        return tuple(sorted(name for name, rule in self._rules().items() if rule.then == Then.KEEP))

    def may_refuse(self, ground: RefusalGround, kind: SubjectRequestKind, made_by: Requester) -> bool:
        """Whether a ground is one on which this request of this requester can be refused."""
        rule = self.refusals[ground]
        return kind in rule.requests and made_by in rule.made_by
