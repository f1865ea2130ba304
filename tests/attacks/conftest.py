"""What every attack may use: a line of the report, and a country with an organisation for each relation."""

from collections.abc import AsyncIterator, Callable, Iterator

import asyncpg
import pytest

from api.database import dsn_as
from api.postgres import Server
from tests.attacks.relations import Stage, staged
from tests.attacks.report import ATTACK
from tests.conftest import Databases
from tests.world import new_world


@pytest.fixture
def attack(record_property: Callable[[str, object], None]) -> Iterator[Callable[..., None]]:
    """Register what a test tried: `attack("forged tokens", tried=27, succeeded=0)`.

    One success fails the test, and so does an attack that tried nothing or was never registered.
    """
    registered = []

    def register(name: str, *, tried: int, succeeded: int) -> None:
        registered.append(name)
        record_property(ATTACK, [name, tried, succeeded])
        assert tried > 0, f"{name}: nothing was tried"
        assert succeeded == 0, f"{name}: {succeeded} of {tried} succeeded"

    yield register
    assert registered, "the test asked for a line in the report and tried nothing"


@pytest.fixture(scope="session")
async def stage(databases: Databases, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Stage]:
    """Give a country with an organisation for each relation to every attack that makes cases of its own."""
    async with new_world(await databases.new(), tmp_path_factory.mktemp("stage")) as world, staged(world) as made:
        yield made


@pytest.fixture
async def superuser(stage: Stage, postgres: Server) -> AsyncIterator[asyncpg.Connection]:
    """Connect to the stage's database as the administrator, whom no policy holds."""
    dsn = dsn_as(stage.world.access.url, user="nrm_admin", password=postgres.password)
    connection = await asyncpg.connect(dsn)
    yield connection
    await connection.close()
