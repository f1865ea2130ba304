"""Pages in a real browser: wide and narrow, in each language, by keyboard, with their policy, and clicked through."""

import asyncio
import hashlib
import html
import json
import re
import shutil
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from api.statistics.listing import listing
from api.statistics.page import page
from api.statistics.reading import LANGUAGES, words
from domain.codes import Language
from tests.browser import browser
from tests.driving import Visitor, visitor
from tests.serving import serving
from tests.statistics.made import listed, release
from tests.statistics.releasing import published
from tests.world import World

MEASURING = Path(__file__).parent / "measuring.html"
WIDTHS = (320, 360, 820)
SMALLEST = 12
"""Pixels of the smallest letters that are still read on a telephone."""

LIST = "list-"
KINDS = ("", LIST)
"""The page of a release, and the list of releases."""

MOST_CLICKS = 5
"""From the one address to the figures; fewer are needed."""


@pytest.fixture(scope="module")
def measured(tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, Any]]:
    """Return what the browser measures on every page in every width."""
    folder = tmp_path_factory.mktemp("pages")
    raw = release(6)
    for language in LANGUAGES:
        (folder / f"{language}.html").write_bytes(page(json.loads(raw), raw, language))
        (folder / f"list-{language}.html").write_bytes(listing(listed(), Language(language)))
    shutil.copy(MEASURING, folder)
    pages = [f"{kind}{language}.html" for kind in KINDS for language in LANGUAGES]
    wanted = quote(json.dumps({"pages": pages, "widths": WIDTHS}))
    address = f"{(folder / MEASURING.name).as_uri()}#{wanted}"
    shown = browser().run("--allow-file-access-from-files", "--virtual-time-budget=10000", "--dump-dom", address)
    found = re.search(r'<pre id="measured">(.+?)</pre>', shown)
    assert found is not None, shown[-2000:]
    result: list[dict[str, Any]] = json.loads(html.unescape(found[1]))
    return result


def test_every_page_is_shown_in_its_language_and_in_every_width(measured: list[dict[str, Any]]) -> None:
    shown = {(one["name"], one["language"], one["width"]) for one in measured}
    assert shown == {(f"{kind}{one}.html", one, width) for kind in KINDS for one in LANGUAGES for width in WIDTHS}
    charted = [one for one in measured if not one["name"].startswith(LIST)]
    assert all(one["charts"] > 5 and one["empty"] == 0 for one in charted)
    assert {one["barred"] for one in charted} == {"rgb(31, 78, 121)"}


def test_the_policy_lets_the_page_have_its_own_style(measured: list[dict[str, Any]]) -> None:
    assert {one["styled"] for one in measured} == {"rgb(11, 79, 138)"}


def test_nothing_has_to_be_scrolled_sideways_and_no_word_leaves_its_chart(measured: list[dict[str, Any]]) -> None:
    assert [one for one in measured if one["overflow"] > 0 or one["outside"]] == []


def test_letters_of_charts_can_be_read_on_a_telephone(measured: list[dict[str, Any]]) -> None:
    assert min(one["smallest"] for one in measured if one["charts"]) >= SMALLEST


def test_all_that_can_be_used_is_reached_by_keyboard_and_large_enough_for_a_finger(
    measured: list[dict[str, Any]],
) -> None:
    assert [one for one in measured if one["unfocusable"] or one["hidden"] or one["low"]] == []


def walked(somebody: Visitor, start: str, language: str) -> tuple[Path, str]:
    """Go from the one address to the workbook of the newest release as a reader of a language does.

    Returns:
        The workbook, and the page from which it was taken.
    """
    word = {key: texts[language] for key, texts in words().items()}
    somebody.clicks = 0
    somebody.open(start)
    if language != "en":
        somebody.follow(LANGUAGES[language])
    somebody.follow(word["page"])
    page = somebody.address
    workbook = somebody.download(word["workbook"])
    return workbook, page


async def test_from_the_one_address_to_the_workbook_it_takes_two_clicks_or_three_with_the_language(
    shared_world: World, tmp_path: Path
) -> None:
    """Over real HTTP with all that the service sends: policies, sandbox, what may be downloaded."""
    newest = await published(shared_world, 2)
    async with serving(shared_world) as service:
        releases = f"{service}/v1/statistics/releases"
        with visitor(browser(), tmp_path) as somebody:
            for language in LANGUAGES:
                start = f"{releases}/pages/en.html"
                workbook, page = await asyncio.to_thread(walked, somebody, start, language)
                assert page == f"{releases}/{newest.id}/files/{language}.html"
                assert somebody.clicks == (2 if language == "en" else 3) < MOST_CLICKS
                assert workbook.name == f"nrm-KG-{newest.number}-{language}.xlsx"
                async with shared_world.client("monitor") as reader:
                    kept = await reader.get(f"{page.removesuffix('.html')}.xlsx")
                assert hashlib.sha256(workbook.read_bytes()).digest() == hashlib.sha256(kept.content).digest()
                back = words()["releases"][language]
                await asyncio.to_thread(somebody.follow, back)
                assert somebody.address == f"{releases}/pages/{language}.html"
            assert somebody.refused == []
