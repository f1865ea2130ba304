"""Attributes of invented persons come from a table, as often as it says."""

import csv
import gzip
from pathlib import Path

import pytest

from api.year.assumptions import Dice, assumptions
from api.year.attributes import SIGNS, Frequencies, invented, starting_facts
from domain.codes import Known, Sex
from domain.workflow.catalogue import Catalogue
from domain.workflow.subjects import CASE
from tests.architecture import tree
from tests.world import CATALOGUE

SHARED = tree.ROOT / ".." / "shared" / "data" / "ctdc_joint_frequencies.csv.gz"
MANY = 3000
ASSUMED = assumptions()


def dice(seed: int = 1) -> Dice:
    return Dice(ASSUMED, f"test {seed}")


def test_persons_are_drawn_as_often_as_the_table_says() -> None:
    if not SHARED.exists():
        pytest.skip("../shared is absent")
    table = Frequencies.of(SHARED)
    total = table.until[-1]
    drawn = [invented(table, dice(number)) for number in range(MANY)]
    women = sum(row["count"] for row in table.rows if row["woman"]) / total
    unknown = sum(row["count"] for row in table.rows if row["age_band"] == 0) / total
    assert sum(one.attributes["sex"] == Sex.FEMALE for one in drawn) / MANY == pytest.approx(women, abs=0.03)
    assert sum(not one.age_known for one in drawn) / MANY == pytest.approx(unknown, abs=0.03)
    assert all(one.age_band != Known.UNKNOWN for one in drawn)


def test_the_table_of_the_package_is_enough_and_every_sign_is_an_indicator() -> None:
    table = Frequencies.of()
    assert len(table.rows) > 20
    catalogue: Catalogue = CATALOGUE
    named = catalogue.profile("KG").indicator_set
    indicators = catalogue.indicator_set(named.key, named.version)
    known = {one.key for dimension in indicators.dimensions.values() for one in dimension.indicators}
    assert set(SIGNS.values()) <= known


def test_starting_facts_are_of_the_vocabulary() -> None:
    values = {fact.name: set(fact.values) for fact in CASE.facts}
    for number in range(200):
        for fact, value in starting_facts(Frequencies.of(), dice(number)).items():
            assert value in values[fact]


def test_the_same_seed_draws_the_same_person() -> None:
    table = Frequencies.of()
    assert invented(table, dice()) == invented(table, dice())
    assert len({str(invented(table, dice(number))) for number in range(50)}) > 25


@pytest.mark.parametrize("fault", ["no column", "no rows", "out of range"])
def test_a_table_that_cannot_be_meant_is_refused(tmp_path: Path, fault: str) -> None:
    row = dict.fromkeys(Frequencies.of().rows[0], 0) | {"count": 1, "age_band": 3}
    if fault == "no column":
        del row["woman"]
    if fault == "out of range":
        row["age_band"] = 10
    path = tmp_path / "table.csv.gz"
    with gzip.open(path, "wt", newline="") as file:
        writer = csv.DictWriter(file, list(row))
        writer.writeheader()
        if fault != "no rows":
            writer.writerow(row)
    with pytest.raises(ValueError, match=fault if fault == "no column" else "no rows, or a count"):
        Frequencies.of(path)
