"""`nrm sop draw` and `nrm sop diff`: a procedure as a picture, and what changes for whom between two versions."""

import argparse
import sys
from pathlib import Path

from domain.codes import Language, Role
from domain.errors import NotFound
from domain.workflow import static
from domain.workflow.catalogue import Catalogue
from domain.workflow.differences import differences
from domain.workflow.drawing import mermaid, picture, svg
from domain.workflow.files import FileInvalid, read
from domain.workflow.sop import Sop
from domain.workflow.wording import Wording

DRAWN = {"svg": svg, "mermaid": mermaid}


def register(actions: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add `draw` and `diff`."""
    draw = actions.add_parser(
        "draw", help="print a procedure as a picture", epilog="Exit codes: 0, 2 no such procedure."
    )
    draw.add_argument("sop", help="its key")
    draw.add_argument("--version", help="its version; without it the current one, or the latest if none is")
    draw.add_argument("--role", type=Role, choices=list(Role), help="only the steps that this role may take")
    draw.add_argument("--format", choices=sorted(DRAWN), default="svg")
    draw.add_argument("--language", type=Language, choices=list(Language), default=Language.ENGLISH)
    draw.set_defaults(run=run_draw)
    diff = actions.add_parser(
        "diff",
        help="say in words what changes for whom between two versions",
        epilog="Each is KEY@VERSION, KEY, or the path of a draft ending in .yaml. Exit codes: 0, 2 cannot be compared.",
    )
    diff.add_argument("before")
    diff.add_argument("after")
    diff.add_argument("--language", type=Language, choices=list(Language), default=Language.ENGLISH)
    diff.add_argument("--cases", action="store_true", help="count the open cases that follow the older version")
    diff.set_defaults(run=run_diff)


def run_draw(arguments: argparse.Namespace) -> int:
    """Print a procedure as a picture.

    Returns:
        The exit code: 0, or 2 if there is no such procedure.
    """
    try:
        catalogue = Catalogue.load(arguments.root, verify_lock=False)
        sop = wanted(catalogue, arguments.sop, arguments.version)
    except (FileInvalid, OSError, NotFound) as error:
        print(f"cannot be drawn: {error}", file=sys.stderr)
        return 2
    print(DRAWN[arguments.format](picture(Wording(sop, catalogue, arguments.language), arguments.role)), end="")
    return 0


def run_diff(arguments: argparse.Namespace) -> int:
    """Print what changes for whom.

    Returns:
        The exit code: 0, or 2 if the two cannot be compared.
    """
    try:
        catalogue = Catalogue.load(arguments.root, verify_lock=False)
        before, after = named(catalogue, arguments.before), named(catalogue, arguments.after)
        found = differences(before, after, catalogue, arguments.language)
    except (FileInvalid, OSError, NotFound, ValueError) as error:
        print(f"cannot be compared: {error}", file=sys.stderr)
        return 2
    print(f"{before.sop} {before.version} → {after.sop} {after.version}")
    for difference in found:
        print(f"\n{difference.title} [{difference.key}]")
        for change in difference.changes:
            print(f"  {change}")
    if not found:
        print(catalogue.messages.sentence("diff_none", arguments.language))
    if arguments.cases:
        print(f"\n{_touched(before, catalogue, arguments.language)}")
    return 0


def _touched(before: Sop, catalogue: Catalogue, language: Language) -> str:
    # Imported here: without the question neither a database nor settings are needed.
    from api.cli.sop_touched import open_cases  # noqa: PLC0415

    cases = open_cases(before)
    if cases is None:
        return catalogue.messages.sentence("touched_unknown", language)
    return catalogue.messages.sentence("touched", language, cases=str(cases), version=before.version)


def wanted(catalogue: Catalogue, key: str, version: str | None) -> Sop:
    """A version of a procedure: the one that is named, else the current one, else the latest.

    Raises:
        NotFound: there is none.
    """
    if version is not None:
        return catalogue.sop(key, version)
    for profile in catalogue.profiles.values():
        if key in profile.current:
            return catalogue.sop(key, profile.current[key])
    latest = max((tuple(map(int, named.split("."))) for one, named in catalogue.sops if one == key), default=None)
    if latest is None:
        raise NotFound
    return catalogue.sop(key, ".".join(map(str, latest)))


def named(catalogue: Catalogue, name: str) -> Sop:
    """A published version or a draft, which must be well-typed.

    Raises:
        NotFound, OSError: there is none.
        FileInvalid: it does not fit its model, or is ill-typed.
    """
    key, _, version = name.partition("@")
    sop = read(Path(name), Sop) if name.endswith(".yaml") else wanted(catalogue, key, version or None)
    if faults := [violation.message for violation in static.ill_typed(sop)]:
        raise FileInvalid(f"{name}: {'; '.join(faults)}")
    return sop
