"""All vectors of the country in memory, to be compared with one of them. Holds nothing that could not be wiped."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final
from uuid import UUID

import numpy as np
from numpy.typing import NDArray

from domain.duplicates.pages import MOST_FOUND, SLOTS
from domain.duplicates.vectors import BYTES

WORDS: Final = BYTES // 8
AT_A_TIME: Final = 16 * 1024
"""Vectors compared at a time: few enough to stay near the processor."""


def likenesses(columns: NDArray[np.uint64], counts: NDArray[np.uint16], wanted: bytes) -> NDArray[np.float32]:
    """Return the Dice score of every vector with the wanted one.

    Args:
        columns: Vectors, one in each column of 16 words.
        counts: How many bits each has.
        wanted: 128 bytes.
    """
    words = np.frombuffer(wanted, np.uint64)
    scores = np.empty(len(counts), np.float32)
    bits = int.from_bytes(wanted, "little").bit_count()
    for start in range(0, len(counts), AT_A_TIME):
        part = columns[:, start : start + AT_A_TIME]
        shared = np.zeros(part.shape[1], np.uint16)
        for word, column in zip(words, part, strict=True):
            shared += np.bitwise_count(column & word)
        together = counts[start : start + AT_A_TIME] + np.uint16(bits)
        scores[start : start + AT_A_TIME] = 2 * shared / np.maximum(together, 1)
    return scores


@dataclass(slots=True)
class _Block:
    """Where a page lies in memory, and which state of it."""

    place: int
    state: tuple[int, int]
    ids: list[bytes]


@dataclass
class Index:
    """Pages by their place in memory, and the entries that no page holds yet; an entry is newer than any page."""

    columns: NDArray[np.uint64] = field(default_factory=lambda: np.zeros((WORDS, 0), np.uint64), repr=False)
    counts: NDArray[np.uint16] = field(default_factory=lambda: np.zeros(0, np.uint16), repr=False)
    entries: dict[UUID, tuple[datetime, bytes]] = field(default_factory=dict, repr=False)
    _blocks: dict[UUID, _Block] = field(default_factory=dict, repr=False)
    _at: dict[int, UUID] = field(default_factory=dict, repr=False)
    _free: list[int] = field(default_factory=list, repr=False)
    stored: object = None
    """What the stored pages were known by when they were last looked at."""

    def outdated(self, present: Mapping[UUID, tuple[int, int]]) -> list[UUID]:
        """Forget pages that are no more; return those that are new or have changed."""
        for page_id in self._blocks.keys() - present.keys():
            self._drop(page_id)
        return [one for one, state in present.items() if one not in self._blocks or self._blocks[one].state != state]

    def put(self, page_id: UUID, state: tuple[int, int], ids: list[bytes], vectors: NDArray[np.uint64]) -> None:
        """Hold a page in its present state."""
        block = self._blocks.get(page_id)
        place = block.place if block is not None else self._room()
        span = slice(place * SLOTS, (place + 1) * SLOTS)
        self.columns[:, span] = vectors.T
        self.counts[span] = np.bitwise_count(vectors).sum(axis=1, dtype=np.uint16)
        self._blocks[page_id], self._at[place] = _Block(place, state, ids), page_id

    def unknown_entries(self, present: Mapping[UUID, datetime]) -> list[UUID]:
        """Return the entries that are new or have changed since they were read."""
        return [one for one, at in present.items() if one not in self.entries or self.entries[one][0] != at]

    def set_entries(self, present: Iterable[UUID], changed: Mapping[UUID, tuple[datetime, bytes]]) -> None:
        """Hold these entries and no others: those that changed, and of the rest what is known already."""
        known = self.entries | dict(changed)
        self.entries = {one: known[one] for one in present if one in known}

    def vector_at(self, page_id: UUID, slot: int) -> bytes:
        """Return the vector in a slot of a page."""
        place = self._blocks[page_id].place * SLOTS + slot
        return np.ascontiguousarray(self.columns[:, place]).tobytes()

    def like(self, case_id: UUID, wanted: bytes, threshold: float) -> list[tuple[UUID, float]]:
        """Return the cases whose vectors are at least as alike as the threshold, the likest first, without the case."""
        found: dict[UUID, float] = {}
        used = SLOTS * (max(self._at, default=-1) + 1)
        scores = likenesses(self.columns[:, :used], self.counts[:used], wanted)
        for row in np.flatnonzero(scores >= threshold).tolist():
            known = self._blocks[self._at[row // SLOTS]].ids[row % SLOTS]
            if known:
                found[UUID(bytes=known)] = float(scores[row])
        newer = list(self.entries.items())
        rows = np.frombuffer(b"".join(vector for _, (_, vector) in newer), np.uint64).reshape(-1, WORDS)
        counts = np.bitwise_count(rows).sum(axis=1, dtype=np.uint16)
        recent = likenesses(np.ascontiguousarray(rows.T), counts, wanted).tolist()
        for (one, _), score in zip(newer, recent, strict=True):
            found.pop(one, None)
            if score >= threshold:
                found[one] = score
        found.pop(case_id, None)
        return sorted(found.items(), key=lambda pair: (-pair[1], pair[0]))[:MOST_FOUND]

    def wipe(self) -> None:
        """Overwrite every vector in memory and forget all."""
        self.columns.fill(0)
        self.counts.fill(0)
        self.__init__()  # type: ignore[misc]

    def __len__(self) -> int:
        """Return how many pages are held."""
        return len(self._blocks)

    def _room(self) -> int:
        if self._free:
            return self._free.pop()
        place, have = len(self._blocks), len(self.counts) // SLOTS
        if place == have:
            more = max(64, have // 4)
            self.columns = np.concatenate((self.columns, np.zeros((WORDS, more * SLOTS), np.uint64)), axis=1)
            self.counts = np.concatenate((self.counts, np.zeros(more * SLOTS, np.uint16)))
        return place

    def _drop(self, page_id: UUID) -> None:
        place = self._blocks.pop(page_id).place
        del self._at[place]
        self.columns[:, place * SLOTS : (place + 1) * SLOTS] = 0
        self.counts[place * SLOTS : (place + 1) * SLOTS] = 0
        self._free.append(place)
