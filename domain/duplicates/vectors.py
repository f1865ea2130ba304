"""What a person looks like to the search: 1,024 bits under a key, from which nobody without the key tells a name. Pure.

A keyed Bloom filter: every pair of neighbouring letters of the folded names, the year of birth and the two beside it,
the district and the citizenships each set a few bits, chosen by double hashing of an HMAC. Alike persons share bits.
Vectors are pseudonymous, not anonymous: whoever holds many of them can guess frequent names without the key. They lie
in the database only sealed, and leave the process never.

Source: Schnell, Bachteler and Reiher, "Privacy-preserving record linkage using Bloom filters" (2009); weights by number
of bits after Vatsalan and others.
"""

import hmac
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Final

import yaml

from domain.codes import NOT_KNOWN
from domain.duplicates.spelling import folded

BITS: Final = 1024
BYTES: Final = BITS // 8
DATA: Final = Path(__file__).with_name("likeness.yaml")

NAMES: Final = ("family_name", "given_name", "patronymic", "aliases")
LATIN_NAME: Final = "latin_name"
_EDGE: Final = "_"


@dataclass(frozen=True, slots=True)
class Weights:
    """How alike is alike enough, and how many bits each feature sets; see `likeness.yaml`."""

    threshold: float
    bits: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Features:
    """What is compared of a person; what is not known is left out and counts neither for nor against much.

    Attributes:
        identity: Fields of the identity compartment.
        district: As it was written.
        citizenships: ISO 3166-1 codes, or a kind of not knowing.
    """

    identity: Mapping[str, Any]
    district: str = ""
    citizenships: tuple[str, ...] = ()


@cache
def weights() -> Weights:
    """Return the published weights and threshold."""
    read = yaml.safe_load(DATA.read_text(encoding="utf-8"))
    return Weights(float(read["threshold"]), dict(read["bits"]))


def vector(features: Features, key: bytes, weighing: Weights) -> bytes | None:
    """Return the vector of a person, or None where no name is known: then there is nothing to search by."""
    pieces = dict(_names(features.identity, weighing))
    if not pieces:
        return None
    pieces |= _other(features, weighing)
    found = 0
    for piece, count in pieces.items():
        digest = hmac.digest(key, piece.encode(), "sha256")
        first, step = int.from_bytes(digest[:8], "big"), int.from_bytes(digest[8:16], "big") | 1
        for number in range(count):
            found |= 1 << ((first + number * step) % BITS)
    return found.to_bytes(BYTES, "little")


def dice(one: bytes, other: bytes) -> float:
    """Return how alike two vectors are: twice the bits they share over the bits they have, from 0 to 1."""
    first, second = int.from_bytes(one, "little"), int.from_bytes(other, "little")
    together = first.bit_count() + second.bit_count()
    return 2 * (first & second).bit_count() / together if together else 0.0


def _names(identity: Mapping[str, Any], weighing: Weights) -> Iterable[tuple[str, int]]:
    """Return pairs of letters with their bits; a name in Latin only fills in for names that are not there.

    Which field a word stands in decides its weight and nothing else, so that swapped names stay alike.
    """
    pairs: dict[str, int] = {}
    given = {field: _words(identity.get(field)) for field in NAMES}
    if not given["family_name"] or not given["given_name"]:
        known = {word for words in given.values() for word in words}
        given["given_name"] += [word for word in _words(identity.get(LATIN_NAME)) if word not in known]
    for field, words in given.items():
        for word in words:
            edged = f"{_EDGE}{word}{_EDGE}"
            for pair in (edged[place : place + 2] for place in range(len(edged) - 1)):
                pairs[f"name {pair}"] = max(weighing.bits[field], pairs.get(f"name {pair}", 0))
    return pairs.items()


def _words(value: object) -> list[str]:
    texts = value if isinstance(value, list) else [value]
    return [word for text in texts if isinstance(text, str) for word in folded(text)]


def _other(features: Features, weighing: Weights) -> dict[str, int]:
    year = str(features.identity.get("birth_date") or "")[:4]
    near = range(int(year) - 1, int(year) + 2) if year.isascii() and year.isdigit() else ()
    pieces = {f"year {one}": weighing.bits["birth_year"] for one in near}
    if district := " ".join(folded(features.district)):
        pieces[f"district {district}"] = weighing.bits["district"]
    known = (code for code in features.citizenships if code not in NOT_KNOWN)
    return pieces | {f"citizenship {code}": weighing.bits["citizenship"] for code in known}
