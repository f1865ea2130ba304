"""What a witness decides: whether a checkpoint continues what it has seen. Pure.

A witness belongs to another institution, keeps the last checkpoint that it cosigned, and cosigns only what continues
it. So nobody can rewrite, cut or fork the audit without either being refused here or showing two different trees.
"""

from dataclasses import dataclass
from enum import StrEnum

from domain.audit.checkpoints import Checkpoint, Offer, read_signed
from domain.audit.merkle import ProofRefused, verify_consistency
from domain.audit.notes import Note, PublicKey, Signature, SigningKey


class Misconduct(StrEnum):
    """What the log did that it must not do."""

    ROLLED_BACK = "rolled_back"  # it shows a smaller tree than it has shown before
    FORKED = "forked"  # its tree does not continue the one that it has shown before


@dataclass(frozen=True, slots=True)
class Cosigned:
    """The checkpoint continues what was seen.

    Attributes:
        note: The checkpoint with the witness's line; becomes what was seen.
        signature: The line alone, to be given to the log.
    """

    note: Note
    signature: Signature


@dataclass(frozen=True, slots=True)
class Refused:
    """The checkpoint does not continue what was seen: both are evidence, each signed by the log.

    Attributes:
        seen: The checkpoint that was cosigned before.
        shown: The one that contradicts it.
    """

    misconduct: Misconduct
    seen: str
    shown: str

    def written(self) -> str:
        """Return the evidence as one text, which anybody can check with the log's public key."""
        return f"{self.misconduct}\n\n--- seen\n{self.seen}\n--- shown\n{self.shown}"


class ProofMissing(ValueError):
    """The offer proves something else than that it continues what was seen: no misconduct, another offer is needed.

    Attributes:
        old: The size from which the proof must start.
    """

    def __init__(self, old: int) -> None:
        super().__init__(f"a proof from {old} is needed")
        self.old = old


def consider(seen: str | None, offer: Offer, log: PublicKey, key: SigningKey, when: int) -> Cosigned | Refused:
    """Cosign an offer, or say what is wrong with the log.

    Args:
        seen: The checkpoint that was cosigned last; None at the first time, when whatever the log shows is believed.
        offer: The checkpoint and its proof.
        log: The log's public key.
        key: The witness's own.
        when: Now, in seconds since 1970.

    Raises:
        NoteRefused: the offer, or what was seen, is not a checkpoint that the log has signed.
        ProofMissing: the proof starts from another size than what was seen.
    """
    shown, note = read_signed(offer.note, log)
    old = read_signed(seen, log)[0] if seen is not None else None
    if old is not None and (wrong := _misconduct(old, shown, offer)):
        return Refused(wrong, str(seen), offer.note)
    if when < 0:
        raise ValueError("an instant is not before 1970")
    signature = key.cosign(note.text, when)
    others = tuple(one for one in note.signatures if not one.is_of(key.public))
    return Cosigned(Note(note.text, (*others, signature)), signature)


def _misconduct(old: Checkpoint, shown: Checkpoint, offer: Offer) -> Misconduct | None:
    if shown.size < old.size:
        return Misconduct.ROLLED_BACK
    if old.size and old.size not in {offer.old, shown.size}:
        raise ProofMissing(old.size)
    proof = offer.proof if offer.old == old.size else ()
    try:
        verify_consistency(old.size, old.root, shown.size, shown.root, proof)
    except ProofRefused:
        return Misconduct.FORKED
    return None
