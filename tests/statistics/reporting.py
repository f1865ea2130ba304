"""What was measured, as tables of `docs/disclosure-control.md`."""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from tests.architecture import tree
from tests.statistics.differencing import CHANGES

RESULTS = Path(__file__).with_name("measured.json")
DOCUMENT = tree.ROOT / "docs/disclosure-control.md"
BEGIN, END = "<!-- measured: begin -->\n", "<!-- measured: end -->\n"

SETTINGS = {
    "made_up": "Seven tables of one dimension, two releases",
    "kyrgyz": "The Kyrgyz declaration, two releases",
    "pooled": "Seven tables, and one of two dimensions that pools three periods, three releases",
}
LEAKS = {"exact": "exact recoveries", "presence": "certain presences", "narrow": "narrow bounds"}
WHO = {"anybody": "anybody", "one": "one organisation", "two": "two together"}

KNOWING = {
    "totals": "anybody",
    "press": "ten press reports",
    "one": "one organisation",
    "two": "two together",
    "two and press": "the two that know most, and the press",
}
REACHED = ("attacks", "exact recoveries", "presences", "presences of a person's full record")

Numbers = Mapping[str, int]


def filled(document: str, found: Mapping[str, Any]) -> str:
    """Return the document with its tables written anew, between their two marks."""
    before, _, rest = document.partition(BEGIN)
    _, _, after = rest.partition(END)
    return before + BEGIN + "\n" + "\n".join(_parts(found)) + "\n" + END + after


def _parts(found: Mapping[str, Any]) -> Iterable[str]:
    for name, title in SETTINGS.items():
        of_setting = found["populations"].get(name, {})
        columns = {size: of_setting[size] for size in sorted(of_setting, key=int)}
        yield f"### {title}\n"
        yield _table(["cases in a period", *columns], [*_released(columns), *_attacked(columns), *_reasons(columns)])
    columns = found.get("independent", {}).get("independent", {})
    columns = {size: columns[size] for size in sorted(columns, key=int)}
    yield "### The second attacker\n"
    yield _table(["cases in a period", *columns], _reached(columns))
    columns = found["populations"]["made_up"]
    columns = {size: columns[size] for size in sorted(columns, key=int)}
    yield "### Weaker designs that the gate refused\n"
    yield _table(["design", *columns, "by the attack alone"], _designs(columns))
    yield "### Differences of releases: advantage, and what chance alone gave\n"
    yield _table(
        ["releases", "other new cases in each period", "releases, windows, taken back", *CHANGES, "all"],
        [
            [
                title,
                pace,
                f"{one['releases']:,}, {one['windows']:,}, {one['retracted']:,}",
                *(f"{told['found']:.3f} / {told['floor']:.3f}" for told in _in_order(one["changes"])),
            ]
            for design, title in (("ours", "ours"), ("rolling", "everything again each time"))
            for pace, one in sorted(found["differencing"][design].items(), key=lambda item: int(item[0]))
        ],
    )


def _in_order(changes: Mapping[str, Any]) -> Iterable[Any]:
    return (changes[kind] for kind in (*CHANGES, "all"))


def _table(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [heads, ["---", *["---:"] * (len(heads) - 1)], *rows]
    return "\n".join(f"| {' | '.join(one)} |" for one in lines) + "\n"


def _share(part: int, whole: int) -> str:
    return f"{100 * part / whole:.1f} %" if whole else "–"


def _released(columns: Mapping[str, Numbers]) -> Iterable[list[str]]:
    def row(title: str, cell: Any) -> list[str]:
        return [title, *(cell(numbers) for numbers in columns.values())]

    def of(numbers: Numbers, name: str) -> int:
        return numbers.get(name, 0)

    yield row("populations", lambda one: f"{of(one, 'populations'):,}")
    releases = max(
        int(name.partition(".")[2]) for one in columns.values() for name in one if name.startswith("tables.")
    )
    for number in range(1, releases + 1):
        yield row(
            f"tables published in release {number}",
            lambda one, number=number: _share(of(one, f"published.{number}"), of(one, f"tables.{number}")),
        )
    yield row("categories kept of those tables", lambda one: _share(of(one, "cells"), of(one, "finest")))
    yield row(
        "mean error of a figure by rounding, in cases",
        lambda one: f"{of(one, 'error') / of(one, 'cells'):.2f}" if of(one, "cells") else "–",
    )
    yield row("releases in which the attack made a table wait", lambda one: f"{of(one, 'refused'):,}")


def _attacked(columns: Mapping[str, Numbers]) -> Iterable[list[str]]:
    for who, title in WHO.items():
        yield [
            f"combinations asked by {title}",
            *(f"{numbers.get(f'asked.{who}', 0):,}" for numbers in columns.values()),
        ]
        for leak, name in LEAKS.items():
            yield [f"{name}, {title}", *(f"{numbers.get(f'{leak}.{who}', 0):,}" for numbers in columns.values())]
    for who in ("one", "two"):
        cells = (f"{numbers.get(f'residual.{who}', 0):,}" for numbers in columns.values())
        yield [f"cells with fewer than ten left without {WHO[who]}", *cells]


def _reached(columns: Mapping[str, Numbers]) -> Iterable[list[str]]:
    for name, title in (
        ("populations", "populations"),
        ("windows", "windows published"),
        *((f"{who}: {leak}", f"{leak}, {whom}") for leak in REACHED for who, whom in KNOWING.items()),
    ):
        yield [title, *(f"{numbers.get(name, 0):,}" for numbers in columns.values())]


def _reasons(columns: Mapping[str, Numbers]) -> Iterable[list[str]]:
    names = sorted({name for numbers in columns.values() for name in numbers if name.startswith("waits.")})
    for name in names:
        title = name.partition(".")[2].replace("_", " ")
        tables = (
            (numbers.get(name, 0), sum(count for key, count in numbers.items() if key.startswith("tables.")))
            for numbers in columns.values()
        )
        yield [f"tables that wait: {title}", *(_share(*one) for one in tables)]


def _designs(columns: Mapping[str, Numbers]) -> Iterable[list[str]]:
    names = sorted({name for numbers in columns.values() for name in numbers if name.startswith("caught.")})
    read = sum(numbers.get("read", 0) for numbers in columns.values())
    for name in names:
        design = name.partition(".")[2]
        shown = sum(numbers.get(f"shown.{design}", 0) for numbers in columns.values())
        caught = (_share(numbers.get(name, 0), numbers["populations"]) for numbers in columns.values())
        yield [design.replace("_", " "), *caught, _share(shown, read)]
