"""A process is ready when the database answers, its schema is the program's, and what the key provider seals opens."""

from dataclasses import replace

import asyncpg

from api.app import create_app
from domain.sealing.envelope import SealBroken
from domain.sealing.providers import KeyProvider
from tests.api.refusals import away
from tests.world import World


class Broken:
    """A key provider that has lost its key."""

    key_id = "lost"
    is_for_development = False

    def __init__(self, real: KeyProvider) -> None:
        self.real = real

    def wrap(self, key: bytes, aad: bytes) -> bytes:
        return self.real.wrap(key, aad)

    def unwrap(self, wrapped: bytes, aad: bytes) -> bytes:  # noqa: ARG002 - it opens nothing
        raise SealBroken

    def rewrap(self, wrapped: bytes, aad: bytes) -> bytes:
        return self.real.rewrap(wrapped, aad)

    def derive(self, label: str) -> bytes:
        return self.real.derive(label)


async def asked(world: World) -> tuple[int, dict[str, str]]:
    async with world.client("alpha") as client:
        del client.headers["Authorization"]
        answer = await client.get("/health/ready")
        return answer.status_code, answer.json()


async def test_a_process_with_everything_it_needs_is_ready(shared_world: World) -> None:
    assert await asked(shared_world) == (200, {"status": "ready"})


async def test_without_a_database_it_waits(shared_world: World) -> None:
    assert await asked(away(shared_world)) == (503, {"status": "waiting-for-database"})


async def test_with_the_schema_of_another_version_it_waits(world: World, admin: asyncpg.Connection) -> None:
    for revision in ("0001", "9999"):
        await admin.execute("UPDATE alembic_version SET version_num = $1", revision)
        assert await asked(world) == (503, {"status": "waiting-for-migration"})


async def test_with_a_schema_that_tells_no_version_it_waits(world: World, admin: asyncpg.Connection) -> None:
    await admin.execute("REVOKE SELECT ON alembic_version FROM nrm_application")
    assert await asked(world) == (503, {"status": "waiting-for-migration"})
    await admin.execute("DROP TABLE alembic_version")
    assert await asked(world) == (503, {"status": "waiting-for-migration"})


async def test_with_a_key_provider_that_opens_nothing_it_waits(shared_world: World) -> None:
    runtime = replace(shared_world.runtime, keys=Broken(shared_world.runtime.keys))
    broken = World(runtime, shared_world.access, create_app(runtime))
    assert await asked(broken) == (503, {"status": "waiting-for-keys"})
