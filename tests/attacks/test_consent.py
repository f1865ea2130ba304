"""Nothing leaves its owner after its ground has ended: not by a later opening, and not by one that races the end."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial

import asyncpg
import httpx
import pytest

from tests.attacks.racing import Asks, disclosed, disclosed_after, race
from tests.journeys.scenes import CONSENT, carried, referred, sealed_rows, supported
from tests.world import World

Attack = Callable[..., None]

SUPPORT = "refer-for-support"
CARE = {"step": SUPPORT, "service": "psychosocial", "recipient": "SHELTER-SOUTH"}
BUSY = 503
"""A refusal, too: so many wait for one case that a lock was not had in time."""
RUNNING = "SELECT count(*) FROM case_access WHERE relation = 'receiver' AND valid_until > now()"


@dataclass(frozen=True)
class Shared:
    """A case of which much is shared.

    Attributes:
        accepted: A referral for shelter, accepted by North.
        legal: One for legal help, accepted by Beta, with a question.
        waiting: Referrals that South received and has not answered.
    """

    world: World
    case: str
    consent: str
    accepted: str
    legal: str
    waiting: tuple[str, ...]

    def asks(self) -> list[Asks]:
        """Return every way in which something leaves the owner."""
        ask = self.world.ask
        openings: list[Asks] = [
            partial(ask, "north", "GET", f"/referrals/{self.accepted}/package"),
            partial(ask, "beta", "GET", f"/referrals/{self.legal}/package"),
            partial(ask, "north", "GET", f"/cases/{self.case}"),
            partial(ask, "beta", "GET", f"/referrals/{self.legal}/notes"),
        ]
        return [
            *openings * 4,
            partial(ask, "alpha", "POST", f"/cases/{self.case}/referrals", CARE),
            *(partial(ask, "south", "POST", f"/referrals/{one}/acceptance", version=3) for one in self.waiting),
        ]


async def shared(world: World) -> Shared:
    """Bring a case to where much is shared of it."""
    case, consent = await supported(world)
    accepted = await referred(world, case)
    legal = await referred(world, case, "NGO-BETA", "legal", SUPPORT)
    await carried(world, accepted, "north", "receipt", "acceptance")
    await carried(world, legal, "beta", "receipt")
    await world.act("beta", legal, "question", {"text": "is there a lawyer already"})
    await world.act("alpha", legal, "answer", {"text": "none that we know of"})
    await carried(world, legal, "beta", "acceptance")
    waiting = tuple([await referred(world, case, "SHELTER-SOUTH", "psychosocial", SUPPORT) for _ in range(3)])
    for one in waiting:
        await carried(world, one, "south", "receipt")
    return Shared(world, case, consent, accepted, legal, waiting)


def entries_of(answer: httpx.Response) -> int:
    """Return how many entries of disclosure an answer left in the chain; each question and each answer has its own."""
    path, method = answer.request.url.path, answer.request.method
    if not answer.is_success or (path.startswith("/v1/cases/") and method == "GET"):
        return 0
    return len(answer.json()) if path.endswith("/notes") else 1


async def test_nothing_is_opened_or_sent_after_the_commit_of_a_withdrawal(
    world: World, admin: asyncpg.Connection, attack: Attack, disclosures: int
) -> None:
    one = await shared(world)
    before = await disclosed(admin, one.case)
    withdraw = partial(world.ask, "alpha", "POST", f"/cases/{one.case}/consents/{one.consent}/withdrawal")
    found = await race(one.asks(), withdraw, disclosures)
    assert found.ending is not None
    assert found.ending.status_code == 201, found.ending.text
    assert found.opened > 0, "the race began before the end"
    assert all(answer.status_code < 500 or answer.status_code == BUSY for answer, _ in found.answers)
    late = await disclosed_after(admin, one.case, "consent.withdrawn")
    entries = await disclosed(admin, one.case) - before
    assert entries == sum(entries_of(answer) for answer, _ in found.answers), "no audit, no answer"
    assert await admin.fetchval(RUNNING) == 0, "a grant outlived the consent"
    for reference in (one.accepted, one.legal, *one.waiting):
        assert await sealed_rows(admin, reference) == (0, 0)
    attack(
        "consent: disclosures racing its withdrawal", tried=len(found.answers), succeeded=len(late) + found.told_late
    )


Ends = Callable[[Shared], Asks]
NARROWER = {**CONSENT, "recipients": ["organisation:MIGRATION"]}
ENDINGS: dict[str, tuple[Ends, str, tuple[int, ...]]] = {
    "a narrower consent": (
        lambda one: partial(
            one.world.ask, "alpha", "POST", f"/cases/{one.case}/consents/{one.consent}/versions", NARROWER
        ),
        "referral.withdrawn",
        (0, 1, 2, 3),
    ),
    "a wall before the receiver": (
        lambda one: partial(
            one.world.ask, "alpha", "POST", f"/cases/{one.case}/walls", {"organisation": "SHELTER-NORTH"}
        ),
        "wall.raised",
        (0, 2),
    ),
    "the end of the service": (
        lambda one: partial(
            one.world.ask, "north", "POST", f"/referrals/{one.accepted}/failure", {"reason": "other"}, version=4
        ),
        "referral.failed",
        (0, 2),
    ),
}
"""What ends a ground, its entry in the audit, and which of `asks` stood on it."""


@pytest.mark.parametrize("ending", ENDINGS)
async def test_nothing_is_opened_after_the_commit_of_what_ends_its_ground(
    world: World, admin: asyncpg.Connection, attack: Attack, disclosures: int, ending: str
) -> None:
    one = await shared(world)
    ends, action, which = ENDINGS[ending]
    asks = one.asks()
    found = await race([asks[number] for number in which], ends(one), disclosures // 3)
    assert found.ending is not None
    assert found.ending.is_success, found.ending.text
    assert 0 < found.opened < len(found.answers)
    late = await disclosed_after(admin, one.case, action)
    attack(f"consent: disclosures racing {ending}", tried=len(found.answers), succeeded=len(late) + found.told_late)


async def test_nothing_is_opened_after_the_commit_of_the_revocation_of_a_membership(
    world: World, admin: asyncpg.Connection, attack: Attack, disclosures: int
) -> None:
    one = await shared(world)
    counted: list[int] = []

    async def revoke() -> httpx.Response:
        async with admin.transaction():
            await admin.execute(
                "UPDATE memberships SET valid_until = now() WHERE staff_id = "
                "(SELECT id FROM staff_members WHERE subject = 'shelter-worker-north')"
            )
            counted.append(await disclosed(admin, one.case, "package.revealed"))
        return httpx.Response(200)

    found = await race(one.asks()[:1], revoke, disclosures // 3)
    late = await disclosed(admin, one.case, "package.revealed") - counted[0]
    assert found.opened > 0
    assert found.asked_late, "the race went on after the end"
    attack("consent: disclosures racing a revocation", tried=len(found.answers), succeeded=late + found.told_late)


async def test_nothing_is_opened_after_a_consent_has_expired(
    world: World, admin: asyncpg.Connection, attack: Attack, disclosures: int
) -> None:
    one = await shared(world)
    shorter = await world.post(
        "alpha", f"/cases/{one.case}/consents/{one.consent}/versions", {**CONSENT, "valid_days": 1}
    )
    expires = datetime.fromisoformat(shorter["expires_at"])
    nearly = world.later(expires - datetime.now(UTC) - timedelta(milliseconds=900))  # noqa: TID251 - real seconds pass

    async def until_expired() -> httpx.Response:
        while nearly.runtime.clock.present() < expires:
            await nearly.ask("north", "GET", f"/referrals/{one.accepted}/package")
        return httpx.Response(200)

    asks: list[Callable[[], Awaitable[httpx.Response]]] = [
        partial(nearly.ask, "north", "GET", f"/referrals/{one.accepted}/package"),
        partial(nearly.ask, "beta", "GET", f"/referrals/{one.legal}/package"),
    ]
    found = await race(asks, until_expired, min(disclosures, 120))
    late = await admin.fetchval(
        "SELECT count(*) FROM audit_entries WHERE action = 'package.revealed' AND at >= $1", expires
    )
    assert found.asked_late
    attack("consent: disclosures racing its expiry", tried=len(found.answers), succeeded=late + found.told_late)
