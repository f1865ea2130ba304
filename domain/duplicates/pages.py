"""How vectors lie in the database: many in one sealed page, each under a pad of its own that stands beside it. Pure.

A page is sealed under a key that is derived from the provider for this purpose and stored nowhere, and bound to its id
and version. Inside it every vector is added (exclusive or) to 128 random bytes, its pad. The pads are no secret:
without the page they are noise. They are there to be destroyed: blanking a pad makes the vector behind it unrecoverable
at once, to whoever holds the key too, and needs neither a key nor the rewriting of the page. Every page has the same
length, however many it holds.
"""

import struct
from collections.abc import Sequence
from typing import Final
from uuid import UUID

import numpy as np
from numpy.typing import NDArray

from domain.codes import Compartment
from domain.duplicates.vectors import BYTES
from domain.sealing.envelope import NONCE_BYTES, Context, open_sealed, seal
from domain.sealing.providers import KeyProvider, RandomBytes

SLOTS: Final = 448
"""Vectors in a page: as many as one sealed value holds."""

MOST_FOUND: Final = 13
"""Cases that one search reports at most, the likest first: what fits into one step of padding."""

_ID: Final = 16
_SLOT: Final = _ID + BYTES
_EMPTY: Final = bytes(_ID)
_FOUND: Final = struct.Struct(f">{_ID}sB")

SEALING: Final = "sealing of match vectors"
SPELLING: Final = "bits of match vectors"
WARNING: Final = "names of duplicate warnings"
"""Purposes for which the provider derives keys."""


def seal_vector(vector: bytes, case_id: UUID, version: int, keys: KeyProvider, random: RandomBytes) -> bytes:
    """Seal one vector, bound to its case and to the version of its entry."""
    context = _context("match-entry", case_id, version)
    return seal(vector, key=keys.derive(SEALING), nonce=random(NONCE_BYTES), context=context)


def open_vector(sealed: bytes, case_id: UUID, version: int, keys: KeyProvider) -> bytes:
    """Open one vector; raises `SealBroken` where it was altered, moved or rolled back."""
    return open_sealed(sealed, key=keys.derive(SEALING), context=_context("match-entry", case_id, version))


def seal_page(
    members: Sequence[tuple[UUID, bytes]], page_id: UUID, version: int, keys: KeyProvider, random: RandomBytes
) -> tuple[bytes, bytes]:
    """Return a sealed page and its pads; the n-th member stands in slot n. What is not taken is filled with noise."""
    pads = random(SLOTS * BYTES)
    noise = (SLOTS - len(members)) * BYTES
    plain = b"".join(vector for _, vector in members) + random(noise)
    masked = (np.frombuffer(plain, np.uint8) ^ np.frombuffer(pads, np.uint8)).tobytes()
    ids = b"".join(case_id.bytes for case_id, _ in members) + _EMPTY * (SLOTS - len(members))
    context = _context("match-page", page_id, version)
    return seal(ids + masked, key=keys.derive(SEALING), nonce=random(NONCE_BYTES), context=context), pads


def open_page(
    sealed: bytes, pads: bytes, page_id: UUID, version: int, key: bytes
) -> tuple[list[bytes], NDArray[np.uint64]]:
    """Return the ids of a page's cases by slot, and its vectors, a row of 16 words for each slot.

    A slot that is empty or whose pad is blank has an empty id and no bits: nothing of it is left to be compared.
    """
    plain = open_sealed(sealed, key=key, context=_context("match-page", page_id, version))
    masks = np.frombuffer(pads, np.uint64).reshape(SLOTS, -1)
    vectors = np.frombuffer(plain, np.uint64, offset=SLOTS * _ID).reshape(SLOTS, -1) ^ masks
    ids = [plain[place : place + _ID] for place in range(0, SLOTS * _ID, _ID)]
    blank = ~masks.any(axis=1) | (np.frombuffer(b"".join(ids), np.uint64).reshape(SLOTS, 2) == 0).all(axis=1)
    vectors[blank] = 0
    return [b"" if gone else one for one, gone in zip(ids, blank.tolist(), strict=True)], vectors


def seal_finding(
    asked: UUID, found: Sequence[tuple[UUID, float]], finding_id: UUID, keys: KeyProvider, random: RandomBytes
) -> bytes:
    """Seal what a search found, nothing or something: of the same length, and as opaque, in either case."""
    told = b"".join(_FOUND.pack(case_id.bytes, round(likeness * 255)) for case_id, likeness in found[:MOST_FOUND])
    context = _context("match-finding", finding_id, 1)
    return seal(asked.bytes + told, key=keys.derive(SEALING), nonce=random(NONCE_BYTES), context=context)


def open_finding(sealed: bytes, finding_id: UUID, key: bytes) -> tuple[UUID, list[tuple[UUID, float]]]:
    """Return which case was asked for and which cases are like it, with how alike they are."""
    plain = open_sealed(sealed, key=key, context=_context("match-finding", finding_id, 1))
    found = [(UUID(bytes=one), likeness / 255) for one, likeness in _FOUND.iter_unpack(plain[_ID:])]
    return UUID(bytes=plain[:_ID]), found


def seal_statement(
    statement: bytes, statement_id: UUID, organisation_id: UUID, keys: KeyProvider, random: RandomBytes
) -> bytes:
    """Seal what an organisation said of a pair of cases, bound to the organisation."""
    context = Context(statement_id, organisation_id, "match-statement", Compartment.IDENTITY, 1, 1)
    return seal(statement, key=keys.derive(SEALING), nonce=random(NONCE_BYTES), context=context)


def open_statement(sealed: bytes, statement_id: UUID, organisation_id: UUID, key: bytes) -> bytes:
    """Return what an organisation said of a pair of cases."""
    context = Context(statement_id, organisation_id, "match-statement", Compartment.IDENTITY, 1, 1)
    return open_sealed(sealed, key=key, context=context)


def _context(kind: str, record_id: UUID, version: int) -> Context:
    return Context(record_id, record_id, kind, Compartment.IDENTITY, 1, version)
