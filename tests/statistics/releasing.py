"""Releases in tests: counts that are made up, everything after them as it is."""

import random
from collections.abc import Mapping, Sequence
from functools import cache

import httpx
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from api.runtime import Runtime
from api.settings import DatabaseRole
from api.statistics.formats import formats_of
from auth.authentication import enter, enter_as_clock
from auth.authorisation import Authorisation
from auth.roles import Permission
from auth.tokens import Claims
from domain.statistics.candidates import find_candidate, keep_candidate, newest_release, publish
from domain.statistics.catalogue import Declared
from domain.statistics.counting import Counted
from domain.statistics.counts import Count, counted
from domain.statistics.declaration import Population
from domain.statistics.document import sign
from domain.statistics.examining import Report
from domain.statistics.models import Release, ReleaseCandidate
from domain.statistics.preparing import next_release
from tests.world import CATALOGUE, STAFF, World, token_of

KEY = Ed25519PrivateKey.from_private_bytes(b"made up for tests, never elsewhe")
PERIODS = ("2026-H1", "2026-H2", "2027-H1", "2027-H2")
AUTHOR = "monitor"
SIGNERS = ("coordinator", "focal")


def declared() -> Declared:
    """Return what the fictional country counts."""
    return CATALOGUE.statistics("KG")


@cache
def _count(population: str, period: int, size: int) -> Count:
    chance = random.Random(f"{population} {period} {size}")  # noqa: S311 - not a secret
    kind: Population = declared().populations[population]
    drawn = [
        (
            {name: chance.choice(dimension.values) for name, dimension in kind.dimensions.items()},
            {f"ORG-{chance.randrange(5)}", f"ORG-{chance.randrange(5)}"},
        )
        for _ in range(size)
    ]
    return counted(kind, drawn)


def counts(periods: int, size: int = 300) -> Counted:
    """Return made-up counts of so many periods, the same each time: one more comes after the others."""
    made: Mapping[str, Sequence[Count]] = {
        name: [_count(name, period, size) for period in range(periods)] for name in declared().populations
    }
    return Counted(PERIODS[:periods], made)


@cache
def release(periods: int, size: int = 300) -> tuple[bytes, Report]:
    """Return the release of so many periods, each of them released, and its report."""
    before = release(periods - 1, size)[0] if periods > 1 else None
    return next_release(declared(), counts(periods, size), before)


async def keep(runtime: Runtime, claims: Claims, raw: bytes, report: Report) -> ReleaseCandidate:
    """Keep a candidate in somebody's name."""
    async with runtime.database.sessions()() as session:
        actor = await enter(session, claims, runtime.clock)
        permit = Authorisation(session, actor).own(Permission.RELEASE_PREPARE)
        work = runtime.work(session, actor.now)
        kept = await keep_candidate(raw, report, permit, work)
        await work.commit()
        return kept


def claims_of(world: World, who: str) -> Claims:
    """Return what the token of one of STAFF says."""
    assert who in STAFF
    return world.runtime.verifier.verify(token_of(who, world.runtime), world.runtime.clock.present())


async def candidate(world: World, periods: int = 1, size: int = 300) -> ReleaseCandidate:
    """Keep the candidate of so many periods in the author's name."""
    return await keep(world.runtime, claims_of(world, AUTHOR), *release(periods, size))


async def approve(world: World, who: str, kept: ReleaseCandidate, report: str | None = None) -> httpx.Response:
    """Sign a candidate's report over HTTP."""
    body = {"report": report or kept.report_digest}
    return await world.ask(who, "POST", f"/statistics/candidates/{kept.id}/approvals", body)


async def published(world: World, periods: int = 1, size: int = 300) -> Release:
    """Publish the release of so many periods, and those before it that are not published yet."""
    async with world.runtime.database.sessions()() as session:
        newest = await newest_release(session, "KG")
    for number in range(newest.number if newest else 0, periods):
        kept = await candidate(world, number + 1, size)
        for who in SIGNERS:
            assert (await approve(world, who, kept)).status_code in {201, 409}, "signed now, or before"
        newest = await put_out(world.runtime, kept)
    assert newest is not None
    return newest


async def put_out(runtime: Runtime, kept: ReleaseCandidate) -> Release:
    """Publish a candidate as the operator does, without the gate's last look."""
    async with runtime.database.sessions(DatabaseRole.OWNER)() as session:
        work = runtime.work(session, await enter_as_clock(session, runtime.clock.shift))
        found = await find_candidate(session, kept.address)
        signature = sign(found.document, KEY)
        made = await publish(found, signature, formats_of(found.document, signature), work)
        await work.commit()
        return made
