"""The demonstration, played twice in one folder as a user would, once for the whole session; its traces are kept."""

import atexit
import functools
import shutil
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from api.postgres import Server

NRM = Path(sys.executable).with_name("nrm")


@dataclass(frozen=True)
class Played:
    """One run of `nrm demo`."""

    code: int
    output: str
    errors: str
    seconds: float


@dataclass(frozen=True)
class Rehearsal:
    """Two runs and the folder that they used."""

    folder: Path
    first: Played
    second: Played

    @property
    def server(self) -> Server:
        """The server of the demonstration, stopped."""
        return Server(self.folder / "demo" / "postgres")


def environment(folder: Path, **settings: str) -> dict[str, str]:
    """Return an environment with these settings alone; what the session was given is not the demonstration's."""
    return {"PATH": "/usr/bin:/bin", "LANG": "C.UTF-8", "NRM_DATA_DIR": str(folder)} | settings


def play(folder: Path, **settings: str) -> Played:
    """Run `nrm demo` with a data folder."""
    begun = time.monotonic()
    done = subprocess.run(  # noqa: S603 - our own command
        [NRM, "demo"],
        env=environment(folder, **settings),
        capture_output=True,
        text=True,
        encoding="utf-8",
        timeout=240,
        check=False,
    )
    return Played(done.returncode, done.stdout, done.stderr, time.monotonic() - begun)


@functools.cache
def rehearsal() -> Rehearsal:
    """Return the two runs; the folder goes when the session ends."""
    folder = Path(tempfile.mkdtemp(prefix="nrm-demo-"))
    folder.chmod(0o711)  # the server runs as another account when we are root
    made = Rehearsal(folder, play(folder), play(folder))
    atexit.register(_remove, made)
    return made


def _remove(made: Rehearsal) -> None:
    made.server.remove()
    shutil.rmtree(made.folder, ignore_errors=True)
