"""A real server on a loopback port, for clients that are programs of their own, and the packages they need."""

import asyncio
import json
import sys
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.api.described import ROOT
from tests.conftest import Databases
from tests.serving import serving
from tests.world import World, new_world, token_of

CLIENTS = ROOT / "openapi" / "clients"
BIN = Path(sys.executable).parent


@dataclass(frozen=True)
class Served:
    """A world and the address at which it answers."""

    world: World
    address: str

    def token(self, who: str) -> str:
        """Return an access token of one of STAFF."""
        return token_of(who, self.world.runtime)


@pytest.fixture
async def served(databases: Databases, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Served]:
    """Serve a fictional country over real HTTP, each test its own: generated requests leave anything behind."""
    async with (
        new_world(await databases.new(), tmp_path_factory.mktemp("served")) as world,
        serving(world) as address,
    ):
        yield Served(world, address)


async def run(program: str, *arguments: str, folder: Path) -> tuple[int, str]:
    """Run a program of the environment; returns its exit code and all that it printed."""
    process = await asyncio.create_subprocess_exec(
        str(BIN / program),
        *arguments,
        cwd=folder,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
        env={"PATH": f"{BIN}:/usr/bin:/bin", "HOME": str(folder), "NO_COLOR": "1"},
    )
    printed, _ = await process.communicate()
    return process.returncode or 0, printed.decode()


@pytest.fixture(scope="session")
def node_modules() -> Path:
    """Return the folder of the packages that check the contract; `make setup` installs exactly the locked ones."""
    modules = CLIENTS / "node_modules"
    locked = json.loads((CLIENTS / "package-lock.json").read_text(encoding="utf-8"))["packages"]
    missing = [
        path for path, one in locked.items() if path and not one.get("optional") and not (CLIENTS / path).is_dir()
    ]
    assert not missing, f"run `make setup`: {len(missing)} packages are missing, {missing[:3]} among them"
    return modules
