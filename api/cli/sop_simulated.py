"""`nrm sop simulate`: play a year through a draft before anybody adopts it."""

import argparse
import dataclasses
import json
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random
from typing import Any
from zoneinfo import ZoneInfo

from tqdm import tqdm

from api.cli.sop_compared import named
from api.year.assumptions import Dice, assumptions
from api.year.attributes import Frequencies, starting_facts
from domain.codes import Language
from domain.errors import NotFound
from domain.workflow.assumed import Assumed
from domain.workflow.catalogue import Catalogue
from domain.workflow.files import FileInvalid, read
from domain.workflow.forecast import Forecast
from domain.workflow.simulated import Figures
from domain.workflow.simulation import Arrival, Simulation
from domain.workflow.sop import Sop
from domain.workflow.wording import Wording

YEAR = 2025
"""The year that is played if none is named: fixed, so that the same seed plays the same on any day."""


def register(actions: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add `simulate`."""
    command = actions.add_parser(
        "simulate",
        help="play a year of generated cases through a draft, before anybody adopts it",
        epilog="DRAFT and VERSION are KEY@VERSION, KEY, or the path of a draft ending in .yaml. Needs no database. "
        "Exit codes: 0, 2 cannot be simulated.",
    )
    command.add_argument("draft", metavar="DRAFT")
    command.add_argument("--against", metavar="VERSION", help="say what would be felt, compared with this version")
    command.add_argument("--cases", type=int, default=1000, help="how many begin in the year")
    command.add_argument("--seed", type=int, default=1, help="the same seed plays the same")
    command.add_argument("--year", type=int, default=YEAR, help="whose working days count")
    command.add_argument("--frequencies", type=Path, metavar="FILE", help="how often which attributes occur together")
    command.add_argument("--assumptions", type=Path, metavar="FILE", help="another file than sops/simulation.yaml")
    command.add_argument("--format", choices=("text", "json"), default="text")
    command.add_argument("--language", type=Language, choices=list(Language), default=Language.ENGLISH)
    command.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Play, and print what became of it.

    Returns:
        The exit code: 0, or 2 if it cannot be simulated.
    """
    try:
        catalogue = Catalogue.load(arguments.root, verify_lock=False)
        draft = named(catalogue, arguments.draft)
        earlier = _earlier(draft, named(catalogue, arguments.against)) if arguments.against else None
        assumed = read(arguments.assumptions or arguments.root / "simulation.yaml", Assumed)
        figures = _played(draft, assumed, catalogue, arguments)
        before = _played(earlier, assumed, catalogue, arguments) if earlier is not None else None
    except (FileInvalid, OSError, NotFound, ValueError) as error:
        print(f"cannot be simulated: {error}", file=sys.stderr)
        return 2
    forecast = Forecast(Wording(draft, catalogue, arguments.language), figures)
    if arguments.format == "json":
        print(json.dumps(_as_json(forecast, before), ensure_ascii=False, indent=2, default=str))
        return 0
    print("\n".join(forecast.lines()))
    if before is not None:
        print()
        print("\n".join(forecast.against(before)))
    return 0


def _earlier(draft: Sop, earlier: Sop) -> Sop:
    if earlier.subject != draft.subject:
        raise FileInvalid(f"one is about a {earlier.subject}, the other about a {draft.subject}")
    return earlier


def _as_json(forecast: Forecast, before: Figures | None) -> dict[str, Any]:
    told: dict[str, Any] = {"figures": dataclasses.asdict(forecast.figures)}
    if before is not None:
        told |= {"against": dataclasses.asdict(before), "felt": list(forecast.against(before))[1:]}
    return told


def _played(sop: Sop, assumed: Assumed, catalogue: Catalogue, arguments: argparse.Namespace) -> Figures:
    if arguments.cases < 1:
        raise ValueError("at least one case")
    profile = catalogue.profile(sop.country)
    first, until = (
        datetime(year, 1, 1, tzinfo=ZoneInfo(profile.timezone)).astimezone(UTC)
        for year in (arguments.year, arguments.year + 1)
    )
    arrivals = arrivals_of(arguments.cases, arguments.seed, first, until, Frequencies.of(arguments.frequencies))
    with tqdm(total=len(arrivals), desc=f"{sop.sop} {sop.version}", unit=sop.subject, disable=None) as bar:
        simulation = Simulation(sop, assumed, catalogue.calendar(sop.country), arguments.seed)
        return simulation.play(arrivals, until, bar.update)


def arrivals_of(cases: int, seed: int, first: datetime, until: datetime, frequencies: Frequencies) -> list[Arrival]:
    """Return what begins in a year, at any time of it, with the attributes of invented persons."""
    dice = Random(f"{seed}/arrivals")  # noqa: S311 - invented cases, no secret
    instants = sorted(
        first + timedelta(seconds=round(dice.random() * (until - first).total_seconds())) for _ in range(cases)
    )
    assumed = assumptions()
    return [
        Arrival(at, starting_facts(frequencies, Dice(assumed, f"{seed}/{number}/person")))
        for number, at in enumerate(instants)
    ]
