"""`nrm demo load`: fill an empty database with a year of invented cases."""

import argparse
import asyncio
import os
import sys
from collections import Counter
from pathlib import Path

from tqdm import tqdm

from api.bootstrap import database_access, prepare
from api.development import ensure_keys
from api.settings import Settings, load_settings
from api.year.loading import BATCH, LoadRefused, Place, Plan, batches_to_do, finished, load, prepared

EXIT_REFUSED = 1
YEAR = 2025
"""The year that is generated if none is named: fixed, so that the same seed gives the same rows on any day."""

LARGEST = 10_000_000


def register(actions: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the sub-command."""
    meaning = "fill an empty database with a year of invented cases, through the rules that real cases go through"
    command = actions.add_parser(
        "load",
        help=meaning,
        description=meaning,
        epilog="A loading that was stopped goes on where it stood. Exit codes: 0, 1 refused.",
    )
    command.add_argument("--cases", type=_number, required=True, help="how many")
    command.add_argument("--seed", type=int, default=1, help="the same seed gives the same rows, but for keys")
    command.add_argument("--year", type=int, default=YEAR, help="the calendar year in which they happen")
    command.add_argument(
        "--frequencies", type=Path, metavar="FILE", help="how often which attributes occur together: CSV, or CSV packed"
    )
    command.add_argument("--processes", type=_number, default=os.cpu_count() or 1, help="how many at once")
    command.set_defaults(run=run)


def _number(text: str) -> int:
    number = int(text)
    if not 1 <= number <= LARGEST:
        raise argparse.ArgumentTypeError(f"between 1 and {LARGEST}")
    return number


def run(arguments: argparse.Namespace) -> int:
    """Generate and load.

    Returns:
        The exit code: 0, or 1 if nothing may be generated here.
    """
    settings = load_settings()
    plan = Plan(arguments.year, arguments.seed, arguments.frequencies)
    try:
        _load(settings, plan, arguments.cases, arguments.processes)
    except (LoadRefused, OSError, ValueError) as error:
        print(f"nrm demo load: {error}", file=sys.stderr)
        return EXIT_REFUSED
    return 0


def _load(settings: Settings, plan: Plan, cases: int, processes: int) -> None:
    if settings.environment == "production":
        raise LoadRefused("not in production")
    plan.setting()  # a table that cannot be read is refused before anything is made
    ensure_keys(settings)
    with database_access(settings) as access:
        asyncio.run(prepare(access))
        asyncio.run(prepared(settings, access, plan))
        place = Place(access.admin_dsn(access.database), settings.key_path)
        batches = asyncio.run(batches_to_do(place, plan, cases))
        counts: Counter[str] = Counter()
        with tqdm(total=cases, initial=cases - sum(map(len, batches)), unit="case", disable=None) as bar:
            for batch, counted in zip(batches, load(place, plan, batches, processes) if batches else (), strict=True):
                counts += counted
                bar.update(len(batch))
        rows = asyncio.run(finished(place))
    print(f"{rows['cases']} invented cases of the year {plan.year}, {sum(rows.values())} rows (batches of {BATCH})")
    print(", ".join(f"{stage}: {count}" for stage, count in sorted(counts.items())) or "nothing was left to do")
