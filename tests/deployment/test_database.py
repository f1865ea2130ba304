"""Pools that heal, wait only briefly and tell nothing; and a set-up that a plain administrator can run twice."""

import asyncio
import base64
import hashlib
import hmac
import json
import stat
from dataclasses import replace
from pathlib import Path

import asyncpg
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import exc, text

from api.bootstrap import Access, UnsafeRole, bootstrap, database_access, kept_passwords, prepare, scram_verifier
from api.database import Database, Pool, dsn_as, engine_for, is_unavailable, sqlalchemy_url
from api.postgres import Server
from api.settings import DatabaseRole, Settings, UnsafeSettings

CANARY = "Асель-canary-4410"
SERVICE_ROLES = [role for role in DatabaseRole if role is not DatabaseRole.OWNER]


async def test_each_role_logs_in_as_itself_with_its_limits(database: Database) -> None:
    seen = {}
    for role in DatabaseRole:
        async with database.engine(role).connect() as connection:
            question = "SELECT current_user, current_setting('statement_timeout'), current_setting('search_path')"
            seen[role.value] = tuple((await connection.execute(text(question))).one())
    assert seen == {
        "nrm_owner": ("nrm_owner", "0", "public, pg_temp"),
        "nrm_application": ("nrm_application", "10s", "public, pg_temp"),
        "nrm_worker": ("nrm_worker", "1min", "public, pg_temp"),
        "nrm_statistics": ("nrm_statistics", "5min", "public, pg_temp"),
        "nrm_rotator": ("nrm_rotator", "1min", "public, pg_temp"),
    }


async def test_no_client_waits_long_for_a_lock(admin: asyncpg.Connection) -> None:
    """By the role's own setting: a database of the tests lets its clients wait longer."""
    rows = await admin.fetch("SELECT rolname, rolconfig FROM pg_roles WHERE rolname = ANY ($1)", list(DatabaseRole))
    limits = {row["rolname"]: {one for one in row["rolconfig"] if one.startswith("lock_timeout=")} for row in rows}
    assert limits == {
        "nrm_owner": set(),
        "nrm_application": {"lock_timeout=3s"},
        "nrm_worker": {"lock_timeout=5s"},
        "nrm_statistics": {"lock_timeout=5s"},
        "nrm_rotator": {"lock_timeout=5s"},
    }


async def test_no_role_of_ours_can_look_past_row_security(admin: asyncpg.Connection) -> None:
    rows = await admin.fetch(
        "SELECT rolname FROM pg_roles WHERE rolname LIKE 'nrm%' AND rolname <> 'nrm_admin' AND NOT "
        "(rolsuper OR rolbypassrls OR rolcreaterole OR rolcreatedb OR rolreplication OR rolinherit)"
    )
    assert {row["rolname"] for row in rows} == set(DatabaseRole)
    members = "SELECT count(*) FROM pg_auth_members m JOIN pg_roles r ON r.oid = m.member WHERE r.rolname LIKE 'nrm_%'"
    assert await admin.fetchval(f"{members} AND r.rolname <> 'nrm_admin'") == 0


@pytest.mark.parametrize("role", SERVICE_ROLES)
@pytest.mark.parametrize("statement", ["CREATE TABLE mine ()", "CREATE TEMP TABLE mine ()", "CREATE SCHEMA mine"])
async def test_the_roles_of_the_service_create_nothing(database: Database, role: DatabaseRole, statement: str) -> None:
    async with database.engine(role).connect() as connection:
        with pytest.raises(exc.DBAPIError, match="permission denied"):
            await connection.execute(text(statement))


async def test_the_password_is_stored_as_a_verifier_and_never_sent(admin: asyncpg.Connection) -> None:
    stored = await admin.fetchval("SELECT rolpassword FROM pg_authid WHERE rolname = 'nrm_application'")
    assert stored.startswith("SCRAM-SHA-256$4096:")


async def test_a_plain_administrator_sets_everything_up_and_may_do_it_twice(server: Server) -> None:
    """On a server where nothing of ours exists and the administrator is no superuser."""
    root = await asyncpg.connect(server.start().dsn())
    await root.execute("CREATE ROLE plain LOGIN CREATEDB CREATEROLE PASSWORD 'plain password'")
    access = Access(
        url=dsn_as(server.url, user="plain", password="", database="nrm"),
        passwords={role: f"first password of {role}" for role in DatabaseRole},
        admin_password="plain password",
    )
    await asyncio.gather(bootstrap(access), bootstrap(access))
    changed = replace(access, passwords={role: f"second password of {role}" for role in DatabaseRole})
    await prepare(changed)
    await prepare(changed)
    with pytest.raises(asyncpg.InvalidPasswordError):
        await asyncpg.connect(access.dsns[DatabaseRole.WORKER])
    database = Database(changed.dsns)
    assert [await database.answers(role) for role in DatabaseRole] == [True] * len(DatabaseRole)
    await database.close()
    await root.execute("ALTER ROLE nrm_worker BYPASSRLS")
    await root.close()
    with pytest.raises(UnsafeRole, match="nrm_worker has rolbypassrls"):
        await bootstrap(changed)


async def test_a_pool_heals_after_a_restart_without_an_error(server: Server) -> None:
    server.start()
    engine = engine_for(server.dsn(), name="test", pool=Pool(size=3))
    for _ in range(3):
        connections = [await engine.connect() for _ in range(3)]
        before = await connections[0].scalar(text("SELECT pg_postmaster_start_time()"))
        for connection in connections:
            await connection.close()
        server.stop()
        server.start()
        await asyncio.sleep(0.01)  # the event loop learns that the old connections are gone
        for _ in range(4):
            async with engine.connect() as connection:
                assert await connection.scalar(text("SELECT pg_postmaster_start_time()")) > before
    await engine.dispose()


async def test_a_database_that_is_away_is_unavailable_and_not_a_bug(server: Server) -> None:
    engine = engine_for(server.start().dsn(), name="test")
    database = Database({DatabaseRole.APPLICATION: server.dsn()})
    errors: list[BaseException] = []
    async with engine.connect() as connection:
        server.kill()
        with pytest.raises(exc.DBAPIError) as lost:
            await connection.execute(text("SELECT 1"))
        errors.append(lost.value)
        await connection.invalidate()
    with pytest.raises((OSError, exc.DBAPIError)) as refused:
        await engine.connect()
    errors.append(refused.value)
    assert [error for error in errors if not is_unavailable(error)] == []
    assert not await database.answers()
    await engine.dispose()
    await database.close()


def test_servers_that_take_no_writes_are_unavailable_and_not_a_bug() -> None:
    assert is_unavailable(asyncpg.TargetServerAttributeNotMatched("none of the hosts takes writes"))


async def test_a_used_up_pool_refuses_within_its_patience(database: Database, database_access: Access) -> None:
    engine = engine_for(database_access.dsns[DatabaseRole.APPLICATION], name="test", pool=Pool(size=1, wait=0.05))
    async with engine.connect():
        with pytest.raises(exc.TimeoutError) as refused:
            await engine.connect()
    assert is_unavailable(refused.value)
    await engine.dispose()
    assert await database.answers()


async def test_a_time_limit_and_a_lock_that_is_not_had_pass_by_themselves(database: Database) -> None:
    async with database.engine(DatabaseRole.OWNER).connect() as one:
        await one.execute(text("LOCK TABLE cases"))
        for setting in ("lock_timeout", "statement_timeout"):
            async with database.engine(DatabaseRole.OWNER).connect() as other:
                await other.execute(text(f"SET {setting} = '20ms'"))
                with pytest.raises(exc.DBAPIError) as refused:
                    await other.execute(text("SELECT count(*) FROM cases"))
                assert is_unavailable(refused.value)


async def test_a_refused_statement_is_no_outage_and_shows_no_parameter(database: Database) -> None:
    async with database.engine().connect() as connection:
        with pytest.raises(exc.DBAPIError) as refused:
            await connection.execute(text("SELECT count(*) FROM counted_cases WHERE :name = ''"), {"name": CANARY})
    assert not is_unavailable(refused.value)
    assert CANARY not in str(refused.value)
    assert not is_unavailable(ValueError("ours"))


async def test_an_error_that_is_no_outage_is_not_hidden_by_the_readiness_check(database_access: Access) -> None:
    wrong = dsn_as(database_access.url, user="nrm_worker", password="wrong")
    database = Database({DatabaseRole.APPLICATION: wrong})
    with pytest.raises(Exception, match="password authentication failed"):
        await database.answers()
    await database.close()
    with pytest.raises(KeyError):
        database.engine(DatabaseRole.OWNER)


async def test_development_keeps_its_own_passwords_and_production_asks_for_files(tmp_path: Path) -> None:
    first = kept_passwords(tmp_path / "data" / "passwords.json")
    assert kept_passwords(tmp_path / "data" / "passwords.json") == first
    assert len(set(first.values())) == len(DatabaseRole)
    assert stat.S_IMODE((tmp_path / "data" / "passwords.json").stat().st_mode) == 0o600
    assert [file.name for file in (tmp_path / "data").iterdir()] == ["passwords.json"]
    older = {role.value: secret for role, secret in first.items() if role is not DatabaseRole.ROTATOR}
    (tmp_path / "data" / "passwords.json").write_text(json.dumps(older))
    completed = kept_passwords(tmp_path / "data" / "passwords.json")
    assert completed == kept_passwords(tmp_path / "data" / "passwords.json")
    assert {role: completed[role] for role in DatabaseRole if role.value in older} == {
        role: first[role] for role in DatabaseRole if role.value in older
    }
    assert len(set(completed.values())) == len(DatabaseRole)
    (tmp_path / "worker").write_text("the password of the worker\n")
    settings = Settings(
        database_url="postgresql://root:inline@db.example/nrm",
        data_dir=tmp_path / "data",
        worker_password_file=tmp_path / "worker",
    )
    with database_access(settings) as access:
        assert access.passwords == {DatabaseRole.WORKER: "the password of the worker"}
        assert access.dsns[DatabaseRole.WORKER] == (
            "postgresql://nrm_worker:the%20password%20of%20the%20worker@db.example/nrm"
        )
        assert access.admin_dsn() == "postgresql://root:inline@db.example/postgres"
        assert "inline" not in repr(access)
        assert "password of" not in repr(access)


async def test_without_an_administrator_nothing_is_set_up(tmp_path: Path) -> None:
    (tmp_path / "one").write_text("some password or other")
    for url in ("postgresql://db.example/nrm", "postgresql://root@db.example/nrm"):
        settings = Settings(database_url=url, worker_password_file=tmp_path / "one")
        with database_access(settings) as access, pytest.raises(UnsafeSettings, match="admin_password_file"):
            await bootstrap(access)


async def test_the_embedded_server_is_started_for_development_and_stopped_after(place: Path) -> None:
    settings = Settings(data_dir=place / "development")
    with database_access(settings) as access:
        await prepare(access)
        database = Database(access.dsns)
        assert await database.answers()
        await database.close()
        assert access.database == "nrm"
    assert not Server(settings.data_dir / "postgres").running


def test_the_verifier_is_the_one_that_the_server_would_make() -> None:
    """Recomputed step by step as RFC 5802, section 3, has it."""
    salted = hashlib.pbkdf2_hmac("sha256", b"pencil", b"salt of 16 bytes", 4096)
    client = hmac.new(salted, b"Client Key", hashlib.sha256).digest()
    expected = base64.b64encode(hashlib.sha256(client).digest()).decode()
    verifier = scram_verifier("pencil", b"salt of 16 bytes")
    assert verifier.startswith("SCRAM-SHA-256$4096:c2FsdCBvZiAxNiBieXRlcw==$")
    assert verifier.split("$")[2].split(":")[0] == expected
    with pytest.raises(UnicodeEncodeError):
        scram_verifier("карандаш", b"salt of 16 bytes")


@given(user=st.text(min_size=1, max_size=20), password=st.text(max_size=20), database=st.text(min_size=1, max_size=20))
def test_a_connection_string_carries_any_name_and_password_whole(user: str, password: str, database: str) -> None:
    url = "postgresql://old:secret@one:5432,two:5433/old?target_session_attrs=primary"
    made = dsn_as(url, user=user, password=password, database=database)
    assert made.endswith("?target_session_attrs=primary")
    assert "@one:5432,two:5433/" in made
    assert made.count("@") == 1
    access = Access(made, {}, "x")
    assert access.database == database
    assert dsn_as(made, user="a", password="b", database="c") == dsn_as(url, user="a", password="b", database="c")
    assert sqlalchemy_url(made).startswith("postgresql+asyncpg://?dsn=postgresql%3A%2F%2F")
