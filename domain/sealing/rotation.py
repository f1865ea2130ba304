"""Rotation: data keys are wrapped anew under the newest key-encryption key, in small transactions, while all goes on.

Any number of rotators may run: each takes rows that no other holds (`SKIP LOCKED`). One that dies has lost the batch
that it had not committed; whoever comes next finds those rows as they were. What is sealed is not touched.
"""

import hmac
from collections import Counter
from dataclasses import dataclass
from typing import Final
from uuid import UUID

from sqlalchemy import ARRAY, Integer, LargeBinary, String, Uuid, bindparam, func, text, tuple_
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col, select

from domain.sealing.envelope import SealBroken
from domain.sealing.keys import key_id_of, rewrap_data_key, unwrap_data_key
from domain.sealing.models import RetiredKey, SealingKey
from domain.sealing.providers import KeyProvider

BATCH: Final = 500
"""Data keys of one transaction: so many rows are locked for some hundredths of a second."""

Position = tuple[UUID, str, int]
"""Holder, compartment and version: where a rotator stands in the table."""

START: Final[Position] = (UUID(int=0), "", 0)

_WRITTEN: Final = text("""
    UPDATE sealing_keys k SET key_id = n.key_id, wrapped = n.wrapped
    FROM unnest(:holders, :compartments, :versions, :key_ids, :wrapped)
        AS n (holder_id, compartment, version, key_id, wrapped)
    WHERE k.holder_id = n.holder_id AND k.compartment = n.compartment AND k.version = n.version
""").bindparams(
    bindparam("holders", type_=ARRAY(Uuid())),
    bindparam("compartments", type_=ARRAY(String())),
    bindparam("versions", type_=ARRAY(Integer())),
    bindparam("key_ids", type_=ARRAY(String())),
    bindparam("wrapped", type_=ARRAY(LargeBinary())),
)


@dataclass(frozen=True, slots=True)
class Batch:
    """What one transaction did.

    Attributes:
        rewrapped: Data keys that are under the newest key now.
        last: Where it stopped, or None at the end of the table.
    """

    rewrapped: int
    last: Position | None


async def counted(session: AsyncSession) -> Counter[str]:
    """Return how many data keys each key-encryption key wraps, by its id."""
    rows = await session.execute(select(col(SealingKey.key_id), func.count()).group_by(col(SealingKey.key_id)))
    return Counter({row[0]: row[1] for row in rows})


async def rewrap_batch(session: AsyncSession, keys: KeyProvider, after: Position, size: int = BATCH) -> Batch:
    """Wrap some data keys behind a position anew, and say where it stopped; the caller commits.

    Each is unwrapped once more before it is written: a wrapping that does not open again never replaces one that does.

    Raises:
        SealBroken: a wrapped key was altered, or is under a key that is not held; nothing of the batch is written.
        Sealed: the keys are out of reach.
    """
    place = tuple_(col(SealingKey.holder_id), col(SealingKey.compartment), col(SealingKey.version))
    rows = (
        await session.execute(
            select(SealingKey.holder_id, SealingKey.compartment, SealingKey.version, SealingKey.wrapped)
            .where(place > tuple_(*after), col(SealingKey.key_id) != keys.key_id)
            .order_by(col(SealingKey.holder_id), col(SealingKey.compartment), col(SealingKey.version))
            .limit(size)
            .with_for_update(skip_locked=True)
        )
    ).all()
    if not rows:
        return Batch(0, None)
    renewed = [_rewrapped(keys, row[3], (row[0], row[1], row[2])) for row in rows]
    await session.execute(
        _WRITTEN,
        {
            "holders": [row[0] for row in rows],
            "compartments": [row[1] for row in rows],
            "versions": [row[2] for row in rows],
            "key_ids": [key_id_of(one) for one in renewed],
            "wrapped": renewed,
        },
    )
    holder, compartment, version, _ = rows[-1]
    return Batch(len(rows), (holder, compartment, version))


async def retire(session: AsyncSession, key_id: str) -> None:
    """Record that a key-encryption key is retired; the caller commits.

    The database refuses it while anything is wrapped under the key, waits for whoever is writing just now, and refuses
    everything under the key from then on.
    """
    await session.execute(insert(RetiredKey).values(key_id=key_id).on_conflict_do_nothing())


def _rewrapped(keys: KeyProvider, wrapped: bytes, at: Position) -> bytes:
    holder, compartment, version = at
    renewed = rewrap_data_key(keys, wrapped, holder_id=holder, compartment=compartment, version=version)
    before = unwrap_data_key(keys, wrapped, holder_id=holder, compartment=compartment, version=version)
    after = unwrap_data_key(keys, renewed, holder_id=holder, compartment=compartment, version=version)
    if not hmac.compare_digest(before, after):
        raise SealBroken
    return renewed
