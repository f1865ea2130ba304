"""Attachments: what their files told before, what the database keeps of them, and who must not get at them."""

import os
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import asyncpg
import httpx
import pytest

from api.postgres import Server
from domain.codes import Role
from tests.attacks.asked import seen
from tests.attacks.attached import attached
from tests.attacks.disguises import Haystack, disguises
from tests.attacks.intruder import intruding
from tests.attacks.relations import WORKER, Stage, answered, opened, referred
from tests.attacks.test_audit_completeness import BREAK, MEND
from tests.attacks.test_leaks import DUMP, logged
from tests.attacks.wire import Exchange, exchanged
from tests.documents import BINARY, noise, picture, telling_jpeg, telling_pdf, telling_png
from tests.domain.attachments.test_cleaning import everything

Attack = Callable[..., None]

WORD = "Zhyldyzkan"
ABSENT = "A-0000-0000-0000-0000"
LARGE = (1250, 1250)
"""Pixels of a picture of more than a mebibyte: the rest is asked for anew while it is being sent."""

__all__ = ["logged"]


@dataclass(frozen=True)
class Held:
    """A case with a picture, and the accepted referral whose package has a copy of it."""

    case: str
    picture: str
    referral: str
    copy: str


async def held(stage: Stage, content: bytes | None = None, receiver: str = "after") -> Held:
    case, _, _ = await opened(stage, "owner", WORKER)
    reference = await attached(stage, case, content=content)
    referral = await referred(stage, case, receiver, reference)
    await answered(stage, receiver, referral, "acceptance")
    (copy,) = (await stage.ask(receiver, WORKER, "GET", f"/referrals/{referral}/attachments")).json()
    return Held(case, reference, referral, copy["reference"])


async def content_of(stage: Stage, case: str, reference: str) -> httpx.Response:
    return await stage.ask("owner", WORKER, "GET", f"/cases/{case}/attachments/{reference}/content")


async def watched(stage: Stage, relation: str, path: str, seen_part: Any = None) -> Exchange:
    headers = {"Authorization": f"Bearer {stage.token(relation, WORKER)}"}
    return await exchanged(stage.world.app, "GET", f"/v1{path}", headers, seen=seen_part)


@pytest.mark.parametrize("made", [telling_jpeg, telling_png, telling_pdf])
async def test_what_a_file_told_beside_what_it_shows_is_gone(
    stage: Stage, made: Callable[[str], bytes], attack: Attack
) -> None:
    sent = made(WORD)
    planted = sent.count(WORD.encode())
    one = await held(stage, sent)
    mine = await content_of(stage, one.case, one.picture)
    theirs = await stage.ask("after", WORKER, "GET", f"/referrals/{one.referral}/attachments/{one.copy}/content")
    assert mine.status_code == theirs.status_code == 200
    assert mine.content == theirs.content
    whole = everything(mine.content) if mine.content.startswith(b"%PDF") else mine.content
    found = Haystack()
    found.add(whole)
    attack(f"{made.__name__}: metadata after download", tried=planted, succeeded=len(set(found.hits(disguises(WORD)))))
    assert planted > 5
    assert b"PK\x03\x04" not in whole


async def test_names_and_contents_stand_nowhere_in_the_clear(
    stage: Stage, superuser: asyncpg.Connection, postgres: Server, logged: Callable[[], str], attack: Attack
) -> None:
    one = await held(stage, picture((300, 300)))
    words = {"name": f"{WORD}.png", "description": f"The passport of {WORD}"}
    path = f"/cases/{one.case}/attachments/{one.picture}"
    said = await stage.ask("owner", WORKER, "PUT", f"{path}/words", words, version=1)
    assert said.status_code == 204, said.text
    shown = (await stage.ask("owner", WORKER, "GET", f"/cases/{one.case}/attachments")).json()
    assert {"name": shown[0]["name"], "description": shown[0]["description"]} == words
    found = await content_of(stage, one.case, one.picture)
    assert found.headers["content-disposition"] == f'attachment; filename="{one.picture}.png"'
    for bad in (b"\x89PNG\r\n\x1a\n" + WORD.encode(), WORD.encode(), b"%PDF-1.7 " + WORD.encode()):
        refused = await stage.ask("owner", WORKER, "POST", f"/cases/{one.case}/attachments?compartment=identity", bad)
        assert refused.status_code == 422
        assert WORD not in refused.text
    kept = Haystack()
    for table in [row["relname"] for row in await superuser.fetch(DUMP)]:
        for row in await superuser.fetch(f"SELECT t::text AS whole FROM {table} t"):  # noqa: S608 - from the catalogue
            kept.add(row["whole"].encode())
    pixels = found.content[60:160]
    for row in await superuser.fetch("SELECT sealed FROM sealed_chunks UNION ALL SELECT sealed FROM sealed_values"):
        kept.add(bytes(row["sealed"]))
        assert pixels not in bytes(row["sealed"])
    kept.add(logged().encode())
    kept.add(postgres.log.read_bytes())
    kept.add(repr(sorted(found.headers.items())).encode())
    hits = set(kept.hits(disguises(WORD)))
    attack("names of attachments in tables, logs and headers", tried=len(disguises(WORD)), succeeded=len(hits))


WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC
OPENED: list[str] = []
WATCHING = [False]


def hook(event: str, arguments: tuple[Any, ...]) -> None:
    """Note every file that this process opens to write in, and every temporary one."""
    if WATCHING[0] and (event.startswith("tempfile.") or (event == "open" and writes(*arguments))):
        OPENED.append(f"{event} {arguments[0]}")


def writes(path: Any, mode: str | None, flags: int) -> bool:
    """Tell whether a file is opened to be written: not a pipe, and not the file that keeps nothing."""
    return (
        not isinstance(path, int)
        and path != os.devnull
        and (any(letter in (mode or "") for letter in "wax+") or bool(flags & WRITING))
    )


@pytest.fixture
def written() -> Iterator[list[str]]:
    """Return the files that are opened to be written while the test runs."""
    sys.addaudithook(hook)
    OPENED.clear()
    WATCHING[0] = True
    yield OPENED
    WATCHING[0] = False


async def test_no_file_is_written_on_the_way_in_or_out(stage: Stage, written: list[str], attack: Attack) -> None:
    sent = [telling_jpeg(WORD), telling_png(WORD), telling_pdf(WORD), noise((1800, 1200))]
    for content in sent:
        one = await held(stage, content)
        assert (await content_of(stage, one.case, one.picture)).status_code == 200
    assert len(sent[-1]) > 2_000_000
    attack("files opened for writing by uploads and downloads", tried=len(sent) * 2, succeeded=len(written))
    with tempfile.TemporaryFile() as file:
        file.write(b"seen")
    assert written, "or the watch would prove nothing"


FORGERIES = {
    "a byte changed": "UPDATE sealed_chunks SET sealed = set_byte(sealed, 900, get_byte(sealed, 900) # 1) "
    "WHERE record_id = $1 AND number = 1",
    "two chunks changed places": "UPDATE sealed_chunks c SET sealed = o.sealed FROM sealed_chunks o "
    "WHERE c.record_id = $1 AND o.record_id = $1 AND c.number + o.number = 1",
    "the last chunk cut off": "DELETE FROM sealed_chunks WHERE record_id = $1 AND number = 1",
    "the first chunk cut off": "DELETE FROM sealed_chunks WHERE record_id = $1 AND number = 0",
    "a chunk added": "INSERT INTO sealed_chunks SELECT record_id, 2, holder_id, compartment, key_version, sealed "
    "FROM sealed_chunks WHERE record_id = $1 AND number = 1",
    "a chunk of another attachment": "UPDATE sealed_chunks c SET sealed = o.sealed FROM sealed_chunks o "
    "WHERE c.record_id = $1 AND o.record_id = $2 AND c.number = o.number AND c.number = 0",
    "every chunk of another attachment": "UPDATE sealed_chunks c SET sealed = o.sealed FROM sealed_chunks o "
    "WHERE c.record_id = $1 AND o.record_id = $2 AND c.number = o.number",
    "every chunk of the copy in the package": "UPDATE sealed_chunks c SET sealed = o.sealed FROM sealed_chunks o "
    "WHERE c.record_id = $1 AND o.record_id = $3 AND c.number = o.number",
    "what tells of another attachment": "UPDATE sealed_values v SET sealed = o.sealed, version = o.version "
    "FROM sealed_values o WHERE v.record_id = $1 AND o.record_id = $2",
    "what tells of it as it was before": "UPDATE sealed_values v SET sealed = before.sealed FROM before "
    "WHERE v.record_id = $1 AND before.record_id = $1",
    "another version of the key": "UPDATE sealed_chunks SET sealed = set_byte(sealed, 4, 2) WHERE record_id = $1",
    "another format": "UPDATE sealed_chunks SET sealed = set_byte(sealed, 0, 1) WHERE record_id = $1",
}


async def restored(superuser: asyncpg.Connection) -> None:
    await superuser.execute(
        "DELETE FROM sealed_chunks; INSERT INTO sealed_chunks TABLE chunks; "
        "UPDATE sealed_values v SET sealed = o.sealed, version = o.version FROM vals o "
        "WHERE (v.record_id, v.kind, v.compartment) = (o.record_id, o.kind, o.compartment)"
    )


async def test_chunks_that_were_moved_cut_or_swapped_do_not_open(
    stage: Stage, superuser: asyncpg.Connection, attack: Attack
) -> None:
    one = await held(stage, noise((320, 320)))
    other = await attached(stage, one.case, content=noise((320, 320)))
    await superuser.execute("CREATE TEMP TABLE before AS SELECT * FROM sealed_values WHERE kind = 'attachment'")
    words = f"/cases/{one.case}/attachments/{one.picture}/words"
    assert (await stage.ask("owner", WORKER, "PUT", words, {"name": "x"}, version=1)).status_code == 204
    await superuser.execute(
        "CREATE TEMP TABLE chunks AS TABLE sealed_chunks; CREATE TEMP TABLE vals AS TABLE sealed_values"
    )
    ids = [
        await superuser.fetchval("SELECT id FROM attachments WHERE reference = $1", name)
        for name in (one.picture, other, one.copy)
    ]
    sound = await content_of(stage, one.case, one.picture)
    assert sound.status_code == 200
    assert await superuser.fetchval("SELECT count(*) FROM sealed_chunks WHERE record_id = $1", ids[0]) == 2
    through = []
    for name, forgery in FORGERIES.items():
        needed = max(number for number in (1, 2, 3) if f"${number}" in forgery)
        given = ids[:needed] if needed < 3 else [ids[0], None, ids[2]]
        if needed == 3:
            forgery, given = forgery.replace("$3", "$2"), [ids[0], ids[2]]  # noqa: PLW2901
        assert (await superuser.execute(forgery, *given)).split()[-1] != "0", name
        answer = await content_of(stage, one.case, one.picture)
        await restored(superuser)
        if answer.status_code != 500 or answer.json()["code"] != "seal-broken":
            through.append(name)
    assert (await content_of(stage, one.case, one.picture)).content == sound.content
    assert through == []
    attack("sealed chunks moved, cut or swapped by SQL", tried=len(FORGERIES), succeeded=len(through))
    await superuser.execute("DROP TABLE before, chunks, vals")


async def test_a_forgery_far_behind_the_beginning_cuts_the_answer_short(
    stage: Stage, superuser: asyncpg.Connection, attack: Attack
) -> None:
    """What was opened is sent; what does not open is not, and the announced length shows that something is missing."""
    one = await held(stage, noise(LARGE))
    path = f"/cases/{one.case}/attachments/{one.picture}/content"
    whole = await watched(stage, "owner", path)
    assert (whole.status, whole.finished) == (200, True)
    assert len(whole.content) == int(whole.headers["content-length"]) > 1 << 20
    record = await superuser.fetchval("SELECT id FROM attachments WHERE reference = $1", one.picture)
    await superuser.execute(
        "UPDATE sealed_chunks SET sealed = set_byte(sealed, 99, get_byte(sealed, 99) # 1) "
        "WHERE record_id = $1 AND number = 20",
        record,
    )
    cut = await watched(stage, "owner", path)
    assert whole.content.startswith(cut.content)
    through = cut.finished or len(cut.content) > 1 << 20
    await superuser.execute("DELETE FROM sealed_chunks WHERE record_id = $1 AND number = 31", record)
    short = await watched(stage, "owner", path)
    assert short.status == 500, "one that is not whole is not begun"
    attack("a forged or lost chunk behind the first mebibyte", tried=2, succeeded=int(through))


async def test_what_is_withdrawn_while_it_is_sent_stops_in_the_middle(stage: Stage, attack: Attack) -> None:
    one = await held(stage, noise(LARGE))
    done: list[str] = []

    async def withdraw(_: Exchange) -> None:
        if not done:
            done.append(one.referral)
            await stage.do("owner", f"/referrals/{one.referral}/withdrawal")

    path = f"/referrals/{one.referral}/attachments/{one.copy}/content"
    cut = await watched(stage, "after", path, withdraw)
    assert done
    assert (cut.status, cut.finished) == (200, False)
    attack("an attachment sent on after the withdrawal", tried=1, succeeded=int(len(cut.content) > 1 << 20))
    again = await watched(stage, "after", path)
    assert again.status in {404, 409}


async def test_the_reading_is_recorded_before_the_first_byte_leaves(
    stage: Stage, superuser: asyncpg.Connection, attack: Attack
) -> None:
    one = await held(stage)
    record = await superuser.fetchval("SELECT id FROM attachments WHERE reference = $1", one.picture)
    entries = "SELECT count(*) FROM audit_entries WHERE action = 'attachment.revealed' AND subject_id = $1"
    found: list[int] = []

    async def look(_: Exchange) -> None:
        found.append(await superuser.fetchval(entries, record))

    path = f"/cases/{one.case}/attachments/{one.picture}/content"
    assert (await watched(stage, "owner", path, look)).finished
    assert found == [1]
    await superuser.execute(BREAK)
    try:
        listed = await watched(stage, "owner", f"/cases/{one.case}/attachments")
        unread = await watched(stage, "owner", path)
        package = await watched(stage, "after", f"/referrals/{one.referral}/attachments/{one.copy}/content")
    finally:
        await superuser.execute(MEND)
    told = [one for one in (listed, unread, package) if one.status != 500 or b"PNG" in one.content]
    attack("attachments read while the audit cannot be written", tried=3, succeeded=len(told))


async def test_an_attachment_of_another_case_or_package_is_answered_like_none(stage: Stage, attack: Attack) -> None:
    mine, other = await held(stage), await held(stage)
    foreign_case, _, _ = await opened(stage, "foreign", WORKER)
    foreign = await attached(stage, foreign_case, "foreign")
    tried = told = 0

    def alike(answers: list[httpx.Response]) -> int:
        *others, absent = map(seen, answers)
        assert absent[0] == 404
        return sum(one != absent for one in others)

    names = [other.picture, foreign, mine.copy, other.copy, ABSENT]
    for method, part, body in (("GET", "/content", None), ("PUT", "/words", {"name": "x"}), ("DELETE", "", None)):
        version = None if method == "GET" else 1
        paths = [f"/cases/{mine.case}/attachments/{one}{part}" for one in names]
        answers = [await stage.ask("owner", WORKER, method, path, body, version=version) for path in paths]
        tried, told = tried + len(names) - 1, told + alike(answers)
    names = [other.copy, mine.picture, foreign, ABSENT]
    answers = [
        await stage.ask("after", WORKER, "GET", f"/referrals/{mine.referral}/attachments/{one}/content")
        for one in names
    ]
    tried, told = tried + len(names) - 1, told + alike(answers)
    for taken in ([other.picture], [foreign], [mine.copy]):
        body = {"step": "refer-for-urgent-care", "service": "psychosocial", "recipient": "NGO-ALPHA"}
        sent = {**body, "attachments": taken}
        absent = {**body, "attachments": [ABSENT]}
        path = f"/cases/{mine.case}/referrals"
        answers = [await stage.ask("owner", WORKER, "POST", path, one) for one in (sent, absent)]
        assert answers[0].status_code == 422
        tried, told = tried + 1, told + (seen(answers[0]) != seen(answers[1]))
    attack("nested: attachment of another case or package", tried=tried, succeeded=told)
    assert (await content_of(stage, other.case, other.picture)).status_code == 200


async def test_nobody_reaches_attachments_by_sql_without_a_running_grant(
    stage: Stage, superuser: asyncpg.Connection, attack: Attack
) -> None:
    case, _, _ = await opened(stage, "owner", WORKER)
    reference = await attached(stage, case)
    await referred(stage, case, "before", reference)
    case_id = await superuser.fetchval("SELECT id FROM cases WHERE reference = $1", case)
    async with intruding(stage) as intruder:
        for relation in ("before", "after", "foreign", "walled"):
            await intruder.become(superuser, relation)
            through = await intruder.all_refused(*_tries(case_id))
            assert through == [], relation
        attack("attachments by SQL without a grant", tried=intruder.tried, succeeded=intruder.succeeded)


ADDED = (
    "INSERT INTO attachments (id, reference, case_id, holder_id, compartment, format, added_at, staff_id, "
    "organisation_id) "
    "SELECT gen_random_uuid(), 'A-1', $1, $1, 'identity', 'png', now(), nrm_staff(), nrm_organisation()"
)
CHUNK_ADDED = (
    "INSERT INTO sealed_chunks (record_id, number, holder_id, compartment, key_version, sealed) "
    "VALUES (gen_random_uuid(), 0, $1, 'identity', 1, '')"
)


def _tries(case_id: Any) -> list[tuple[Any, ...]]:
    of_case = "SELECT id FROM attachments WHERE case_id = $1"
    statements = (
        "SELECT 1 FROM attachments WHERE case_id = $1",
        "SELECT 1 FROM attachment_removals WHERE case_id = $1",
        f"SELECT 1 FROM sealed_chunks WHERE record_id IN ({of_case})",  # noqa: S608 - no value of anybody's
        "SELECT 1 FROM sealed_chunks WHERE holder_id = $1",
        "DELETE FROM sealed_chunks WHERE holder_id = $1",
        "DELETE FROM attachments WHERE case_id = $1",
        "UPDATE attachments SET case_id = case_id WHERE case_id = $1",
        ADDED,
        CHUNK_ADDED,
    )
    return [(statement, case_id) for statement in statements]


async def test_a_grant_that_has_run_out_opens_no_attachment(
    stage: Stage, superuser: asyncpg.Connection, attack: Attack
) -> None:
    one = await held(stage)
    paths = [f"/referrals/{one.referral}/attachments/{one.copy}/content", f"/referrals/{one.referral}/attachments"]
    for path in paths:
        assert (await stage.ask("after", WORKER, "GET", path)).status_code == 200
    await superuser.execute(
        "UPDATE case_access SET valid_until = now() - interval '1 second' "
        "WHERE holder_id = (SELECT id FROM referrals WHERE reference = $1)",
        one.referral,
    )
    content, listed = [await stage.ask("after", WORKER, "GET", path) for path in paths]
    through = int(content.status_code == 200) + len(listed.json() if listed.status_code == 200 else [])
    assert content.status_code in {403, 404}
    attack("attachments under a grant that has run out", tried=2, succeeded=through)


async def test_who_may_not_add_documents_is_refused_before_a_byte_is_read(stage: Stage, attack: Attack) -> None:
    case, _, _ = await opened(stage, "owner", WORKER)
    parts = [b"x" * 65_536] * 64
    read = 0
    for relation, role in (("foreign", WORKER), ("before", WORKER), ("owner", Role.COORDINATOR), ("abroad", WORKER)):
        headers = {
            "Authorization": f"Bearer {stage.token(relation, role)}",
            "Idempotency-Key": f"unread-{relation}-{role}",
            "Content-Type": BINARY,
        }
        path = f"/v1/cases/{case}/attachments?compartment=identity"
        answer = await exchanged(stage.world.app, "POST", path, headers, parts)
        assert answer.status in {403, 404}
        read += answer.pulled
    attack("bytes read of documents that may not be added", tried=4, succeeded=read)
