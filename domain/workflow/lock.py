"""The lock: the SHA-256 of every published file. What is published never changes; a change is a new version."""

import hashlib
import re
from pathlib import Path

from domain.workflow.files import FileInvalid

LOCK = "sops.lock"
_VERSIONED = re.compile(r"^(0|[1-9]\d*)\.(0|[1-9]\d*)\.(0|[1-9]\d*)\.yaml$")
_LINE = re.compile(r"^([0-9a-f]{64})  (\S+)$")


def versioned_files(root: Path) -> dict[str, str]:
    """The digest of every file named after a version, by its path below the root."""
    found = sorted(path for path in root.rglob("*.yaml") if _VERSIONED.match(path.name))
    return {path.relative_to(root).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest() for path in found}


def read_lock(root: Path) -> dict[str, str]:
    """The digests of the published files, by path.

    Raises:
        FileInvalid: a line is not a digest and a path, or a path stands twice.
    """
    path = root / LOCK
    locked: dict[str, str] = {}
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines() if path.exists() else (), start=1):
        found = _LINE.match(line)
        if found is None or found[2] in locked:
            raise FileInvalid(f"{path}, line {number}: not a digest and a path, or named twice")
        locked[found[2]] = found[1]
    return locked


def verify(root: Path) -> None:
    """Refuse a package that is not exactly what was published.

    Raises:
        FileInvalid: a file is changed, is absent, or was never published.
    """
    locked, present = read_lock(root), versioned_files(root)
    problems = [f"changed since it was published: {path}" for path in changed(locked, present)]
    problems += [f"published but absent: {path}" for path in sorted(set(locked) - set(present))]
    problems += [f"never published: {path} (run `nrm sop lock`)" for path in sorted(set(present) - set(locked))]
    if problems:
        raise FileInvalid("; ".join(problems))


def changed(locked: dict[str, str], present: dict[str, str]) -> list[str]:
    """The published files whose bytes are no longer those that were published."""
    return [path for path, digest in sorted(present.items()) if locked.get(path, digest) != digest]


def publish(root: Path) -> list[str]:
    """Add the files that are new to the lock, and return their paths.

    Raises:
        FileInvalid: a published file was changed or removed; nothing is written.
    """
    locked, present = read_lock(root), versioned_files(root)
    if problems := changed(locked, present) + sorted(set(locked) - set(present)):
        raise FileInvalid(f"published files never change; make a new version instead of: {', '.join(problems)}")
    lines = [f"{digest}  {path}\n" for path, digest in sorted(present.items())]
    (root / LOCK).write_text("".join(lines), encoding="utf-8")
    return sorted(set(present) - set(locked))
