"""What every test may use: one real PostgreSQL server, clean databases, and no network beyond this machine."""

import os
import shutil
import socket
import tempfile
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, replace
from itertools import count
from pathlib import Path
from typing import Any

import asyncpg
import pytest
from hypothesis import HealthCheck, Phase, settings

from api.bootstrap import Access, bootstrap, close_to_others, create_database, migrate
from api.database import Database, dsn_as
from api.postgres import Server
from api.settings import DatabaseRole, is_loopback
from tests import softhsm
from tests.attacks.report import (
    pytest_addoption,
    pytest_collection_modifyitems,
    pytest_configure,
    pytest_terminal_summary,
)
from tests.patience import let_wait, patient
from tests.scheduling import pytest_xdist_make_scheduler
from tests.world import World, new_world

__all__ = [
    "pytest_addoption",
    "pytest_collection_modifyitems",
    "pytest_configure",
    "pytest_terminal_summary",
    "pytest_xdist_make_scheduler",
]

settings.register_profile(
    "ci",
    max_examples=50,
    derandomize=True,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)
settings.register_profile(
    "thorough", parent=settings.get_profile("ci"), max_examples=1000, derandomize=False, print_blob=True
)
settings.register_profile(
    "mutants", parent=settings.get_profile("ci"), phases=(Phase.explicit, Phase.generate)
)  # who only asks whether a test fails needs no shortest example
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "ci"))  # noqa: TID251 - no setting of the service

SERVERS = "nrm-tests-"
TEMPLATE = "nrm_template"


@pytest.fixture
def disclosures(request: pytest.FixtureRequest) -> int:
    """Say how many disclosures race the end of their ground: `make races` makes it ten thousand."""
    return int(request.config.getoption("--disclosures"))


class NetworkRefused(RuntimeError):
    """A test tried to reach something beyond this machine."""


def _is_local(family: int, address: Any) -> bool:
    return family == socket.AF_UNIX or (isinstance(address, tuple) and is_loopback(str(address[0])))


@pytest.fixture(autouse=True, scope="session")
def no_network() -> Iterator[None]:
    """Refuse every connection that is neither a Unix socket nor loopback."""
    with pytest.MonkeyPatch.context() as patch:
        for name in ("connect", "connect_ex"):
            original = getattr(socket.socket, name)

            def guarded(self: socket.socket, address: Any, _original: Any = original) -> Any:
                if not _is_local(self.family, address):
                    raise NetworkRefused("tests reach this machine only")
                return _original(self, address)

            patch.setattr(socket.socket, name, guarded)
        yield


@pytest.fixture(scope="session")
def postgres() -> Iterator[Server]:
    """One server for the session; a server that a killed session left behind is removed first."""
    for leftover in Path(tempfile.gettempdir()).glob(f"{SERVERS}*/postgres"):
        if leftover.stat().st_uid == os.geteuid():
            Server(leftover).remove()  # does nothing while another session uses it
    folder = Path(tempfile.mkdtemp(prefix=SERVERS))
    folder.chmod(0o711)  # the server runs as another account when we are root
    server = Server(folder / "postgres", durable=False).start()
    yield server
    server.remove()
    shutil.rmtree(folder)


@pytest.fixture(scope="session")
def tokens() -> Iterator[softhsm.Tokens]:
    """Give a real PKCS #11 module to the session, with a folder for its tokens."""
    made = softhsm.tokens()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SOFTHSM2_CONF", str(made.configuration))
        yield made
    made.remove()


@dataclass(frozen=True)
class Databases:
    """Makes clean, migrated databases: copies of one template."""

    server: Server
    access: Access
    numbers: Iterator[int]

    async def new(self) -> Access:
        """Return the access to a database that nobody has used."""
        name = f"nrm_{next(self.numbers)}"
        connection = await asyncpg.connect(self.server.dsn())
        try:
            await create_database(connection, name, template=TEMPLATE)
            await let_wait(connection, name)
        finally:
            await connection.close()
        access = replace(self.access, url=self.server.dsn(database=name))
        await close_to_others(access)
        return access

    async def drop(self, access: Access) -> None:
        """Remove a database, with whoever is still connected."""
        connection = await asyncpg.connect(self.server.dsn())
        try:
            await connection.execute(f'DROP DATABASE "{access.database}" WITH (FORCE)')
        finally:
            await connection.close()


@pytest.fixture(scope="session")
async def databases(postgres: Server) -> Databases:
    """Build the template once: roles, database, every migration."""
    access = Access(
        url=postgres.dsn(database=TEMPLATE),
        passwords={role: f"made-up-password-of-{role}" for role in DatabaseRole},
        admin_password=postgres.password,
    )
    await bootstrap(access)
    await migrate(access.dsns[DatabaseRole.OWNER])
    return Databases(postgres, access, count(1))


@pytest.fixture
async def database_access(databases: Databases) -> AsyncIterator[Access]:
    """Give a clean database to one test: every role's address."""
    access = await databases.new()
    yield access
    await databases.drop(access)


@pytest.fixture
async def database(database_access: Access) -> AsyncIterator[Database]:
    """Give a clean database to one test: every role's pool."""
    opened = Database(database_access.dsns, pool=patient(5))
    yield opened
    await opened.close()


@pytest.fixture(scope="session")
async def shared_database(databases: Databases) -> AsyncIterator[Database]:
    """Give one database to every test of the session that only adds rows of its own or only reads."""
    access = await databases.new()
    opened = Database(access.dsns, pool=patient(5))
    yield opened
    await opened.close()


@pytest.fixture
async def admin(database_access: Access, postgres: Server) -> AsyncIterator[asyncpg.Connection]:
    """Connect to the test's clean database as the administrator, whom no policy holds."""
    connection = await asyncpg.connect(dsn_as(database_access.url, user="nrm_admin", password=postgres.password))
    yield connection
    await connection.close()


@pytest.fixture
async def world(database_access: Access, tmp_path: Path) -> AsyncIterator[World]:
    """Give one test a fictional country of its own."""
    async with new_world(database_access, tmp_path) as made:
        yield made


@pytest.fixture(scope="session")
async def shared_world(databases: Databases, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[World]:
    """Give a fictional country to every test of the session that only adds cases of its own, or only reads."""
    async with new_world(await databases.new(), tmp_path_factory.mktemp("world")) as made:
        yield made
