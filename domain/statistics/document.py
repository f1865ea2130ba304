"""A release as bytes: what is published, its address and its signature. Pure.

The document explains itself: it carries the rules, the labels of every code in every language, and for each table the
periods that it covers. Every format is made from these bytes alone, so that no format can say more than another.
"""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from domain.audit.chain import canonical_json
from domain.statistics.declaration import Population, Rules
from domain.statistics.windows import Window

FORMAT: Final = 1
_CONTEXT: Final = b"nrm statistics release 1\x00"
"""Put before what is signed: a signature of something else of ours is none of a release."""

Texts = Mapping[str, str]
"""A text in each language, by its code."""


class ReleaseBroken(Exception):
    """Bytes are not the release that its address or signature speaks of."""


@dataclass(frozen=True)
class Heading:
    """What stands above the tables.

    Attributes:
        country: ISO 3166-1 alpha-2.
        number: Counts releases of the country, from 1.
        periods: The names of all periods so far, such as `2026-H1`; windows count from the first.
        declaration: Key and version of the declaration of what is counted.
        previous: The address of the release before; empty for the first.
    """

    country: str
    number: int
    periods: Sequence[str]
    declaration: tuple[str, str]
    previous: str = ""


@dataclass(frozen=True)
class Shown:
    """One population of a release, and how its words are spelled out.

    Attributes:
        published: Every window ever published, those of this release included, in order.
        renewed: Tables that are new in this release.
        labels: By dimension or table, and by group: a text in each language. `""` names the dimension itself.
    """

    population: Population
    published: Sequence[Window]
    renewed: frozenset[str]
    labels: Mapping[str, Mapping[str, Texts]]


def document(heading: Heading, rules: Rules, shown: Mapping[str, Shown]) -> bytes:
    """Return a release in its one spelling (RFC 8259; keys sorted, no white space, ASCII).

    Args:
        heading: What stands above the tables.
        rules: The rules under which it was prepared; readers may know them.
        shown: By name of the population.
    """
    return canonical_json(
        {
            "format": FORMAT,
            "country": heading.country,
            "number": heading.number,
            "periods": list(heading.periods),
            "declaration": {"key": heading.declaration[0], "version": heading.declaration[1]},
            "previous": heading.previous,
            "rules": rules.model_dump(),
            "populations": {name: _population(one, heading.periods) for name, one in shown.items()},
        }
    )


def _population(shown: Shown, periods: Sequence[str]) -> dict[str, Any]:
    tables = {}
    for place, (name, table) in enumerate(shown.population.tables.items()):
        mine = [window for window in shown.published if window.table == name]
        tables[name] = {
            "place": place,
            "dimensions": list(table.dimensions),
            "ordered": any(shown.population.dimensions[one].ordered for one in table.dimensions),
            "renewed": name in shown.renewed,
            "windows": [_window(window, periods) for window in mine if not window.retracted],
            "retracted": [_window(window, periods) for window in mine if window.retracted],
        }
    return {
        "unit": shown.population.unit,
        "tables": tables,
        "groupings": {
            name: [{group: list(values) for group, values in level.items()} for level in dimension.levels]
            for name, dimension in shown.population.dimensions.items()
        },
        "labels": {name: {group: dict(texts) for group, texts in one.items()} for name, one in shown.labels.items()},
    }


def _window(window: Window, periods: Sequence[str]) -> dict[str, Any]:
    return {
        "first": periods[window.first],
        "last": periods[window.last],
        "levels": list(window.levels),
        "total": window.total,
        "cells": [{"groups": list(cell), "count": number} for cell, number in window.cells.items()],
    }


def address(release: bytes) -> str:
    """Return the content address of a release: its SHA-256, in hexadecimal."""
    return hashlib.sha256(release).hexdigest()


def sign(release: bytes, key: Ed25519PrivateKey) -> bytes:
    """Return the signature of a release, 64 bytes (RFC 8032)."""
    return key.sign(_CONTEXT + release)


def opened(release: bytes, signature: bytes, key: Ed25519PublicKey, *, expected: str | None = None) -> dict[str, Any]:
    """Return what a release says.

    Args:
        release: Its bytes, as served.
        signature: 64 bytes.
        key: Whose signature is trusted.
        expected: Its address, where one is known.

    Raises:
        ReleaseBroken: it was altered, is signed by somebody else, or is not spelled as a release is.
    """
    try:
        key.verify(signature, _CONTEXT + release)
        content: dict[str, Any] = json.loads(release)
        same = canonical_json(content) == release
    except (InvalidSignature, ValueError):
        raise ReleaseBroken from None
    if not same or content.get("format") != FORMAT or (expected is not None and address(release) != expected):
        raise ReleaseBroken
    return content
