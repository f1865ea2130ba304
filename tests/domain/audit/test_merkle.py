"""The tree against the test vectors of RFC 6962's reference, and its proofs at every size up to some hundreds."""

import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.audit.merkle import (
    EMPTY_ROOT,
    Growing,
    Node,
    ProofRefused,
    Range,
    consistency_of,
    covering,
    hash_of,
    inclusion_of,
    leaf_hash,
    node_hash,
    stored_with,
    verify_consistency,
    verify_inclusion,
)

LEAVES = [
    bytes.fromhex(leaf)
    for leaf in (
        "",
        "00",
        "10",
        "2021",
        "3031",
        "40414243",
        "5051525354555657",
        "606162636465666768696a6b6c6d6e6f",
    )
]
ROOTS = [
    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
]
"""Of the trees of 0 to 8 of these leaves. Source: the tests of the reference implementation of RFC 6962."""

MOST = 300


class Tree:
    """A tree as it is stored, and its roots at every size."""

    def __init__(self, leaves: list[bytes]) -> None:
        growing = Growing()
        self.leaves = leaves
        self.roots = [growing.root()]
        self.rows: list[list[bytes]] = []
        for leaf in leaves:
            self.rows.append(growing.add(leaf))
            self.roots.append(growing.root())

    def look_up(self, node: Node) -> bytes:
        position, height = stored_with(node)
        return self.rows[position][height]

    def proof(self, ranges: list[Range]) -> list[bytes]:
        return [hash_of(one, self.look_up) for one in ranges]


BIG = Tree([leaf_hash(number.to_bytes(4, "big")) for number in range(MOST)])


def slow_root(leaves: list[bytes]) -> bytes:
    """Return the root exactly as RFC 6962, section 2.1, defines it."""
    if not leaves:
        return hashlib.sha256(b"").digest()
    if len(leaves) == 1:
        return leaves[0]
    split = 1
    while split * 2 < len(leaves):
        split *= 2
    return node_hash(slow_root(leaves[:split]), slow_root(leaves[split:]))


def test_the_roots_are_those_of_the_reference() -> None:
    tree = Tree([leaf_hash(leaf) for leaf in LEAVES])
    assert [root.hex() for root in tree.roots] == ROOTS
    assert ROOTS[0] == EMPTY_ROOT.hex()


def test_the_roots_are_those_of_the_definition_at_every_size() -> None:
    assert BIG.roots == [slow_root(BIG.leaves[:size]) for size in range(MOST + 1)]
    assert [hash_of((0, size), BIG.look_up) for size in range(MOST + 1)] == BIG.roots


def test_a_tree_goes_on_from_its_edge_alone() -> None:
    for size in range(0, MOST, 7):
        growing = Growing(size, [BIG.look_up(node) for node in covering((0, size))])
        assert [growing.add(leaf) for leaf in BIG.leaves[size : size + 9]] == BIG.rows[size : size + 9]
    with pytest.raises(ValueError, match="edge"):
        Growing(3, [BIG.leaves[0]])


@given(st.integers(1, MOST), st.data())
def test_inclusion_is_proved_for_each_leaf_and_for_no_other(size: int, data: st.DataObject) -> None:
    position = data.draw(st.integers(0, size - 1))
    proof = BIG.proof(inclusion_of(position, size))
    verify_inclusion(BIG.leaves[position], position, size, proof, BIG.roots[size])
    other = data.draw(st.integers(0, MOST - 1).filter(lambda one: one != position))
    wrong = [
        (BIG.leaves[other], position, size, proof, BIG.roots[size]),
        (BIG.leaves[position], position, size, proof, BIG.roots[size - 1]),
        (BIG.leaves[position], position, size, [*proof, BIG.leaves[0]], BIG.roots[size]),
        (BIG.leaves[position], other, size, proof, BIG.roots[size]),
        (BIG.leaves[position], size, size, proof, BIG.roots[size]),
    ]
    if proof:
        wrong.append((BIG.leaves[position], position, size, proof[:-1], BIG.roots[size]))
        wrong.append((BIG.leaves[position], position, size, [b"\x00" * 32, *proof[1:]], BIG.roots[size]))
    for arguments in wrong:
        with pytest.raises(ProofRefused):
            verify_inclusion(*arguments)


def test_inclusion_is_proved_at_every_size_and_position() -> None:
    for size in range(1, 130):
        for position in range(size):
            proof = BIG.proof(inclusion_of(position, size))
            verify_inclusion(BIG.leaves[position], position, size, proof, BIG.roots[size])


def test_consistency_is_proved_between_all_sizes() -> None:
    for size in range(130):
        for old in range(size + 1):
            verify_consistency(old, BIG.roots[old], size, BIG.roots[size], BIG.proof(consistency_of(old, size)))


@given(st.integers(1, MOST), st.data())
def test_consistency_is_not_proved_between_trees_that_differ_anywhere(size: int, data: st.DataObject) -> None:
    old = data.draw(st.integers(1, size))
    changed = data.draw(st.integers(0, old - 1))
    leaves = list(BIG.leaves[:size])
    leaves[changed] = leaf_hash(b"forged")
    forged = Tree(leaves)
    proof = forged.proof(consistency_of(old, size))
    for shown in (proof, BIG.proof(consistency_of(old, size)), proof[:-1], [*proof, BIG.leaves[0]], []):
        with pytest.raises(ProofRefused):
            verify_consistency(old, BIG.roots[old], size, forged.roots[size], shown)
    with pytest.raises(ProofRefused):
        verify_consistency(old, BIG.roots[old], old - 1, BIG.roots[old - 1], [])


@pytest.mark.parametrize(
    ("ask", "arguments"), [(inclusion_of, (3, 3)), (inclusion_of, (-1, 3)), (consistency_of, (4, 3))]
)
def test_what_the_tree_does_not_have_is_not_proved(ask: object, arguments: tuple[int, int]) -> None:
    assert callable(ask)
    with pytest.raises(ValueError, match="tree"):
        ask(*arguments)
