"""Open what a referral shares: its package, and what its two sides wrote to each other."""

from typing import Any
from uuid import UUID

from sqlmodel import col, select

from domain.audit.actions import AuditAction
from domain.codes import Compartment
from domain.disclosures.grounds import to_open_package, to_tell_sides
from domain.permits import Permit
from domain.referrals.models import Referral
from domain.sealing.models import SealedValue
from domain.unit_of_work import UnitOfWork

PACKAGE = "package"
"""The kind of sealed value that a package is."""

NOTES = ("question", "answer")
"""The kinds of sealed values that the two sides write to each other."""


async def reveal_package(permit: Permit, referral: Referral, work: UnitOfWork) -> dict[Compartment, dict[str, Any]]:
    """Open the frozen package of an accepted referral; at every opening the ground is looked at anew.

    Raises:
        StateConflict, NotFound, NotPermitted: see `to_open_package`.
    """
    ground = await to_open_package(work, permit, referral)
    return await work.reveal(
        ground, action=AuditAction.PACKAGE_REVEALED, stream_id=referral.case_id, record_id=referral.id, kind=PACKAGE
    )


async def reveal_notes(permit: Permit, referral: Referral, work: UnitOfWork) -> list[tuple[str, str]]:
    """Open the questions and answers about a referral, oldest first; both sides may read them while its ground stands.

    Raises:
        NotFound, ConsentMissing: see `to_tell_sides`.
    """
    ground = None
    notes: list[tuple[str, str]] = []
    for record_id, kind in await _notes(work, referral):
        ground = ground or await to_tell_sides(work, permit, referral)
        opened = await work.reveal(
            ground, action=AuditAction.NOTES_REVEALED, stream_id=referral.case_id, record_id=record_id, kind=kind
        )
        notes += [(kind, fields["text"]) for fields in opened.values()]
    return notes


async def _notes(work: UnitOfWork, referral: Referral) -> list[tuple[UUID, str]]:
    rows = await work.session.execute(
        select(SealedValue.record_id, SealedValue.kind)
        .where(col(SealedValue.holder_id) == referral.id, col(SealedValue.kind).in_(NOTES))
        .order_by(col(SealedValue.changed_at))
    )
    return [(record_id, kind) for record_id, kind in rows.all()]
