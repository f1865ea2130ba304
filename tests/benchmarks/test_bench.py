"""The benchmark runs and says every line; how fast anything is, is no claim of a test."""

import json
import re
import sys
from asyncio import create_subprocess_exec
from pathlib import Path
from subprocess import PIPE

import pytest

from benchmarks.measuring import alternating, chart, result

ROOT = Path(__file__).parents[2]
LINE = re.compile(r"(W\d+\b[^=]*) ratio=\S+ \(\S+\.\.\S+\) (?:no goal|goal>=\d\.\d\d (?:ok|missed))  .+/s over .+/s")


async def test_a_short_run_prints_a_line_for_each_workload_and_writes_them(tmp_path: Path) -> None:
    command = ["-m", "benchmarks", "--scale", "300", "--rounds", "5", "--times", "4", "--identities", "1000"]
    command += ["--cases", "400"]
    command += ["--output", str(tmp_path / "out")]
    process = await create_subprocess_exec(sys.executable, *command, cwd=ROOT, stdout=PIPE, stderr=PIPE)
    out, errors = await process.communicate()
    assert process.returncode == 0, errors.decode()
    lines = out.decode().splitlines()
    said = [match[1] for line in lines if (match := LINE.fullmatch(line))]
    written = json.loads((tmp_path / "out" / "results.json").read_text())
    assert [one["workload"] for one in written["results"]] == said
    wanted = {"W12 bare table", "W1", "W1 over unsealed", "W1 reading over unsealed", "W2", "W3", "W3 without walls"}
    assert wanted | {"W4", "W5", "W6", "W6-gate", "W6 serving", "W9", "W11"} <= set(said)
    compared = {name.removeprefix("W12 ") for name in said} | set(written["missing"])
    assert {"python-statemachine", "transitions", "SpiffWorkflow"} <= compared
    assert all(f"W12 {name} not installed: not compared" in lines for name in written["missing"])
    assert {len(one["ratios"]) for one in written["results"] if one["workload"] != "W6-gate"} == {5}
    bars = [one["workload"] for one in written["results"] if one["goal"] is not None]
    assert {"W3", "W9"} < set(bars)
    assert not {"W3 without walls", "W12 bare table"} & set(bars)
    assert (tmp_path / "out" / "results.svg").read_text().count("<rect") == len(bars)


@pytest.mark.parametrize(
    ("pairs", "goal", "verdict"), [([(3.0, 10.0)] * 5, 0.3, "ok"), ([(2.9, 10.0)] * 5, 0.3, "missed")]
)
def test_a_missed_goal_is_said(pairs: list[tuple[float, float]], goal: float, verdict: str) -> None:
    one = result("W0", "made up", pairs, goal)
    assert f"goal>=0.30 {verdict}  " in one.line
    assert one.document()["reached"] is (verdict == "ok")
    assert chart([one]).startswith("<svg")


def test_the_ratio_is_the_median_of_the_rounds_and_its_spread_is_told() -> None:
    one = result("W0", "made up", [(1.0, 2.0), (9.0, 10.0), (1.0, 10.0)], 0.3)
    assert one.ratio == 0.5
    assert "ratio=0.5 (0.1..0.9)" in one.line


async def test_rounds_alternate_who_goes_first() -> None:
    order: list[str] = []

    async def ours(_: int) -> None:
        order.append("ours")

    async def plain(_: int) -> None:
        order.append("plain")

    await alternating(ours, plain, 2, (4, 4))
    firsts = [who for who, before in zip(order, ["", *order], strict=False) if who != before]
    assert firsts == ["ours", "plain", "ours", "plain", "ours"]
