"""Coded attributes of invented persons, drawn from a table of how often which combination occurs."""

import csv
import gzip
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import accumulate
from pathlib import Path
from typing import Any, Self

from api.year.assumptions import FICTIONAL, Dice
from domain.codes import CHILD_BANDS, AgeBand, Gender, IndicatorSource, Known, MigrationStatus, Sex

COUNT = "count"
BANDS = (
    Known.UNKNOWN,
    AgeBand.AGE_0_8,
    AgeBand.AGE_9_17,
    AgeBand.AGE_18_20,
    AgeBand.AGE_21_23,
    AgeBand.AGE_24_26,
    AgeBand.AGE_27_29,
    AgeBand.AGE_30_38,
    AgeBand.AGE_39_47,
    AgeBand.AGE_48_PLUS,
)
"""The age bands of the table by their number."""

SIGNS: Mapping[str, str] = {
    "means_debt_bondage_earnings": "held-by-debt-bondage",
    "means_threats": "held-by-threat-of-violence",
    "means_abuse": "held-by-violence",
    "means_false_promises": "deceived-about-job",
    "means_drugs_alcohol": "under-strong-influence",
    "means_deny_basic_needs": "bad-living-conditions",
    "means_excessive_work_hours": "excessive-hours",
    "means_withhold_docs": "held-by-taking-documents",
    "isforcedlabour": "low-or-no-salary",
}
"""Which indicator stands for which column of the table."""

NEIGHBOURS = ("KZ", "TJ", "UZ")
TONGUES = ("ky", "ky", "ky", "ru", "uz")


@dataclass(frozen=True, slots=True)
class Frequencies:
    """A table of combinations and of how often each occurs.

    Attributes:
        rows: The combinations; every value is a small number.
        until: The running sum of their counts.
    """

    rows: tuple[Mapping[str, int], ...]
    until: tuple[int, ...]

    @classmethod
    def of(cls, path: Path | None = None) -> Self:
        """Read a CSV file, packed (`.gz`) or not; without one the small invented table of the package.

        Raises:
            ValueError: a column that is needed is missing, or a value is no number.
        """
        path = path or FICTIONAL / "frequencies.csv"
        with gzip.open(path, "rt", newline="") if path.suffix == ".gz" else path.open(newline="") as file:
            reader = csv.DictReader(file)
            needed = {COUNT, "age_band", "woman", "trans_nonconforming", "is_citizen_of_country", *SIGNS}
            if missing := sorted(needed - set(reader.fieldnames or ())):
                raise ValueError(f"{path.name}: no column {', '.join(missing)}")
            rows = tuple({name: int(value) for name, value in row.items()} for row in reader)
        if not rows or any(row[COUNT] < 1 or not 0 <= row["age_band"] < len(BANDS) for row in rows):
            raise ValueError(f"{path.name}: no rows, or a count or an age band out of range")
        return cls(rows, tuple(accumulate(row[COUNT] for row in rows)))

    def drawn(self, dice: Dice) -> Mapping[str, int]:
        """Return one combination, each as likely as it is frequent."""
        return dice.random.choices(self.rows, cum_weights=self.until)[0]


@dataclass(frozen=True, slots=True)
class Invented:
    """Somebody who never was.

    Attributes:
        attributes: As a request would give them.
        signs: The indicators that were told, as a screening would list them.
        age_band: What the age turns out to be where it was unknown; else the same.
    """

    attributes: Mapping[str, Any]
    signs: Mapping[str, str]
    age_band: str

    @property
    def age_known(self) -> bool:
        """Whether the age is known from the start."""
        return bool(self.attributes["age_band"] != Known.UNKNOWN)

    @property
    def child(self) -> bool:
        """Whether the age, once known, is that of a child."""
        return self.age_band in CHILD_BANDS


def invented(frequencies: Frequencies, dice: Dice) -> Invented:
    """Draw one person."""
    row = frequencies.drawn(dice)
    band = str(BANDS[row["age_band"]])
    settled = band
    while settled == Known.UNKNOWN:
        settled = str(dice.random.choice(BANDS))
    country = _country(row, dice)
    attributes = {
        **_sex(row, dice),
        "age_band": band,
        "citizenships": [country],
        "languages": [dice.random.choice(TONGUES)],
        "migration_status": _status(country, dice),
        "documents_held": str(Known.NO if row["means_withhold_docs"] else dice.random.choice(_PAPERS)),
    }
    told = {sign: str(IndicatorSource.TOLD) for column, sign in SIGNS.items() if row[column]}
    return Invented(attributes, told, settled)


def starting_facts(frequencies: Frequencies, dice: Dice) -> dict[str, str]:
    """Return what a procedure may know of an invented person from the start, as facts of its vocabulary."""
    person = invented(frequencies, dice).attributes
    band, papers = person["age_band"], person["documents_held"]
    known = "child" if band in CHILD_BANDS else "adult"
    regular = {MigrationStatus.NATIONAL: "not_applicable"}.get(person["migration_status"], person["migration_status"])
    return {
        "age": "disputed" if band == Known.UNKNOWN else known,
        "origin": "national" if person["citizenships"] == ["KG"] else "foreign",
        "migration_status": str(regular),
        "documents": {Known.YES: "held", Known.NO: "not_held"}.get(papers, "unknown"),
    }


_PAPERS = (Known.YES, Known.YES, Known.UNKNOWN)


def _sex(row: Mapping[str, int], dice: Dice) -> dict[str, str]:
    if row["woman"]:
        sex, gender = str(Sex.FEMALE), str(Gender.FEMININE)
    elif dice.happens("known_not_female"):
        sex, gender = str(Sex.MALE), str(Gender.MASCULINE)
    else:
        sex, gender = str(Known.UNKNOWN), str(Known.UNKNOWN)
    return {"sex": sex, "gender": str(Gender.NON_CONFORMING) if row["trans_nonconforming"] else gender}


def _country(row: Mapping[str, int], dice: Dice) -> str:
    at_home = row["is_citizen_of_country"] or not dice.happens("foreigner")
    return "KG" if at_home else dice.random.choice(NEIGHBOURS)


def _status(country: str, dice: Dice) -> str:
    if country == "KG":
        return str(MigrationStatus.NATIONAL)
    return str(dice.random.choice((MigrationStatus.REGULAR, MigrationStatus.IRREGULAR)))
