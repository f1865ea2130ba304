"""Somebody who got hold of a database role's password, or of a hole that runs their SQL in the service's name."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import asyncpg

from api.settings import DatabaseRole
from domain.codes import Role
from tests.attacks.relations import Stage, code_of, subject_of

REFUSED = (asyncpg.InsufficientPrivilegeError, asyncpg.FeatureNotSupportedError)
CONTEXT = (
    "SELECT set_config('nrm.organisation_id', $1, false), set_config('nrm.staff_id', $2, false), "
    "set_config('nrm.role', $3, false), set_config('nrm.country', $4, false), set_config('nrm.now', '', false)"
)


@dataclass
class Intruder:
    """One connection to the database; counts what was tried and what came through."""

    connection: "asyncpg.Connection[asyncpg.Record]"
    tried: int = 0
    succeeded: int = 0

    async def become(self, superuser: asyncpg.Connection, relation: str, role: Role = Role.NGO_CASEWORKER) -> None:
        """Set the context of a member of staff, as the service does for a request."""
        row = await superuser.fetchrow(
            "SELECT o.id AS organisation, s.id AS staff, o.country FROM organisations o, staff_members s "
            "WHERE o.code = $1 AND s.subject = $2",
            code_of(relation),
            subject_of(relation, role),
        )
        assert row is not None
        await self.connection.execute(CONTEXT, str(row["organisation"]), str(row["staff"]), role, row["country"])

    async def is_refused(self, statement: str, *values: Any) -> bool:
        """Run a statement, take it back, and tell whether the database refused it or it touched nothing."""
        self.tried += 1
        transaction = self.connection.transaction()
        await transaction.start()
        try:
            status = await self.connection.execute(statement, *values)
        except REFUSED:
            return True
        finally:
            await transaction.rollback()
        if status.split(" ")[-1] == "0":
            return True
        self.succeeded += 1
        return False

    async def all_refused(self, *statements: tuple[Any, ...]) -> list[str]:
        """Return the statements that came through."""
        return [statement for statement, *values in statements if not await self.is_refused(statement, *values)]


@asynccontextmanager
async def intruding(stage: Stage, role: DatabaseRole = DatabaseRole.APPLICATION) -> AsyncIterator[Intruder]:
    """Yield an intruder who is logged in as a database role, without any context."""
    connection = await asyncpg.connect(stage.world.access.dsns[role])
    try:
        yield Intruder(connection)
    finally:
        await connection.close()
