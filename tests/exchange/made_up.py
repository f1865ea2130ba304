"""Makes up rows of the standard: every field, every code, and texts that break what is not careful. Seeded."""

import random
from collections.abc import Callable, Mapping
from datetime import date, timedelta
from typing import Final

from api.exchange.exploitation import AGE
from api.exchange.standard import ROW_ID, Field, fields
from domain.codes import MeansOfControl

TEXTS: Final = (
    "Айгүл Үсөнова",
    "Ысык-Көл облусу, Ак-Суу району; 12-үй",
    "Наталья «Щука» Ёлкина",
    "Ғайрат Қодиров",
    "👩‍👧 emoji 😀 \U0001f1f0\U0001f1ec",
    '=HYPERLINK("http://x";"y")',
    "+996 (555) 01-02-03",
    "-1+1",
    "@SUM(A1)",
    "'quoted'",
    'say "no", then go',
    "line one\nline two\n  indented",
    "00720",
    "1E5",
    "TRUE",
    "withheld",
    "a; b; c",
    "prs_Unknown: not a field",
    "\u202bעברית\u202c العربية",
    "e\u0301 and é",
)
LONG: Final = "Көп сүйлөм. " * 1_000
ADULT_BORN: Final = (date(1950, 1, 1), date(2005, 1, 1))
CHILD_BORN: Final = (date(2010, 1, 1), date(2020, 1, 1))
OF_PLACES: Final = frozenset({"prs_MailingLongitude", "prs_MailingLatitude", "hte_Longitude", "hte_Latitude"})
LANGUAGES: Final = ("ky", "ru", "uzb", "en", "tg")
COUNTRIES: Final = ("KG", "UZ", "KZ", "TJ", "RU")


class MakeUp:
    """Makes rows up from one seed; codes are taken in turn, so that none is left out."""

    def __init__(self, seed: int) -> None:
        self.chance = random.Random(seed)  # noqa: S311 - made-up rows, the same in each run
        self.turns = {name: sorted(set(field.codes.values())) for name, field in fields().items() if field.codes}
        self.special: Mapping[str, Callable[[], str]] = {
            "prs_Citizenship": lambda: ";".join(self.chance.sample(COUNTRIES, self.chance.randrange(1, 4))),
            AGE: lambda: str(self.chance.randrange(100)),
            "prs_NumberOfChildren": lambda: str(self.chance.randrange(12)),
            "vic_MethodsOfControl": lambda: self._code("vic_MethodsOfControl", MeansOfControl.RESTRICTS_MOVEMENT),
        }

    def row(self, number: int) -> dict[str, str]:
        """Return one row; every tenth says no, every tenth is a child's, and some are full to the last field."""
        is_child = number % 10 == 1
        full = number % 25 == 0
        row = {
            name: self._value(name, field, number)
            for name, field in fields().items()
            if full or self.chance.random() < 0.35
        }
        born = CHILD_BORN if is_child else ADULT_BORN
        row |= {"prs_Birthdate": self._day(*born), "prs_FirstName": self.chance.choice(TEXTS)}
        first, second = self.chance.sample(LANGUAGES, 2)
        row |= {"prs_PrimaryLanguage": first, "prs_SecondaryLanguage": second}
        if not full:
            row.pop(self.chance.choice(["prs_PrimaryLanguage", "prs_SecondaryLanguage", "prs_MiddleName"]), None)
        row["con_Consent"] = "false" if number % 10 == 2 else "true"
        if number % 500 == 0:
            row["hte_Description"] = LONG[: 14_000 - number]
        return {ROW_ID: f"made-up-{number}"} | row

    def _value(self, name: str, field: Field, number: int) -> str:
        if name in self.special:
            return self.special[name]()
        if field.codes:
            return self._code(name)
        if field.kind == "boolean":
            return self.chance.choice(["true", "false"])
        if field.kind == "date":
            return self._day(date(1990, 1, 1), date(2026, 11, 1))
        if field.kind == "number" or name in OF_PLACES:
            return f"{self.chance.randrange(-89, 89)}.{self.chance.randrange(1, 9)}"
        return f"{self.chance.choice(TEXTS)} {number}"

    def _code(self, name: str, *without: str) -> str:
        codes = self.turns[name]
        codes.append(codes.pop(0))
        usable = [code for code in codes if code not in without]
        return ";".join(sorted(usable[: self.chance.randrange(1, 4)])) if fields()[name].is_many else usable[0]

    def _day(self, first: date, last: date) -> str:
        return (first + timedelta(days=self.chance.randrange((last - first).days))).isoformat()


def rows(count: int, seed: int) -> list[dict[str, str]]:
    """Return so many rows."""
    maker = MakeUp(seed)
    return [maker.row(number) for number in range(count)]
