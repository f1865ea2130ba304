"""The results monitoring framework as a file: one command for the annual table of an indicator, in three languages."""

import csv
import io
import re
from collections.abc import AsyncIterator
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from python_calamine import CalamineWorkbook
from sqlalchemy import text

from api.cli.acting import claims_for
from api.cli.indicators import FORMATS, Report, report
from api.results.lines import Line, words
from api.results.sheets import as_csv
from api.second_sink import FileSink
from api.settings import DatabaseRole
from domain.audit.sink import read_opening
from domain.codes import Language
from domain.errors import NotFound, NotPermitted
from tests.api.test_second_sink import with_sink
from tests.conftest import Databases
from tests.indicators.test_live_results import helped, year
from tests.world import CATALOGUE, STAFF, World, new_world

FIGURE = {
    "series": "dar-2-4",
    "unit": "persons",
    "country": "KG",
    "period_from": "2016-01-01",
    "period_to": "2016-12-31",
    "source": "dar-evaluation-2020",
}
ANNUAL = frozenset({"dar-2-4", "kg-outcome-2-2"})


@pytest.fixture(scope="module")
async def world(databases: Databases, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[World]:
    """Yield a world with a person who was referred this year, a figure of an earlier year and one of no data."""
    access = await databases.new()
    async with new_world(access, tmp_path_factory.mktemp("report")) as made:
        await helped(made)
        await entered(made)
        yield made
    await databases.drop(access)


async def entered(world: World) -> None:
    earlier = [
        FIGURE | {"value": 97},
        FIGURE | {"value": "no_data", "period_from": "2017-01-01", "period_to": "2017-12-31"},
    ]
    await world.post("coordinator", "/published-figures", {"figures": earlier})


async def made(world: World, form: str, *periods: str, who: str = "coordinator", **more: Any) -> bytes:
    wanted = Report(periods or ("2016", "2017", year(world)), form=form, **{"indicators": ANNUAL, **more})
    content, count = await report(wanted, claims_for(*STAFF[who], world.runtime), world.runtime)
    assert count >= len(wanted.periods)
    return content


async def test_one_command_gives_the_annual_table_of_an_indicator_and_an_outcome(world: World) -> None:
    rows = list(csv.DictReader(io.StringIO((await made(world, "csv")).decode("utf-8-sig"))))
    this = year(world)
    assert [(one["Code"], one["Period"], one["Result"]) for one in rows] == [
        ("2.4", "2016", "97"),
        ("2.4", "2017", "no data"),
        ("2.4", this, "1"),
        ("2.2", "2016", "no data"),
        ("2.2", "2017", "no data"),
        ("2.2", this, "1"),
    ]
    last = rows[-1]
    assert (last["Baseline"], last["Target"], last["% of target"], last["Status"]) == (
        "not stated",
        "10",
        "10.0",
        "Behind",
    )
    assert last["Excluded (no consent to reporting)"] == "0"
    assert rows[0]["Where it comes from"].startswith("Entered by hand: Final evaluation")
    assert re.fullmatch(r"[0-9a-f]{64}", last["SHA-256"])
    assert last["Query"] == "nrm_measured/1, kg-results 1.0.0"


async def test_the_workbook_has_numbers_as_numbers_and_a_sheet_of_groups(world: World) -> None:
    book = CalamineWorkbook.from_filelike(io.BytesIO(await made(world, "xlsx")))
    assert book.sheet_names == ["results", "chart", "groups"]
    heading, *rows = book.get_sheet_by_name("results").to_python()
    column = heading.index("Result")
    assert [row[column] for row in rows] == [97.0, "no data", 1.0, "no data", "no data", 1.0]
    groups = book.get_sheet_by_name("groups").to_python()
    label = CATALOGUE.labels("OrganisationType", "NGO", Language.ENGLISH)
    assert ["Kind", label, 1.0] in [row[4:] for row in groups]


class Page(HTMLParser):
    """What matters of a page: its elements, what they load, and its text."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.loads: list[str] = []
        self.pictures: list[dict[str, str | None]] = []
        self.language = ""
        self.text = ""
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        given = dict(attrs)
        self.loads += [str(given[name]) for name in ("src", "href", "data", "action") if name in given]
        if tag == "html":
            self.language = given["lang"] or ""
        if tag == "svg":
            self.pictures.append(given)

    def handle_data(self, data: str) -> None:
        self.text += data


@pytest.mark.parametrize("language", list(Language))
async def test_the_page_stands_alone_and_can_be_read_without_script_or_colour(world: World, language: Language) -> None:
    page = Page((await made(world, "html", language=language)).decode())
    assert page.language == language
    assert not {"script", "link", "img", "iframe", "object", "form"} & set(page.tags)
    assert all(one.startswith("#") for one in page.loads)
    assert page.pictures
    assert all(one["role"] == "img" and one["aria-label"] for one in page.pictures)
    assert page.tags.count("caption") == page.tags.count("table")
    assert words()["codes"]["no_data"][language] in page.text
    assert words()["page"]["notice"][language] in page.text
    assert CATALOGUE.framework("KG").by_key["dar-2-4"].name[language] in page.text
    if language != Language.ENGLISH:
        assert "no data" not in page.text
        assert words()["page"]["unreviewed"][language] in page.text


async def test_other_countries_and_their_sum_are_told_as_far_as_they_were_entered(world: World) -> None:
    dar = {"series": "dar-1-1", "unit": "persons", "period_from": "2015-01-01", "period_to": "2020-02-28"}
    figures = [
        dar | {"country": country, "value": value, "source": "s"} for country, value in (("KG", 522), ("KZ", 619))
    ]
    await world.post("coordinator", "/published-figures", {"figures": figures})
    content = await made(world, "csv", "dar", region=True, indicators=frozenset({"dar-1-1"}))
    rows = {one["Country"]: one for one in csv.DictReader(io.StringIO(content.decode("utf-8-sig")))}
    assert {country: one["Result"] for country, one in rows.items()} == {
        "KG": "522",
        "KZ": "619",
        "UZ": "no data",
        "TM": "no data",
        "TJ": "no data",
        "All countries": "1141",
    }


async def test_who_may_not_is_refused_and_what_is_not_theirs_does_not_exist(world: World) -> None:
    with pytest.raises(NotPermitted):
        await made(world, "csv", who="alpha")
    with pytest.raises(NotFound):
        await made(world, "csv", who="hotline")
    with pytest.raises(NotFound):
        await made(world, "csv", indicators=frozenset({"dar-9-9"}))
    with pytest.raises(ValueError, match="no period"):
        await made(world, "csv", "someday")


LAST = """
    SELECT e.action, e.rule, e.details, s.subject, o.code
    FROM audit_entries e JOIN staff_members s ON s.id = e.actor_id JOIN organisations o ON o.id = e.stream_id
    WHERE e.subject_id = o.id ORDER BY e.at DESC, e.sequence DESC LIMIT :count
"""


async def last(world: World, count: int = 1) -> list[tuple[str, str, str, dict[str, Any]]]:
    """Return the last entries of organisations' own streams, the newest first: action, who, for whom, what of it."""
    async with world.runtime.database.sessions(DatabaseRole.OWNER)() as session:
        rows = await session.execute(text(LAST), {"count": count})
        return [(row.action, row.subject, row.code, row.details) for row in rows]


@pytest.mark.parametrize("form", FORMATS)
async def test_a_report_leaves_an_entry_of_who_read_which_results_and_none_of_them(world: World, form: str) -> None:
    await made(world, form, "2017", "FY2016", who="hotline", indicators=frozenset({"hotline-calls"}), region=True)
    subject, organisation, role = STAFF["hotline"]
    which = {"figures": "results", "indicators": ["hotline-calls"], "role": role}
    assert await last(world, 2) == [
        ("figures.read", subject, organisation, which | {"period": period}) for period in ("FY2016", "2017")
    ]


async def test_a_report_that_is_refused_leaves_the_refusal_alone(world: World) -> None:
    with pytest.raises(NotPermitted):
        await made(world, "csv", who="alpha")
    ((action, subject, _, details),) = await last(world)
    assert (action, subject) == ("access.denied", STAFF["alpha"][0])
    with pytest.raises(NotFound):
        await made(world, "csv", who="hotline")
    ((action, subject, _, again),) = await last(world)
    assert (action, subject) == ("access.denied", STAFF["hotline"][0])
    assert details == again == {"command": "indicators report"}


async def test_without_the_sink_no_report_is_made(world: World, tmp_path: Path) -> None:
    path = tmp_path / "openings"
    await made(with_sink(world, FileSink(path)), "csv")
    kept = [one[1].entry for one in map(read_opening, path.read_bytes().splitlines(keepends=True)) if one]
    assert [one.details["period"] for one in kept] == ["2016", "2017", year(world)]
    with pytest.raises(OSError, match="second sink"):
        await made(with_sink(world, FileSink(Path("/dev/full"))), "csv")
    assert [action for action, *_ in await last(world)] == ["figures.read"], "too much is recorded, never too little"


def test_a_spreadsheet_takes_no_text_for_a_formula() -> None:
    columns = list(words()["columns"])
    line = Line("x", dict.fromkeys(columns, "=HYPERLINK(1)"), None, None)
    rows = list(csv.reader(io.StringIO(as_csv([line], Language.ENGLISH).decode("utf-8-sig"))))
    assert {cell[0] for cell in rows[1]} == {"'"}


def test_every_word_is_there_in_every_language() -> None:
    for section, keys in words().items():
        if section == "translations":
            assert keys == {"en": "original", "ru": "unreviewed", "ky": "unreviewed"}
            continue
        for key, texts in keys.items():
            assert set(texts) == set(Language), (section, key)
            assert all(texts.values()) or key == "unreviewed"
