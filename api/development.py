"""What development makes for itself: keys for sealing and for tokens. Production gets both from outside."""

import json
import os
import secrets
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from api.settings import Settings
from auth.tokens import TokenIssuer, generate_key_pair
from domain.audit.notes import KeyKind, SigningKey
from domain.clock import Clock
from domain.codes import Role
from domain.identifiers import Identifiers
from domain.sealing.providers import FileProvider
from domain.webhooks.signing import SHORTEST_KEY

KEY_ID = "development"
ORIGIN = "development.invalid/nrm"
"""The name of development's log: nobody can take it for a real one."""

LIFETIME = timedelta(hours=8)


def ensure_keys(settings: Settings) -> None:
    """Make the key file and a pair of token keys if they are absent; what settings name is somebody else's to make.

    Raises:
        RuntimeError: this is production.
    """
    if settings.environment == "production":
        raise RuntimeError("production gets its keys from outside")
    if settings.key_file is None and not settings.key_path.exists():
        settings.data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
        FileProvider.create(settings.key_path, secrets.token_bytes)
    if settings.allowed.hosts and settings.webhook_key_file is None and not settings.webhook_key_path.exists():
        _write_secret(settings.webhook_key_path, secrets.token_urlsafe(SHORTEST_KEY))
    if settings.audit_key_file is None and not settings.audit_key_path.exists():
        made = SigningKey.make(ORIGIN, KeyKind.LOG, secrets.token_bytes)
        _write_secret(settings.audit_key_path, made.line)
    if settings.release_key_file is None and not settings.release_key_path.exists():
        made = SigningKey.make(ORIGIN, KeyKind.RELEASE, secrets.token_bytes)
        _write_secret(settings.release_key_path, made.line)
    private = private_key_path(settings)
    if settings.token_public_keys_file is None and not private.exists():
        settings.data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
        private_pem, public_pem = generate_key_pair()
        settings.token_public_keys_path.write_text(json.dumps({KEY_ID: public_pem}), encoding="ascii")
        _write_secret(private, private_pem)


def _write_secret(path: Path, text: str) -> None:
    """Write a new file that its owner alone reads."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="ascii") as stream:
        stream.write(text)


def private_key_path(settings: Settings) -> Path:
    """Return where the issuer's private key lies."""
    return settings.data_dir / "token-private-key.pem"


@dataclass(frozen=True)
class LocalIssuer:
    """Issues tokens for a rehearsal or a small installation without an identity provider."""

    issuer: TokenIssuer
    clock: Clock
    ids: Identifiers

    @classmethod
    def of(cls, settings: Settings) -> "LocalIssuer":
        """Return the issuer of this installation.

        Raises:
            FileNotFoundError: it has no private key.
        """
        private_pem = private_key_path(settings).read_text(encoding="ascii")
        issuer = TokenIssuer(private_pem, KEY_ID, settings.token_issuer, settings.token_audience)
        return cls(issuer, Clock(settings.clock_shift), Identifiers())

    def token(self, subject: str, organisation: str, role: Role) -> str:
        """Return an access token for eight hours."""
        return self.issuer.issue(
            subject=subject,
            organisation=organisation,
            role=role,
            lifetime=LIFETIME,
            now=self.clock.present(),
            token_id=str(self.ids.uuid()),
        )
