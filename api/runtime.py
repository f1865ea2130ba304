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
from api.second_sink import FileSink, SocketSink
from api.settings import DatabaseRole, Settings, UnsafeSettings, read_secret
from auth.tokens import TokenVerifier, generate_key_pair
from domain.audit.notes import KeyKind, NoteRefused, PublicKey, SigningKey
from domain.audit.sink import Sink
from domain.clock import Clock
from domain.duplicates.matching import Matching
from domain.identifiers import Identifiers
from domain.sealing.keeper import FileSource, Keeper
from domain.sealing.pkcs11 import TokenPlace, TokenSource
from domain.sealing.providers import FileProvider, KeyProvider
from domain.sealing.shares import SharesSource
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
    sink: Sink | None = None
    audit_key: SigningKey | None = None
    witnesses: tuple[PublicKey, ...] = ()
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
            sink=self.sink,
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
        keys=keeper_of(settings),
        verifier=TokenVerifier(public_keys, settings.token_issuer, settings.token_audience),
        catalogue=published().with_budgets_times(settings.budget_factor),
        clock=Clock(settings.clock_shift),
        webhook_key=_webhook_key(settings),
        sink=sink_of(settings),
        witnesses=witnesses_of(settings),
    )


def keeper_of(settings: Settings) -> Keeper:
    """Return the keeper of the installation's keys, sealed until they are first needed or custodians have opened it.

    Raises:
        UnsafeSettings: the settings do not say where the keys are.
    """
    if settings.key_provider == "file":
        keeper = Keeper(FileSource(settings.key_path, secrets.token_bytes))
        keeper.unseal()
        return keeper
    if settings.key_provider == "shares":
        return Keeper(SharesSource(settings.key_path, secrets.token_bytes))
    return Keeper(TokenSource(token_place(settings), secrets.token_bytes))


def token_place(settings: Settings) -> TokenPlace:
    """Return where the token of the provider `pkcs11` is.

    Raises:
        UnsafeSettings: the settings do not say it.
    """
    module, label, pin = settings.pkcs11_module, settings.pkcs11_token, settings.pkcs11_pin_file
    if module is None or label is None or pin is None:
        raise UnsafeSettings("the key provider `pkcs11` needs pkcs11_module, pkcs11_token and pkcs11_pin_file")
    return TokenPlace(module, label, functools.partial(read_secret, pin))


def for_worker(settings: Settings, dsns: dict[DatabaseRole, str]) -> Runtime:
    """Put the worker's runtime together: no key of it opens anything; they sign webhooks and checkpoints."""
    database = Database(dsns, pool=Pool(settings.pool_size, settings.pool_wait))
    clock, key = Clock(settings.clock_shift), _webhook_key(settings)
    made = replace(offline(), settings=settings, database=database, clock=clock, webhook_key=key)
    return replace(made, audit_key=_audit_key(settings), witnesses=witnesses_of(settings))


def _audit_key(settings: Settings) -> SigningKey | None:
    """Return the key that signs checkpoints, or None where development has none.

    Raises:
        UnsafeSettings: the file cannot be read, or holds no such key.
    """
    if settings.audit_key_file is None and not settings.audit_key_path.exists():
        return None
    return _signing_key(settings.audit_key_path, KeyKind.LOG)


def release_key(settings: Settings) -> SigningKey:
    """Return the key that signs releases: read when one is published, by no process that serves.

    Raises:
        UnsafeSettings: production names no file, or it cannot be read, or holds no such key.
    """
    if settings.environment == "production" and settings.release_key_file is None:
        raise UnsafeSettings("release_key_file is missing: nobody could sign a release")
    return _signing_key(settings.release_key_path, KeyKind.RELEASE)


def _signing_key(path: Path, kind: KeyKind) -> SigningKey:
    try:
        return SigningKey.read(read_secret(path), kind)
    except NoteRefused as refused:
        raise UnsafeSettings(f"the secret file {path}: {refused}") from None


def witnesses_of(settings: Settings) -> tuple[PublicKey, ...]:
    """Return the public keys of the witnesses.

    Raises:
        UnsafeSettings: the file cannot be read, or a line of it is no such key.
    """
    if settings.audit_witnesses_file is None:
        return ()
    try:
        lines = settings.audit_witnesses_file.read_text(encoding="ascii").splitlines()
        return tuple(PublicKey.read(line, KeyKind.WITNESS) for line in lines if line.strip())
    except (OSError, UnicodeDecodeError, NoteRefused):
        raise UnsafeSettings(f"{settings.audit_witnesses_file} does not hold public keys of witnesses") from None


def sink_of(settings: Settings) -> Sink | None:
    """Return the second sink of the settings, or None where development has none."""
    kind, _, place = (settings.audit_sink or "").partition(":")
    if not place:
        return None
    return FileSink(Path(place)) if kind == "file" else SocketSink(Path(place))


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
