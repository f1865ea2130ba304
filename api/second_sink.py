"""Where openings are kept outside the database: a file that only grows, or a process that has one on another host.

Requests that wait at the same time are written together, with one `fsync`. Several processes may share one file: each
takes its lock, and goes on from whatever line stands last.
"""

import asyncio
import contextlib
import fcntl
import os
import socket
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from domain.audit.sink import BEFORE_THE_FIRST, Opening, line_of, link_of

PATIENCE: Final = 5.0
"""Seconds for the other side to keep a batch."""

LONGEST_LINE: Final = 1 << 16
"""Bytes that are read from the end of a file to find its last line."""

AGREED: Final = b"kept\n"

Write = Callable[[Sequence[Opening]], None]
"""Writes a batch in a thread; raises OSError."""


class Together:
    """Gathers what is to be kept while a batch is being written."""

    def __init__(self, write: Write) -> None:
        self._write = write
        self._waiting: list[tuple[Sequence[Opening], asyncio.Future[None]]] = []
        self._writing: asyncio.Task[None] | None = None

    async def keep(self, openings: Sequence[Opening]) -> None:
        """Keep openings; returns once they are safe.

        Raises:
            OSError: they could not be kept.
        """
        done = asyncio.get_running_loop().create_future()
        self._waiting.append((openings, done))
        if self._writing is None or self._writing.done():
            self._writing = asyncio.create_task(self._write_all())
        await done

    async def _write_all(self) -> None:
        while self._waiting:
            batch, self._waiting = self._waiting, []
            wanted = [one for openings, _ in batch for one in openings]
            (failed,) = await asyncio.gather(asyncio.to_thread(self._write, wanted), return_exceptions=True)
            for _, done in batch:
                if done.done():  # whoever asked has gone away
                    continue
                if failed is None:
                    done.set_result(None)
                else:
                    done.set_exception(OSError("the second sink did not keep what was opened"))


@dataclass(frozen=True, slots=True)
class _End:
    """Where the file ended when this process wrote to it, and what the next line is bound to."""

    inode: int
    size: int
    link: bytes


class FileSink:
    """A file of lines that only grows. `chattr +a` keeps even its owner from changing it."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._end: _End | None = None
        self.keep = Together(self._write).keep

    def _write(self, openings: Sequence[Opening]) -> None:
        """Append in one write and wait until the disk has it. The file is opened each time: it may have been moved."""
        flags = os.O_RDWR | os.O_APPEND | os.O_CLOEXEC | os.O_NOFOLLOW
        descriptor = _opened(self.path, flags)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            found = os.fstat(descriptor)
            end, self._end = self._end, None
            known = end is not None and (end.inode, end.size) == (found.st_ino, found.st_size)
            link = end.link if end is not None and known else _resumed(descriptor, found.st_size)
            lines = []
            for opening in openings:
                lines.append(line_of(opening, link))
                link = link_of(lines[-1])
            content = b"".join(lines)
            if os.write(descriptor, content) != len(content):
                raise OSError("the second sink is full")
            os.fsync(descriptor)
            self._end = _End(found.st_ino, os.fstat(descriptor).st_size, link)
        finally:
            os.close(descriptor)


def _opened(path: Path, flags: int) -> int:
    """Open the file, made anew if it is missing: then its name is made safe too."""
    with contextlib.suppress(FileNotFoundError):
        return os.open(path, flags)
    descriptor = os.open(path, flags | os.O_CREAT, 0o600)
    folder = os.open(path.parent, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
    return descriptor


def _resumed(descriptor: int, size: int) -> bytes:
    """Return what the next line is bound to; a line that was torn is ended first, and stays."""
    if size == 0:
        return BEFORE_THE_FIRST
    start = max(size - LONGEST_LINE, 0)
    tail = os.pread(descriptor, size - start, start)
    if not tail.endswith(b"\n"):
        os.write(descriptor, b"\n")
        tail += b"\n"
    return link_of(tail[:-1].rpartition(b"\n")[2] + b"\n")


class SocketSink:
    """A process that keeps openings in a file of its own: `nrm audit keep`, reached through a Unix socket.

    It may be on another host, behind whatever forwards the socket there. It answers when it has kept a batch.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.keep = Together(self._write).keep

    def _write(self, openings: Sequence[Opening]) -> None:
        """Send a batch, each line bound to nothing: the other side binds them."""
        content = b"".join(line_of(one, BEFORE_THE_FIRST) for one in openings)
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
            connection.settimeout(PATIENCE)
            connection.connect(str(self.path))
            connection.sendall(content)
            connection.shutdown(socket.SHUT_WR)
            if connection.recv(len(AGREED)) != AGREED:
                raise OSError("the second sink did not agree")
