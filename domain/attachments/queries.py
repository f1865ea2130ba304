"""What can be asked about attachments. Row-level security hides what the transaction's organisation may not see."""

from collections.abc import Mapping, Sequence
from typing import Final
from uuid import UUID

from sqlmodel import col, select

from domain.attachments.models import Attachment, AttachmentRemoval
from domain.errors import NotFound
from domain.sealing.models import SealedValue
from domain.unit_of_work import UnitOfWork

MOST = 200
"""Attachments that a case may have at one time."""

KIND: Final = "attachment"
"""The kind of sealed value that tells of an attachment: its words, its length, and what opens its chunks."""


async def held_by(work: UnitOfWork, holder_id: UUID) -> Sequence[Attachment]:
    """Return the attachments that a case, or the package of a referral, holds now, oldest first."""
    rows = await work.session.execute(
        select(Attachment)
        .join(AttachmentRemoval, col(AttachmentRemoval.attachment_id) == col(Attachment.id), isouter=True)
        .where(col(Attachment.holder_id) == holder_id, col(AttachmentRemoval.attachment_id).is_(None))
        .order_by(col(Attachment.added_at), col(Attachment.id))
    )
    return rows.scalars().all()


async def one_held_by(work: UnitOfWork, holder_id: UUID, reference: str) -> Attachment:
    """Return one attachment that a case, or the package of a referral, holds now.

    Raises:
        NotFound: it holds none of that reference: there is none, it is another's, or it was removed.
    """
    found = await work.one(Attachment, holder_id=holder_id, reference=reference)
    if found is None or await work.session.get(AttachmentRemoval, found.id) is not None:
        raise NotFound
    return found


async def copies_of(work: UnitOfWork, attachment: Attachment) -> Sequence[Attachment]:
    """Return the copies of an attachment in packages that hold them now."""
    rows = await work.session.execute(
        select(Attachment)
        .join(AttachmentRemoval, col(AttachmentRemoval.attachment_id) == col(Attachment.id), isouter=True)
        .where(col(Attachment.source_id) == attachment.id, col(AttachmentRemoval.attachment_id).is_(None))
    )
    return rows.scalars().all()


async def versions_of(work: UnitOfWork, attachments: Sequence[Attachment]) -> Mapping[UUID, int]:
    """Return how often what tells of each attachment was sealed; one of which nothing is left is not among them."""
    rows = await work.session.execute(
        select(col(SealedValue.record_id), col(SealedValue.version)).where(
            col(SealedValue.record_id).in_([one.id for one in attachments]), col(SealedValue.kind) == KIND
        )
    )
    return {row[0]: row[1] for row in rows}
