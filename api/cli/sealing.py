"""`nrm seal` and `nrm unseal`: close and open the keys of every process that runs here."""

import argparse
import sys
from pathlib import Path

from api.cli.ceremony import asked_mnemonic
from api.control import Answer, Order, ask_all
from api.settings import load_settings
from domain.sealing.shares import ShareRefused


def register(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the sub-commands."""
    for name, run, meaning in (
        (
            "seal",
            seal,
            "make every process here let go of its keys: what needs them is answered 503",
        ),
        ("unseal", unseal, "give one custodian's mnemonic (typed, or a line of standard input) to every process here"),
    ):
        command = subparsers.add_parser(name, help=meaning, description=meaning)
        command.set_defaults(run=run)


def seal(_: argparse.Namespace) -> int:
    """Seal; returns the exit code, 0 if every process that runs here is sealed now."""
    answers = ask_all(load_settings().control_path, Order(order="seal"))
    tell(answers)
    return int(not answers or any(answer is None or not answer["sealed"] for answer in answers.values()))


def unseal(_: argparse.Namespace) -> int:
    """Unseal; returns the exit code, 0 if every process has taken the mnemonic, or is open."""
    folder = load_settings().control_path
    standing = ask_all(folder, Order(order="status"))
    mnemonic = None
    if any(answer and answer["quorum"] for answer in standing.values()):
        try:
            mnemonic = asked_mnemonic("your mnemonic (it is not shown): ")
        except ShareRefused:
            print("these are not the words of a mnemonic: mistyped, or one is missing", file=sys.stderr)
            return 1
    answers = ask_all(folder, Order(order="unseal", mnemonic=mnemonic))
    tell(answers)
    return int(not answers or any(answer is None or answer["refused"] for answer in answers.values()))


def tell(answers: dict[str, Answer | None]) -> None:
    """Print how every process stands."""
    if not answers:
        print("no process of this installation runs here", file=sys.stderr)
    for name, answer in answers.items():
        print(f"{name}: {_said(answer)}")


def told_by(folder: Path) -> dict[str, Answer | None]:
    """Return how the processes stand whose sockets lie in a folder."""
    return ask_all(folder, Order(order="status"))


def _said(answer: Answer | None) -> str:
    if answer is None:
        return "does not answer"
    state = "sealed" if answer["sealed"] else "open"
    given = f", {answer['offered']} of {answer['quorum']} mnemonics" if answer["quorum"] and answer["sealed"] else ""
    refused = "; refused" if answer.get("refused") else ""
    return f"{answer['provider']}, {state}{given}{refused}"
