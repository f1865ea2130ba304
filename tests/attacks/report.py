"""What was attacked, how often, and what came through: a line for each attack, and the sum as the last line.

Part of the suite is every test below `tests/attacks` and every test that `docs/threat-model.md` names: a requirement
that is linked to a test is therefore run by `make attacks`, and one that is linked to nothing is found by
`tests/architecture/test_threat_model.py`.
"""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import pytest

from tests.architecture.threats import linked

ATTACK = "attack"
"""The property of a test's report that carries a line: reports come back from the processes that run the tests."""

ROOT = Path(__file__).parents[2]
HERE = Path("tests/attacks")


@dataclass(frozen=True, order=True)
class Line:
    """One attack: what was tried, how often, and how often it came through."""

    name: str
    tried: int
    succeeded: int

    def __str__(self) -> str:
        return f"attack {self.name}: {self.tried:,} attempts, {self.succeeded:,} succeeded"


@dataclass(frozen=True)
class Tally:
    """All that a run tried.

    Attributes:
        lines: One for each attack.
        claims: Tests that held without counting attempts: each by its name if it is an attack, else by its file.
        failed: How many tests failed.
    """

    lines: tuple[Line, ...]
    claims: tuple[tuple[str, int], ...]
    failed: int

    @classmethod
    def of(cls, passed: Iterable[Any], failed: Iterable[Any]) -> Self:
        """Read the reports of tests that passed and of those that failed."""
        passed, failed = list(passed), list(failed)
        lines = [
            Line(*value)
            for report in (*passed, *failed)
            for key, value in getattr(report, "user_properties", ())
            if key == ATTACK
        ]
        silent = [
            _claim(one.nodeid) for one in passed if ATTACK in one.keywords and ATTACK not in dict(one.user_properties)
        ]
        return cls(tuple(sorted(lines)), tuple(sorted(Counter(silent).items())), len(failed))

    @property
    def broken(self) -> bool:
        """Whether something came through, failed, or was an attack in name only."""
        return bool(self.failed) or any(line.succeeded or not line.tried for line in self.lines)

    @property
    def text(self) -> list[str]:
        """What is printed."""
        attempts, through = sum(line.tried for line in self.lines), sum(line.succeeded for line in self.lines)
        last = f"{len(self.lines):,} attacks, {attempts:,} attempts, {through:,} succeeded"
        return [
            *map(str, self.lines),
            *(f"claim {name}: held in {count:,} tests" for name, count in self.claims),
            *([f"{self.failed} TESTS FAILED"] if self.failed else []),
            last if not self.broken else f"{last}, BUT THE SUITE FAILED",
        ]


def _claim(test: str) -> str:
    """Return what a test claims by its name; tests elsewhere are summed up by their file."""
    file, _, name = test.partition("::")
    inside = Path(file).is_relative_to(HERE)
    return name.partition("[")[0].removeprefix("test_").replace("_", " ") if inside else file


def pytest_addoption(parser: pytest.Parser) -> None:
    """Let a longer run be asked for: what takes minutes is small in the gate."""
    group = parser.getgroup("attacks")
    group.addoption("--canaries", type=int, default=240, help="cases whose words are searched everywhere")
    group.addoption("--disclosures", type=int, default=120, help="how many disclosures race the end of their ground")
    group.addoption("--pairs", type=int, default=8, help="pairs of questions a route, for the statistic of times")


def pytest_configure(config: pytest.Config) -> None:
    """Name the mark."""
    config.addinivalue_line("markers", f"{ATTACK}: part of the attack suite (`make attacks`); set by where a test is")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark what is part of the suite."""
    named = {ROOT / path for path in linked()}
    for item in items:
        inside = item.path.is_relative_to(ROOT / HERE)
        if inside or item.path in named:
            item.add_marker(ATTACK)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Write the lines."""
    stats = terminalreporter.stats
    tally = Tally.of(stats.get("passed", []), [*stats.get("failed", []), *stats.get("error", [])])
    if tally.lines:
        terminalreporter.section("attacks")
        for line in tally.text:
            terminalreporter.write_line(line)
