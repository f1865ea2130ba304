"""What is kept goes when its period ends, not before, and not while something protects the person by keeping it."""

from datetime import datetime, timedelta

import asyncpg

from tests.documents import picture
from tests.journeys.erasing import chunks, closed, granted, held, requested
from tests.journeys.scenes import carried, consented, identified, opened, referred, supported, told
from tests.world import World

YEAR = timedelta(days=366)
FIVE_YEARS = timedelta(days=1826)
CONTACT = {"channel": "visit", "language": "ky", "topic": "possible_trafficking", "narrative": {"account": "a call"}}


async def compartments(admin: asyncpg.Connection, case: str) -> set[str]:
    """Return which of a case's compartments still have a key."""
    rows = await admin.fetch(
        "SELECT k.compartment FROM sealing_keys k JOIN cases c ON c.id = k.holder_id WHERE c.reference = $1", case
    )
    return {row["compartment"] for row in rows}


async def erasures(admin: asyncpg.Connection, case: str) -> list[tuple[str, bool]]:
    """Return why what was erased of a case: the reason, and whether it was all."""
    rows = await admin.fetch("SELECT why, whole FROM erasures WHERE reference = $1 ORDER BY erased_at", case)
    return [(row["why"], row["whole"]) for row in rows]


async def test_where_somebody_lives_goes_after_a_year_and_all_else_after_five(
    world: World, admin: asyncpg.Connection
) -> None:
    case, _ = await supported(world)
    await closed(world, case)
    assert "location" in await compartments(admin, case)
    await world.later(timedelta(days=364)).work_off()
    assert "location" in await compartments(admin, case)
    await world.later(YEAR).work_off()
    assert await compartments(admin, case) == {"identity", "contact", "narrative"}
    still = world.later(YEAR)
    assert (await still.get("alpha", f"/cases/{case}/person/identity"))["fields"]["family_name"] == "Testova"
    late = world.later(FIVE_YEARS)
    await late.work_off()
    await late.work_off()
    assert await held(admin, case) == (0, 0)
    assert await erasures(admin, case) == [("retention", False), ("retention", True)]
    await late.get("alpha", f"/cases/{case}", 404)
    assert (await told(late, "alpha", case)).count("case_erased") == 1


async def test_who_was_no_victim_is_kept_half_a_year_and_what_was_an_error_a_month(
    world: World, admin: asyncpg.Connection
) -> None:
    for reason, days, why in (("not_a_victim", 180, "retention"), ("entered_in_error", 30, "error")):
        case = await opened(world)
        await closed(world, case, reason)
        await world.later(timedelta(days=days - 1)).work_off()
        assert min(await held(admin, case)) > 0
        await world.later(timedelta(days=days, minutes=5)).work_off()
        assert await held(admin, case) == (0, 0)
        assert await erasures(admin, case) == [(why, True)]


async def test_a_case_that_is_taken_up_again_is_kept(world: World, admin: asyncpg.Connection) -> None:
    case, _ = await supported(world)
    await closed(world, case)
    version = await world.version("alpha", f"/cases/{case}")
    await world.ask("alpha", "PUT", f"/cases/{case}/case-work", {"case_work": "active"}, version=version)
    await world.later(FIVE_YEARS).work_off()
    assert "location" in await compartments(admin, case)
    assert await erasures(admin, case) == []


async def test_a_hold_keeps_a_file_until_it_ends(world: World, admin: asyncpg.Connection) -> None:
    case = await opened(world)
    await closed(world, case, "not_a_victim")
    until: datetime = world.runtime.clock.present() + timedelta(days=200)
    body = {"ground": "compensation_claim", "holds_until": until.isoformat()}
    hold = await world.post("alpha", f"/cases/{case}/retention-holds", body, expect=201)
    late = world.later(timedelta(days=181))
    await late.work_off()
    assert min(await held(admin, case)) > 0
    postponed = "SELECT details->'because' FROM audit_entries WHERE action = 'erasure.postponed'"
    assert {row[0] for row in await admin.fetch(postponed)} == {'["hold"]'}
    assert (await late.get("alpha", f"/cases/{case}/retention-holds"))[0]["id"] == hold["id"]
    await world.later(timedelta(days=201)).work_off()
    assert await held(admin, case) == (0, 0)


async def test_documents_go_with_the_case_and_with_its_packages(world: World, admin: asyncpg.Connection) -> None:
    case, _ = await supported(world)
    added = await world.post("alpha", f"/cases/{case}/attachments?compartment=identity", picture(), expect=201)
    alone = await chunks(admin, case)
    await carried(
        world, await referred(world, case, attachments=[added["reference"]]), "north", "receipt", "acceptance"
    )
    assert await chunks(admin, case) > alone > 0
    await granted(world, case, "erasure")
    await world.work_off()
    assert (await held(admin, case), await chunks(admin, case)) == ((0, 0), 0)


async def test_a_lifted_hold_and_an_answered_request_stop_nothing_any_more(
    world: World, admin: asyncpg.Connection
) -> None:
    case = await opened(world)
    await closed(world, case, "entered_in_error")
    until = world.runtime.clock.present() + timedelta(days=1000)
    body = {"ground": "complaint", "holds_until": until.isoformat()}
    hold = (await world.post("alpha", f"/cases/{case}/retention-holds", body))["id"]
    request = await requested(world, case, "access")
    for days, done in (
        (31, f"/cases/{case}/retention-holds/{hold}/end"),
        (62, f"/cases/{case}/subject-requests/{request}/answer"),
    ):
        late = world.later(timedelta(days=days))
        await late.work_off()
        assert min(await held(admin, case)) > 0, done
        await late.post("alpha", done, {"granted": True} if done.endswith("answer") else None)
    await world.later(timedelta(days=95)).work_off()
    assert await held(admin, case) == (0, 0)


async def test_an_open_referral_stops_the_end_of_a_period(world: World, admin: asyncpg.Connection) -> None:
    case = await opened(world)
    await consented(world, case, purposes=["support"])  # for a year: it ends after the period, and so does the referral
    await identified(world, case)
    await referred(world, case)
    await admin.execute("UPDATE cases SET case_work = 'closed', closed_at = now(), closure_reason = 'not_a_victim'")
    await admin.execute(
        "INSERT INTO deadlines (id, case_id, subject_id, organisation_id, kind, rule, anchored_at, due_at) "
        "SELECT gen_random_uuid(), id, id, owner_organisation_id, 'retention', 'not-a-victim', now(), now() FROM cases"
    )
    await admin.execute("UPDATE deadlines SET settled_at = now() WHERE kind LIKE 'referral%'")
    await world.later(timedelta(days=181)).work_off()
    assert min(await held(admin, case)) > 0
    assert (
        await admin.fetchval("SELECT details->'because' FROM audit_entries WHERE action = 'erasure.postponed'")
        == '["referral"]'
    )
    await world.later(YEAR).work_off()
    await world.later(YEAR + timedelta(days=31)).work_off()
    assert await held(admin, case) == (0, 0)


async def test_words_that_no_case_came_of_go_after_a_day_and_codes_after_a_year(
    world: World, admin: asyncpg.Connection
) -> None:
    contact = (await world.post("hotline", "/contacts", {**CONTACT, "country_of_interest": "KZ"}))["id"]
    keys = "SELECT count(*) FROM sealing_keys WHERE holder_id = $1::uuid"
    assert await admin.fetchval(keys, contact) == 1
    await world.later(timedelta(hours=23)).work_off()
    assert await admin.fetchval(keys, contact) == 1
    await world.later(timedelta(hours=25)).work_off()
    assert await admin.fetchval(keys, contact) == 0
    codes = "SELECT channel, country_of_interest FROM contacts WHERE id = $1::uuid"
    assert tuple(await admin.fetchrow(codes, contact)) == ("visit", "KZ")
    await world.later(YEAR).work_off()
    assert tuple(await admin.fetchrow(codes, contact)) == ("visit", None)
    assert await erasures(admin, contact) == [("retention", False), ("retention", True)]


async def test_words_that_a_case_came_of_are_kept_a_year_and_a_call_that_is_due_is_made_first(
    world: World, admin: asyncpg.Connection
) -> None:
    case = {"entry_channel": "ngo", "person": {"sex": "female"}}
    about = (await world.post("alpha", "/contacts", {**CONTACT, "cases": [case]}))["id"]
    due = (await world.post("hotline", "/contacts", {**CONTACT, "channel": "voicemail"}))["id"]
    await world.later(timedelta(days=2)).work_off()
    keys = "SELECT count(*) FROM sealing_keys WHERE holder_id = $1::uuid"
    assert [await admin.fetchval(keys, one) for one in (about, due)] == [1, 1]
    await world.later(YEAR).work_off()
    assert [await admin.fetchval(keys, one) for one in (about, due)] == [0, 1]


async def test_what_was_closed_before_there_were_periods_is_found_by_the_worker(
    world: World, admin: asyncpg.Connection
) -> None:
    case = await opened(world)
    await closed(world, case, "not_a_victim")
    await admin.execute("DELETE FROM deadlines WHERE kind = 'retention'")
    await admin.execute(
        "INSERT INTO deadlines (id, case_id, subject_id, organisation_id, kind, rule, anchored_at, due_at) "
        "SELECT gen_random_uuid(), id, id, owner_organisation_id, 'retention', 'case', now(), now() FROM cases"
    )
    await world.work_off()
    open_ends = "SELECT rule FROM deadlines WHERE kind = 'retention' AND settled_at IS NULL AND fired_at IS NULL"
    assert [row["rule"] for row in await admin.fetch(open_ends)] == ["not-a-victim"]
    assert min(await held(admin, case)) > 0
