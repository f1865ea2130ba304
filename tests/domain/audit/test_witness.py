"""What a witness cosigns and what it refuses, for every pair of sizes of a tree."""

import secrets

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.audit.checkpoints import Checkpoint, Offer, cosigned_at
from domain.audit.merkle import consistency_of, leaf_hash
from domain.audit.notes import KeyKind, NoteRefused, SigningKey
from domain.audit.witness import Cosigned, Misconduct, ProofMissing, Refused, consider
from tests.domain.audit.test_merkle import BIG, Tree

LOG = SigningKey.make("nrm.example/kg", KeyKind.LOG, secrets.token_bytes)
KEY = SigningKey.make("ombudsman.example/w", KeyKind.WITNESS, secrets.token_bytes)
SIZES = st.integers(1, 64)
NOW = 1_800_000_000


def shown(tree: Tree, size: int, old: int = 0) -> Offer:
    note = Checkpoint(LOG.name, size, tree.roots[size]).signed(LOG).written()
    return Offer(old, tuple(tree.proof(consistency_of(old, size))) if old <= size else (), note)


def seen(size: int) -> str:
    found = consider(None, shown(BIG, size), LOG.public, KEY, NOW)
    assert isinstance(found, Cosigned)
    return found.note.written()


@given(SIZES, SIZES)
def test_what_continues_is_cosigned_and_what_is_smaller_is_not(one: int, other: int) -> None:
    found = consider(seen(one), shown(BIG, other, one), LOG.public, KEY, NOW + 9)
    if other < one:
        assert isinstance(found, Refused)
        assert found.misconduct == Misconduct.ROLLED_BACK
        assert f"\n{one}\n" in found.written()
        assert f"\n{other}\n" in found.written()
    else:
        assert isinstance(found, Cosigned)
        assert cosigned_at(found.note, [KEY.public]) == {KEY.name: NOW + 9}


@given(SIZES, SIZES, st.data())
def test_a_fork_is_refused_with_both_checkpoints(one: int, other: int, data: st.DataObject) -> None:
    old, new = sorted((one, other))
    leaves = list(BIG.leaves[:new])
    leaves[data.draw(st.integers(0, old - 1))] = leaf_hash(b"forged")
    found = consider(seen(old), shown(Tree(leaves), new, old), LOG.public, KEY, NOW)
    assert isinstance(found, Refused)
    assert found.misconduct == Misconduct.FORKED
    assert found.written().count(LOG.name) >= 4


def test_a_checkpoint_is_cosigned_again_with_a_new_instant() -> None:
    found = consider(seen(5), shown(BIG, 5), LOG.public, KEY, NOW + 60)
    assert isinstance(found, Cosigned)
    assert cosigned_at(found.note, [KEY.public]) == {KEY.name: NOW + 60}
    again = consider(found.note.written(), Offer(0, (), found.note.written()), LOG.public, KEY, NOW + 61)
    assert isinstance(again, Cosigned)
    assert len(again.note.signatures) == 2


def test_a_proof_from_elsewhere_is_asked_for_again_and_accuses_nobody() -> None:
    with pytest.raises(ProofMissing) as missing:
        consider(seen(5), shown(BIG, 9, 3), LOG.public, KEY, NOW)
    assert missing.value.old == 5


def test_what_the_log_has_not_signed_is_no_evidence() -> None:
    other = SigningKey.make("nrm.example/kg", KeyKind.LOG, secrets.token_bytes)
    note = Checkpoint(LOG.name, 2, BIG.roots[2]).signed(other).written()
    for before in (None, seen(5)):
        with pytest.raises(NoteRefused):
            consider(before, Offer(0, (), note), LOG.public, KEY, NOW)
    with pytest.raises(NoteRefused):
        consider(note, shown(BIG, 5, 2), LOG.public, KEY, NOW)
    with pytest.raises(ValueError, match="1970"):
        consider(None, shown(BIG, 5), LOG.public, KEY, -1)
