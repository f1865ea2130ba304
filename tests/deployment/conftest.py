"""Servers of a test's own: to stop, kill and damage."""

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from api.postgres import Server


@pytest.fixture
def place() -> Iterator[Path]:
    """Give a folder that the server's account can reach; pytest's own is private to us."""
    with tempfile.TemporaryDirectory(prefix="nrm-place-") as folder:
        Path(folder).chmod(0o711)
        yield Path(folder)


@pytest.fixture
def server(place: Path) -> Iterator[Server]:
    """Give a server that is not started yet, and is removed after."""
    made = Server(place / "postgres", durable=False)
    yield made
    made.remove()
