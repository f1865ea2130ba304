"""The page of a release: whole, of one file, readable by ear, on paper, without colour, in three languages."""

import json
import re
from itertools import pairwise, product
from typing import Any
from xml.etree import ElementTree as ET

import pytest
import yaml

from api.statistics import reading
from api.statistics.charts import FIGURES, LETTERS, RISE, WIDTH, bars, trend
from api.statistics.page import POLICY, STYLE, page
from api.statistics.reading import LANGUAGES, Reading, Row
from domain.statistics.document import address
from tests.statistics.made import release

RAW = release(6)
RELEASE = json.loads(RAW)
PAGES = {language: page(RELEASE, RAW, language).decode() for language in LANGUAGES}
TREES = {language: ET.fromstring(text) for language, text in PAGES.items()}  # noqa: S314 - our own page
SVG = "svg"

each_language = pytest.mark.parametrize("language", LANGUAGES)


def text(element: ET.Element) -> str:
    return " ".join("".join(element.itertext()).split())


def changed(**table: Any) -> dict[str, Any]:
    """Return the release with something else in the table of sexes."""
    content: dict[str, Any] = json.loads(RAW)
    content["populations"]["victims_of_trafficking"]["tables"]["sex"] |= table
    return content


@each_language
def test_a_page_loads_nothing_and_runs_nothing(language: str) -> None:
    tree = TREES[language]
    tags = {element.tag for element in tree.iter()}
    assert not tags & {"script", "link", "img", "iframe", "object", "embed", "form", "use", "image", "base"}
    for element in tree.iter():
        assert not {name for name in element.attrib if name.startswith("on") or name in {"src", "style", "srcset"}}
        assert not element.get("href", "").startswith(("http", "//", "data:", "javascript:"))
    assert not re.search(r"url\(|@import|expression", STYLE)
    policy = tree.find("head/meta[@http-equiv]")
    assert policy is not None
    assert policy.get("content") == POLICY
    assert POLICY.startswith("default-src 'none'; style-src 'sha256-")
    assert "unsafe" not in POLICY


@each_language
def test_a_page_says_which_language_it_speaks_and_leads_to_the_others(language: str) -> None:
    tree = TREES[language]
    assert tree.get("lang") == language
    links = {link.get("lang"): link for link in tree.iter("a") if link.get("lang")}
    assert set(links) == set(LANGUAGES)
    assert links[language].get("aria-current") == "page"
    assert all(links[other].get("href") == f"{other}.html" for other in LANGUAGES if other != language)
    assert [text(link) for link in links.values()] == ["English", "Русский", "Кыргызча"]


@each_language
def test_every_chart_is_told_in_words_with_each_of_its_figures(language: str) -> None:
    charts = list(TREES[language].iter(SVG))
    assert charts
    for chart in charts:
        title, told, drawn = chart.find("title"), chart.find("desc"), chart.find("g")
        assert title is not None
        assert told is not None
        assert drawn is not None
        assert chart.get("role") == "img"
        assert (chart.get("aria-labelledby"), chart.get("aria-describedby")) == (title.get("id"), told.get("id"))
        assert drawn.get("aria-hidden") == "true"
        figures = [text(one) for one in drawn.iter("text") if one.get("class") == "figure"]
        assert figures
        assert all(re.search(rf": {figure}[.;]", text(told)) for figure in figures)
        assert text(title)


@each_language
def test_every_table_has_a_caption_and_names_its_rows_and_columns(language: str) -> None:
    tables = list(TREES[language].iter("table"))
    populations = RELEASE["populations"].values()
    assert len(tables) == sum(len(table["windows"]) for one in populations for table in one["tables"].values())
    for table in tables:
        assert text(table.find("caption")), "a caption"  # type: ignore[arg-type]  # an absent one fails here
        assert {one.get("scope") for one in table.iter("th")} == {"col", "row"}
        rows = [list(row) for row in table.iter("tr")]
        assert all(row[0].tag == "th" for row in rows[1:])
        assert len({sum(int(one.get("colspan", "1")) for one in row) for row in rows}) == 1


@each_language
def test_identifiers_are_unique_headings_skip_no_level_and_every_anchor_leads_somewhere(language: str) -> None:
    tree = TREES[language]
    ids = [element.get("id") for element in tree.iter() if element.get("id")]
    assert len(ids) == len(set(ids))
    anchors = [link.get("href", "")[1:] for link in tree.iter("a") if link.get("href", "").startswith("#")]
    assert set(anchors) <= set(ids)
    levels = [int(element.tag[1]) for element in tree.iter() if re.fullmatch(r"h[1-6]", element.tag)]
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(later <= earlier + 1 for earlier, later in pairwise(levels))


def test_every_word_of_the_page_is_there_in_three_languages_and_the_translations_are_marked() -> None:
    whole = yaml.safe_load(reading.WORDS.read_text(encoding="utf-8"))
    assert whole["translations"] == {"en": "original", "ru": "unreviewed", "ky": "unreviewed"}
    for key, texts in whole["words"].items():
        assert set(texts) == set(LANGUAGES), key
        assert all(texts.values()) or key == "unreviewed", key
        assert len({tuple(sorted(re.findall(r"{\w+}", one))) for one in texts.values()}) == 1, key
    for language in ("ru", "ky"):
        assert whole["words"]["unreviewed"][language] in PAGES[language]


@pytest.mark.parametrize("language", ["ru", "ky"])
def test_no_page_speaks_english_in_another_language(language: str) -> None:
    allowed = {"CSV", "XLSX", "DHIS", "JSON", "Excel", "SHA", "English"}
    spoken = text(TREES[language].find("body"))  # type: ignore[arg-type]  # an absent one fails here
    spoken = spoken.replace(address(RAW), "")
    assert not set(re.findall(r"[A-Za-z]{2,}", spoken)) - allowed


def test_why_a_table_waits_is_never_said() -> None:
    assert Reading(RELEASE, "en").words["carried"] == "Unchanged since an earlier release"
    for reason in ("few_cases", "small_cell", "gate", "organisation", "complement"):
        assert reason not in PAGES["en"]
    assert "which rule did not hold is never said" in PAGES["en"]


def test_a_retracted_figure_is_not_shown_but_that_there_was_one_is() -> None:
    window = {
        "first": "2022-H1",
        "last": "2022-H1",
        "levels": [0],
        "total": 7775,
        "cells": [{"groups": ["female"], "count": 7775}],
    }
    shown = page(changed(retracted=[window]), RAW, "en").decode()
    assert "7775" not in shown
    assert "first half of 2022: Retracted, because it was found wrong; do not use it." in shown
    alone = page(changed(retracted=[window], windows=[]), RAW, "en").decode()
    assert "7775" not in alone
    assert "first half of 2022: Retracted, because it was found wrong; do not use it." in alone


def test_words_of_a_release_are_never_markup() -> None:
    content = json.loads(RAW)
    content["populations"]["victims_of_trafficking"]["labels"]["sex"]["female"]["en"] = "<script>alert(1)</script>"
    assert "<script" not in page(content, RAW, "en").decode()


@pytest.mark.parametrize(
    ("label", "counts"), list(product(["One", "Ж" * 30 + " " + "ж" * 30], [(0, 0), (5, 1000), (10,)]))
)
def test_no_bar_nor_its_figure_leaves_the_chart(label: str, counts: tuple[int, ...]) -> None:
    chart = bars([Row((label,), count, further) for count, further in zip(counts, reversed(counts), strict=True)])
    for bar in chart.bars:
        assert max(bar.length, bar.outline) <= WIDTH - FIGURES
        assert bar.top + 20 <= chart.height
        assert all(len(line) <= LETTERS for _, line in bar.lines)
        assert all(y < bar.top for y, _ in bar.lines)


def test_a_trend_shows_ranges_as_wide_as_they_are_long_with_their_count_as_area() -> None:
    periods = [f"{year}-H{half}" for year in (2022, 2023, 2024) for half in (1, 2)]
    chart = trend([(0, 1, 60), (1, 3, 90), (5, 1, 45)], periods)
    first, second, third = chart.blocks
    assert (second.width, third.width) == (pytest.approx(3 * first.width, abs=0.3), first.width)
    assert second.width * second.height == pytest.approx(first.width * first.height * 90 / 60, rel=0.01)
    assert (first.height, first.left, third.left + third.width) == (RISE, 0, WIDTH)
    assert third.left > second.left + second.width, "what was retracted leaves a gap"
    assert [year for _, year in chart.years] == ["2022", "2023", "2024"]


def test_a_funnel_goes_on_to_those_who_came_further_and_not_to_the_unknown() -> None:
    cells = [(["referred"], 20), (["other_or_unknown"], 15), (["served"], 30), (["completed"], 10)]
    window = {
        "first": "2022-H1",
        "last": "2022-H1",
        "levels": [0],
        "total": 75,
        "cells": [{"groups": groups, "count": count} for groups, count in cells],
    }
    rows = Reading(RELEASE, "en").rows("victims_of_trafficking", "stage", window)
    assert [(row.count, row.further) for row in rows] == [(20, 40), (30, 10), (10, 0), (15, 0)]


def _luminance(colour: str) -> float:
    wide = colour[1:] if len(colour) == 7 else "".join(one * 2 for one in colour[1:])
    parts = [int(wide[place : place + 2], 16) / 255 for place in (0, 2, 4)]
    red, green, blue = (one / 12.92 if one <= 0.04045 else ((one + 0.055) / 1.055) ** 2.4 for one in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def test_text_has_the_contrast_of_level_aa_and_marks_that_of_graphics() -> None:
    palettes = [dict(re.findall(r"--(\w+): (#\w+)", line)) for line in STYLE.splitlines() if "--paper:" in line]
    assert len(palettes) == 3, "light, dark, on paper"
    for palette in palettes:
        for name, least in {"ink": 4.5, "link": 4.5, "line": 3.0, "bar": 3.0}.items():
            lighter, darker = sorted((_luminance(palette[name]), _luminance(palette["paper"])), reverse=True)
            assert (lighter + 0.05) / (darker + 0.05) >= least, (name, palette)
