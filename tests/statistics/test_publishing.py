"""From the ledger of counted cases to a release that anybody verifies, by the operator's own commands."""

import json
import random
from dataclasses import replace

import asyncpg
import pytest

from api.settings import DatabaseRole
from api.statistics.publishing import GateRefused, Publisher
from domain.audit.chain import canonical_json
from domain.audit.notes import KeyKind, SigningKey
from domain.errors import InvalidInput, NotFound, NotPermitted, StateConflict
from domain.statistics.document import address
from domain.statistics.examining import examine
from domain.statistics.gate import Leak
from domain.statistics.models import Release, ReleaseCandidate
from domain.statistics.preparing import NothingToPublish, erratum
from domain.statistics.reading import content_of, windows_of
from domain.statistics.windows import Window, window_of
from tests.statistics.releasing import AUTHOR, KEY, SIGNERS, claims_of, counts, declared, release
from tests.world import World

SIGNING = SigningKey("nrm.test/releases", KeyKind.RELEASE, KEY.private_bytes_raw())
VICTIMS = "victims_of_trafficking"
COLUMNS = ("sex", "age", "exploitation", "entry_channel", "citizenship", "stage")
KNOWING = ("HOTLINE", "NGO-ALPHA", "NGO-BETA", "POLICE", "SHELTER-NORTH")
WRITE = """INSERT INTO counted_cases (id, country, population, period, sex, age, exploitation, entry_channel,
    citizenship, stage, services, organisations)
    VALUES (gen_random_uuid(), 'KG', $1, $2, $3, $4, $5, $6, $7, $8, $9, $10)"""
CLOSE = "INSERT INTO closed_periods VALUES ('KG', $1, $2::timestamptz, now(), 'kg-statistics 1.0.0')"


async def close(admin: asyncpg.Connection, period: str, size: int) -> None:
    """Write the ledger of one period, as the worker will."""
    chance = random.Random(period)  # noqa: S311 - drawn again the same
    codes = {row["code"]: row["id"] for row in await admin.fetch("SELECT code, id FROM organisations")}
    rows = []
    for name, population in declared().populations.items():
        for _ in range(size):
            values = [chance.choice(population.dimensions[one].values) for one in COLUMNS]
            services = [one for one in ("shelter", "medical", "psychosocial", "legal") if chance.random() < 0.5]
            known = [codes[one] for one in chance.sample(KNOWING, 2)]
            rows.append((name, period, *values, services, known))
    await admin.executemany(WRITE, rows)
    ended = await admin.fetchval("SELECT count(*) FROM closed_periods")
    await admin.execute(CLOSE, period, await admin.fetchval("SELECT now() + $1 * interval '180 days'", ended))


async def signed(publisher: Publisher, world: World, kept: ReleaseCandidate) -> Release:
    """Let two sign a candidate, and publish it."""
    for who in SIGNERS:
        await publisher.approve(claims_of(world, who), kept.address, kept.report_digest)
    return await publisher.publish(kept.address, SIGNING)


async def test_a_release_goes_from_the_ledger_to_the_public_and_an_erratum_takes_a_window_back(
    world: World, admin: asyncpg.Connection
) -> None:
    told: list[int] = []
    publisher, author = Publisher(world.runtime, world.access, told.append), claims_of(world, AUTHOR)
    with pytest.raises(NothingToPublish):
        await publisher.prepare(author)
    await close(admin, "2025-H1", 200)
    kept = await publisher.prepare(author)
    assert (kept.number, json.loads(kept.report)["passed"]) == (1, True)
    assert len(told) > len(KNOWING)
    assert (await publisher.gate(None)).passed
    with pytest.raises(StateConflict):
        await publisher.publish(kept.address, SIGNING)
    first = await signed(publisher, world, kept)
    assert first.id == address(kept.document)
    with pytest.raises(NothingToPublish):
        await publisher.prepare(author)
    listed = (await world.get("alpha", "/statistics/releases"))["items"]
    assert [one["id"] for one in listed] == [first.id]

    (window,) = json.loads(first.document)["populations"][VICTIMS]["tables"]["medical"]["windows"]
    with pytest.raises(NothingToPublish):
        await publisher.prepare(author, (VICTIMS, "medical", "2024-H1", "2024-H1"))
    second = await signed(publisher, world, await publisher.prepare(author, (VICTIMS, "medical", "2025-H1", "2025-H1")))
    table = await world.get("alpha", f"/statistics/releases/{second.id}/tables/{VICTIMS}.medical")
    assert (table["windows"], table["retracted"]) == ([], [window])
    csv = await world.ask("alpha", "GET", f"/statistics/releases/{second.id}/files/release.csv")
    assert f",{VICTIMS},persons,medical," not in csv.text
    assert f",{VICTIMS},persons,legal," in csv.text


async def test_every_step_is_recorded(world: World, admin: asyncpg.Connection) -> None:
    await close(admin, "2025-H1", 0)
    publisher = Publisher(world.runtime, world.access)
    made = await signed(publisher, world, await publisher.prepare(claims_of(world, AUTHOR)))
    rows = await admin.fetch(
        "SELECT action, details FROM audit_entries WHERE action LIKE 'release.%' ORDER BY at, action"
    )
    assert [row["action"] for row in rows].count("release.approved") == 2
    assert {row["action"] for row in rows} == {"release.prepared", "release.approved", "release.published"}
    assert {json.loads(row["details"])["address"] for row in rows} == {made.id}


async def test_who_may_not_prepare_or_sign_is_refused_by_the_commands_too(
    world: World, admin: asyncpg.Connection
) -> None:
    await close(admin, "2025-H1", 0)
    publisher = Publisher(world.runtime, world.access)
    for who in ("hotline", "alpha", "police", "focal"):
        with pytest.raises(NotPermitted):
            await publisher.prepare(claims_of(world, who))
    kept = await publisher.prepare(claims_of(world, AUTHOR))
    for who in (AUTHOR, "alpha", "police"):
        with pytest.raises(NotPermitted):
            await publisher.approve(claims_of(world, who), kept.address, kept.report_digest)
    with pytest.raises(InvalidInput):
        await publisher.approve(claims_of(world, "coordinator"), kept.address, "0" * 64)
    with pytest.raises(NotFound):
        await publisher.approve(claims_of(world, "coordinator"), "0" * 64, kept.report_digest)
    with pytest.raises(NotFound):
        await publisher.gate("0" * 64)


async def test_a_candidate_of_a_name_is_neither_signed_nor_published_however_it_came_there(
    world: World, admin: asyncpg.Connection
) -> None:
    """Somebody writes past every command: the gate looks again when it is signed, and when it is published."""
    await close(admin, "2025-H1", 150)
    publisher = Publisher(world.runtime, world.access)
    kept = await publisher.prepare(claims_of(world, AUTHOR))
    planted = kept.document.replace("Женский".encode("unicode_escape"), b"Aizada")
    assert planted != kept.document
    await admin.execute(
        "INSERT INTO release_candidates SELECT gen_random_uuid(), encode(sha256($1), 'hex'), country, number, "
        "previous, $1, report, report_digest, author_id, author_organisation_id, now() FROM release_candidates",
        planted,
    )
    for who in SIGNERS:
        with pytest.raises(StateConflict) as blocked:
            await publisher.approve(claims_of(world, who), address(planted), kept.report_digest)
        assert blocked.value.details == {"current": "blocked"}
    await admin.execute(
        "INSERT INTO candidate_approvals SELECT c.id, o.id, s.id, c.author_id, c.author_organisation_id, "
        "c.report_digest, now() FROM release_candidates c JOIN (VALUES ('COORDINATION', 'coordinator'), "
        "('MIGRATION', 'focal-point')) AS v (code, subject) ON true JOIN organisations o ON o.code = v.code "
        "JOIN staff_members s ON s.subject = v.subject WHERE c.address = $1",
        address(planted),
    )
    with pytest.raises(GateRefused) as refused:
        await publisher.publish(address(planted), SIGNING)
    leaks = [one.leak for several in refused.value.report.findings.values() for one in several]
    assert set(leaks) == {Leak.WORDS}
    assert await admin.fetchval("SELECT count(*) FROM releases") == 0


async def test_of_two_candidates_of_one_number_one_is_published(world: World, admin: asyncpg.Connection) -> None:
    await close(admin, "2025-H1", 0)
    publisher = Publisher(world.runtime, world.access)
    older = await publisher.prepare(claims_of(world, AUTHOR))
    await close(admin, "2025-H2", 0)
    newer = await publisher.prepare(claims_of(world, AUTHOR))
    for who in SIGNERS:
        await publisher.approve(claims_of(world, who), newer.address, newer.report_digest)
    await signed(publisher, world, older)
    with pytest.raises(StateConflict) as late:
        await publisher.publish(newer.address, SIGNING)
    assert late.value.details == {"current": "superseded"}


async def test_the_statistics_role_reads_what_is_published_and_no_candidate(world: World) -> None:
    connection = await asyncpg.connect(world.access.dsns[DatabaseRole.STATISTICS])
    try:
        for table in ("release_candidates", "candidate_approvals", "counted_cases", "closed_periods", "cases"):
            with pytest.raises(asyncpg.InsufficientPrivilegeError):
                await connection.fetch(f"SELECT * FROM {table}")  # noqa: S608 - names of this file alone
    finally:
        await connection.close()


def test_a_retracted_window_changes_nothing_else_and_stays_retracted() -> None:
    raw, _ = release(2)
    name, table = VICTIMS, "medical"
    taken, report = erratum(declared(), counts(2), raw, (name, table, "2026-H1", "2026-H1"))
    assert report.passed
    before, after = (windows_of(content_of(one), declared().populations) for one in (raw, taken))
    changed = [one for one in after[name] if one not in before[name]]
    assert [(one.table, one.first, one.last, one.retracted) for one in changed] == [(table, 0, 0, True)]
    assert after["vulnerable_migrants"] == before["vulnerable_migrants"]
    assert [replace(one, retracted=False) for one in changed] == [one for one in before[name] if one.table == table][:1]
    with pytest.raises(NothingToPublish):
        erratum(declared(), counts(2), taken, (name, table, "2026-H1", "2026-H1"))
    used = [one for one in after[name] if one.table == table]
    found = window_of(declared().populations[name], declared().rules, table, used[:1], counts(2).counts[name])
    assert isinstance(found, Window)
    assert found.first == 1, "the periods of what was retracted are not published again"
    restored = content_of(taken) | {"number": 4, "previous": address(taken)}
    told = restored["populations"][name]["tables"][table]
    told["windows"], told["retracted"] = [*told["retracted"], *told["windows"]], []
    again = examine(canonical_json(restored), declared(), counts(2), taken)
    assert [one.leak for one in again.findings[name]] == [Leak.REWRITTEN]
