"""Results as CSV and as a workbook. Pure; made from the lines alone."""

import csv
import io
from collections.abc import Sequence
from typing import Any, Final

import xlsxwriter  # type: ignore[import-untyped]  # it ships no types

from api.results.lines import COLUMNS, PROVENANCE, Line, Shown, word
from domain.codes import Language

DANGEROUS: Final = ("=", "+", "-", "@", "\t", "\r")
"""What makes a spreadsheet take a text for a formula."""


def table(lines: Sequence[Line], language: Language) -> list[list[Shown]]:
    """Return the table with its heading, what each result rests on last."""
    columns = (*COLUMNS, *PROVENANCE)
    heading: list[Shown] = [word("columns", column, language) for column in columns]
    return [heading, *([line.shown[column] for column in columns] for line in lines)]


def groups(lines: Sequence[Line], language: Language) -> list[list[Shown]]:
    """Return the groups of all disaggregations with their heading."""
    heading: list[Shown] = [word("columns", one, language) for one in ("country", "period", "code", "indicator")]
    heading += [word("page", "groups", language), word("page", "group", language), word("columns", "result", language)]
    rows: list[list[Shown]] = [heading]
    for line in lines:
        named = [line.shown[column] for column in ("country", "period", "code", "indicator")]
        rows += [[*named, group.dimension, group.group, group.value] for group in line.groups]
    return rows


def as_csv(lines: Sequence[Line], language: Language) -> bytes:
    """Return the table as CSV (RFC 4180) in UTF-8 with a mark of its encoding, as spreadsheets want it."""
    out = io.StringIO()
    csv.writer(out).writerows([_harmless(one) for one in row] for row in table(lines, language))
    return out.getvalue().encode("utf-8-sig")


def _harmless(value: Shown) -> Shown:
    return f"'{value}" if isinstance(value, str) and value.startswith(DANGEROUS) else value


def as_workbook(lines: Sequence[Line], language: Language) -> bytes:
    """Return a workbook: the table with a chart of the percentages, and the groups."""
    out = io.BytesIO()
    with xlsxwriter.Workbook(out, {"in_memory": True}) as book:
        bold = book.add_format({"bold": True, "text_wrap": True, "valign": "top"})
        wrapped = book.add_format({"text_wrap": True, "valign": "top"})
        sheet = book.add_worksheet("results")
        rows = table(lines, language)
        _filled(sheet, rows, bold, wrapped)
        sheet.freeze_panes(1, COLUMNS.index("indicator") + 1)
        sheet.autofilter(0, 0, len(rows) - 1, len(rows[0]) - 1)
        sheet.set_column(COLUMNS.index("indicator"), COLUMNS.index("indicator"), 50)
        sheet.set_column(COLUMNS.index("comment"), COLUMNS.index("comment"), 60)
        _charted(book, [line for line in lines if line.percent is not None], language)
        _filled(book.add_worksheet("groups"), groups(lines, language), bold, wrapped)
    return out.getvalue()


def _filled(sheet: Any, rows: Sequence[Sequence[Shown]], bold: Any, wrapped: Any) -> None:
    sheet.set_column(0, 30, 16)
    for number, row in enumerate(rows):
        for column, value in enumerate(row):
            if isinstance(value, str):
                sheet.write_string(number, column, value, bold if number == 0 else wrapped)
            else:
                sheet.write_number(number, column, value, wrapped)


def _charted(book: Any, lines: Sequence[Line], language: Language) -> None:
    """Add a sheet with the percentages and a bar for each."""
    if not lines:
        return
    sheet = book.add_worksheet("chart")
    for number, line in enumerate(lines):
        sheet.write_string(number, 0, f"{line.shown['code']} {line.shown['country']} {line.shown['period']}")
        sheet.write_number(number, 1, line.percent)
    chart = book.add_chart({"type": "bar"})
    last = len(lines) - 1
    chart.add_series(
        {
            "categories": ["chart", 0, 0, last, 0],
            "values": ["chart", 0, 1, last, 1],
            "data_labels": {"value": True},
        }
    )
    chart.set_title({"name": word("page", "chart", language)})
    chart.set_legend({"none": True})
    chart.set_y_axis({"reverse": True})
    chart.set_size({"width": 900, "height": 120 + 28 * len(lines)})
    sheet.set_column(0, 0, 30)
    sheet.insert_chart(0, 3, chart)
