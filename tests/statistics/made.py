"""A release that could be of Kyrgyzstan: 400 made-up victims in four years, of six organisations; always the same ones.

The gate prepares it, so that what is looked at is what could be published: tables that wait are among it.
"""

import random
from datetime import UTC, datetime
from functools import cache

from api.schemas.releases import ReleaseFileOut, ReleaseOut
from api.statistics.formats import formats_of
from domain.statistics.counts import Count, counted
from domain.statistics.declaration import Population
from domain.statistics.document import Heading, address
from domain.statistics.reading import spelled
from domain.statistics.release import prepare
from domain.statistics.windows import Window
from tests.world import CATALOGUE

DECLARED = CATALOGUE.statistics("KG")
PERIODS = tuple(f"{year}-H{half}" for year in range(2022, 2026) for half in (1, 2))
SIZES = {"victims_of_trafficking": 50, "vulnerable_migrants": 12}
WEIGHTS: dict[str, dict[str, int]] = {
    "sex": {"female": 55, "male": 42, "unknown": 3},
    "age": {
        "9--17": 14,
        "18--20": 16,
        "21--23": 16,
        "24--26": 14,
        "27--29": 10,
        "30--38": 18,
        "39--47": 8,
        "48+": 4,
        "unknown": 16,
    },
    "exploitation": {"labour": 55, "sexual": 30, "combined": 8, "other_form": 7},
    "entry_channel": {"hotline": 30, "ngo": 25, "police": 20, "consulate": 10, "self_report": 15},
    "citizenship": {"own": 80, "neighbouring": 14, "other_country": 6},
    "stage": {"not_referred": 15, "referred": 15, "accepted": 15, "served": 30, "completed": 25},
}
SERVICE = {"given": 45, "not_given": 55}
ORGANISATIONS = {f"organisation-{number}": weight for number, weight in enumerate((24, 20, 18, 14, 13, 11))}


def _one(chance: random.Random, weights: dict[str, int]) -> str:
    return chance.choices(list(weights), list(weights.values()))[0]


def period(chance: random.Random, population: Population, size: int) -> Count:
    """Draw the cases of one period."""
    records = []
    for _ in range(size):
        values = {name: _one(chance, WEIGHTS.get(name, SERVICE)) for name in population.dimensions}
        records.append((values, {_one(chance, ORGANISATIONS) for _ in range(2)}))
    return counted(population, records)


@cache
def release(periods: int = len(PERIODS)) -> bytes:
    """Return the release after so many periods, each prepared upon the one before."""
    chance = random.Random(2026)  # noqa: S311 - made-up cases, the same every time
    counts: dict[str, list[Count]] = {name: [] for name in DECLARED.populations}
    windows: dict[str, list[Window]] = {name: [] for name in DECLARED.populations}
    renewed: dict[str, frozenset[str]] = {}
    for _ in range(periods):
        for name, population in DECLARED.populations.items():
            size = round(SIZES[name] * chance.uniform(0.8, 1.2))
            counts[name].append(period(chance, population, size))
            candidate = prepare(population, DECLARED.rules, windows[name], counts[name])
            windows[name] += candidate.renewed.values()
            renewed[name] = frozenset(candidate.renewed)
    heading = Heading(DECLARED.country, periods, PERIODS[:periods], (DECLARED.key, DECLARED.version))
    return spelled(DECLARED, heading, windows, renewed)


def listed(numbers: tuple[int, ...] = (4, 5, 6)) -> list[ReleaseOut]:
    """Return releases as they are listed, each published in the third month after its newest period."""
    return [_listed(number) for number in numbers]


def _listed(number: int) -> ReleaseOut:
    raw, (year, half) = release(number), divmod(number - 1, 2)
    return ReleaseOut(
        id=address(raw),
        country=DECLARED.country,
        number=number,
        previous=address(release(number - 1)),
        until=PERIODS[number - 1],
        published_at=datetime(2022 + year + half, 3 if half else 9, 14, 9, 30, tzinfo=UTC),
        files=[
            ReleaseFileOut(
                name=name, media_type=file.media_type, bytes=len(file.content), address=address(file.content)
            )
            for name, file in formats_of(raw, bytes(64)).items()
        ],
    )
