"""The list of releases for people: one address in each language, and from there every file by a link."""

import base64
import hashlib
import re
from collections.abc import AsyncIterator
from itertools import pairwise
from urllib.parse import urljoin
from xml.etree import ElementTree as ET

import asyncpg
import httpx
import pytest

from api.settings import DatabaseRole
from api.statistics.page import POLICY
from api.statistics.reading import LANGUAGES, words
from domain.statistics.document import address
from tests.api.test_releases import LIST, PAGE, reading
from tests.statistics.releasing import SIGNERS, approve, candidate, published
from tests.world import World

each_language = pytest.mark.parametrize("language", LANGUAGES)
LINKED = ("page", "workbook", "figures", "dictionary", "dhis2", "signed", "signature")
"""What a release is offered as, in the order of its worth for a reader."""

APPROVED = """INSERT INTO candidate_approvals SELECT c.id, o.id, s.id, c.author_id, c.author_organisation_id,
    c.report_digest, now() FROM release_candidates c JOIN (VALUES ('COORDINATION', 'coordinator'),
    ('MIGRATION', 'focal-point')) AS v (code, subject) ON true JOIN organisations o ON o.code = v.code
    JOIN staff_members s ON s.subject = v.subject WHERE c.address = $1"""
PLANTED = """INSERT INTO release_candidates SELECT gen_random_uuid(), encode(sha256($1), 'hex'), country, number,
    previous, $1, report, report_digest, author_id, author_organisation_id, now() FROM release_candidates"""
PUBLISHED = """INSERT INTO releases (id, country, number, previous, document, signature, published_at)
    SELECT address, country, number, previous, document, repeat('x', 64)::bytea, now() FROM release_candidates
    WHERE address = $1"""
OLDER = """INSERT INTO release_files SELECT $1, 'old.html', 'text/html; charset=utf-8', $2, encode(sha256($2), 'hex')"""


def text(element: ET.Element) -> str:
    return " ".join("".join(element.itertext()).split())


@pytest.fixture
async def anybody(shared_world: World) -> AsyncIterator[httpx.AsyncClient]:
    """A reader without a token, where two releases are published at least."""
    await published(shared_world, 2)
    async with reading(shared_world) as client:
        yield client


async def shown(reader: httpx.AsyncClient, language: str) -> ET.Element:
    """Return the list as a browser would take it in; that it is XML besides lets the standard library read it."""
    response = await reader.get(PAGE.format(language))
    assert response.status_code == 200, response.text
    assert response.headers["Content-Type"] == "text/html; charset=utf-8"
    return ET.fromstring(response.text)  # noqa: S314 - our own page


@each_language
async def test_every_release_is_listed_newest_first_with_links_that_lead_to_its_files(
    anybody: httpx.AsyncClient, language: str
) -> None:
    word = {key: texts[language] for key, texts in words().items()}
    releases = (await anybody.get(LIST)).json()["items"]
    sections = list((await shown(anybody, language)).iter("section"))
    assert len(sections) == len(releases) >= 2
    for section, release in zip(sections, reversed(releases), strict=True):
        heading = section.find("h3")
        assert heading is not None
        assert text(heading) == f"{word['country_KG']}: {word['release']} {release['number']}"
        told = {text(one[0]): text(one[1]) for one in section.iter("div")}
        assert release["until"] == (await anybody.get(f"{LIST}/{release['id']}")).json()["periods"][-1]
        year, half = release["until"].split("-")
        moment = release["published_at"]
        assert told == {
            word["until"]: word[half].format(year=year),
            word["published"]: f"{moment[:10]}, {moment[11:16]} UTC",
        }
        assert [text(one) for one in section.iter("code")] == [release["id"]]
        links = list(section.iter("a"))
        assert [text(link) for link in links] == [word[key] for key in LINKED]
        assert {link.get("aria-describedby") for link in links} == {heading.get("id")}
        here = PAGE.format(language)
        leading = [urljoin(here, link.get("href", "")) for link in links]
        lying = {f"{LIST}/{release['id']}/files/{file['name']}": file["address"] for file in release["files"]}
        lying[f"{LIST}/{release['id']}"] = release["id"]
        for path in leading:
            response = await anybody.get(path)
            assert (response.status_code, hashlib.sha256(response.content).hexdigest()) == (200, lying[path]), path
        assert leading[:2] == [f"{LIST}/{release['id']}/files/{language}.{kind}" for kind in ("html", "xlsx")]


@each_language
async def test_from_the_page_of_a_release_a_link_leads_back_to_the_list(
    anybody: httpx.AsyncClient, language: str
) -> None:
    releases = (await anybody.get(LIST)).json()["items"]
    path = f"{LIST}/{releases[-1]['id']}/files/{language}.html"
    links = re.findall(r'href="([^"]+)"', (await anybody.get(path)).text)
    assert PAGE.format(language) in {urljoin(path, link) for link in links}


@each_language
async def test_the_list_loads_nothing_runs_nothing_and_leads_to_the_other_languages(
    anybody: httpx.AsyncClient, language: str
) -> None:
    response, tree = await anybody.get(PAGE.format(language)), await shown(anybody, language)
    assert response.headers["Content-Security-Policy"] == f"{POLICY}; frame-ancestors 'none'; sandbox allow-downloads"
    meta = tree.find("head/meta[@http-equiv]")
    assert meta is not None
    assert meta.get("content") == POLICY
    tags = {element.tag for element in tree.iter()}
    assert not tags & {"script", "link", "img", "iframe", "object", "embed", "form", "input", "svg", "base"}
    for element in tree.iter():
        assert not {name for name in element.attrib if name.startswith("on") or name in {"src", "style", "srcset"}}
        assert not element.get("href", "").startswith(("http", "//", "/", "data:", "javascript:"))
    assert tree.get("lang") == language
    links = {link.get("lang"): link.get("href") for link in tree.iter("a") if link.get("lang")}
    assert links == {one: "#main" if one == language else f"{one}.html" for one in LANGUAGES}
    assert [one.get("lang") for one in tree.iter("a") if one.get("aria-current") == "page"] == [language]


@each_language
async def test_the_list_is_read_by_ear_and_speaks_its_language(anybody: httpx.AsyncClient, language: str) -> None:
    tree = await shown(anybody, language)
    ids = [element.get("id") for element in tree.iter() if element.get("id")]
    assert len(ids) == len(set(ids))
    named = [
        element.get(name, "").removeprefix("#")
        for element in tree.iter()
        for name in ("aria-labelledby", "aria-describedby", "href")
        if name != "href" or element.get(name, "").startswith("#")
    ]
    assert {one for one in named if one} <= set(ids)
    levels = [int(element.tag[1]) for element in tree.iter() if re.fullmatch(r"h[1-6]", element.tag)]
    assert levels.count(1) == 1
    assert levels[0] == 1
    assert all(later <= earlier + 1 for earlier, later in pairwise(levels))
    body = tree.find("body")
    assert body is not None
    word = {key: texts[language] for key, texts in words().items()}
    assert word["verify"] in text(body)
    assert word["no_release"] not in text(body)
    if language != "en":
        assert word["unreviewed"] in text(body)
        for code in tree.iter("code"):
            code.text = ""
        allowed = {"CSV", "XLSX", "DHIS", "JSON", "TXT", "Excel", "SHA", "English", "UTC"}
        spoken = text(body).replace("nrm statistics verify", "")
        assert set(re.findall(r"[A-Za-z]{2,}", spoken)) <= allowed


async def test_the_list_may_be_kept_for_a_minute_and_is_not_sent_twice(anybody: httpx.AsyncClient) -> None:
    path = PAGE.format("ky")
    first = await anybody.get(path)
    assert first.headers["Cache-Control"] == "public, max-age=60"
    assert first.headers["ETag"] == f'"{hashlib.sha256(first.content).hexdigest()}"'
    again = await anybody.get(path, headers={"If-None-Match": first.headers["ETag"]})
    assert (again.status_code, again.content, again.headers["ETag"]) == (304, b"", first.headers["ETag"])


@pytest.mark.parametrize(
    ("name", "status", "code"),
    [
        ("de.html", 422, "invalid-request"),
        ("EN.html", 422, "invalid-request"),
        (".html", 404, "not-found"),
        ("en.pdf", 404, "not-found"),
        ("en", 404, "not-found"),
        ("../en.html", 422, "invalid-request"),
    ],
)
async def test_a_page_that_there_is_not_is_refused_as_elsewhere(
    anybody: httpx.AsyncClient, name: str, status: int, code: str
) -> None:
    refused = await anybody.get(f"{LIST}/pages/{name}")
    assert (refused.status_code, refused.json()["code"]) == (status, code)
    assert refused.headers["Cache-Control"] == "no-store"
    assert refused.headers["Content-Type"] == "application/problem+json"


async def test_the_list_says_when_there_is_nothing_and_grows_with_what_is_published_alone(world: World) -> None:
    async with reading(world) as anybody:
        empty = await shown(anybody, "ru")
        assert not list(empty.iter("section"))
        assert words()["no_release"]["ru"] in text(empty)
        kept = await candidate(world)
        for who in SIGNERS:
            assert (await approve(world, who, kept)).status_code == 201
        assert ET.tostring(await shown(anybody, "ru")) == ET.tostring(empty), "signed by two is not yet published"
        first = await published(world)
        assert [text(one) for one in (await shown(anybody, "ru")).iter("code")] == [first.id]
        waiting = await candidate(world, 2)
        page = (await anybody.get(PAGE.format("ru"))).text
        assert waiting.address not in page
        assert first.id in page
        second = await published(world, 2)
        assert second.id == waiting.address
        shown_now = [text(one) for one in (await shown(anybody, "ru")).iter("code")]
        assert shown_now == [second.id, first.id]


async def test_what_a_release_says_is_never_markup_in_the_list_and_no_link_leads_nowhere(
    world: World, admin: asyncpg.Connection
) -> None:
    """Somebody writes past every command and the gate; what is listed of it is text all the same."""
    kept = await candidate(world)
    planted = kept.document.replace(b'"2026-H1"', b'"<b>&\\"\'2026</b>"')
    assert planted != kept.document
    await admin.execute(PLANTED, planted)
    await admin.execute(APPROVED, address(planted))
    await admin.execute(PUBLISHED, address(planted))
    async with reading(world) as anybody:
        for language in LANGUAGES:
            tree = await shown(anybody, language)
            assert "<b>&\"'2026</b>" in text(tree)
            assert not list(tree.iter("b"))
            section = next(tree.iter("section"))
            assert [link.get("href") for link in section.iter("a")] == [f"../{address(planted)}"], "it has no files"


async def test_the_list_is_read_as_the_role_that_reads_nothing_but_releases(world: World) -> None:
    await published(world)
    owner = await asyncpg.connect(world.access.dsns[DatabaseRole.OWNER])
    try:
        async with reading(world) as anybody:
            assert (await anybody.get(PAGE.format("en"))).status_code == 200
            await owner.execute("REVOKE SELECT ON release_files FROM nrm_statistics")
            assert (await anybody.get(PAGE.format("en"))).status_code == 500
    finally:
        await owner.close()


async def test_a_page_that_was_published_with_another_style_keeps_it(world: World, admin: asyncpg.Connection) -> None:
    """The policy of a page follows from the page: one made for the style of now would take that of then away."""
    release = await published(world)
    old = b"<!DOCTYPE html><style>b { color: #123456 }</style><b>then</b>"
    await admin.execute(OLDER, release.id, old)
    async with reading(world) as anybody:
        response = await anybody.get(f"{LIST}/{release.id}/files/old.html")
    digest = base64.b64encode(hashlib.sha256(b"b { color: #123456 }").digest()).decode()
    assert response.content == old
    assert response.headers["Content-Security-Policy"] == (
        f"default-src 'none'; style-src 'sha256-{digest}'; frame-ancestors 'none'; sandbox allow-downloads"
    )
