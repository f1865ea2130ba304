"""Second people of the organisations that answer for releases, who try to sign where they must not."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from uuid import UUID

import asyncpg
import httpx

from api import directory
from api.settings import DatabaseRole
from domain.codes import Role
from domain.statistics.models import ReleaseCandidate
from tests.attacks.intruder import CONTEXT
from tests.world import DIRECTORY, ISSUER, World


async def colleagues(world: World) -> None:
    """Let the organisations that answer for releases have second people, some of whom belong to two of them."""
    more = {
        "MONITORING": [("second", "coordinator")],
        "COORDINATION": [("second", "coordinator"), ("monitoring-officer", "monitoring_staff")],
        "MIGRATION": [("coordinator", "focal_point")],
    }
    changed = [
        one.model_copy(
            update={
                "staff": [
                    *one.staff,
                    *(directory.StaffEntry(subject=who, role=role) for who, role in more[one.code]),
                ]
            }
        )
        for one in DIRECTORY.organisations
        if one.code in more
    ]
    async with world.runtime.database.sessions(DatabaseRole.OWNER)() as session:
        await directory.load(directory.DirectoryFile(organisations=changed), session, world.runtime)


ROLES = {
    ("second", "MONITORING"): Role.COORDINATOR,
    ("second", "COORDINATION"): Role.COORDINATOR,
    ("monitoring-officer", "COORDINATION"): Role.MONITORING_STAFF,
    ("coordinator", "MIGRATION"): Role.FOCAL_POINT,
}


async def approve_as(world: World, subject: str, organisation: str, kept: ReleaseCandidate) -> httpx.Response:
    """Sign as one of the second people."""
    token = ISSUER.issue(
        subject=subject,
        organisation=organisation,
        role=ROLES[subject, organisation],
        lifetime=timedelta(hours=1),
        now=world.runtime.clock.present(),
        token_id=f"{subject}-{organisation}",
    )
    headers = {"Authorization": f"Bearer {token}"}
    path, body = f"/statistics/candidates/{kept.id}/approvals", {"report": kept.report_digest}
    return await world.ask("monitor", "POST", path, body, headers=headers)


@asynccontextmanager
async def as_application(world: World, organisation: UUID, staff: UUID) -> AsyncIterator[asyncpg.Connection]:
    """Yield a connection of the application's role in the context of a coordinator."""
    connection = await asyncpg.connect(world.access.dsns[DatabaseRole.APPLICATION])
    try:
        await connection.execute(CONTEXT, str(organisation), str(staff), "coordinator", "KG")
        await connection.execute("SELECT set_config('nrm.now', now()::text, false)")
        yield connection
    finally:
        await connection.close()
