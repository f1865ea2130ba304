"""A release as a workbook in one language: about it, a sheet for each population with charts, the dictionary. Pure.

The bytes depend on the release alone: no clock, no author, no program's version of somebody's machine.
"""

import io
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any, Final

import xlsxwriter  # type: ignore[import-untyped]  # it ships no types

from api.statistics.reading import Reading
from api.statistics.sheets import dictionary, level
from domain.statistics.document import address

UNDATED: Final = datetime(1980, 1, 1)  # noqa: DTZ001 - what a ZIP archive says of a file without a date; a workbook has no zone
CHART_ROWS: Final = 16
CHART_COLUMN: Final = 9
HEADER: Final = 3
"""Rows above the names of the columns: what is counted, in what unit, and an empty one."""

Line = Sequence[str | int]


def as_workbook(release: dict[str, Any], raw: bytes, language: str) -> bytes:
    """Return a release as XLSX.

    Args:
        release: What the release says.
        raw: Its bytes; the first sheet names their address.
        language: `en`, `ru` or `ky`.
    """
    reading = Reading(release, language)
    out = io.BytesIO()
    with xlsxwriter.Workbook(out, {"in_memory": True}) as book:
        book.set_properties({"title": reading.words["title"], "author": "", "created": UNDATED})
        bold = book.add_format({"bold": True, "text_wrap": False})
        _about(book.add_worksheet(reading.words["sheet_about"]), reading, raw, book.add_format({"text_wrap": True}))
        for population in release["populations"]:
            sheet = book.add_worksheet(population)
            _population(book, sheet, reading, population, bold)
        sheet = book.add_worksheet(reading.words["sheet_dictionary"])
        _write(sheet, 0, dictionary(release), bold)
        sheet.autofit(400)
        sheet.freeze_panes(1, 0)
    return out.getvalue()


def _about(sheet: Any, reading: Reading, raw: bytes, wrapped: Any) -> None:
    words, release = reading.words, reading.release
    lines = [
        (words["title"], ""),
        (words["country"], reading.country()),
        (words["release"], release["number"]),
        (words["until"], reading.period(release["periods"][-1])),
        (words["address"], address(raw)),
        ("", words["rounding"].format(**release["rules"])),
        ("", words["unreviewed"]),
        *((reading.population(name), _waiting(reading, name)) for name in release["populations"]),
    ]
    sheet.set_column(0, 0, 36)
    sheet.set_column(1, 1, 80)
    for number, line in enumerate(lines):
        for column, value in enumerate(line):
            if isinstance(value, int):
                sheet.write_number(number, column, value)
            elif value:
                sheet.write_string(number, column, value, wrapped)


def _waiting(reading: Reading, population: str) -> str:
    """Say which tables of a population are not published yet."""
    titles = [reading.title(population, table) for table, shown in reading.tables(population) if not shown["windows"]]
    return f"{reading.words['waiting']}: {'; '.join(titles)}. {reading.words['nothing']}" if titles else ""


def _population(book: Any, sheet: Any, reading: Reading, population: str, bold: Any) -> None:
    """Fill a sheet with every window of every table, and chart the newest of each."""
    unit = f"{reading.words['unit']}: {reading.unit(population)}"
    lines: list[Line] = [_columns(reading)]
    charts = []
    for table, shown in reading.tables(population):
        for number, window in enumerate(shown["windows"], 1):
            newest = number == len(shown["windows"])
            found = list(_window(reading, population, table, window, renewed=newest and shown["renewed"]))
            if newest:
                charts.append((table, HEADER + len(lines) + 1, len(found) - 1, len(shown["dimensions"])))
            lines += found
    sheet.set_landscape()
    sheet.fit_to_pages(1, 0)
    sheet.repeat_rows(HEADER)
    _write(sheet, HEADER, lines, bold)
    sheet.autofit(300)
    sheet.freeze_panes(HEADER + 1, 0)
    sheet.autofilter(HEADER, 0, HEADER + len(lines) - 1, len(lines[0]) - 1)
    sheet.write_string(0, 0, reading.population(population), bold)
    sheet.write_string(1, 0, unit)
    for place, (table, first, count, dimensions) in enumerate(charts):
        title = reading.title(population, table)
        chart = _chart(book, population, title, first, count, dimensions)
        options = {"description": _described(title, lines[first - HEADER : first - HEADER + count])}
        sheet.insert_chart(HEADER + place * CHART_ROWS, CHART_COLUMN, chart, options)


def _columns(reading: Reading) -> Line:
    words = reading.words
    return (
        words["table"],
        words["periods"],
        words["status"],
        words["group"],
        words["group_2"],
        words["count"],
        "table",
        "level",
    )


def _window(reading: Reading, population: str, table: str, window: dict[str, Any], *, renewed: bool) -> Iterable[Line]:
    words = reading.words
    common = (
        reading.title(population, table),
        reading.span(window),
        words["renewed"] if renewed else words["before"],
    )
    codes = (table, level(window))
    yield (*common, words["total"], "", window["total"], *codes)
    for row in reading.rows(population, table, window):
        yield (*common, *(*row.groups, "")[:2], row.count, *codes)


def _described(title: str, lines: Sequence[Line]) -> str:
    """Return a chart in words, for whoever does not see it."""
    told = (f"{', '.join(str(one) for one in line[3:5] if one)}: {line[5]}" for line in lines)
    return f"{title}. {'; '.join(told)}."


def _write(sheet: Any, top: int, lines: Iterable[Line], bold: Any) -> None:
    for number, line in enumerate(lines):
        for column, value in enumerate(line):
            if isinstance(value, int):
                sheet.write_number(top + number, column, value)
            else:
                sheet.write_string(top + number, column, value, None if number else bold)


def _chart(book: Any, sheet: str, title: str, first: int, count: int, dimensions: int) -> Any:
    """Return a bar chart of rows of a sheet, from the top down as they stand there."""
    chart = book.add_chart({"type": "bar"})
    chart.add_series(
        {
            "name": title,
            "categories": [sheet, first, 3, first + count - 1, 2 + dimensions],
            "values": [sheet, first, 5, first + count - 1, 5],
            "data_labels": {"value": True},
            "fill": {"color": "#1F4E79"},
            "gap": 60,
        }
    )
    chart.set_title({"name": title, "name_font": {"size": 12}})
    chart.set_legend({"none": True})
    chart.set_y_axis({"reverse": True})
    chart.set_x_axis({"visible": False, "major_gridlines": {"visible": False}, "min": 0})
    chart.set_size({"width": 560, "height": CHART_ROWS * 20 - 10})
    return chart
