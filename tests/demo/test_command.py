"""When the demonstration cannot be played, and what is left when it is stopped."""

import fcntl
import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from api.database import dsn_as
from api.postgres import Server
from tests.demo.rehearsal import NRM, environment, play

PATIENCE = 60.0


@pytest.fixture
def folder() -> Iterator[Path]:
    made = Path(tempfile.mkdtemp(prefix="nrm-demo-"))
    made.chmod(0o711)
    yield made
    Server(made / "demo" / "postgres").remove()
    shutil.rmtree(made)


def test_it_is_not_played_in_production(folder: Path) -> None:
    run = play(folder, NRM_ENVIRONMENT="production")
    assert run.code != 0
    assert "production" in run.errors
    assert list(folder.iterdir()) == []


def test_two_are_not_played_in_one_folder(folder: Path) -> None:
    (folder / "demo").mkdir()
    lock = os.open(folder / "demo" / "playing.lock", os.O_RDWR | os.O_CREAT)
    fcntl.flock(lock, fcntl.LOCK_EX)
    try:
        run = play(folder)
    finally:
        os.close(lock)
    assert run.code == 1
    assert "another demonstration is being played" in run.errors


def test_an_unexpected_answer_ends_it_and_is_told(folder: Path) -> None:
    """With so short a limit the service refuses a body that the story needs to be taken."""
    run = play(folder, NRM_BODY_LIMIT="1024")
    assert run.code == 1
    assert "expected success, got 413 body-too-large" in run.errors
    assert str(folder / "demo" / "service.log") in run.errors
    assert not Server(folder / "demo" / "postgres").running


def test_it_plays_on_a_server_that_is_given(folder: Path) -> None:
    with Server(folder / "demo" / "postgres", durable=False) as given:
        url = dsn_as(given.dsn(database="nrm"), user="nrm_admin", password=given.password)
        run = play(folder / "elsewhere", NRM_DATABASE_URL=url)
        assert run.code == 0, run.errors
        assert given.running
    assert not (folder / "elsewhere" / "demo" / "postgres").exists()


def begun(folder: Path) -> "subprocess.Popen[str]":
    """Start a demonstration and wait for its first act."""
    process = subprocess.Popen(  # noqa: S603 - our own command
        [NRM, "demo"], env=environment(folder), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    for line in process.stdout:
        if "Hotline operator" in line:
            return process
    raise AssertionError("it never began")


def test_asked_to_end_it_stops_everything(folder: Path) -> None:
    with begun(folder) as process:
        started = descendants(process.pid)
        process.terminate()
        process.communicate(timeout=PATIENCE)
    assert process.returncode != 0
    assert len(started) >= 3
    assert ended(started)
    assert not Server(folder / "demo" / "postgres").running


def test_killed_its_service_ends_by_itself(folder: Path) -> None:
    """The database's server stays for the next run, which stops it; that is the server's own rule."""
    with begun(folder) as process:
        started = {pid: name for pid, name in descendants(process.pid).items() if name != "postgres"}
        process.send_signal(signal.SIGKILL)
        process.communicate(timeout=PATIENCE)
    assert len(started) >= 3
    assert ended(started)


def descendants(root: int) -> dict[int, str]:
    """Return the processes below one, with their names."""
    parents: dict[int, tuple[int, str]] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit() and (found := status(int(entry.name))) is not None:
            parents[int(entry.name)] = found
    below = {root}
    while more := {pid for pid, (parent, _) in parents.items() if parent in below} - below:
        below |= more
    return {pid: parents[pid][1] for pid in below - {root}}


def status(pid: int) -> tuple[int, str] | None:
    """Return the parent and the name of a process that runs."""
    try:
        text = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8")
    except OSError:
        return None
    name, _, rest = text.partition("(")[2].rpartition(")")
    state, parent = rest.split()[:2]
    return None if state == "Z" else (int(parent), name)


def ended(processes: dict[int, str]) -> bool:
    """Tell whether all of them end within the patience."""
    until = time.monotonic() + PATIENCE
    while alive := [pid for pid, name in processes.items() if (status(pid) or (0, ""))[1] == name]:
        if time.monotonic() > until:
            return not alive
        time.sleep(0.05)
    return True
