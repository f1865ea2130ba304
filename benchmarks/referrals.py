"""W2, W3, W4: what is done with referrals all day, against the same by plain asyncpg without any of the walls."""

from functools import partial
from itertools import cycle

from api.referral_lists import RECEIVED, given, statement
from benchmarks.country import RECEIVER, RECEIVERS_ROLE, SENDER, WORKER, Country
from benchmarks.measuring import Result, alternating, result
from domain.permits import Actor

INBOX = """
    SELECT r.reference, r.status, r.service, r.priority, s.code, o.code, r.age_band, r.sex, r.languages, r.created_at,
        d.due_at
    FROM referrals r JOIN organisations s ON s.id = r.sending_organisation_id
    JOIN organisations o ON o.id = r.receiving_organisation_id
    LEFT JOIN deadlines d ON d.subject_id = r.id AND d.kind = 'referral_response' AND d.settled_at IS NULL
    WHERE r.receiving_organisation_id = $1 AND r.status <> 'draft' ORDER BY r.created_at DESC, r.id DESC LIMIT 51
"""
MOST_GROWTH = 1.3
"""How many times as long an inbox may take in a large country."""

CONTEXT = """
    SELECT set_config('nrm.organisation_id', $1, true), set_config('nrm.staff_id', $2, true),
        set_config('nrm.role', $3, true), set_config('nrm.country', $4, true), set_config('nrm.now', $5, true)
"""
"""What the service sets too when it has looked the membership up."""

STATUS = """
    SELECT r.reference, r.status, r.priority, r.changed_at, d.due_at FROM referrals r
    LEFT JOIN deadlines d ON d.subject_id = r.id AND d.kind = 'referral_response' AND d.settled_at IS NULL
    WHERE r.reference = $1
"""
RECEIVE = """
    UPDATE referrals SET status = 'received', version = version + 1, changed_at = now()
    WHERE reference = $1 AND version = $2 AND status = 'sent'
"""


async def transition(country: Country, rounds: int, times: int) -> list[Result]:
    """W2: receive a referral with If-Match, audit and outbox, over a bare conditional UPDATE."""
    fresh = iter(country.referrals)
    version = await country.plain[0].fetchval(
        "SELECT version FROM referrals WHERE reference = $1", country.referrals[0]
    )

    async def ours(client: int) -> None:
        reference = next(fresh)
        headers = {"If-Match": f'"{version}"', "Idempotency-Key": f"bench-{reference}"}
        await country.ask(client, RECEIVER, "POST", f"/referrals/{reference}/receipt", **headers)

    async def plain(client: int) -> None:
        done = await country.plain[client].execute(RECEIVE, next(fresh), version)
        if done != "UPDATE 1":
            raise RuntimeError("the comparison changed nothing")

    pairs = await alternating(ours, plain, rounds, (times, times * 4))
    return [result("W2", "referral received, If-Match and audit, over a bare UPDATE", pairs, 0.25)]


async def inbox(country: Country, rounds: int, times: int) -> list[Result]:
    """W3: the first 50 of an inbox with row-level security, over the same SQL behind the same walls by asyncpg.

    The text is the one that the service compiles, sent by the service's own role in a transaction with the same
    context. Once more over SQL for the same rows that knows no walls at all, which is no goal.
    """
    actor = await _actor(country)
    asked = statement(RECEIVED, actor.role, further=False)
    values = asked.values(given(actor, None, 50))
    prepared = [await connection.prepare(asked.text) for connection in country.held]
    context = [str(actor.organisation_id), str(actor.staff_id), actor.role, actor.country, actor.now.isoformat()]

    async def ours(client: int) -> None:
        if not (await country.ask(client, RECEIVER, "GET", "/referrals/inbox?limit=50"))["items"]:
            raise RuntimeError("the inbox is empty")

    async def same(client: int) -> None:
        connection = country.held[client]
        async with connection.transaction():
            await connection.fetch(CONTEXT, *context)
            if not await prepared[client].fetch(*values):
                raise RuntimeError("the comparison finds nothing")

    async def open_to_all(client: int) -> None:
        await country.plain[client].fetch(INBOX, actor.organisation_id)

    behind = await alternating(ours, same, rounds, (times, times * 4))
    without = await alternating(ours, open_to_all, rounds, (times, times * 4))
    return [
        result("W3", "inbox of 50, over the same SQL with the same walls", behind, 0.30),
        result("W3 without walls", "inbox of 50, over SQL for the same rows that no wall holds", without, None),
    ]


async def growth(country: Country, small: Country, rounds: int, times: int) -> list[Result]:
    """W3 again: how long one client waits for its inbox among many referrals, against a few of them."""

    async def asked_of(where: Country, _: int) -> None:
        await where.ask(0, RECEIVER, "GET", "/referrals/inbox?limit=50")

    pairs = await alternating(partial(asked_of, country), partial(asked_of, small), rounds, (times, times), clients=1)
    meaning = f"one client's inbox among {country.scale:,} referrals, over {small.scale:,}"
    return [result("W3 growth", meaning, pairs, 1 / MOST_GROWTH)]


async def _actor(country: Country) -> Actor:
    """Return who asks for the inbox."""
    row = await country.plain[0].fetchrow(
        "SELECT s.id AS staff_id, o.id AS organisation_id, o.country, now() AS present FROM organisations o "
        "JOIN memberships m ON m.organisation_id = o.id JOIN staff_members s ON s.id = m.staff_id "
        "WHERE o.code = $1 AND s.subject = $2 LIMIT 1",
        RECEIVER,
        WORKER,
    )
    return Actor(row["staff_id"], row["organisation_id"], RECEIVER, RECEIVERS_ROLE, row["country"], row["present"])


async def status(country: Country, rounds: int, times: int) -> list[Result]:
    """W4: where a referral stands, audited before it is told, over a bare lookup."""
    references = cycle(country.referrals)

    async def ours(client: int) -> None:
        await country.ask(client, SENDER, "GET", f"/referrals/{next(references)}/status")

    async def plain(client: int) -> None:
        await country.plain[client].fetchrow(STATUS, next(references))

    pairs = await alternating(ours, plain, rounds, (times, times * 4))
    return [result("W4", "status by reference, audited, over a bare lookup", pairs, 0.25)]
