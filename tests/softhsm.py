"""A real PKCS #11 module: SoftHSM2 of Debian, as it is installed, or else fetched from Debian's archive and unpacked.

Nothing is installed and no right is needed: `apt-get download` takes the packages to a folder, `dpkg -x` unpacks them.
"""

import fcntl
import os
import shutil
import stat
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path

from api.postgres_binaries import CLEAN_ENVIRONMENT

PACKAGES = ("softhsm2", "libsofthsm2")
SYSTEM = Path("/usr")
PIN = "a made-up PIN 4711"
OFFICER_PIN = "a made-up PIN of the officer"


@dataclass(frozen=True)
class Software:
    """Where SoftHSM2 is: its library, and the program that initialises tokens."""

    module: Path
    program: Path


def software() -> Software:
    """Return SoftHSM2; several sessions of tests at once fetch it once.

    Raises:
        subprocess.CalledProcessError: it is not installed, and Debian's archive cannot be reached.
    """
    if (found := _under(SYSTEM)) is not None:
        return found
    cache = Path(tempfile.gettempdir()) / f"nrm-softhsm-{os.geteuid()}"
    cache.mkdir(mode=0o700, exist_ok=True)
    status = cache.lstat()
    assert stat.S_ISDIR(status.st_mode), cache
    assert status.st_uid == os.geteuid(), cache
    with (cache / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if (found := _under(cache / "usr")) is None:
            _fetch(cache)
            found = _under(cache / "usr")
    assert found is not None, "Debian's packages do not hold what they should"
    return found


def _under(folder: Path) -> Software | None:
    program = folder / "bin" / "softhsm2-util"
    modules = sorted((folder / "lib").glob("**/softhsm/libsofthsm2.so"))
    return Software(modules[0], program) if program.exists() and modules else None


def _fetch(cache: Path) -> None:
    """Download with the system's lists of packages, or with lists of our own where it has none."""
    own = ["-o", f"Dir::State={cache}/state", "-o", f"Dir::Cache={cache}/cache", "-o", "APT::Sandbox::User=root"]
    for folder in ("state/lists/partial", "cache/archives/partial"):
        (cache / folder).mkdir(parents=True, exist_ok=True)
    download = ["apt-get", "-q", "-o", "APT::Sandbox::User=root", "download", *PACKAGES]
    if subprocess.run(download, cwd=cache, capture_output=True, check=False).returncode:  # noqa: S603
        subprocess.run(["apt-get", "-q", *own, "update"], cwd=cache, capture_output=True, check=False)  # noqa: S603, S607
        subprocess.run(["apt-get", "-q", *own, "download", *PACKAGES], cwd=cache, capture_output=True, check=True)  # noqa: S603, S607
    for package in cache.glob("*.deb"):
        subprocess.run(["dpkg", "-x", str(package), str(cache)], check=True, capture_output=True)  # noqa: S603, S607


@dataclass(frozen=True)
class Tokens:
    """Tokens of one session of tests, in a folder of their own.

    Attributes:
        configuration: What `SOFTHSM2_CONF` names.
    """

    found: Software
    folder: Path
    configuration: Path

    def new(self, label: str) -> Path:
        """Initialise a token, and return the file of its PIN."""
        words = [str(self.found.program), "--module", str(self.found.module), "--init-token", "--free"]
        words += ["--label", label, "--so-pin", OFFICER_PIN, "--pin", PIN]
        environment = CLEAN_ENVIRONMENT | {"SOFTHSM2_CONF": str(self.configuration)}
        subprocess.run(words, check=True, capture_output=True, env=environment)  # noqa: S603
        pin = self.folder / f"{label}.pin"
        pin.write_text(PIN + "\n")
        pin.chmod(0o600)
        return pin

    def remove(self) -> None:
        """Delete the tokens."""
        shutil.rmtree(self.folder)


def tokens() -> Tokens:
    """Return a folder for tokens."""
    folder = Path(tempfile.mkdtemp(prefix="nrm-tokens-"))
    (folder / "tokens").mkdir()
    configuration = folder / "softhsm2.conf"
    configuration.write_text(
        f"directories.tokendir = {folder}/tokens\nobjectstore.backend = file\nlog.level = ERROR\n"
        "slots.removable = false\n"
    )
    return Tokens(software(), folder, configuration)
