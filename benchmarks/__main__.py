"""`make bench`: a line for each workload, and the same as JSON and as a chart."""

import argparse
import asyncio
import json
import platform
from collections.abc import Collection
from pathlib import Path

from api.logs import configure
from benchmarks.counting import counting, gate
from benchmarks.country import serving
from benchmarks.decision import decision
from benchmarks.duplicates import duplicates
from benchmarks.measuring import Result, chart
from benchmarks.opening import opening
from benchmarks.referrals import growth, inbox, status, transition
from benchmarks.releases import serving_release
from benchmarks.sealing import sealing
from benchmarks.sweep import sweep

LEAST_ROUNDS = 5


FEW = 10_000
"""Referrals of the country with which a larger one is compared."""

WORKLOADS = {
    "W1": opening,
    "sealing": sealing,
    "W2": transition,
    "W3": inbox,
    "W4": status,
    "W6-serving": serving_release,
    "W9": sweep,
}
ALL = (*WORKLOADS, "W5", "W6", "W6-gate", "W12")
"""W11 is measured with W5."""


async def _in_country(wanted: Collection[str], scale: int, rounds: int, times: int) -> list[Result]:
    workloads = [workload for name, workload in WORKLOADS.items() if name in wanted]
    if not workloads:
        return []
    found: list[Result] = []

    def told(results: list[Result]) -> None:
        for one in results:
            print(one.line, flush=True)
        found.extend(results)

    async with serving(scale) as country:
        for workload in workloads:
            told(await workload(country, rounds, times))
        if "W3" in wanted and scale > FEW:
            async with serving(FEW) as small:
                told(await growth(country, small, rounds, times))
    return found


def _said(results: list[Result]) -> list[Result]:
    for one in results:
        print(one.line, flush=True)
    return results


def main() -> None:
    """Measure and write."""
    parser = argparse.ArgumentParser(prog="make bench", description=main.__doc__)
    parser.add_argument("--scale", type=int, default=10_000, help="referrals in the database")
    parser.add_argument("--identities", type=int, default=100_000, help="sealed identities among which W5 searches")
    parser.add_argument("--cases", type=int, default=1_000_000, help="counted cases that W6 counts")
    parser.add_argument("--rounds", type=int, default=7, help=f"of both sides; at least {LEAST_ROUNDS}")
    parser.add_argument("--times", type=int, default=100, help="operations of ours a round")
    parser.add_argument("--only", nargs="+", default=ALL, choices=ALL, help="of these")
    parser.add_argument("--output", type=Path, default=Path(__file__).parent / "results")
    given = parser.parse_args()
    rounds = max(given.rounds, LEAST_ROUNDS)
    configure("error")
    if given.scale < (rounds + 1) * 10 * given.times + 50:
        parser.error(
            "--scale must leave each transition and each sweep referrals of their own: more of it, or fewer --times"
        )
    results, missing = decision(rounds, given.times) if "W12" in given.only else ([], [])
    for one in results:
        print(one.line, flush=True)
    for name in missing:
        print(f"W12 {name} not installed: not compared")
    results += asyncio.run(_in_country(given.only, given.scale, rounds, given.times))
    if "W5" in given.only:
        results += _said(asyncio.run(duplicates(given.identities, rounds, given.times)))
    if "W6" in given.only:
        results += _said(asyncio.run(counting(given.cases, rounds)))
    if "W6-gate" in given.only:
        results += _said(asyncio.run(gate(given.cases)))
    given.output.mkdir(exist_ok=True)
    document = {
        "scale": given.scale,
        "identities": given.identities,
        "cases": given.cases,
        "rounds": rounds,
        "times": given.times,
        "python": platform.python_version(),
        "results": [one.document() for one in results],
        "missing": missing,
    }
    (given.output / "results.json").write_text(json.dumps(document, indent=1) + "\n")
    (given.output / "results.svg").write_text(chart(results))


if __name__ == "__main__":
    main()
