"""A replayed request gets the same bytes: the answer is stored in the transaction that did the work.

Except for a secret that is shown once: what is stored has none.
"""

import hashlib
import hmac
from datetime import datetime, timedelta
from typing import TYPE_CHECKING
from uuid import UUID

from fastapi import Request, Response
from sqlalchemy import Index, func, select
from sqlmodel import Field, SQLModel

from domain.columns import Codes, Instant
from domain.errors import DomainError

if TYPE_CHECKING:
    from domain.permits import Actor
    from domain.unit_of_work import UnitOfWork

KEPT = timedelta(days=30)
"""How long an answer can be replayed."""

MAX_KEY = 80
REPLAYED_HEADERS = ("content-type", "location", "etag")


class IdempotencyRecord(SQLModel, table=True):
    """One answered request. The fingerprint is keyed and salted: a thief of the table learns nothing of the body."""

    __tablename__ = "idempotency_records"
    __table_args__ = (Index("idempotency_records_age", "answered_at"),)

    organisation_id: UUID = Field(primary_key=True)
    staff_id: UUID = Field(primary_key=True)
    key: str = Field(primary_key=True, max_length=MAX_KEY)
    salt: bytes
    fingerprint: bytes
    status: int
    headers: list[str] = Field(sa_type=Codes)
    body: bytes
    answered_at: datetime = Field(sa_type=Instant)


class IdempotencyKeyReused(DomainError):
    """The key was used before with another request."""

    code = "idempotency-key-reused"


class IdempotencyKeyInFlight(DomainError):
    """A request with this key is being answered at this moment; ask again."""

    code = "idempotency-key-in-flight"


class IdempotencyKeyMissing(DomainError):
    """An unsafe request needs an Idempotency-Key header, so that a repeat on a bad line does nothing twice."""

    code = "idempotency-key-missing"


def fingerprint(request: Request, body: bytes, *, secret: bytes, salt: bytes) -> bytes:
    """Return a keyed fingerprint of method, path, precondition and body.

    Args:
        request: The request; its `If-Match` is part of what the client asked for.
        body: The raw body.
        secret: From the key provider, so that guesses at a body cannot be checked without it.
        salt: Random for each record, so that equal bodies do not show as equal.
    """
    parts = (request.method, request.url.path, request.headers.get("if-match", ""))
    message = b"\0".join([salt, *(part.encode() for part in parts), body])
    return hmac.new(secret, message, hashlib.sha256).digest()


class Replay:
    """One unsafe request under an idempotency key, inside its unit of work."""

    def __init__(self, work: "UnitOfWork", actor: "Actor", request: Request, body: bytes) -> None:
        key = request.headers.get("idempotency-key")
        if key is None:
            raise IdempotencyKeyMissing
        self.work, self.actor, self.request, self.body = work, actor, request, body
        self.secret = work.keys.derive("idempotency")
        # Clients make keys out of what they have at hand; what they put into one is not stored.
        self.key = hmac.new(self.secret, key.encode(), hashlib.sha256).hexdigest()

    async def earlier_answer(self) -> Response | None:
        """Return the stored answer of this key, or None after reserving the key for this transaction.

        Raises:
            IdempotencyKeyInFlight: another transaction holds the key.
            IdempotencyKeyReused: the key was used for something else.
        """
        lock = hashlib.sha256(f"{self.actor.organisation_id}{self.actor.staff_id}{self.key}".encode()).digest()
        session = self.work.session
        number = int.from_bytes(lock[:8], "big", signed=True)
        if not (await session.execute(select(func.pg_try_advisory_xact_lock(number)))).scalar_one():
            raise IdempotencyKeyInFlight
        found = await session.get(IdempotencyRecord, (self.actor.organisation_id, self.actor.staff_id, self.key))
        if found is None:
            return None
        asked = fingerprint(self.request, self.body, secret=self.secret, salt=found.salt)
        if not hmac.compare_digest(asked, found.fingerprint):
            raise IdempotencyKeyReused
        headers = dict(line.split(": ", 1) for line in found.headers)
        return Response(found.body, status_code=found.status, headers=headers)

    def remember(self, response: Response, body: bytes | None = None) -> None:
        """Store the answer in the transaction of the work itself.

        Args:
            response: What is answered now.
            body: What a repeat is answered instead, if the answer holds something that is shown only once.
        """
        salt = self.work.ids.random(16)
        self.work.add(
            IdempotencyRecord(
                organisation_id=self.actor.organisation_id,
                staff_id=self.actor.staff_id,
                key=self.key,
                salt=salt,
                fingerprint=fingerprint(self.request, self.body, secret=self.secret, salt=salt),
                status=response.status_code,
                headers=[f"{name}: {response.headers[name]}" for name in REPLAYED_HEADERS if name in response.headers],
                body=bytes(response.body) if body is None else body,
                answered_at=self.work.now,
            )
        )
