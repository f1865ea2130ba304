"""The audit: signed heads of its tree and proofs for witnesses, and who opened a case for who leads it."""

from collections.abc import Sequence
from typing import Annotated

from fastapi import APIRouter, Query, Request

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
from domain.audit.cosigning import keep_cosignature
from domain.audit.models import AuditEntry
from domain.audit.openings import openings_of_case
from domain.errors import InvalidInput, NotFound, NotPermitted
from domain.referrals.queries import codes_of
from domain.unit_of_work import UnitOfWork

WATCH_PROBLEMS = problems(TokenRefused, NotPermitted, InvalidRequest, Unavailable)
PROOF_PROBLEMS = WATCH_PROBLEMS | problems(InvalidRequest, InvalidInput)
KEEP_PROBLEMS = problems(TokenRefused, NotPermitted, NotFound, InvalidRequest, InvalidInput, Unavailable)
AtSize = Annotated[int, Query(ge=0, le=LARGEST_INTEGER, description="How many entries the tree has.")]
Before = Annotated[int | None, Query(ge=1, le=LARGEST_INTEGER, description="`next` of the page before.")]

router = APIRouter(tags=["audit"], route_class=UnitOfWorkRoute)


@router.get("/audit/checkpoint", responses=READ_PROBLEMS)
async def read_checkpoint(
    may: May,
    work: Work,
    old: Annotated[int, Query(ge=0, le=LARGEST_INTEGER, description="The size that you have seen.")] = 0,
) -> CheckpointOut:
    """Read the newest signed head of the tree over the audit, and the proof that it continues what you have seen."""
    may.own(Permission.AUDIT_WATCH)
    offer = await tree.offer(work.session, old)
    if offer is None:
        raise NotFound
    return CheckpointOut(note=offer.note, old=offer.old, proof=list(map(hash_written, offer.proof)))


@router.get("/audit/consistency", responses=PROOF_PROBLEMS)
async def prove_consistency(may: May, work: Work, old: AtSize, size: AtSize) -> ConsistencyOut:
    """Prove that the tree of a size is the beginning of the tree of a later one."""
    may.own(Permission.AUDIT_WATCH)
    if not old <= size <= await tree.size_of(work.session):
        raise InvalidInput(field="size", reason="no-such-tree")
    proof = await tree.consistency(work.session, old, size)
    return ConsistencyOut(old=old, size=size, proof=list(map(hash_written, proof)))


@router.get("/audit/inclusion", responses=PROOF_PROBLEMS)
async def prove_inclusion(may: May, work: Work, position: AtSize, size: AtSize) -> InclusionOut:
    """Prove that the entry at a position is in the tree of a size."""
    may.own(Permission.AUDIT_WATCH)
    if not position < size <= await tree.size_of(work.session):
        raise InvalidInput(field="size", reason="no-such-tree")
    found = await tree.inclusion(work.session, position, size)
    proof = list(map(hash_written, found.proof))
    return InclusionOut(position=position, size=size, leaf=hash_written(found.leaf), proof=proof)


@router.post("/audit/cosignatures", status_code=201, dependencies=[IDEMPOTENT], responses=KEEP_PROBLEMS)
async def cosign_checkpoint(body: CosignatureIn, may: May, work: Work, request: Request) -> CosignatureOut:
    """Give the signature of a witness on a checkpoint; only keys that the installation knows are taken."""
    permit = may.own(Permission.AUDIT_WATCH)
    witnesses = request.app.state.runtime.witnesses
    return CosignatureOut.taken(await keep_cosignature(body.to_command(), witnesses, work, permit))


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
