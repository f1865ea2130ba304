"""What an asker, a walled organisation, a guesser and a thief of the database learn from the search for duplicates."""

import asyncio
import re
import secrets
import time
from collections.abc import Callable
from datetime import timedelta
from typing import Any
from uuid import UUID

import asyncpg
import httpx
import numpy as np
import pytest

from api.matching import compact_once, search_all, search_once
from auth.authentication import enter_as_search
from domain.duplicates.pages import SEALING, SPELLING, WARNING, open_page
from domain.duplicates.vectors import BYTES, Features, vector, weights
from tests.attacks.asked import seen
from tests.journeys.alike import AGAIN, FIRST, merge, recorded, said, twice, warnings
from tests.world import World

Attack = Callable[..., None]

PAIRS = 40
"""Hits and misses of which the times are compared."""

DEVIATIONS = 4.5
"""How far from a half the share of slower hits may be, in standard deviations of two samples of one distribution: if
there is no difference, it is farther in 7 of a million runs."""

REFERENCE = re.compile(rb"C(-[0-9A-HJKMNP-TV-Z]{4}){4}")
INSTANT = re.compile(rb"\d{4}-\d\d-\d\dT[\d:.]+Z")


def told(response: httpx.Response) -> tuple[Any, ...]:
    """Return what an asker can tell two answers apart by, without what is random in every answer."""
    status, body, headers = seen(response)

    def masked(raw: bytes) -> bytes:
        return INSTANT.sub(b"T", REFERENCE.sub(b"C", raw))

    return status, masked(body), tuple((name, masked(value.encode())) for name, value in headers)


def people(count: int) -> list[dict[str, str]]:
    """Return persons with names of one length that are like nobody else's."""

    def name(letters: int) -> str:
        return "".join(secrets.choice("bdgklmnprst") + secrets.choice("aeio") for _ in range(letters)).title()

    return [{"given_name": name(4), "family_name": name(6), "birth_date": "1999-02-01"} for _ in range(count)]


async def asked(world: World, person: dict[str, str]) -> tuple[list[tuple[Any, ...]], list[float]]:
    """Record a person as an asker, and look at all that an asker sees; returns what it saw, and how long it took."""
    body = {"entry_channel": "ngo", "compartments": {"identity": person}}
    start = time.perf_counter()
    opened = await world.ask("beta", "POST", "/cases", body)
    first = time.perf_counter() - start
    searching = asyncio.create_task(search_all(world.runtime))
    start = time.perf_counter()
    shown = await world.ask("beta", "GET", opened.headers["location"].removeprefix("/v1"))
    second = time.perf_counter() - start
    await searching
    after = [await world.ask("beta", "GET", path) for path in ("/duplicates", "/notifications")]
    return [told(one) for one in (opened, shown, *after)], [first, second]


def slower(hits: list[float], misses: list[float]) -> float:
    """Return in how many standard deviations hits are slower or quicker than misses (Mann and Whitney's U)."""
    wins = sum((hit > miss) + (hit == miss) / 2 for hit in hits for miss in misses)
    share = wins / (len(hits) * len(misses))
    deviation = ((len(hits) + len(misses) + 1) / (12 * len(hits) * len(misses))) ** 0.5
    return abs(share - 0.5) / deviation


async def test_hit_and_miss_are_answered_alike_to_the_byte_and_in_time(
    world: World, attack: Attack, admin: asyncpg.Connection
) -> None:
    known, unknown = people(PAIRS + 2), people(PAIRS + 2)
    for person in known:
        await recorded(world, "alpha", person)
    await search_all(world.runtime)
    answers: dict[bool, list[list[tuple[Any, ...]]]] = {True: [], False: []}
    times: dict[bool, list[list[float]]] = {True: [], False: []}
    order = [(person, hit) for hit, some in ((True, known), (False, unknown)) for person in some]
    order.sort(key=lambda _: secrets.randbits(32))
    for number, (person, hit) in enumerate(order):
        saw, took = await asked(world, person)
        answers[hit].append(saw)
        if number >= 4:  # the first are slower, whatever they ask
            times[hit].append(took)
    everything = [saw for sort in answers.values() for saw in sort]
    differing = sum(saw != everything[0] for saw in everything)
    attack("answers to hit and miss, byte for byte", tried=len(everything) * len(everything[0]), succeeded=differing)
    apart = [slower([one[place] for one in times[True]], [one[place] for one in times[False]]) for place in (0, 1)]
    attack(
        f"times of hit and miss: {apart[0]:.1f} and {apart[1]:.1f} of {DEVIATIONS} deviations apart",
        tried=len(everything) * 2,
        succeeded=sum(one > DEVIATIONS for one in apart),
    )
    assert len(await warnings(world, "alpha")) == len(answers[True])
    written = "SELECT count(*), count(DISTINCT length(sealed)) FROM match_findings"
    assert tuple(await admin.fetchrow(written)) == (len(everything) + len(known), 1), (
        "one finding of one length for each"
    )


SEALED = ("sealed_values", "sealing_keys", "match_entries", "match_pages", "match_findings", "match_statements")


async def test_a_thief_of_the_database_cannot_see_who_is_equal(
    world: World, attack: Attack, admin: asyncpg.Connection
) -> None:
    references = [await recorded(world, who, FIRST) for who in ("alpha", "beta", "beta", "police")]
    await search_all(world.runtime)
    await compact_once(world.runtime, 1)
    references += [await recorded(world, who, FIRST) for who in ("alpha", "beta")]
    await search_all(world.runtime)
    (warning, *_) = await warnings(world, "alpha")
    for says in ("same_person", "unknown"):
        path = f"/cases/{warning['case']}/duplicates/{warning['id']}/answers"
        await world.post("alpha", path, {"answer": says})
    dump = await dumped(admin)
    keys = world.runtime.keys
    known = [vector(Features(one), keys.derive(SPELLING), weights()) or b"" for one in (FIRST, AGAIN)]
    secret = [*known, *(keys.derive(label) for label in (SEALING, SPELLING, WARNING))]
    whole = "\n".join(row for rows in dump.values() for row in rows)
    found = [one for one in secret if one.hex() in whole or one[:32].hex() in whole]
    sealed = "\n".join(row for table in SEALED for row in dump[table])
    chunks = re.findall(r"[0-9a-f]{32}", "".join(re.findall(r"\\x([0-9a-f]+)", sealed)))
    ids = [str(row["id"]) for row in await admin.fetch("SELECT id FROM cases WHERE reference = ANY ($1)", references)]
    names = [*ids, *references]
    both = [
        (table, row[:80])
        for table, rows in dump.items()
        for row in rows
        if len({names.index(one) % len(ids) for one in names if one in row}) > 1
    ]
    tried = len(secret) * len(whole) // 1000 + len(chunks) + sum(map(len, dump.values()))
    attack(
        "who is equal, in a dump",
        tried=tried,
        succeeded=len(found) + len(both) + len(chunks) - len(set(chunks)),
    )
    assert len(dump["match_pages"]) == 1
    assert len(chunks) > 1000


async def dumped(admin: asyncpg.Connection) -> dict[str, list[str]]:
    """Return every row of every table as text, but for pages of zeros, which are no secret."""
    tables = await admin.fetch("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
    return {
        name: [row["line"] for row in await admin.fetch(f"SELECT t::text AS line FROM {name} t")]  # noqa: S608
        for name in (row["tablename"] for row in tables)
        if name != "idempotency_records"  # answers to who may have them, digests of who asked: tests of their own
    }


async def test_no_notification_and_no_event_tells_of_a_hit(
    world: World, attack: Attack, admin: asyncpg.Connection
) -> None:
    counted = """SELECT (SELECT count(*) FROM notifications), (SELECT count(*) FROM deliveries),
        (SELECT count(*) FROM deadlines WHERE kind <> 'step')"""
    before = tuple(await admin.fetchrow(counted))
    await twice(world)
    assert len(await warnings(world, "alpha")) == 1
    after = tuple(await admin.fetchrow(counted))
    attack(
        "rows that only a hit writes",
        tried=len(after),
        succeeded=sum(a != b for a, b in zip(before, after, strict=True)),
    )


WALLS = [
    ("the older case hides from who asks", "first", {"organisation": "NGO-BETA"}),
    ("the older case hides from one of the asker's staff", "first", {"staff": "caseworker-beta"}),
    ("the newer case hides from who keeps watch", "second", {"organisation": "NGO-ALPHA"}),
    ("the newer case hides from one who keeps watch", "second", {"staff": "second-caseworker-alpha"}),
]


@pytest.mark.parametrize(("_name", "side", "wall"), WALLS, ids=[name for name, *_ in WALLS])
async def test_through_a_wall_nothing_is_told_in_either_direction(
    world: World, attack: Attack, _name: str, side: str, wall: dict[str, str]
) -> None:
    first, second = await twice(world, consent=True)
    assert len(await warnings(world, "alpha")) == 1
    warning = await said(world, "alpha")
    who, case = ("alpha", first) if side == "first" else ("beta", second)
    await world.post(who, f"/cases/{case}/walls", wall)
    heard = [await warnings(world, one) for one in ("alpha", "alpha2", "beta")]
    path = f"/cases/{first}/duplicates/{warning['id']}"
    asked_anyway = [
        await world.ask("alpha", "POST", f"{path}/merge"),
        await world.ask("alpha", "POST", f"{path}/answers", {"answer": "unknown"}),
    ]
    absent = await world.ask("alpha", "POST", f"/cases/{first}/duplicates/{UUID(int=4)}/merge")
    came = sum(map(len, heard)) + sum(told(one) != told(absent) for one in asked_anyway)
    attack("warnings through a wall", tried=len(heard) + len(asked_anyway), succeeded=came)


@pytest.fixture(params=["entry", "page"])
async def erased(request: pytest.FixtureRequest, world: World, admin: asyncpg.Connection) -> tuple[str, Any]:
    """Record a person, and destroy the key of their identity, before and after a page took their vector."""
    case = await recorded(world, "alpha", FIRST)
    await search_all(world.runtime)
    if request.param == "page":
        assert await compact_once(world.runtime, 1) == 1
        await recorded(world, "alpha", {"given_name": "Mirlan", "family_name": "Toktosunov"})
        await search_all(world.runtime)
    old = await admin.fetchrow("SELECT * FROM match_pages")
    await admin.execute("DELETE FROM sealing_keys WHERE holder_id = (SELECT id FROM cases WHERE reference = $1)", case)
    return case, old


async def test_an_erased_person_is_not_found_and_their_vector_is_gone(
    world: World, attack: Attack, admin: asyncpg.Connection, erased: tuple[str, Any]
) -> None:
    case, old = erased
    of_case = "SELECT count(*) FROM {} WHERE case_id = (SELECT id FROM cases WHERE reference = $1)"
    tables = ("match_entries", "match_places", "match_searches")
    counts = [await admin.fetchval(of_case.format(table), case) for table in tables]
    await recorded(world, "beta", FIRST)
    await search_all(world.runtime)
    heard = await warnings(world, "alpha")
    recovered = 0
    if old is not None:
        key = world.runtime.keys.derive(SEALING)
        pads = await admin.fetchval("SELECT pads FROM match_pages WHERE id = $1", old["id"]) or bytes(len(old["pads"]))
        ids, vectors = open_page(old["sealed"], pads, UUID(str(old["id"])), old["version"], key)
        recovered = sum(map(bool, ids)) + int(np.any(vectors))
        assert pads[:BYTES] == bytes(BYTES)
    attack("an erased person", tried=len(counts) + 2, succeeded=sum(counts) + len(heard) + recovered)


async def test_guessing_names_tells_the_guesser_nothing(world: World, attack: Attack) -> None:
    """Through new cases, by recording an own older case anew, and by naming warnings."""
    hidden = await recorded(world, "alpha", FIRST)
    mine = await recorded(world, "beta", {"given_name": "Nobody"})
    names = ["Нурзат", "Айнур", "Бегимай", "Жылдыз", "Асель", "Айгүл", "Aigul", "Aygul", "Айгуль", "Гүлнара"]
    heard = 0
    for guess in names:
        fields = {**FIRST, "given_name": guess}
        version = await world.version("beta", f"/cases/{mine}")
        await world.ask("beta", "PUT", f"/cases/{mine}/person/identity", {"fields": fields}, version=version)
        await search_all(world.runtime)
        heard += len(await warnings(world, "beta"))
    paths = [f"/cases/{mine}/duplicates/{UUID(bytes=secrets.token_bytes(16), version=4)}/merge" for _ in range(30)]
    paths.append(f"/cases/{hidden}/duplicates/{(await warnings(world, 'alpha'))[0]['id']}/merge")
    answers = [await world.ask("beta", "POST", path) for path in paths]
    heard += sum(told(one) != told(answers[0]) for one in answers) + sum(one.status_code != 404 for one in answers)
    attack("guessed names and warnings", tried=len(names) + len(paths), succeeded=heard)


async def test_sql_of_an_intruder_merges_and_blanks_nothing_and_sees_no_page(
    world: World, attack: Attack, admin: asyncpg.Connection
) -> None:
    first, second = await twice(world)
    await compact_once(world.runtime, 1)
    ids = {
        row["reference"]: row["id"]
        for row in await admin.fetch("SELECT reference, id FROM cases WHERE reference = ANY ($1)", [first, second])
    }
    beta = await admin.fetchrow(
        "SELECT o.id, m.staff_id FROM organisations o JOIN memberships m ON m.organisation_id = o.id "
        "WHERE o.code = 'NGO-BETA' LIMIT 1"
    )
    connection = await asyncpg.connect(world.access.dsns["nrm_application"])  # type: ignore[index]
    succeeded = 0
    try:
        await connection.execute(
            "SELECT set_config('nrm.organisation_id', $1, false), set_config('nrm.staff_id', $2, false), "
            "set_config('nrm.role', 'ngo_caseworker', false), set_config('nrm.country', 'KG', false)",
            str(beta["id"]),
            str(beta["staff_id"]),
        )
        for table in ("match_pages", "match_places", "match_findings", "match_statements"):
            succeeded += await connection.fetchval(f"SELECT count(*) FROM {table}")  # noqa: S608
        await connection.fetchval("SELECT nrm_blank($1)", list(ids.values()))
        succeeded += await admin.fetchval("SELECT coalesce(sum(blanked), 2) FROM match_pages")
        sides = "SELECT count(*) FROM nrm_duplicate_sides($1, $2, ARRAY[true])"
        succeeded += await connection.fetchval(sides, [ids[first]], [ids[second]])
        merging = (
            "INSERT INTO case_merges VALUES (gen_random_uuid(), $1, $2, $3, '{}', gen_random_uuid(), nrm_now(), $4)"
        )
        owner = await admin.fetchval("SELECT owner_organisation_id FROM cases WHERE id = $1", ids[first])
        for former in (beta["id"], owner):
            with pytest.raises(asyncpg.InsufficientPrivilegeError):
                await connection.execute(merging, ids[second], ids[first], former, beta["staff_id"])
    finally:
        await connection.close()
    attack("SQL on pages and merges of others", tried=8, succeeded=succeeded)


async def test_a_page_that_was_altered_or_moved_stops_the_search_and_nothing_is_called_unlike(
    world: World, attack: Attack, admin: asyncpg.Connection
) -> None:
    await recorded(world, "alpha", FIRST)
    await compact_once(world.runtime, 1)
    await admin.execute("UPDATE match_pages SET sealed = set_byte(sealed, 500, (get_byte(sealed, 500) + 1) % 256)")
    world.runtime.matching.wipe()
    await recorded(world, "beta", AGAIN)
    stopped = 0
    try:
        await search_once(world.runtime)
    except Exception as error:  # noqa: BLE001 - any refusal will do; its kind is looked at below
        stopped = type(error).__name__ == "SealBroken"
    waiting = await admin.fetchval("SELECT count(*) FROM match_searches")
    attack("a page altered in the database", tried=1, succeeded=1 - stopped)
    assert waiting == 2, "what could not be searched still waits"


async def test_a_merge_shows_the_asker_nothing_before_it_agrees(world: World, attack: Attack) -> None:
    _, other = await twice(world)
    before = [
        told(await world.ask("beta", "GET", path)) for path in (f"/cases/{other}", "/duplicates", "/notifications")
    ]
    await said(world, "alpha")
    await merge(world, "alpha")
    after = [
        told(await world.ask("beta", "GET", path)) for path in (f"/cases/{other}", "/duplicates", "/notifications")
    ]
    attack(
        "a wish to merge without consent",
        tried=len(after),
        succeeded=sum(a != b for a, b in zip(before, after, strict=True)),
    )


async def test_the_search_runs_as_no_organisation(world: World) -> None:
    await recorded(world, "alpha", FIRST)
    async with world.runtime.database.sessions()() as session:
        work = world.runtime.work(session, await enter_as_search(session, timedelta()))
        connection = await session.connection()
        for table in ("cases", "persons", "sealed_values", "sealing_keys", "consents"):
            found = await connection.exec_driver_sql(f"SELECT count(*) FROM {table}")  # noqa: S608
            assert found.scalar_one() == 0, table
        await work.commit()
