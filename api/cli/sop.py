"""`nrm sop`: prove, publish and read the standard operating procedures. Needs no database and no settings."""

import argparse
import sys
from pathlib import Path
from typing import Literal

from api.cli import sop_compared, sop_simulated
from domain.codes import Language
from domain.errors import NotFound
from domain.workflow import lock
from domain.workflow.catalogue import Catalogue
from domain.workflow.confidentiality import SEALED
from domain.workflow.files import FileInvalid
from domain.workflow.invariants import Rules
from domain.workflow.prover import Result, prove
from domain.workflow.schema import sop_schema
from domain.workflow.sop import Sop
from domain.workflow.wording import Wording, share_assumed

RELATIONS: tuple[Literal["owner", "receiver"], ...] = ("owner", "receiver")
SOPS = Path(__file__).parents[2] / "sops"


def register(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add `sop check`, `sop lock`, `sop show`, `sop draw`, `sop diff`, `sop simulate` and `sop schema`."""
    sop = subparsers.add_parser("sop", help="the standard operating procedures: prove, publish and read them")
    sop.add_argument("--root", type=Path, default=SOPS, help="the folder of the country packages")
    actions = sop.add_subparsers(required=True, metavar="ACTION")
    check = actions.add_parser(
        "check",
        help="prove every invariant of every procedure, published or not",
        epilog="Exit codes: 0 all hold, 1 a violation, 2 a file cannot be read.",
    )
    check.set_defaults(run=run_check)
    publish = actions.add_parser("lock", help="publish new versions; refuses to change a published one")
    publish.set_defaults(run=run_lock)
    show = actions.add_parser("show", help="print a procedure in words")
    show.add_argument("sop", help="its key")
    show.add_argument("--language", type=Language, choices=list(Language), default=Language.ENGLISH)
    show.add_argument("--version", help="its version; without it the current one, or the latest if none is")
    show.set_defaults(run=run_show)
    sop_compared.register(actions)
    sop_simulated.register(actions)
    schema = actions.add_parser("schema", help="print the JSON Schema of a procedure's file")
    schema.set_defaults(run=run_schema)


def run_check(arguments: argparse.Namespace) -> int:
    """Prove every procedure below the folder, drafts too, and print what was examined.

    Returns:
        The exit code: 0 all hold, 1 a violation, 2 a file cannot be read.
    """
    try:
        catalogue = Catalogue.load(arguments.root, verify_lock=False)
    except (FileInvalid, OSError) as error:
        print(error, file=sys.stderr)
        return 2
    holds = [_check(catalogue, sop) for sop in catalogue.sops.values()]
    holds += [_check_profile(catalogue, country) for country in catalogue.profiles]
    for country in catalogue.profiles:
        _say_statistics(catalogue, country)
    return 0 if all(holds) else 1


def _check(catalogue: Catalogue, sop: Sop) -> bool:
    print(f"{sop.sop} {sop.version}")
    results = prove(sop, rules(catalogue, sop))
    for result in results:
        print(f"  {_line(result)}")
        for violation in result.violations:
            print(f"    {violation.message}")
            for number, move in enumerate(violation.walk, start=1):
                print(f"      {number}. {move}")
    print(f"  {share_assumed(sop)}")
    return all(result.holds for result in results)


def _check_profile(catalogue: Catalogue, country: str) -> bool:
    """Say what was examined of the current confidentiality profile; with a fault it would not have been read."""
    profile = catalogue.confidentiality(country)
    opened = [
        (role, relation, state)
        for role in profile.roles
        for relation in RELATIONS
        for state in profile.opens(role, relation).by_state
    ]
    print(f"{profile.profile} {profile.version}")
    print(f"  nothing-opens-unless-named … {len(opened):,} role, relation and state … holds")
    places = len(SEALED) + len(profile.compartments)
    print(f"  every-sealed-field-has-its-place … {places:,} kinds and compartments … holds")
    return not profile.faults()


def _say_statistics(catalogue: Catalogue, country: str) -> None:
    """Say what was examined of the declaration of statistics; with a fault it would not have been read."""
    declared = catalogue.statistics(country)
    values = sum(len(one.values) for each in declared.populations.values() for one in each.dimensions.values())
    tables = sum(len(each.tables) for each in declared.populations.values())
    print(f"{declared.key} {declared.version}")
    print(f"  every-recorded-value-is-counted … {values:,} values … holds")
    print(f"  no-table-is-protected-less … {tables:,} tables … holds")


def rules(catalogue: Catalogue, sop: Sop) -> Rules:
    """What proofs need to know of the country of a procedure."""
    return Rules(
        matrix=catalogue.confidentiality(sop.country).matrix,
        languages=catalogue.profile(sop.country).languages,
        messages=catalogue.messages,
    )


def _line(result: Result) -> str:
    examined = (
        f"{result.situations_examined:,} situations"
        if result.situations_examined
        else f"{result.rules_examined:,} rules"
    )
    return f"{result.invariant} … {examined} … {'holds' if result.holds else 'VIOLATED'}"


def run_lock(arguments: argparse.Namespace) -> int:
    """Publish what is new, if everything holds.

    Returns:
        The exit code: 0 published or nothing new, 1 refused.
    """
    if run_check(arguments) != 0:
        print("not published: a proof fails or a file cannot be read", file=sys.stderr)
        return 1
    try:
        added = lock.publish(arguments.root)
    except FileInvalid as error:
        print(error, file=sys.stderr)
        return 1
    print("\n".join(f"published: {path}" for path in added) or "nothing new to publish")
    return 0


def run_show(arguments: argparse.Namespace) -> int:
    """Print a procedure in words.

    Returns:
        The exit code: 0, or 2 if there is no such procedure.
    """
    try:
        catalogue = Catalogue.load(arguments.root, verify_lock=False)
        sop = sop_compared.wanted(catalogue, arguments.sop, arguments.version)
    except (FileInvalid, OSError, NotFound) as error:
        print(f"cannot be shown: {error}", file=sys.stderr)
        return 2
    language: Language = arguments.language
    wording = Wording(sop, catalogue, language)
    print(f"{sop.title[language]} ({sop.sop} {sop.version}); translation: {sop.translations[language]}")
    print(share_assumed(sop))
    for number, step in enumerate(sop.steps, start=1):
        title, *lines = wording.step(step)
        print(f"\n{number}. {title} [{step.key}]")
        for line in lines:
            print(f"   {line}")
    print()
    for priority, rule in sop.priorities.items():
        print(wording.priority(priority, rule))
    return 0


def run_schema(_arguments: argparse.Namespace) -> int:
    """Print the JSON Schema of a procedure's file.

    Returns:
        The exit code: 0.
    """
    print(sop_schema(), end="")
    return 0
