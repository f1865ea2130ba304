"""Settings: the only reader of the environment. Every name starts with `NRM_`; `docs/operations.md` has the table.

A secret is never a setting: settings name the files that hold secrets. In production an unsafe value is refused at the
start, all of them in one message, and the message quotes no value.
"""

import ipaddress
import os
import re
import stat
from collections.abc import Mapping
from datetime import timedelta
from enum import StrEnum
from pathlib import Path
from typing import Final, Literal, Self
from urllib.parse import SplitResult, parse_qs, urlsplit

from pydantic import Field, SecretStr, field_validator, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from domain.codes import Language
from domain.webhooks.rules import HOST, Allowed

PREFIX: Final = "NRM_"

DEVELOPMENT_ISSUER: Final = "nrm-development"

SHORTEST_SECRET: Final = 16
"""Characters of the shortest password that production takes."""


FEWEST_CHARACTERS: Final = 8
"""Different characters in a password: sixteen equal ones, or a short word twice, nobody drew at random."""

OPEN_TO_OTHERS: Final = stat.S_IRWXO | stat.S_IWGRP


class DatabaseRole(StrEnum):
    """The login roles of the database; each part of the service uses one."""

    OWNER = "nrm_owner"
    APPLICATION = "nrm_application"
    WORKER = "nrm_worker"
    STATISTICS = "nrm_statistics"
    ROTATOR = "nrm_rotator"


class UnsafeSettings(ValueError):
    """Settings that must not run; the message names settings, never their values."""


class Settings(BaseSettings):
    """How this process runs. Closed and frozen; read once at the start."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX, env_ignore_empty=True, extra="forbid", frozen=True, hide_input_in_errors=True
    )

    environment: Literal["development", "production"] = Field(
        "development", description="`production` refuses everything unsafe."
    )
    debug: bool = Field(default=False, description="Details for developers in logs; refused in production.")
    data_dir: Path = Field(
        Path(".nrm"), description="Where development keeps its database, passwords and keys; made if absent."
    )
    host: str = Field("127.0.0.1", description="Address to listen on.")
    port: int = Field(8000, ge=1, le=65535, description="Port to listen on.")
    behind_tls_proxy: bool = Field(
        default=False, description="A proxy in front ends TLS; without it production listens on loopback only."
    )
    clock_shift: timedelta = Field(
        timedelta(0), description="Lets a rehearsal live on another day, as `P3D`; refused in production."
    )
    log_level: Literal["debug", "info", "warning", "error"] = Field("info", description="Least severe line to log.")
    default_language: Language = Field(
        Language.RUSSIAN, description="Language of texts when the caller asks for none that we have."
    )
    body_limit: int = Field(262_144, ge=1024, le=8_388_608, description="Longest request body, bytes.")
    upload_limit: int = Field(10_485_760, ge=1024, le=16_777_216, description="Longest attachment as it comes, bytes.")
    requests_per_minute: int = Field(
        600, ge=10, le=1_000_000, description="Requests of one access token in a minute, for each process of the API."
    )
    requests_per_minute_and_address: int = Field(
        30_000, ge=10, le=10_000_000, description="Requests from one address in a minute, for each process of the API."
    )

    budget_factor: int = Field(
        1, ge=1, le=1_000_000, description="How much greater budgets are than the country's data say; 1 in production."
    )

    database_url: SecretStr | None = Field(
        None,
        description="A PostgreSQL server of version 15 or newer and the database's name; the user in it is the one "
        "that may create roles and databases. Absent: the embedded server.",
    )
    database_private: bool = Field(
        default=False, description="The way to the database is private, so it may go without verified TLS."
    )
    pool_size: int = Field(6, ge=1, le=50, description="Connections to the database per process and role.")
    pool_wait: float = Field(2.0, gt=0, le=30, description="Seconds to wait for a connection before answering 503.")
    admin_password_file: Path | None = Field(None, description="Password of the user in the database URL.")
    owner_password_file: Path | None = Field(None, description="Password of `nrm_owner`, for migrations.")
    application_password_file: Path | None = Field(None, description="Password of `nrm_application`, for the API.")
    worker_password_file: Path | None = Field(None, description="Password of `nrm_worker`.")
    statistics_password_file: Path | None = Field(None, description="Password of `nrm_statistics`.")
    rotator_password_file: Path | None = Field(None, description="Password of `nrm_rotator`, for `nrm keys`.")

    key_provider: Literal["file", "shares", "pkcs11"] = Field(
        "file",
        description="Who wraps the data keys: a file (for development; production refuses it), a sealed file that a "
        "quorum of custodians opens, or a hardware security module.",
    )
    key_file: Path | None = Field(
        None,
        description="Keys of the provider `file` and, sealed, of `shares`; by default `keys.json` in the data folder.",
    )
    pkcs11_module: Path | None = Field(None, description="Library of the hardware security module.")
    pkcs11_token: str | None = Field(None, min_length=1, max_length=32, description="Label of the token in it.")
    pkcs11_pin_file: Path | None = Field(None, description="PIN of the token's user.")
    control_dir: Path | None = Field(
        None,
        description="Folder of mode 0700 in which each process has the socket that `nrm seal` and `nrm unseal` speak "
        "to; by default `control` in the data folder.",
    )
    token_public_keys_file: Path | None = Field(
        None,
        description="Public keys that access tokens are checked with; in development by default in the data folder.",
    )
    token_issuer: str = Field(DEVELOPMENT_ISSUER, min_length=1, description="Required `iss` of access tokens.")
    token_audience: str = Field("nrm", min_length=1, description="Required `aud` of access tokens, compared exactly.")

    audit_key_file: Path | None = Field(
        None,
        description="Key that signs the checkpoints of the audit (`nrm audit key`), for the worker alone; in "
        "development by default in the data folder.",
    )
    release_key_file: Path | None = Field(
        None,
        description="Key that signs releases of statistics (`nrm statistics key`), for `nrm statistics publish` alone; "
        "in development by default in the data folder.",
    )
    audit_witnesses_file: Path | None = Field(
        None, description="Public keys of the witnesses whose signatures are taken, one a line; none: no witness."
    )
    audit_sink: str | None = Field(
        None,
        pattern=r"^(file|unix):/.+$",
        description="Where what was opened is kept outside the database, before any answer leaves: `file:/path`, or "
        "`unix:/path` of a socket where `nrm audit keep` listens. None: nowhere; production refuses that.",
    )

    webhook_hosts: str | None = Field(
        None, description="Hosts that events may be sent to, with commas between; none: webhooks are off."
    )
    webhook_key_file: Path | None = Field(
        None,
        description="Key that the signing secrets of webhooks are derived from, the same for API and worker; in "
        "development by default in the data folder.",
    )

    metrics_port: int | None = Field(
        None, ge=0, le=65535, description="Port for whoever watches this process; none: nobody can. 0: any free one."
    )
    metrics_host: str = Field("127.0.0.1", description="Address of that port.")
    metrics_private: bool = Field(
        default=False, description="The address of that port is on a private network, so it need not be loopback."
    )

    @field_validator("webhook_hosts")
    @classmethod
    def _webhook_hosts_are_hosts(cls, hosts: str | None) -> str | None:
        if not all(re.fullmatch(HOST, host) for host in _listed(hosts)):
            raise ValueError("must be host names in lower case, with commas between")
        return hosts

    @field_validator("database_url")
    @classmethod
    def _database_url_is_one(cls, url: SecretStr | None) -> SecretStr | None:
        if url is not None:
            parts = urlsplit(url.get_secret_value())
            if parts.scheme not in {"postgresql", "postgres"} or len(parts.path) <= 1:
                raise ValueError("must look like postgresql://user@host:port/database")
        return url

    @model_validator(mode="after")
    def _production_is_safe(self) -> Self:
        if self.environment == "production" and (faults := production_faults(self)):
            raise UnsafeSettings("unsafe in production: " + "; ".join(faults))
        return self

    @property
    def key_path(self) -> Path:
        """The file of the providers `file` and `shares`."""
        return self.key_file or self.data_dir / "keys.json"

    @property
    def control_path(self) -> Path:
        """The folder of the processes' sockets."""
        return self.control_dir or self.data_dir / "control"

    @property
    def token_public_keys_path(self) -> Path:
        """The file of the public keys for access tokens."""
        return self.token_public_keys_file or self.data_dir / "token-public-keys.json"

    @property
    def audit_key_path(self) -> Path:
        """The file of the key that signs checkpoints."""
        return self.audit_key_file or self.data_dir / "audit-key"

    @property
    def release_key_path(self) -> Path:
        """The file of the key that signs releases."""
        return self.release_key_file or self.data_dir / "release-key"

    @property
    def webhook_key_path(self) -> Path:
        """The file of the webhook key."""
        return self.webhook_key_file or self.data_dir / "webhook-key"

    @property
    def allowed(self) -> Allowed:
        """Where events may be sent."""
        return Allowed(frozenset(_listed(self.webhook_hosts)), development=self.environment == "development")

    def password_files(self) -> dict[DatabaseRole, Path]:
        """Return the password file of each role that has one."""
        named = {
            DatabaseRole.OWNER: self.owner_password_file,
            DatabaseRole.APPLICATION: self.application_password_file,
            DatabaseRole.WORKER: self.worker_password_file,
            DatabaseRole.STATISTICS: self.statistics_password_file,
            DatabaseRole.ROTATOR: self.rotator_password_file,
        }
        return {role: path for role, path in named.items() if path is not None}


def load_settings(environment: Mapping[str, str] | None = None) -> Settings:
    """Read the settings from the environment.

    Args:
        environment: Only to look for misspelt names in; the process's own unless told.

    Raises:
        UnsafeSettings: a name starts with `NRM_` but is no setting (a misspelt safety switch must not pass silently).
        pydantic.ValidationError: a value that is malformed, or unsafe in production.
    """
    given = os.environ if environment is None else environment  # noqa: TID251 - this module is the one reader
    known = {f"{PREFIX}{name}".upper() for name in Settings.model_fields}
    unknown = sorted(name for name in given if name.upper().startswith(PREFIX) and name.upper() not in known)
    if unknown:
        raise UnsafeSettings(f"no such setting: {', '.join(unknown)}")
    return Settings()


def read_secret(path: Path) -> str:
    """Return the secret in a file, without the line's end.

    Raises:
        UnsafeSettings: the file is unreadable or holds none; the message names the file only.
    """
    try:
        secret = path.read_text(encoding="ascii").rstrip("\r\n")
    except (OSError, UnicodeDecodeError) as error:
        raise UnsafeSettings(f"the secret file {path} cannot be read as ASCII text") from error
    if not secret or not secret.isprintable():
        raise UnsafeSettings(f"the secret file {path} holds no secret")
    return secret


def production_faults(settings: Settings) -> list[str]:
    """Return everything that keeps these settings from production, in words that quote no value."""
    checks = {
        "debug must be off": settings.debug,
        "clock_shift must be zero": settings.clock_shift != timedelta(0),
        "budget_factor must be 1": settings.budget_factor != 1,
        "host must be loopback unless behind_tls_proxy says that a proxy ends TLS": not settings.behind_tls_proxy
        and not is_loopback(settings.host),
        "key_provider `file` is for development only": settings.key_provider == "file",
        "key_provider `pkcs11` needs pkcs11_module and pkcs11_token": settings.key_provider == "pkcs11"
        and not (settings.pkcs11_module and settings.pkcs11_token),
        "token_public_keys_file is missing": settings.token_public_keys_file is None,
        "token_issuer is the one for development": settings.token_issuer == DEVELOPMENT_ISSUER,
        "no password file of a database role is given": not settings.password_files(),
        "metrics_host must be loopback unless metrics_private says that its network is private": (
            settings.metrics_port is not None
            and not settings.metrics_private
            and not is_loopback(settings.metrics_host)
        ),
        "audit_key_file is missing: nobody would sign the audit": settings.audit_key_file is None,
        "audit_sink is missing: openings would be recorded in the database alone": settings.audit_sink is None,
        "webhook_key_file is missing: webhook_hosts names some": bool(settings.allowed.hosts)
        and settings.webhook_key_file is None,
        "webhook_hosts names an address or this machine": any(
            host == "localhost" or not re.search(r"\.[a-z][a-z0-9-]+$", host) for host in settings.allowed.hosts
        ),
    }
    return [fault for fault, holds in checks.items() if holds] + _database_faults(settings) + _secret_faults(settings)


def is_loopback(host: str) -> bool:
    """Tell whether an address is this machine's own: `localhost`, 127.0.0.0/8 or ::1."""
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return host == "localhost"


def _listed(text: str | None) -> list[str]:
    return [part.strip() for part in (text or "").split(",") if part.strip()]


def _database_faults(settings: Settings) -> list[str]:
    if settings.database_url is None:
        return ["database_url is missing: the embedded server is for development"]
    parts = urlsplit(settings.database_url.get_secret_value())
    faults = []
    if ":" in parts.netloc.rpartition("@")[0]:
        faults.append("database_url holds a password: use admin_password_file")
    if not settings.database_private and not _is_protected(parts):
        faults.append("database_url needs sslmode=verify-full, unless database_private says that the way is private")
    return faults


def _is_protected(url: SplitResult) -> bool:
    """Tell whether the connection is verified TLS or does not leave the machine."""
    query = parse_qs(url.query)
    addresses = url.netloc.rpartition("@")[2].split(",") + query.get("host", [])
    hosts = [address for address in addresses if address]
    local = all(host.startswith("/") or is_loopback(_without_port(host)) for host in hosts)
    return local or query.get("sslmode") == ["verify-full"]


def _without_port(address: str) -> str:
    return address.rpartition("]")[0] if address.startswith("[") else address.partition(":")[0]


def _secret_faults(settings: Settings) -> list[str]:
    faults = []
    trusted = settings.token_public_keys_file
    if trusted is not None and trusted.exists() and trusted.stat().st_mode & (stat.S_IWGRP | stat.S_IWOTH):
        faults.append("token_public_keys_file can be written by others: they could sign tokens of their own")
    pin = settings.pkcs11_pin_file
    if pin is not None and pin.exists() and pin.stat().st_mode & OPEN_TO_OTHERS:
        faults.append("pkcs11_pin_file can be read by others of the machine")
    signing = {
        "audit_key_file can be read by others of the machine: they could sign another audit": settings.audit_key_file,
        "release_key_file can be read by others of the machine: they could sign releases": settings.release_key_file,
    }
    faults += [fault for fault, key in signing.items() if key and key.exists() and key.stat().st_mode & OPEN_TO_OTHERS]
    seen: dict[str, DatabaseRole] = {}
    for role, path in settings.password_files().items():
        try:
            secret = read_secret(path)
        except UnsafeSettings as unreadable:
            faults.append(str(unreadable))
            continue
        if len(secret) < SHORTEST_SECRET:
            faults.append(f"the password of {role} is shorter than {SHORTEST_SECRET} characters")
        if len(set(secret)) < FEWEST_CHARACTERS:
            faults.append(f"the password of {role} is not a random one")
        if path.stat().st_mode & OPEN_TO_OTHERS:
            faults.append(f"the password file of {role} can be read by others of the machine")
        if secret in seen:
            faults.append(f"{role} and {seen[secret]} have the same password")
        seen[secret] = role
    return faults
