"""Says where each field of a row of the standard goes. Pure."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Any, Final

from api.exchange import exploitation
from api.exchange.htcds import LANGUAGES
from api.exchange.places import CONSENTS, DIRECT, DROPPED, KEPT, NOT_TAKEN, kept_line
from api.exchange.standard import ROW_ID, SEPARATOR, WITHHELD, WITHHELD_LIST, Field, field_named
from api.imports.nationalities import country_of
from api.imports.report import Fate, Line
from api.imports.uk_fields import Place
from api.imports.uk_form import ADULT, BANDS
from domain.codes import AgeBand, Compartment, EntryChannel
from domain.workflow.confidentiality import Confidentiality

NO_CONSENT: Final = "no consent: of an adult, or perhaps one, nothing is sealed without it"
ENTRY: Final = re.compile(r"entry channel: ([a-z_]+)")
MOST_CITIZENSHIPS: Final = 5
YES: Final = frozenset({"true", "yes", "1"})
NO: Final = frozenset({"false", "no", "0"})


@dataclass(frozen=True, slots=True)
class Reader:
    """Who takes a row in, and when.

    Attributes:
        profile: Which field of ours may stand in which compartment.
        opens: The compartments that the role may open: nobody seals what they could not open.
        today: For the age band.
    """

    profile: Confidentiality
    opens: frozenset[Compartment]
    today: date


@dataclass(slots=True)
class Placed:
    """What a row becomes.

    Attributes:
        exploitation: Coded attributes of an episode; empty if the row says nothing of it in codes.
        consent: What the checkbox says; None if it says nothing.
        is_adult: None if there is no readable birth date.
    """

    attributes: dict[str, Any] = field(default_factory=dict)
    exploitation: dict[str, Any] = field(default_factory=dict)
    compartments: dict[Compartment, dict[str, Any]] = field(default_factory=dict)
    lines: list[Line] = field(default_factory=list)
    entry_channel: EntryChannel | None = None
    consent: bool | None = None
    is_adult: bool | None = None

    @property
    def seals(self) -> bool:
        """Whether anything may be sealed: an unticked box is no consent to hold a name, unless it is a child's."""
        return self.consent is not False or self.is_adult is False


def place_row(values: Mapping[str, str], reader: Reader, id_column: str = ROW_ID) -> Placed:
    """Say where each field of a row goes; every column has one line."""
    placed = Placed()
    known: dict[str, tuple[str, Field]] = {}
    hidden = set(values.get(WITHHELD_LIST, "").split(SEPARATOR))
    for number, (given, value) in enumerate(values.items(), 1):
        found = field_named(given)
        if found is None:
            placed.lines.append(_foreign(given, number, id_column))
        elif not value.strip():
            placed.lines.append(Line(found.name, Fate.EMPTY))
        elif value == WITHHELD and found.name in hidden:
            placed.lines.append(Line(found.name, Fate.NOT_PLACED, "withheld by the sender"))
        elif found.name in known:
            placed.lines.append(Line(found.name, Fate.NOT_PLACED, "stands twice in the row"))
        else:
            known[found.name] = (value, found)
    texts = {name: value for name, (value, _) in known.items()}
    placed.consent = _consent(texts)
    _age(texts.get("prs_Birthdate", ""), placed, reader.today)
    for name, (value, found) in sorted(known.items(), key=lambda one: (one[0] in KEPT, one[0])):
        placed.lines.append(_settled(name, value, found, placed, reader))
    return placed


def _foreign(given: str, number: int, id_column: str) -> Line:
    """Name a column of the sender's own by its number: what stands there may be anything."""
    if given == id_column:
        return Line(ROW_ID, Fate.KEPT, "as a keyed fingerprint, so that a second import does nothing")
    if given == WITHHELD_LIST:
        return Line(given, Fate.PLACED, "read: which fields are withheld")
    return Line(f"column {number}", Fate.NOT_PLACED, "no field of HTCDS 2.0")


def _consent(texts: Mapping[str, str]) -> bool | None:
    """Return what the present field says, else the deprecated one."""
    for name in CONSENTS:
        word = texts.get(name, "").strip().casefold()
        if word in YES | NO:
            return word in YES
    return None


def _age(birth_date: str, placed: Placed, today: date) -> None:
    try:
        born = date.fromisoformat(birth_date)
    except ValueError:
        return
    if born > today:
        return
    years = today.year - born.year - ((today.month, today.day) < (born.month, born.day))
    placed.is_adult = years >= ADULT
    placed.attributes["age_band"] = next((code for end, code in BANDS if years < end), AgeBand.AGE_48_PLUS)


def _settled(name: str, value: str, found: Field, placed: Placed, reader: Reader) -> Line:
    if name in DROPPED:
        return Line(name, Fate.DROPPED, DROPPED[name])
    if name in CONSENTS:
        return _consent_line(name, value, placed)
    if (where := _coded(name, value, found, placed)) is not None:
        return Line(name, Fate.PLACED, where)
    if (line := _exploited(name, value, placed)) is not None:
        return line
    place = DIRECT.get(name) or KEPT.get(name)
    if place is not None:
        return _seal(name, place, _spelled(value, found), placed, reader)
    return Line(name, Fate.NOT_PLACED, NOT_TAKEN[name])


def _exploited(name: str, value: str, placed: Placed) -> Line | None:
    """Say in codes what was done to the person; the age in years stays with the sealed words, beside its band."""
    found = exploitation.said(name, value)
    if not found:
        return None
    if not placed.seals:
        return Line(name, Fate.DROPPED, NO_CONSENT)
    placed.exploitation.update(found)
    if name == exploitation.AGE:
        return None
    return Line(name, Fate.PLACED, f"exploitation.{next(iter(found))}")


def _consent_line(name: str, value: str, placed: Placed) -> Line:
    if value.strip().casefold() not in YES | NO:
        return Line(name, Fate.NOT_PLACED, "neither yes nor no: nothing is taken for a consent that is not one")
    if not placed.consent:
        return Line(name, Fate.NOT_PLACED, "no consent: nothing may be shared before the person is asked")
    if not placed.is_adult:
        return Line(name, Fate.NOT_PLACED, "a child, or perhaps one, needs none")
    if name != CONSENTS[0]:
        return Line(name, Fate.KEPT, f"as {CONSENTS[0]}, which replaces it")
    return Line(name, Fate.PLACED, "consent, for your organisation alone")


def _coded(name: str, value: str, found: Field, placed: Placed) -> str | None:
    """Set what has a code of ours; returns where, or None where it has none."""
    if name == "cas_Status" and found.code(value) == "Active":
        return "case.case_work, which begins open"
    if name == "cas_IncomingReferralDetails":
        return _entry_channel(value, placed)
    if name == "prs_Gender":
        return _gender(value, found, placed)
    if name == "prs_Citizenship":
        return _citizenships(value, placed)
    return _language(name, value, placed) if name in LANGUAGES else None


def _entry_channel(value: str, placed: Placed) -> str | None:
    said = ENTRY.fullmatch(value)
    if said is None or said[1] not in set(EntryChannel):
        return None
    placed.entry_channel = EntryChannel(said[1])
    return "case.entry_channel"


def _gender(value: str, found: Field, placed: Placed) -> str | None:
    code = found.code(value)
    if code is None:
        return None
    placed.attributes["gender"] = code
    return "person.gender"


def _citizenships(value: str, placed: Placed) -> str | None:
    words = [word.strip() for word in re.split("[;,]", value)]
    codes = [word if re.fullmatch("[A-Z]{2}", word) else country_of(word) for word in words]
    if None in codes or len(codes) > MOST_CITIZENSHIPS:
        return None
    placed.attributes["citizenships"] = list(dict.fromkeys(codes))
    return "person.citizenships"


def _language(name: str, value: str, placed: Placed) -> str | None:
    """Set a language; a second one has its place only after a first and other one."""
    tag = value.strip().lower()
    languages = placed.attributes.get("languages", [])
    if not re.fullmatch("[a-z]{2,3}", tag) or tag in languages or len(languages) != LANGUAGES.index(name):
        return None
    placed.attributes["languages"] = [*languages, tag]
    return "person.languages"


def _spelled(value: str, found: Field) -> str:
    """Return a value with every code that the list has in the list's spelling; the rest as it came."""
    if not found.codes:
        return value
    words = value.split(SEPARATOR) if found.is_many else [value]
    return SEPARATOR.join(found.code(word) or word for word in words)


def _seal(name: str, place: Place, value: str, placed: Placed, reader: Reader) -> Line:
    if not placed.seals:
        return Line(name, Fate.DROPPED, NO_CONSENT)
    if reader.profile.compartment_of(place.field) != place.compartment:
        return Line(name, Fate.NOT_PLACED, f"the confidentiality profile has no place {place}")
    if place.compartment not in reader.opens:
        return Line(name, Fate.NOT_PLACED, f"the role may not open {place.compartment}")
    fields = placed.compartments.setdefault(place.compartment, {})
    text = kept_line(place.label, value) if place.label else value
    fields[place.field] = f"{fields[place.field]}\n{text}" if place.field in fields else text
    return Line(name, Fate.KEPT if place.label else Fate.PLACED, f"{place}, in words" if place.label else str(place))
