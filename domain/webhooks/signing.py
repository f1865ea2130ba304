"""Signatures of webhooks, after the Standard Webhooks specification (symmetric, `v1`). Pure.

A secret is derived from the installation's webhook key, the webhook and a version: the database stores none, the worker
needs no other key, and a backup holds nothing that signs.
"""

import base64
import hashlib
import hmac
import json
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

from domain.sealing.envelope import length_prefixed

PREFIX: Final = "whsec_"
SHORTEST_KEY: Final = 32
"""Bytes of the shortest webhook key."""


@dataclass(frozen=True, slots=True)
class Event:
    """What is told of an event: nothing but that it happened, and the reference under which one may read more.

    Attributes:
        id: The same for every attempt and every webhook: receivers know a repeat by it.
        kind: Of the notification.
        reference: Of a case or referral, or the id of a contact: opens nothing by itself.
    """

    id: UUID
    kind: str
    reference: str
    occurred_at: datetime

    def body(self) -> bytes:
        """Return the JSON that is sent."""
        told = {
            "id": str(self.id),
            "kind": self.kind,
            "reference": self.reference,
            "occurred_at": self.occurred_at.isoformat(),
        }
        return json.dumps(told, separators=(",", ":")).encode("ascii")


def secret_of(key: bytes, webhook_id: UUID, version: int) -> str:
    """Return the signing secret of a webhook in one version, as its receiver is told it: `whsec_` and 32 bytes.

    Args:
        key: The installation's webhook key.
        webhook_id: Whose.
        version: Counts up with every rotation.

    Raises:
        ValueError: the key is too short.
    """
    if len(key) < SHORTEST_KEY:
        raise ValueError(f"a webhook key has at least {SHORTEST_KEY} bytes")
    place = length_prefixed(b"nrm webhook secret", webhook_id.bytes, version.to_bytes(4, "big"))
    return PREFIX + base64.b64encode(hmac.new(key, place, hashlib.sha256).digest()).decode()


def signature(secret: str, event_id: str, timestamp: str, body: bytes) -> str:
    """Return one signature, over id, timestamp and body: what is sent later, or under another id, does not verify."""
    signed = b".".join([event_id.encode(), timestamp.encode(), body])
    digest = hmac.new(base64.b64decode(secret.removeprefix(PREFIX)), signed, hashlib.sha256).digest()
    return f"v1,{base64.b64encode(digest).decode()}"


def headers(event: Event, body: bytes, secrets: list[str], now: datetime) -> dict[str, str]:
    """Return the headers of one attempt, signed with every secret that is valid.

    Args:
        event: What happened.
        body: Its JSON.
        secrets: The newest first.
        now: The instant of the attempt.
    """
    timestamp = str(int(now.timestamp()))
    return {
        "content-type": "application/json",
        "webhook-id": str(event.id),
        "webhook-timestamp": timestamp,
        "webhook-signature": " ".join(signature(secret, str(event.id), timestamp, body) for secret in secrets),
    }
