"""A hostile organisation is merged into another one, to come past the conflict walls that stand before it."""

from collections.abc import Callable

import asyncpg
import pytest

from api.settings import DatabaseRole
from tests.attacks.asked import routes
from tests.journeys.leaving import closed, walled
from tests.world import World

Attack = Callable[..., None]

OF_A_CASE = ("", "/next-steps", "/consents", "/walls", "/attachments", "/person/identity", "/disclosures")
INHERIT = "SELECT count(*) FROM nrm_inherit_walls($1, $2)"


async def test_a_successor_hears_of_no_case_from_which_its_predecessor_was_kept_out(
    world: World, attack: Attack
) -> None:
    case = await walled(world, "police")
    await closed(world)
    await world.work_off()
    lists = [route.removeprefix("GET /v1") for route in routes(world.app) if route.startswith("GET /v1/")]
    asked = [path for path in lists if "{" not in path]
    assert len(asked) > 20
    heard = [path for path in asked if case in (await world.ask("beta", "GET", path)).text]
    answers = [await world.ask("beta", "GET", f"/cases/{case}{part}") for part in OF_A_CASE]
    sent = {"step": "refer-for-urgent-care", "service": "psychosocial", "recipient": "NGO-BETA"}
    answers.append(await world.ask("police", "POST", f"/cases/{case}/referrals", sent))
    opened = [answer.request.url.path for answer in answers if answer.status_code not in {404, 422}]
    attack("walled: the successor of who is kept out", tried=len(asked) + len(answers), succeeded=len(heard + opened))
    assert (heard, opened) == ([], [])


@pytest.mark.parametrize(
    ("role", "successor"), [(DatabaseRole.APPLICATION, "NGO-BETA"), (DatabaseRole.WORKER, "POLICE")]
)
async def test_the_database_raises_walls_for_the_worker_and_before_successors_alone(
    world: World, admin: asyncpg.Connection, attack: Attack, role: DatabaseRole, successor: str
) -> None:
    """Or somebody could cut others off from whom they support."""
    await walled(world, "police")
    await closed(world)
    ids = {row["code"]: row["id"] for row in await admin.fetch("SELECT code, id FROM organisations")}
    connection = await asyncpg.connect(world.access.dsns[role])
    try:
        with pytest.raises(asyncpg.InsufficientPrivilegeError, match="not the successor"):
            await connection.fetchval(INHERIT, ids["NGO-ALPHA"], ids[successor])
    finally:
        await connection.close()
    standing = await admin.fetchval("SELECT count(*) FROM case_walls")
    attack("walled: walls by somebody else, or before others", tried=1, succeeded=standing - 1)
    assert standing == 1
