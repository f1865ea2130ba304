"""The page of a release in a real browser: wide and narrow, in each language, by keyboard, with its policy in force."""

import html
import json
import re
import shutil
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from api.statistics.page import page
from api.statistics.reading import LANGUAGES
from tests.browser import browser
from tests.statistics.made import release

MEASURING = Path(__file__).parent / "measuring.html"
WIDTHS = (320, 360, 820)
SMALLEST = 12
"""Pixels of the smallest letters that are still read on a telephone."""


@pytest.fixture(scope="module")
def measured(tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, Any]]:
    """Return what the browser measures on every page in every width."""
    folder = tmp_path_factory.mktemp("pages")
    raw = release(6)
    for language in LANGUAGES:
        (folder / f"{language}.html").write_bytes(page(json.loads(raw), raw, language))
    shutil.copy(MEASURING, folder)
    wanted = quote(json.dumps({"pages": [f"{language}.html" for language in LANGUAGES], "widths": WIDTHS}))
    address = f"{(folder / MEASURING.name).as_uri()}#{wanted}"
    shown = browser().run("--allow-file-access-from-files", "--virtual-time-budget=10000", "--dump-dom", address)
    found = re.search(r'<pre id="measured">(.+?)</pre>', shown)
    assert found is not None, shown[-2000:]
    result: list[dict[str, Any]] = json.loads(html.unescape(found[1]))
    return result


def test_every_page_is_shown_in_its_language_and_in_every_width(measured: list[dict[str, Any]]) -> None:
    shown = {(one["language"], one["width"]) for one in measured}
    assert shown == {(language, width) for language in LANGUAGES for width in WIDTHS}
    assert all(one["charts"] > 5 and one["empty"] == 0 for one in measured)


def test_the_policy_lets_the_page_have_its_own_style(measured: list[dict[str, Any]]) -> None:
    assert {one["styled"] for one in measured} == {"rgb(31, 78, 121)"}


def test_nothing_has_to_be_scrolled_sideways_and_no_word_leaves_its_chart(measured: list[dict[str, Any]]) -> None:
    assert [one for one in measured if one["overflow"] > 0 or one["outside"]] == []


def test_letters_of_charts_can_be_read_on_a_telephone(measured: list[dict[str, Any]]) -> None:
    assert min(one["smallest"] for one in measured) >= SMALLEST


def test_all_that_can_be_used_is_reached_by_keyboard_and_large_enough_for_a_finger(
    measured: list[dict[str, Any]],
) -> None:
    assert [one for one in measured if one["unfocusable"] or one["hidden"] or one["low"]] == []
