"""Rows of the standard as an Excel workbook. Pure.

Cells are written as text, so that Excel neither computes them nor cuts leading zeros; they are read as Excel stores
them, with its defects: dates as serial numbers, numbers where text was meant, spaces that nobody sees.
"""

import io
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Any, Final

import python_calamine
import xlsxwriter  # type: ignore[import-untyped]  # it ships no types

from api.exchange.packing import PackingRefused, check
from api.exchange.standard import field_named

EPOCH: Final = date(1899, 12, 30)
"""Day 0 of Excel's serial dates, from 1 March 1900 on."""

FIRST_DAY, LAST_DAY = 61, 73_050
"""Serial numbers that are taken for dates: 1 March 1900 to 31 December 2099."""

EXACT: Final = 10**15
"""Excel keeps 15 digits of a number."""

HEADER_WITHIN: Final = 10
"""Lines in which the names of the columns are looked for: templates have titles above them."""

SERIAL: Final = re.compile(r"[0-9]{2,5}")
OUTER: Final = " \t\r\n\u00a0\u2007\u202f\u200b\ufeff"
"""Spaces, seen and unseen, that are taken off the ends of a cell."""


class WorkbookRefused(ValueError):
    """It is no workbook with rows of the standard, or a hostile one; the message quotes no value."""


@dataclass(frozen=True, slots=True)
class Table:
    """The lines of the sheet that holds rows of the standard.

    Attributes:
        lines: The names of the columns, then the rows; as texts.
        numbers: Fields of text that held numbers: leading zeros may have been lost before the file came here.
    """

    lines: list[list[str]]
    numbers: tuple[str, ...] = ()


def written(lines: Iterable[Sequence[str]]) -> bytes:
    """Return lines as a workbook of one sheet; every cell is text."""
    out = io.BytesIO()
    with xlsxwriter.Workbook(out, {"in_memory": True}) as book:
        text = book.add_format({"num_format": "@"})
        sheet = book.add_worksheet("cases")
        sheet.freeze_panes(1, 0)
        for row, cells in enumerate(lines):
            for column, cell in enumerate(cells):
                if cell:
                    sheet.write_string(row, column, cell, text)
    return out.getvalue()


def read(content: bytes, most_rows: int, most_columns: int) -> Table:
    """Return the first sheet that names fields of the standard.

    Raises:
        WorkbookRefused: see the class.
    """
    try:
        counts_from_1904 = check(content, most_rows, most_columns)
        book = python_calamine.CalamineWorkbook.from_filelike(io.BytesIO(content))
        for name in book.sheet_names:
            cells = book.get_sheet_by_name(name).to_python(skip_empty_area=False)
            if (header := _header(cells)) is not None:
                return _table(cells[header:], may_be_serial=not counts_from_1904)
    except PackingRefused as refused:
        raise WorkbookRefused(str(refused)) from None
    except (python_calamine.CalamineError, python_calamine.ZipError, python_calamine.XmlError, OSError):
        raise WorkbookRefused("not an Excel workbook") from None
    raise WorkbookRefused("no sheet names a field of the standard in its first lines")


def _header(cells: Sequence[Sequence[Any]]) -> int | None:
    for number, line in enumerate(cells[:HEADER_WITHIN]):
        if any(isinstance(cell, str) and field_named(cell) is not None for cell in line):
            return number
    return None


def _table(cells: Sequence[Sequence[Any]], *, may_be_serial: bool) -> Table:
    names = [_text(cell, "column names") for cell in cells[0]]
    used = [at for at, name in enumerate(names) if name or any(line[at] not in {"", None} for line in cells[1:])]
    kinds = {at: found.kind if (found := field_named(names[at])) else None for at in used}
    lines = [[names[at] or f"column {at + 1}" for at in used]]
    numbers: dict[str, None] = {}
    for line in cells[1:]:
        texts = [_text(line[at], names[at] if kinds[at] else f"column {at + 1}") for at in used]
        if not any(texts):
            continue
        for place, at in enumerate(used):
            if kinds[at] == "date" and may_be_serial:
                texts[place] = _day(texts[place])
            elif kinds[at] == "string" and isinstance(line[at], int | float) and not isinstance(line[at], bool):
                numbers[names[at]] = None
        lines.append(texts)
    return Table(lines, tuple(numbers))


def _text(cell: Any, where: str) -> str:
    """Return a cell as text."""
    if cell is None:
        return ""
    if isinstance(cell, bool):
        return "true" if cell else "false"
    if isinstance(cell, int | float):
        if abs(cell) >= EXACT:
            raise WorkbookRefused(f"{where}: a number of more than 15 digits, of which Excel keeps 15: make it text")
        return str(int(cell)) if cell == int(cell) else repr(cell)
    if isinstance(cell, datetime):
        return cell.date().isoformat() if cell.time() == time() else cell.isoformat()
    if isinstance(cell, date | time | timedelta):
        return cell.isoformat() if not isinstance(cell, timedelta) else str(cell)
    return str(cell).strip(OUTER)


def _day(text: str) -> str:
    """Return a serial number as the day that it stands for; anything else as it is."""
    if SERIAL.fullmatch(text) and FIRST_DAY <= int(text) <= LAST_DAY:
        return (EPOCH + timedelta(days=int(text))).isoformat()
    return text.removesuffix(" 00:00:00").removesuffix("T00:00:00")
