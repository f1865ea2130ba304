"""Identifiers: random, injected, and telling nothing."""

import secrets
from collections.abc import Callable
from uuid import UUID

ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
"""Crockford's base 32: no I, L, O or U, so that a reference survives a telephone."""

LENGTH = 16
"""Characters of a reference: 80 random bits, so that guessing finds nothing."""


class Identifiers:
    """Makes ids and references from one source of random bytes.

    Args:
        random: Returns so many unpredictable bytes; a test may inject a seeded one.
    """

    def __init__(self, random: Callable[[int], bytes] = secrets.token_bytes) -> None:
        self.random = random

    def uuid(self) -> UUID:
        """Return a random version 4 UUID (RFC 9562, section 5.4)."""
        return UUID(bytes=self.random(16), version=4)

    def reference(self, prefix: str) -> str:
        """Return a reference such as `C-7F3K-9QWD-2M4H-XE61`: neither sequential nor derived from anything."""
        number = int.from_bytes(self.random(10), "big")
        letters = "".join(ALPHABET[number >> (5 * place) & 31] for place in range(LENGTH))
        return "-".join([prefix, *(letters[start : start + 4] for start in range(0, LENGTH, 4))])


REFERENCE_PATTERN = r"^[ACKQR](-[0-9A-HJKMNP-TV-Z]{4}){4}$"
"""What a reference looks like; anything else names nothing."""
