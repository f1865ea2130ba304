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
from api.metrics import Metrics
from api.settings import DatabaseRole, Settings, UnsafeSettings, read_secret
from auth.tokens import TokenVerifier, generate_key_pair
from domain.clock import Clock
from domain.duplicates.matching import Matching
from domain.identifiers import Identifiers
from domain.sealing.providers import FileProvider, KeyProvider
from domain.unit_of_work import UnitOfWork
from domain.webhooks.rules import Allowed
from domain.webhooks.signing import SHORTEST_KEY
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
    webhook_key: bytes | None = field(default=None, repr=False)
    metrics: Metrics = field(default_factory=Metrics)
    matching: Matching = field(default_factory=Matching, repr=False)

    @property
    def allowed(self) -> Allowed:
        """Where events may be sent."""
        return self.settings.allowed

    def work(self, session: AsyncSession, now: datetime) -> UnitOfWork:
        """Return the unit of work of a transaction whose context is set; `now` is the database's present."""
        return UnitOfWork(
            session,
            now=now,
            ids=self.ids,
            keys=self.keys,
            catalogue=self.catalogue,
            appended=self.metrics.audit_entries.inc,
        )


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
        webhook_key=_webhook_key(settings),
    )


def for_worker(settings: Settings, dsns: dict[DatabaseRole, str]) -> Runtime:
    """Put the worker's runtime together: it has no key that opens anything, only the one that signs webhooks."""
    database = Database(dsns, pool=Pool(settings.pool_size, settings.pool_wait))
    clock, key = Clock(settings.clock_shift), _webhook_key(settings)
    return replace(offline(), settings=settings, database=database, clock=clock, webhook_key=key)


def _webhook_key(settings: Settings) -> bytes | None:
    """Return the webhook key, or None where events are sent nowhere.

    Raises:
        UnsafeSettings: the file cannot be read, or its key is too short.
    """
    if not settings.allowed.hosts:
        return None
    key = read_secret(settings.webhook_key_path).encode("ascii")
    if len(key) < SHORTEST_KEY:
        raise UnsafeSettings(f"the webhook key is shorter than {SHORTEST_KEY} characters")
    return key


def offline() -> Runtime:
    """Return a runtime that reaches no database and holds keys of its own: enough to describe the API."""
    settings = Settings()
    private_pem, public_pem = generate_key_pair()
    del private_pem
    with TemporaryDirectory() as folder:
        keys = FileProvider.create(Path(folder) / "keys.json", secrets.token_bytes)
    verifier = TokenVerifier({"offline": public_pem}, settings.token_issuer, settings.token_audience)
    return Runtime(settings, Database({}), keys, verifier, published())
