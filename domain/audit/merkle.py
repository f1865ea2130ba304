"""The Merkle tree over the audit, as RFC 6962 has it: hashes, roots and proofs. Pure: no database, no files.

Only *complete* subtrees are kept. The one of height `h` with index `i` covers the leaves from `i << h`, and is complete
once the last of them is there: so each leaf completes a fixed run of subtrees, of heights 0 to `completed_by(leaf)`,
and they are stored with it for ever. Everything else, roots and proofs, is folded from them.
"""

import hashlib
from collections.abc import Callable, Iterable, Sequence
from typing import Final

HASH_BYTES: Final = 32
EMPTY_ROOT: Final = hashlib.sha256(b"").digest()
LONGEST_PROOF: Final = 63
"""Hashes of the longest proof that anybody reads: trees of up to 2^63 leaves."""

Range = tuple[int, int]
"""Leaves from the first, up to and without the second."""

Node = tuple[int, int]
"""A complete subtree: height and index."""


class ProofRefused(ValueError):
    """A proof does not prove what it is said to."""


def leaf_hash(data: bytes) -> bytes:
    """Return the hash of a leaf. Source: RFC 6962, section 2.1."""
    return hashlib.sha256(b"\x00" + data).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """Return the hash of an inner node. Source: RFC 6962, section 2.1."""
    return hashlib.sha256(b"\x01" + left + right).digest()


def completed_by(position: int) -> int:
    """Return the height of the largest subtree that the leaf at this position completes."""
    return ((position + 1) & -(position + 1)).bit_length() - 1


def covering(leaves: Range) -> list[Node]:
    """Return the complete subtrees that together cover a range of the tree, from left to right."""
    first, end = leaves
    found = []
    while first < end:
        height = (end - first).bit_length() - 1
        if first:
            height = min(height, (first & -first).bit_length() - 1)
        found.append((height, first >> height))
        first += 1 << height
    return found


def stored_with(node: Node) -> Range:
    """Return where a subtree's hash is stored: with which leaf, and as which of its hashes."""
    height, index = node
    return ((index + 1) << height) - 1, height


def folded(hashes: Sequence[bytes]) -> bytes:
    """Return the hash of a range from the hashes of its complete subtrees, as `covering` orders them."""
    if not hashes:
        return EMPTY_ROOT
    *rest, found = hashes
    for left in reversed(rest):
        found = node_hash(left, found)
    return found


def hash_of(leaves: Range, look_up: Callable[[Node], bytes]) -> bytes:
    """Return the hash of a range of the tree: `MTH` of RFC 6962."""
    return folded([look_up(node) for node in covering(leaves)])


class Growing:
    """A tree that grows leaf by leaf and keeps no more than its right edge.

    Args:
        size: How many leaves there are already.
        edge: The hashes of `covering((0, size))`.
    """

    def __init__(self, size: int = 0, edge: Iterable[bytes] = ()) -> None:
        self.size = size
        self._edge = list(edge)
        if len(self._edge) != len(covering((0, size))):
            raise ValueError("the edge is not one of a tree of this size")

    def add(self, leaf: bytes) -> list[bytes]:
        """Add the hash of a leaf; returns the hashes of all subtrees that it completes, the leaf's own first."""
        done = [leaf]
        for _ in range(completed_by(self.size)):
            done.append(node_hash(self._edge.pop(), done[-1]))
        self._edge.append(done[-1])
        self.size += 1
        return done

    def root(self) -> bytes:
        """Return the root of the tree as it is."""
        return folded(self._edge)


def inclusion_of(position: int, size: int) -> list[Range]:
    """Return the ranges whose hashes prove that a leaf is in the tree, from the leaf upwards.

    Raises:
        ValueError: the tree has no such leaf.

    Source: RFC 6962, section 2.1.1.
    """
    if not 0 <= position < size:
        raise ValueError("the tree has no such leaf")
    first, end, found = 0, size, []
    while end - first > 1:
        middle = first + _split(end - first)
        if position < middle:
            found.append((middle, end))
            end = middle
        else:
            found.append((first, middle))
            first = middle
    return found[::-1]


def consistency_of(old: int, size: int) -> list[Range]:
    """Return the ranges whose hashes prove that the tree of `old` leaves is the beginning of the one of `size` leaves.

    Raises:
        ValueError: the old tree is the larger one.

    Source: RFC 6962, section 2.1.2.
    """
    if not 0 <= old <= size:
        raise ValueError("the old tree is the larger one")
    if old in (0, size):
        return []
    first, end, inside, found = 0, size, old, []
    whole = True  # the old tree is a subtree of the new one as far as we have looked: its hash is known to who asks
    while inside != end - first:
        middle = _split(end - first)
        if inside <= middle:
            found.append((first + middle, end))
            end = first + middle
        else:
            found.append((first, first + middle))
            first, inside, whole = first + middle, inside - middle, False
    if not whole:
        found.append((first, end))
    return found[::-1]


def verify_inclusion(leaf: bytes, position: int, size: int, proof: Sequence[bytes], root: bytes) -> None:
    """Check that a leaf's hash is at a position of the tree with this root.

    Raises:
        ProofRefused: it does not follow.

    Source: RFC 9162, section 2.1.3.2.
    """
    if not 0 <= position < size:
        raise ProofRefused("the tree has no such leaf")
    place, last, found = position, size - 1, leaf
    for one in proof:
        if last == 0:
            raise ProofRefused("the proof is too long")
        if place & 1 or place == last:
            found = node_hash(one, found)
            place, last = _passing_lone(place, last)
        else:
            found = node_hash(found, one)
        place, last = place >> 1, last >> 1
    if last or found != root:
        raise ProofRefused("the leaf is not in the tree")


def verify_consistency(old: int, old_root: bytes, size: int, root: bytes, proof: Sequence[bytes]) -> None:
    """Check that the tree of `old` leaves is the beginning of the one of `size` leaves.

    Raises:
        ProofRefused: it does not follow.

    Source: RFC 9162, section 2.1.4.2.
    """
    if not 0 <= old <= size:
        raise ProofRefused("the tree has shrunk")
    if old in (0, size):
        if proof or old_root != (root if old == size else EMPTY_ROOT):
            raise ProofRefused("the trees differ")
        return
    path = [old_root, *proof] if not old & (old - 1) else list(proof)
    if not path:
        raise ProofRefused("the proof is too short")
    place, last = old - 1, size - 1
    while place & 1:
        place, last = place >> 1, last >> 1
    before = after = path[0]
    for one in path[1:]:
        if last == 0:
            raise ProofRefused("the proof is too long")
        if place & 1 or place == last:
            before, after = node_hash(one, before), node_hash(one, after)
            place, last = _passing_lone(place, last)
        else:
            after = node_hash(after, one)
        place, last = place >> 1, last >> 1
    if last or before != old_root or after != root:
        raise ProofRefused("the old tree is not the beginning of the new one")


def _passing_lone(place: int, last: int) -> tuple[int, int]:
    """Return the place above the levels on which it is the last one and has no sibling."""
    while not place & 1 and place:
        place, last = place >> 1, last >> 1
    return place, last


def _split(count: int) -> int:
    """Return the largest power of two below a count of at least two."""
    return 1 << ((count - 1).bit_length() - 1)
