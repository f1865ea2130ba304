"""Reading a release back, and refusing every word in it that is none of its declaration's. Pure.

What was published stands in the releases themselves and nowhere else: the next one reads its past from the last.
"""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any, Final

from domain.statistics.catalogue import Declared
from domain.statistics.declaration import Population
from domain.statistics.document import Heading, ReleaseBroken, Shown, document
from domain.statistics.windows import Window

PERIOD: Final = re.compile(r"\d{4}(-H[12]|-Q[1-4])?")
ADDRESS: Final = re.compile(r"[0-9a-f]{64}")
LARGEST: Final = 16 << 20
"""Bytes of the longest release that is read."""


def content_of(raw: bytes) -> dict[str, Any]:
    """Return what a document of ours says, unread.

    Raises:
        ReleaseBroken: it is no JSON object, or longer than a release can be.
    """
    try:
        content = json.loads(raw) if len(raw) <= LARGEST else None
    except (ValueError, RecursionError):
        content = None
    if not isinstance(content, dict):
        raise ReleaseBroken
    return content


def windows_of(content: Mapping[str, Any], populations: Mapping[str, Population]) -> dict[str, list[Window]]:
    """Return every window of a release by population, in the order of their periods.

    Raises:
        ReleaseBroken: something in it is not what these populations can have.
    """
    try:
        return {
            name: sorted(_windows(content, name, population), key=lambda window: (window.first, window.table))
            for name, population in populations.items()
        }
    except (KeyError, TypeError, ValueError, AttributeError):
        raise ReleaseBroken from None


def _windows(content: Mapping[str, Any], name: str, population: Population) -> Iterator[Window]:
    periods = {period: number for number, period in enumerate(content["periods"])}
    for table in population.tables:
        told = content["populations"][name]["tables"][table]
        for kind in ("windows", "retracted"):
            for one in told[kind]:
                yield _window(table, one, population, periods, retracted=kind == "retracted")


def _window(
    table: str, told: Mapping[str, Any], population: Population, periods: Mapping[str, int], *, retracted: bool
) -> Window:
    levels = tuple(told["levels"])
    cells = {tuple(cell["groups"]): cell["count"] for cell in told["cells"]}
    counts = [told["total"], *cells.values()]
    whole = all(type(count) is int and count >= 0 for count in counts) and all(type(one) is int for one in levels)
    if not whole or levels not in population.levels(table) or list(cells) != population.cells(table, levels):
        raise ReleaseBroken
    return Window(table, periods[told["first"]], periods[told["last"]], levels, told["total"], cells, retracted)


def renewed_in(content: Mapping[str, Any], population: str) -> frozenset[str]:
    """Return the tables that a release says are new in it."""
    return frozenset(
        name for name, table in content["populations"][population]["tables"].items() if table["renewed"] is True
    )


def spelled(
    declared: Declared, heading: Heading, windows: Mapping[str, Sequence[Window]], renewed: Mapping[str, frozenset[str]]
) -> bytes:
    """Return the release of these windows, in no words but those of the declaration."""
    shown = {
        name: Shown(population, windows[name], renewed[name], declared.labels[name])
        for name, population in declared.populations.items()
    }
    return document(heading, declared.rules, shown)


def foreign(raw: bytes, declared: Declared) -> list[str]:
    """Return where a document says anything that its declaration does not: never what it says there.

    Each text is looked up among the words of the declaration; then the whole is spelled anew from its figures alone,
    and must be the same to the byte.

    Returns:
        Places such as `populations.victims.labels`; empty if there is nothing but figures and declared words.
    """
    try:
        content = content_of(raw)
    except ReleaseBroken:
        return ["document"]
    found = sorted(set(_strange(content, _words(declared), "document")))
    if found:
        return found
    try:
        heading = Heading(
            content["country"],
            content["number"],
            content["periods"],
            (declared.key, declared.version),
            content["previous"],
        )
        windows = windows_of(content, declared.populations)
        renewed = {name: renewed_in(content, name) for name in declared.populations}
        same = _heads(heading, declared) and spelled(declared, heading, windows, renewed) == raw
    except (ReleaseBroken, KeyError, TypeError, ValueError, AttributeError, IndexError):
        same = False
    return [] if same else ["document"]


def _heads(heading: Heading, declared: Declared) -> bool:
    """Whether what stands above the tables is of its kind: a country, a number, periods without a gap, an address."""
    return (
        heading.country == declared.country
        and type(heading.number) is int
        and heading.periods == declared.period.after(heading.periods[0], heading.periods[-1])
        and (heading.previous == "" or ADDRESS.fullmatch(heading.previous) is not None)
    )


def _words(declared: Declared) -> frozenset[str]:
    """Return every text that a release of this declaration can have, but for periods and addresses."""
    windows = {
        name: [
            Window(table, 0, 0, levels, 0, dict.fromkeys(population.cells(table, levels), 0))
            for table in population.tables
            for levels in population.levels(table)
        ]
        for name, population in declared.populations.items()
    }
    heading = Heading(declared.country, 1, ["2000"], (declared.key, declared.version))
    everything = spelled(declared, heading, windows, dict.fromkeys(declared.populations, frozenset()))
    return frozenset(_texts(json.loads(everything)))


def _texts(part: object) -> Iterator[str]:
    if isinstance(part, str):
        yield part
    elif isinstance(part, dict):
        yield from part
        for one in part.values():
            yield from _texts(one)
    elif isinstance(part, list):
        for one in part:
            yield from _texts(one)


def _strange(part: object, words: frozenset[str], place: str) -> Iterator[str]:
    if isinstance(part, str):
        if part not in words and not PERIOD.fullmatch(part) and not ADDRESS.fullmatch(part):
            yield place
    elif isinstance(part, dict):
        if not part.keys() <= words:
            yield place
        for name in part.keys() & words:
            yield from _strange(part[name], words, f"{place}.{name}" if name else place)
    elif isinstance(part, list):
        for one in part:
            yield from _strange(one, words, place)
    elif not (isinstance(part, int) or part is None):
        yield place


def retract(windows: Sequence[Window], table: str, first: int, last: int) -> list[Window]:
    """Return the windows with one of them retracted.

    Raises:
        KeyError: there is no such window that stands.
    """
    if not any((one.table, one.first, one.last, one.retracted) == (table, first, last, False) for one in windows):
        raise KeyError(table)
    return [
        replace(one, retracted=True) if (one.table, one.first, one.last) == (table, first, last) else one
        for one in windows
    ]
