"""The next release of a country as bytes, with the gate's report on it. Pure."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from domain.statistics.catalogue import Declared
from domain.statistics.document import Heading, address
from domain.statistics.examining import Report, examine
from domain.statistics.gate import Tell, silently
from domain.statistics.reading import content_of, retract, spelled, windows_of
from domain.statistics.release import prepare
from domain.statistics.windows import Window

if TYPE_CHECKING:
    from domain.statistics.counting import Counted


class NothingToPublish(Exception):
    """No period has ended since the last release, or no such window stands."""


def heading_after(declared: Declared, periods: Sequence[str], before: bytes | None) -> Heading:
    """Return what stands above the release that follows another."""
    called = declared.key, declared.version
    if before is None:
        return Heading(declared.country, 1, periods, called)
    return Heading(declared.country, content_of(before)["number"] + 1, periods, called, address(before))


def next_release(
    declared: Declared, counted: "Counted", before: bytes | None, *, tell: Tell = silently
) -> tuple[bytes, Report]:
    """Return the release of the period that was counted last, and the gate's report on it.

    Args:
        declared: What is counted and how it may be published.
        counted: The counts of all periods so far.
        before: The release before; None for the first.
        tell: Is told after each attacker that one more is done.

    Raises:
        NothingToPublish: every counted period stands in the release before.
        ReleaseBroken: the release before is none of this declaration.
    """
    past: Mapping[str, Sequence[Window]] = dict.fromkeys(declared.populations, ())
    if before is not None:
        content = content_of(before)
        if list(counted.periods) == content["periods"]:
            raise NothingToPublish
        past = windows_of(content, declared.populations)
    if not counted.periods:
        raise NothingToPublish
    windows, renewed, waiting = {}, {}, {}
    for name, population in declared.populations.items():
        found = prepare(population, declared.rules, past[name], counted.counts[name], tell=tell)
        windows[name] = [*past[name], *found.renewed.values()]
        renewed[name] = frozenset(found.renewed)
        waiting[name] = {table: sorted(why) for table, why in found.carried.items()}
    raw = spelled(declared, heading_after(declared, counted.periods, before), windows, renewed)
    return raw, examine(raw, declared, counted, before, waiting=waiting, tell=tell)


def erratum(
    declared: Declared, counted: "Counted", before: bytes, wrong: tuple[str, str, str, str], *, tell: Tell = silently
) -> tuple[bytes, Report]:
    """Return the release that retracts one window of the release before, and the gate's report on it.

    A window that was found wrong is never replaced: whoever subtracts the new figures from the old would learn of whom
    they differ. It is marked as retracted, and its periods are not published again in its table.

    Args:
        declared: As above.
        counted: As above.
        before: The release before.
        wrong: Population, table, first and last period of the window.
        tell: As above.

    Raises:
        NothingToPublish: no such window stands.
        ReleaseBroken: the release before is none of this declaration.
    """
    name, table, first, last = wrong
    content: dict[str, Any] = content_of(before)
    windows: dict[str, list[Window]] = windows_of(content, declared.populations)
    periods = content["periods"]
    try:
        windows[name] = retract(windows[name], table, periods.index(first), periods.index(last))
    except (KeyError, ValueError):
        raise NothingToPublish from None
    renewed: dict[str, frozenset[str]] = dict.fromkeys(declared.populations, frozenset())
    raw = spelled(declared, heading_after(declared, periods, before), windows, renewed)
    return raw, examine(raw, declared, counted, before, tell=tell)
