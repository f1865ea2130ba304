"""A real browser: Debian's Chromium, as it is installed, or else fetched from Debian's archive and unpacked.

Nothing is installed and no right is needed. It has a profile of its own, speaks to nobody and ends with the call.
"""

import fcntl
import os
import re
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path

from api.postgres_binaries import CLEAN_ENVIRONMENT

SYSTEM = Path("/")
PROGRAM = "usr/lib/chromium/chromium"
QUIET = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-dev-shm-usage",
    "--disable-sync",
    "--hide-scrollbars",
    "--no-first-run",
    "--no-proxy-server",
    "--host-resolver-rules=MAP * ~NOTFOUND",
)


@dataclass(frozen=True)
class Browser:
    """Where Chromium lies: under the root of the system, or under a folder of our own."""

    root: Path

    def run(self, *words: str) -> str:
        """Start it with some words, and return what it writes when it has ended.

        Raises:
            subprocess.CalledProcessError: it failed.
        """
        with tempfile.TemporaryDirectory(prefix="nrm-browser-") as profile:
            command, environment = self.command(profile, *words)
            done = subprocess.run(  # noqa: S603
                command, check=True, capture_output=True, text=True, timeout=120, env=environment
            )
        return done.stdout

    def command(self, profile: str, *words: str) -> tuple[list[str], dict[str, str]]:
        """Return how it is started with some words and a folder for its profile: the command and its environment."""
        libraries = sorted({str(one.parent) for one in self.root.glob("usr/lib/*-linux-gnu/**/*.so*")})
        own = {} if self.root == SYSTEM else {"LD_LIBRARY_PATH": ":".join(libraries)}
        return (
            [str(self.root / PROGRAM), *QUIET, f"--user-data-dir={profile}", *words],
            CLEAN_ENVIRONMENT | {"HOME": profile} | own,
        )


def browser() -> Browser:
    """Return Chromium; several sessions of tests at once fetch it once.

    Raises:
        subprocess.CalledProcessError: it is not installed, and Debian's archive cannot be reached.
    """
    if (SYSTEM / PROGRAM).exists():
        return Browser(SYSTEM)
    cache = Path(tempfile.gettempdir()) / f"nrm-chromium-{os.geteuid()}"
    cache.mkdir(mode=0o700, exist_ok=True)
    assert cache.lstat().st_uid == os.geteuid(), cache
    with (cache / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (cache / PROGRAM).exists():
            _fetch(cache)
    assert (cache / PROGRAM).exists(), "Debian's packages do not hold what they should"
    return Browser(cache)


def _fetch(cache: Path) -> None:
    """Download what an installation would bring that the system has not, with lists of packages of our own."""
    own = ["-q", "-o", f"Dir::State::lists={cache}/lists", "-o", f"Dir::Cache={cache}/cache"]
    own += ["-o", "APT::Sandbox::User=root"]
    for folder in ("lists/partial", "cache/archives/partial"):
        (cache / folder).mkdir(parents=True, exist_ok=True)
    subprocess.run(["apt-get", *own, "update"], cwd=cache, capture_output=True, check=True)  # noqa: S603, S607
    wanted = ["apt-get", *own, "--simulate", "--no-install-recommends", "install", "chromium", "fonts-dejavu-core"]
    told = subprocess.run(wanted, cwd=cache, capture_output=True, text=True, check=True).stdout  # noqa: S603
    packages = re.findall(r"^Inst (\S+)", told, re.MULTILINE)
    subprocess.run(["apt-get", *own, "download", *packages], cwd=cache, capture_output=True, check=True)  # noqa: S603, S607
    for package in cache.glob("*.deb"):
        subprocess.run(["dpkg", "-x", str(package), str(cache)], check=True, capture_output=True)  # noqa: S603, S607
        package.unlink()
