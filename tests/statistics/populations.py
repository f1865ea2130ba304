"""Random populations of cases, as sparse as real ones: attributes that hang together come from a table of real ones."""

import csv
import gzip
import random
from collections.abc import Mapping
from functools import cache
from typing import Any

import pytest

from domain.statistics.counts import Count, counted
from domain.statistics.declaration import Population, Rules
from tests.architecture import tree

SHARED = tree.ROOT / ".." / "shared" / "data" / "ctdc_joint_frequencies.csv.gz"
RULES = Rules()

AGES = [f"band_{number}" for number in range(10)]
REGIONS = {f"region_{number}": weight for number, weight in enumerate((30, 15, 8, 12, 12, 10, 5, 4, 4))}
CHANNELS = dict(zip(("hotline", "ngo", "police", "migration", "self", "abroad"), (25, 10, 30, 15, 15, 5), strict=True))
STAGES = dict(zip(("opened", "sent", "accepted", "served", "completed"), (20, 20, 15, 30, 15), strict=True))
ORGANISATIONS = {f"org-{number}": weight for number, weight in enumerate((30, 20, 16, 14, 12, 8))}


def _each(values: Any) -> dict[str, list[str]]:
    return {value: [value] for value in values}


POPULATION = Population.model_validate(
    {
        "unit": "cases",
        "dimensions": {
            "sex": {
                "values": ["female", "male", "unknown"],
                "levels": [_each(["female", "male"]), _each(["female"])],
            },
            "age": {
                "values": AGES,
                "levels": [
                    {"child": AGES[1:3], "to_23": AGES[3:5], "to_29": AGES[5:7], "to_38": AGES[7:8], "older": AGES[8:]},
                    {"child": AGES[1:3], "adult": AGES[3:]},
                ],
            },
            "exploitation": {
                "values": ["labour", "sexual", "both", "unknown"],
                "levels": [
                    _each(["labour", "sexual", "both"]),
                    {"labour": ["labour", "both"], "sexual": ["sexual"]},
                    {"labour": ["labour", "both"]},
                ],
            },
            "citizenship": {"values": ["here", "elsewhere"], "levels": [_each(["here"])]},
            "region": {
                "values": list(REGIONS),
                "levels": [
                    _each(REGIONS),
                    {"north": list(REGIONS)[:3], "south": list(REGIONS)[3:6]},
                    {"north": list(REGIONS)[:3]},
                ],
            },
            "channel": {
                "values": list(CHANNELS),
                "levels": [
                    _each(["hotline", "ngo", "police", "migration", "self"]),
                    {"state": ["police", "migration"], "hotline": ["hotline"]},
                    {"state": ["police", "migration"]},
                ],
            },
            "stage": {
                "values": list(STAGES),
                "levels": [_each(["opened", "sent", "accepted", "served"]), {"served": ["served", "completed"]}],
            },
        },
        "tables": {
            **{name: {"dimensions": [name]} for name in ("sex", "exploitation", "age", "citizenship", "channel")},
            "region": {"dimensions": ["region"]},
            "stage": {"dimensions": ["stage"]},
        },
    }
)


@cache
def _frequencies() -> tuple[list[Mapping[str, str]], list[int]]:
    if not SHARED.exists():
        pytest.skip("../shared is absent")
    with gzip.open(SHARED, "rt", newline="") as file:
        rows: list[Mapping[str, str]] = list(csv.DictReader(file))
    return rows, [int(row["count"]) for row in rows]


def repeatable(*seed: object) -> random.Random:
    """Return chances that are the same each time, so that what a run found can be found again."""
    return random.Random(" ".join(str(one) for one in seed))  # noqa: S311 - repeatable on purpose, guards nothing


def _one(chance: random.Random, weights: Mapping[str, int]) -> str:
    return chance.choices(list(weights), list(weights.values()))[0]


def records(chance: random.Random, size: int) -> list[tuple[dict[str, str], set[str]]]:
    """Draw cases: the values of each, and the organisations that know of it, one or two."""
    rows, weights = _frequencies()
    found = []
    for row in chance.choices(rows, weights, k=size):
        labour, sexual = row["isforcedlabour"] == "1", row["issexualexploit"] == "1"
        kinds = {(True, True): "both", (True, False): "labour", (False, True): "sexual", (False, False): "unknown"}
        values = {
            "sex": "female" if row["woman"] == "1" else chance.choices(("male", "unknown"), (4, 1))[0],
            "age": f"band_{row['age_band']}",
            "exploitation": kinds[labour, sexual],
            "citizenship": "here" if row["is_citizen_of_country"] == "1" else "elsewhere",
            "region": _one(chance, REGIONS),
            "channel": _one(chance, CHANNELS),
            "stage": _one(chance, STAGES),
        }
        known = {_one(chance, ORGANISATIONS)}
        if chance.random() < 0.5:
            known.add(chance.choice(list(ORGANISATIONS)))
        found.append((values, known))
    return found


def period(chance: random.Random, size: int, population: Population = POPULATION) -> Count:
    """Draw one period of so many cases."""
    return counted(population, records(chance, size))
