"""All releases as a page for people, the newest first: from here one comes to every file by a click. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from api.schemas.releases import ReleaseOut
from api.statistics.page import FILES, POLICY, STYLE, template
from api.statistics.reading import LANGUAGES, country_in, period_in, words_in
from domain.codes import Language

ITSELF: Final = ""
LINKS: Final = {"{language}.html": "page", **FILES, ITSELF: "signed", "signature.txt": "signature"}
"""The release and what may lie beside it, by name: the key of what it is called. See `formats.py`."""


@dataclass(frozen=True)
class Listed:
    """One release, ready to be shown.

    Attributes:
        links: Where a file lies, from the list, and the key of what it is called.
    """

    id: str
    address: str
    country: str
    number: int
    until: str
    instant: str
    published: str
    links: tuple[tuple[str, str], ...]


def listing(releases: Sequence[ReleaseOut], language: Language) -> bytes:
    """Return the list of all releases as HTML in one language: it says nothing that the list in JSON does not."""
    words = words_in(language)
    newest = sorted(releases, key=lambda one: (one.published_at, one.number, one.country), reverse=True)
    shown = template("listing.html.j2").render(
        language=language,
        languages=LANGUAGES,
        words=words,
        heading=words["releases"],
        skip=words["skip_releases"],
        releases=[_listed(one, language) for one in newest],
        style=STYLE,
        policy=POLICY,
    )
    return shown.encode()


def _listed(release: ReleaseOut, language: Language) -> Listed:
    words, here = words_in(language), f"../{release.id}"
    lying = {ITSELF, *(file.name for file in release.files)}
    named = [(name.format(language=language), key) for name, key in LINKS.items()]
    return Listed(
        id=f"{release.country}-{release.number}",
        address=release.id,
        country=country_in(words, release.country),
        number=release.number,
        until=period_in(words, release.until),
        instant=release.published_at.isoformat(),
        published=f"{release.published_at:%Y-%m-%d, %H:%M} UTC",
        links=tuple((f"{here}/files/{name}" if name else here, key) for name, key in named if name in lying),
    )
