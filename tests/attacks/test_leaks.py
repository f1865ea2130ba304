"""Canaries through every field that takes words, then every way to fail: only a reading gives them back."""

import io
import re
from collections.abc import Callable, Iterator
from itertools import combinations
from typing import Any

import asyncpg
import httpx
import pytest
import structlog

from api import logs
from api.postgres import Server
from domain.sealing.envelope import OVERHEAD, STEP
from tests.attacks.disguises import Haystack, disguises
from tests.world import World

Attack = Callable[..., None]

NAME, FAMILY, PLACE, WORD = "Zhyldyzkan", "Канарейкина", "Taychabar", "подслушанное"
PHONE = "+996 700 918273"
CANARIES = (NAME, FAMILY, PLACE, WORD, "700918273", "918273")
PERSON = {
    "identity": {"given_name": NAME, "family_name": FAMILY, "aliases": [f"{NAME} {FAMILY}"]},
    "contact": {"phone": PHONE, "contact_hours": f"after {WORD}"},
    "location": {"address": f"{PLACE} 12", "place": PLACE},
    "narrative": {"account": f"{NAME} {WORD} {PLACE}", "exploiters": FAMILY},
    "health": {"conditions": WORD},
    "legal": {"proceedings": f"{WORD} {FAMILY}"},
}
CASE = {"entry_channel": "ngo", "person": {"sex": "female", "age_band": "24--26"}, "compartments": PERSON}
CONTACT = {
    "channel": "visit",
    "language": "ky",
    "topic": "possible_trafficking",
    "narrative": {"account": f"{NAME} {WORD}"},
    "contact": {"phone": PHONE},
    "cases": [CASE, CASE],
}
CONSENT = {
    "decision": "given",
    "giver": "self",
    "purposes": ["support", "identification"],
    "recipients": ["any"],
    "compartments": list(PERSON),
    "obtained": "oral",
    "language": "ky",
}
DUMP = "SELECT relname FROM pg_class WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace ORDER BY 1"


@pytest.fixture
def logged() -> Iterator[Callable[[], str]]:
    """Log as the service does when it is told to say everything, and return what it said."""
    before = structlog.get_config()
    logs.configure("debug")
    said = io.StringIO()
    structlog.configure(**{**structlog.get_config(), "logger_factory": structlog.PrintLoggerFactory(said)})
    yield said.getvalue
    structlog.configure(**before)


async def journey(world: World) -> tuple[str, str]:
    """Plant the canaries wherever words may go; returns a case and its referral."""
    contact = await world.post("alpha", "/contacts", CONTACT)
    case = contact["cases"][0]
    await world.post("alpha", f"/cases/{case}/steps/inform-of-rights/completion")
    await world.post("alpha", f"/cases/{case}/consents", CONSENT)
    await world.post("alpha", f"/cases/{case}/screenings", {"hits": {}, "result": "indicated"})
    decision = {"body": "ngo", "outcome": "ActualVictimOfTrafficking", "legal_basis": "guideline-1"}
    await world.post("alpha", f"/cases/{case}/decisions", {**decision, "reasons": f"{NAME} {WORD} {PHONE}"})
    body = {"step": "refer-for-urgent-care", "service": "psychosocial", "recipient": "NGO-BETA"}
    referral = (await world.post("alpha", f"/cases/{case}/referrals", body))["reference"]
    await world.act("beta", referral, "receipt")
    await world.act("beta", referral, "question", {"text": f"Is {NAME} from {PLACE}?"})
    await world.act("alpha", referral, "answer", {"text": f"{FAMILY}, {PHONE}"})
    version = await world.version("alpha", f"/cases/{case}")
    path = f"/cases/{case}/person/narrative"
    answer = await world.ask("alpha", "PUT", path, {"fields": {"account": f"{WORD} {NAME}"}}, version=version)
    assert answer.status_code == 204, answer.text
    await world.act("beta", referral, "acceptance")
    package = await world.get("beta", f"/referrals/{referral}/package")
    assert package["compartments"]["identity"] == PERSON["identity"], "a reading is where the words come back"
    return case, referral


def faulty(case: str, referral: str) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Yield requests that fail, each with the words in another place."""
    cases, person = f"/v1/cases/{case}", f"/v1/cases/{case}/person"
    yield from (
        ("GET", f"/v1/{NAME}/{FAMILY}", {}),
        ("GET", f"/v1/cases/{NAME}", {}),
        ("GET", f"/v1/contacts/{NAME}", {}),
    )
    yield from (("GET", f"/v1/cases?cursor={NAME}", {}), ("GET", f"/v1/cases?limit={NAME}", {}))
    yield from (("GET", f"/v1/organisations?service={NAME}", {}), ("GET", f"/v1/sops/{NAME}/{FAMILY}", {}))
    yield ("POST", f"{cases}/steps/{NAME}/completion", {})
    yield ("GET", f"{person}/{NAME}", {})
    yield ("DELETE", f"{person}/{NAME}", {})
    words = [NAME, FAMILY, PHONE, [NAME], {NAME: FAMILY}, 1]
    for value in words:
        for path in ("/v1/cases", "/v1/contacts", f"{cases}/consents", f"{cases}/decisions", f"{cases}/referrals"):
            yield ("POST", path, {"json": value})
            yield ("POST", path, {"json": {NAME: value, FAMILY: value}})
            yield (
                "POST",
                path,
                {"json": {"decision": value, "body": value, "channel": value, "person": value, "step": value}},
            )
        yield ("POST", "/v1/cases", {"json": {**CASE, "compartments": {"identity": {NAME: value}, NAME: {"x": value}}}})
        yield ("POST", "/v1/cases", {"json": {**CASE, "compartments": {"identity": {"zhyldyzkan_taychabar": "x"}}}})
        yield ("POST", "/v1/cases", {"json": {**CASE, "person": {"sex": value, "citizenships": [value], NAME: value}}})
        yield ("POST", f"{cases}/screenings", {"json": {"hits": {NAME: value}, "result": "indicated"}})
        yield ("POST", f"{cases}/walls", {"json": {"organisation": value, "staff": value}})
        yield (
            "PUT",
            f"{person}/identity",
            {"json": {"fields": {"given_name": value}}, "headers": {"If-Match": '"99"'}},
        )
        yield ("PUT", f"{person}/identity", {"json": {"fields": {"phone": value}}, "headers": {"If-Match": '"99"'}})
        yield ("POST", f"/v1/referrals/{referral}/question", {"json": {"text": value}, "headers": {"If-Match": '"1"'}})
    yield ("POST", f"{cases}/screenings", {"json": {"hits": {NAME: "told"}, "result": "indicated"}})
    yield ("POST", f"{cases}/walls", {"json": {"staff": f"{NAME} {FAMILY}"}})
    refer = {"step": NAME, "service": "medical", "recipient": PLACE}
    yield ("POST", f"{cases}/referrals", {"json": refer})
    yield ("POST", f"{cases}/referrals", {"json": {**refer, "step": "refer-for-urgent-care"}})
    yield ("POST", f"{cases}/consents", {"json": {**CONSENT, "recipients": [f"organisation:{NAME}", PHONE]}})
    yield from broken(cases)


def broken(cases: str) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Yield requests whose bodies are no JSON of ours, or too much of it, or whose headers carry words."""
    text = f'{{"given_name": "{NAME}", "{FAMILY}": "{PHONE}"'
    bodies = [text, f'"{NAME}', f"{NAME}={FAMILY}", f'{{"text": "{NAME}\\u0000"}}', f'{{"a": "{WORD}\\ud800"}}']
    raw = [
        *(body.encode() for body in bodies),
        FAMILY.encode("cp1251"),
        FAMILY.encode("utf-16"),
        b"\xff" + NAME.encode(),
    ]
    for body in raw:
        for kind in (
            "application/json",
            "text/plain",
            "application/x-www-form-urlencoded",
            "multipart/form-data",
            NAME,
        ):
            yield ("POST", "/v1/cases", {"content": body, "headers": {"Content-Type": kind}})
    huge = (NAME * 40_000).encode()
    yield ("POST", "/v1/cases", {"content": huge, "headers": {"Content-Type": "application/json"}})
    nul = {**CASE, "compartments": {"identity": {"given_name": f"{NAME}\x00"}}}
    yield ("POST", "/v1/cases", {"json": nul})
    for header in ("If-Match", "Idempotency-Key", "X-Request-ID", "Accept-Language", "Accept", "Cookie", "X-Name"):
        yield ("POST", f"{cases}/consents", {"json": {"x": 1}, "headers": {header: f"{NAME}-{NAME}"}})
        yield ("GET", cases, {"headers": {header: f"{NAME}-{NAME}"}})
    yield ("GET", cases, {"headers": {"Authorization": f"Bearer {NAME}"}})
    yield ("POST", "/v1/cases", {"json": CASE, "headers": {"Idempotency-Key": f"case-of-{NAME}-{PHONE[1:4]}"}})


async def provoked(world: World, case: str, referral: str) -> list[httpx.Response]:
    """Send everything that fails."""
    answers = []
    async with world.client("alpha") as client:
        for method, path, sent in faulty(case, referral):
            headers = {"Idempotency-Key": f"leak-{world.numbers():08}", **sent.pop("headers", {})}
            answers.append(await client.request(method, path, headers=headers, **sent))
    return answers


async def refused_by_the_database(world: World, admin: asyncpg.Connection, case: str) -> list[httpx.Response]:
    """Make the database itself refuse what carries words, with a message that repeats them."""
    await admin.execute(f"""
        CREATE FUNCTION tell() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN RAISE EXCEPTION '{NAME} {FAMILY} %', NEW USING DETAIL = '{PHONE}', HINT = '{PLACE}'; END $$;
        CREATE TRIGGER tells BEFORE INSERT ON sealed_values FOR EACH ROW EXECUTE FUNCTION tell();
        ALTER TABLE consents ADD CONSTRAINT never CHECK (language <> 'ru');
    """)
    answers = [
        await world.ask("alpha", "POST", "/cases", CASE),
        await world.ask("alpha", "POST", "/contacts", CONTACT),
        await world.ask("alpha", "POST", f"/cases/{case}/consents", {**CONSENT, "language": "ru"}),
    ]
    await admin.execute(
        "DROP TRIGGER tells ON sealed_values; DROP FUNCTION tell(); ALTER TABLE consents DROP CONSTRAINT never"
    )
    assert [answer.status_code for answer in answers] == [500, 500, 409]
    return answers


@pytest.fixture(scope="session")
def forms() -> frozenset[bytes]:
    """Return every disguise of every canary."""
    return frozenset(form for canary in CANARIES for form in disguises(canary))


async def test_errors_repeat_no_word_that_was_typed(
    world: World,
    admin: asyncpg.Connection,
    logged: Callable[[], str],
    forms: frozenset[bytes],
    attack: Attack,
) -> None:
    case, referral = await journey(world)
    answers = await provoked(world, case, referral)
    answers += await refused_by_the_database(world, admin, case)
    failed = [answer for answer in answers if not answer.is_success]
    statuses = {answer.status_code for answer in failed}
    assert {401, 404, 405, 409, 412, 413, 415, 422, 500} <= statuses
    assert [answer.request.url for answer in failed if answer.status_code == 500] == [
        answer.request.url for answer in failed[-3:-1]
    ]
    told = Haystack()
    for answer in answers:
        told.add(answer.content)
        told.add(repr(sorted(answer.headers.items())).encode())
    assert sorted(told.hits(forms)) == []
    said = Haystack()
    said.add(logged().encode())
    assert said.size > 20_000
    assert sorted(said.hits(forms)) == []
    attack("words in error answers and headers", tried=len(failed) * len(CANARIES), succeeded=0)
    attack("words in the logs of failing requests", tried=len(failed) * len(CANARIES), succeeded=0)


async def test_no_table_holds_a_word_in_any_disguise(
    world: World,
    admin: asyncpg.Connection,
    postgres: Server,
    forms: frozenset[bytes],
    attack: Attack,
) -> None:
    case, referral = await journey(world)
    await provoked(world, case, referral)
    await refused_by_the_database(world, admin, case)
    await world.work_off()
    kept = Haystack()
    tables = [row["relname"] for row in await admin.fetch(DUMP)]
    for table in tables:
        for row in await admin.fetch(f"SELECT t::text AS whole FROM {table} t"):  # noqa: S608 - names from the catalogue
            kept.add(row["whole"].encode())
    for sealed in await admin.fetch("SELECT sealed FROM sealed_values UNION ALL SELECT body FROM idempotency_records"):
        kept.add(bytes(sealed[0]))
    assert kept.size > 50_000
    assert sorted(kept.hits(forms)) == []
    log = Haystack()
    log.add(postgres.log.read_bytes())
    assert sorted(log.hits(forms)) == []
    attack("words in any table, in any encoding", tried=len(tables) * len(forms), succeeded=0)
    attack("words in the log of the database server", tried=len(forms), succeeded=0)


async def test_the_search_finds_what_is_there(forms: frozenset[bytes]) -> None:
    """Or the searches above would prove nothing."""
    planted = [NAME.lower(), FAMILY.encode("utf-16-le"), WORD.encode().hex(), f"x{PHONE}".replace(" ", "")]
    for one in planted:
        haystack = Haystack()
        haystack.add(b"\0\1" + (one if isinstance(one, bytes) else one.encode()) + b"\0\2")
        assert list(haystack.hits(forms)), one


async def test_equal_words_are_sealed_unequally_and_tell_only_their_rough_length(
    world: World, admin: asyncpg.Connection, attack: Attack
) -> None:
    for _ in range(3):
        await world.post("alpha", "/contacts", CONTACT)
    rows = [bytes(row["sealed"]) for row in await admin.fetch("SELECT sealed FROM sealed_values")]
    assert len(rows) == 3 * (2 * len(PERSON) + 2)
    assert {(len(row) - OVERHEAD) % STEP for row in rows} == {0}
    assert len({len(row) for row in rows}) <= 2
    pairs = list(combinations(rows, 2))
    same = [1 for one, other in pairs if one == other or longest_common(one, other) > 5]
    attack("equal plaintexts recognised by their seals", tried=len(pairs), succeeded=len(same))
    wrapped = [bytes(row["wrapped"]) for row in await admin.fetch("SELECT wrapped FROM sealing_keys")]
    assert len(set(wrapped)) == len(wrapped) == len(rows)


def longest_common(one: bytes, other: bytes) -> int:
    """Return how many bytes two seals share at the same place beyond their headers, at most, in a row."""
    header = OVERHEAD - 28
    same = bytes(a == b for a, b in zip(one[header:], other[header:], strict=False))
    return max(map(len, re.findall(rb"\x01+", same)), default=0)


async def test_answers_that_can_be_replayed_hold_no_plaintext(world: World, admin: asyncpg.Connection) -> None:
    """What was typed into a key is not stored either."""
    answer = await world.ask("alpha", "POST", "/cases", CASE, key=f"case-of-{NAME}")
    again = await world.ask("alpha", "POST", "/cases", CASE, key=f"case-of-{NAME}")
    assert answer.content == again.content
    row = await admin.fetchrow("SELECT key, body, headers FROM idempotency_records")
    assert row is not None
    assert NAME not in f"{row['key']} {bytes(row['body'])!r} {row['headers']}"
    assert re.fullmatch("[0-9a-f]{64}", row["key"])
