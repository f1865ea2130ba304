"""W2, W3, W4: what is done with referrals all day, against the same by plain asyncpg without any of the walls."""

from itertools import cycle

from benchmarks.country import RECEIVER, SENDER, Country
from benchmarks.measuring import Result, alternating, result

INBOX = """
    SELECT r.reference, r.status, r.service, r.priority, s.code, o.code, r.age_band, r.sex, r.languages, r.created_at,
        d.due_at
    FROM referrals r JOIN organisations s ON s.id = r.sending_organisation_id
    JOIN organisations o ON o.id = r.receiving_organisation_id
    LEFT JOIN deadlines d ON d.subject_id = r.id AND d.kind = 'referral_response' AND d.settled_at IS NULL
    WHERE r.receiving_organisation_id = $1 AND r.status <> 'draft' ORDER BY r.created_at DESC, r.id DESC LIMIT 51
"""
STATUS = """
    SELECT r.reference, r.status, r.priority, r.changed_at, d.due_at FROM referrals r
    LEFT JOIN deadlines d ON d.subject_id = r.id AND d.kind = 'referral_response' AND d.settled_at IS NULL
    WHERE r.reference = $1
"""
RECEIVE = """
    UPDATE referrals SET status = 'received', version = version + 1, changed_at = now()
    WHERE reference = $1 AND version = $2 AND status = 'sent'
"""


async def transition(country: Country, rounds: int, times: int) -> Result:
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
    return result("W2", "referral received, If-Match and audit, over a bare UPDATE", pairs, 0.25)


async def inbox(country: Country, rounds: int, times: int) -> Result:
    """W3: the first 50 of an inbox with row-level security, over the same SQL by asyncpg."""
    receiver = await country.plain[0].fetchval("SELECT id FROM organisations WHERE code = $1", RECEIVER)

    async def ours(client: int) -> None:
        if not (await country.ask(client, RECEIVER, "GET", "/referrals/inbox?limit=50"))["items"]:
            raise RuntimeError("the inbox is empty")

    async def plain(client: int) -> None:
        await country.plain[client].fetch(INBOX, receiver)

    pairs = await alternating(ours, plain, rounds, (times, times * 4))
    return result("W3", "inbox of 50, row-level security on, over the same SQL", pairs, 0.30)


async def status(country: Country, rounds: int, times: int) -> Result:
    """W4: where a referral stands, audited before it is told, over a bare lookup."""
    references = cycle(country.referrals)

    async def ours(client: int) -> None:
        await country.ask(client, SENDER, "GET", f"/referrals/{next(references)}/status")

    async def plain(client: int) -> None:
        await country.plain[client].fetchrow(STATUS, next(references))

    pairs = await alternating(ours, plain, rounds, (times, times * 4))
    return result("W4", "status by reference, audited, over a bare lookup", pairs, 0.25)
