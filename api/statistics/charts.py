"""Where the marks of a chart stand. Pure geometry; the page draws it, in units of its own that grow with the screen.

Every mark carries its figure in words, and nothing is told by colour: what is further along is an outline, not a shade.
"""

import textwrap
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from api.statistics.reading import Row

WIDTH: Final = 320
"""Units across: as wide as a small phone, so that letters are never drawn smaller than they read."""

LINE: Final = 18
LETTERS: Final = 38
"""The most letters of a label in one line: Cyrillic ones are wider than 8 units at most."""

FIGURES: Final = 56
"""Kept free at the right for the figure itself."""

RISE: Final = 120
"""How high the highest block of a trend is."""


@dataclass(frozen=True)
class Bar:
    """One bar with its label above.

    Attributes:
        lines: The label, broken into lines, each with its baseline.
        top: Where the bar begins.
        length: Of the bar.
        outline: Of the outline that goes on to those further along; 0 for none.
        count: The figure as published.
    """

    lines: tuple[tuple[int, str], ...]
    top: int
    length: float
    outline: float
    count: int

    @property
    def end(self) -> float:
        """Where the figure stands: after the bar that it is of, unless the outline leaves it too little room."""
        beside = self.outline - self.length
        return max(self.length, self.outline if beside < FIGURES else 0) + 6


@dataclass(frozen=True)
class Bars:
    """Bars from the top down."""

    bars: tuple[Bar, ...]
    height: int


def bars(rows: Sequence[Row]) -> Bars:
    """Return a bar for each row, the longest as long as the chart allows."""
    most = max((row.count + row.further for row in rows), default=0)
    scale = (WIDTH - FIGURES) / most if most else 0
    found, top = [], 0
    for row in rows:
        lines = textwrap.wrap(row.label, LETTERS) or [""]
        labels = tuple((top + LINE * number - 4, line) for number, line in enumerate(lines, 1))
        top += LINE * len(lines)
        outline = round(scale * (row.count + row.further), 1) if row.further else 0
        found.append(Bar(labels, top, round(scale * row.count, 1), outline, row.count))
        top += 2 * LINE
    return Bars(tuple(found), top)


@dataclass(frozen=True)
class Block:
    """One window of a trend: as wide as its periods, as high as its cases in one of them: its area is its count."""

    left: float
    width: float
    top: float
    height: float
    count: int

    @property
    def middle(self) -> float:
        """Where its figure stands."""
        return round(self.left + self.width / 2, 1)


@dataclass(frozen=True)
class Trend:
    """Blocks from left to right, and the years below them."""

    blocks: tuple[Block, ...]
    years: tuple[tuple[float, str], ...]
    floor: int = RISE + LINE
    height: int = RISE + 3 * LINE


def trend(windows: Sequence[tuple[int, int, int]], periods: Sequence[str]) -> Trend:
    """Return a block for each window.

    Args:
        windows: The place of the first period of each, how many it has, and its count; in order.
        periods: What all periods of the release are called.
    """
    first, beyond = windows[0][0], windows[-1][0] + windows[-1][1]
    step = WIDTH / (beyond - first)
    most = max(count / length for _, length, count in windows)
    blocks = []
    for begins, length, count in windows:
        height = round(RISE * count / length / most, 1) if most else 0
        blocks.append(
            Block(round((begins - first) * step, 1), round(length * step, 1), RISE + LINE - height, height, count)
        )
    return Trend(tuple(blocks), _years(periods[first:beyond], step))


def _years(periods: Sequence[str], step: float) -> tuple[tuple[float, str], ...]:
    """Return where each year begins, as many as can stand beside one another."""
    begun = [place for place, name in enumerate(periods) if not place or name[:4] != periods[place - 1][:4]]
    found: list[tuple[float, str]] = []
    for place in begun:
        if not found or place * step - found[-1][0] >= 2 * LINE:
            found.append((round(place * step, 1), periods[place][:4]))
    return tuple(found)
