"""Every requirement of the threat model stands on tests that exist and that `make attacks` runs."""

import ast
import re
from pathlib import Path

import pytest

from tests.architecture import threats, tree

FALLS = "What falls, and what it surrenders"
OWASP = "OWASP API Security Top 10 (2023)"
IOM = "IOM data protection principles"
ASVS = "ASVS 5.0"
OF_THE_DESIGN = (
    "database, dump, write-ahead log",
    "a backup",
    "the API process",
    "one organisation",
    "every release of statistics",
    "an export of the audit",
)
"""Whose fall the design itself names; each is attacked."""


def of(section: str) -> list[threats.Row]:
    """Return the rows below a heading."""
    return [row for row in threats.rows() if row.section == section]


@pytest.mark.parametrize("section", [FALLS, OWASP, IOM, ASVS])
def test_every_row_names_a_test_that_exists(section: str) -> None:
    rows = of(section)
    assert rows
    assert [row.cells[0] for row in rows if not row.tests] == []
    assert [test for row in rows for test in row.tests if test not in tree.files()] == []


def test_what_is_named_has_tests_in_it() -> None:
    empty = [
        path
        for path in threats.linked()
        if not any(getattr(node, "name", "").startswith("test_") for node in ast.walk(tree.syntax(path)))
    ]
    assert empty == []
    assert len(threats.linked()) > 50


def test_make_attacks_runs_what_is_marked() -> None:
    """And what is marked is what stands below `tests/attacks` or is named: `tests/attacks/report.py` reads the same."""
    recipe = tree.text(Path("Makefile")).split("\nattacks: ")[1].split("\n\n")[0]
    assert "pytest -q -m attack" in recipe


@pytest.mark.parametrize("fallen", OF_THE_DESIGN)
def test_what_the_design_says_may_fall_is_attacked(fallen: str) -> None:
    tests = [test for row in of(FALLS) if row.cells[0].startswith(fallen) for test in row.tests]
    assert any(test.is_relative_to("tests/attacks") for test in tests)


def test_the_lists_are_whole_and_in_order() -> None:
    assert [row.cells[0].split(" ")[0] for row in of(OWASP)] == [f"API{number}" for number in range(1, 11)]
    assert [row.cells[0].split(" ")[0] for row in of(IOM)] == [f"{number}" for number in range(1, 14)]


def test_items_are_numbered_in_order_and_have_a_level() -> None:
    items = [tuple(map(int, row.cells[0].split("."))) for row in of(ASVS)]
    assert items == sorted(set(items))
    assert {row.cells[1] for row in of(ASVS)} == {"1", "2", "3"}
    assert all(re.fullmatch(r"\d+\.\d+\.\d+", row.cells[0]) for row in of(ASVS))
