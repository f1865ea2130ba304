"""A release as a page for people: one file, no script, charts beside the tables that they show. Pure."""

from functools import cache
from pathlib import Path
from typing import Any, Final

import yaml
from jinja2 import Environment, FileSystemLoader, StrictUndefined, Template

from domain.statistics.document import address

FOLDER: Final = Path(__file__).parent
LANGUAGES: Final = {"en": "English", "ru": "Русский", "ky": "Кыргызча"}


@cache
def _template() -> Template:
    environment = Environment(loader=FileSystemLoader(FOLDER), autoescape=True, undefined=StrictUndefined)
    return environment.get_template("page.html.j2")


@cache
def words() -> dict[str, dict[str, str]]:
    """Return the words around the figures, by key and language."""
    content: dict[str, dict[str, str]] = yaml.safe_load((FOLDER / "words.yaml").read_text(encoding="utf-8"))["words"]
    return content


def page(release: dict[str, Any], raw: bytes, language: str) -> bytes:
    """Return a release as HTML in one language.

    Args:
        release: What the release says.
        raw: Its bytes; the page names their address.
        language: `en`, `ru` or `ky`.
    """
    mine = {key: texts[language] for key, texts in words().items()}
    shown = _template().render(
        release=release,
        language=language,
        languages=LANGUAGES,
        words=mine,
        rounding=mine["rounding"].format(**release["rules"]),
        address=address(raw),
    )
    return shown.encode()
