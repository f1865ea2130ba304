"""The audit: signed heads of its tree and proofs for witnesses, and who opened a case for who leads it."""

from collections.abc import Sequence
from typing import Annotated

from fastapi import APIRouter, Path, Query, Request

from api.dependencies import IDEMPOTENT, Limit, May, Reference, Work
from api.problems import InvalidRequest, Unavailable, problems
from api.routes.cases import READ_PROBLEMS
from api.schemas.audit import (
    CheckpointOut,
    ConsistencyOut,
    CosignatureIn,
    CosignatureOut,
    InclusionOut,
    OpeningOut,
    OpeningPage,
)
from api.transaction import UnitOfWorkRoute
from auth.roles import Permission
from auth.tokens import TokenRefused
from domain.audit import tree
from domain.audit.chain import LARGEST_INTEGER
from domain.audit.checkpoints import hash_written
from domain.audit.cosigning import KeepCosignature, keep_cosignature
from domain.audit.models import AuditEntry
from domain.audit.openings import openings_of_case
from domain.errors import InvalidInput, NotFound, NotPermitted
from domain.referrals.queries import codes_of
from domain.unit_of_work import UnitOfWork

WATCH_PROBLEMS = problems(TokenRefused, NotPermitted, InvalidRequest, Unavailable)
PROOF_PROBLEMS = problems(TokenRefused, NotPermitted, InvalidRequest, InvalidInput, Unavailable)
KEEP_PROBLEMS = problems(TokenRefused, NotPermitted, NotFound, InvalidRequest, InvalidInput, Unavailable)
Old = Annotated[int, Query(ge=0, le=LARGEST_INTEGER, description="The size of the older tree.")]
AtSize = Annotated[int | None, Query(ge=0, le=LARGEST_INTEGER, description="Of the tree; as it is, unless given.")]
Place = Annotated[int, Path(ge=0, le=LARGEST_INTEGER, description="The position of an entry in the tree.")]
SignedSize = Annotated[int, Path(ge=1, le=LARGEST_INTEGER, description="The size of a checkpoint.")]
Before = Annotated[int | None, Query(ge=1, le=LARGEST_INTEGER, description="`next` of the page before.")]

router = APIRouter(tags=["audit"], route_class=UnitOfWorkRoute)


@router.get("/audit/checkpoint", responses=WATCH_PROBLEMS)
async def read_checkpoint(may: May, work: Work, old: Old = 0) -> CheckpointOut:
    """Read the newest signed head of the tree over the audit, and the proof that it continues what you have seen."""
    may.own(Permission.AUDIT_WATCH)
    offer = await tree.offer(work.session, old)
    if offer is None:
        return CheckpointOut(note=None, old=old, proof=[])
    return CheckpointOut(note=offer.note, old=offer.old, proof=list(map(hash_written, offer.proof)))


@router.get("/audit/consistency", responses=PROOF_PROBLEMS)
async def prove_consistency(may: May, work: Work, old: Old = 0, size: AtSize = None) -> ConsistencyOut:
    """Prove that the tree of a size is the beginning of the tree of a later one."""
    may.own(Permission.AUDIT_WATCH)
    later = await _size(work, size)
    if old > later:
        raise InvalidInput(field="old", reason="no-such-tree")
    proof = await tree.consistency(work.session, old, later)
    return ConsistencyOut(old=old, size=later, proof=list(map(hash_written, proof)))


@router.get("/audit/leaves/{position}", responses=PROOF_PROBLEMS | problems(NotFound))
async def prove_inclusion(may: May, work: Work, position: Place, size: AtSize = None) -> InclusionOut:
    """Prove that the entry at a position is in the tree of a size."""
    may.own(Permission.AUDIT_WATCH)
    later = await _size(work, size)
    if position >= later:
        raise NotFound
    found = await tree.inclusion(work.session, position, later)
    proof = list(map(hash_written, found.proof))
    return InclusionOut(position=position, size=later, leaf=hash_written(found.leaf), proof=proof)


async def _size(work: UnitOfWork, wanted: int | None) -> int:
    present = await tree.size_of(work.session)
    if wanted is not None and wanted > present:
        raise InvalidInput(field="size", reason="no-such-tree")
    return present if wanted is None else wanted


@router.post(
    "/audit/checkpoints/{size}/cosignatures", status_code=201, dependencies=[IDEMPOTENT], responses=KEEP_PROBLEMS
)
async def cosign_checkpoint(
    size: SignedSize, body: CosignatureIn, may: May, work: Work, request: Request
) -> CosignatureOut:
    """Give the signature of a witness on a checkpoint; only keys that the installation knows are taken."""
    permit = may.own(Permission.AUDIT_WATCH)
    command = KeepCosignature(size, body.cosignature)
    kept = await keep_cosignature(command, request.app.state.runtime.witnesses, work, permit)
    return CosignatureOut.taken(kept)


@router.get("/cases/{reference}/openings", responses=READ_PROBLEMS)
async def list_openings(
    reference: Reference, may: May, work: Work, before: Before = None, limit: Limit = 50
) -> OpeningPage:
    """List who opened the case that you lead, newest first: which organisation, in which role, what and by which rule.

    Staff of other organisations stand under their pseudonyms. That you asked is recorded too.
    """
    _, permit = await may.case(reference, Permission.OPENINGS_READ)
    rows, following = await openings_of_case(work, permit, before, limit)
    return OpeningPage(items=await _shown(work, rows), next=following)


async def _shown(work: UnitOfWork, rows: Sequence[AuditEntry]) -> list[OpeningOut]:
    codes = await codes_of(work, [row.organisation_id for row in rows if row.organisation_id is not None])
    return [
        OpeningOut(
            position=row.sequence,
            at=row.at,
            action=row.action,
            staff=row.actor_id,
            organisation=codes.get(row.organisation_id) if row.organisation_id is not None else None,
            role=row.details.get("role"),
            compartments=row.details.get("compartments", []),
            rule=row.rule,
        )
        for row in rows
    ]
