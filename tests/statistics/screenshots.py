"""Writes the pictures of docs/statistics.md: made-up releases in a real browser, in each language.

`python -m tests.statistics.screenshots`, or `make screenshots`.
"""

import json
import tempfile
from pathlib import Path

from api.statistics.listing import listing
from api.statistics.page import page
from api.statistics.reading import LANGUAGES
from domain.codes import Language
from tests.architecture import tree
from tests.browser import browser
from tests.statistics.made import listed, release

FOLDER = tree.ROOT / "docs" / "statistics"
DESK, TELEPHONE, LISTED = (820, 3300), (360, 2400), (820, 1060)
LARGEST = 300_000
"""Bytes of a picture: who reads the documentation pays for them."""


def main() -> None:
    """Take a picture of the page in each language, one as a telephone shows it, and one of the list of releases."""
    FOLDER.mkdir(exist_ok=True)
    raw = release()
    for name, language, size in (
        *((language, language, DESK) for language in LANGUAGES),
        ("telephone", "ky", TELEPHONE),
    ):
        taken(page(json.loads(raw), raw, language), FOLDER / f"{name}.png", size)
    taken(listing(listed((5, 6)), Language.RUSSIAN), FOLDER / "list.png", LISTED)


def taken(shown: bytes, picture: Path, size: tuple[int, int]) -> None:
    """Take one picture.

    Raises:
        ValueError: it is too large to be kept.
    """
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "page.html"
        file.write_bytes(shown)
        browser().run(f"--screenshot={picture}", f"--window-size={size[0]},{size[1]}", file.as_uri())
    if picture.stat().st_size > LARGEST:
        raise ValueError(f"{picture.name} has {picture.stat().st_size} bytes")


if __name__ == "__main__":
    main()
