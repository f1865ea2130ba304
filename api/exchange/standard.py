"""The Human Trafficking Case Data Standard 2.0 (IOM, CC BY 4.0) as data: its fields, code lists and known slips."""

import functools
import json
import re
from dataclasses import dataclass, field, replace
from datetime import date
from pathlib import Path
from typing import Any, Final

SCHEMA: Final = Path(__file__).with_name("htcds.schema.json")
ROW_ID: Final = "nrm_row_id"
WITHHELD_LIST: Final = "nrm_withheld"
WITHHELD: Final = "withheld"
"""Stands in a field that holds, or may hold, something that the sender did not open."""

SEPARATOR: Final = ";"
NUMBER: Final = re.compile(r"-?(0|[1-9][0-9]{0,8})(\.[0-9]{0,5}[1-9])?")
"""Numbers that come back as they were written."""

OURS: Final = (ROW_ID, WITHHELD_LIST)

OTHER_NAMES: Final = {"victraffickinstatusdecisionmakingorg": "vic_TraffickingStatusDecisionMakingOrg"}
"""Names that the standard's own files misspell; case, underscores and spaces are never looked at."""

OTHER_CODES: Final = {
    "vic_RelationshipToTrafficker": {"unacquainted": "Unaquainted"},
    "vic_MethodsOfControl": {
        "threatoflawenforcement": "ThreatsLawEnforcement",
        "psychoactivesubstances": "PsychoactiveSubstance",
    },
}
"""Spellings of codes in the standard's definitions, or in a dictionary, that its list does not have."""


@dataclass(frozen=True, slots=True)
class Field:
    """One field of the standard.

    Attributes:
        name: Its machine name in the reference of the standard.
        codes: Its code list by folded spelling and folded label; empty for free text.
        is_many: Whether it may hold several values.
        kind: `string`, `number`, `boolean` or `date`.
    """

    name: str
    codes: dict[str, str] = field(default_factory=dict)
    is_many: bool = False
    kind: str = "string"

    def value(self, text: str) -> Any:
        """Return a text as the schema has it, or None if it is none of its values."""
        if self.is_many:
            several = [replace(self, is_many=False).value(one.strip()) for one in text.split(SEPARATOR)]
            return None if None in several or len(several) != len(set(several)) else several
        if self.codes:
            return self.code(text)
        return _typed(text, self.kind)

    def code(self, word: str) -> str | None:
        """Return the code that a word stands for, or None."""
        return self.codes.get(folded(word))


def folded(word: str) -> str:
    """Return a name or code without case, underscores, spaces and punctuation."""
    return re.sub(r"[\W_]+", "", word).casefold()


@functools.cache
def schema() -> dict[str, Any]:
    """Return the JSON Schema of one row."""
    found: dict[str, Any] = json.loads(SCHEMA.read_text(encoding="utf-8"))
    return found


@functools.cache
def fields() -> dict[str, Field]:
    """Return every field of the standard in its order, by machine name."""
    return {name: _field(name, about) for name, about in schema()["properties"].items() if name not in OURS}


def _field(name: str, about: dict[str, Any]) -> Field:
    shapes = about.get("anyOf", [about])
    labels: dict[str, str] = about.get("htcdsLabels", {})
    codes = {folded(label): code for code, label in labels.items()} | {folded(code): code for code in labels}
    many = any(shape.get("type") == "array" for shape in shapes)
    kind = str(shapes[0].get("format") or shapes[0].get("type") or "string")
    return Field(name, codes | OTHER_CODES.get(name, {}), many, "string" if kind == "array" else kind)


def _typed(text: str, kind: str) -> Any:
    if kind == "boolean":
        return {"true": True, "false": False}.get(text.casefold())
    if kind == "number":
        return json.loads(text) if NUMBER.fullmatch(text) else None
    if kind == "date":
        return text if _is_date(text) else None
    return text


def _is_date(text: str) -> bool:
    try:
        return date.fromisoformat(text).isoformat() == text
    except ValueError:
        return False


@functools.cache
def _names() -> dict[str, str]:
    return {folded(name): name for name in fields()} | OTHER_NAMES


@functools.lru_cache(maxsize=4096)
def field_named(name: str) -> Field | None:
    """Return the field that a column means by its machine name, never by a label: those are shifted in some files."""
    found = _names().get(folded(name))
    return None if found is None else fields()[found]


@functools.cache
def labels() -> frozenset[str]:
    """Return the folded labels of all fields, to know a line of labels from a line of data."""
    return frozenset(folded(about["title"]) for about in schema()["properties"].values())
