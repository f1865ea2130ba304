"""The application's own database role, held by somebody hostile: what row-level security and grants still refuse."""

from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import asyncpg
import pytest

from api.settings import DatabaseRole
from domain.codes import Role
from tests.attacks.intruder import Intruder, intruding
from tests.attacks.relations import REFERRAL, WORKER, Stage, Things, answered, code_of, opened, referred, walled_off

Attack = Callable[..., None]

WITHOUT_CONTEXT = {"organisations", "staff_members", "memberships", "audit_heads"}
"""Readable before anybody is known: the first statement of a request looks up who asks; heads hold ids and hashes."""

APPEND_ONLY = (
    "audit_entries",
    "consents",
    "screenings",
    "assessments",
    "identification_decisions",
    "cooperations",
    "referral_events",
    "step_completions",
    "exploitation_episodes",
    "classifications",
    "service_terms",
    "service_costs",
    "published_figures",
    "attachments",
    "attachment_removals",
)
GRANT = (
    "INSERT INTO case_access (id, case_id, organisation_id, relation, holder_id, referral_id, compartments, "
    "valid_from, valid_until) VALUES (gen_random_uuid(), $1, $2, $3, $4, $5, '{identity,narrative}', now(), 'infinity')"
)
FOREVER = datetime(9999, 1, 1, tzinfo=UTC)


@dataclass(frozen=True)
class Ids:
    """The rows that are attacked."""

    case: UUID
    person: UUID
    before: UUID
    after: UUID
    organisations: dict[str, UUID]


@pytest.fixture(scope="module")
async def case(stage: Stage) -> Things:
    """Return a case of the owner with an unanswered and an accepted referral."""
    reference, contact, consent = await opened(stage, "owner", WORKER)
    unanswered = await referred(stage, reference, "before")
    accepted = await referred(stage, reference, "after")
    await answered(stage, "after", accepted, "acceptance", "service-start")
    return Things(reference, unanswered, contact, consent, accepted, "")


@pytest.fixture
async def ids(case: Things, superuser: asyncpg.Connection) -> Ids:
    async def one(question: str, value: str) -> UUID:
        found = await superuser.fetchval(question, value)
        assert isinstance(found, UUID)
        return found

    found = await one("SELECT id FROM cases WHERE reference = $1", case.case)
    codes = await superuser.fetch(
        "SELECT lower(substr(code, 5)) AS code, id FROM organisations WHERE code LIKE 'ORG-%'"
    )
    return Ids(
        found,
        await superuser.fetchval("SELECT id FROM persons WHERE case_id = $1", found),
        await one("SELECT id FROM referrals WHERE reference = $1", case.referral),
        await one("SELECT id FROM referrals WHERE reference = $1", case.episode),
        {row["code"]: row["id"] for row in codes},
    )


@pytest.fixture
async def intruder(stage: Stage) -> AsyncIterator[Intruder]:
    async with intruding(stage) as made:
        yield made


async def tables(superuser: asyncpg.Connection) -> list[str]:
    rows = await superuser.fetch(
        "SELECT relname FROM pg_class WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace "
        "AND relname <> 'alembic_version' ORDER BY 1"
    )
    return [row["relname"] for row in rows]


async def test_every_table_is_behind_row_security_that_holds_its_owner_too(superuser: asyncpg.Connection) -> None:
    open_tables = await superuser.fetch(
        "SELECT relname FROM pg_class WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace "
        "AND relname <> 'alembic_version' AND NOT (relrowsecurity AND relforcerowsecurity)"
    )
    assert open_tables == []
    assert len(await tables(superuser)) > 20


@pytest.mark.parametrize("role", [DatabaseRole.APPLICATION, DatabaseRole.STATISTICS])
async def test_without_a_context_nothing_is_visible(
    stage: Stage, superuser: asyncpg.Connection, case: Things, attack: Attack, role: DatabaseRole
) -> None:
    assert case.case
    seen, tried = set(), 0
    async with intruding(stage, role) as intruder:
        for table in await tables(superuser):
            tried += 1
            if not await intruder.is_refused(f"SELECT 1 FROM {table}"):  # noqa: S608 - names from the catalogue
                seen.add(table)
    allowed = WITHOUT_CONTEXT if role == DatabaseRole.APPLICATION else set()
    assert seen <= allowed | {"releases"}
    attack(f"empty context as {role}", tried=tried, succeeded=len(seen - allowed - {"releases"}))


async def test_who_migrates_the_database_reads_nothing_of_a_person(stage: Stage, case: Things, attack: Attack) -> None:
    assert case.case
    closed = (
        "persons",
        "consents",
        "screenings",
        "sealed_values",
        "sealed_chunks",
        "sealing_keys",
        "idempotency_records",
        "cooperations",
    )
    async with intruding(stage, DatabaseRole.OWNER) as intruder:
        through = await intruder.all_refused(*((f"SELECT 1 FROM {table}",) for table in closed))  # noqa: S608
        assert through == []
        attack("the owner reads persons and sealed values", tried=intruder.tried, succeeded=intruder.succeeded)


async def test_what_was_recorded_cannot_be_changed(
    intruder: Intruder, superuser: asyncpg.Connection, ids: Ids, attack: Attack
) -> None:
    await intruder.become(superuser, "owner")
    changes = [
        (f"{verb} {table}{more}",)
        for table in APPEND_ONLY
        for verb, more in (("UPDATE", " SET case_id = case_id"), ("DELETE FROM", ""), ("TRUNCATE", ""))
    ]
    changes = [
        (
            one.replace("audit_entries SET case_id = case_id", "audit_entries SET rule = 'x'").replace(
                "published_figures SET case_id = case_id", "published_figures SET value = 0"
            ),
        )
        for (one,) in changes
    ]
    through = await intruder.all_refused(*changes)
    master = Intruder(superuser)
    through += await master.all_refused(*changes, ("TRUNCATE audit_heads",), ("DELETE FROM audit_heads",))
    assert through == []
    attack("append-only tables", tried=intruder.tried + master.tried, succeeded=len(through))
    assert ids.case


@pytest.mark.parametrize("relation", ["foreign", "before", "after", "walled"])
async def test_nobody_grants_themselves_a_case(
    intruder: Intruder, superuser: asyncpg.Connection, ids: Ids, attack: Attack, relation: str
) -> None:
    await intruder.become(superuser, relation)
    me, owner = ids.organisations[relation], ids.organisations["owner"]
    referrals = [None, ids.before, *([] if relation == "after" else [ids.after])]
    tries: list[tuple[Any, ...]] = [
        (GRANT, ids.case, organisation, kind, holder, referral)
        for organisation in (me, owner)
        for kind in ("owner", "receiver")
        for holder in (ids.case, ids.before)
        for referral in referrals
    ]
    tries += [
        ("UPDATE case_access SET valid_until = $1 WHERE case_id = $2", FOREVER + timedelta(days=9), ids.case),
        ("UPDATE case_access SET compartments = '{identity,narrative,legal}' WHERE case_id = $1", ids.case),
        ("UPDATE case_access SET organisation_id = $1 WHERE case_id = $2", me, ids.case),
        ("UPDATE case_access SET holder_id = $1 WHERE organisation_id = $2", ids.case, me),
        ("DELETE FROM case_walls",),
        ("DELETE FROM case_access",),
    ]
    assert await intruder.all_refused(*tries) == []
    attack(f"grants written by the {relation} organisation", tried=intruder.tried, succeeded=intruder.succeeded)


async def test_a_grant_that_ended_is_not_revived_by_whom_it_was_for(
    stage: Stage, intruder: Intruder, superuser: asyncpg.Connection, attack: Attack
) -> None:
    case, _, _ = await opened(stage, "owner", WORKER)
    referral = await referred(stage, case, "withdrawn")
    await answered(stage, "withdrawn", referral, "acceptance")
    await stage.do("owner", f"/referrals/{referral}/withdrawal")
    await intruder.become(superuser, "withdrawn")
    ended = await intruder.connection.fetchval("SELECT count(*) FROM case_access WHERE valid_until <= now()")
    assert ended > 0
    revived = "UPDATE case_access SET valid_until = 'infinity' WHERE valid_until <= now()"
    assert await intruder.is_refused(revived)
    assert await intruder.is_refused("SELECT 1 FROM cases WHERE reference = $1", case)
    attack("an ended grant revived", tried=intruder.tried, succeeded=intruder.succeeded)


async def test_a_stranger_sees_and_writes_nothing_of_a_case(
    intruder: Intruder, superuser: asyncpg.Connection, ids: Ids, attack: Attack
) -> None:
    await intruder.become(superuser, "foreign")
    me = ids.organisations["foreign"]
    of_case = ("persons", "consents", "screenings", "referrals", "service_episodes", "deadlines", "step_completions")
    reads: list[tuple[Any, ...]] = [(f"SELECT 1 FROM {table} WHERE case_id = $1", ids.case) for table in of_case]  # noqa: S608
    reads += [
        ("SELECT 1 FROM cases WHERE id = $1", ids.case),
        ("SELECT 1 FROM sealed_values WHERE holder_id = ANY ($1::uuid[])", [ids.case, ids.before, ids.after]),
        ("SELECT 1 FROM sealing_keys WHERE holder_id = ANY ($1::uuid[])", [ids.case, ids.before, ids.after]),
        ("SELECT 1 FROM audit_entries WHERE stream_id = $1", ids.case),
        ("SELECT 1 FROM notifications WHERE organisation_id <> $1", me),
        ("SELECT 1 FROM idempotency_records WHERE organisation_id <> $1", me),
        ("SELECT 1 FROM contacts WHERE organisation_id <> $1", me),
        ("SELECT * FROM nrm_funnel() WHERE counted > 0",),
        ("SELECT * FROM nrm_dashboard()",),
        ("SELECT * FROM nrm_callbacks()",),
        ("SELECT 1 FROM escalations",),
    ]
    event = (
        "INSERT INTO referral_events (id, referral_id, case_id, sequence, act, status, at, organisation_id) "
        "VALUES (gen_random_uuid(), $1, $2, 99, 'accept', 'accepted', now(), $3)"
    )
    sealed = (
        "INSERT INTO sealed_values (record_id, kind, compartment, holder_id, key_version, version, sealed, changed_at) "
        "VALUES (gen_random_uuid(), 'compartment', 'identity', $1, 1, 1, '', now())"
    )
    key = "INSERT INTO sealing_keys (holder_id, compartment, version, key_id, wrapped) VALUES ($1, 'x', 9, 'x', '')"
    writes: list[tuple[Any, ...]] = [
        *((event, referral, ids.case, by) for referral in (ids.before, ids.after) for by in (me, None)),
        *((sealed, holder) for holder in (ids.case, ids.before)),
        *((key, holder) for holder in (ids.case, ids.before)),
        ("UPDATE cases SET owner_organisation_id = $1 WHERE id = $2", me, ids.case),
        ("UPDATE referrals SET status = 'accepted' WHERE id = $1", ids.before),
        ("UPDATE persons SET sex = 'other' WHERE case_id = $1", ids.case),
        ("DELETE FROM sealed_values WHERE holder_id = $1", ids.case),
        ("DELETE FROM sealing_keys WHERE holder_id = $1", ids.case),
        ("INSERT INTO case_walls (id, case_id, organisation_id, raised_at) VALUES (gen_random_uuid(), $1, $2, now())",
         ids.case, ids.organisations["owner"]),
    ]  # fmt: skip
    assert await intruder.all_refused(*reads, *writes) == []
    attack("a stranger's SQL on a case", tried=intruder.tried, succeeded=intruder.succeeded)


async def test_before_acceptance_a_receiver_reads_no_sealed_byte(
    intruder: Intruder, superuser: asyncpg.Connection, ids: Ids, attack: Attack
) -> None:
    packages = "SELECT 1 FROM sealed_values WHERE kind = 'package' AND holder_id = $1"
    assert await superuser.fetchval(packages, ids.before)
    await intruder.become(superuser, "before")
    assert await intruder.is_refused(packages, ids.before)
    assert await intruder.is_refused("SELECT 1 FROM sealed_values WHERE holder_id = $1", ids.case)
    assert await intruder.is_refused("SELECT 1 FROM persons WHERE case_id = $1", ids.case)
    attack("a package before acceptance, by SQL", tried=intruder.tried, succeeded=intruder.succeeded)


async def test_nobody_speaks_for_others_in_the_records(
    intruder: Intruder, superuser: asyncpg.Connection, ids: Ids, attack: Attack
) -> None:
    """A party to a referral may write events and audit entries, but only as itself; and answers are everybody's own."""
    await intruder.become(superuser, "after")
    me, owner = ids.organisations["after"], ids.organisations["owner"]
    colleague = await superuser.fetchval(
        "SELECT id FROM staff_members WHERE subject = $1", f"after-{Role.SHELTER_STAFF}"
    )
    event = (
        "INSERT INTO referral_events (id, referral_id, case_id, sequence, act, status, at, organisation_id, staff_id) "
        "VALUES (gen_random_uuid(), $1, $2, 98, 'complete', 'completed', now(), $3, $4)"
    )
    entry = (
        "INSERT INTO audit_entries (stream_id, sequence, action, actor_id, organisation_id, subject_id, rule, "
        "details, at, hash) VALUES ($1, 999999, 'case.read', $2, $3, $1, 'owner-of-case', '{}', now(), '')"
    )
    answer = (
        "INSERT INTO idempotency_records (organisation_id, staff_id, key, salt, fingerprint, status, headers, body, "
        "answered_at) VALUES ($1, $2, 'forged', '', '', 200, '{}', 'forged', now())"
    )
    through = await intruder.all_refused(
        (event, ids.after, ids.case, owner, colleague),
        (event, ids.after, ids.case, me, colleague),
        (event, ids.after, ids.case, None, None),
        (entry, ids.case, colleague, me),
        (entry, ids.case, None, owner),
        (answer, me, colleague),
        (answer, owner, colleague),
        ("SELECT 1 FROM idempotency_records WHERE staff_id <> nrm_staff()",),
        ("UPDATE idempotency_records SET body = 'forged'",),
        ("DELETE FROM idempotency_records",),
    )
    assert through == []
    attack("events, audit entries and answers in another's name", tried=intruder.tried, succeeded=intruder.succeeded)


async def test_behind_a_wall_the_second_wall_stands_too(
    stage: Stage, intruder: Intruder, superuser: asyncpg.Connection, attack: Attack
) -> None:
    things = (await walled_off(stage, candidate=""))["walled"]
    case = await superuser.fetchval("SELECT id FROM cases WHERE reference = $1", things.case)
    referral = await superuser.fetchval("SELECT id FROM referrals WHERE reference = $1", things.referral)
    for relation in ("walled", "walled_staff"):
        await intruder.become(superuser, relation)
        of_case = ("persons", "referrals", "service_episodes", "consents", "identification_decisions", "contact_cases")
        tries: list[tuple[Any, ...]] = [(f"SELECT 1 FROM {table} WHERE case_id = $1", case) for table in of_case]  # noqa: S608
        tries += [
            ("SELECT 1 FROM cases WHERE id = $1", case),
            ("SELECT 1 FROM contacts WHERE id = $1", UUID(things.contact)),
            ("SELECT 1 FROM notifications WHERE reference = ANY ($1)", [things.case, things.referral]),
            ("SELECT 1 FROM sealed_values WHERE holder_id = ANY ($1)", [case, referral]),
            ("SELECT 1 FROM sealing_keys WHERE holder_id = ANY ($1)", [case, referral]),
            ("SELECT 1 FROM referral_events WHERE referral_id = $1", referral),
            ("UPDATE referrals SET status = 'completed' WHERE id = $1", referral),
            ("UPDATE service_episodes SET ended_at = now() WHERE case_id = $1", case),
        ]
        assert await intruder.all_refused(*tries) == []
    attack("behind a wall, by SQL", tried=intruder.tried, succeeded=intruder.succeeded)
    assert code_of("walled") == "ORG-WALLED"


async def test_a_package_that_a_former_owner_sent_is_destroyed_by_a_withdrawal(
    stage: Stage, superuser: asyncpg.Connection, attack: Attack
) -> None:
    """The police refer, then hand the case over; the NGO that leads it now ends what the police sent."""
    police = Role.POLICE_OFFICER
    case, _, _ = await opened(stage, "sender", WORKER)
    consents = (await stage.ask("sender", WORKER, "GET", f"/cases/{case}/consents")).json()
    consent = next(one["consent_id"] for one in consents if "support" in one["purposes"])
    body = {**REFERRAL, "recipient": code_of("after")}
    sent = (await stage.do("sender", f"/cases/{case}/referrals", body, role=police))["reference"]
    await answered(stage, "after", sent, "receipt", "acceptance")
    handing = {"step": "hand-over-case-management", "service": "case_management", "recipient": code_of("owner")}
    over = (await stage.do("sender", f"/cases/{case}/referrals", handing, role=police))["reference"]
    await answered(stage, "owner", over, "receipt", "acceptance")
    left = [
        f"SELECT count(*) FROM {table} v JOIN referrals r ON r.id = v.holder_id WHERE r.reference = $1"  # noqa: S608
        for table in ("sealed_values", "sealing_keys")
    ]
    assert [await superuser.fetchval(question, sent) > 0 for question in left] == [True, True]
    await stage.do("owner", f"/cases/{case}/consents/{consent}/withdrawal")
    remains = [await superuser.fetchval(question, sent) for question in left]
    attack("a withdrawn package of a former owner", tried=2, succeeded=sum(remains))
