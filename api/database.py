"""Connections to PostgreSQL: one small pool for each database role, and what counts as the database being away."""

import functools
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import quote, urlencode, urlsplit, urlunsplit

import asyncpg
from sqlalchemy import event, exc, text
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession, async_sessionmaker, create_async_engine

from api.settings import DatabaseRole
from auth.authentication import AwaitsLedger

COMMAND_TIMEOUT: Final = 310.0
"""Seconds after which a silent network is given up; the server's own limits for each role are shorter."""

RETRIED_LATER: Final = ("08", "53", "57P", "57014", "55P03", "40001", "40P01", "25P03", "25006", "NRK01")
"""SQLSTATEs, or how they begin, of what passes by itself: no connection, no resources, shutting down, a time limit, a
lock not had, a clash of transactions, a server that became a standby (source: PostgreSQL 18, appendix A); and ours, of
a process that still wraps under a key that was retired meanwhile (migration 0012)."""


WAITED_IN_A_CIRCLE: Final = "40P01"
"""SQLSTATE of a transaction that was ended because several waited for one another: nothing of it has happened."""


@dataclass(frozen=True)
class Pool:
    """How many connections, and how long to wait for a free one.

    Args:
        size: Connections at most; small on purpose: a pool as large as the clients made the slowest answers slower.
        wait: Seconds to wait for a connection before `sqlalchemy.exc.TimeoutError`, which is answered with 503.
        connect: Seconds to wait for a new connection, likewise.
    """

    size: int = 6
    wait: float = 2.0
    connect: float = 5.0


class Database:
    """The database as the roles see it that this process may log in as.

    Args:
        dsns: Connection strings of those roles.
        pool: Size and patience of each role's pool.
    """

    def __init__(self, dsns: Mapping[DatabaseRole, str], *, pool: Pool | None = None) -> None:
        self._dsns = dict(dsns)
        self._pool = pool or Pool()
        self._engines: dict[DatabaseRole, AsyncEngine] = {}
        self._sessions: dict[DatabaseRole, async_sessionmaker[AsyncSession]] = {}

    @property
    def dsns(self) -> dict[DatabaseRole, str]:
        """The connection strings, for another pool of the same process."""
        return dict(self._dsns)

    def opened(self) -> dict[DatabaseRole, AsyncEngine]:
        """Return the engines that were used so far."""
        return dict(self._engines)

    def engine(self, role: DatabaseRole = DatabaseRole.APPLICATION) -> AsyncEngine:
        """Return the role's engine, made on first use.

        Raises:
            KeyError: this process has no password of the role.
        """
        if role not in self._engines:
            self._engines[role] = engine_for(self._dsns[role], name=role.value, pool=self._pool)
        return self._engines[role]

    def sessions(self, role: DatabaseRole = DatabaseRole.APPLICATION) -> async_sessionmaker[AsyncSession]:
        """Return what makes sessions of the role; rows stay readable after a commit.

        Made once: it makes a class, which takes longer than a session does.
        """
        if role not in self._sessions:
            self._sessions[role] = async_sessionmaker(self.engine(role), class_=AsyncSession, expire_on_commit=False)
        return self._sessions[role]

    async def answers(self, role: DatabaseRole = DatabaseRole.APPLICATION) -> bool:
        """Tell whether the database answers the role now; for the readiness check."""
        try:
            async with self.engine(role).connect() as connection:
                await connection.execute(text("SELECT 1"))
        except Exception as error:
            if is_unavailable(error):
                return False
            raise
        return True

    async def close(self) -> None:
        """Close every connection."""
        for engine in self._engines.values():
            await engine.dispose()
        self._engines.clear()
        self._sessions.clear()


def engine_for(dsn: str, *, name: str, pool: Pool | None = None) -> AsyncEngine:
    """Return an engine that never tells its password or a statement's parameters.

    A connection that the server has closed is noticed when it is taken from the pool, from the state that the event
    loop has already set: no round trip for each request, as a ping costs, and no error after a restart of the server.
    """
    pool = pool or Pool()
    engine = create_async_engine(
        "postgresql+asyncpg://",
        async_creator=functools.partial(_connect, dsn, name, pool.connect),
        pool_size=pool.size,
        max_overflow=0,
        pool_timeout=pool.wait,
        pool_use_lifo=True,
        hide_parameters=True,
    )
    event.listen(engine.sync_engine, "checkout", _refuse_closed)
    return engine


def is_unavailable(error: BaseException) -> bool:
    """Tell whether an error means that the database cannot serve now, so that the caller should come back (503)."""
    if isinstance(error, exc.DBAPIError):
        return error.connection_invalidated or (error.orig is not None and is_unavailable(error.orig))
    if isinstance(error, AwaitsLedger):
        return True
    if isinstance(error, exc.TimeoutError | OSError | asyncpg.InterfaceError | asyncpg.TargetServerAttributeNotMatched):
        return True
    state = getattr(error, "sqlstate", None)
    return isinstance(state, str) and state.startswith(RETRIED_LATER)


def was_ended_for_others(error: exc.DBAPIError) -> bool:
    """Tell whether the database undid a transaction to let others go on, so that it may be begun again at once."""
    return getattr(error.orig, "sqlstate", None) == WAITED_IN_A_CIRCLE


def dsn_as(url: str, *, user: str, password: str, database: str | None = None) -> str:
    """Return a connection string for another user, and for another database if one is named."""
    parts = urlsplit(url)
    hosts = parts.netloc.rpartition("@")[2]
    login = f"{quote(user, safe='')}:{quote(password, safe='')}"
    path = parts.path if database is None else f"/{quote(database, safe='')}"
    return urlunsplit(("postgresql", f"{login}@{hosts}", path, parts.query, ""))


def sqlalchemy_url(dsn: str) -> str:
    """Return the DSN as a URL for SQLAlchemy that hands it to the driver whole: hosts, sockets and TLS included."""
    return f"postgresql+asyncpg://?{urlencode({'dsn': dsn})}"


async def _connect(dsn: str, name: str, wait: float, **options: Any) -> "asyncpg.Connection[asyncpg.Record]":
    return await asyncpg.connect(
        dsn,
        timeout=wait,
        command_timeout=COMMAND_TIMEOUT,
        server_settings={"application_name": name, "timezone": "UTC", "jit": "off"},
        **options,
    )


def _refuse_closed(connection: Any, _record: object, _proxy: object) -> None:
    """Make the pool replace a connection that the server has closed, and every other one from before."""
    if connection.driver_connection.is_closed():
        raise exc.InvalidatePoolError
