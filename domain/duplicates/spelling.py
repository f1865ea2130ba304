"""Fold the spellings of one name into one: Kyrgyz, Russian, Uzbek, Tajik, Kazakh, and what Latin makes of them.

The table is our own, for names of Central Asia as documents, officials and telephones spell them. What folds alike need
not be one name: folding loses letters on purpose, and likeness is decided on vectors, never on a folded name. Pure.
"""

import re
import unicodedata
from typing import Final

from anyascii import anyascii

SHORTEST_ROOT: Final = 3
"""An ending is cut only where at least this many letters remain."""

CYRILLIC: Final = {
    "а": "a", "ә": "a", "б": "b", "в": "v", "г": "g", "ғ": "g", "д": "d", "е": "e", "ё": "e", "ж": "j", "җ": "j",
    "ҷ": "j", "з": "z", "и": "i", "і": "i", "й": "i", "ӣ": "i", "к": "k", "қ": "k", "л": "l", "м": "m", "н": "n",
    "ң": "n", "о": "o", "ө": "o", "п": "p", "р": "r", "с": "s", "т": "t", "у": "o", "ү": "o", "ұ": "o", "ў": "o",
    "ӯ": "o", "ф": "f", "х": "h", "ҳ": "h", "һ": "h", "ц": "s", "ч": "c", "ш": "w", "щ": "w", "ъ": "", "ы": "i",
    "ь": "", "э": "e", "ю": "o", "я": "a",
}  # fmt: skip
"""One letter of the folded alphabet for each: `w` stands for sh, `c` for ch, `o` for every rounded vowel."""

LATIN: Final = (
    ("shch", "w"), ("sch", "w"), ("dzh", "j"), ("tch", "c"), ("tsh", "c"),
    ("sh", "w"), ("ch", "c"), ("zh", "j"), ("dj", "j"), ("kh", "h"), ("gh", "g"), ("ph", "f"), ("ts", "s"), ("tz", "s"),
    ("ng", "n"), ("ck", "k"), ("oo", "o"), ("ou", "o"), ("ee", "e"),
    ("iya", "ia"), ("iia", "ia"), ("iyu", "io"), ("iiu", "io"),
    ("yo", "e"), ("yu", "o"), ("iu", "o"), ("ju", "jo"), ("ya", "a"), ("ye", "e"), ("ie", "e"), ("yi", "i"),
    ("alex", "aleks"), ("max", "maks"),
)  # fmt: skip
"""Groups of Latin letters that stand for one sound, longest first."""

LETTERS: Final = {
    "y": "i", "w": "v", "q": "k", "x": "h", "u": "o", "ç": "c", "ş": "w", "ı": "i", "ğ": "g", "ö": "o", "ü": "o",
    "ä": "a", "ñ": "n", "ŋ": "n", "ń": "n", "š": "w", "ž": "j", "č": "c", "ħ": "h", "ō": "o", "ū": "o", "ī": "i",
    "ə": "a", "ó": "o", "ú": "o", "í": "i", "á": "a", "é": "e",
}  # fmt: skip
"""Single Latin letters that are written for another."""

SONS_AND_DAUGHTERS: Final = frozenset(
    {"ool", "olo", "oglo", "ogli", "ogle", "ogil", "ogilo", "kizi", "gizi", "zoda", "zade", "zada", "oil"}
)
"""Uulu, kyzy, ogly, qizi, zoda as they fold: they say that the word beside them is the father's name."""

ENDINGS: Final = (
    "ovica", "evica", "ovic", "evic", "ovna", "evna", "ivna", "ivic", "iovic", "skaia", "skaa", "skii", "ski", "ova",
    "eva", "ov", "ev", "oglo", "ogli", "kizi", "zoda", "zade",
)  # fmt: skip
"""Endings of fathers' and families' names as they fold; without them Асанов, Асанова, Асанович and Асан уулу agree."""

_WORDS: Final = re.compile(r"[a-z]+")
_APOSTROPHES: Final = re.compile("[’'`ʻʼ‘´ʹ]")
_DOUBLED: Final = re.compile(r"(.)\1+")


def folded(name: str) -> tuple[str, ...]:
    """Return the words of a name as they fold, in their order; words that only say "son of" are left out.

    Args:
        name: In any script; letters that the table does not know go through a general transliteration first.
    """
    words = (_ending_cut(_DOUBLED.sub(r"\1", word)) for word in _WORDS.findall(_letters(name)))
    return tuple(word for word in words if word not in SONS_AND_DAUGHTERS)


def _letters(name: str) -> str:
    """Return a name in the folded alphabet; everything that is not a letter separates words."""
    text = _APOSTROPHES.sub("", unicodedata.normalize("NFC", name).lower())
    return " ".join(_word(word) for word in re.split(r"[\W\d_]+", text))


def _word(word: str) -> str:
    """Fold one word: letters of the table as they are, each run of other letters as Latin."""
    parts = re.findall(f"[{''.join(CYRILLIC)}]+|[^{''.join(CYRILLIC)}]+", word.replace("дж", "ж"))
    return "".join(
        "".join(CYRILLIC[letter] for letter in part) if part[0] in CYRILLIC else _from_latin(part) for part in parts
    )


def _from_latin(part: str) -> str:
    known = "".join(letter if letter.isascii() or letter in LETTERS else anyascii(letter).lower() for letter in part)
    for group, sound in LATIN:
        known = known.replace(group, sound.upper())
    return "".join(LETTERS.get(letter, letter) if letter.islower() else letter for letter in known).lower()


def _ending_cut(word: str) -> str:
    for ending in ENDINGS:
        if word.endswith(ending) and len(word) - len(ending) >= SHORTEST_ROOT:
            return word.removesuffix(ending)
    return word
