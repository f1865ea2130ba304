"""How a secret word could look where nobody would look for it, and a search that finds it.

Searching hundreds of megabytes for thousands of patterns is slow, so the search first takes out every run of bytes that
could be part of one (letters, Cyrillic in each encoding, digits), drops repetitions, and looks for the patterns there.
"""

import base64
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import product

SHORTEST = 5
"""Bytes of the shortest pattern: random bytes hit shorter ones by chance."""

SHORTEST_BASE64 = 6
"""The same in base64, which keys and other random text are written in too."""

LETTERS = "абвгдеёжзийклмнопрстуфхцчшщыэюяңөү"
SILENT = str.maketrans("", "", "ъь")
ON_MAPS = "a b v g d e yo zh z i y k l m n o p r s t u f kh ts ch sh shch y e yu ya ng o u"
AS_TYPED = "a b v g d e e j z i i k l m n o p r s t u f h c ch sh sch y e iu ia n o u"
ROMANS = (ON_MAPS.split(), AS_TYPED.split())
"""Two ways to write Cyrillic in Latin letters."""

CYRILLIC = {
    **dict(zip("abvgdezijklmnoprstufhcyqwx", "абвгдезийклмнопрстуфхцыкуъ", strict=True)),
    "ʻ": "ъ",
}
"""One way back, letter by letter."""

RUNS = (
    re.compile(rb"[\x20-\x7e]{5,}"),
    re.compile(rb"(?:[\xc2-\xd4][\x80-\xbf]|[\x20-\x7e]){4,}"),
    re.compile(rb"(?:[\x00-\xff]\x04|[\x20-\x7e]\x00){3,}"),
    re.compile(rb"(?:\x04[\x00-\xff]|\x00[\x20-\x7e]){3,}"),
)
"""Text as ASCII (hexadecimal and base64 too), UTF-8, UTF-16 with the low byte first, and with the high byte first."""


def words(texts: Iterable[str]) -> set[str]:
    """Return the words of some texts, and each text that is a number by its digits."""
    found: set[str] = set()
    for text in texts:
        found |= set(re.findall(r"[\wʻ]{4,}", text))
        digits = re.sub(r"\D", "", text)
        if len(digits) >= 6:
            found |= {digits, digits.removeprefix("996"), text}
    return {word for word in found if len(word) >= 4}


def spellings(word: str) -> set[str]:
    """Return a word in each case and in the other alphabet."""
    low = word.lower()
    written = {low}
    for table in ROMANS:
        written.add(low.translate(SILENT).translate(str.maketrans(dict(zip(LETTERS, table, strict=True)))))
    written.add(low.translate(str.maketrans(CYRILLIC)))
    return {form for each in written for form in (each, each.upper(), each.capitalize())} | {word}


def base64_forms(raw: bytes) -> set[bytes]:
    """Return what stays of a word in base64, wherever in a longer text it begins."""
    forms = set()
    for before in range(3):
        encoded = base64.b64encode(b"\0" * before + raw)
        start = (0, 2, 3)[before]
        whole = (before + len(raw)) // 3 * 4
        forms.add(encoded[start:whole])
        forms.add(encoded[start:whole].replace(b"+", b"-").replace(b"/", b"_"))
    return {form for form in forms if len(form) >= SHORTEST_BASE64}


def disguises(word: str) -> set[bytes]:
    """Return every form of a word that is looked for."""
    found: set[bytes] = set()
    for spelled, encoding in product(spellings(word), ("utf-8", "utf-16-le", "utf-16-be")):
        raw = spelled.encode(encoding)
        found |= {raw, raw.hex().encode(), raw.hex().upper().encode()} | base64_forms(raw)
    found |= {word.lower().encode("unicode_escape"), word.encode("unicode_escape")}
    return {form for form in found if len(form) >= SHORTEST}


@dataclass
class Haystack:
    """What was left behind somewhere, reduced to what could hold a word."""

    runs: set[bytes] = field(default_factory=set)
    size: int = 0

    def add(self, content: bytes) -> None:
        """Take everything in."""
        self.size += len(content)
        for pattern in RUNS:
            self.runs.update(match[0] for match in pattern.finditer(content))

    def hits(self, forms: Iterable[bytes]) -> Iterator[bytes]:
        """Yield the forms that are in there."""
        text = b"\n\n".join(sorted(self.runs))
        return (form for form in forms if form in text)
