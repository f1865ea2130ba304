"""What was attacked, how often, and what came through: one line for each attack, the sum as the last line."""

from collections.abc import AsyncIterator, Callable

import asyncpg
import pytest

from api.database import dsn_as
from api.postgres import Server
from tests.attacks.relations import Stage, staged
from tests.conftest import Databases
from tests.world import new_world

ATTACK = "attack"
"""The property of a test's report that carries a line: reports come back from the processes that run the tests."""


@pytest.fixture
def attack(record_property: Callable[[str, object], None]) -> Callable[..., None]:
    """Register what a test tried: `attack("forged tokens", tried=27, succeeded=0)`. One success fails the test."""

    def register(name: str, *, tried: int, succeeded: int) -> None:
        record_property(ATTACK, [name, tried, succeeded])
        assert tried > 0, f"{name}: nothing was tried"
        assert succeeded == 0, f"{name}: {succeeded} of {tried} succeeded"

    return register


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


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Write the lines."""
    reports = [one for outcome in ("passed", "failed") for one in terminalreporter.stats.get(outcome, [])]
    lines = [value for report in reports for key, value in report.user_properties if key == ATTACK]
    if not lines:
        return
    terminalreporter.section("attacks")
    for name, tried, succeeded in sorted(lines):
        terminalreporter.write_line(f"attack {name}: tried {tried:,}, {succeeded:,} succeeded")
    total, through = sum(line[1] for line in lines), sum(line[2] for line in lines)
    terminalreporter.write_line(f"{total:,} attacks tried, {through:,} succeeded")
