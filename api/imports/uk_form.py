"""Reads a referral as the United Kingdom's digital NRM form sends it, and says where each of its fields goes. Pure."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Any, Final

from api.imports.nationalities import country_of
from api.imports.report import Fate, Line
from api.imports.uk_fields import (
    DECIDING,
    DROPPED,
    EXPLOITATION,
    EXPLOITATION_ANSWERS,
    NOT_PLACED,
    PERMISSION,
    PLACES,
    TRUSTED,
    Place,
)
from domain.codes import AgeBand, CaseWork, Compartment, Gender, Known, Purpose, Role
from domain.workflow.confidentiality import Confidentiality

LARGEST_FILE: Final = 1024 * 1024
"""Bytes."""

LONGEST_VALUE: Final = 15_000
"""Characters of one text box of the form."""

MOST_FIELDS: Final = 300
LONGEST_NAME: Final = 60
ADULT: Final = 18
NATIONALITIES: Final = ("Customer.Nationality", "Customer.Custom11")
GENDER: Final = "Customer.Custom17"
REFUSED: Final = "the adult refused: counted, never named"
OF_THE_PERSON: Final = frozenset({*PLACES, *EXPLOITATION, *TRUSTED, *NATIONALITIES, "DTNReason"})
KEPT: Final = dict.fromkeys(NATIONALITIES, "in words: no country is known by this name")

GENDERS: Final = {"Male": Gender.MASCULINE, "Female": Gender.FEMININE}
BANDS: Final = (
    (9, AgeBand.AGE_0_8),
    (ADULT, AgeBand.AGE_9_17),
    (21, AgeBand.AGE_18_20),
    (24, AgeBand.AGE_21_23),
    (27, AgeBand.AGE_24_26),
    (30, AgeBand.AGE_27_29),
    (39, AgeBand.AGE_30_38),
    (48, AgeBand.AGE_39_47),
)
"""First age in whole years that is no longer in the band."""


class FormRefused(ValueError):
    """The file is no such form, or contradicts itself; the message quotes no value."""


@dataclass(frozen=True, slots=True)
class Form:
    """The filled-in fields of one form, and the names of the empty ones."""

    values: Mapping[str, str]
    empty: tuple[str, ...] = ()

    @property
    def external_id(self) -> str:
        """The sender's random id of the referral."""
        return self.values["ExternalId"]

    @property
    def is_adult(self) -> bool:
        """Whether the form says so; a child or somebody of unknown age is asked for no consent."""
        return self.values.get("AdultOrChild") == "Adult"

    @property
    def is_refused(self) -> bool:
        """Whether an adult refused to be referred."""
        return self.is_adult and self.values.get("NRMOrDuty") == "DTN"

    @property
    def consents_to(self) -> tuple[Purpose, ...]:
        """What an adult agreed to on the form; support only where the form says that it is wanted."""
        if not self.is_adult or self.is_refused:
            return ()
        wants = self.values.get("NeedSupport") == "Yes"
        return (Purpose.IDENTIFICATION, Purpose.SUPPORT) if wants else (Purpose.IDENTIFICATION,)


@dataclass(slots=True)
class Placement:
    """What a form becomes.

    Attributes:
        attributes: Coded attributes of the person.
        exploitation: Coded attributes of the exploitation episode; empty if the form flags none.
        compartments: What is sealed, by compartment.
        lines: What became of each field that is neither empty nor decided on by the import itself.
    """

    attributes: dict[str, Any] = field(default_factory=dict)
    exploitation: dict[str, Any] = field(default_factory=dict)
    compartments: dict[Compartment, dict[str, Any]] = field(default_factory=dict)
    lines: list[Line] = field(default_factory=list)

    def seal(self, place: Place, value: str) -> None:
        """Add a value to a sealed field, on a line of its own."""
        fields = self.compartments.setdefault(place.compartment, {})
        text = f"{place.label}: {value}" if place.label else value
        fields[place.field] = f"{fields[place.field]}\n{text}" if place.field in fields else text


def read(content: bytes) -> Form:
    """Read a form.

    Raises:
        FormRefused: it is not JSON of one object of texts, is too large, or an adult's form lacks its decision.
    """
    if len(content) > LARGEST_FILE:
        raise FormRefused("larger than 1 MiB")
    try:
        found = json.loads(content.decode("utf-8"), object_pairs_hook=_without_doubles)
    except (ValueError, RecursionError):
        raise FormRefused("not a JSON object in which every name stands once") from None
    if not isinstance(found, dict) or len(found) > MOST_FIELDS:
        raise FormRefused(f"not an object of at most {MOST_FIELDS} fields")
    for name, value in found.items():
        _check(name, value)
    values = {name: value.strip() for name, value in found.items() if value is not None and value.strip()}
    _check_decision(values)
    return Form(values, tuple(name for name in found if name not in values))


def _without_doubles(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    values = dict(pairs)
    if len(values) != len(pairs):
        raise ValueError("a name stands twice")
    return values


def _check(name: str, value: object) -> None:
    if len(name) > LONGEST_NAME or not name.isascii() or not name.isprintable():
        raise FormRefused("the name of a field is none of the form's")
    if value is None:
        return
    if not isinstance(value, str) or len(value) > LONGEST_VALUE or "\x00" in value or not _is_unicode(value):
        raise FormRefused(f"{name}: not a text of at most {LONGEST_VALUE} characters")


def _is_unicode(text: str) -> bool:
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        return False
    return True


def _check_decision(values: Mapping[str, str]) -> None:
    if "ExternalId" not in values:
        raise FormRefused("ExternalId: missing; without it a second import could not be told from the first")
    if values.get("AdultOrChild") not in {"Adult", "Child", "Unknown"}:
        raise FormRefused("AdultOrChild: neither Adult nor Child nor Unknown")
    decision = values.get("NRMOrDuty")
    if decision not in {"NRM", "DTN", None} or (decision is None and values["AdultOrChild"] == "Adult"):
        raise FormRefused("NRMOrDuty: neither NRM nor DTN; nothing is taken for a consent that is not one")
    if {"560734": "NRM", "662265": "DTN"}.get(values.get("Type", ""), decision) != decision:
        raise FormRefused("Type and NRMOrDuty contradict each other")


def place(form: Form, profile: Confidentiality, role: Role, today: date) -> Placement:
    """Say where each field goes.

    Args:
        form: The form.
        profile: Which field of ours may stand in which compartment, and what a role may open: all else is refused.
        role: Of whoever imports: nobody seals what they could not open.
        today: For the age band.
    """
    placement = Placement()
    _age(form, placement, today)
    _plain(form, placement)
    opens = frozenset[Compartment]() if form.is_refused else profile.opens(role, "owner").at(CaseWork.OPEN)
    for name, value in form.values.items():
        if not _is_settled(name, placement):
            placement.lines.append(_settled(name, value, form, placement, profile, opens))
    _safe_to_contact(form, placement)
    return placement


def _is_settled(name: str, placement: Placement) -> bool:
    return name in DECIDING or any(line.field == name for line in placement.lines)


def _age(form: Form, placement: Placement, today: date) -> None:
    """Set the age band: from the birth date where it is readable, else as far as the form goes."""
    says = form.values["AdultOrChild"]
    band: str = {"Adult": AgeBand.AGE_18_PLUS, "Child": AgeBand.AGE_0_17}.get(says, Known.UNKNOWN)
    born = _born(form.values.get("Customer.DOB", ""))
    if born is not None and born <= today:
        years = today.year - born.year - ((today.month, today.day) < (born.month, born.day))
        band = next((code for end, code in BANDS if years < end), AgeBand.AGE_48_PLUS)
        placement.attributes["age_disputed"] = (says == "Adult") != (years >= ADULT) and says != "Unknown"
    placement.attributes["age_band"] = band
    if says == "Unknown":
        placement.attributes["age_disputed"] = True


def _born(text: str) -> date | None:
    try:
        return date.fromisoformat(text)
    except ValueError:
        return None


def _plain(form: Form, placement: Placement) -> None:
    """Set gender and citizenships; what has no code stays for the sealed fields."""
    if GENDER in form.values:
        placement.attributes["gender"] = GENDERS.get(form.values[GENDER], Known.UNKNOWN)
        placement.lines.append(Line(GENDER, Fate.PLACED, "person.gender"))
    codes = {name: country_of(form.values[name]) for name in NATIONALITIES if name in form.values}
    known = [code for code in codes.values() if code is not None]
    placement.attributes["citizenships"] = list(dict.fromkeys(known)) or [Known.UNKNOWN]
    placement.lines += [Line(name, Fate.PLACED, "person.citizenships") for name, code in codes.items() if code]


def _settled(
    name: str,
    value: str,
    form: Form,
    placement: Placement,
    profile: Confidentiality,
    opens: frozenset[Compartment],
) -> Line:
    if (line := _against(name, form) or _coded(name, value, placement)) is not None:
        return line
    found = _place_of(name)
    if found is None:
        return Line(name, Fate.NOT_PLACED, "no field of the form that we know")
    if profile.compartment_of(found.field) != found.compartment:
        return Line(name, Fate.NOT_PLACED, f"the confidentiality profile has no place {found}")
    if found.compartment not in opens:
        return Line(name, Fate.NOT_PLACED, f"the role may not open {found.compartment}")
    placement.seal(found, value)
    if name in KEPT:
        return Line(name, Fate.KEPT, f"{found}, {KEPT[name]}")
    return Line(name, Fate.PLACED, str(found))


def _against(name: str, form: Form) -> Line | None:
    """Return why a field is stored nowhere, or None."""
    if name in DROPPED:
        return Line(name, Fate.DROPPED, DROPPED[name])
    if form.is_refused and name in OF_THE_PERSON:
        return Line(name, Fate.DROPPED, REFUSED)
    if name in NOT_PLACED:
        return Line(name, Fate.NOT_PLACED, NOT_PLACED[name])
    if name in TRUSTED and form.values.get(PERMISSION) != "Yes":
        return Line(name, Fate.DROPPED, "a third person, without permission to write to them")
    if name in EXPLOITATION and form.values[name] != "Yes":
        return Line(name, Fate.NOT_PLACED, "the form flags what happened with Yes alone")
    return None


def _coded(name: str, value: str, placement: Placement) -> Line | None:
    """Set what a field says in codes about the exploitation episode, or return None: the form has one for all."""
    said = EXPLOITATION.get(name, {})
    for attribute, code in said.items():
        codes = placement.exploitation.get(attribute, ())
        placement.exploitation[attribute] = tuple(sorted({*codes, code}))
    if name in EXPLOITATION_ANSWERS:
        attribute, answers = EXPLOITATION_ANSWERS[name]
        if value not in answers:
            return None
        placement.exploitation[attribute] = answers[value]
        said = {attribute: answers[value]}
    if not said:
        return None
    return Line(name, Fate.PLACED, ", ".join(f"exploitation.{attribute}" for attribute in said))


def _place_of(name: str) -> Place | None:
    """Return the sealed place of a field, or None."""
    if name in NATIONALITIES:
        return Place(Compartment.NARRATIVE, "account", "nationality")
    if name in TRUSTED:
        return Place(Compartment.CONTACT, "trusted_person", name.removeprefix("AltContact"))
    return PLACES.get(name)


def _safe_to_contact(form: Form, placement: Placement) -> None:
    """Say that writing is safe only where the form says so of every way that it gives."""
    contact = placement.compartments.get(Compartment.CONTACT)
    if contact is None:
        return
    asked = {"SafeToEmail": "Customer.Email", "SafeToPostal": "Customer.Address"}
    ways = [flag for flag, way in asked.items() if way in form.values]
    contact["safe_to_contact"] = bool(ways) and all(form.values.get(flag) == "Yes" for flag in ways)


def rest(form: Form) -> Iterator[Line]:
    """Yield a line for every empty field."""
    return (Line(name, Fate.EMPTY) for name in form.empty)
