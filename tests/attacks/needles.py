"""A search for millions of byte patterns in gigabytes: one look at every place, whatever the number of patterns.

The first eight bytes of every pattern are marked in a table. Every eight bytes of what is searched are looked up there,
many at once; where there is a mark, the patterns themselves are compared. Nothing is reduced or decoded: what is found
does not depend on where in a file or between what it stands; only that digits amid hexadecimal are no number.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

import numpy as np

WINDOW = 8
"""Bytes that are looked up at once; shorter patterns are not taken: chance hits them."""

HEXADECIMAL = frozenset(b"0123456789abcdefABCDEF")
"""Digits among these are random bytes written out: in a dump chance makes any short number of them."""

BITS = 26
FACTOR = np.uint64(0x9E3779B97F4A7C15)
CHUNK = 1 << 24


@dataclass
class Needles:
    """Patterns to look for.

    Attributes:
        patterns: Each with the word that it is a form of.
        searched: Bytes that were searched.
    """

    patterns: dict[bytes, str]
    searched: int = 0
    _table: np.ndarray = field(init=False, repr=False)
    _heads: np.ndarray = field(init=False, repr=False)
    _lengths: tuple[int, ...] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        self.patterns = {pattern: word for pattern, word in self.patterns.items() if len(pattern) >= WINDOW}
        if not self.patterns:
            raise ValueError("there is nothing to look for")
        self._lengths = tuple(sorted({len(pattern) for pattern in self.patterns}))
        heads = np.frombuffer(b"".join(pattern[:WINDOW] for pattern in self.patterns), dtype="<u8")
        self._heads = np.sort(heads)
        self._table = np.zeros(1 << BITS, dtype=np.bool_)
        self._table[_hashed(heads)] = True

    def found(self, content: bytes) -> set[bytes]:
        """Return the patterns that stand in there."""
        self.searched += len(content)
        longest = self._lengths[-1]
        found: set[bytes] = set()
        for start in range(0, max(len(content), 1), CHUNK):
            found.update(self._in(content[start : start + CHUNK + longest]))
        return found

    def words(self, contents: Iterable[bytes]) -> set[str]:
        """Return the words of which a form stands in one of these."""
        return {self.patterns[pattern] for content in contents for pattern in self.found(content)}

    def _in(self, content: bytes) -> Iterator[bytes]:
        for offset in range(WINDOW):
            count = (len(content) - offset) // WINDOW
            if count <= 0:
                continue
            windows = np.frombuffer(content, dtype="<u8", count=count, offset=offset)
            places = np.flatnonzero(self._table[_hashed(windows)])
            nearest = np.minimum(np.searchsorted(self._heads, windows[places]), len(self._heads) - 1)
            for place in places[self._heads[nearest] == windows[places]]:
                at = int(place) * WINDOW + offset
                for length in self._lengths:
                    pattern = content[at : at + length]
                    if pattern in self.patterns and not (pattern.isdigit() and _amid(content, at, at + length)):
                        yield pattern


def _amid(content: bytes, start: int, end: int) -> bool:
    """Tell whether hexadecimal goes on before or behind."""
    return any(byte in HEXADECIMAL for byte in content[max(start - 1, 0) : start] + content[end : end + 1])


def _hashed(windows: np.ndarray) -> np.ndarray:
    """Return where each window stands in the table."""
    with np.errstate(over="ignore"):
        return np.asarray((windows * FACTOR) >> np.uint64(64 - BITS))
