"""Workbooks made to exhaust the machine: each is refused before anybody unpacks it."""

import io
import zipfile
from collections.abc import Callable

import pytest

from api.exchange.rows import Format, RowsRefused, read, written
from api.exchange.standard import ROW_ID

Attack = Callable[..., None]

HEAD = '<?xml version="1.0"?><worksheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"><sheetData>'
FOOT = "</sheetData></worksheet>"
SHARED = (
    b'<?xml version="1.0"?><sst xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main">'
    b"<si><t>TEXT</t></si></sst>"
)
SHEET = "xl/worksheets/sheet1.xml"
GOOD = written([{ROW_ID: "1", "prs_FirstName": "A"}], Format.XLSX)


def changed(**parts: bytes) -> bytes:
    """Return the good workbook with some parts replaced or added; `__` stands for a slash."""
    out = io.BytesIO()
    named = {name.replace("__", "/") + ".xml": content for name, content in parts.items()}
    with zipfile.ZipFile(io.BytesIO(GOOD)) as old, zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as new:
        for part in old.infolist():
            new.writestr(part.filename, named.pop(part.filename, old.read(part)))
        for name, content in named.items():
            new.writestr(name, content)
    return out.getvalue()


def cells(*tags: str) -> bytes:
    return (HEAD + "<row>" + "".join(tags) + "</row>" + FOOT).encode()


def lying() -> bytes:
    """Return a workbook whose directory says that a large part is small."""
    content = bytearray(changed(xl__extra=b"<a>" + b" " * 5_000_000 + b"</a>"))
    at = content.rindex(b"PK\x01\x02", 0, content.rindex(b"xl/extra.xml"))
    content[at + 24 : at + 28] = (10).to_bytes(4, "little")
    return bytes(content)


HOSTILE: dict[str, Callable[[], bytes]] = {
    "a part of 300 MB": lambda: changed(xl__media=b"\0" * 300_000_000),
    "a cell at the far end": lambda: changed(xl__worksheets__sheet1=cells('<c r="XFD1048576"><v>1</v></c>')),
    "a row at the far end": lambda: changed(
        xl__worksheets__sheet1=(HEAD + '<row r="1048576"><c><v>1</v></c></row>' + FOOT).encode()
    ),
    "cells without a place, in a row without end": lambda: changed(xl__worksheets__sheet1=cells("<c/>" * 20_000)),
    "one long text in every cell": lambda: changed(
        xl__sharedStrings=SHARED.replace(b"TEXT", b"x" * 30_000),
        xl__worksheets__sheet1=(
            HEAD + "".join(f'<row r="{row}"><c r="A{row}" t="s"><v>0</v></c></row>' for row in range(1, 10_001)) + FOOT
        ).encode(),
    ),
    "entities that grow": lambda: changed(
        xl__worksheets__sheet1=b'<!DOCTYPE a [<!ENTITY b "cc">]><worksheet>&b;</worksheet>'
    ),
    "a directory that lies": lying,
    "a thousand parts": lambda: changed(**{f"part{number}": b"<a/>" for number in range(1000)}),
    "an archive that is no workbook": lambda: GOOD.replace(b"xl/workbook.xml", b"xl/workbork.xml"),
    "no archive": lambda: b"PK\x03\x04" + b"\0" * 100,
    "half an archive": lambda: GOOD[: len(GOOD) // 2],
    "broken XML": lambda: changed(xl__worksheets__sheet1=b"<worksheet><row></worksheet>"),
}


TOO_MUCH = "unpacks to more"
TOO_FAR = "more than 50000 rows or 300 columns"
SAID = {
    "a part of 300 MB": TOO_MUCH,
    "one long text in every cell": TOO_MUCH,
    "a thousand parts": TOO_MUCH,
    "a cell at the far end": TOO_FAR,
    "a row at the far end": TOO_FAR,
    "cells without a place, in a row without end": TOO_FAR,
    "entities that grow": "document type",
}
"""Why it is refused; the others are no Excel workbooks."""


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_workbook_is_refused(name: str, attack: Attack) -> None:
    content = HOSTILE[name]()
    with pytest.raises(RowsRefused, match=SAID.get(name, "not an Excel workbook")):
        read(content, Format.XLSX)
    attack(f"workbook: {name}", tried=1, succeeded=0)


def test_the_good_workbook_is_read() -> None:
    assert read(changed(), Format.XLSX)[0]["prs_FirstName"] == "A"
