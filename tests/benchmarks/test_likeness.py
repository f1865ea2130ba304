"""How well the search finds, on a smaller trial than the table of docs/duplicates.md, and how that table came about."""

import re
from pathlib import Path

from benchmarks.likeness import Trial, measured, table
from domain.duplicates.vectors import weights

TOLD = Path(__file__).parents[2] / "docs" / "duplicates.md"


def test_sealing_changes_nothing_and_equality_finds_little() -> None:
    """`measured` raises where the sealed pages find something else than the vectors that nobody sealed."""
    found = measured(Trial.made(1500, 200, 200, seed=7), one_by_one=60)
    sealed, equal = found["sealed pages"], found["equality"]
    assert sealed.recall > 0.93
    assert sealed.precision > 0.85
    assert equal.recall < 0.2
    assert sealed.again == equal.again == 200


def test_a_trial_is_the_same_whenever_it_is_made() -> None:
    assert Trial.made(50, 10, 10) == Trial.made(50, 10, 10)
    assert Trial.made(50, 10, 10) != Trial.made(50, 10, 10, seed=1)


def test_the_document_tells_what_is_measured_at_the_threshold_in_use() -> None:
    told = TOLD.read_text()
    assert table(Trial.made(2000, 300, 300), [weights().threshold]) in told
    assert f"The threshold in use is **{weights().threshold}**" in told


def test_at_full_size_the_document_keeps_to_what_is_promised() -> None:
    row = re.compile(r"^\| sealed vectors \| ([\d.]+) \| ([\d.]+) \| ([\d.]+) \|", re.MULTILINE)
    full = TOLD.read_text().split("The threshold in use")[0]
    used = {float(threshold): (float(recall), float(precision)) for threshold, recall, precision in row.findall(full)}
    recall, precision = used[weights().threshold]
    assert recall >= 0.9
    assert precision >= 0.7
