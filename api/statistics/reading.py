"""A release read in one language: what its codes and periods are called, and the rows of its tables. Pure."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

import yaml

from domain.statistics.declaration import REST

LANGUAGES: Final = {"en": "English", "ru": "Русский", "ky": "Кыргызча"}
WORDS: Final = Path(__file__).parent / "words.yaml"
PERIOD: Final = re.compile(r"(?P<year>\d{4})(-(?P<part>H[12]|Q[1-4]))?")


@cache
def words() -> dict[str, dict[str, str]]:
    """Return the words around the figures, by key and language."""
    content: dict[str, dict[str, str]] = yaml.safe_load(WORDS.read_text(encoding="utf-8"))["words"]
    return content


@cache
def words_in(language: str) -> Mapping[str, str]:
    """Return the words around the figures in one language, by key."""
    return MappingProxyType({key: texts[language] for key, texts in words().items()})


def country_in(spoken: Mapping[str, str], code: str) -> str:
    """Return a country's name, or its code."""
    return spoken.get(f"country_{code}", code)


def period_in(spoken: Mapping[str, str], name: str) -> str:
    """Return a period in words: `2026-H1` is the first half of 2026."""
    found = PERIOD.fullmatch(name)
    if found is None or found["part"] is None:
        return name
    return spoken[found["part"]].format(year=found["year"])


@dataclass(frozen=True)
class Row:
    """One figure with what it is of.

    Attributes:
        groups: The group of each dimension, as it is called.
        count: As published.
        further: How many have come further than this stage, where stages follow one another; else 0. A sum of rounded
            counts, for the eye only.
    """

    groups: tuple[str, ...]
    count: int
    further: int = 0

    @property
    def label(self) -> str:
        """What it is of, in words."""
        return ", ".join(self.groups)


@dataclass(frozen=True)
class Reading:
    """A release in one language.

    Attributes:
        release: What the release says; nothing that it does not say is ever shown.
        language: `en`, `ru` or `ky`.
        words: The words around the figures in this language.
    """

    release: dict[str, Any]
    language: str
    words: Mapping[str, str] = field(init=False)

    def __post_init__(self) -> None:
        """Choose the words."""
        object.__setattr__(self, "words", words_in(self.language))

    def name(self, population: str, kind: str, group: str = "") -> str:
        """Return what a group is called, or a dimension or table itself; its code, where it has no name."""
        texts = self.release["populations"][population]["labels"].get(kind, {}).get(group, {})
        unnamed = self.words["rest"] if group == REST else group or kind
        return str(texts.get(self.language) or unnamed)

    def population(self, name: str) -> str:
        """Return what a population is called."""
        return self.name(name, "") or name

    def unit(self, population: str) -> str:
        """Return the unit in which a population is counted."""
        unit = str(self.release["populations"][population]["unit"])
        return self.words.get(f"unit_{unit}", unit)

    def title(self, population: str, table: str) -> str:
        """Return what a table is called: by its own name, or by those of its dimensions."""
        content = self.release["populations"][population]
        if table in content["labels"]:
            return self.name(population, table)
        return ", ".join(self.name(population, one) for one in content["tables"][table]["dimensions"])

    def country(self) -> str:
        """Return the country's name, or its code."""
        return country_in(self.words, str(self.release["country"]))

    def period(self, name: str) -> str:
        """Return a period in words."""
        return period_in(self.words, name)

    def span(self, window: dict[str, Any]) -> str:
        """Return the periods of a window in words."""
        first, last = self.period(window["first"]), self.period(window["last"])
        return first if first == last else f"{first} – {last}"

    def length(self, window: dict[str, Any]) -> int:
        """Return how many periods a window has."""
        periods = self.release["periods"]
        return int(periods.index(window["last"]) - periods.index(window["first"]) + 1)

    def tables(self, population: str) -> list[tuple[str, dict[str, Any]]]:
        """Return the tables of a population in the order of their worth."""
        return in_order(self.release["populations"][population])

    def rows(self, population: str, table: str, window: dict[str, Any]) -> tuple[Row, ...]:
        """Return the figures of one window as they were published, what is left over last."""
        content = self.release["populations"][population]["tables"][table]
        cells = sorted(window["cells"], key=lambda cell: [group == REST for group in cell["groups"]])
        further = _further(cells) if content["ordered"] else [0] * len(cells)
        return tuple(
            Row(
                tuple(
                    self.name(population, dimension, group)
                    for dimension, group in zip(content["dimensions"], cell["groups"], strict=True)
                ),
                cell["count"],
                beyond,
            )
            for cell, beyond in zip(cells, further, strict=True)
        )


def in_order(population: dict[str, Any]) -> list[tuple[str, dict[str, Any]]]:
    """Return the tables of a population in the order of their worth: a document sorts them by name."""
    return sorted(population["tables"].items(), key=lambda table: int(table[1]["place"]))


def _further(cells: Sequence[dict[str, Any]]) -> list[int]:
    """Return how many have come further than each stage; those of whom no stage is known have not."""
    known = [0 if REST in cell["groups"] else cell["count"] for cell in cells]
    return [0 if REST in cell["groups"] else sum(known[place + 1 :]) for place, cell in enumerate(cells)]
