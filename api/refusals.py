"""A refusal leaves its entry in the audit: in the actor's own stream, since there may be no other."""

from api.runtime import Runtime
from auth.authentication import enter
from auth.tokens import Claims
from domain.audit.actions import AuditAction
from domain.audit.log import Happening
from domain.errors import DomainError


async def record_refusal(runtime: Runtime, claims: Claims, refusal: DomainError, **details: str) -> None:
    """Record a refusal in a transaction of its own: the same entry for what is foreign and for what is absent.

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
        await work.commit()
