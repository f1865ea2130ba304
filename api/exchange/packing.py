"""Weighs an Excel workbook before anybody unpacks it: a small file may hold more than the machine can. Pure."""

import io
import re
import zipfile
from collections.abc import Callable
from typing import Any, Final
from xml.parsers import expat

LARGEST: Final = 256 * 1024 * 1024
"""Bytes of all parts together, and of the texts of all cells together, unpacked."""

MOST_PARTS: Final = 500
CHUNK: Final = 1024 * 1024
NUMBER: Final = re.compile(r"[0-9]{1,9}")
PLACE: Final = re.compile(r"([A-Z]{1,3})([0-9]{1,7})")
NEEDED: Final = frozenset({"[Content_Types].xml", "xl/workbook.xml"})


class PackingRefused(ValueError):
    """It is no workbook, or unpacks to more than it may; the message quotes no value."""


def check(content: bytes, most_rows: int, most_columns: int) -> bool:
    """Read every part of a workbook once, keeping none; returns whether its days count from 1904.

    A sheet is as large as its last row times its last column, however few cells it names, and one text may stand in a
    million cells: both are counted.

    Raises:
        PackingRefused: see the class.
    """
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as book:
            parts = book.infolist()
            if not {one.filename for one in parts} >= NEEDED:
                raise PackingRefused("not an Excel workbook")
            if len(parts) > MOST_PARTS or sum(one.file_size for one in parts) > LARGEST:
                raise PackingRefused("unpacks to more than a workbook may")
            scale = _Scale(most_rows, most_columns)
            for part in parts:
                with book.open(part) as stream:
                    scale.weigh(lambda: stream.read(CHUNK))
    except (zipfile.BadZipFile, RuntimeError, EOFError, OSError):
        raise PackingRefused("not an Excel workbook") from None
    scale.settle()
    return scale.counts_from_1904


class _Scale:
    """Counts cells and the lengths of shared texts while parts stream by."""

    def __init__(self, most_rows: int, most_columns: int) -> None:
        self.most_rows, self.most_columns = most_rows, most_columns
        self.counts_from_1904 = False
        self.lengths: list[int] = []
        self.used: list[int] = []
        self.row = self.column = 0
        self.counting: str | None = None
        self.pieces: list[str] = []

    def weigh(self, read: Callable[[], bytes]) -> None:
        """Read one part; what is no XML is only unpacked, which proves its size."""
        chunk = read()
        if not chunk.lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"<"):
            while chunk:
                chunk = read()
            return
        parser = expat.ParserCreate()
        parser.buffer_text = True
        parser.StartElementHandler, parser.EndElementHandler = self._start, self._end
        parser.CharacterDataHandler = self._words
        parser.StartDoctypeDeclHandler = _no_doctype
        self.row = self.column = 0
        try:
            while chunk:
                parser.Parse(chunk)
                chunk = read()
            parser.Parse(b"", True)  # noqa: FBT003 - expat knows no names
        except expat.ExpatError:
            raise PackingRefused("not an Excel workbook") from None

    def settle(self) -> None:
        """Refuse texts that are together longer than they may be."""
        if sum(self.lengths[one] for one in self.used if one < len(self.lengths)) > LARGEST:
            raise PackingRefused("unpacks to more than a workbook may")

    def _start(self, name: str, about: dict[str, str]) -> None:
        kind = name.rpartition(":")[2]
        if kind == "row":
            self.row, self.column = _number(about.get("r")) or self.row + 1, 0
        elif kind == "c":
            self._cell(about)
        elif kind == "si" or (kind == "v" and self.counting == "shared"):
            self.counting, self.pieces = kind, []
        elif kind == "workbookPr":
            self.counts_from_1904 = about.get("date1904") in {"1", "true"}
        if self.row > self.most_rows or self.column > self.most_columns:
            raise PackingRefused(f"more than {self.most_rows} rows or {self.most_columns} columns")

    def _cell(self, about: dict[str, str]) -> None:
        place = PLACE.fullmatch(about.get("r", ""))
        if place is None:
            self.column += 1
        else:
            self.column, self.row = _column(place[1]), int(place[2])
        self.counting = "shared" if about.get("t") == "s" else None

    def _words(self, text: str) -> None:
        if self.counting in {"si", "v"}:
            self.pieces.append(text)

    def _end(self, name: str) -> None:
        kind = name.rpartition(":")[2]
        if kind != self.counting:
            return
        text, self.counting = "".join(self.pieces), None
        if kind == "si":
            self.lengths.append(len(text))
        elif kind == "v" and (number := _number(text)) is not None:
            self.used.append(number)


def _number(text: str | None) -> int | None:
    return int(text) if text and NUMBER.fullmatch(text) else None


def _column(letters: str) -> int:
    number = 0
    for letter in letters:
        number = number * 26 + ord(letter) - ord("A") + 1
    return number


def _no_doctype(*_: Any) -> None:
    raise PackingRefused("a document type: entities could grow without end")
