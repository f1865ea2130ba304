"""A release as rows: CSV with a data dictionary, and a workbook. Pure; made from the release alone."""

import csv
import io
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import Any, Final

import xlsxwriter  # type: ignore[import-untyped]  # it ships no types

LANGUAGES: Final = ("en", "ru", "ky")
COLUMNS: Final = (
    "release",
    "population",
    "unit",
    "table",
    "first_period",
    "last_period",
    "renewed",
    "group_1",
    "group_2",
    "count",
)
MEANINGS: Final = {
    "release": "Number of the release, from 1",
    "population": "What kind of thing is counted; no row counts two kinds",
    "unit": "The unit of the count",
    "table": "Name of the table",
    "first_period": "First period that the count covers",
    "last_period": "Last period that the count covers",
    "renewed": "yes if the table is new in this release, no if it is carried forward",
    "group_1": "Group of the first dimension; `total` for all cases of the table",
    "group_2": "Group of the second dimension; empty in tables of one dimension",
    "count": "Rounded to a multiple of the base; totals are rounded on their own, so groups need not add up to them",
}
TOTAL: Final = "total"


def rows(release: dict[str, Any]) -> Iterator[dict[str, str | int]]:
    """Yield every published figure of a release, each table's newest window and all before it."""
    for name, population in release["populations"].items():
        for table, content in population["tables"].items():
            for number, window in enumerate(content["windows"], 1):
                newest = number == len(content["windows"])
                common: dict[str, str | int] = {
                    "release": release["number"],
                    "population": name,
                    "unit": population["unit"],
                    "table": table,
                    "first_period": window["first"],
                    "last_period": window["last"],
                    "renewed": "yes" if newest and content["renewed"] else "no",
                }
                yield {**common, "group_1": TOTAL, "group_2": "", "count": window["total"]}
                for cell in window["cells"]:
                    first, second = (*cell["groups"], "")[:2]
                    yield {**common, "group_1": first, "group_2": second, "count": cell["count"]}


def dictionary(release: dict[str, Any]) -> Iterator[tuple[str, ...]]:
    """Yield the data dictionary: what every column and every code means, in each language."""
    yield ("kind", "of", "code", *LANGUAGES)
    for column, meaning in MEANINGS.items():
        yield ("column", "", column, meaning, "", "")
    for population in release["populations"].values():
        for dimension, groups in population["labels"].items():
            for group, texts in groups.items():
                kind = "group" if group else "dimension"
                yield (kind, dimension, group or dimension, *(texts[language] for language in LANGUAGES))


def as_csv(release: dict[str, Any]) -> bytes:
    """Return the figures as CSV (RFC 4180) in UTF-8."""
    out = io.StringIO()
    writer = csv.DictWriter(out, COLUMNS)
    writer.writeheader()
    writer.writerows(rows(release))
    return out.getvalue().encode()


def dictionary_as_csv(release: dict[str, Any]) -> bytes:
    """Return the data dictionary as CSV (RFC 4180) in UTF-8."""
    out = io.StringIO()
    csv.writer(out).writerows(dictionary(release))
    return out.getvalue().encode()


def as_workbook(release: dict[str, Any]) -> bytes:
    """Return the figures, one sheet for each population with a chart for each table, and the data dictionary."""
    out = io.BytesIO()
    with xlsxwriter.Workbook(out, {"in_memory": True}) as book:
        book.set_properties(
            {
                "title": f"Release {release['number']}",
                "author": "",
                "created": datetime(int(release["periods"][-1][:4]), 1, 1, tzinfo=UTC),
            }
        )
        bold = book.add_format({"bold": True})
        for name, population in release["populations"].items():
            sheet = book.add_worksheet(name[:31])
            sheet.freeze_panes(1, 0)
            mine = [row for row in rows(release) if row["population"] == name]
            _filled(sheet, [COLUMNS, *([row[column] for column in COLUMNS] for row in mine)], bold)
            place = 1
            for table, content in population["tables"].items():
                count = sum(1 + len(window["cells"]) for window in content["windows"])
                if content["windows"]:
                    last = len(content["windows"][-1]["cells"])
                    _chart(book, sheet, name[:31], table, place + count - last, last)
                place += count
        sheet = book.add_worksheet("dictionary")
        sheet.freeze_panes(1, 0)
        _filled(sheet, list(dictionary(release)), bold)
    return out.getvalue()


def _filled(sheet: Any, lines: Sequence[Sequence[str | int]], bold: Any) -> None:
    for number, line in enumerate(lines):
        for column, value in enumerate(line):
            if isinstance(value, int):
                sheet.write_number(number, column, value)
            else:
                sheet.write_string(number, column, value, bold if number == 0 else None)
    sheet.autofit()


def _chart(book: Any, sheet: Any, name: str, table: str, first: int, count: int) -> None:
    """Add a bar chart of a table's newest window beside its rows."""
    groups, counts = COLUMNS.index("group_1"), COLUMNS.index("count")
    chart = book.add_chart({"type": "bar"})
    chart.add_series(
        {
            "categories": [name, first, groups, first + count - 1, groups],
            "values": [name, first, counts, first + count - 1, counts],
            "data_labels": {"value": True},
        }
    )
    chart.set_title({"name": table})
    chart.set_legend({"none": True})
    sheet.insert_chart(first - 1, len(COLUMNS) + 1, chart)
