"""Sets up all that the demonstration needs, clean each time: database, keys, directory; then API and worker."""

import asyncio
import fcntl
import os
import socket
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from datetime import timedelta
from multiprocessing.context import ForkServerContext
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import asyncpg

from api.bootstrap import Access, database_access, prepare
from api.cli.directory import load_into
from api.demo.processes import context, running
from api.development import ensure_keys
from api.directory import read
from api.runtime import build
from api.settings import Settings
from api.statistics.publishing import Publisher

DATABASE = "nrm_demo"
DIRECTORY = Path(__file__).parent.parent / "fictional" / "directory.yaml"


class AlreadyPlaying(RuntimeError):
    """Another demonstration uses the same folder."""


@dataclass(frozen=True)
class Stage:
    """Where the demonstration takes place.

    Attributes:
        settings: Of the demonstration: its own folder and keys.
        access: To its own database.
        starter: Of the processes of API and worker.
        listening: The socket on a free port of loopback that the API serves on every day.
    """

    settings: Settings
    access: Access
    starter: ForkServerContext
    listening: socket.socket

    @property
    def address(self) -> str:
        """Where the API is."""
        return f"http://127.0.0.1:{self.listening.getsockname()[1]}"

    @property
    def log(self) -> Path:
        """What API and worker write."""
        return self.settings.data_dir / "service.log"

    @property
    def refusals(self) -> Path:
        """Every answer that refused something, as it was received."""
        return self.settings.data_dir / "refusals.txt"

    def on(self, shift: timedelta) -> Settings:
        """Return the settings of a later day."""
        return self.settings.model_copy(update={"clock_shift": shift})

    def publisher(self, shift: timedelta) -> Publisher:
        """Return what prepares releases on a later day, as the command line does."""
        return Publisher(build(self.on(shift), self.access.dsns), self.access)

    @contextmanager
    def day(self, shift: timedelta) -> Iterator[None]:
        """Run API and worker on a later day, by that much."""
        with running(self.starter, self.on(shift), self.access.dsns, self.log, self.listening):
            yield


def own_settings(settings: Settings) -> Settings:
    """Return settings with a folder and keys of the demonstration's own."""
    return settings.model_copy(
        update={
            "data_dir": settings.data_dir / "demo",
            "clock_shift": timedelta(0),
            "key_file": None,
            "token_public_keys_file": None,
            "port": 8000,
        }
    )


@contextmanager
def stage(settings: Settings) -> Iterator[Stage]:
    """Set everything up, and take it down again. What was there from an earlier run is dropped first.

    An embedded server is the demonstration's own. On a server that we are given, it takes a database of its own with
    the roles that are there, so their passwords are read from where this installation keeps them.

    Raises:
        AlreadyPlaying: another demonstration runs in the same folder.
    """
    own = own_settings(settings)
    own.data_dir.mkdir(mode=0o711, parents=True, exist_ok=True)
    with ExitStack() as stack:
        stack.enter_context(_alone(own.data_dir / "playing.lock"))
        starter = context()
        given = stack.enter_context(database_access(own if settings.database_url is None else settings))
        access = replace(given, url=urlunsplit(urlsplit(given.url)._replace(path=f"/{DATABASE}")))
        listening = stack.enter_context(socket.create_server(("127.0.0.1", 0)))
        made = Stage(own, access, starter, listening)
        for leftover in (made.log, made.refusals):
            leftover.unlink(missing_ok=True)
        ensure_keys(own)
        asyncio.run(_clean_database(made))
        yield made


@contextmanager
def _alone(path: Path) -> Iterator[None]:
    lock = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as taken:
            raise AlreadyPlaying(f"another demonstration is being played in {path.parent}") from taken
        yield
    finally:
        os.close(lock)


async def _clean_database(made: Stage) -> None:
    connection = await asyncpg.connect(made.access.admin_dsn())
    try:
        await connection.execute(f'DROP DATABASE IF EXISTS "{DATABASE}" WITH (FORCE)')
    finally:
        await connection.close()
    await prepare(made.access)
    await load_into(made.settings, made.access, read(DIRECTORY))
