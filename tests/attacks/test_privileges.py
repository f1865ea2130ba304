"""What each database role may do at all, asked of the catalogue and tried: no role can become more than it is."""

from collections.abc import Callable

import asyncpg
import pytest

from api.settings import DatabaseRole
from domain.codes import Role
from tests.attacks.intruder import intruding
from tests.attacks.relations import WORKER, Stage, opened, referred

Attack = Callable[..., None]

READABLE = """
    SELECT t.relname || '.' || a.attname AS "column" FROM pg_class t
    JOIN pg_attribute a ON a.attrelid = t.oid AND a.attnum > 0 AND NOT a.attisdropped
    WHERE t.relkind = 'r' AND t.relnamespace = 'public'::regnamespace AND t.relname <> 'alembic_version'
      AND has_column_privilege($1, t.oid, a.attnum, $2)
"""
WRITABLE = """
    SELECT t.relname || ' ' || p.verb
    FROM pg_class t, unnest(ARRAY['INSERT', 'DELETE', 'TRUNCATE', 'TRIGGER', 'REFERENCES']) AS p (verb)
    WHERE t.relkind = 'r' AND t.relnamespace = 'public'::regnamespace AND has_table_privilege($1, t.oid, p.verb)
"""
CLOSED_TO_WORKER = {
    "sealed_values.sealed",
    "sealed_chunks.sealed",
    "sealed_chunks.record_id",
    "sealing_keys.wrapped",
    "idempotency_records.body",
    "idempotency_records.key",
    "idempotency_records.fingerprint",
    "audit_entries.details",
    "notifications.reference",
    "case_walls.organisation_id",
    "releases.tables",
    "counted_cases.case_id",
}
ESCALATIONS = (
    "SET ROLE nrm_admin",
    "SET SESSION AUTHORIZATION nrm_owner",
    "ALTER ROLE nrm_application BYPASSRLS",
    "ALTER ROLE nrm_application SUPERUSER",
    "CREATE ROLE intruder LOGIN",
    "GRANT nrm_owner TO nrm_application",
    "ALTER TABLE cases DISABLE ROW LEVEL SECURITY",
    "ALTER TABLE cases NO FORCE ROW LEVEL SECURITY",
    "ALTER TABLE audit_entries DISABLE TRIGGER ALL",
    "DROP TRIGGER only_grows ON audit_entries",
    "DROP POLICY application_select ON cases",
    "CREATE POLICY mine ON cases USING (true)",
    "SET session_replication_role = replica",
    "CREATE TABLE public.intruder (x int)",
    "CREATE TEMP TABLE case_access (x int)",
    "CREATE SCHEMA intruder",
    "CREATE FUNCTION public.intruder() RETURNS int LANGUAGE sql AS 'SELECT 1'",
    "CREATE OR REPLACE FUNCTION nrm_walled(checked uuid) RETURNS boolean LANGUAGE sql AS 'SELECT false'",
    "CREATE EXTENSION dblink",
    "COPY cases TO PROGRAM 'cat'",
    "COPY organisations TO '/tmp/intruder'",
    "SELECT pg_read_file('/etc/passwd')",
    "SELECT lo_import('/etc/passwd')",
    "SELECT pg_ls_dir('/')",
    "SELECT rolpassword FROM pg_authid",
    "SET log_statement = 'all'",
    "INSERT INTO organisations (id) VALUES (gen_random_uuid())",
    "UPDATE organisations SET status = 'active'",
    "DELETE FROM organisations",
    "INSERT INTO memberships (id) VALUES (gen_random_uuid())",
    "UPDATE memberships SET valid_until = 'infinity', role = 'coordinator'",
    "DELETE FROM memberships",
    "INSERT INTO staff_members (id, subject) VALUES (gen_random_uuid(), 'intruder')",
    "UPDATE staff_members SET subject = 'intruder'",
    "INSERT INTO releases (id) VALUES ('forged')",
    "UPDATE releases SET tables = '{}'",
    "INSERT INTO counted_cases (id) VALUES (gen_random_uuid())",
    "UPDATE counted_cases SET sex = 'male'",
    "DELETE FROM counted_cases",
    "DELETE FROM closed_periods",
)
FUNCTIONS = (
    "SELECT proname FROM pg_proc WHERE pronamespace = 'public'::regnamespace "
    "AND prolang <> (SELECT oid FROM pg_language WHERE lanname = 'internal')"
)
"""All but the makers of ranges: those belong to the server, read nothing, and the owner cannot take them away."""

LEDGER = ("counted_cases", "closed_periods")

OURS = [role for role in DatabaseRole if role != DatabaseRole.OWNER]


async def columns(superuser: asyncpg.Connection, role: DatabaseRole, verb: str) -> set[str]:
    return {row["column"] for row in await superuser.fetch(READABLE, role, verb)}


@pytest.mark.parametrize("role", OURS)
async def test_no_role_can_become_more_than_it_is(stage: Stage, attack: Attack, role: DatabaseRole) -> None:
    async with intruding(stage, role) as intruder:
        others = [f"SET ROLE {other}" for other in DatabaseRole if other != role]
        assert await intruder.all_refused(*((statement,) for statement in (*others, *ESCALATIONS))) == []
        attack(f"escalations as {role}", tried=intruder.tried, succeeded=intruder.succeeded)


async def test_no_role_bypasses_anything_or_belongs_to_another(superuser: asyncpg.Connection) -> None:
    strong = await superuser.fetch(
        r"SELECT rolname FROM pg_roles WHERE rolname LIKE 'nrm\_%' AND rolname <> 'nrm_admin' "
        "AND (rolsuper OR rolbypassrls OR rolcreaterole OR rolcreatedb OR rolreplication)"
    )
    assert strong == []
    members = await superuser.fetch(
        r"SELECT r.rolname FROM pg_auth_members m JOIN pg_roles r ON r.oid = m.member WHERE r.rolname LIKE 'nrm\_%' "
        "AND r.rolname <> 'nrm_admin'"
    )
    assert members == []


async def test_the_statistics_read_releases_and_nothing_else(superuser: asyncpg.Connection) -> None:
    role = DatabaseRole.STATISTICS
    assert {column.split(".")[0] for column in await columns(superuser, role, "SELECT")} == {"releases"}
    assert await columns(superuser, role, "INSERT") | await columns(superuser, role, "UPDATE") == set()
    assert await superuser.fetch(WRITABLE, role) == []
    functions = await superuser.fetch(
        FUNCTIONS + " AND has_function_privilege($1, oid, 'EXECUTE')",
        role,
    )
    assert functions == []


async def test_the_ledger_of_counted_cases_is_read_by_the_worker_alone_and_written_by_nobody(
    superuser: asyncpg.Connection,
) -> None:
    """Only the function by which the worker counts writes it."""
    for role in OURS:
        read = {one for one in await columns(superuser, role, "SELECT") if one.startswith(LEDGER)}
        assert bool(read) == (role == DatabaseRole.WORKER), role
        assert [one for one in await columns(superuser, role, "UPDATE") if one.startswith(LEDGER)] == []
        assert [row[0] for row in await superuser.fetch(WRITABLE, role) if row[0].startswith(LEDGER)] == []


async def test_the_worker_can_delete_sealed_bytes_and_never_read_them(
    stage: Stage, superuser: asyncpg.Connection, attack: Attack
) -> None:
    case, _, _ = await opened(stage, "owner", WORKER)
    await referred(stage, case, "before")
    readable = await columns(superuser, DatabaseRole.WORKER, "SELECT")
    assert readable & CLOSED_TO_WORKER == set()
    async with intruding(stage, DatabaseRole.WORKER) as intruder:
        tries = [f"SELECT {name.split('.')[1]} FROM {name.split('.')[0]}" for name in CLOSED_TO_WORKER]  # noqa: S608
        tries += [
            "SELECT * FROM sealed_values",
            "UPDATE case_access SET compartments = '{identity}'",
            "UPDATE case_access SET valid_until = 'infinity'",
            "INSERT INTO case_access (id) VALUES (gen_random_uuid())",
            "UPDATE sealed_values SET holder_id = record_id",
            "DELETE FROM sealed_values WHERE kind = 'package' RETURNING sealed",
            "UPDATE audit_entries SET rule = 'x'",
            "DELETE FROM audit_entries",
            "DELETE FROM cases",
        ]
        assert await intruder.all_refused(*((one,) for one in tries)) == []
        attack("the worker's role on what is sealed", tried=intruder.tried, succeeded=intruder.succeeded)


async def test_what_the_application_may_write_is_what_the_commands_write(superuser: asyncpg.Connection) -> None:
    role = DatabaseRole.APPLICATION
    verbs = {row[0] for row in await superuser.fetch(WRITABLE, role)}
    deleted = ("sealed_values", "sealed_chunks", "sealing_keys", "case_walls")
    searching = ("match_entries", "match_searches")
    assert {one for one in verbs if not one.endswith(" INSERT")} == {
        f"{table} DELETE" for table in (*deleted, *searching)
    }
    directory = ("organisations", "staff_members", "memberships", "releases")
    assert [one for one in verbs if one.startswith(directory)] == []
    changed = await columns(superuser, role, "UPDATE")
    frozen = ("case_access.organisation_id", "case_access.case_id", "case_access.relation", "case_access.holder_id")
    frozen += ("cases.country", "cases.reference", "referrals.case_id", "referrals.receiving_organisation_id")
    frozen += ("referrals.sending_organisation_id", "referrals.compartments", "contacts.organisation_id")
    assert changed & set(frozen) == set()


async def test_everybody_else_may_nothing(superuser: asyncpg.Connection) -> None:
    public = await superuser.fetch(
        "SELECT table_name FROM information_schema.table_privileges "
        "WHERE grantee = 'PUBLIC' AND table_schema = 'public'"
    )
    assert public == []
    functions = await superuser.fetch(
        FUNCTIONS  # noqa: S608 - words of this file alone
        + " AND EXISTS (SELECT 1 FROM aclexplode(coalesce(proacl, acldefault('f', proowner))) a WHERE a.grantee = 0)"
    )
    assert functions == []


async def test_functions_that_look_past_row_security_trust_no_search_path(superuser: asyncpg.Connection) -> None:
    """A temporary table of the same name would stand in front, unless `pg_temp` is named last."""
    definers = await superuser.fetch(
        "SELECT proname, proconfig FROM pg_proc WHERE pronamespace = 'public'::regnamespace AND prosecdef"
    )
    assert len(definers) >= 6
    assert {tuple(row["proconfig"]) for row in definers} == {("search_path=public, pg_temp",)}


async def test_a_context_is_forgotten_with_its_transaction(stage: Stage, superuser: asyncpg.Connection) -> None:
    """A pooled connection carries nobody's context into the next request."""
    await opened(stage, "owner", WORKER)
    async with stage.world.runtime.database.engine().connect() as connection:
        names = ("organisation_id", "staff_id", "role", "country")
        left = [await connection.exec_driver_sql(f"SELECT current_setting('nrm.{name}', true)") for name in names]
        assert {row.scalar() or "" for row in left} == {""}
        found = await connection.exec_driver_sql("SELECT count(*) FROM cases")
        assert found.scalar() == 0
    assert await superuser.fetchval("SELECT count(*) FROM cases") > 0


async def test_oversight_in_the_database_follows_the_role_in_the_context(
    stage: Stage, superuser: asyncpg.Connection, attack: Attack
) -> None:
    """A caseworker's context does not see the country's referrals, a coordinator's does, and neither sees a person."""
    reference, _, _ = await opened(stage, "owner", WORKER)
    referral = await referred(stage, reference, "before")
    case = await superuser.fetchval("SELECT id FROM cases WHERE reference = $1", reference)
    async with intruding(stage) as intruder:
        await intruder.become(superuser, "foreign", Role.COORDINATOR)
        seen = await intruder.connection.fetch("SELECT 1 FROM referrals WHERE reference = $1", referral)
        assert len(seen) == 1
        assert await intruder.is_refused("SELECT 1 FROM cases WHERE id = $1", case)
        assert await intruder.is_refused("SELECT 1 FROM sealed_values WHERE holder_id = $1", case)
        for table in ("persons", "consents", "case_access", "screenings", "contact_cases"):
            assert await intruder.is_refused(f"SELECT 1 FROM {table} WHERE case_id = $1", case), table  # noqa: S608
        await intruder.become(superuser, "foreign")
        assert await intruder.is_refused("SELECT 1 FROM referrals WHERE reference = $1", referral)
        attack("oversight in the database beyond routing data", tried=intruder.tried, succeeded=intruder.succeeded)
