"""Lists come in pages that show every row once, however many rows are added meanwhile."""

import base64

import pytest

from api.matching import search_all
from tests.api.prepared import Prepared
from tests.world import World

PAGED = {
    "/cases": "alpha",
    "/contacts": "hotline",
    "/referrals/inbox": "north",
    "/referrals/outbox": "alpha",
    "/referrals/overdue": "focal",
    "/notifications": "north",
    "/duplicates": "alpha",
}


async def walked(world: World, path: str, limit: int, between: str | None = None) -> list[list[str]]:
    """Walk every page; open a case between two pages if its channel is given."""
    pages, cursor = [], ""
    while cursor is not None:
        page = await world.get("alpha", f"{path}?limit={limit}{cursor and f'&cursor={cursor}'}")
        pages.append([item["reference"] for item in page["items"]])
        cursor = page["next"]
        if between is not None:
            await world.post("alpha", "/cases", {"entry_channel": between})
        assert len(pages) < 50
    return pages


async def opened(world: World, count: int) -> list[str]:
    """Open cases and return them newest first."""
    made = [(await world.post("alpha", "/cases", {"entry_channel": "ngo"}))["reference"] for _ in range(count)]
    return made[::-1]


async def test_walking_the_pages_shows_every_row_once_newest_first(world: World) -> None:
    cases = await opened(world, 7)
    assert await walked(world, "/cases", 3) == [cases[:3], cases[3:6], cases[6:]]


async def test_a_full_last_page_has_no_next(world: World) -> None:
    cases = await opened(world, 6)
    assert await walked(world, "/cases", 3) == [cases[:3], cases[3:]]
    assert await walked(world, "/cases", 100) == [cases]


async def test_an_empty_list_is_one_empty_page(world: World) -> None:
    for path, who in PAGED.items():
        assert await world.get(who, path) == {"items": [], "next": None}


async def test_rows_added_meanwhile_neither_hide_nor_repeat_a_row(world: World) -> None:
    cases = await opened(world, 5)
    pages = await walked(world, "/cases", 2, between="police")
    assert [one for page in pages for one in page] == cases


async def test_a_page_shows_only_what_the_reader_may_see(world: World) -> None:
    await opened(world, 4)
    await world.post("beta", "/cases", {"entry_channel": "ngo"})
    page = await world.get("beta", "/cases?limit=2")
    assert (len(page["items"]), page["next"]) == (1, None)


async def test_every_pair_that_is_warned_of_is_on_one_page(world: World) -> None:
    """Three cases of one person and two of another: each is warned of those that came after it, newest cases first."""
    body = {
        "entry_channel": "ngo",
        "compartments": {"identity": {"given_name": "Aizhan", "family_name": "Toktogulova"}},
    }
    other = {
        "entry_channel": "ngo",
        "compartments": {"identity": {"given_name": "Bermet", "family_name": "Osmonalieva"}},
    }
    cases = [(await world.post("alpha", "/cases", one))["reference"] for one in (body, body, body, other, other)]
    await search_all(world.runtime)
    pages, cursor = [], ""
    while cursor is not None:
        page = await world.get("alpha", f"/duplicates?limit=1{cursor and f'&cursor={cursor}'}")
        pages.append([(one["case"], one["other_case"]) for one in page["items"]])
        cursor = page["next"]
    found = [one for page in pages for one in page]
    first, second, third, fourth, fifth = cases
    assert [len(page) for page in pages] == [1, 1, 1, 1]
    assert (found[0], found[1]) == ((fourth, fifth), (second, third))
    assert set(found[2:]) == {(first, second), (first, third)}


@pytest.mark.parametrize(("path", "who"), PAGED.items())
async def test_every_paged_list_keeps_to_its_limit_and_refuses_what_is_no_cursor(
    path: str, who: str, shared_world: World
) -> None:
    for _ in range(2):
        await Prepared(shared_world).named("referral:sent")
        await Prepared(shared_world).named("contact")
    page = await shared_world.get(who, f"{path}?limit=1")
    assert len(page["items"]) <= 1
    no_zone = base64.urlsafe_b64encode(b"2026-01-01T00:00:00|00000000-0000-4000-8000-000000000000").decode()
    for query in ("cursor=x", "cursor=", "cursor=%00", f"cursor={no_zone}", "cursor=" + "a" * 121):
        refused = await shared_world.ask(who, "GET", f"{path}?{query}")
        assert (refused.status_code, refused.json()["code"]) == (422, "invalid-request"), query
    for limit in ("0", "101", "-1", "1.5", "x", ""):
        refused = await shared_world.ask(who, "GET", f"{path}?limit={limit}")
        assert (refused.status_code, refused.json()["code"]) == (422, "invalid-request"), limit


async def test_a_cursor_of_somebody_else_shows_nothing_of_theirs(world: World) -> None:
    await opened(world, 3)
    cursor = (await world.get("alpha", "/cases?limit=1"))["next"]
    assert (await world.get("beta", f"/cases?cursor={cursor}")) == {"items": [], "next": None}
