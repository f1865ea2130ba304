"""A case as one row of the standard, with a report of what the standard has no place for. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from api.exchange import exploitation
from api.exchange.exploitation import Episode
from api.exchange.places import BY_PLACE, DIRECT, KEPT, apart
from api.exchange.standard import ROW_ID, SEPARATOR, WITHHELD, WITHHELD_LIST, fields
from api.imports.report import Fate, Line
from domain.codes import NOT_KNOWN, Compartment, Gender, Known

NO_FIELD: Final = "HTCDS has no such field"
DISPUTED: Final = "the age is disputed, and HTCDS cannot say so: a bare date would make an adult of a child"
NOT_KNOWN_HOW: Final = "HTCDS has no code for how it is not known"
LANGUAGES: Final = ("prs_PrimaryLanguage", "prs_SecondaryLanguage")
SENDERS: Final = "the sender's word stands, since nobody has worked on the case here"
STANDS: Final = {"cas_Status": "case.case_work", "cas_IncomingReferralDetails": "case.entry_channel"}
"""Fields in which the word of whoever sent the case stands before what we know by ourselves."""

ATTRIBUTES: Final = (
    "sex",
    "gender",
    "age_band",
    "age_disputed",
    "citizenships",
    "migration_status",
    "documents_held",
    "languages",
    "disability",
)


@dataclass(frozen=True, slots=True)
class Told:
    """What an organisation may tell of a case.

    Attributes:
        reference: Of the case; identifies the row.
        attributes: The coded attributes of the person.
        opened: The compartments that were opened.
        withheld: Why each of the others was not.
        routing: Fields of the standard that are derived from plain records.
        lost: Plain records, by what they are, with why the standard cannot hold them.
        episodes: Of exploitation, those that speak.
        is_untouched: Nobody has worked on the case here.
    """

    reference: str
    attributes: Mapping[str, Any]
    opened: Mapping[Compartment, Mapping[str, Any]] = field(default_factory=dict)
    withheld: Mapping[Compartment, str] = field(default_factory=dict)
    routing: Mapping[str, Any] = field(default_factory=dict)
    lost: Mapping[str, str] = field(default_factory=dict)
    episodes: Sequence[Episode] = ()
    is_untouched: bool = False


@dataclass(frozen=True, slots=True)
class Row:
    """One row, and what became of each field of ours."""

    values: Mapping[str, Any]
    lines: tuple[Line, ...]


def row_of(told: Told) -> Row:
    """Return a case as a row. What stands in our own records wins over words that another system once sent."""
    values: dict[str, Any] = {ROW_ID: told.reference}
    lines = [Line(name, Fate.NOT_PLACED, why) for name, why in told.lost.items()]
    for compartment, sealed in told.opened.items():
        for name, value in sealed.items():
            lines.append(_sealed(compartment, name, value, values))
    if told.attributes["age_disputed"] and values.pop("prs_Birthdate", None) is not None:
        called = str(DIRECT["prs_Birthdate"])
        lines = [line for line in lines if line.field != called] + [Line(called, Fate.NOT_PLACED, DISPUTED)]
    _person(told.attributes, values, lines)
    exploited, about = exploitation.told(told.episodes)
    values.update(exploited)
    lines += about
    stands = {name for name in STANDS if name in values} if told.is_untouched else set[str]()
    lines += [Line(STANDS[name], Fate.NOT_PLACED, SENDERS) for name in stands]
    values.update({name: value for name, value in told.routing.items() if name not in stands})
    hidden = [
        name
        for name, place in (DIRECT | KEPT).items()
        if place.compartment in told.withheld and name not in {*told.routing, *values}
    ]
    values.update(dict.fromkeys(hidden, WITHHELD))
    values[WITHHELD_LIST] = sorted(hidden)
    lines += [Line(str(one), Fate.NOT_PLACED, f"withheld: {why}") for one, why in told.withheld.items()]
    ordered = {name: values[name] for name in (ROW_ID, WITHHELD_LIST, *fields()) if name in values}
    return Row(ordered, tuple(lines))


def _sealed(compartment: Compartment, name: str, value: Any, values: dict[str, Any]) -> Line:
    """Place one sealed field, and what is kept in it for other fields of the standard."""
    called = f"{compartment}.{name}"
    if value in (None, "", []):
        return Line(called, Fate.EMPTY)
    if isinstance(value, bool):
        return Line(called, Fate.NOT_PLACED, NO_FIELD)
    text = SEPARATOR.join(value) if isinstance(value, list) else str(value)
    words = apart(compartment, name, text)
    shaped = {kept: fields()[kept].value(told) for kept, told in words.kept.items()}
    values.update({kept: one for kept, one in shaped.items() if one is not None})
    if not words.text.strip() and words.kept:
        where = ", ".join(kept for kept, one in shaped.items() if one is not None)
        return Line(called, Fate.PLACED, where) if where else Line(called, Fate.NOT_PLACED, "not of the type")
    where = _direct(compartment, name, words.text, values)
    if where not in DIRECT:
        return Line(called, Fate.NOT_PLACED, where)
    return (
        Line(called, Fate.KEPT, f"{where}, as one text")
        if isinstance(value, list)
        else Line(called, Fate.PLACED, where)
    )


def _direct(compartment: Compartment, name: str, text: str, values: dict[str, Any]) -> str:
    """Place a text in the field of the standard that stands for it; returns that field, or why there is none."""
    target = BY_PLACE.get((compartment, name))
    if target is None:
        return NO_FIELD
    found = fields()[target].value(text)
    if found is None:
        return f"not as {target} spells it"
    values[target] = found
    return target


def _person(attributes: Mapping[str, Any], values: dict[str, Any], lines: list[Line]) -> None:
    """Place the coded attributes."""
    gender = attributes["gender"]
    if gender in set(Gender):
        values["prs_Gender"] = str(gender)
    citizenships = [code for code in attributes["citizenships"] if code not in NOT_KNOWN]
    if citizenships:
        values["prs_Citizenship"] = citizenships
    languages = [code for code in attributes["languages"] if code not in NOT_KNOWN]
    values.update(zip(LANGUAGES, languages, strict=False))
    lines += [_line(name, attributes[name]) for name in ATTRIBUTES]
    if len(languages) > len(LANGUAGES):
        lines.append(Line("person.languages", Fate.NOT_PLACED, "HTCDS holds two"))


def _line(name: str, value: Any) -> Line:
    """Return what became of one attribute."""
    called = f"person.{name}"
    kinds = value if isinstance(value, list) else [value]
    if kinds == [Known.NOT_ASKED]:
        return Line(called, Fate.EMPTY)
    where = {"gender": "prs_Gender", "citizenships": "prs_Citizenship", "languages": ", ".join(LANGUAGES)}.get(name)
    if where is None:
        reason = "HTCDS derives the age from prs_Birthdate" if name.startswith("age_") else NO_FIELD
        return Line(called, Fate.NOT_PLACED, reason)
    if set(kinds) & NOT_KNOWN:
        return Line(called, Fate.NOT_PLACED, NOT_KNOWN_HOW)
    return Line(called, Fate.PLACED, where)
