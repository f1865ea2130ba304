"""Makes sure that what a sender sends twice is taken in once."""

import hashlib
import hmac
import json
from collections.abc import Mapping

from sqlalchemy import BigInteger, func, literal, select
from sqlalchemy.dialects.postgresql import ARRAY
from sqlmodel import col

from api.idempotency import IdempotencyKeyReused, IdempotencyRecord
from domain.permits import Actor
from domain.unit_of_work import UnitOfWork


class Once:
    """Makes sure that a member of staff takes a form or row in once; kept as long as any idempotency record.

    The sender's ids are not stored: the place of each is a keyed fingerprint, so that a stolen table links to nothing
    elsewhere.

    Args:
        work: The transaction of the import itself.
        actor: Who imports.
        kind: What kind of thing the ids stand for.
        contents: What is taken in, by the sender's id.
    """

    def __init__(self, work: UnitOfWork, actor: Actor, kind: str, contents: Mapping[str, Mapping[str, str]]) -> None:
        self.work, self.actor, self.contents = work, actor, contents
        self.secret = work.keys.derive("idempotency")
        self.keys = {one: f"{kind}-" + self._fingerprint(one.encode()).hex() for one in contents}

    def _fingerprint(self, content: bytes, salt: bytes = b"") -> bytes:
        return hmac.new(self.secret, b"import\0" + salt + content, hashlib.sha256).digest()

    def _content(self, external_id: str) -> bytes:
        return json.dumps(dict(self.contents[external_id]), sort_keys=True).encode()

    async def earlier(self) -> dict[str, str]:
        """Return the references of what was imported before; whoever imports the same waits until this one ends.

        Raises:
            IdempotencyKeyReused: what was imported under an id then was not this.
        """
        session = self.work.session
        numbers = sorted(self._lock(one) for one in self.keys.values())
        await session.execute(select(func.pg_advisory_xact_lock(func.unnest(literal(numbers, ARRAY(BigInteger))))))
        rows = await session.execute(
            select(IdempotencyRecord).where(
                col(IdempotencyRecord.organisation_id) == self.actor.organisation_id,
                col(IdempotencyRecord.staff_id) == self.actor.staff_id,
                col(IdempotencyRecord.key).in_(self.keys.values()),
            )
        )
        records = {row.key: row for row in rows.scalars()}
        found: dict[str, str] = {}
        for external_id, wanted in self.keys.items():
            if (record := records.get(wanted)) is None:
                continue
            found[external_id] = record.body.decode("ascii")
            if not hmac.compare_digest(record.fingerprint, self._fingerprint(self._content(external_id), record.salt)):
                raise IdempotencyKeyReused(reference=found[external_id])
        return found

    def _lock(self, key: str) -> int:
        digest = hashlib.sha256(f"{self.actor.organisation_id}{self.actor.staff_id}{key}".encode()).digest()
        return int.from_bytes(digest[:8], "big", signed=True)

    def remember(self, external_id: str, reference: str) -> None:
        """Keep a reference in the transaction of the import itself."""
        salt = self.work.ids.random(16)
        self.work.add(
            IdempotencyRecord(
                organisation_id=self.actor.organisation_id,
                staff_id=self.actor.staff_id,
                key=self.keys[external_id],
                salt=salt,
                fingerprint=self._fingerprint(self._content(external_id), salt),
                status=201,
                headers=[],
                body=reference.encode("ascii"),
                answered_at=self.work.now,
            )
        )
