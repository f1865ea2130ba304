"""What became of every field of something imported: names of fields and places, never values."""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum


class Fate(StrEnum):
    """What became of one field."""

    PLACED = "placed"
    KEPT = "kept"
    DROPPED = "dropped on purpose"
    NOT_PLACED = "not placed"
    EMPTY = "empty"


@dataclass(frozen=True, slots=True)
class Line:
    """One field of the input.

    Attributes:
        field: Its name in the input.
        where: Where it is now, or why it is nowhere; never its value.
    """

    field: str
    fate: Fate
    where: str = ""


def written(lines: Iterable[Line]) -> list[str]:
    """Return the report as a person reads it: by fate, then by name."""
    ranked = sorted(lines, key=lambda line: (list(Fate).index(line.fate), line.field))
    width = max((len(line.field) for line in ranked), default=0)
    kinds = max(len(fate) for fate in Fate)
    return [f"{line.field:<{width}}  {line.fate:<{kinds}}  {line.where}".rstrip() for line in ranked]


def counted(lines: Iterable[Line]) -> str:
    """Return how many fields had which fate, in one line."""
    fates = [line.fate for line in lines]
    return f"{len(fates)} fields: " + ", ".join(f"{fates.count(fate)} {fate}" for fate in Fate)
