"""Many clients act on one referral at once: one wins, and everybody else is told how things stand."""

import asyncio
from collections import Counter
from itertools import cycle, islice
from typing import Any

import asyncpg
import httpx
import pytest

from tests.journeys.scenes import carried, consented, opened, referred, sealed_rows, supported
from tests.world import World

CLIENTS = 64
ROUNDS = 4
ACTS: tuple[tuple[str, str, dict[str, str] | None, str], ...] = (
    ("north", "acceptance", None, "accepted"),
    ("north", "decline", {"declined_by": "provider", "reason": "no_capacity"}, "declined"),
    ("alpha", "revocation", None, "revoked_by_sender"),
    ("alpha", "withdrawal", None, "withdrawn_by_person"),
)


async def opened_at_hotline(world: World) -> str:
    """Open a case at the hotline whose person agrees to be handed over."""
    case = await opened(world, "hotline", "hotline")
    await consented(world, case, "hotline")
    return case


async def rush(world: World, reference: str, version: int) -> list[tuple[str, httpx.Response]]:
    """Let all clients act at once on the version that all of them read."""
    acts = list(islice(cycle(ACTS), CLIENTS))
    path = f"/referrals/{reference}/"
    answers = await asyncio.gather(
        *(world.ask(who, "POST", path + act, body, version=version) for who, act, body, _ in acts)
    )
    return [(act[3], answer) for act, answer in zip(acts, answers, strict=True)]


@pytest.mark.parametrize("round_", range(ROUNDS))
async def test_of_64_clients_who_accept_decline_revoke_and_withdraw_at_once_exactly_one_wins(
    world: World, admin: asyncpg.Connection, round_: int
) -> None:
    case, _ = await supported(world)
    reference = await referred(world, case)
    await carried(world, reference, "north", "receipt")
    answers = await rush(world, reference, await world.version("alpha", f"/referrals/{reference}"))
    codes = Counter(answer.status_code for _, answer in answers)
    assert set(codes) <= {200, 409, 412}, (round_, codes)
    assert codes[200] == 1, (round_, codes)
    won = next(status for status, answer in answers if answer.status_code == 200)
    for _, answer in answers:
        if answer.status_code != 200:
            assert answer.json()["current"] == won, answer.text
    seen = await world.get("alpha", f"/referrals/{reference}")
    assert [event["status"] for event in seen["history"]] == ["sent", "received", won]
    accepted = won == "accepted"
    values, keys = await sealed_rows(admin, reference)
    assert (values > 0, keys > 0) == (accepted, accepted)
    package = await world.ask("north", "GET", f"/referrals/{reference}/package")
    assert package.status_code == (200 if accepted else 409)
    grants = "SELECT count(*) FROM case_access WHERE relation = 'receiver' AND valid_until > now()"
    assert await admin.fetchval(grants) == accepted
    recorded = "SELECT count(*) FROM audit_entries WHERE action LIKE 'referral.%' AND details->>'status' = $1"
    assert await admin.fetchval(recorded, won) == 1


async def test_two_organisations_that_take_a_case_over_at_once_do_not_both_lead_it(
    world: World, admin: asyncpg.Connection
) -> None:
    case = await opened_at_hotline(world)
    reference = await referred(world, case, "NGO-ALPHA", "case_management", "hand-over-case-management", "hotline")
    await carried(world, reference, "alpha", "receipt")
    version = await world.version("alpha", f"/referrals/{reference}")
    path = f"/referrals/{reference}/acceptance"
    answers = await asyncio.gather(
        *(world.ask(who, "POST", path, version=version) for who in islice(cycle(("alpha", "alpha2")), 16))
    )
    codes = Counter(answer.status_code for answer in answers)
    assert (codes[200], codes[409] + codes[412]) == (1, 15), codes
    leading = "SELECT count(*) FROM case_access WHERE relation = 'owner' AND valid_until > now()"
    assert await admin.fetchval(leading) == 1


async def test_a_withdrawal_of_consent_that_races_acceptances_and_readings_leaves_nothing_behind(
    world: World, admin: asyncpg.Connection
) -> None:
    for _ in range(3):
        case, consent = await supported(world)
        shelter = await referred(world, case)
        legal = await referred(world, case, "NGO-BETA", "legal", "refer-for-support")
        await carried(world, shelter, "north", "receipt", "acceptance")
        await carried(world, legal, "beta", "receipt")
        version = await world.version("beta", f"/referrals/{legal}")
        asked: list[Any] = [
            world.ask("north", "GET", f"/referrals/{shelter}/package"),
            world.ask("beta", "POST", f"/referrals/{legal}/acceptance", version=version),
            world.ask("alpha", "POST", f"/cases/{case}/consents/{consent}/withdrawal"),
            world.ask("north", "GET", f"/referrals/{shelter}/package"),
            world.ask("beta", "GET", f"/referrals/{legal}/package"),
        ]
        answers = await asyncio.gather(*asked)
        assert all(answer.status_code < 500 for answer in answers), [answer.text for answer in answers]
        assert answers[2].status_code == 201
        for reference in (shelter, legal):
            assert (await world.get("alpha", f"/referrals/{reference}"))["status"] == "withdrawn_by_person"
            assert await sealed_rows(admin, reference) == (0, 0)
    running = "SELECT count(*) FROM case_access WHERE relation = 'receiver' AND valid_until > now()"
    assert await admin.fetchval(running) == 0


async def test_a_withdrawal_that_races_a_hand_over_meets_no_deadlock(world: World) -> None:
    for _ in range(4):
        case = await opened_at_hotline(world)
        consent = (await world.get("hotline", f"/cases/{case}/consents"))[0]["consent_id"]
        reference = await referred(world, case, "NGO-ALPHA", "case_management", "hand-over-case-management", "hotline")
        await carried(world, reference, "alpha", "receipt")
        version = await world.version("alpha", f"/referrals/{reference}")
        took, withdrew = await asyncio.gather(
            world.ask("alpha", "POST", f"/referrals/{reference}/acceptance", version=version),
            world.ask("hotline", "POST", f"/cases/{case}/consents/{consent}/withdrawal"),
        )
        # Who has handed the case over meanwhile is refused: before the rules are asked, or by them.
        possible = {(200, 403), (200, 404), (409, 201), (200, 201)}
        assert (took.status_code, withdrew.status_code) in possible, (took.text, withdrew.text)
