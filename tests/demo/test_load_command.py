"""`nrm demo load`: what it prints, and where it refuses."""

import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from api.postgres import Server
from tests.architecture import tree
from tests.demo.rehearsal import environment

PROGRAM = "from api.cli import main; main()"


@pytest.fixture
def folder() -> Iterator[Path]:
    made = Path(tempfile.mkdtemp(prefix="nrm-load-"))
    made.chmod(0o711)  # the server runs as another account when we are root
    yield made
    Server(made / "postgres").remove()
    shutil.rmtree(made)


def nrm(folder: Path, *words: str, **settings: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(  # noqa: S603 - our own command
        [sys.executable, "-c", PROGRAM, *words],
        env=environment(folder, **settings),
        cwd=tree.ROOT,
        capture_output=True,
        text=True,
        encoding="utf-8",
        timeout=250,
        check=False,
    )


def test_a_year_is_loaded_in_several_processes_and_can_be_verified(folder: Path) -> None:
    loaded = nrm(folder, "demo", "load", "--cases", "101", "--seed", "4", "--processes", "2")
    assert (loaded.returncode, loaded.stderr) == (0, "")
    assert loaded.stdout.startswith("101 invented cases of the year 2025, ")
    assert "cases: 101, " in loaded.stdout
    verified = nrm(folder, "audit", "verify")
    assert verified.returncode == 0, verified.stderr
    assert "in 111 streams" in verified.stdout  # a stream for each case, and one for each of ten organisations


def test_it_is_refused_in_production(folder: Path) -> None:
    refused = nrm(folder, "demo", "load", "--cases", "10", NRM_ENVIRONMENT="production")
    assert refused.returncode != 0
    assert "production" in refused.stderr
    assert list(folder.iterdir()) == []


@pytest.mark.parametrize("words", [("--cases", "0"), ("--cases", "10", "--frequencies", "no-such-file.csv")])
def test_what_cannot_be_loaded_is_refused_before_anything_is_made(folder: Path, words: tuple[str, ...]) -> None:
    refused = nrm(folder, "demo", "load", *words)
    assert refused.returncode != 0
    assert refused.stdout == ""
    assert not (folder / "postgres").exists()
