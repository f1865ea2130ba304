"""Random populations of cases, as sparse as real ones: attributes that hang together come from a table of real ones."""

import csv
import gzip
import random
from collections.abc import Mapping
from functools import cache
from itertools import accumulate
from typing import Any

import pytest

from domain.codes import AgeBand
from domain.statistics.counts import Count, counted
from domain.statistics.declaration import Population, Rules
from domain.workflow.catalogue import Catalogue
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


KYRGYZ_STAGES = {"not_referred": 20, "referred": 20, "accepted": 15, "served": 30, "completed": 15}
KYRGYZ_CHANNELS = {
    "hotline": 25,
    "ngo": 20,
    "police": 25,
    "migration_service": 10,
    "self_report": 10,
    "family": 5,
    "other": 5,
}
FOREIGN = {"neighbouring": 6, "other_country": 3, "unknown": 1}
SERVICES = {"shelter": 0.4, "medical": 0.5, "psychosocial": 0.7, "legal": 0.4}
"""How many of those whose service has begun got each; made up."""

HALF = 0.5

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
    return rows, list(accumulate(int(row["count"]) for row in rows))


def repeatable(*seed: object) -> random.Random:
    """Return chances that are the same each time, so that what a run found can be found again."""
    return random.Random(" ".join(str(one) for one in seed))  # noqa: S311 - repeatable on purpose, guards nothing


def _one(chance: random.Random, weights: Mapping[str, int]) -> str:
    return chance.choices(list(weights), list(weights.values()))[0]


Record = tuple[dict[str, str], set[str]]
"""The values of a case, and the organisations that know of it."""


def _exploitation(row: Mapping[str, str]) -> str:
    labour, sexual = row["isforcedlabour"] == "1", row["issexualexploit"] == "1"
    kinds = {(True, True): "both", (True, False): "labour", (False, True): "sexual", (False, False): "unknown"}
    return kinds[labour, sexual]


def _sex(chance: random.Random, row: Mapping[str, str]) -> str:
    return "female" if row["woman"] == "1" else chance.choices(("male", "unknown"), (4, 1))[0]


def _known(chance: random.Random) -> set[str]:
    known = {_one(chance, ORGANISATIONS)}
    if chance.random() < HALF:
        known.add(chance.choice(list(ORGANISATIONS)))
    return known


def _drawn(chance: random.Random, size: int) -> list[Mapping[str, str]]:
    rows, weights = _frequencies()
    return chance.choices(rows, cum_weights=weights, k=size)


def records(chance: random.Random, size: int) -> list[Record]:
    """Draw cases: the values of each, and the organisations that know of it, one or two."""
    found = []
    for row in _drawn(chance, size):
        values = {
            "sex": _sex(chance, row),
            "age": f"band_{row['age_band']}",
            "exploitation": _exploitation(row),
            "citizenship": "here" if row["is_citizen_of_country"] == "1" else "elsewhere",
            "region": _one(chance, REGIONS),
            "channel": _one(chance, CHANNELS),
            "stage": _one(chance, STAGES),
        }
        found.append((values, _known(chance)))
    return found


def kyrgyz(chance: random.Random, size: int) -> list[Record]:
    """Draw victims as the Kyrgyz declaration counts them; nobody gets a service before one has begun."""
    found = []
    for row in _drawn(chance, size):
        band, exploitation = int(row["age_band"]), _exploitation(row)
        stage = _one(chance, KYRGYZ_STAGES)
        begun = stage in {"served", "completed"}
        values = {
            "sex": _sex(chance, row),
            "age": list(AgeBand)[band - 1] if band else "unknown",
            "exploitation": "combined" if exploitation == "both" else exploitation,
            "entry_channel": _one(chance, KYRGYZ_CHANNELS),
            "citizenship": "own" if row["is_citizen_of_country"] == "1" else _one(chance, FOREIGN),
            "stage": stage,
            **{name: "given" if begun and chance.random() < share else "not_given" for name, share in SERVICES.items()},
        }
        found.append((values, _known(chance)))
    return found


@cache
def of_kyrgyzstan() -> Population:
    """Return what the Kyrgyz declaration counts of victims."""
    return Catalogue.load(tree.ROOT / "sops").statistics("KG").populations["victims_of_trafficking"]


def period(chance: random.Random, size: int, population: Population = POPULATION) -> Count:
    """Draw one period of so many cases."""
    return counted(population, records(chance, size))
