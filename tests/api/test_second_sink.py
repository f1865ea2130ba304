"""No answer leaves with plaintext before the database and the second sink have both kept what was opened."""

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import asyncpg
import httpx
import pytest

from api.app import create_app
from api.cli.audit_keep import serving
from api.runtime import sink_of
from api.second_sink import FileSink, SocketSink
from api.settings import Settings
from domain.audit.export import read_line
from domain.audit.sink import Opening, Sink, SinkVerifier, read_opening
from tests.attacks.test_audit_completeness import BREAK, MEND
from tests.domain.audit.exports import a_stream
from tests.world import World

SECRET = "Sinkova"
BODY = {"entry_channel": "ngo", "compartments": {"identity": {"given_name": SECRET}}}
OPENINGS = [Opening(one.entry, one.hash) for one in a_stream(1, 9)]


def with_sink(world: World, sink: Sink) -> World:
    runtime = replace(world.runtime, sink=sink)
    return World(runtime, world.access, create_app(runtime), world.numbers)


async def case_of(world: World) -> str:
    reference: str = (await world.post("alpha", "/cases", BODY))["reference"]
    return reference


async def opened(world: World, case: str) -> httpx.Response:
    return await world.ask("alpha", "GET", f"/cases/{case}/person/identity")


def lines_of(path: Path) -> list[bytes]:
    return path.read_bytes().splitlines(keepends=True)


async def test_what_was_opened_stands_in_both_alike(world: World, admin: asyncpg.Connection, tmp_path: Path) -> None:
    path = tmp_path / "openings"
    sunk = with_sink(world, FileSink(path))
    case = await case_of(sunk)
    assert not path.exists(), "nothing was shown"
    answers = await asyncio.gather(*(opened(sunk, case) for _ in range(6)), sunk.ask("alpha", "GET", f"/cases/{case}"))
    assert [answer.status_code for answer in answers] == [200] * 7
    verifier = SinkVerifier(lines_of(path))
    assert (verifier.fault, verifier.torn, verifier.lines) == (None, 0, 7)
    kept = [read_opening(line) for line in lines_of(path)]
    rows = await admin.fetch(
        "SELECT sequence, hash, details->>'role' AS role FROM audit_entries WHERE action ~ 'rea|rev'"
    )
    assert {(one[1].entry.sequence, one[1].hash) for one in kept if one} == {
        (row["sequence"], row["hash"]) for row in rows
    }
    assert {row["role"] for row in rows} == {"ngo_caseworker"}
    assert path.stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("broken", ["/dev/full", "/proc/absent/openings", "/"])
async def test_without_the_sink_no_plaintext_leaves_and_the_entry_is_not_lost(
    world: World, admin: asyncpg.Connection, tmp_path: Path, broken: str
) -> None:
    case = await case_of(world)
    answer = await opened(with_sink(world, FileSink(Path(broken))), case)
    assert (answer.status_code, answer.json()["code"]) == (503, "unavailable")
    assert SECRET not in answer.text
    count = "SELECT count(*) FROM audit_entries WHERE action = 'compartment.revealed'"
    assert await admin.fetchval(count) == 1
    mended = FileSink(tmp_path / "openings")
    assert (await opened(with_sink(world, mended), case)).status_code == 200
    assert len(lines_of(tmp_path / "openings")) == 1
    assert (await with_sink(world, FileSink(Path(broken))).ask("alpha", "GET", "/cases")).status_code == 200


async def test_without_the_database_the_sink_is_told_nothing(
    world: World, admin: asyncpg.Connection, tmp_path: Path
) -> None:
    """Else a line of the sink would accuse a database that was never set back. The last moment is the commit itself."""
    case, path = await case_of(world), tmp_path / "openings"
    at_commit = BREAK.replace("CREATE TRIGGER broken BEFORE", "CREATE CONSTRAINT TRIGGER broken AFTER").replace(
        "FOR EACH ROW", "DEFERRABLE INITIALLY DEFERRED FOR EACH ROW"
    )
    for fault in (BREAK, at_commit):
        await admin.execute(fault)
        answer = await opened(with_sink(world, FileSink(path)), case)
        await admin.execute(MEND)
        assert answer.status_code == 500
        assert SECRET not in answer.text
        assert not path.exists()


async def test_requests_that_wait_together_are_written_together(tmp_path: Path) -> None:
    batches: list[int] = []

    class Counting(FileSink):
        def _write(self, openings: Sequence[Opening]) -> None:
            batches.append(len(openings))
            super()._write(openings)

    sink = Counting(tmp_path / "openings")
    await asyncio.gather(*(sink.keep([one]) for one in OPENINGS))
    assert sum(batches) == len(OPENINGS)
    assert len(batches) < len(OPENINGS)
    assert SinkVerifier(lines_of(sink.path)).fault is None


async def test_a_line_that_was_torn_is_ended_and_stays_bound(tmp_path: Path) -> None:
    path = tmp_path / "openings"
    await FileSink(path).keep(OPENINGS[:2])
    with path.open("ab") as file:
        file.write(b'{"line":"opening","prev')
    again = FileSink(path)
    await again.keep(OPENINGS[2:3])
    await again.keep(OPENINGS[3:4])
    verifier = SinkVerifier(lines_of(path))
    assert (verifier.fault, verifier.torn, verifier.lines) == (None, 1, 5)


WRITING = """
import asyncio, sys
from pathlib import Path
from api.second_sink import FileSink
from tests.domain.audit.exports import a_stream
from domain.audit.sink import Opening

async def write():
    sink = FileSink(Path(sys.argv[1]))
    print("ready", flush=True)
    for one in a_stream(int(sys.argv[2]), 2000):
        await sink.keep([Opening(one.entry, one.hash)])

asyncio.run(write())
"""


async def test_processes_share_a_file_and_one_that_is_killed_breaks_nothing(tmp_path: Path) -> None:
    path = tmp_path / "openings"
    writers = [
        subprocess.Popen(  # noqa: ASYNC220, S603 - this interpreter, and a program of ours
            [sys.executable, "-c", WRITING, str(path), str(number)], stdout=subprocess.DEVNULL
        )
        for number in (1, 2)
    ]
    for _ in range(600):
        if path.exists() and path.stat().st_size > 60_000:
            break
        await asyncio.sleep(0.02)
    for writer in writers:
        writer.send_signal(signal.SIGKILL)
        writer.wait()
    await FileSink(path).keep(OPENINGS[:1])
    verifier = SinkVerifier(lines_of(path))
    assert verifier.fault is None
    assert verifier.lines > 100


async def test_another_host_keeps_what_comes_through_a_socket(world: World, tmp_path: Path) -> None:
    listen, path = tmp_path / "sink.sock", tmp_path / "openings"
    case = await case_of(world)
    sunk = with_sink(world, SocketSink(listen))
    assert (await opened(sunk, case)).status_code == 503, "nobody listens"
    async with serving(listen, FileSink(path)):
        assert (await opened(sunk, case)).status_code == 200
        assert (await opened(sunk, case)).status_code == 200
        with pytest.raises(OSError, match="did not keep"):
            await SocketSink(listen).keep([])
    async with serving(tmp_path / "full.sock", FileSink(Path("/dev/full"))):
        assert (await opened(with_sink(world, SocketSink(tmp_path / "full.sock")), case)).status_code == 503
    assert SinkVerifier(lines_of(path)).lines == 2
    assert SinkVerifier(lines_of(path)).fault is None


def test_settings_name_the_sink() -> None:
    def named(place: str | None) -> Any:
        return sink_of(Settings(audit_sink=place))

    assert named(None) is None
    assert isinstance(named("file:/var/lib/nrm/openings"), FileSink)
    assert isinstance(named("unix:/run/nrm/sink"), SocketSink)
    assert named("file:/var/lib/nrm/openings").path == Path("/var/lib/nrm/openings")
    for wrong in ("/var/lib", "tcp:host:1", "file:relative"):
        with pytest.raises(ValueError, match="audit_sink"):
            named(wrong)


def test_a_line_of_the_sink_is_no_line_of_an_export() -> None:
    assert os.sep == "/"
    with pytest.raises(ValueError, match="line"):
        read_line(b'{"line":"opening"}\n')
