"""Results as a page for people: one file, no script, charts beside the table that they show. Pure."""

from collections.abc import Sequence
from datetime import date
from functools import cache
from itertools import groupby
from pathlib import Path
from typing import Any, Final

from jinja2 import Environment, FileSystemLoader, StrictUndefined, Template

from api.results.lines import COLUMNS, PROVENANCE, Line, words
from domain.codes import Language
from domain.results.framework import Framework

FOLDER: Final = Path(__file__).parent
WIDEST: Final = 200
"""Percentages above are drawn to here, and written beside."""


@cache
def _template() -> Template:
    environment = Environment(loader=FileSystemLoader(FOLDER), autoescape=True, undefined=StrictUndefined)
    return environment.get_template("page.html.j2")


def page(lines: Sequence[Line], framework: Framework, language: Language, made: date) -> bytes:
    """Return results as HTML in one language."""
    shown = _template().render(
        lines=lines,
        charted=[line for line in lines if line.percent is not None],
        trends=trends(lines),
        title=framework.title[language],
        framework=framework,
        language=str(language),
        made=made.isoformat(),
        columns=COLUMNS,
        provenance=PROVENANCE,
        widest=WIDEST,
        words={
            section: {key: texts[language] for key, texts in keys.items()}
            for section, keys in words().items()
            if section != "translations"
        },
    )
    return shown.encode()


def trends(lines: Sequence[Line]) -> list[dict[str, Any]]:
    """Return, for every indicator that is told of several periods of one country, its values over time."""
    found = []
    ordered = sorted(lines, key=lambda line: (line.key, str(line.shown["country"])))
    for (key, country), group in groupby(ordered, key=lambda line: (line.key, line.shown["country"])):
        points = list(group)
        if len(points) > 1 and any(point.value for point in points):
            name = f"{points[0].shown['code']} {points[0].shown['indicator']} ({country})"
            found.append({"key": f"{key}-{country}", "name": name, "points": points})
    return found
