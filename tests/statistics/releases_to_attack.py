"""Releases as bytes, for attackers: small ones written by hand, weak on purpose, and series as the rules make them."""

import json
import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import Any, Final

import numpy as np

from domain.statistics.counts import Count, counted
from domain.statistics.declaration import Population, Rules
from domain.statistics.document import Heading, Shown, document
from domain.statistics.release import prepare
from domain.statistics.windows import Window
from tests.statistics.populations import POPULATION, RULES, records
from tests.statistics.published_limits import NUMBER, PERIOD, Cases, cases_of

PEOPLE: Final = "people"
WITHOUT_RULES: Final = {"minimum": 0, "base": 1, "window": 0, "organisations": 0, "patience": 0, "suppressed": [1, 9]}
Record = tuple[Mapping[str, str], set[str]]


def declared(**dimensions: Sequence[str]) -> dict[str, Any]:
    """A declaration with one level, in which every value is a group of its own."""
    return {
        "dimensions": {
            name: {"values": list(values), "levels": [{value: [value] for value in values}]}
            for name, values in dimensions.items()
        }
    }


def window(
    cells: Mapping[tuple[str, ...], int | None],
    *,
    total: int | None = None,
    periods: tuple[int, int] = (0, 0),
    levels: Sequence[int] | None = None,
) -> dict[str, Any]:
    """One window of a table, as a document tells it; a count that is None is suppressed."""
    return {
        "first": f"period-{periods[0]}",
        "last": f"period-{periods[1]}",
        "levels": [0] * len(next(iter(cells))) if levels is None else list(levels),
        "total": total,
        "cells": [{"groups": list(cell), "count": count} for cell, count in cells.items()],
    }


def weak(tables: Mapping[str, Sequence[dict[str, Any]]], *, periods: int = 1, **rules: Any) -> bytes:
    """A release without protection. Tables are named after their dimensions, joined by `-`; a `+` begins a remark."""
    told = {
        name: {"dimensions": name.partition("+")[0].split("-"), "windows": list(windows)}
        for name, windows in tables.items()
    }
    return json.dumps(
        {
            "periods": [f"period-{one}" for one in range(periods)],
            "rules": WITHOUT_RULES | rules,
            "populations": {PEOPLE: {"tables": told}},
        }
    ).encode()


@dataclass(frozen=True)
class Series:
    """What was published of one population over several periods, and the truth behind it.

    Attributes:
        declaration: As a stranger reads it.
        document: The bytes of the last release.
        windows: How many windows it has.
        totals: The number of cases of each period.
        everybody: All cases.
        organisations: By organisation: the cases that it knows of.
    """

    declaration: Mapping[str, Any]
    document: bytes
    windows: Sequence[Window]
    totals: tuple[int, ...]
    everybody: Cases
    organisations: Mapping[str, Cases]

    def hidden(self, known: Cases) -> Cases:
        """All cases that are not among those."""
        return self.everybody[~np.isin(self.everybody[:, NUMBER], known[:, NUMBER])]


def published(population: Population, rules: Rules, periods: Sequence[Count]) -> list[Window]:
    """Every window that is published over the periods, one release after each."""
    windows: list[Window] = []
    for number in range(len(periods)):
        windows += prepare(population, rules, windows, periods[: number + 1]).renewed.values()
    return windows


def told(population: Population, rules: Rules, windows: Sequence[Window], periods: int) -> bytes:
    """The document of a release."""
    heading = Heading("KG", periods, [f"period-{one}" for one in range(periods)], ("kg-statistics", "1.0.0"))
    return document(heading, rules, {PEOPLE: Shown(population, windows, frozenset(), {})})


def series_of(periods: Sequence[Sequence[Record]], population: Population = POPULATION, rules: Rules = RULES) -> Series:
    """Publish after each period what the rules and the gate allow."""
    declaration = json.loads(population.model_dump_json())
    windows = published(population, rules, [counted(population, one) for one in periods])
    starts = accumulate((len(one) for one in periods), initial=0)
    rows = [
        (start + place, period, values, knowing)
        for period, (start, one) in enumerate(zip(starts, periods, strict=False))
        for place, (values, knowing) in enumerate(one)
    ]
    names = sorted({name for *_, knowing in rows for name in knowing})
    return Series(
        declaration,
        told(population, rules, windows, len(periods)),
        windows,
        tuple(len(one) for one in periods),
        cases_of(declaration, (row[:3] for row in rows)),
        {name: cases_of(declaration, (row[:3] for row in rows if name in row[3])) for name in names},
    )


def drawn(size: int, seed: int, periods: int) -> Series:
    """Draw a population with so many cases in each period, and publish it."""
    chance = random.Random(f"{size} {seed}")  # noqa: S311 - the same population for the same seed
    return series_of([records(chance, size) for _ in range(periods)])


def totals_of(everybody: Cases, periods: int) -> tuple[int, ...]:
    """The number of cases of each period."""
    return tuple(int((everybody[:, PERIOD] == one).sum()) for one in range(periods))
