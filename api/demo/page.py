"""What the demonstration prints: plain text of at most 110 columns, for people who do not program."""

import textwrap
from collections.abc import Iterable, Sequence
from typing import Final, TextIO

WIDTH: Final = 108
MARGIN: Final = "  "
WHO: Final = 20
"""Columns for who acts."""
LABEL: Final = 6
"""Columns for `due`, `why` and the like."""

BOLD, RED, PLAIN = "\033[1m", "\033[31m", "\033[0m"


class Page:
    """A page of plain text; colours only on a terminal."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._colours = stream.isatty()

    def heading(self, text: str) -> None:
        """Write a chapter's heading."""
        self._write("")
        self._write(self._in(BOLD, text))
        self._write("-" * len(text))

    def text(self, text: str) -> None:
        """Write a paragraph."""
        for line in _lines(text, WIDTH):
            self._write(line)

    def did(self, who: str, what: str, remarks: Iterable[tuple[str, str]] = ()) -> None:
        """Write who did what, and labelled remarks below."""
        self._entry(who, what)
        for label, text in remarks:
            self._remark(label, text)

    def refused(self, who: str, what: str, answer: str, because: str = "") -> None:
        """Write who tried what in vain, and the answer."""
        self._entry(who, what)
        self._remark("NO", answer, RED)
        if because:
            self._remark("why", because)

    def table(self, columns: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
        """Write a table; columns are as wide as they need."""
        lines = [list(columns), *(list(row) for row in rows)]
        widths = [max(len(line[place]) for line in lines) for place in range(len(columns))]
        for number, line in enumerate(lines):
            cells = (cell.ljust(width) for cell, width in zip(line, widths, strict=True))
            self._write(MARGIN + "  ".join(cells).rstrip())
            if number == 0:
                self._write(MARGIN + "  ".join("-" * width for width in widths))

    def _entry(self, who: str, what: str) -> None:
        indent = " " * (len(MARGIN) + WHO)
        first, *more = _lines(what, WIDTH - len(indent))
        self._write(MARGIN + self._in(BOLD, who.ljust(WHO)) + first)
        for line in more:
            self._write(indent + line)

    def _remark(self, label: str, text: str, colour: str = "") -> None:
        indent = " " * (len(MARGIN) + WHO)
        first, *more = _lines(text, WIDTH - len(indent) - LABEL)
        self._write(indent + self._in(colour, label.ljust(LABEL)) + first)
        for line in more:
            self._write(indent + " " * LABEL + line)

    def _in(self, colour: str, text: str) -> str:
        return f"{colour}{text}{PLAIN}" if self._colours and colour else text

    def _write(self, line: str) -> None:
        self._stream.write(line + "\n")
        self._stream.flush()


def _lines(text: str, width: int) -> list[str]:
    """Return a text in lines; references stay whole."""
    return textwrap.wrap(text, width, break_on_hyphens=False)
