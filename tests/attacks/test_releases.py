"""A release says declared words and figures alone; nobody approves their own; what is published stays as it is."""

import json
from collections.abc import Callable, Iterator
from typing import Any

import asyncpg
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from api.settings import DatabaseRole
from api.statistics.formats import formats_of
from domain.audit.chain import canonical_json
from domain.statistics.document import ReleaseBroken, address, opened, sign
from domain.statistics.examining import examine
from domain.statistics.gate import Leak
from domain.statistics.reading import foreign
from tests.attacks.intruder import REFUSED
from tests.attacks.signing import approve_as, as_application, colleagues
from tests.statistics.releasing import AUTHOR, KEY, approve, candidate, counts, declared, published, release
from tests.world import World

Attack = Callable[..., None]
NAME = "Aizada Bekova"
SPELLED_AS_CODE = "aizada_bekova"
PLANTED = (NAME, SPELLED_AS_CODE, "Айзада Бекова", "+996 555 010203", "C-7F3K-9QWD-2M4H-XE61")


def places(part: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[tuple[Any, ...], bool]]:
    """Yield every place of a document: whether it is a key, where a text stands as name, or a value."""
    if isinstance(part, dict):
        for key, one in part.items():
            yield (*path, key), True
            yield from places(one, (*path, key))
    elif isinstance(part, list):
        for number, one in enumerate(part):
            yield from places(one, (*path, number))
    else:
        yield path, False


def planted(content: dict[str, Any], path: tuple[Any, ...], name: str, *, key: bool) -> bytes:
    """Return a document with a name put in one place: instead of a value, or as a key beside the one that is there."""
    changed = json.loads(json.dumps(content))
    within = changed
    for step in path[:-1]:
        within = within[step]
    if key:
        within[name] = within[path[-1]]
    else:
        within[path[-1]] = name
    return canonical_json(changed)


def test_a_name_planted_anywhere_in_a_candidate_blocks_it(attack: Attack) -> None:
    """In labels, groups, periods, heading, population names, counts: in the place of every value, and as every key."""
    raw, _ = release(1)
    content = json.loads(raw)
    every = [one for one in places(content) if "vulnerable_migrants" not in one[0][:-1]]  # the other one has as many
    told = [foreign(planted(content, path, NAME, key=key), declared()) for path, key in every]
    through = [found for found in told if not found or NAME in json.dumps(found)]
    assert len(told) > 500
    assert through == []
    attack("a name in any place of a candidate", tried=len(told), succeeded=len(through))


@pytest.mark.parametrize("name", PLANTED)
def test_the_gate_refuses_every_spelling_of_a_name_and_says_where_it_is_only(name: str, attack: Attack) -> None:
    raw, _ = release(2)
    content = json.loads(raw)
    where = {
        "label": ("populations", "victims_of_trafficking", "labels", "sex", "female", "ky"),
        "group": ("populations", "victims_of_trafficking", "tables", "sex", "windows", 0, "cells", 0, "groups", 0),
        "period": ("periods", 0),
        "window": ("populations", "victims_of_trafficking", "tables", "sex", "windows", 0, "first"),
        "country": ("country",),
        "declaration": ("declaration", "key"),
        "previous": ("previous",),
        "unit": ("populations", "vulnerable_migrants", "unit"),
        "rule": ("rules", "base"),
        "count": ("populations", "victims_of_trafficking", "tables", "sex", "windows", 0, "total"),
    }
    for path in where.values():
        report = examine(planted(content, path, name, key=False), declared(), counts(2), release(1)[0])
        assert not report.passed
        assert {one.leak for several in report.findings.values() for one in several} == {Leak.WORDS}
        assert name not in report.text
    attack(f"planted as {name!r}", tried=len(where), succeeded=0)


def test_declared_words_in_the_wrong_place_block_too(attack: Attack) -> None:
    """A word of the declaration where it says something else, a truth value for a number, another spelling."""
    raw, _ = release(1)
    content = json.loads(raw)
    tables = content["populations"]["victims_of_trafficking"]["tables"].values()
    windows = next(table["windows"] for table in tables if table["windows"])
    wrong = [
        planted(content, ("populations", "victims_of_trafficking", "unit"), "female", key=False),
        planted(content, ("populations", "victims_of_trafficking", "labels", "sex", "female", "en"), "Male", key=False),
        planted(content, ("periods", 0), "0" * 64, key=False),
        planted(content, ("previous",), "2026-H1", key=False),
        json.dumps(content).encode(),
        raw + b"\n",
        raw.replace(b'"count":', b'"count": '),
        canonical_json({**content, "number": True}),
        canonical_json({**content, "rules": {**content["rules"], "minimum": 3}}),
    ]
    windows[0]["cells"].reverse()
    wrong.append(canonical_json(content))
    assert [foreign(one, declared()) for one in wrong if not foreign(one, declared())] == []
    assert foreign(raw, declared()) == []
    attack("declared words out of place, and other spellings", tried=len(wrong), succeeded=0)


def test_no_format_says_a_word_that_the_release_does_not(attack: Attack) -> None:
    """Formats are made from the bytes alone: what the gate refuses in them would stand in all of these."""
    raw, _ = release(2)
    content = json.loads(raw)
    path = ("populations", "victims_of_trafficking", "labels", "sex", "female", "en")
    marked = formats_of(planted(content, path, NAME, key=False), b"\x00" * 64)
    holding = {name for name, file in marked.items() if NAME.encode() in file.content}
    assert {"dictionary.csv", "en.html", "tables/victims_of_trafficking.sex"} <= holding
    clean = formats_of(raw, b"\x00" * 64)
    assert not [name for name, file in clean.items() if NAME.encode() in file.content]
    assert clean == formats_of(raw, b"\x00" * 64)
    attack("a name in a format beside the release", tried=len(clean), succeeded=0)


def test_figures_that_are_not_the_counts_and_a_rewritten_past_are_refused(attack: Attack) -> None:
    raw, _ = release(2)
    content, tried = json.loads(raw), []
    table = content["populations"]["victims_of_trafficking"]["tables"]["medical"]
    assert len(table["windows"]) == 2
    for number, leak in ((0, Leak.REWRITTEN), (1, Leak.WRONG)):
        changed = json.loads(raw)
        window = changed["populations"]["victims_of_trafficking"]["tables"]["medical"]["windows"][number]
        window["cells"][0]["count"] += 5
        tried.append((canonical_json(changed), leak))
    dropped = json.loads(raw)
    dropped["populations"]["victims_of_trafficking"]["tables"]["medical"]["windows"].pop(0)
    tried.append((canonical_json(dropped), Leak.REWRITTEN))
    for one, leak in tried:
        report = examine(one, declared(), counts(2), release(1)[0])
        assert leak in {found.leak for found in report.findings["victims_of_trafficking"]}
    attack("other figures, another past", tried=len(tried), succeeded=0)


def test_altered_bytes_another_signature_and_another_key_are_refused(attack: Attack) -> None:
    raw, _ = release(1)
    signature, public = sign(raw, KEY), KEY.public_key()
    other = Ed25519PrivateKey.generate()
    assert opened(raw, signature, public, expected=address(raw))["number"] == 1
    bits = [(len(raw) * step // 60, 1 << step % 8) for step in range(60)]
    tries = [(raw[:at] + bytes([raw[at] ^ bit]) + raw[at + 1 :], signature, public) for at, bit in bits]
    tries += [(raw, signature[:at] + bytes([signature[at] ^ 1]) + signature[at + 1 :], public) for at in range(64)]
    tries += [
        (raw, sign(raw, other), public),
        (raw, signature, other.public_key()),
        (raw, KEY.sign(raw), public),
        (raw, b"", public),
        (release(2)[0], signature, public),
    ]
    believed = 0
    for bytes_, signed, key in tries:
        try:
            opened(bytes_, signed, key)
        except ReleaseBroken:
            continue
        believed += 1
    assert believed == 0
    with pytest.raises(ReleaseBroken):
        opened(raw, signature, public, expected="0" * 64)
    attack("altered releases", tried=len(tries) + 1, succeeded=believed)


async def test_neither_the_author_nor_their_organisation_nor_one_organisation_twice_approves(
    world: World, attack: Attack
) -> None:
    await colleagues(world)
    kept = await candidate(world)
    tries = [
        await approve(world, AUTHOR, kept),
        await approve_as(world, "second", "MONITORING", kept),
        await approve_as(world, "monitoring-officer", "COORDINATION", kept),
    ]
    assert [one.status_code for one in tries] == [403] * 3
    assert (await approve(world, "coordinator", kept, report="0" * 64)).status_code == 422
    assert (await approve(world, "coordinator", kept)).status_code == 201
    tries = [
        await approve(world, "coordinator", kept),
        await approve_as(world, "second", "COORDINATION", kept),
        await approve_as(world, "coordinator", "MIGRATION", kept),
    ]
    assert [one.status_code for one in tries] == [409] * 3
    roles = [await approve(world, who, kept) for who in ("hotline", "alpha", "police", "migration", "north")]
    assert [one.status_code for one in roles] == [403] * 5
    assert (await approve(world, "focal", kept)).json()["status"] == "approved"
    attack("approvals of a release by whom they must not be", tried=12, succeeded=0)


INSERT = """INSERT INTO candidate_approvals (candidate_id, approver_organisation_id, approver_id, author_id,
    author_organisation_id, report_digest, approved_at) SELECT c.id, {organisation}, {staff}, {author}, {authors},
    {digest}, nrm_now() FROM release_candidates c"""
RIGHT = {
    "organisation": "nrm_organisation()",
    "staff": "nrm_staff()",
    "author": "c.author_id",
    "authors": "c.author_organisation_id",
    "digest": "c.report_digest",
}
SOMEBODY = "(SELECT id FROM staff_members WHERE subject = 'focal-point')"
SOMEWHERE = "(SELECT id FROM organisations WHERE code = 'MIGRATION')"
NO_ONE = "gen_random_uuid()"
FORGED = (
    RIGHT,
    RIGHT | {"staff": SOMEBODY},
    RIGHT | {"organisation": SOMEWHERE},
    RIGHT | {"staff": SOMEBODY, "organisation": SOMEWHERE},
    RIGHT | {"author": NO_ONE},
    RIGHT | {"authors": NO_ONE},
    RIGHT | {"author": NO_ONE, "authors": NO_ONE},
    RIGHT | {"author": SOMEBODY, "authors": SOMEWHERE},
)
PUBLISH = """INSERT INTO releases (id, country, number, previous, document, signature, published_at)
    SELECT address, country, {number}, {previous}, document, repeat('x', 64)::bytea, now() FROM release_candidates"""
SQL_REFUSED = (
    *REFUSED,
    asyncpg.CheckViolationError,
    asyncpg.ForeignKeyViolationError,
    asyncpg.RaiseError,
    asyncpg.UniqueViolationError,
    asyncpg.NotNullViolationError,
)


async def through(connection: asyncpg.Connection, statements: list[str]) -> list[str]:
    """Return the statements that had an effect."""
    found = []
    for statement in statements:
        try:
            if not (await connection.execute(statement)).endswith(" 0"):
                found.append(statement)
        except SQL_REFUSED:
            continue
    return found


async def test_no_sql_of_the_application_approves_for_the_author_or_for_others(
    world: World, admin: asyncpg.Connection, attack: Attack
) -> None:
    kept = await candidate(world)
    statements = [INSERT.format(**one) for one in FORGED]
    statements += [
        "UPDATE release_candidates SET author_id = gen_random_uuid()",
        "UPDATE release_candidates SET report = '{}'",
        "UPDATE release_candidates SET document = ''",
        "DELETE FROM release_candidates",
        "DELETE FROM candidate_approvals",
        "UPDATE candidate_approvals SET approver_id = gen_random_uuid()",
        "TRUNCATE release_candidates CASCADE",
        PUBLISH.format(number="number", previous="previous"),
    ]
    async with as_application(world, kept.author_organisation_id, kept.author_id) as connection:
        assert await through(connection, statements) == []
    colleague = await admin.fetchval("SELECT id FROM staff_members WHERE subject = 'focal-point'")
    async with as_application(world, kept.author_organisation_id, colleague) as connection:
        assert await through(connection, statements[:1]) == []
    elsewhere = await admin.fetchval("SELECT id FROM organisations WHERE code = 'COORDINATION'")
    async with as_application(world, elsewhere, kept.author_id) as connection:
        assert await through(connection, statements[:1]) == []
    other = await admin.fetchval("SELECT id FROM staff_members WHERE subject = 'coordinator'")
    async with as_application(world, elsewhere, other) as connection:
        twice = [*statements[1:8], statements[0], statements[0]]
        assert await through(connection, twice) == [statements[0]], "what is allowed must be able to succeed, once"
    attack("approvals of a release in SQL", tried=len(statements) + 2 + len(twice) - 1, succeeded=0)


async def test_nothing_is_published_that_two_have_not_signed_even_by_the_owner(world: World, attack: Attack) -> None:
    kept = await candidate(world)
    plain = PUBLISH.format(number="number", previous="previous")
    owner = await asyncpg.connect(world.access.dsns[DatabaseRole.OWNER])
    try:
        assert await through(owner, [plain]) == []
        assert (await approve(world, "coordinator", kept)).status_code == 201
        assert await through(owner, [plain]) == []
        assert (await approve(world, "focal", kept)).status_code == 201
        skipped = [
            PUBLISH.format(number="2", previous="previous"),
            PUBLISH.format(number="1", previous="repeat('a', 64)"),
        ]
        assert await through(owner, skipped) == []
        assert await through(owner, [plain]) == [plain]
    finally:
        await owner.close()
    attack("releases without two signatures, or out of order", tried=4, succeeded=0)


async def test_what_is_published_is_altered_and_deleted_by_nobody(
    world: World, admin: asyncpg.Connection, attack: Attack
) -> None:
    made = await published(world)
    statements = [
        verb.format(table=table)
        for table in ("releases", "release_files", "release_candidates", "candidate_approvals")
        for verb in ("DELETE FROM {table}", "TRUNCATE {table} CASCADE")
    ]
    statements += [
        "UPDATE releases SET document = '', id = encode(sha256(''), 'hex')",
        "UPDATE releases SET signature = repeat('y', 64)::bytea",
        "UPDATE releases SET published_at = now()",
        "UPDATE release_files SET content = '', address = encode(sha256(''), 'hex')",
        "UPDATE candidate_approvals SET approved_at = now()",
    ]
    tried = 0
    for role in DatabaseRole:
        connection = await asyncpg.connect(world.access.dsns[role])
        try:
            assert await through(connection, statements) == [], role
            tried += len(statements)
        finally:
            await connection.close()
    assert await through(admin, statements) == [], "triggers hold for whoever bypasses row security, too"
    assert await admin.fetchval("SELECT document FROM releases WHERE id = $1", made.id) == made.document
    attack("published releases", tried=tried + len(statements), succeeded=0)
