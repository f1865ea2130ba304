"""The tables of `docs/threat-model.md`: which requirement stands on which tests."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from tests.architecture import tree

DOCUMENT = Path("docs/threat-model.md")
TEST = re.compile(r"`(tests/[\w/]+\.py)`")
HEADING = re.compile(r"^## (.+)$")
RULE = re.compile(r"^\|(?:\s*:?-+:?\s*\|)+$")


@dataclass(frozen=True)
class Row:
    """One row of a table.

    Attributes:
        section: The heading above the table.
        cells: What stands in it; the first says which requirement, asset or fall it is.
    """

    section: str
    cells: tuple[str, ...]

    @property
    def tests(self) -> tuple[Path, ...]:
        """The tests that it names."""
        return tuple(Path(name) for name in TEST.findall(" ".join(self.cells)))


def _rows() -> Iterator[Row]:
    section, lines = "", tree.text(DOCUMENT).splitlines()
    for number, line in enumerate(lines):
        if heading := HEADING.match(line):
            section = heading[1]
        below = lines[number + 1] if number + 1 < len(lines) else ""
        if line.startswith("|") and not RULE.match(line) and not RULE.match(below):
            yield Row(section, tuple(cell.strip() for cell in line.strip("|").split("|")))


@cache
def rows() -> tuple[Row, ...]:
    """Return the rows of every table, without their heads."""
    return tuple(_rows())


def linked() -> tuple[Path, ...]:
    """Return every test file that a table names, once, sorted."""
    return tuple(sorted({test for row in rows() for test in row.tests}))
