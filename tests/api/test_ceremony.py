"""The ceremony at a real terminal: words are shown once, typed back, and echoed nowhere."""

import os
import pty
import re
import select
import signal
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from api.control import Order, ask_all, controlled
from api.postgres_binaries import CLEAN_ENVIRONMENT
from domain.sealing.keeper import Keeper
from domain.sealing.shares import SharesSource, opened_by

PROGRAM = [sys.executable, "-c", "from api.cli import main; main()"]
PATIENCE = 30.0
WORDS = re.compile(r"\d+ ([a-z]+) ")


class Terminal:
    """A command at a terminal of its own."""

    def __init__(self, words: list[str], environment: dict[str, str]) -> None:
        self.pid, self.descriptor = pty.fork()
        if self.pid == 0:
            os.execve(sys.executable, [*PROGRAM, *words], CLEAN_ENVIRONMENT | environment)  # noqa: S606
        self.shown = ""

    def until(self, text: str) -> str:
        """Return what is shown up to a text."""
        end = time.monotonic() + PATIENCE
        while text not in self.shown:
            assert time.monotonic() < end, self.shown
            if select.select([self.descriptor], [], [], 1)[0]:
                self.shown += self._read()
        before, _, self.shown = self.shown.partition(text)
        return before

    def _read(self) -> str:
        try:
            return os.read(self.descriptor, 4096).decode()
        except OSError:
            return "\nthe end\n"

    def type(self, text: str) -> None:
        os.write(self.descriptor, text.encode() + b"\n")

    def ended(self) -> tuple[int, str]:
        """Return the exit code, and what was shown after the last `until`."""
        rest = self.until("the end")
        _, status = os.waitpid(self.pid, 0)
        self.pid = 0
        return os.waitstatus_to_exitcode(status), rest

    def close(self) -> None:
        if self.pid:
            os.kill(self.pid, signal.SIGKILL)
            os.waitpid(self.pid, 0)
        os.close(self.descriptor)


@pytest.fixture
def terminals() -> Iterator[list[Terminal]]:
    opened: list[Terminal] = []
    yield opened
    for one in opened:
        one.close()


def started(terminals: list[Terminal], folder: Path, *words: str) -> Terminal:
    root = str(Path(__file__).resolve().parents[2])
    environment = {"PYTHONPATH": root, "NRM_DATA_DIR": str(folder / "data"), "TERM": "dumb"}
    terminals.append(Terminal(list(words), environment))
    return terminals[-1]


def handed(terminal: Terminal) -> str:
    """Be a custodian: look, write down, type back; return the words."""
    terminal.until("press Enter")
    terminal.type("")
    words = " ".join(WORDS.findall(terminal.until("Write the words down")))
    terminal.until("Then press Enter")
    terminal.type("")
    assert "\033[2J" in terminal.until("Type them back: ")
    return words


def test_each_custodian_sees_and_types_the_words_alone_and_then_they_are_gone(
    tmp_path: Path, terminals: list[Terminal]
) -> None:
    path = tmp_path / "keys.sealed"
    making = ("keys", "init", "--file", str(path), "--custodians", "2", "--quorum", "2")
    terminal = started(terminals, tmp_path, *making)
    first = handed(terminal)
    terminal.type("mistyped words")
    assert "not the same words" in terminal.until("Type them back: ")
    terminal.type(first.upper())
    second = handed(terminal)
    assert not path.exists()
    terminal.type(second)
    code, rest = terminal.ended()
    assert code == 0
    assert "opened by 2 of 2 custodians" in rest
    assert first not in rest
    assert second not in rest
    assert len(first.split()) == len(second.split()) == 33
    assert opened_by(path, [second, first]) is not None

    before = path.read_bytes()
    again = started(terminals, tmp_path, *making)
    code, rest = again.ended()
    assert (code, path.read_bytes()) == (1, before)
    assert "nothing was made" in rest

    keeper = Keeper(SharesSource(path, os.urandom))
    folder = tmp_path / "data" / "control"
    with controlled(keeper, folder, "serve"):
        for words in (first, second):
            giving = started(terminals, tmp_path, "unseal")
            giving.until("(it is not shown): ")
            giving.type(words)
            code, rest = giving.ended()
            assert code == 0
            assert words not in rest
    assert not keeper.standing().sealed
    assert ask_all(folder, Order(order="status")) == {}


def test_without_words_typed_back_nothing_is_made(tmp_path: Path, terminals: list[Terminal]) -> None:
    path = tmp_path / "keys.sealed"
    making = ("keys", "init", "--file", str(path), "--custodians", "2", "--quorum", "2")
    terminal = started(terminals, tmp_path, *making)
    handed(terminal)
    for _ in range(2):
        terminal.type("mistyped")
        terminal.until("Type them back: ")
    terminal.type("mistyped")
    code, _ = terminal.ended()
    assert code == 1
    assert not path.exists()
