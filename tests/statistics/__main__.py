"""`make statistics`: attack thousands of random populations, and write what was found into `docs/`."""

import argparse
import json
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict
from multiprocessing import get_context

from tests.statistics import attacked_populations as independent
from tests.statistics.differencing import CHANGES, DESIGNS, PACES, RELEASES, TOLERATED, Row, advantage, played
from tests.statistics.measuring import FORBIDDEN, SETTINGS, SIZES, Numbers, measured
from tests.statistics.reporting import DOCUMENT, RESULTS, filled

OFTEN = 20
"""Seconds after which what is known so far is written: a run that is stopped has measured something."""


def _jobs(each: int) -> Iterator[tuple[str, int, int]]:
    """Yield the populations in turn, so that a part of the run is a fair part of everything."""
    for seed in range(each):
        for setting in SETTINGS.values():
            if seed % setting.share == 0:
                for size in SIZES:
                    yield setting.name, size, seed


def _write(part: str, found: object) -> None:
    """Put a part of what was measured into the results, and leave the others as they are."""
    known = json.loads(RESULTS.read_text(encoding="utf-8")) if RESULTS.exists() else {}
    RESULTS.write_text(json.dumps(known | {part: found}, indent=1, sort_keys=True) + "\n", encoding="utf-8")


def _document() -> None:
    found = json.loads(RESULTS.read_text(encoding="utf-8"))
    DOCUMENT.write_text(filled(DOCUMENT.read_text(encoding="utf-8"), found), encoding="utf-8")


def _told(done: int, total: int, began: float) -> None:
    width = 40
    bar = "#" * (width * done // total)
    left = (time.monotonic() - began) / done * (total - done)
    sys.stderr.write(f"\r[{bar:{width}}] {done:,} of {total:,}, {left / 60:.0f} min left ")
    sys.stderr.flush()


Job = tuple[str, int, int]


def _all(
    part: str, jobs: list[Job], measure: Callable[[Job], tuple[str, int, Numbers]], processes: int, wrong: Iterable[str]
) -> int:
    """Measure populations; returns how many findings there were that must not be."""
    found: dict[str, dict[str, Numbers]] = {}
    began = written = time.monotonic()
    with get_context("forkserver").Pool(processes) as pool:
        for done, (setting, size, numbers) in enumerate(pool.imap_unordered(measure, jobs, chunksize=5), start=1):
            of_setting = found.setdefault(setting, {})
            of_setting[str(size)] = of_setting.get(str(size), Counter()) + numbers
            _told(done, len(jobs), began)
            if time.monotonic() - written > OFTEN or done == len(jobs):
                _write(part, found)
                written = time.monotonic()
    findings = sum(numbers[name] for setting in found.values() for numbers in setting.values() for name in wrong)
    sys.stderr.write(f"\n{part}: {len(jobs):,}, {findings} findings after the gate\n")
    return findings


def _differencing(rows: int, processes: int) -> int:
    """Divide rows of releases at each release; returns in how many places that tells more than chance and 0.05."""
    jobs = [(design, pace, number) for number in range(rows) for design in DESIGNS for pace in PACES]
    of_pace: dict[tuple[str, int], list[Row]] = {}
    began = time.monotonic()
    with get_context("forkserver").Pool(processes) as pool:
        for done, (design, pace, one) in enumerate(pool.imap_unordered(played, jobs), start=1):
            of_pace.setdefault((design, pace), []).append(one)
            _told(done, len(jobs), began)
    found: dict[str, dict[str, object]] = {}
    wrong = 0
    for (design, pace), several in sorted(of_pace.items()):
        told = {kind: advantage(several, [kind]) for kind in CHANGES} | {"all": advantage(several)}
        if design == "ours":
            wrong += sum(one.found > one.floor + TOLERATED for one in told.values())
        found.setdefault(design, {})[str(pace)] = {
            "releases": RELEASES * len(several),
            "windows": sum(one.windows for one in several),
            "retracted": sum(one.retracted for one in several),
            "changes": {kind: asdict(one) for kind, one in told.items()},
        }
    _write("differencing", found)
    sys.stderr.write(f"\ndifferencing: {len(jobs):,} rows, {wrong} advantages too large\n")
    return wrong


def main() -> int:
    """Measure and write.

    Returns:
        0, or 1 if something was found that must not be.
    """
    parser = argparse.ArgumentParser(prog="make statistics", description=main.__doc__)
    parser.add_argument("--each", type=int, default=1000, help="populations of each size; 0 measures none anew")
    parser.add_argument("--independent", type=int, default=1000, help="the same, for the attacker written apart")
    parser.add_argument("--processes", type=int, default=2, help="at once")
    parser.add_argument("--rows", type=int, default=8, help="rows of 500 releases of each kind; 0 measures none")
    given = parser.parse_args()
    wrong = 0
    if given.each:
        wrong += _all("populations", list(_jobs(given.each)), measured, given.processes, FORBIDDEN)
    if given.independent:
        jobs = [("independent", size, seed) for seed in range(given.independent) for size in independent.SIZES]
        wrong += _all("independent", jobs, independent.measured, given.processes, independent.FORBIDDEN)
    wrong += _differencing(given.rows, given.processes) if given.rows else 0
    _document()
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
