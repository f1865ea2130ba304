"""`nrm demo`: the whole journey of a case with invented persons, in one command."""

import argparse
import io
import signal
import sys

import httpx

from api.cli import demo_load
from api.demo.page import Page
from api.demo.play import Unexpected
from api.demo.stage import AlreadyPlaying, stage
from api.demo.story import tell
from api.settings import load_settings

EXIT_FAILED = 1


def register(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the sub-command."""
    meaning = "show the whole journey of a case with invented persons: starts and stops everything it needs"
    command = subparsers.add_parser("demo", help=meaning, description=meaning)
    command.set_defaults(run=run)
    demo_load.register(command.add_subparsers(metavar="ACTION"))


def run(_: argparse.Namespace) -> int:
    """Play the demonstration.

    Returns:
        The exit code: 0, or 1 if the service did not answer as the story has it, or it may not be played here.
    """
    settings = load_settings()
    if settings.environment == "production":
        print("nrm demo: not in production", file=sys.stderr)
        return EXIT_FAILED
    signal.signal(signal.SIGTERM, _end)
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="replace")  # a terminal without Cyrillic shows question marks, and no error
    page = Page(sys.stdout)
    try:
        with stage(settings) as made:
            try:
                tell(made, page)
            except Unexpected as error:
                return _failed(str(error), made.log)
            except httpx.HTTPError as error:
                return _failed(f"the service did not answer ({type(error).__name__})", made.log)
    except AlreadyPlaying as error:
        print(f"nrm demo: {error}", file=sys.stderr)
        return EXIT_FAILED
    print()
    print(f"The API explains itself at http://127.0.0.1:{settings.port}/documentation once `make run` is running.")
    return 0


def _failed(what: str, log: object) -> int:
    print(f"nrm demo: {what}\nThe service's log: {log}", file=sys.stderr)
    return EXIT_FAILED


def _end(_number: int, _frame: object) -> None:
    """End on request as on Ctrl-C: everything that was started is stopped."""
    raise KeyboardInterrupt
