"""Which file of tests runs when, where several processes share them: the longest first, so that none is left alone."""

from typing import Any

import pytest
from xdist.scheduler import LoadFileScheduling

TOGETHER = ("tests/demo/test_story.py", "tests/attacks/test_demo_leaks.py")
"""They look at the same two runs of the demonstration, which one process plays once."""

SECONDS = {
    "tests/clients/test_fuzzing.py": 120,
    "tests/exchange/test_round_trip.py": 80,
    TOGETHER[0]: 70,
}
"""Roughly, of those that take long: an estimate that is wrong costs time and nothing else."""


class LongestFirst(LoadFileScheduling):
    """Gives each process one file after the other, as `--dist loadfile` does."""

    def _split_scope(self, nodeid: str) -> str:
        file = str(super()._split_scope(nodeid))
        return TOGETHER[0] if file in TOGETHER else file

    def _assign_work_unit(self, node: Any) -> None:
        longest = max(self.workqueue, key=lambda file: (SECONDS.get(file, 0), len(self.workqueue[file])))
        self.workqueue.move_to_end(longest, last=False)
        super()._assign_work_unit(node)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> LongestFirst | None:
    """Take the place of xdist's own scheduler of files."""
    return LongestFirst(config, log) if config.getoption("dist") == "loadfile" else None
