"""Canaries by the hundred, by ten thousand with `make canaries`: not one word is found anywhere, in any disguise.

Searched are a dump by PostgreSQL's own tool, our backup, an export of the audit, every file of the tables, the
write-ahead log, the database server's log, the service's log with its crashes, temporary files, the working folder with
its core files, and every refusal. In each a word is planted in the clear, and the same search must find exactly that.
"""

import asyncio
import json
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import asyncpg
import numpy as np
import pytest

from api import backup
from api.postgres import Server
from api.postgres_binaries import find_binaries, server_account
from domain.sealing.envelope import OVERHEAD, STEP
from tests.attacks.canaries import Person, Spill, below, crashing, needles, spilled
from tests.attacks.needles import Needles

Attack = Callable[..., None]

SHOWN = "Көрсөтүлгөнсөз"
"""The word that is planted in the clear."""

CRASHED = 6
"""Persons whose cases are being opened at the instant of a crash."""

MEDIA = (
    "a dump by pg_dump",
    "a backup",
    "an export of the audit",
    "the files of the tables",
    "the write-ahead log",
    "the log of the database server",
    "the log of the service and its crashes",
    "temporary files",
    "the working folder and core files",
    "refusing answers and their headers",
)
PLANT = (
    "CREATE TABLE planted (word text)",
    f"INSERT INTO planted VALUES ('{SHOWN}')",  # noqa: S608 - a word of ours
    f"DO $$ BEGIN RAISE LOG '{SHOWN}'; END $$",
    "CHECKPOINT",
)
PAIRS = """
    SELECT v.sealed FROM sealed_values v JOIN contact_cases k ON k.case_id = v.holder_id
    WHERE v.kind = 'compartment' ORDER BY k.contact_id, v.compartment, k.case_id
"""


@dataclass
class Remains:
    """What was left behind, searched.

    Attributes:
        patterns: Forms of words that were looked for.
        found: Words by medium.
        searched: Bytes by medium.
        sealed: Sealed values of each contact's two cases, next to each other.
        wrapped: Every wrapped key.
    """

    patterns: int
    found: dict[str, set[str]] = field(default_factory=dict)
    searched: dict[str, int] = field(default_factory=dict)
    sealed: list[bytes] = field(default_factory=list)
    wrapped: list[bytes] = field(default_factory=list)
    crashes: list[int] = field(default_factory=list)
    cores: list[str] = field(default_factory=list)
    log: bytes = b""
    statuses: set[int] = field(default_factory=set)


@pytest.fixture(scope="module")
def cases(request: pytest.FixtureRequest) -> int:
    """Return how many cases there are: two for each person."""
    asked: int = request.config.getoption("--canaries")
    return asked


@pytest.fixture(scope="module")
def persons(cases: int) -> list[Person]:
    return [Person.drawn(number) for number in range(cases // 2 + CRASHED)]


@pytest.fixture(scope="module")
def remains(persons: list[Person]) -> Remains:
    """Plant everything, crash twice, plant the controls, and search."""
    with spilled() as spill:
        left = Remains(0)
        asyncio.run(lived(spill, persons, left))
        left.cores = [path.name for path in (spill.folder / "cwd").iterdir()]
        left.log = spill.log.read_bytes()
        controlled(spill)
        server = Server(spill.settings.data_dir / "postgres")
        media = {
            "a dump by pg_dump": lambda: iter([dumped(spill)]),
            "a backup": lambda: below(spill.folder / "backup"),
            "an export of the audit": lambda: below(spill.folder / "audit"),
            "the files of the tables": lambda: below(server.data / "base"),
            "the write-ahead log": lambda: below(server.data / "pg_wal"),
            "the log of the database server": lambda: iter([server.log.read_bytes()]),
            "the log of the service and its crashes": lambda: iter([spill.log.read_bytes()]),
            "temporary files": lambda: below(spill.folder / "temporary"),
            "the working folder and core files": lambda: below(spill.folder / "cwd"),
            "refusing answers and their headers": lambda: iter(spill.answers),
        }
        looked_for = Needles(needles(persons, SHOWN))
        left.patterns, left.statuses = len(looked_for.patterns), spill.statuses
        for medium, contents in media.items():
            before = looked_for.searched
            left.found[medium] = looked_for.words(contents())
            left.searched[medium] = looked_for.searched - before
    return left


async def lived(spill: Spill, persons: list[Person], left: Remains) -> None:
    """Let the service record everybody, read what is stored, and end it by crashes."""
    with spill.serving() as (process, port):
        await spill.plant(port, persons[:-CRASHED])
        connection = await asyncpg.connect(spill.access.admin_dsn(spill.access.database))
        left.sealed = [bytes(row["sealed"]) for row in await connection.fetch(PAIRS)]
        left.wrapped = [bytes(row["wrapped"]) for row in await connection.fetch("SELECT wrapped FROM sealing_keys")]
        await connection.close()
        left.crashes.append(await spill.crash(process, port, signal.SIGSEGV, persons[-CRASHED:]))
    with spill.serving() as (process, port):
        left.crashes.append(await spill.crash(process, port, signal.SIGABRT, persons[-CRASHED:]))
    await backup.take(spill.access, spill.folder / "backup")
    await asyncio.to_thread(spill.nrm, "audit", "export", "--output", str(spill.folder / "audit" / "export"))
    connection = await asyncpg.connect(spill.access.admin_dsn(spill.access.database))
    for statement in PLANT:
        await connection.execute(statement)
    await connection.close()


def controlled(spill: Spill) -> None:
    """Plant the word where files are, and let a program without our care crash with it in its memory."""
    for name in ("backup/control", "audit/control", "temporary/control"):
        (spill.folder / name).write_text(f"- {SHOWN} -", encoding="utf-8")
    with spill.log.open("ab") as log:
        log.write(SHOWN.encode().hex().encode() + b"\n")
        program = f"word = {SHOWN!r} * 3\nimport os\nos.kill(os.getpid(), 11)"
        crashing(program, folder=spill.folder / "cwd", log=subprocess.DEVNULL, env={}).wait(20)
    if not plain_core_files():
        (spill.folder / "cwd" / "core").write_text(SHOWN, encoding="utf-8")
    spill.answers.append(SHOWN.encode("utf-16-be"))


def plain_core_files() -> bool:
    """Tell whether this system writes core files into the working folder, so that the control shows what it could."""
    pattern = Path("/proc/sys/kernel/core_pattern")
    return pattern.is_file() and pattern.read_text().strip() in {"core", "core.%p"}


def dumped(spill: Spill) -> bytes:
    """Return what PostgreSQL's own tool dumps."""
    program = find_binaries(server_account()).program("pg_dump")
    command = [program, "--dbname", spill.access.admin_dsn(spill.access.database)]
    return subprocess.run(command, capture_output=True, check=True).stdout  # noqa: S603


@pytest.mark.parametrize("medium", MEDIA)
def test_nothing_that_was_said_of_anybody_is_found_but_what_was_planted_in_the_clear(
    remains: Remains, cases: int, attack: Attack, medium: str
) -> None:
    assert SHOWN in remains.found[medium], "the search finds nothing there"
    hits = remains.found[medium] - {SHOWN}
    size = remains.searched[medium] / 2**20
    attack(f"words of {cases:,} cases in {medium} ({size:,.0f} MiB)", tried=remains.patterns, succeeded=len(hits))


def test_much_was_left_behind_to_search(remains: Remains, cases: int) -> None:
    least = {
        "a dump by pg_dump": cases * 5_000,
        "the write-ahead log": cases * 10_000,
        "the files of the tables": 2**22,
    }
    assert {medium: size for medium, size in least.items() if remains.searched[medium] < size} == {}
    assert remains.log.count(b'"event": "request"') > cases // 2
    assert {404, 405, 422} <= remains.statuses


def test_a_crash_leaves_a_trace_without_words_and_no_core_file(remains: Remains, attack: Attack) -> None:
    assert remains.crashes == [-signal.SIGSEGV, -signal.SIGABRT]
    assert b"Segmentation fault" in remains.log
    assert b"Aborted" in remains.log
    attack("core files of a crashed service", tried=len(remains.crashes), succeeded=len(remains.cores))


def test_a_process_of_ours_is_marked_so_that_no_core_file_and_no_debugger_gets_its_memory() -> None:
    program = """
import ctypes, resource
from api.hardening import leave_nothing_behind
leave_nothing_behind()
print(ctypes.CDLL(None).prctl(3), resource.getrlimit(resource.RLIMIT_CORE)[0])
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)  # noqa: S603
    assert done.stdout.split() == ["0", "0"]


def test_equal_words_are_sealed_as_differently_as_different_ones(remains: Remains, cases: int, attack: Attack) -> None:
    """Of two cases that say the same, and of two that do not: bytes agree by chance alone, once in 256."""
    bodies = [np.frombuffer(blob, dtype=np.uint8)[OVERHEAD - 28 :] for blob in remains.sealed]
    equal, different = [], []
    for first, second, other in zip(bodies[::2], bodies[1::2], [*bodies[12::2], *bodies[:12:2]], strict=True):
        equal.append(first == second)
        size = min(len(first), len(other))
        different.append(first[:size] == other[:size])
    for agreeing in (equal, different):
        count = sum(map(len, agreeing))
        share = sum(int(one.sum()) for one in agreeing) / count
        assert abs(share - 1 / 256) < 6 * (1 / 256 / count) ** 0.5, share
    whole = sum(bool(one.all()) for one in equal)
    attack("equal words recognised by their seals", tried=len(equal), succeeded=whole)
    assert len(set(remains.sealed)) == len(remains.sealed)
    assert len(set(remains.wrapped)) == len(remains.wrapped) > cases * 6


def test_a_length_tells_the_step_of_256_bytes_and_nothing_else(
    remains: Remains, persons: list[Person], attack: Attack
) -> None:
    expected: Counter[int] = Counter()
    lengths = set()
    for person in persons[:-CRASHED]:
        for fields in person.compartments.values():
            length = len(json.dumps(fields, ensure_ascii=False, sort_keys=True).encode())
            lengths.add(length)
            expected[OVERHEAD + (length // STEP + 1) * STEP] += 2
    assert Counter(map(len, remains.sealed)) == expected
    assert len(lengths) > 10 * len(expected) / 2, "the words have many lengths, the seals few"
    attack("lengths of words told by their seals", tried=len(lengths), succeeded=0)
