"""Take in what a witness signed of a checkpoint."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

from domain.audit.actions import AuditAction
from domain.audit.models import AuditCheckpoint, AuditCosignature
from domain.audit.notes import Note, NoteRefused, PublicKey, Signature
from domain.errors import InvalidInput, NotFound
from domain.permits import Permit
from domain.unit_of_work import UnitOfWork

AHEAD: Final = timedelta(minutes=5)
"""How far the clock of a witness may be ahead of ours."""

LAST_SECOND: Final = 2**36
"""Of an instant that a date can hold; a later one is nobody's clock."""


@dataclass(frozen=True, slots=True)
class KeepCosignature:
    """A witness's line for the checkpoint of a size."""

    size: int
    line: str


async def keep_cosignature(
    command: KeepCosignature, witnesses: Iterable[PublicKey], work: UnitOfWork, permit: Permit | None = None
) -> AuditCosignature:
    """Keep what a witness signed of a checkpoint first; a later line of the same witness changes nothing.

    Args:
        command: The line, and which checkpoint it signs.
        witnesses: The public keys that count.
        work: The transaction.
        permit: Of whoever brings it; None for the operator, who brings it by hand.

    Raises:
        NotFound: there is no checkpoint of this size.
        InvalidInput: the line is none, of nobody that counts, does not verify, or comes from the future.
    """
    checkpoint = await work.one(AuditCheckpoint, size=command.size)
    if checkpoint is None:
        raise NotFound
    witness, when = _verified(checkpoint, command.line, witnesses)
    if when > LAST_SECOND or datetime.fromtimestamp(when, UTC) > work.now + AHEAD:
        raise InvalidInput(field="cosignature", reason="in-the-future")
    at = datetime.fromtimestamp(when, UTC)
    found = await work.one(AuditCosignature, size=command.size, witness=witness)
    if found is None:
        found = AuditCosignature(size=command.size, witness=witness, cosigned_at=at, line=command.line)
        work.add(found)
    if permit is not None:
        own = permit.actor.organisation_id
        work.audit(AuditAction.CHECKPOINT_COSIGNED, permit, stream_id=own, size=command.size, witness=witness)
    return found


def _verified(checkpoint: AuditCheckpoint, line: str, witnesses: Iterable[PublicKey]) -> tuple[str, int]:
    """Return who signed, and when, in seconds since 1970."""
    try:
        signature = Signature.read(line)
        for key in witnesses:
            if signature.is_of(key):
                return key.name, key.verify(Note.read(checkpoint.note).text, signature) or 0
    except NoteRefused:
        raise InvalidInput(field="cosignature", reason="does-not-verify") from None
    raise InvalidInput(field="cosignature", reason="unknown-witness")
