"""Tokens outlive memberships: what was taken away in the directory is refused on the next request."""

import secrets
from collections.abc import Awaitable, Callable
from datetime import timedelta

import asyncpg
import httpx
import pytest

from api.settings import DatabaseRole
from auth.authentication import enter_as_clock
from domain.codes import Role
from domain.organisations.commands import RecordMembership, record_membership
from domain.unit_of_work import UnitOfWork
from tests.attacks.asked import seen
from tests.world import ISSUER, STAFF, World, token_of

Attack = Callable[..., None]

PATHS = ("/cases", "/contacts", "/referrals/inbox", "/organisations", "/caseload", "/notifications")


async def tries(world: World, token: str) -> list[httpx.Response]:
    """Ask for everything with one token."""
    transport = httpx.ASGITransport(app=world.app, raise_app_exceptions=False)
    headers = {"Authorization": f"Bearer {token}", "Accept-Language": "en"}
    async with httpx.AsyncClient(transport=transport, base_url="http://nrm.test/v1", headers=headers) as client:
        answers = [await client.get(path) for path in PATHS]
        body = {"entry_channel": "ngo"}
        return [*answers, await client.post("/cases", json=body, headers={"Idempotency-Key": secrets.token_hex(8)})]


def through(answers: list[httpx.Response]) -> int:
    return sum(answer.status_code != 401 for answer in answers)


async def in_directory(world: World, change: Callable[[UnitOfWork], Awaitable[object]]) -> None:
    """Let the operator change the directory, with the operator's own command."""
    runtime = world.runtime
    async with runtime.database.sessions(DatabaseRole.OWNER)() as session:
        now = await enter_as_clock(session, runtime.clock.shift)
        work = runtime.work(session, now)
        await change(work)
        await work.commit()


async def test_a_membership_that_ended_is_refused_on_the_next_request(world: World, attack: Attack) -> None:
    token = token_of("alpha", world.runtime)
    assert through(await tries(world, token)) == len(PATHS) + 1

    async def end(work: UnitOfWork) -> object:
        subject, organisation, role = STAFF["alpha"]
        return await record_membership(RecordMembership(subject, organisation, role, valid_until=work.now), work)

    await in_directory(world, end)
    answers = await tries(world, token)
    attack("a token after its membership ended", tried=len(answers), succeeded=through(answers))
    assert through(await tries(world, token_of("alpha2", world.runtime))) == len(PATHS) + 1, "a colleague works on"


CLOSINGS = (
    "status = 'suspended'",
    "status = 'closed'",
    "status = 'applied'",
    "active_until = now()",
    "active_from = now() + interval '1 day'",
)


@pytest.mark.parametrize("closing", CLOSINGS)
async def test_an_organisation_that_is_not_active_is_refused_as_a_whole(
    world: World, admin: asyncpg.Connection, attack: Attack, closing: str
) -> None:
    tokens = [token_of(who, world.runtime) for who in ("alpha", "alpha2")]
    await admin.execute(f"UPDATE organisations SET {closing} WHERE code = 'NGO-ALPHA'")  # noqa: S608 - ours, above
    answers = [answer for token in tokens for answer in await tries(world, token)]
    attack("a token of an organisation that is not active", tried=len(answers), succeeded=through(answers))
    others = await tries(world, token_of("beta", world.runtime))
    assert through(others) == len(others)


async def test_a_token_that_says_more_than_the_membership_is_refused(world: World, attack: Attack) -> None:
    """Signed by the right key, but for another role, organisation or person than the directory knows."""
    subject, organisation, role = STAFF["alpha"]
    claims = [(subject, organisation, other) for other in Role if other != role]
    claims += [
        (subject, other, role) for other in ("NGO-BETA", "POLICE", "HOTLINE", "NOBODY", "ngo-alpha", "NGO-ALPHA ")
    ]
    claims += [
        (other, organisation, role) for other in ("caseworker-beta", "nobody", "CASEWORKER-ALPHA", f"{subject} ")
    ]
    tried = came = 0
    for one, at, as_role in claims:
        token = ISSUER.issue(
            subject=one,
            organisation=at,
            role=as_role,
            lifetime=timedelta(hours=1),
            now=world.runtime.clock.present(),
            token_id=secrets.token_hex(8),
        )
        answers = await tries(world, token)
        tried, came = tried + len(answers), came + through(answers)
    attack("a token for another role, organisation or person", tried=tried, succeeded=came)


async def test_refusals_do_not_tell_what_is_wrong(world: World, admin: asyncpg.Connection) -> None:
    """Unknown person, ended membership, suspended organisation and a torn token are answered alike."""
    torn = (await tries(world, token_of("beta", world.runtime)[:-4] + "AAAA"))[0]
    await admin.execute("UPDATE organisations SET status = 'suspended' WHERE code = 'NGO-BETA'")
    suspended = (await tries(world, token_of("beta", world.runtime)))[0]
    await admin.execute("UPDATE memberships SET valid_until = now()")
    ended = (await tries(world, token_of("alpha", world.runtime)))[0]
    assert seen(torn) == seen(suspended) == seen(ended)


async def test_an_answer_is_not_replayed_to_whom_the_membership_was_taken(world: World, attack: Attack) -> None:
    body = {"entry_channel": "ngo", "person": {"sex": "female"}}
    first = await world.ask("alpha", "POST", "/cases", body, key="replayed-later")
    assert (await world.ask("alpha", "POST", "/cases", body, key="replayed-later")).content == first.content

    async def end(work: UnitOfWork) -> object:
        subject, organisation, role = STAFF["alpha"]
        return await record_membership(RecordMembership(subject, organisation, role, valid_until=work.now), work)

    await in_directory(world, end)
    again = await world.ask("alpha", "POST", "/cases", body, key="replayed-later")
    attack("a stored answer replayed after revocation", tried=1, succeeded=int(again.status_code != 401))
    assert first.json()["reference"] not in again.text


async def test_a_token_of_tomorrow_or_yesterday_is_refused_by_the_clock_of_the_service(
    world: World, attack: Attack
) -> None:
    now = token_of("alpha", world.runtime)
    later = world.later(timedelta(hours=2))
    tomorrow = token_of("alpha", world.later(timedelta(days=1)).runtime)
    answers = [*await tries(later, now), *await tries(world, tomorrow)]
    attack("an expired token, and one from the future", tried=len(answers), succeeded=through(answers))
