"""The files of a release: what they hold is in the release, all of it, and made twice they are the same bytes."""

import csv
import io
import json
import re
import zipfile
from typing import Any

import pytest
from python_calamine import CalamineWorkbook

from api.statistics.dhis2 import CODE_LENGTH, data_value_set, period
from api.statistics.formats import formats_of
from api.statistics.reading import LANGUAGES, Reading, words
from api.statistics.sheets import COLUMNS, TOTAL
from domain.statistics.document import address
from tests.statistics.made import DECLARED, release

RAW = release(6)
RELEASE = json.loads(RAW)
SIGNATURE = bytes(64)
FILES = {name: file.content for name, file in formats_of(RAW, SIGNATURE).items()}


def windows(content: dict[str, Any]) -> list[tuple[str, str, dict[str, Any]]]:
    return [
        (name, table, window)
        for name, population in content["populations"].items()
        for table, shown in population["tables"].items()
        for window in shown["windows"]
    ]


def published() -> set[tuple[str, str, str, str, tuple[str, ...], int]]:
    """Return every figure of the release, as it says it."""
    found = set()
    for name, table, window in windows(RELEASE):
        place = (name, table, window["first"], window["last"])
        found.add((*place, (TOTAL,), window["total"]))
        found |= {(*place, tuple(cell["groups"]), cell["count"]) for cell in window["cells"]}
    return found


def read(name: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(FILES[name].decode(), newline="")))


def test_the_release_has_something_to_show_and_something_that_waits() -> None:
    places = [(name, table) for name, table, _ in windows(RELEASE)]
    assert len(set(places)) > 5
    assert len(places) > len(set(places)), "a table with a past"
    assert any(not table["windows"] for table in RELEASE["populations"]["vulnerable_migrants"]["tables"].values())


def test_every_file_made_twice_is_the_same_bytes() -> None:
    assert {name: file.content for name, file in formats_of(RAW, SIGNATURE).items()} == FILES


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_file_that_a_page_leads_to_lies_beside_it(language: str) -> None:
    links = re.findall(r'href="([^#"]+)"', FILES[f"{language}.html"].decode())
    assert f"{language}.xlsx" in links
    above = f"../../pages/{language}.html"
    assert links.count(above) == 1, "the list of all releases"
    assert {*links} - {above} <= set(FILES)


def test_the_figures_read_back_are_those_of_the_release_and_no_other() -> None:
    rows = read("release.csv")
    assert tuple(rows[0]) == COLUMNS
    found = {
        (
            row["population"],
            row["table"],
            row["first_period"],
            row["last_period"],
            tuple(one for one in (row["group_1"], row["group_2"]) if one),
            int(row["count"]),
        )
        for row in rows
    }
    assert found == published()
    assert len(found) == len(rows)


def test_the_figures_are_csv_as_its_standard_says() -> None:
    for name in ("release.csv", "dictionary.csv"):
        raw = FILES[name]
        assert raw.endswith(b"\r\n")
        assert raw.count(b"\n") == raw.count(b"\r\n")
        assert len({len(line) for line in csv.reader(io.StringIO(raw.decode(), newline=""), strict=True)}) == 1
        assert not re.search(rb"(^|,)\"?[=+@\t]", raw, re.MULTILINE), "no cell that a program would compute"


def test_the_dictionary_explains_every_column_and_every_code_of_the_figures_in_three_languages() -> None:
    dictionary = read("dictionary.csv")
    explained = {(row["kind"], row["code"]) for row in dictionary if all(row[language] for language in LANGUAGES)}
    assert {("column", column) for column in COLUMNS} <= explained
    for row in read("release.csv"):
        assert all(("group", row[one]) in explained for one in ("group_1", "group_2") if row[one])
        assert ("name", row["table"]) in explained


def test_the_dictionary_says_what_a_group_holds_at_the_level_of_each_figure() -> None:
    held = {(row["of"], row["code"], row["level"]): row["holds"] for row in read("dictionary.csv")}
    for name, table, window in windows(RELEASE):
        dimensions = RELEASE["populations"][name]["tables"][table]["dimensions"]
        for cell in window["cells"]:
            for dimension, group, level in zip(dimensions, cell["groups"], window["levels"], strict=True):
                if group != "other_or_unknown":
                    declared = DECLARED.populations[name].dimensions[dimension].levels[level][group]
                    assert held[f"{name}.{dimension}", group, str(level)] == " ".join(declared)


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_workbook_read_back_holds_every_figure_in_its_language(language: str) -> None:
    book = CalamineWorkbook.from_filelike(io.BytesIO(FILES[f"{language}.xlsx"]))
    word = {key: texts[language] for key, texts in words().items()}
    assert book.sheet_names == [word["sheet_about"], *RELEASE["populations"], word["sheet_dictionary"]]
    about = [cell for row in book.get_sheet_by_index(0).to_python() for cell in row]
    assert address(RAW) in about
    reading, figures = Reading(RELEASE, language), []
    for name in RELEASE["populations"]:
        rows = book.get_sheet_by_name(name).to_python()
        assert rows[0][0] == reading.population(name)
        header = next(place for place, row in enumerate(rows) if row[0] == word["table"])
        figures += [(name, row[6], row[1], row[5]) for row in rows[header + 1 :]]
    assert sorted(figures) == sorted(
        (name, table, reading.span(window), count)
        for name, table, window in windows(RELEASE)
        for count in (window["total"], *(cell["count"] for cell in window["cells"]))
    )


def test_a_workbook_names_nobody_and_no_time_and_has_a_chart_for_each_table() -> None:
    with zipfile.ZipFile(io.BytesIO(FILES["ru.xlsx"])) as archive:
        assert {entry.date_time for entry in archive.infolist()} == {(1980, 1, 1, 0, 0, 0)}
        core = archive.read("docProps/core.xml").decode()
        assert "<dc:creator></dc:creator>" in core
        assert "<cp:lastModifiedBy></cp:lastModifiedBy>" in core
        assert set(re.findall(r">(\d{4}-[^<]+)<", core)) == {"1980-01-01T00:00:00Z"}
        names = archive.namelist()
        drawings = [archive.read(name).decode() for name in names if re.fullmatch(r"xl/drawings/drawing\d+\.xml", name)]
    shown = {(name, table) for name, table, _ in windows(RELEASE)}
    assert sum(name.startswith("xl/charts/chart") for name in names) == len(shown)
    assert len(re.findall(r'descr="[^"]+: \d', "".join(drawings))) == len(shown), "each chart is told in words"
    assert not any("macro" in name or "external" in name.lower() for name in names)


@pytest.mark.parametrize(("ours", "theirs"), [("2026", "2026"), ("2026-H2", "2026S2"), ("2026-Q3", "2026Q3")])
def test_a_period_is_spelled_as_dhis2_does(ours: str, theirs: str) -> None:
    assert period(ours) == theirs


@pytest.mark.parametrize("wrong", ["", "2026-H", "26", "2026-M1", "2026-H1x", "2026-H3", "2026-Q0"])
def test_what_is_no_period_of_ours_is_refused(wrong: str) -> None:
    with pytest.raises(ValueError, match="not a period"):
        period(wrong)


def single() -> dict[str, Any]:
    """Return the release as it would be if each of its newest windows had one period."""
    content: dict[str, Any] = json.loads(RAW)
    for _, _, window in windows(content):
        window["last"] = window["first"]
    return content


def test_data_values_have_the_shape_that_dhis2_takes() -> None:
    sent = data_value_set(single())
    assert set(sent) == {"idScheme", "dataValues"}
    assert sent["idScheme"] == "CODE"
    assert len(sent["dataValues"]) == len(published())
    for value in sent["dataValues"]:
        assert set(value) - {"categoryOptionCombo"} == {"dataElement", "period", "orgUnit", "value"}
        assert re.fullmatch(r"\d{4}S[12]", value["period"])
        assert value["orgUnit"] == "KG"
        assert value["value"].isdigit()
        assert re.fullmatch(r"NRM(_[A-Z0-9]+)+_(TOTAL|L\d(_L\d)?)", value["dataElement"])
        assert value["dataElement"].endswith("TOTAL") == ("categoryOptionCombo" not in value)
    places = [tuple(sorted((key, one) for key, one in value.items() if key != "value")) for value in sent["dataValues"]]
    assert len(places) == len(set(places)), "no value overwrites another"


def test_what_pools_periods_is_not_sent_as_one_of_them() -> None:
    pooled = [window for _, _, window in windows(RELEASE) if window["first"] != window["last"]]
    assert pooled
    alone = [window for _, _, window in windows(RELEASE) if window["first"] == window["last"]]
    sent = json.loads(FILES["dhis2.json"])["dataValues"]
    assert len(sent) == sum(1 + len(window["cells"]) for window in alone)


def test_every_code_that_this_country_can_send_fits_into_dhis2() -> None:
    for name, population in DECLARED.populations.items():
        for table, declared in population.tables.items():
            ends = ["TOTAL", "_".join(f"L{level}" for level in population.coarsest(table))]
            assert all(len(f"NRM_{name}_{table}_{end}") <= CODE_LENGTH for end in ends)
            for levels in population.levels(table):
                assert all(len("_".join(cell)) <= CODE_LENGTH for cell in population.cells(table, levels))
            assert declared.dimensions


def test_no_file_says_anything_that_is_not_in_the_release_or_among_the_words() -> None:
    """A number that is in no release would be a figure that passed no gate."""
    allowed = set(re.findall(r"\d+", RAW.decode())) | {str(one) for one in (1, 2)}
    rows = [row["count"] for row in read("release.csv")]
    values = [value["value"] for value in json.loads(FILES["dhis2.json"])["dataValues"]]
    cells = [
        match
        for language in LANGUAGES
        for match in re.findall(r"<td[^>]*>(\d+)</td>|class=\"figure\"[^>]*>(\d+)<", FILES[f"{language}.html"].decode())
    ]
    assert {*rows, *values, *(one for pair in cells for one in pair if one)} <= allowed
