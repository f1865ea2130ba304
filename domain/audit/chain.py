r"""The hash chain of one audit stream. Pure: canonical bytes, hashes and nothing else.

An auditor can recompute every hash with a JSON library and SHA-256 alone:

- `genesis(stream)` is the SHA-256 of `nrm audit genesis 1`, a zero byte and the stream's id (16 bytes).
- The hash of an entry is the SHA-256 of `nrm audit entry 1`, a zero byte, the previous hash (32 bytes) and the entry's
  canonical JSON: keys sorted, no white space, ASCII with `\u` escapes, instants in UTC with six decimals and a `Z`.
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final
from uuid import UUID

Scalar = str | int | bool | None
Detail = Scalar | list[Scalar]
"""What an entry may say beside who, what and when: codes, numbers and ids; never data of the person."""

HASH_BYTES: Final = 32
LARGEST_INTEGER: Final = 2**53 - 1
"""Beyond it, JSON readers in other languages no longer agree (RFC 8259, section 6)."""

_GENESIS: Final = b"nrm audit genesis 1\x00"
_ENTRY: Final = b"nrm audit entry 1\x00"


@dataclass(frozen=True, slots=True)
class Entry:
    """One thing that somebody did or was refused.

    Attributes:
        stream_id: The chain: a case, or an organisation for what concerns no case.
        sequence: The position in the chain, from 1, without gaps.
        action: A value of `AuditAction`. Text here, so that a retired name can still be verified.
        actor_id: The person of staff; None for the clock.
        organisation_id: For which organisation they acted; None for the clock.
        subject_id: The record that it was done to.
        rule: The rule that allowed or refused it.
        details: Codes, numbers and ids.
        at: When; aware, to the microsecond.

    Raises:
        ValueError: a position below 1, an instant without time zone, or a detail that is none.
    """

    stream_id: UUID
    sequence: int
    action: str
    actor_id: UUID | None
    organisation_id: UUID | None
    subject_id: UUID
    rule: str
    at: datetime
    details: Mapping[str, Detail] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if not 1 <= self.sequence <= LARGEST_INTEGER:
            raise ValueError("a position counts from 1")
        if self.at.utcoffset() is None:
            raise ValueError("an instant has a time zone")
        for key, value in self.details.items():
            if "\x00" in key or not all(map(_is_scalar, value if isinstance(value, list) else [value])):
                raise ValueError("a detail is a text, an integer, a truth value, nothing, or a list of such")


@dataclass(frozen=True, slots=True)
class Head:
    """The last link of a chain: how long the chain is and what it ends with."""

    stream_id: UUID
    sequence: int
    hash: bytes


def genesis(stream_id: UUID) -> bytes:
    """Return what stands before the first entry of a stream: 32 bytes, for every stream different."""
    return hashlib.sha256(_GENESIS + stream_id.bytes).digest()


def entry_hash(previous: bytes, entry: Entry) -> bytes:
    """Return the hash of an entry that follows the entry with hash `previous` (or `genesis`): 32 bytes.

    Raises:
        ValueError: `previous` is not 32 bytes long.
    """
    if len(previous) != HASH_BYTES:
        raise ValueError("a hash has 32 bytes")
    return hashlib.sha256(_ENTRY + previous + canonical(entry)).digest()


def canonical(entry: Entry) -> bytes:
    """Return the bytes of an entry: the same whatever the connection's time zone or the order of its details."""
    before, between, after = around(entry)
    return f"{before}{_instant(entry.at)}{between}{entry.sequence}{after}".encode("ascii")


def around(entry: Entry) -> tuple[str, str, str]:
    """Return the canonical text in three parts: before the instant, between it and the position, and after.

    Only the head of the chain can tell the two, so the database joins the parts when it links the entry.
    """
    organisation = _identifier(entry.organisation_id)
    return (
        f'{{"action":{_json(entry.action)},"actor_id":{_identifier(entry.actor_id)},"at":"',
        f'","details":{_json(dict(entry.details))},"organisation_id":{organisation},"rule":{_json(entry.rule)},"sequence":',
        f',"stream_id":"{entry.stream_id}","subject_id":"{entry.subject_id}"}}',
    )


def fields(entry: Entry) -> dict[str, Any]:
    """Return an entry as JSON values."""
    return {
        "stream_id": str(entry.stream_id),
        "sequence": entry.sequence,
        "action": entry.action,
        "actor_id": _text(entry.actor_id),
        "organisation_id": _text(entry.organisation_id),
        "subject_id": str(entry.subject_id),
        "rule": entry.rule,
        "details": dict(entry.details),
        "at": _instant(entry.at),
    }


def canonical_json(value: Mapping[str, Any]) -> bytes:
    """Return JSON that has one spelling: keys sorted, no white space, ASCII only."""
    return _json(value).encode("ascii")


_json: Final = json.JSONEncoder(sort_keys=True, separators=(",", ":"), ensure_ascii=True, allow_nan=False).encode


def _instant(at: datetime) -> str:
    return at.astimezone(UTC).replace(tzinfo=None).isoformat(timespec="microseconds") + "Z"


def _identifier(identifier: UUID | None) -> str:
    return "null" if identifier is None else f'"{identifier}"'


def _text(identifier: UUID | None) -> str | None:
    return None if identifier is None else str(identifier)


def _is_scalar(value: object) -> bool:
    match value:
        case str():
            return "\x00" not in value
        case bool() | None:
            return True
        case int():
            return abs(value) <= LARGEST_INTEGER
        case _:
            return False
