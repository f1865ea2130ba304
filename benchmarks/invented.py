"""Invented persons, and the ways in which a second office writes the same person down. From a seed, and nobody real."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from random import Random
from typing import Any

FIRST = (
    "Ай", "Гүл", "Нур", "Бек", "Жан", "Кан", "Ак", "Алтын", "Бакы", "Эр", "Асыл", "Тын", "Мир", "Чын", "Жыл", "Каны",
    "Өмүр", "Таң", "Токто", "Сый", "Жээн", "Ырыс", "Улу", "Шер", "Хал", "Ису", "Юлду", "Яку", "Дил", "Зар", "Фар",
    "Шах", "Рус", "Сул",
)  # fmt: skip
LAST = (
    "гүл", "бек", "жан", "ай", "нур", "бүбү", "нара", "султан", "дияр", "зат", "тур", "кул", "мира", "ида", "мат",
    "лан", "рух",
    "хан", "бай", "сун", "ым", "гыз", "тай", "ана", "ноза", "рия", "ёр", "юм",
)  # fmt: skip
DISTRICTS = (
    "Кара-Суу", "Ош", "Узген", "Ноокат", "Токмок", "Талас", "Нарын", "Чүй", "Баткен", "Лейлек", "Жалал-Абад", "Каракол",
)  # fmt: skip

LATIN: dict[str, tuple[str, ...]] = {
    "а": ("a",), "б": ("b",), "в": ("v",), "г": ("g",), "д": ("d",), "е": ("e", "e", "ye"), "ё": ("yo", "e"),
    "ж": ("zh", "j"),
    "з": ("z",), "и": ("i",), "й": ("y", "i"), "к": ("k",), "л": ("l",), "м": ("m",), "н": ("n",), "ң": ("ng", "n"),
    "о": ("o",),
    "ө": ("o", "u", "ö"), "п": ("p",), "р": ("r",), "с": ("s",), "т": ("t",), "у": ("u",), "ү": ("u", "u", "ü", "y"),
    "ф": ("f",),
    "х": ("kh", "h"), "ц": ("ts",), "ч": ("ch",), "ш": ("sh",), "ъ": ("",), "ы": ("y", "i"), "ь": ("",), "э": ("e",),
    "ю": ("yu", "iu"), "я": ("ya", "ia"),
}  # fmt: skip
WOMEN, WITHOUT_ENDING = 0.6, 0.15
"""Shares of women, and of families' names in the Kyrgyz way: father's name with uulu or kyzy."""

RUSSIAN = {"ө": "о", "ү": "у", "ң": "н", "Ө": "О", "Ү": "У", "Ж": "Дж"}


@dataclass(frozen=True, slots=True)
class Invented:
    """A person as one office wrote them down."""

    identity: dict[str, Any]
    district: str
    citizenship: str


def persons(count: int, random: Random) -> list[Invented]:
    """Return persons; some names are frequent, as names are."""
    given = [first + last for first in FIRST for last in LAST]
    random.shuffle(given)
    often = [1 / (rank + 8) for rank in range(len(given))]
    return [_person(random.choices(given, often, k=3), random) for _ in range(count)]


def _person(names: list[str], random: Random) -> Invented:
    own, family, father = names
    woman = random.random() < WOMEN
    if random.random() < WITHOUT_ENDING:
        identity = {"given_name": own, "family_name": f"{father} {'кызы' if woman else 'уулу'}"}
    else:
        identity = {"given_name": own, "family_name": family + ("ова" if woman else "ов")}
        identity["patronymic"] = father + ("овна" if woman else "ович")
    born = f"{random.randint(1960, 2012)}-{random.randint(1, 12):02}-{random.randint(1, 28):02}"
    return Invented(
        {**identity, "birth_date": born}, random.choice(DISTRICTS), random.choices(["KG", "UZ", "TJ"], [8, 1, 1])[0]
    )


def written_again(person: Invented, random: Random) -> Invented:
    """Return the same person as another office writes them: in another spelling, with one to three other slips."""
    found = SPELLINGS[random.randrange(len(SPELLINGS))](person, random)
    for slip in random.sample(SLIPS, random.randint(1, 3)):
        found = slip(found, random)
    return found


def _names(person: Invented, change: Callable[[str], str]) -> Invented:
    names = {field: change(value) if field != "birth_date" else value for field, value in person.identity.items()}
    return replace(person, identity=names)


def _in_latin(person: Invented, random: Random) -> Invented:
    """Each office has its own table, and keeps to it within one name."""
    table = {letter: random.choice(ways) for letter, ways in LATIN.items()}
    return _names(person, lambda name: "".join(table.get(letter, letter) for letter in name.lower()).title())


def _in_russian(person: Invented, _: Random) -> Invented:
    return _names(person, lambda name: "".join(RUSSIAN.get(letter, letter) for letter in name))


def _as_it_was(person: Invented, _: Random) -> Invented:
    return person


def _typed_wrongly(person: Invented, random: Random) -> Invented:
    field = random.choice(["given_name", "family_name"])
    name = person.identity[field]
    place = random.randrange(1, len(name) - 1)
    wrong = random.choice(
        [
            name[:place] + name[place + 1 :],
            name[:place] + name[place] + name[place:],
            name[: place - 1] + name[place] + name[place - 1] + name[place + 1 :],
            name[:place] + random.choice("аеинорст") + name[place + 1 :],
        ]
    )
    return replace(person, identity={**person.identity, field: wrong})


def _swapped(person: Invented, _: Random) -> Invented:
    given, family = person.identity["given_name"], person.identity["family_name"]
    return replace(person, identity={**person.identity, "given_name": family, "family_name": given})


def _without_patronymic(person: Invented, _: Random) -> Invented:
    return replace(person, identity={key: value for key, value in person.identity.items() if key != "patronymic"})


def _another_year(person: Invented, random: Random) -> Invented:
    if "birth_date" not in person.identity:
        return person
    year = int(person.identity["birth_date"][:4]) + random.choice([-1, 1])
    return replace(person, identity={**person.identity, "birth_date": f"{year}-01-01"})


def _without_birth_date(person: Invented, _: Random) -> Invented:
    return replace(person, identity={key: value for key, value in person.identity.items() if key != "birth_date"})


def _without_ending(person: Invented, _: Random) -> Invented:
    family = person.identity["family_name"]
    for ending in ("ова", "ов", "ova", "ov"):
        if family.endswith(ending):
            return replace(person, identity={**person.identity, "family_name": family.removesuffix(ending)})
    return person


def _elsewhere(person: Invented, random: Random) -> Invented:
    return replace(person, district=random.choice((*DISTRICTS, "")))


SPELLINGS = (_in_latin, _in_russian, _as_it_was)
SLIPS = (_typed_wrongly, _swapped, _without_patronymic, _another_year, _without_birth_date, _without_ending, _elsewhere)
