"""Rows of the standard as CSV, as an Excel workbook, or as JSON lines. Pure."""

import csv
import io
import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

from api.exchange import workbook
from api.exchange.standard import OURS, ROW_ID, SEPARATOR, field_named, fields, folded, labels

LARGEST_FILE: Final = 32 * 1024 * 1024
"""Bytes."""

LONGEST_VALUE: Final = 15_000
"""Characters."""

MOST_COLUMNS: Final = 300
MOST_ROWS: Final = 50_000
FORMULA: Final = tuple("=+-@\t\r'")
"""Spreadsheets compute a cell that begins so; one apostrophe before it prevents that, and is taken off again."""

NUMBER: Final = re.compile(r"[+-]?[0-9 .()-]*")


class Format(StrEnum):
    """How rows are written down."""

    CSV = "csv"
    XLSX = "xlsx"
    JSONL = "jsonl"


class RowsRefused(ValueError):
    """The file holds no rows of the standard; the message quotes no value."""


def flat(value: Any) -> str:
    """Return a value as one cell holds it; several are separated by a semicolon."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, list):
        return SEPARATOR.join(flat(one) for one in value)
    return str(value)


def written(rows: Iterable[Mapping[str, Any]], form: Format) -> bytes:
    """Return the rows as a file."""
    if form == Format.JSONL:
        return "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows).encode()
    columns = [*OURS, *fields()]
    return tabled([columns, *([flat(row.get(name)) for name in columns] for row in rows)], form)


def tabled(lines: Iterable[Sequence[str]], form: Format) -> bytes:
    """Return lines of cells as a CSV file or a workbook; no program computes any of them."""
    guarded = ([_guarded(cell) for cell in line] for line in lines)
    if form == Format.XLSX:
        return workbook.written(guarded)
    out = io.StringIO(newline="")
    csv.writer(out).writerows(guarded)
    return out.getvalue().encode()


def _guarded(cell: str) -> str:
    return f"'{cell}" if cell.startswith(FORMULA) and not NUMBER.fullmatch(cell) else cell


def _unguarded(cell: str) -> str:
    return cell[1:] if cell.startswith("'") and cell[1:].startswith(FORMULA) else cell


@dataclass(frozen=True, slots=True)
class Sheet:
    """Rows, and fields of which a spreadsheet may have lost something before."""

    rows: list[dict[str, str]]
    doubtful: tuple[str, ...] = ()


def read(content: bytes, form: Format, id_column: str = ROW_ID) -> list[dict[str, str]]:
    """Return the rows of a file; see `read_sheet`."""
    return read_sheet(content, form, id_column).rows


def read_sheet(content: bytes, form: Format, id_column: str = ROW_ID) -> Sheet:
    """Read rows; a line of labels under the names, as the standard's own template has it, is left out.

    Args:
        content: The file.
        form: How it is written down.
        id_column: Which column identifies a row at its sender.

    Raises:
        RowsRefused: it is no such file, or a row has no identifier.
    """
    if len(content) > LARGEST_FILE:
        raise RowsRefused(f"larger than {LARGEST_FILE} bytes")
    if form == Format.XLSX:
        try:
            table = workbook.read(content, MOST_ROWS, MOST_COLUMNS)
        except workbook.WorkbookRefused as refused:
            raise RowsRefused(str(refused)) from None
        sheet = Sheet(_rows(table.lines), table.numbers)
    else:
        text = _decoded(content)
        sheet = Sheet(_rows(_csv(text)) if form == Format.CSV else _lines(text))
    if len(sheet.rows) > MOST_ROWS:
        raise RowsRefused(f"more than {MOST_ROWS} rows")
    for number, row in enumerate(sheet.rows, 1):
        _check(row, number, id_column)
    return sheet


def _decoded(content: bytes) -> str:
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise RowsRefused("not UTF-8") from None


def _csv(text: str) -> list[list[str]]:
    """Return the cells of a CSV file; Excel separates them by semicolons where the comma is a decimal sign."""
    first = text.partition("\n")[0]
    delimiter = ";" if first.count(";") > first.count(",") else ","
    try:
        return [line for line in csv.reader(io.StringIO(text, newline=""), strict=True, delimiter=delimiter) if line]
    except csv.Error:
        raise RowsRefused("not CSV") from None


def _rows(lines: list[list[str]]) -> list[dict[str, str]]:
    if not lines:
        raise RowsRefused("empty")
    names, *rest = lines
    if len(set(names)) != len(names):
        raise RowsRefused("a column stands twice")
    if any(len(line) != len(names) for line in rest):
        raise RowsRefused("a row has more or fewer cells than there are columns")
    rows = [dict(zip(names, map(_unguarded, line), strict=True)) for line in rest]
    if rows and _says_labels(rows[0]):
        del rows[0]
    return rows


def _says_labels(row: Mapping[str, str]) -> bool:
    filled = [value for value in row.values() if value.strip()]
    return bool(filled) and all(folded(value) in labels() for value in filled)


def _lines(text: str) -> list[dict[str, str]]:
    rows = []
    for number, line in enumerate(text.split("\n"), 1):
        if not line.strip():
            continue
        try:
            found = json.loads(line, object_pairs_hook=_once)
        except (ValueError, RecursionError):
            raise RowsRefused(f"line {number}: not JSON of one object") from None
        if not isinstance(found, dict) or any(isinstance(value, dict) for value in found.values()):
            raise RowsRefused(f"line {number}: not an object of plain values")
        rows.append({name: flat(value) for name, value in found.items()})
    return rows


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    if len(dict(pairs)) != len(pairs):
        raise ValueError("a field stands twice")
    return dict(pairs)


def _check(row: Mapping[str, str], number: int, id_column: str) -> None:
    if len(row) > MOST_COLUMNS or not any(field_named(name) for name in row):
        raise RowsRefused(f"row {number}: no field of the standard, or more than {MOST_COLUMNS}")
    if not row.get(id_column, "").strip():
        raise RowsRefused(f"row {number}: no {id_column}; a second import could not be told from the first")
    for value in row.values():
        if len(value) > LONGEST_VALUE or "\x00" in value or any("\ud800" <= sign <= "\udfff" for sign in value):
            raise RowsRefused(f"row {number}: a value that is no text of at most {LONGEST_VALUE} characters")
