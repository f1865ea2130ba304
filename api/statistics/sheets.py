"""A release as rows: figures and a data dictionary as CSV (RFC 4180). Pure; made from the release alone."""

import csv
import io
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Final

from api.statistics.reading import LANGUAGES, in_order, words
from domain.statistics.declaration import REST

COLUMNS: Final = (
    "release",
    "population",
    "unit",
    "table",
    "level",
    "first_period",
    "last_period",
    "renewed",
    "group_1",
    "group_2",
    "count",
)
TOTAL: Final = "total"


def rows(release: dict[str, Any]) -> Iterator[tuple[str | int, ...]]:
    """Yield every published figure of a release in the order of `COLUMNS`, each table from its oldest window."""
    for name, population in release["populations"].items():
        for table, content in in_order(population):
            for number, window in enumerate(content["windows"], 1):
                newest = number == len(content["windows"])
                common = (
                    release["number"],
                    name,
                    population["unit"],
                    table,
                    level(window),
                    window["first"],
                    window["last"],
                    "yes" if newest and content["renewed"] else "no",
                )
                yield (*common, TOTAL, "", window["total"])
                for cell in window["cells"]:
                    yield (*common, *(*cell["groups"], "")[:2], cell["count"])


def level(window: dict[str, Any]) -> str:
    """Return how coarsely a window groups: the level of each of its dimensions, 0 being the finest."""
    return " ".join(str(one) for one in window["levels"])


def dictionary(release: dict[str, Any]) -> Iterator[tuple[str, ...]]:
    """Yield the data dictionary: what every column and code means in each language, and what a group holds."""
    yield ("kind", "of", "code", "level", "holds", *LANGUAGES)
    for column in COLUMNS:
        yield ("column", "", column, "", "", *_texts(words()[f"column_{column}"]))
    yield ("group", "", TOTAL, "", "", *_texts(words()["total"]))
    yield ("group", "", REST, "", "", *_texts(words()["rest"]))
    for name, population in release["populations"].items():
        for kind, groups in population["labels"].items():
            for group, texts in groups.items():
                yield ("group" if group else "name", f"{name}.{kind}", group or kind, "", "", *_texts(texts))
        for dimension, levels in population["groupings"].items():
            labels = population["labels"].get(dimension, {})
            for number, groups in enumerate(levels):
                for group, values in groups.items():
                    texts = _texts(labels.get(group, {}))
                    yield ("holds", f"{name}.{dimension}", group, str(number), " ".join(values), *texts)


def _texts(texts: dict[str, str]) -> tuple[str, ...]:
    return tuple(texts.get(language, "") for language in LANGUAGES)


def as_csv(release: dict[str, Any]) -> bytes:
    """Return the figures as CSV in UTF-8."""
    return _csv([COLUMNS, *rows(release)])


def dictionary_as_csv(release: dict[str, Any]) -> bytes:
    """Return the data dictionary as CSV in UTF-8."""
    return _csv(dictionary(release))


def _csv(lines: Iterable[Sequence[str | int]]) -> bytes:
    out = io.StringIO()
    csv.writer(out).writerows(lines)
    return out.getvalue().encode()
