"""The files of one PostgreSQL cluster of our own: made once, and configured anew before every start."""

import contextlib
import os
import secrets
import shutil
import subprocess
from dataclasses import KW_ONLY, dataclass
from pathlib import Path
from typing import Final

from api.postgres_binaries import Account, Binaries

ADMINISTRATOR: Final = "nrm_admin"
PORT: Final = 5432
"""Only part of the socket's name: nothing listens on a network port."""

BUILTIN_LOCALE_SINCE: Final = 17
"""The major version that brought a locale of PostgreSQL's own: the same order of text on every machine."""

LOGGING: Final[dict[str, str]] = {
    "log_statement": "none",
    "log_min_messages": "log",
    "log_min_error_statement": "panic",
    "log_error_verbosity": "terse",
    "log_min_duration_statement": "-1",
    "log_parameter_max_length": "0",
    "log_parameter_max_length_on_error": "0",
}
"""What keeps values out of the server's log: no statements, no parameters, no messages of refused statements (they
quote values) and no detail lines (they quote keys). Any server that we are given should have the same."""


class PostgresFailed(RuntimeError):
    """The server could not be made or started; the message names the log file, never a password."""


@dataclass(frozen=True)
class Cluster:
    """One cluster.

    Args:
        folder: Where its files live.
        sockets: The folder of mode 0700 where the server listens.
        account: Who runs the server and owns the data.
        durable: Whether a commit reaches the disk before it is answered.
    """

    folder: Path
    sockets: Path
    account: Account
    _: KW_ONLY
    durable: bool = True

    @property
    def data(self) -> Path:
        """What PostgreSQL calls the data directory."""
        return self.folder / "data"

    @property
    def log(self) -> Path:
        """The log of `initdb` and of the server."""
        return self.folder / "server.log"

    @property
    def password(self) -> str:
        """The administrator's password, random, made with the cluster."""
        return (self.folder / "admin.password").read_text().strip()

    def make(self, binaries: Binaries) -> None:
        """Make what is missing; `initdb` runs in a folder beside, so that a cluster is there as a whole or not at all.

        Raises:
            PostgresFailed: `initdb` failed, or a folder belongs to somebody else.
        """
        self._own(self.sockets)
        if not (self.data / "PG_VERSION").exists():
            write_private(self.folder / "admin.password", secrets.token_urlsafe(32) + "\n")
            unfinished = self.folder / "unfinished"
            shutil.rmtree(unfinished, ignore_errors=True)
            self._own(unfinished)
            self._initialise(binaries, unfinished)
            unfinished.rename(self.data)
        self._configure()

    def _initialise(self, binaries: Binaries, target: Path) -> None:
        """Run `initdb`; it reads the password from a short-lived copy, since its account may not read our file."""
        copy = self.sockets / "password"
        write_private(copy, self.password)
        os.chown(copy, self.account.uid, self.account.gid)
        command = [
            binaries.program("initdb"),
            f"--pgdata={target}",
            f"--username={ADMINISTRATOR}",
            "--auth=scram-sha-256",
            f"--pwfile={copy}",
            "--encoding=UTF8",
            "--locale=C.UTF-8",
            *(["--locale-provider=builtin"] if binaries.version >= BUILTIN_LOCALE_SINCE else []),
            "--data-checksums",
            "--no-instructions",
            *([] if self.durable else ["--no-sync"]),
        ]
        try:
            done = subprocess.run(  # noqa: S603 - our own arguments, no shell
                command,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                check=False,
                **self.account.process(),
            )
        finally:
            copy.unlink()
        if done.returncode != 0:
            self.log.write_bytes(done.stdout)
            raise PostgresFailed(f"initdb ended with code {done.returncode}: see {self.log}")

    def _own(self, folder: Path) -> None:
        """Make a folder of mode 0700 that belongs to the server's account.

        Raises:
            PostgresFailed: it belongs to somebody else: a predictable name in a public folder may be a trap.
        """
        with contextlib.suppress(FileExistsError):
            folder.mkdir(mode=0o700)
            os.chown(folder, self.account.uid, self.account.gid)
        if not folder.is_dir() or folder.is_symlink() or folder.lstat().st_uid != self.account.uid:
            raise PostgresFailed(f"{folder} belongs to somebody else")
        folder.chmod(0o700)

    def _configure(self) -> None:
        """Write our settings anew before each start, so that an old cluster never keeps old ones."""
        ours = self.data / "nrm.conf"
        ours.write_text("".join(f"{name} = '{value}'\n" for name, value in self._settings().items()))
        main = self.data / "postgresql.conf"
        line = "include 'nrm.conf'\n"
        if not main.read_text().endswith(line):
            main.write_text(main.read_text() + line)
        for path in (ours, main):
            path.chmod(0o600)
            os.chown(path, self.account.uid, self.account.gid)

    def _settings(self) -> dict[str, str]:
        switch = "on" if self.durable else "off"
        return LOGGING | {
            "listen_addresses": "",
            "unix_socket_directories": str(self.sockets),
            "unix_socket_permissions": "0700",
            "port": str(PORT),
            "password_encryption": "scram-sha-256",
            "timezone": "UTC",
            "log_timezone": "UTC",
            "max_connections": "100",
            "shared_buffers": "64MB",
            "jit": "off",
            "fsync": switch,
            "synchronous_commit": switch,
            "full_page_writes": switch,
        }


def write_private(path: Path, text: str) -> None:
    """Write a file that only we can read, from its first byte on."""
    path.unlink(missing_ok=True)
    file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(file, "w") as stream:
        stream.write(text)
