"""What a running process holds: settings, database, keys, tokens, procedures."""

import functools
import json
import secrets
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from tempfile import TemporaryDirectory

from sqlalchemy.ext.asyncio import AsyncSession

from api.database import Database, Pool
from api.settings import DatabaseRole, Settings
from auth.tokens import TokenVerifier, generate_key_pair
from domain.clock import Clock
from domain.identifiers import Identifiers
from domain.sealing.providers import FileProvider, KeyProvider
from domain.unit_of_work import UnitOfWork
from domain.workflow.catalogue import Catalogue

SOPS = Path(__file__).parent.parent / "sops"


@dataclass(frozen=True)
class Runtime:
    """Made once at the start; everything else asks it."""

    settings: Settings
    database: Database
    keys: KeyProvider
    verifier: TokenVerifier
    catalogue: Catalogue
    clock: Clock = field(default_factory=Clock)
    ids: Identifiers = field(default_factory=Identifiers)

    def work(self, session: AsyncSession, now: datetime) -> UnitOfWork:
        """Return the unit of work of a transaction whose context is set; `now` is the database's present."""
        return UnitOfWork(session, now=now, ids=self.ids, keys=self.keys, catalogue=self.catalogue)


@functools.cache
def published() -> Catalogue:
    """Return the published country packages; a process reads them once, since they never change while it runs."""
    return Catalogue.load(SOPS)


def build(settings: Settings, dsns: dict[DatabaseRole, str]) -> Runtime:
    """Put a runtime together from settings.

    Raises:
        FileNotFoundError, ValueError: a key file is missing or unsafe.
    """
    public_keys = json.loads(settings.token_public_keys_path.read_text(encoding="ascii"))
    return Runtime(
        settings=settings,
        database=Database(dsns, pool=Pool(settings.pool_size, settings.pool_wait)),
        keys=FileProvider(settings.key_path, secrets.token_bytes),
        verifier=TokenVerifier(public_keys, settings.token_issuer, settings.token_audience),
        catalogue=published(),
        clock=Clock(settings.clock_shift),
    )


def for_worker(settings: Settings, dsns: dict[DatabaseRole, str]) -> Runtime:
    """Put the worker's runtime together: it has no key that opens anything, and needs none."""
    database = Database(dsns, pool=Pool(settings.pool_size, settings.pool_wait))
    return replace(offline(), settings=settings, database=database, clock=Clock(settings.clock_shift))


def offline() -> Runtime:
    """Return a runtime that reaches no database and holds keys of its own: enough to describe the API."""
    settings = Settings()
    private_pem, public_pem = generate_key_pair()
    del private_pem
    with TemporaryDirectory() as folder:
        keys = FileProvider.create(Path(folder) / "keys.json", secrets.token_bytes)
    verifier = TokenVerifier({"offline": public_pem}, settings.token_issuer, settings.token_audience)
    return Runtime(settings, Database({}), keys, verifier, published())
