"""Starts and stops a PostgreSQL server of our own: for the demonstration, for development and for the tests.

Everything of one server lives in one folder: the cluster in `data/`, the administrator's password, the log, and two
lock files. `start.lock` makes starting and stopping one at a time. Every process that uses the server holds
`users.lock` shared, so the kernel counts the users, also those that were killed: a second process attaches to the
running server, and only the last one that leaves stops it.

The server listens on a Unix socket in a folder of mode 0700 and on nothing else; passwords are SCRAM-SHA-256.
"""

import contextlib
import errno
import fcntl
import hashlib
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import TracebackType
from typing import Final, Self
from urllib.parse import quote

from api.postgres_binaries import (
    SHARED_FOLDER,
    Account,
    Binaries,
    find_binaries,
    make_passable,
    reachable,
    server_account,
)
from api.postgres_cluster import ADMINISTRATOR, PORT, Cluster, PostgresFailed

LONGEST_SOCKET_PATH: Final = 100
"""Bytes; the operating system allows 107 with the end mark."""

LAUNCH_PAUSES: Final = (0.05, 0.1, 0.2, 0.4, 0.8, 1.6)
"""Seconds to wait after each launch that ended at once."""


class _Ended(Exception):
    """The server that was launched has already ended."""


class Server:
    """One PostgreSQL server in one folder.

    Args:
        folder: Where its files live; made if absent. If we are root and the unprivileged account cannot reach it, the
            files live below `/var/lib/nrm` and the folder becomes a link to them.
        durable: Whether a commit reaches the disk before it is answered. Only tests turn it off.
        binaries: Which programs to run; the first ones found unless told.
        patience: Seconds to wait for the server to start or stop.
    """

    def __init__(
        self, folder: Path, *, durable: bool = True, binaries: Binaries | None = None, patience: float = 30.0
    ) -> None:
        self._account = server_account()
        self._asked = folder.absolute()
        self.folder = _placed(self._asked, self._account)
        self._cluster = Cluster(self.folder, self._socket_folder, self._account, durable=durable)
        self._binaries = binaries
        self._patience = patience
        self._process: subprocess.Popen[bytes] | None = None
        self._users: int | None = None

    @property
    def data(self) -> Path:
        """The cluster: mode 0700, owned by the account that runs the server."""
        return self._cluster.data

    @property
    def log(self) -> Path:
        """The server's log; it holds no statement and no value."""
        return self._cluster.log

    @property
    def password(self) -> str:
        """The administrator's password, random, made with the cluster."""
        return self._cluster.password

    @property
    def url(self) -> str:
        """Where the server is, without user, password and database."""
        return f"postgresql:///postgres?host={quote(str(self._socket_folder), safe='/')}&port={PORT}"

    @property
    def running(self) -> bool:
        """Whether the server takes connections; asked of its socket, which nobody else can own."""
        with socket.socket(socket.AF_UNIX) as probe:
            try:
                probe.connect(str(self._socket))
            except OSError:
                return False
            return True

    def dsn(self, *, database: str = "postgres", user: str = ADMINISTRATOR, password: str | None = None) -> str:
        """Return a connection string; the administrator's password is filled in unless one is given."""
        secret = self.password if password is None else password
        login = f"{quote(user, safe='')}:{quote(secret, safe='')}"
        where = f"host={quote(str(self._socket_folder), safe='/')}&port={PORT}"
        return f"postgresql://{login}@/{quote(database, safe='')}?{where}"

    def start(self) -> Self:
        """Make the cluster if there is none, start the server or attach to the running one, and wait until it is ready.

        Raises:
            PostgresMissing: no programs of a supported version.
            PostgresFailed: it did not start within the patience.
        """
        self._prepare_folder()
        with self._starting(), self._using():
            if self._process is not None:
                self._process.poll()  # a dead child keeps its number until asked for, and looks alive to a new server
            if not self.running:
                binaries = reachable(self._binaries, self._account) if self._binaries else find_binaries(self._account)
                self._cluster.make(binaries)
                self._launch_until_ready(binaries)
            else:
                self._await(self._ready, "start")
        return self

    def stop(self) -> bool:
        """Leave; the last user stops the server, ending open transactions (PostgreSQL's fast shutdown).

        Returns:
            Whether we were the last, so that the server is stopped.
        """
        if not self.folder.is_dir():
            return True
        with self._starting():
            users = self._users if self._users is not None else _open_lock(self.folder / "users.lock")
            self._users = None
            try:
                last = _taken_alone(users)
                if last and self.running:
                    self._shut_down()
            finally:
                os.close(users)
        return last

    def kill(self) -> None:
        """Kill the server as a crash would; for tests of recovery."""
        self._signal(signal.SIGKILL)
        self._await(lambda: not self.running, "die")
        self._reap()

    def remove(self) -> None:
        """Stop the server if nobody else uses it, and delete its files."""
        if self.stop():
            shutil.rmtree(self._socket_folder, ignore_errors=True)
            shutil.rmtree(self.folder, ignore_errors=True)
            if self._asked.is_symlink():
                self._asked.unlink()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    @property
    def _socket_folder(self) -> Path:
        near = self.folder / "socket"
        if len(os.fsencode(near / f".s.PGSQL.{PORT}")) <= LONGEST_SOCKET_PATH:
            return near
        return Path(tempfile.gettempdir()) / f"nrm-{_mark(self.folder)}"

    @property
    def _socket(self) -> Path:
        return self._socket_folder / f".s.PGSQL.{PORT}"

    @contextlib.contextmanager
    def _starting(self) -> Iterator[None]:
        """Hold the lock under which a server is started or stopped."""
        lock = _open_lock(self.folder / "start.lock")
        try:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield
        finally:
            os.close(lock)

    @contextlib.contextmanager
    def _using(self) -> Iterator[None]:
        """Count as a user from now on, unless the start fails."""
        users = self._users if self._users is not None else _open_lock(self.folder / "users.lock")
        fcntl.flock(users, fcntl.LOCK_SH)
        self._users = users
        try:
            yield
        except BaseException:
            self._users = None
            os.close(users)
            raise

    def _prepare_folder(self) -> None:
        if self._account.switches:
            make_passable(self.folder)
        else:
            self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            self.folder.chmod(0o700)

    def _launch_until_ready(self, binaries: Binaries) -> None:
        """Launch and wait; again if it ends at once, as it does until the children of a killed server have left."""
        for pause in LAUNCH_PAUSES:
            self._launch(binaries)
            with contextlib.suppress(_Ended):
                return self._await(self._ready, "start")
            time.sleep(pause)
        raise PostgresFailed(f"the server ended at once, {len(LAUNCH_PAUSES)} times: see {self.log}")

    def _launch(self, binaries: Binaries) -> None:
        """Start the server in a session of its own: Ctrl-C is for us, and we stop it after our last transaction."""
        log = os.open(self.log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        try:
            self._process = subprocess.Popen(  # noqa: S603 - our own arguments, no shell
                [binaries.program("postgres"), "-D", str(self.data)],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
                **self._account.process(),
            )
        finally:
            os.close(log)

    def _ready(self) -> bool:
        """Tell whether the server says so in its own status file; a crashed predecessor may have to be recovered."""
        if self._process is not None and self._process.poll() is not None:
            raise _Ended
        lines = _lines(self.data / "postmaster.pid")
        return len(lines) > _STATUS_LINE and lines[_STATUS_LINE].strip() == "ready" and self.running

    def _shut_down(self) -> None:
        self._signal(signal.SIGINT)
        self._await(lambda: not _lines(self.data / "postmaster.pid"), "stop")
        self._reap()

    def _signal(self, number: signal.Signals) -> None:
        """Signal the server; the status file must name our cluster, or nobody is signalled."""
        lines = _lines(self.data / "postmaster.pid")
        if len(lines) > 1 and lines[1] == str(self.data) and self.running:
            with contextlib.suppress(ProcessLookupError):
                os.kill(int(lines[0]), number)

    def _reap(self) -> None:
        if self._process is not None:
            self._process.wait(self._patience)
            self._process = None

    def _await(self, happened: Callable[[], bool], what: str) -> None:
        deadline = time.monotonic() + self._patience
        while not happened():
            if time.monotonic() > deadline:
                raise PostgresFailed(f"the server did not {what} within {self._patience:.0f} s: see {self.log}")
            time.sleep(0.005)


_STATUS_LINE: Final = 7
"""Position of the status in `postmaster.pid` (PostgreSQL's `miscadmin.h`, LOCK_FILE_LINE_PM_STATUS, counted from 0)."""


def _placed(folder: Path, account: Account) -> Path:
    """Return where the files really live: the asked folder, or a link's goal that the server's account can reach.

    Raises:
        PostgresFailed: there are files already, and their folder was made private since.
    """
    if folder.is_symlink() or account.reaches(folder):
        return folder.resolve()
    if folder.exists():
        raise PostgresFailed(f"PostgreSQL runs as user {account.uid}, who can no longer reach {folder}")
    place = SHARED_FOLDER / _mark(folder)
    make_passable(SHARED_FOLDER)
    make_passable(place)
    folder.parent.mkdir(parents=True, exist_ok=True)
    folder.symlink_to(place)
    return place


def _mark(folder: Path) -> str:
    return hashlib.sha256(os.fsencode(folder)).hexdigest()[:12]


def _open_lock(path: Path) -> int:
    return os.open(path, os.O_RDWR | os.O_CREAT, 0o600)


def _taken_alone(lock: int) -> bool:
    """Turn our shared lock into an exclusive one, if nobody else holds it."""
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        if error.errno in {errno.EAGAIN, errno.EACCES}:
            return False
        raise
    return True


def _lines(path: Path) -> list[str]:
    try:
        return path.read_text().splitlines()
    except (FileNotFoundError, PermissionError):
        return []
