"""`make mutants`: plant every weakness, or those that are named, and write the report."""

import argparse
import sys
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from tests.architecture import tree
from tests.mutants.mutating import REPORT, Mutant, Outcome, copied, failing, mutants, page, planted


def _share(share: Sequence[Mutant], *, show: bool) -> list[Outcome]:
    """Plant some weaknesses one after the other in a copy of their own."""
    found = []
    with copied() as copy:
        for mutant in share:
            outcome = planted(copy, mutant)
            sys.stdout.write(f"mutant {mutant.name}: {'caught' if outcome.caught else 'SURVIVED'}\n")
            if show or not outcome.caught:
                sys.stdout.write(outcome.said)
            sys.stdout.flush()
            found.append(outcome)
    return found


def main() -> int:
    """Plant and write.

    Returns:
        0 if all were caught, 1 if one survived, 2 if the tests fail without any.
    """
    parser = argparse.ArgumentParser(prog="make mutants", description=main.__doc__)
    parser.add_argument("names", nargs="*", help="only these; the report is not written then")
    parser.add_argument("--processes", type=int, default=2, help="copies at once")
    parser.add_argument("--show", action="store_true", help="print what the tests said")
    given = parser.parse_args()
    every = mutants()
    chosen = [one for one in every if not given.names or one.name in given.names]
    if faults := [one.fault for one in chosen if one.fault]:
        sys.stdout.write("\n".join(faults) + "\n")
        return 1
    with copied() as copy:
        code, failed, said = failing(copy, {test for one in chosen for test in one.tests})
    if code:
        sys.stdout.write(f"without any mutant: {failed}\n{said}\n")
        return 2
    shares = [chosen[start :: given.processes] for start in range(given.processes)]
    with ThreadPoolExecutor(given.processes) as pool:
        outcomes = {
            one.mutant.name: one
            for done in pool.map(lambda share: _share(share, show=given.show), shares)
            for one in done
        }
    survived = [one.name for one in chosen if not outcomes[one.name].caught]
    sys.stdout.write(f"{len(chosen)} weaknesses, {len(survived)} survived {survived or ''}\n")
    if not given.names:
        text = page([(one, outcomes[one.name].caught) for one in every])
        (Path(tree.ROOT) / REPORT).write_text(text, encoding="utf-8")
    return 1 if survived else 0


if __name__ == "__main__":
    sys.exit(main())
