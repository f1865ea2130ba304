"""Who leads a case sees who opened it, and nobody else does; a refusal is recorded unless there is a reason not to."""

from typing import Any

import asyncpg
import pytest
from sqlalchemy import text

from api.problems import catalogue
from api.refusals import NOT_RECORDED
from api.settings import DatabaseRole
from tests.api.prepared import Prepared
from tests.api.refusals import MET
from tests.world import STAFF, World

NOBODY_ASKED = {"body-too-large", "method-not-allowed", "too-many-requests", "internal", "seal-broken"}
"""Refused before anybody knows who asks, or a fault of ours, which is logged."""


async def openings(world: World, case: str, who: str = "alpha", query: str = "") -> list[dict[str, Any]]:
    items: list[dict[str, Any]] = (await world.get(who, f"/cases/{case}/openings{query}"))["items"]
    return items


async def test_the_owner_sees_who_opened_what_in_which_role_and_by_which_rule(
    world: World, admin: asyncpg.Connection
) -> None:
    prepared = Prepared(world)
    referral = await prepared.named("referral:accepted")
    case = await prepared.named("case")
    await world.get("alpha", f"/cases/{case}/person/identity")
    await world.get("north", f"/referrals/{referral}/package")
    await world.get("alpha", f"/cases/{case}")
    found = await openings(world, case)
    assert [one["action"] for one in found][:3] == ["case.read", "package.revealed", "compartment.revealed"]
    package, own = found[1], found[2]
    assert (package["organisation"], package["role"]) == ("SHELTER-NORTH", "shelter_staff")
    assert package["rule"] == "receiver-of-referral"
    assert package["compartments"] != []
    assert (own["organisation"], own["role"], own["compartments"]) == ("NGO-ALPHA", "ngo_caseworker", ["identity"])
    subject = await admin.fetchval("SELECT subject FROM staff_members WHERE id = $1", package["staff"])
    assert subject == STAFF["north"][0]
    again = await openings(world, case)
    assert again == found, "to ask who looked is recorded, and is not looking"
    asked = await admin.fetchval("SELECT count(*) FROM audit_entries WHERE action = 'openings.read'")
    assert asked == 2


async def test_the_list_is_paged_without_gaps(world: World) -> None:
    case = await Prepared(world).named("case")
    for _ in range(5):
        await world.get("alpha", f"/cases/{case}")
    whole = await openings(world, case)
    paged, before = [], ""
    while True:
        page = await world.get("alpha", f"/cases/{case}/openings?limit=2{before}")
        paged += page["items"]
        if page["next"] is None:
            break
        before = f"&before={page['next']}"
    assert paged == whole
    assert len(whole) >= 5


async def test_others_learn_neither_who_opened_a_case_nor_that_it_exists(world: World) -> None:
    prepared = Prepared(world)
    referral, case = await prepared.named("referral:accepted"), await prepared.named("case")
    assert (await world.ask("north", "GET", f"/cases/{case}/openings")).status_code == 403, "serves, does not lead"
    foreign = await world.ask("beta", "GET", f"/cases/{case}/openings")
    absent = await world.ask("beta", "GET", "/cases/C-0000-0000-0000-0000/openings")
    assert (foreign.status_code, foreign.content) == (absent.status_code, absent.content) == (404, absent.content)
    await world.post("alpha", f"/cases/{case}/walls", {"organisation": "SHELTER-NORTH"})
    walled = await world.ask("north", "GET", f"/cases/{case}/openings")
    assert walled.status_code in {403, 404}
    assert referral not in walled.text
    staff = STAFF["alpha"][0]
    await world.post("alpha", f"/cases/{case}/walls", {"staff": staff})
    own = await world.ask("alpha", "GET", f"/cases/{case}/openings")
    assert (own.status_code, own.content) == (absent.status_code, absent.content)


def test_every_problem_is_recorded_or_says_why_not() -> None:
    known = set(catalogue())
    assert set(NOT_RECORDED) < known
    assert known - set(NOT_RECORDED) - NOBODY_ASKED >= {
        "not-found",
        "not-permitted",
        "consent-missing",
        "step-not-open",
    }
    assert all(len(reason) > 10 for reason in NOT_RECORDED.values())


DENIED = """
    SELECT rule, stream_id = organisation_id AND subject_id = organisation_id, details - 'method' - 'route' = '{}'
    FROM audit_entries WHERE action = 'access.denied' ORDER BY at DESC, sequence DESC
"""


@pytest.mark.parametrize("code", sorted(set(MET) - NOBODY_ASKED))
async def test_a_refusal_leaves_its_entry_and_says_only_by_what(code: str, world: World) -> None:
    async def denied() -> list[tuple[Any, ...]]:
        async with world.runtime.database.sessions(DatabaseRole.OWNER)() as session:
            return [tuple(row) for row in await session.execute(text(DENIED))]

    before = await denied()
    answer = await MET[code](world)
    assert answer.json()["code"] == code
    after = await denied()
    new = after[: len(after) - len(before)]
    assert new == ([] if code in NOT_RECORDED else [(code, True, True)])
