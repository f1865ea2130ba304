"""A fictional country in a clean database, and everybody in it with a client. Real PostgreSQL, real roles."""

import secrets
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import timedelta
from itertools import count
from pathlib import Path
from typing import Any

import httpx
from fastapi import FastAPI

from api import directory, worker
from api.app import create_app
from api.bootstrap import Access
from api.database import Database, Pool
from api.runtime import SOPS, Runtime
from api.settings import DatabaseRole, Settings
from auth.tokens import TokenIssuer, TokenVerifier, generate_key_pair
from domain.audit.notes import KeyKind, SigningKey
from domain.clock import Clock
from domain.codes import Role
from domain.sealing.providers import FileProvider
from domain.workflow.catalogue import Catalogue
from tests.documents import carried
from tests.patience import patient

CATALOGUE = Catalogue.load(SOPS)
UNSTINTED = CATALOGUE.with_budgets_times(1_000_000)
"""Tests of something else open and try more in a minute than people in a month."""

DIRECTORY = directory.read(Path(directory.__file__).parent / "fictional" / "directory.yaml")
PRIVATE_PEM, PUBLIC_PEM = generate_key_pair()
AUDIT_KEY = SigningKey.make("nrm.test/log", KeyKind.LOG, secrets.token_bytes)
WITNESS_KEY = SigningKey.make("ombudsman.test/witness", KeyKind.WITNESS, secrets.token_bytes)
ISSUER = TokenIssuer(PRIVATE_PEM, "test", "nrm-development", "nrm")

UNHURRIED: dict[str, Any] = {"requests_per_minute": 1_000_000, "requests_per_minute_and_address": 10_000_000}
"""Tests ask faster than people."""

STAFF: dict[str, tuple[str, str, Role]] = {
    "hotline": ("hotline-operator", "HOTLINE", Role.HOTLINE_OPERATOR),
    "alpha": ("caseworker-alpha", "NGO-ALPHA", Role.NGO_CASEWORKER),
    "alpha2": ("second-caseworker-alpha", "NGO-ALPHA", Role.NGO_CASEWORKER),
    "beta": ("caseworker-beta", "NGO-BETA", Role.NGO_CASEWORKER),
    "north": ("shelter-worker-north", "SHELTER-NORTH", Role.SHELTER_STAFF),
    "south": ("shelter-worker-south", "SHELTER-SOUTH", Role.SHELTER_STAFF),
    "police": ("police-officer", "POLICE", Role.POLICE_OFFICER),
    "migration": ("migration-officer", "MIGRATION", Role.MIGRATION_OFFICER),
    "focal": ("focal-point", "MIGRATION", Role.FOCAL_POINT),
    "guardian": ("guardianship-officer", "GUARDIANS", Role.SHELTER_STAFF),
    "coordinator": ("coordinator", "COORDINATION", Role.COORDINATOR),
    "monitor": ("monitoring-officer", "MONITORING", Role.MONITORING_STAFF),
}
"""Short names of the people in the tests: subject, organisation, role."""


def token_of(who: str, runtime: Runtime, lifetime: timedelta = timedelta(hours=1)) -> str:
    """Return an access token for one of STAFF."""
    subject, organisation, role = STAFF[who]
    return ISSUER.issue(
        subject=subject,
        organisation=organisation,
        role=role,
        lifetime=lifetime,
        now=runtime.clock.present(),
        token_id=secrets.token_hex(8),
    )


@dataclass
class World:
    """Everybody's clients on one application over one database."""

    runtime: Runtime
    access: Access
    app: FastAPI
    numbers: Callable[[], int] = field(default_factory=lambda: count(1).__next__)

    def day(self, later: int = 0) -> str:
        """Return the day so many days from now, as it is in the country: near midnight another one than in UTC."""
        today = CATALOGUE.calendar("KG").day_of(self.runtime.clock.present())
        return str(today + timedelta(days=later))

    def night(self) -> "World":
        """Return the same world at half past two at night in Bishkek, when it is still the day before in UTC."""
        now = self.runtime.clock.present()
        return self.later(now.replace(hour=20, minute=30) + timedelta(days=1) - now)

    def client(self, who: str) -> httpx.AsyncClient:
        """Return a client of one of STAFF; requests are unique unless they name an Idempotency-Key."""
        return httpx.AsyncClient(
            transport=httpx.ASGITransport(app=self.app, raise_app_exceptions=False),
            base_url="http://nrm.test",
            headers={"Authorization": f"Bearer {token_of(who, self.runtime)}", "Accept-Language": "en"},
        )

    async def ask(
        self,
        who: str,
        method: str,
        path: str,
        body: Any = None,
        *,
        version: int | str | None = None,
        key: str | None = None,
        headers: dict[str, str] | None = None,
    ) -> httpx.Response:
        """Send one request to `/v1` + path as somebody."""
        sent = dict(headers or {})
        if method != "GET":
            sent.setdefault("Idempotency-Key", key or f"test-{self.numbers():08}")
        if version is not None:
            sent["If-Match"] = f'"{version}"'
        async with self.client(who) as client:
            return await client.request(method, "/v1" + path, **carried(body, sent))

    async def get(self, who: str, path: str, expect: int = 200) -> Any:
        """Get and return the body; the status is checked."""
        response = await self.ask(who, "GET", path)
        assert response.status_code == expect, (path, response.status_code, response.text)
        return response.json()

    async def post(
        self, who: str, path: str, body: Any = None, *, version: int | str | None = None, expect: int | None = None
    ) -> Any:
        """Post and return the body, if there is one; the status is checked."""
        response = await self.ask(who, "POST", path, body, version=version)
        good = response.is_success if expect is None else response.status_code == expect
        assert good, (path, response.status_code, response.text)
        return response.json() if response.content else None

    async def version(self, who: str, path: str) -> int:
        """Return the present version of a case or a referral."""
        response = await self.ask(who, "GET", path)
        assert response.status_code == 200, (path, response.text)
        return int(response.headers["etag"].strip('"'))

    async def act(self, who: str, referral: str, act: str, body: Any = None, *, expect: int | None = None) -> Any:
        """Do one act on a referral in its present version."""
        version = await self.version(who, f"/referrals/{referral}")
        return await self.post(who, f"/referrals/{referral}/{act}", body, version=version, expect=expect)

    def later(self, by: timedelta) -> "World":
        """Return the same world on a later day."""
        runtime = replace(self.runtime, clock=Clock(self.runtime.clock.shift + by))
        return World(runtime, self.access, create_app(runtime), self.numbers)

    def with_budgets(self) -> "World":
        """Return the same world with the budgets of the country's data."""
        runtime = replace(self.runtime, catalogue=CATALOGUE)
        return World(runtime, self.access, create_app(runtime), self.numbers)

    async def work_off(self) -> int:
        """Let the worker fire all that is due now."""
        return await worker.fire_all(self.runtime)


@asynccontextmanager
async def new_world(access: Access, folder: Path, pool: Pool | None = None) -> AsyncIterator[World]:
    """Yield a world over a clean, migrated database."""
    hosts = "127.0.0.1, receiver.example"
    settings = Settings(data_dir=folder, default_language="en", webhook_hosts=hosts, **UNHURRIED)
    database = Database(access.dsns, pool=pool or patient())
    keys = FileProvider.create(folder / f"keys-{access.database}.json", secrets.token_bytes)
    verifier = TokenVerifier({"test": PUBLIC_PEM}, settings.token_issuer, settings.token_audience)
    runtime = Runtime(
        settings,
        database,
        keys,
        verifier,
        UNSTINTED,
        webhook_key=secrets.token_bytes(32),
        audit_key=AUDIT_KEY,
        witnesses=(WITNESS_KEY.public,),
    )
    async with database.sessions(DatabaseRole.OWNER)() as session:
        await directory.load(DIRECTORY, session, runtime)
    try:
        yield World(runtime, access, create_app(runtime))
    finally:
        await database.close()
