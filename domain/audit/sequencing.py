"""Bring the entries of all chains into one order, and sign what has become of the tree.

Which entries wait is told by each chain itself: its head says how long it is, and `audit_placed` how much of it has its
place. A chain is locked from the first entry of a transaction until its commit, so whoever sees an entry sees all
before it: transactions may commit in any order, and no entry is passed over or taken twice. Requests write nothing.
"""

from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final

from sqlalchemy import ARRAY, BigInteger, LargeBinary, Uuid, bindparam, text
from sqlalchemy.ext.asyncio import AsyncSession

from domain.audit.checkpoints import Checkpoint, read_signed
from domain.audit.merkle import Growing, leaf_hash
from domain.audit.models import AuditCheckpoint
from domain.audit.notes import SigningKey
from domain.audit.tree import edge_of, newest, root_of, size_of
from domain.unit_of_work import UnitOfWork

MOST: Final = 5000
"""Entries that one transaction places."""

EVERY: Final = timedelta(minutes=1)
"""How long the newest checkpoint stands before the next is signed."""

LOCK: Final = text("SELECT pg_try_advisory_xact_lock(hashtext('nrm audit sequencer'))")

WAITING: Final = text("""
    WITH behind AS (
        SELECT h.stream_id, coalesce(p.sequence, 0) AS placed
        FROM audit_heads h LEFT JOIN audit_placed p ON p.stream_id = h.stream_id
        WHERE h.sequence > coalesce(p.sequence, 0)
        LIMIT :most
    )
    SELECT e.stream_id, e.sequence, e.hash
    FROM behind b JOIN audit_entries e ON e.stream_id = b.stream_id AND e.sequence > b.placed
    ORDER BY e.stream_id, e.sequence LIMIT :most
""")
PLACE: Final = text("""
    WITH given AS (
        SELECT * FROM unnest(:positions, :streams, :sequences, :hashes) AS g (position, stream_id, sequence, hashes)
    ), leaves AS (
        INSERT INTO audit_leaves (position, stream_id, sequence, hashes) SELECT * FROM given
    )
    INSERT INTO audit_placed (stream_id, sequence) SELECT stream_id, max(sequence) FROM given GROUP BY stream_id
    ON CONFLICT (stream_id) DO UPDATE SET sequence = excluded.sequence
""").bindparams(
    bindparam("positions", type_=ARRAY(BigInteger)),
    bindparam("streams", type_=ARRAY(Uuid)),
    bindparam("sequences", type_=ARRAY(BigInteger)),
    bindparam("hashes", type_=ARRAY(LargeBinary)),
)


class TreeDiffers(RuntimeError):
    """The stored tree is not the one that was signed: somebody changed it. No checkpoint is signed any more."""


@dataclass(frozen=True, slots=True)
class Placed:
    """What one transaction placed.

    Attributes:
        entries: How many.
        more: Whether more may wait.
    """

    entries: int
    more: bool


async def place_entries(work: UnitOfWork, most: int = MOST) -> Placed:
    """Give entries that wait their places in the tree, chain by chain, each in its own order.

    One sequencer works at a time; the lock ends with the transaction, however it ends. What was not committed has no
    place and waits again.
    """
    session = work.session
    if not await session.scalar(LOCK):
        return Placed(0, more=False)
    rows = (await session.execute(WAITING, {"most": most})).all()
    if not rows:
        return Placed(0, more=False)
    size = await size_of(session)
    tree = Growing(size, await edge_of(session, size))
    hashes = [b"".join(tree.add(leaf_hash(row.hash))) for row in rows]
    await session.execute(
        PLACE,
        {
            "positions": list(range(size, tree.size)),
            "streams": [row.stream_id for row in rows],
            "sequences": [row.sequence for row in rows],
            "hashes": hashes,
        },
    )
    return Placed(len(rows), more=len(rows) == most)


async def sign_checkpoint(work: UnitOfWork, key: SigningKey, every: timedelta = EVERY) -> Checkpoint | None:
    """Sign the tree as it is, if it has grown since the newest checkpoint and that one is old enough.

    Returns:
        The new checkpoint, or None.

    Raises:
        TreeDiffers: the stored tree does not continue the newest checkpoint.
        NoteRefused: the newest checkpoint was signed by another key.
    """
    session = work.session
    if not await session.scalar(LOCK):
        return None
    size, last = await size_of(session), await newest(session)
    if (last is None and size == 0) or (last is not None and work.now - last.signed_at < every):
        return None
    if last is not None and not await _grows_from(session, last, size, key):
        return None
    made = Checkpoint(key.name, size, await root_of(session, size))
    work.add(AuditCheckpoint(size=size, note=made.signed(key).written(), signed_at=work.now))
    return made


async def _grows_from(session: AsyncSession, last: AuditCheckpoint, size: int, key: SigningKey) -> bool:
    """Tell whether the tree has grown since its newest checkpoint; what it then was must not have changed."""
    signed: Any = read_signed(last.note, key.public)[0]
    try:
        same = signed.size <= size and await root_of(session, signed.size) == signed.root
    except KeyError:
        same = False
    if not same:
        raise TreeDiffers("the tree does not continue its newest checkpoint")
    return bool(size > signed.size)
