"""The report of the attacks says what happened: real runs of tests that count well, badly, or not at all."""

import re
import subprocess
import sys
from pathlib import Path

from tests.architecture import tree

PLUGINS = ("tests.conftest", "tests.attacks.conftest")


def ran(folder: Path, body: str, *options: str) -> tuple[int, str]:
    """Run some tests with the fixtures of the attacks; returns the exit code and what was printed."""
    file = folder / "test_some.py"
    file.write_text(body, encoding="utf-8")
    plugins = [word for plugin in PLUGINS for word in ("-p", plugin)]
    command = [sys.executable, "-m", "pytest", "-q", "-c", "pyproject.toml", *plugins, *options, str(file)]
    done = subprocess.run(command, cwd=tree.ROOT, capture_output=True, text=True, timeout=120, check=False)  # noqa: S603
    return done.returncode, done.stdout + done.stderr


def test_the_sum_is_that_of_all_processes(tmp_path: Path) -> None:
    body = """
def test_one(attack): attack("locks", tried=1200, succeeded=0)
def test_two(attack): attack("doors", tried=3, succeeded=0); attack("windows", tried=4, succeeded=0)
"""
    code, said = ran(tmp_path, body, "-n", "2")
    assert code == 0, said
    assert "attack locks: 1,200 attempts, 0 succeeded" in said
    assert "\n3 attacks, 1,207 attempts, 0 succeeded\n" in said


def test_what_came_through_tried_nothing_or_said_nothing_fails_the_run(tmp_path: Path) -> None:
    body = """
def test_through(attack): attack("locks", tried=9, succeeded=2)
def test_nothing(attack): attack("doors", tried=0, succeeded=0)
def test_silent(attack): assert attack
def test_good(attack): attack("windows", tried=1, succeeded=0)
"""
    code, said = ran(tmp_path, body)
    assert code == 1, said
    assert "\n3 TESTS FAILED\n3 attacks, 10 attempts, 2 succeeded, BUT THE SUITE FAILED\n" in said
    assert "the test asked for a line in the report and tried nothing" in said


def test_every_attack_of_the_tree_asks_for_its_line_and_calls_it() -> None:
    """A helper may register for a test, but then it is given the register."""
    files = [path for path in tree.python("tests") if path.match("tests/attacks/test_*.py")]
    assert len(files) > 20
    silent = [path.name for path in files if not re.search(r"\battack\(|, attack\)", tree.text(path))]
    assert silent == []
