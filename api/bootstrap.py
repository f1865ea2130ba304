"""Makes a database ready to be used: login roles, the database itself, and every migration. Idempotent.

The administrator (`NRM_DATABASE_URL`) needs no more than the right to create roles and databases; no superuser.
Passwords never travel in a statement: the server gets their SCRAM verifiers, as `psql` does it.
"""

import asyncio
import base64
import contextlib
import hashlib
import hmac
import json
import os
import secrets
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from urllib.parse import unquote, urlsplit

import asyncpg
from alembic import command
from alembic.config import Config

from api.database import dsn_as, sqlalchemy_url
from api.postgres import Server
from api.postgres_binaries import MINIMUM_VERSION
from api.postgres_cluster import BUILTIN_LOCALE_SINCE
from api.settings import DatabaseRole, Settings, UnsafeSettings, read_secret

MAINTENANCE_DATABASE: Final = "postgres"
MIGRATIONS: Final = Path(__file__).resolve().parent.parent / "migrations"
ITERATIONS: Final = 4096
"""Of SCRAM-SHA-256, PostgreSQL's own default; the passwords are random, so more would only slow down each login."""

ATTRIBUTES: Final = "LOGIN NOSUPERUSER NOBYPASSRLS NOCREATEROLE NOCREATEDB NOREPLICATION NOINHERIT"

TIME_LIMITS: Final[Mapping[DatabaseRole, Mapping[str, str]]] = {
    DatabaseRole.OWNER: {},
    DatabaseRole.APPLICATION: {"statement_timeout": "10s", "lock_timeout": "3s"},
    DatabaseRole.WORKER: {"statement_timeout": "60s", "lock_timeout": "5s"},
    DatabaseRole.STATISTICS: {"statement_timeout": "300s", "lock_timeout": "5s"},
    DatabaseRole.ROTATOR: {"statement_timeout": "60s", "lock_timeout": "5s"},
}
"""What a role may wait for, set on the role, so that it holds for every client."""


class UnsafeRole(RuntimeError):
    """A role of ours exists and can do more than it may: row-level security would be no wall."""


class ServerTooOld(RuntimeError):
    """The server is older than the versions that are supported."""


@dataclass(frozen=True)
class Access:
    """Where the database is, and the passwords that this process has.

    Args:
        url: Server and database, with the administrator as user.
        passwords: Of the roles; a part of the service has only its own.
        admin_password: Of the administrator; absent where nothing is set up.
    """

    url: str
    passwords: Mapping[DatabaseRole, str]
    admin_password: str | None = None

    def __repr__(self) -> str:
        """Name the database and the roles, never a password."""
        return f"Access(database={self.database!r}, roles={sorted(self.passwords)})"

    @property
    def database(self) -> str:
        """The database's name."""
        return unquote(urlsplit(self.url).path.removeprefix("/"))

    @property
    def dsns(self) -> dict[DatabaseRole, str]:
        """Connection strings of the roles whose passwords are here."""
        return {role: dsn_as(self.url, user=role, password=secret) for role, secret in self.passwords.items()}

    def admin_dsn(self, database: str = MAINTENANCE_DATABASE) -> str:
        """Return the administrator's connection string.

        Raises:
            UnsafeSettings: the administrator or the password is not known here.
        """
        user = unquote(urlsplit(self.url).username or "")
        if not user or self.admin_password is None:
            raise UnsafeSettings("the administrator of the database is not known: database_url, admin_password_file")
        return dsn_as(self.url, user=user, password=self.admin_password, database=database)


@contextlib.contextmanager
def database_access(settings: Settings) -> Iterator[Access]:
    """Give access to the configured server, or start the embedded one and stop it when the last user leaves."""
    if settings.database_url is not None:
        url = settings.database_url.get_secret_value()
        in_url = unquote(urlsplit(url).password or "") or None
        file = settings.admin_password_file
        yield Access(url, _passwords(settings), in_url if file is None else read_secret(file))
        return
    with Server(settings.data_dir / "postgres") as server:
        yield Access(server.dsn(database="nrm"), _passwords(settings), server.password)


async def prepare(access: Access) -> None:
    """Create what is missing and bring the schema to the newest version: all that `nrm migrate` does."""
    await bootstrap(access)
    await migrate(access.dsns[DatabaseRole.OWNER])


async def bootstrap(access: Access) -> None:
    """Create the roles and the database, set passwords and limits, and take everybody else's rights away.

    Raises:
        UnsafeRole: a role exists with rights that it must not have.
        ServerTooOld: the server is older than version 15.
        KeyError: the password of a role is missing.
    """
    connection = await asyncpg.connect(access.admin_dsn())
    try:
        if connection.get_server_version().major < MINIMUM_VERSION:
            raise ServerTooOld(f"PostgreSQL {MINIMUM_VERSION} or newer is needed")
        # Two set-ups at once would trip over each other's CREATE; the lock goes with the connection.
        await connection.execute("SELECT pg_advisory_lock(hashtext('nrm bootstrap'))")
        for role in DatabaseRole:
            await _ensure_role(connection, role, access.passwords[role])
        await _ensure_database(connection, access.database)
    finally:
        await connection.close()
    await close_to_others(access)


async def create_database(connection: "asyncpg.Connection[asyncpg.Record]", name: str, *, template: str) -> None:
    """Create a database of the owner from a template that nobody is connected to.

    `STRATEGY wal_log` copies a small template in about 65 ms, `file_copy` in about 310 ms.
    """
    owner, source = DatabaseRole.OWNER, _quoted(template)
    statement = f"CREATE DATABASE {_quoted(name)} OWNER {owner} TEMPLATE {source} STRATEGY wal_log"
    if template == "template0":
        statement += " ENCODING 'UTF8' LC_COLLATE 'C' LC_CTYPE 'C.UTF-8'"
        if connection.get_server_version().major >= BUILTIN_LOCALE_SINCE:
            statement += " LOCALE_PROVIDER builtin BUILTIN_LOCALE 'C.UTF-8'"
    await connection.execute(statement)


async def close_to_others(access: Access) -> None:
    """Leave connecting and looking up to our roles, and creating anything to the owner.

    The rights on a database are not copied from its template, so each copy needs this too.
    """
    roles = ", ".join(role for role in DatabaseRole if role is not DatabaseRole.OWNER)
    name = _quoted(access.database)
    connection = await asyncpg.connect(access.dsns[DatabaseRole.OWNER])
    try:
        await connection.execute(f"""
            REVOKE ALL ON DATABASE {name} FROM PUBLIC;
            GRANT CONNECT ON DATABASE {name} TO {roles};
            REVOKE ALL ON SCHEMA public FROM PUBLIC;
            GRANT USAGE ON SCHEMA public TO {roles};
            ALTER DEFAULT PRIVILEGES REVOKE EXECUTE ON FUNCTIONS FROM PUBLIC;
        """)
    finally:
        await connection.close()


async def migrate(owner_dsn: str) -> None:
    """Bring the schema to the newest version, as its owner."""
    # Alembic's environment runs an event loop of its own, so it gets a thread of its own.
    await asyncio.to_thread(command.upgrade, alembic_config(owner_dsn), "head")


def alembic_config(owner_dsn: str) -> Config:
    """Return Alembic's configuration for one database; the address is passed in, never read from a file."""
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
    config.attributes["dsn"] = sqlalchemy_url(owner_dsn)
    return config


def scram_verifier(password: str, salt: bytes, iterations: int = ITERATIONS) -> str:
    """Return what PostgreSQL stores of a password.

    Args:
        password: ASCII, so that SASLprep changes nothing.
        salt: 16 random bytes.
        iterations: Of PBKDF2.

    Raises:
        UnicodeEncodeError: the password is not ASCII.

    Source: RFC 5803, section 3; RFC 7677.
    """
    salted = hashlib.pbkdf2_hmac("sha256", password.encode("ascii"), salt, iterations)
    stored = hashlib.sha256(hmac.digest(salted, b"Client Key", "sha256")).digest()
    server = hmac.digest(salted, b"Server Key", "sha256")
    encoded = [base64.b64encode(part).decode() for part in (salt, stored, server)]
    return f"SCRAM-SHA-256${iterations}:{encoded[0]}${encoded[1]}:{encoded[2]}"


async def _ensure_role(connection: "asyncpg.Connection[asyncpg.Record]", role: DatabaseRole, password: str) -> None:
    rights = await connection.fetchrow(
        "SELECT rolsuper, rolbypassrls, rolcreaterole, rolcreatedb, rolreplication FROM pg_roles WHERE rolname = $1",
        role,
    )
    if rights is None:
        await connection.execute(f"CREATE ROLE {role} {ATTRIBUTES}")
    elif any(rights.values()):
        raise UnsafeRole(f"{role} has {', '.join(name for name, has in rights.items() if has)}: remove it first")
    verifier = scram_verifier(password, secrets.token_bytes(16))
    await connection.execute(f"ALTER ROLE {role} LOGIN PASSWORD '{verifier}'")
    limits = {"search_path": "public, pg_temp", "idle_in_transaction_session_timeout": "30s", **TIME_LIMITS[role]}
    for name, value in limits.items():
        literal = value if name == "search_path" else f"'{value}'"
        await connection.execute(f"ALTER ROLE {role} SET {name} = {literal}")


async def _ensure_database(connection: "asyncpg.Connection[asyncpg.Record]", name: str) -> None:
    if await connection.fetchval("SELECT 1 FROM pg_database WHERE datname = $1", name):
        return
    if not await connection.fetchval("SELECT rolsuper FROM pg_roles WHERE rolname = current_user"):
        # Only a member may give a database to a role; making a role does not make one a full member of it.
        await connection.execute(f"GRANT {DatabaseRole.OWNER} TO CURRENT_USER")
    await create_database(connection, name, template="template0")


def _passwords(settings: Settings) -> dict[DatabaseRole, str]:
    """Read the passwords from their files; development without any file makes its own and keeps them."""
    files = settings.password_files()
    if files or settings.environment == "production":
        return {role: read_secret(path) for role, path in files.items()}
    return kept_passwords(settings.data_dir / "passwords.json")


def kept_passwords(path: Path) -> dict[DatabaseRole, str]:
    """Return development's passwords, random ones made at the first call; only we can read the file."""
    path.parent.mkdir(mode=0o711, parents=True, exist_ok=True)  # the server's account passes through it
    made = {role.value: secrets.token_urlsafe(32) for role in DatabaseRole}
    _kept(path, made)
    kept = json.loads(path.read_text())
    if missing := made.keys() - kept.keys():  # passwords of a version that had fewer roles
        path.unlink()
        _kept(path, kept | {role: made[role] for role in missing})
    return {DatabaseRole(role): secret for role, secret in json.loads(path.read_text()).items()}


def _kept(path: Path, passwords: Mapping[str, str]) -> None:
    """Write the passwords, unless another process has written them: the first wins, and both read the same."""
    unfinished = path.with_name(f"{path.name}.{secrets.token_hex(8)}")
    with os.fdopen(os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as stream:
        json.dump(passwords, stream)
    with contextlib.suppress(FileExistsError):
        os.link(unfinished, path)
    unfinished.unlink()


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'
