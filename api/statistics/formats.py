"""Every file that a release is served as, by name. Pure: each is made from the bytes of the release and nothing else.

The names stand beside one another wherever a release lies, under its address or in a folder, so that the links of the
pages lead from one to the next.
"""

import json
from collections.abc import Callable, Iterator
from typing import Any, Final

from api.statistics.dhis2 import data_value_set
from api.statistics.page import page
from api.statistics.reading import LANGUAGES
from api.statistics.sheets import as_csv, dictionary_as_csv
from api.statistics.workbook import as_workbook

MEDIA_TYPES: Final = {
    "json": "application/json",
    "html": "text/html; charset=utf-8",
    "csv": "text/csv; charset=utf-8; header=present",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
}

Render = Callable[[dict[str, Any], bytes], bytes]


def _in(language: str, made: Callable[[dict[str, Any], bytes, str], bytes]) -> Render:
    return lambda release, raw: made(release, raw, language)


FORMATS: Final[dict[str, Render]] = {
    **{f"{language}.html": _in(language, page) for language in LANGUAGES},
    **{f"{language}.xlsx": _in(language, as_workbook) for language in LANGUAGES},
    "figures.csv": lambda release, _: as_csv(release),
    "dictionary.csv": lambda release, _: dictionary_as_csv(release),
    "dhis2.json": lambda release, _: json.dumps(data_value_set(release), indent=1, ensure_ascii=True).encode(),
}
"""What each file is made by. `release.json` is the release itself, and made by nobody."""


def media_type(name: str) -> str:
    """Return the media type of a file, by the end of its name."""
    return MEDIA_TYPES[name.rpartition(".")[2]]


def rendered(raw: bytes, name: str) -> bytes:
    """Return one file of a release.

    Args:
        raw: The bytes of the release.
        name: One of `FORMATS`.
    """
    return FORMATS[name](json.loads(raw), raw)


def every(raw: bytes) -> Iterator[tuple[str, bytes]]:
    """Yield every file of a release with its name, the release itself first."""
    yield "release.json", raw
    release = json.loads(raw)
    for name, made in FORMATS.items():
        yield name, made(release, raw)
