"""A refusal leaves its entry in the audit: in the actor's own stream, since there may be no other."""

from collections.abc import Mapping
from typing import Final

from api.runtime import Runtime
from auth.authentication import enter
from auth.tokens import Claims
from domain.audit.actions import AuditAction
from domain.audit.log import Happening
from domain.budgets.commands import refused_within_budget, warn
from domain.budgets.rules import BudgetExceeded
from domain.codes import BudgetKind
from domain.errors import DomainError, NotFound, NotPermitted

NOT_RECORDED: Final[Mapping[str, str]] = {
    "token-refused": "whoever asks is nobody in particular: it is counted, and could fill the audit",
    "invalid-request": "about the form of the request",
    "invalid-input": "about the form of the request",
    "unsupported-media-type": "about the form of the request",
    "precondition-required": "about the form of the request",
    "idempotency-key-missing": "about the form of the request",
    "idempotency-key-reused": "about the form of the request",
    "idempotency-key-in-flight": "the first request is recorded",
    "version-stale": "nothing was refused: somebody was quicker, and the same is asked again",
    "unavailable": "nothing can be recorded, and nothing was answered",
    "sealed": "nothing was refused: the keys are closed, and the same is asked again",
    "key-not-held": "nothing was refused: this process lacks a key, and the same is asked again",
}
"""Codes of problems that leave no entry, each with its reason. Every other refusal of a request is recorded."""


async def record_refusal(
    runtime: Runtime, claims: Claims, refusal: DomainError, **details: str
) -> BudgetExceeded | None:
    """Record a refusal in a transaction of its own: the same entry for what is foreign and for what is absent.

    Attempts at what is not there, or not theirs, are counted, and those who watch are told of too many.

    Returns:
        What to answer instead, if too many attempts were refused: the same for what is foreign and what is absent.

    Args:
        runtime: The process.
        claims: Who asked; a member of staff, since others are refused before.
        refusal: What they were told.
        details: What they used: a route, or a command.
    """
    async with runtime.database.sessions()() as session:
        actor = await enter(session, claims, runtime.clock)
        work = runtime.work(session, actor.now)
        work.audit_happening(
            Happening(
                AuditAction.ACCESS_DENIED,
                actor.organisation_id,
                actor.organisation_id,
                refusal.code,
                actor.staff_id,
                actor.organisation_id,
                details,
            )
        )
        exceeded = refusal if isinstance(refusal, BudgetExceeded) else None
        if isinstance(refusal, NotFound | NotPermitted):
            exceeded = await refused_within_budget(work, actor)
        if exceeded is not None:
            await warn(work, actor, BudgetKind(str(exceeded.details["budget"])))
        await work.commit()
        return exceeded
