"""Files that hold keys: read only when nobody else may, never half-written, never replaced by accident."""

import os
import stat
from pathlib import Path
from typing import Final

_LARGEST_FILE: Final = 256 * 1024

Mark = tuple[int, int, int]
"""What changes when a file is replaced or written: its number, size and time."""


class KeyFileRefused(Exception):
    """A key file is missing, open to others, or not one of ours. The message names the file, never its content."""


def read(path: Path) -> tuple[bytes, Mark]:
    """Return what a key file holds, and its mark.

    Raises:
        KeyFileRefused: it is missing, a link, somebody else's, or open to others.
    """
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError as error:
        raise KeyFileRefused(f"{path}: cannot be opened ({error.strerror})") from None
    try:
        status = os.fstat(descriptor)
        _check_status(path, status)
        return os.read(descriptor, _LARGEST_FILE), _mark(status)
    finally:
        os.close(descriptor)


def mark(path: Path) -> Mark | None:
    """Return the file's mark, or None where there is none to be seen."""
    try:
        return _mark(path.stat(follow_symlinks=False))
    except OSError:
        return None


def write(path: Path, text: str) -> None:
    """Write a new file that its owner alone reads; it survives a power cut.

    Raises:
        KeyFileRefused: there is a file already: replacing it would shred everything sealed under it.
    """
    _write(path, text)
    _persist_names(path.parent)


def replace(path: Path, text: str) -> None:
    """Replace a file in one step.

    Raises:
        KeyFileRefused: somebody else is replacing it at this moment.
    """
    successor = path.with_name(path.name + ".new")
    _write(successor, text)
    successor.replace(path)
    _persist_names(path.parent)


def _mark(status: os.stat_result) -> Mark:
    return status.st_ino, status.st_size, status.st_mtime_ns


def _check_status(path: Path, status: os.stat_result) -> None:
    """Judge the file that was opened, not its name: between a check by name and the opening it could be swapped."""
    if not stat.S_ISREG(status.st_mode) or status.st_mode & 0o077:
        raise KeyFileRefused(f"{path}: must be a regular file that only its owner may read (mode 0600)")
    if status.st_uid not in {os.geteuid(), 0}:
        raise KeyFileRefused(f"{path}: belongs to somebody else")


def _write(path: Path, text: str) -> None:
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise KeyFileRefused(f"{path}: cannot be made ({error.strerror})") from None
    with os.fdopen(descriptor, "w", encoding="ascii") as file:
        file.write(text)
        file.flush()
        os.fsync(descriptor)


def _persist_names(folder: Path) -> None:
    """Make a new or replaced name survive a power cut: losing a key shreds what it has wrapped."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
