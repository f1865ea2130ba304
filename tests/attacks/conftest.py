"""What was attacked, how often, and what came through: one line for each attack, the sum as the last line."""

from collections.abc import Callable

import pytest

LINES: pytest.StashKey[list[tuple[str, int, int]]] = pytest.StashKey()


@pytest.fixture(scope="session")
def attack(request: pytest.FixtureRequest) -> Callable[..., None]:
    """Register what a test tried: `attack("forged tokens", tried=27, succeeded=0)`. One success fails the test."""
    lines = request.config.stash.setdefault(LINES, [])

    def register(name: str, *, tried: int, succeeded: int) -> None:
        lines.append((name, tried, succeeded))
        assert tried > 0, f"{name}: nothing was tried"
        assert succeeded == 0, f"{name}: {succeeded} of {tried} succeeded"

    return register


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """Write the lines."""
    lines = config.stash.get(LINES, [])
    if not lines:
        return
    terminalreporter.section("attacks")
    for name, tried, succeeded in sorted(lines):
        terminalreporter.write_line(f"attack {name}: tried {tried:,}, {succeeded:,} succeeded")
    total, through = sum(line[1] for line in lines), sum(line[2] for line in lines)
    terminalreporter.write_line(f"{total:,} attacks tried, {through:,} succeeded")
