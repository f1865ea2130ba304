"""A release as a page for people: one file, no script, charts beside the tables that they show. Pure."""

import base64
import hashlib
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Final

from jinja2 import Environment, FileSystemLoader, StrictUndefined, Template

from api.statistics.charts import WIDTH, Bars, Trend, bars, trend
from api.statistics.reading import LANGUAGES, Reading, Row
from domain.statistics.document import address

FOLDER: Final = Path(__file__).parent
STYLE: Final = (FOLDER / "page.css").read_text(encoding="utf-8")
FILES: Final = {
    "{language}.xlsx": "workbook",
    "release.csv": "figures",
    "dictionary.csv": "dictionary",
    "dhis2.json": "dhis2",
}
"""What lies beside the page, by name: the key of what it is called. See `formats.py`."""

LISTING: Final = "../../pages/{language}.html"
"""Where a page finds the list of all releases, from where it lies. A page is never changed, nor can this be."""


def policy_of(html: bytes) -> str:
    """Return the content security policy of a page: its own style, and nothing else from anywhere.

    It is found in the page, since pages that were published before have the style of then.
    """
    style = html.partition(b"<style>")[2].partition(b"</style>")[0]
    return f"default-src 'none'; style-src 'sha256-{base64.b64encode(hashlib.sha256(style).digest()).decode()}'"


POLICY: Final = policy_of(f"<style>{STYLE}</style>".encode())
"""That of every page which is made now."""


@dataclass(frozen=True)
class Window:
    """One window of a table, ready to be shown; a table of two dimensions has columns and lines."""

    span: str
    total: int
    rows: tuple[Row, ...]
    columns: tuple[str, ...] = ()
    lines: tuple[tuple[str, tuple[int, ...]], ...] = ()


@dataclass(frozen=True)
class Table:
    """One table, ready to be shown, with all its windows from the oldest, and the periods of those that were wrong."""

    id: str
    title: str
    renewed: bool
    ordered: bool
    windows: tuple[Window, ...]
    retracted: tuple[str, ...]
    bars: Bars
    trend: Trend | None

    @property
    def newest(self) -> Window:
        """What was published last."""
        return self.windows[-1]


@cache
def template(name: str) -> Template:
    """Return a template of this folder; whatever is put into it is text and never markup."""
    environment = Environment(
        loader=FileSystemLoader(FOLDER), autoescape=True, undefined=StrictUndefined, keep_trailing_newline=True
    )
    return environment.get_template(name)


def page(release: dict[str, Any], raw: bytes, language: str) -> bytes:
    """Return a release as HTML in one language.

    Args:
        release: What the release says.
        raw: Its bytes; the page names their address.
        language: `en`, `ru` or `ky`.
    """
    reading = Reading(release, language)
    shown = template("page.html.j2").render(
        language=language,
        languages=LANGUAGES,
        words=reading.words,
        heading=f"{reading.words['release']} {release['number']}",
        skip=reading.words["skip"],
        listing=LISTING.format(language=language),
        number=release["number"],
        country=reading.country(),
        until=reading.period(release["periods"][-1]),
        rounding=reading.words["rounding"].format(**release["rules"]),
        populations=[_population(reading, name) for name in release["populations"]],
        files={name.format(language=language): key for name, key in FILES.items()},
        style=STYLE,
        policy=POLICY,
        width=WIDTH,
        address=address(raw),
    )
    return shown.encode()


def _population(reading: Reading, population: str) -> dict[str, Any]:
    tables = reading.tables(population)
    return {
        "id": population,
        "name": reading.population(population),
        "unit": reading.unit(population),
        "tables": [_table(reading, population, name) for name, shown in tables if shown["windows"]],
        "waiting": [reading.title(population, name) for name, shown in tables if not shown["windows"]],
        "retracted": [
            (reading.title(population, name), reading.span(window))
            for name, shown in tables
            if not shown["windows"]
            for window in shown["retracted"]
        ],
    }


def _table(reading: Reading, population: str, table: str) -> Table:
    content = reading.release["populations"][population]["tables"][table]
    windows = tuple(_window(reading, population, table, window) for window in content["windows"])
    periods = reading.release["periods"]
    spans = [(periods.index(one["first"]), reading.length(one), one["total"]) for one in content["windows"]]
    return Table(
        id=f"{population}-{table}",
        title=reading.title(population, table),
        renewed=content["renewed"],
        ordered=content["ordered"],
        windows=windows,
        retracted=tuple(reading.span(window) for window in content["retracted"]),
        bars=bars(windows[-1].rows),
        trend=trend(spans, periods) if len(windows) > 1 else None,
    )


def _window(reading: Reading, population: str, table: str, window: dict[str, Any]) -> Window:
    rows = reading.rows(population, table, window)
    content = reading.release["populations"][population]["tables"][table]
    if len(content["dimensions"]) == 1:
        return Window(reading.span(window), window["total"], rows)
    columns = tuple(dict.fromkeys(row.groups[1] for row in rows))
    counts = {row.groups: row.count for row in rows}
    names = dict.fromkeys(row.groups[0] for row in rows)
    lines = tuple((name, tuple(counts[name, column] for column in columns)) for name in names)
    return Window(reading.span(window), window["total"], rows, columns, lines)
