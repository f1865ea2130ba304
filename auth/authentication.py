"""Who asks: a verified token, and the membership behind it as it stands in this very transaction."""

from datetime import datetime, timedelta

from sqlalchemy import Interval, bindparam, text
from sqlalchemy.ext.asyncio import AsyncSession

from auth.tokens import Claims, TokenRefused
from domain.clock import Clock
from domain.codes import Role
from domain.permits import Actor

# One statement: look up the membership, set the context that row-level security reads, and tell the time.
ENTER = text("""
    WITH member AS (
        SELECT s.id AS staff_id, o.id AS organisation_id, o.code, o.country, m.role, now() + :shift AS present
        FROM staff_members s
        JOIN memberships m ON m.staff_id = s.id
        JOIN organisations o ON o.id = m.organisation_id
        WHERE s.subject = :subject AND o.code = :organisation AND m.role = :role
          AND m.valid_from <= now() + :shift AND m.valid_until > now() + :shift
          AND o.status IN ('active', 'probation')
          AND o.active_from <= now() + :shift AND o.active_until > now() + :shift
        ORDER BY m.valid_from LIMIT 1
    )
    SELECT staff_id, organisation_id, country, present, nrm_awaits_ledger() AS awaits,
        set_config('nrm.organisation_id', organisation_id::text, true),
        set_config('nrm.staff_id', staff_id::text, true),
        set_config('nrm.role', role, true),
        set_config('nrm.country', country, true),
        set_config('nrm.now', present::text, true)
    FROM member
""").bindparams(bindparam("shift", type_=Interval))

PRESENT = text("""
    SELECT now() + :shift AS present, nrm_awaits_ledger() AS awaits,
        set_config('nrm.now', (now() + :shift)::text, true)
""").bindparams(bindparam("shift", type_=Interval))


class AwaitsLedger(RuntimeError):
    """The database was restored, and what was erased since its backup is there again: it serves nobody yet."""


async def enter(session: AsyncSession, claims: Claims, clock: Clock) -> Actor:
    """Begin a transaction for an actor: the first statement of every unit of work.

    Revocation of a membership, or the closing of an organisation, acts on the next request.

    Raises:
        TokenRefused: the membership that the token speaks of does not hold now.
        AwaitsLedger: the database was restored, and its shred ledger is not replayed.
    """
    row = (
        await session.execute(
            ENTER,
            {
                "subject": claims.subject,
                "organisation": claims.organisation,
                "role": claims.role.value,
                "shift": clock.shift,
            },
        )
    ).first()
    if row is None:
        raise TokenRefused("membership")
    if row.awaits:
        raise AwaitsLedger
    return Actor(row.staff_id, row.organisation_id, claims.organisation, Role(claims.role), row.country, row.present)


async def enter_as_clock(session: AsyncSession, shift: timedelta) -> datetime:
    """Begin a transaction of the worker, which acts for no organisation; returns the present.

    Raises:
        AwaitsLedger: see `enter`.
    """
    row = (await session.execute(PRESENT, {"shift": shift})).one()
    if row.awaits:
        raise AwaitsLedger
    present: datetime = row.present
    return present


async def enter_as_search(session: AsyncSession, shift: timedelta) -> datetime:
    """Begin a transaction of the search for duplicates, which acts for no organisation; returns the present."""
    await session.execute(text("SELECT set_config('nrm.matching', 'yes', true)"))
    return await enter_as_clock(session, shift)
