"""Somebody has all that the demonstration left behind, and no key: not one word about its persons is found in it.

Searched are a copy of every table, every file of the server's cluster with its write-ahead log, the server's log, the
service's log and every answer that refused something; for every name, number, address and word of the story, in
Cyrillic and Latin letters, each case, UTF-8, UTF-16, hexadecimal and base64.
"""

import asyncio
import io
import json
import os
import re
import secrets
import tempfile
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import asyncpg
import pytest

from api.demo.journeys.form import FILES, FORMS
from api.demo.persons import Invented
from api.demo.stage import DATABASE
from api.postgres import Server
from api.runtime import SOPS
from tests.attacks.disguises import Haystack, disguises, spellings, words
from tests.demo.rehearsal import Rehearsal, rehearsal

Attack = Callable[..., None]

CANARY = "Жашырынсөз"
"""A word that the control hides, and that nothing else says."""

PAGE = 8192
HEADER = 24
"""Bytes of a page's header, which differs between copies of the same page."""


@pytest.fixture(scope="module")
def played() -> Rehearsal:
    found = rehearsal()
    assert (found.first.code, found.second.code) == (0, 0)
    return found


@pytest.fixture(scope="module")
def forms(played: Rehearsal) -> set[bytes]:
    """Every form of every word that must be nowhere."""
    secrets = [*Invented.load().secrets(), "+996 312 050607"]
    secret_words = telling(words(secrets)) | words_of_forms(played.server.folder)
    assert {"Айзада", "Сыноочуева", "Небывалый", "паспортун", "555010203"} <= secret_words
    assert {"Nurperi", "Vydumanova", "Nowhereton", "Refuserov", "launderette"} <= secret_words
    return {form for word in secret_words for form in disguises(word)}


def telling(found: set[str]) -> set[str]:
    """Leave out numbers of few digits, which occur in any hash by chance; the text that each stood in stays."""
    return {word for word in found if not (word.isdigit() and len(word) < 9)}


def words_of_forms(cluster: Path) -> set[str]:
    """Return the words of the invented forms that an empty server and our own published texts do not say anyway."""
    given: set[str] = set()
    for name in FILES:
        given |= words(value for value in json.loads((FORMS / name).read_text("utf-8")).values() if value)
    said = Haystack()
    for content in files(cluster / "data" / "base" / "1"):
        said.add(content.lower())
    for path in [*SOPS.rglob("*.yaml"), FORMS / "directory.yaml", *(cluster / "data").glob("*.conf")]:
        said.add(path.read_bytes().lower())
    anyway = set(said.hits({word.lower().encode() for word in given}))
    return {word for word in given if word.isalpha() and len(word) >= 5 and word.lower().encode() not in anyway}


def test_the_tables_say_nothing(played: Rehearsal, forms: set[bytes], attack: Attack) -> None:
    with played.server as server:
        tables = asyncio.run(copies(server.dsn(database=DATABASE)))
    assert {"public.cases", "public.sealed_values", "public.audit_entries"} <= set(tables)
    search("demo words in a copy of every table", tables.values(), forms, attack)


def test_the_cluster_s_files_say_nothing(played: Rehearsal, forms: set[bytes], attack: Attack) -> None:
    contents = list(files(played.server.folder))
    assert sum(len(content) for content in contents) > 2**20
    search("demo words in the cluster's files, write-ahead log and log", contents, forms, attack)


def test_the_service_s_log_says_nothing(played: Rehearsal, forms: set[bytes], attack: Attack) -> None:
    log = (played.folder / "demo" / "service.log").read_bytes()
    assert log.count(b'"event": "request"') > 100
    assert log.count(b'"event": "deadline"') > 10
    search("demo words in the logs of API and worker", [log], forms, attack)


def test_the_refusing_answers_say_nothing(played: Rehearsal, forms: set[bytes], attack: Attack) -> None:
    answers = (played.folder / "demo" / "refusals.txt").read_bytes()
    assert len(re.findall(rb"^4\d\d$", answers, re.MULTILINE)) > 15
    search("demo words in every refusing answer", [answers], forms, attack)


def test_the_other_files_of_the_demonstration_say_nothing(played: Rehearsal, forms: set[bytes], attack: Attack) -> None:
    """Keys and passwords are there, and still no word about anybody."""
    contents = [path.read_bytes() for path in sorted((played.folder / "demo").glob("*")) if path.is_file()]
    assert len(contents) >= 5
    search("demo words in the files beside the cluster", contents, forms, attack)


def test_the_search_finds_the_words_where_they_are_shown(played: Rehearsal, forms: set[bytes]) -> None:
    """The control on real text: the screen shows opened packages."""
    screen = Haystack()
    screen.add(played.second.output.encode())
    found = set(screen.hits(forms))
    assert {"Айзада".encode(), b"Synoochueva", "Небывалый".encode()} <= found


@pytest.fixture
def empty() -> Iterator[Path]:
    """Give a folder for a cluster of its own: what is planted must not be found in the demonstration's."""
    folder = Path(tempfile.mkdtemp(prefix="nrm-canary-"))
    folder.chmod(0o711)  # the server runs as another account when we are root
    yield folder
    Server(folder / "postgres").remove()
    folder.rmdir()


def test_the_search_finds_a_canary_in_each_disguise_in_a_real_cluster(played: Rehearsal, empty: Path) -> None:
    """The control on real files: a canary is stored in each disguise, and the same search must find every one."""
    hidden = sorted(disguises(CANARY))
    assert len(hidden) > 100
    with played.server as server:
        before = asyncio.run(copies(server.dsn(database=DATABASE)))
    with Server(empty / "postgres") as planted:
        asyncio.run(plant(planted.dsn(), hidden))
        copied = asyncio.run(copies(planted.dsn()))
    clean, cluster = Haystack(), Haystack()
    for content in before.values():
        clean.add(content)
    for content in files(planted.folder):
        cluster.add(content)
    assert set(clean.hits(hidden)) == set()
    assert set(cluster.hits(hidden)) == set(hidden)
    assert spellings(CANARY) >= {"ЖАШЫРЫНСӨЗ", "zhashyrynsoz", "Zhashyrynsoz"}
    assert all(form.hex().encode() in copied["public.canary"] for form in hidden), "the canaries are not there"


def search(name: str, contents: Iterable[bytes], forms: set[bytes], attack: Attack) -> None:
    """Look for every form, and register what was tried."""
    haystack = Haystack()
    for content in contents:
        haystack.add(content)
    found = sorted(haystack.hits(forms))
    assert found == [], f"{name}: {found}"
    attack(name, tried=len(forms), succeeded=len(found))


async def copies(dsn: str) -> dict[str, bytes]:
    """Return the text of every table that is ours, as the administrator copies it."""
    connection = await asyncpg.connect(dsn)
    try:
        rows = await connection.fetch(
            "SELECT schemaname, tablename FROM pg_tables WHERE schemaname NOT IN ('pg_catalog', 'information_schema')"
        )
        found = {}
        for schema, table in rows:
            sink = io.BytesIO()
            await connection.copy_from_table(table, schema_name=schema, output=sink)
            found[f"{schema}.{table}"] = sink.getvalue()
        return found
    finally:
        await connection.close()


async def plant(dsn: str, hidden: list[bytes]) -> None:
    """Store each disguise in a table of its own, between random bytes, and bring it to the disk."""
    connection = await asyncpg.connect(dsn)
    try:
        await connection.execute("DROP TABLE IF EXISTS canary; CREATE TABLE canary (hidden bytea)")
        for form in hidden:
            around = secrets.token_bytes(9) + b"\x00\x01\x02"
            await connection.execute("INSERT INTO canary VALUES ($1)", around + form + around)
        await connection.execute("CHECKPOINT")
    finally:
        await connection.close()


def files(folder: Path) -> Iterator[bytes]:
    """Yield what is in every file below a folder: each page once, and empty space left out."""
    seen: set[bytes] = set()
    for above, _, names in os.walk(folder):
        for name in names:
            path = Path(above) / name
            if not path.is_file():
                continue
            content = path.read_bytes()
            for start in range(0, len(content), PAGE):
                page = content[start : start + PAGE]
                if page[HEADER:] not in seen:
                    seen.add(page[HEADER:])
                    yield page


def test_the_server_is_left_stopped(played: Rehearsal) -> None:
    assert not Server(played.folder / "demo" / "postgres").running
