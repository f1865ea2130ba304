"""How mnemonics come from custodians and go to them: by the terminal, never by the command line, a log or a setting."""

import getpass
import os
import secrets
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from shamir_mnemonic import MnemonicError
from shamir_mnemonic.share import Share

from api.control import controlled
from api.runtime import Runtime
from domain.sealing.keeper import Keeper
from domain.sealing.shares import Opened, SealedFile, ShareRefused, SharesSource, opened_by

CLEAR = "\033[2J\033[3J\033[H"
"""Clears a terminal with what was scrolled away. Source: ECMA-48, ED and CUP; 3J is of xterm."""


def asked_mnemonic(prompt: str) -> str:
    """Return one mnemonic: typed without an echo, or one line of standard input.

    Raises:
        ShareRefused: it is none, which its checksum tells without any other.
    """
    proper = _spaced(getpass.getpass(prompt) if sys.stdin.isatty() else _line())
    try:
        Share.from_mnemonic(proper)
    except MnemonicError:
        raise ShareRefused from None
    return proper


def asked_quorum(path: Path) -> Opened | None:
    """Ask custodians until a quorum has opened the file; None when there are no more mnemonics.

    Raises:
        KeyFileRefused: there is no such file.
    """
    file = SealedFile.read(path)
    source, offered = SharesSource(path, secrets.token_bytes), list[str]()
    while sys.stdin.isatty() or not _at_end():
        try:
            mnemonic = source.check(asked_mnemonic(f"custodian {len(offered) + 1} of {file.quorum}: "))
        except ShareRefused:
            print("this is no mnemonic of this ceremony", file=sys.stderr)
            continue
        if mnemonic in offered:
            print("this one was given already", file=sys.stderr)
            continue
        offered.append(mnemonic)
        if (opened := opened_by(path, offered)) is not None:
            return opened
    print(f"{len(offered)} of {file.quorum} mnemonics: nothing opens", file=sys.stderr)
    return None


def _spaced(typed: str) -> str:
    return " ".join(typed.lower().split())


def _line() -> str:
    return sys.stdin.buffer.readline().decode("ascii", "replace")


def _at_end() -> bool:
    buffer: Any = sys.stdin.buffer  # a buffered reader: it can look ahead
    return not buffer.peek(1)


def hand_out(mnemonics: Sequence[str], into: Path | None) -> bool:
    """Give each custodian a mnemonic: on the terminal, one after the other; returns whether all have theirs.

    Args:
        mnemonics: One for each custodian.
        into: For rehearsals: a folder, which gets a file for each instead.
    """
    if into is not None:
        into.mkdir(mode=0o700, exist_ok=True)
        for number, mnemonic in enumerate(mnemonics, 1):
            path = into / f"custodian-{number}"
            with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
                file.write(mnemonic + "\n")
        return True
    return all(_handed_to(number, len(mnemonics), mnemonic) for number, mnemonic in enumerate(mnemonics, 1))


def _handed_to(number: int, count: int, mnemonic: str) -> bool:
    """Show one custodian a mnemonic, and have it typed back: what was copied wrongly is found now or never."""
    input(f"{CLEAR}Custodian {number} of {count}, alone before the screen: press Enter")
    words = [f"{place:2} {word:10}" for place, word in enumerate(mnemonic.split(), 1)]
    print("\n".join("".join(words[start : start + 4]) for start in range(0, len(words), 4)))
    input("Write the words down, in this order. Nobody can show them again. Then press Enter")
    print(CLEAR, end="", flush=True)
    for _ in range(3):
        if _spaced(getpass.getpass("Type them back: ")) == mnemonic:
            return True
        print("not the same words")
    return False


def can_hand_out(into: Path | None) -> bool:
    """Tell whether mnemonics can be shown: to a terminal, or into a folder that was asked for."""
    return into is not None or (sys.stdin.isatty() and sys.stdout.isatty())


@contextmanager
def keys_at_hand(runtime: Runtime, name: str) -> Iterator[None]:
    """Let a command use the installation's keys: custodians are asked if need be, and `nrm seal` reaches it."""
    keeper = runtime.keys
    if not isinstance(keeper, Keeper):
        yield
        return
    with controlled(keeper, runtime.settings.control_path, name):
        if keeper.standing().quorum:
            open_here(keeper)
        try:
            yield
        finally:
            keeper.seal()


def open_here(keeper: Keeper) -> None:
    """Ask custodians until the keeper is open, or there are no more mnemonics."""
    while keeper.standing().sealed and (sys.stdin.isatty() or not _at_end()):
        standing = keeper.standing()
        try:
            keeper.offer(asked_mnemonic(f"custodian {standing.offered + 1} of {standing.quorum}: "))
        except ShareRefused:
            print("this is no mnemonic of this ceremony", file=sys.stderr)
