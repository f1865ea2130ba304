"""Ask the stored tree over the audit: its size, roots and proofs, and the signed heads."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from domain.audit.checkpoints import Offer
from domain.audit.merkle import (
    HASH_BYTES,
    Node,
    Range,
    consistency_of,
    covering,
    hash_of,
    inclusion_of,
    stored_with,
)
from domain.audit.models import AuditCheckpoint, AuditCosignature, AuditLeaf


@dataclass(frozen=True, slots=True)
class Inclusion:
    """The proof that a leaf is in the tree.

    Attributes:
        leaf: The leaf's hash.
        proof: The hashes beside its way to the root, from below.
    """

    position: int
    size: int
    leaf: bytes
    proof: tuple[bytes, ...]


async def size_of(session: AsyncSession) -> int:
    """Return how many leaves the tree has."""
    last = await session.scalar(select(func.max(AuditLeaf.position)))
    return 0 if last is None else int(last) + 1


async def hashes_of(session: AsyncSession, ranges: Iterable[Range]) -> list[bytes]:
    """Return the hash of each range of the tree, with one statement.

    Raises:
        KeyError: a leaf of the tree is missing.
    """
    wanted = list(ranges)
    look_up = await _looked_up(session, [node for one in wanted for node in covering(one)])
    return [hash_of(one, look_up) for one in wanted]


async def edge_of(session: AsyncSession, size: int) -> list[bytes]:
    """Return the hashes from which the tree of this size goes on growing."""
    nodes = covering((0, size))
    look_up = await _looked_up(session, nodes)
    return [look_up(node) for node in nodes]


async def root_of(session: AsyncSession, size: int) -> bytes:
    """Return the root that the tree had at this size."""
    return (await hashes_of(session, [(0, size)]))[0]


async def _looked_up(session: AsyncSession, nodes: list[Node]) -> Callable[[Node], bytes]:
    positions = sorted({stored_with(node)[0] for node in nodes})
    rows = await session.execute(
        select(col(AuditLeaf.position), col(AuditLeaf.hashes)).where(col(AuditLeaf.position).in_(positions))
    )
    found = {row.position: row.hashes for row in rows}

    def look_up(node: Node) -> bytes:
        position, height = stored_with(node)
        return bytes(found[position][height * HASH_BYTES : (height + 1) * HASH_BYTES])

    return look_up


async def inclusion(session: AsyncSession, position: int, size: int) -> Inclusion:
    """Return the proof that a leaf is in the tree of a size.

    Raises:
        ValueError: the tree has no such leaf.
    """
    leaf, *proof = await hashes_of(session, [(position, position + 1), *inclusion_of(position, size)])
    return Inclusion(position, size, leaf, tuple(proof))


async def consistency(session: AsyncSession, old: int, size: int) -> tuple[bytes, ...]:
    """Return the proof that the tree of the old size is the beginning of the later one.

    Raises:
        ValueError: the old tree is the larger one.
    """
    return tuple(await hashes_of(session, consistency_of(old, size)))


async def newest(session: AsyncSession) -> AuditCheckpoint | None:
    """Return the newest checkpoint as its log signed it, or None."""
    rows = await session.execute(select(AuditCheckpoint).order_by(col(AuditCheckpoint.size).desc()).limit(1))
    return rows.scalar_one_or_none()


async def cosigned(session: AsyncSession, checkpoint: AuditCheckpoint) -> str:
    """Return a checkpoint as it is exchanged, with the lines of its witnesses, oldest first.

    As it is stored: an export shows what was changed, and does not fail over it.
    """
    lines = await session.execute(
        select(col(AuditCosignature.line))
        .where(col(AuditCosignature.size) == checkpoint.size)
        .order_by(col(AuditCosignature.cosigned_at), col(AuditCosignature.witness))
    )
    return checkpoint.note + "".join(f"{line}\n" for line in lines.scalars())


async def offer(session: AsyncSession, old: int) -> Offer | None:
    """Return the newest checkpoint with the proof from an older size, or None while there is no checkpoint.

    The proof is empty where the tree is not larger than the older one: then there is nothing to prove, or no way to.
    """
    checkpoint = await newest(session)
    if checkpoint is None:
        return None
    proof = await consistency(session, old, checkpoint.size) if old <= checkpoint.size else ()
    return Offer(old, proof, await cosigned(session, checkpoint))
