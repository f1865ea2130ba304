"""A person who is recorded twice: who recorded them first is warned, and nobody who asks is told."""

import asyncio
import secrets
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import asyncpg
import pytest

from api.matching import AFTER_FAILURE, PAUSE, compact_once, search_all, search_once, step
from api.worker import forget_answers
from auth.authentication import enter_as_search
from domain.duplicates.matching import Matching, compact, search_waiting
from domain.sealing.providers import FileProvider
from tests.journeys.alike import AGAIN, ANOTHER, FIRST, recorded, said, twice, warnings
from tests.world import World


async def test_who_recorded_the_person_first_is_warned_and_who_asked_is_not(world: World) -> None:
    first, _ = await twice(world)
    (warning,) = await warnings(world, "alpha")
    assert (warning["case"], warning["answer"], warning["merge_wanted"]) == (first, None, False)
    assert (warning["other_organisation"], warning["other_case"]) == (None, None)
    assert await warnings(world, "beta") == await warnings(world, "police") == []


async def test_who_else_leads_the_other_case_is_told_only_under_the_consent_of_the_person(world: World) -> None:
    await twice(world, consent=True)
    (warning,) = await warnings(world, "alpha")
    assert (warning["other_organisation"], warning["other_case"]) == ("NGO-BETA", None)


async def test_within_one_organisation_both_references_are_told(world: World) -> None:
    first, second = await twice(world, "alpha", "alpha2")
    (warning,) = await warnings(world, "alpha")
    assert (warning["case"], warning["other_case"]) == (first, second)


async def test_another_person_warns_nobody(world: World) -> None:
    await recorded(world, "alpha", FIRST)
    await recorded(world, "beta", ANOTHER)
    assert await search_all(world.runtime) == 2
    assert await warnings(world, "alpha") == []


async def test_an_answer_is_kept_and_may_be_changed(world: World) -> None:
    await twice(world)
    for answer in ("unknown", "another_person", "same_person"):
        await said(world, "alpha", answer)
        assert [one["answer"] for one in await warnings(world, "alpha")] == [answer]


async def test_whoever_records_again_asks_again_and_the_other_keeps_watch(world: World) -> None:
    first = await recorded(world, "alpha", ANOTHER)
    await recorded(world, "beta", FIRST)
    await search_all(world.runtime)
    version = await world.version("alpha", f"/cases/{first}")
    path = f"/cases/{first}/person/identity"
    await world.ask("alpha", "PUT", path, {"fields": AGAIN}, version=version)
    await search_all(world.runtime)
    assert await warnings(world, "alpha") == [], "guessing at a person through a case of one's own tells nothing"
    assert len(await warnings(world, "beta")) == 1


async def test_a_corrected_name_no_longer_matches_the_old_one(world: World) -> None:
    first = await recorded(world, "alpha", FIRST)
    assert await compact_once(world.runtime, 1) == 1
    version = await world.version("alpha", f"/cases/{first}")
    await world.ask("alpha", "PUT", f"/cases/{first}/person/identity", {"fields": ANOTHER}, version=version)
    await recorded(world, "beta", AGAIN)
    await search_all(world.runtime)
    assert await warnings(world, "alpha") == []


async def test_a_district_that_is_told_later_counts(world: World, admin: asyncpg.Connection) -> None:
    case = await recorded(world, "alpha", FIRST)
    before = await admin.fetchval("SELECT sealed FROM match_entries")
    version = await world.version("alpha", f"/cases/{case}")
    await world.ask("alpha", "PUT", f"/cases/{case}/person/location", {"fields": {"district": "Ош"}}, version=version)
    assert await admin.fetchval("SELECT sealed FROM match_entries") != before
    assert await admin.fetchval("SELECT version FROM match_entries") == 2


async def test_pages_are_searched_like_entries_and_by_a_process_that_starts_anew(world: World) -> None:
    first = await recorded(world, "alpha", FIRST)
    await recorded(world, "alpha", ANOTHER)
    assert await compact_once(world.runtime, 1) == 2
    world.runtime.matching.wipe()
    await recorded(world, "beta", AGAIN)
    assert await search_all(world.runtime) == 3
    assert [one["case"] for one in await warnings(world, "alpha")] == [first]


async def test_of_two_who_ask_at_once_one_alone_is_told(world: World) -> None:
    await asyncio.gather(*(recorded(world, who, FIRST) for who in ("alpha", "beta")))
    others = Matching()
    async with (
        world.runtime.database.sessions()() as one,
        world.runtime.database.sessions()() as two,
    ):
        works = [world.runtime.work(session, await enter_as_search(session, timedelta())) for session in (one, two)]
        made = [
            await search_waiting(work, matching.index)
            for work, matching in zip(works, (world.runtime.matching, others), strict=True)
        ]
        for work in works:
            await work.commit()
    assert made == [2, 0], "what one searches, the other passes over"
    told = [await warnings(world, who) for who in ("alpha", "beta")]
    assert sorted(len(items) for items in told) == [0, 1]


@pytest.mark.parametrize("act", ["search", "compaction"])
async def test_killed_before_the_commit_nothing_is_lost(act: str, world: World, admin: asyncpg.Connection) -> None:
    first, _ = [await recorded(world, who, FIRST) for who in ("alpha", "beta")]
    tables = ("match_searches", "match_entries", "match_pages", "match_findings")
    counted = "SELECT " + ", ".join(f"(SELECT count(*) FROM {one})" for one in tables)  # noqa: S608 - names of ours
    before = tuple(await admin.fetchrow(counted))
    async with world.runtime.database.sessions()() as session:
        work = world.runtime.work(session, await enter_as_search(session, timedelta()))
        assert await (search_waiting(work, Matching().index) if act == "search" else compact(work, 1)) == 2
        await work.flush()
        pid = (await session.connection()).sync_connection.connection.driver_connection.get_server_pid()  # type: ignore[union-attr]
        await admin.execute("SELECT pg_terminate_backend($1)", pid)
        await session.invalidate()
    assert tuple(await admin.fetchrow(counted)) == before
    await search_all(world.runtime)
    assert await compact_once(world.runtime, 1) == 2
    assert [one["case"] for one in await warnings(world, "alpha")] == [first]


async def test_what_somebody_is_recording_is_left_for_the_next_page(world: World, admin: asyncpg.Connection) -> None:
    await recorded(world, "alpha", FIRST)
    await recorded(world, "alpha", ANOTHER)
    async with admin.transaction():
        await admin.execute("SELECT * FROM match_entries ORDER BY changed_at LIMIT 1 FOR UPDATE")
        assert await compact_once(world.runtime, 1) == 1
    assert await compact_once(world.runtime, 1) == 1
    assert await search_once(world.runtime) == 2


async def test_findings_are_forgotten_after_half_a_year(world: World, admin: asyncpg.Connection) -> None:
    await twice(world)
    await forget_answers(world.later(timedelta(days=179)).runtime)
    assert await admin.fetchval("SELECT count(*) FROM match_findings") == 2
    await forget_answers(world.later(timedelta(days=181)).runtime)
    assert await admin.fetchval("SELECT count(*) FROM match_findings") == 0


async def test_a_process_whose_keys_do_not_open_wipes_its_memory_and_loses_nothing(
    world: World, tmp_path: Path, admin: asyncpg.Connection
) -> None:
    await recorded(world, "alpha", FIRST)
    await compact_once(world.runtime, 1)
    assert await step(world.runtime) == PAUSE
    memory = world.runtime.matching.index.columns
    assert memory.any()
    await recorded(world, "beta", AGAIN)
    others = FileProvider.create(tmp_path / "other.json", secrets.token_bytes)
    assert await step(replace(world.runtime, keys=others)) == AFTER_FAILURE
    assert not memory.any()
    assert await admin.fetchval("SELECT count(*) FROM match_searches") == 1
    assert await step(world.runtime) == PAUSE
    assert len(await warnings(world, "alpha")) == 1
