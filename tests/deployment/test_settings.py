"""Unsafe settings never start in production, and no message quotes a secret."""

import re
from ipaddress import IPv4Address, IPv6Address
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from api.settings import Settings, UnsafeSettings, is_loopback, load_settings, production_faults, read_secret


def secret(folder: Path, name: str, text: str = "") -> Path:
    path = folder / name
    path.write_text(text or f"a long made-up secret of {name}\n")
    path.chmod(0o600)
    return path


def as_production(folder: Path, **changes: object) -> Settings:
    """Return settings that production takes but for the one thing that development alone has: the key provider."""
    safe = {
        "database_url": "postgresql://nrm_root@db.example:5432/nrm?sslmode=verify-full",
        "application_password_file": secret(folder, "application"),
        "token_public_keys_file": folder / "keys.json",
        "token_issuer": "https://issuer.example",
        "audit_key_file": folder / "audit-key",
        "audit_sink": "unix:/run/nrm/sink",
    }
    return Settings(**(safe | changes))


ONLY_THE_PROVIDER = ["key_provider `file` is for development only"]


def test_a_safe_configuration_lacks_only_a_key_provider_for_production(tmp_path: Path) -> None:
    assert production_faults(as_production(tmp_path)) == ONLY_THE_PROVIDER


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        ({"debug": True}, "debug"),
        ({"clock_shift": "P1D"}, "clock_shift"),
        ({"host": "0.0.0.0"}, "behind_tls_proxy"),  # noqa: S104 - the refusal is the claim
        ({"token_public_keys_file": None}, "token_public_keys_file"),
        ({"token_issuer": "nrm-development"}, "token_issuer"),
        ({"application_password_file": None}, "password file"),
        ({"application_password_file": Path("/nowhere/at-all")}, "/nowhere/at-all"),
        ({"audit_key_file": None}, "audit_key_file"),
        ({"audit_sink": None}, "audit_sink"),
        ({"webhook_hosts": "receiver.example"}, "webhook_key_file"),
        ({"webhook_hosts": "receiver.example, 10.0.0.1", "webhook_key_file": Path("/key")}, "webhook_hosts"),
        ({"webhook_hosts": "localhost", "webhook_key_file": Path("/key")}, "webhook_hosts"),
        ({"metrics_port": 9000, "metrics_host": "0.0.0.0"}, "metrics_host"),  # noqa: S104 - the refusal is the claim
        ({"database_url": None}, "database_url"),
        ({"database_url": "postgresql://a:hunter2@localhost/nrm"}, "holds a password"),
        ({"database_url": "postgresql://a@db.example/nrm"}, "verify-full"),
        ({"database_url": "postgresql://a@db.example/nrm?sslmode=require"}, "verify-full"),
        ({"database_url": "postgresql://a@127.0.0.1:5432,db.example:5432/nrm"}, "verify-full"),
    ],
)
def test_production_names_each_unsafe_setting(tmp_path: Path, change: dict[str, Any], fault: str) -> None:
    faults = production_faults(as_production(tmp_path, **change))
    assert len(faults) == 1 + len(ONLY_THE_PROVIDER)
    assert any(fault in told for told in faults)
    assert "hunter2" not in str(faults)


@pytest.mark.parametrize(
    "change",
    [
        {"host": "0.0.0.0", "behind_tls_proxy": True},  # noqa: S104 - a proxy ends TLS in front
        {"host": "::1"},
        {"webhook_hosts": "receiver.example,other.example", "webhook_key_file": Path("/key")},
        {"metrics_port": 9000},
        {"metrics_port": 9000, "metrics_host": "0.0.0.0", "metrics_private": True},  # noqa: S104 - said to be private
        {"database_url": "postgresql://a@db.example/nrm", "database_private": True},
        {"database_url": "postgresql://a@[::1]:5432/nrm"},
        {"database_url": "postgresql://a@/nrm?host=/run/postgresql"},
    ],
)
def test_what_is_protected_another_way_is_no_fault(tmp_path: Path, change: dict[str, Any]) -> None:
    assert production_faults(as_production(tmp_path, **change)) == ONLY_THE_PROVIDER


def test_custodians_and_a_security_module_are_what_production_takes(tmp_path: Path) -> None:
    module = {"pkcs11_module": Path("/usr/lib/module.so"), "pkcs11_token": "nrm", "pkcs11_pin_file": Path("/pin")}
    assert production_faults(as_production(tmp_path, key_provider="shares")) == []
    assert production_faults(as_production(tmp_path, key_provider="pkcs11", **module)) == []
    for name in ("pkcs11_module", "pkcs11_token"):
        (fault,) = production_faults(as_production(tmp_path, key_provider="pkcs11", **(module | {name: None})))
        assert name in fault


@pytest.mark.parametrize("mode", [0o604, 0o644, 0o620, 0o602])
def test_a_pin_that_others_of_the_machine_can_read_or_replace_is_a_fault(tmp_path: Path, mode: int) -> None:
    pin = secret(tmp_path, "pin", "4711")
    module = {"pkcs11_module": Path("/usr/lib/module.so"), "pkcs11_token": "nrm", "pkcs11_pin_file": pin}
    settings = as_production(tmp_path, key_provider="pkcs11", **module)
    assert production_faults(settings) == []
    pin.chmod(mode)
    (fault,) = production_faults(settings)
    assert "pkcs11_pin_file" in fault


def test_a_provider_that_nobody_wrote_is_refused() -> None:
    with pytest.raises(ValidationError):
        Settings(key_provider="plaintext")


def test_a_key_of_the_audit_that_others_can_read_is_a_fault(tmp_path: Path) -> None:
    settings = as_production(tmp_path)
    secret(tmp_path, "audit-key")
    assert production_faults(settings) == ONLY_THE_PROVIDER
    (tmp_path / "audit-key").chmod(0o640 | 0o004)
    assert any("audit_key_file" in fault for fault in production_faults(settings))


def test_short_and_shared_passwords_are_faults(tmp_path: Path) -> None:
    same = secret(tmp_path, "same")
    faults = production_faults(
        as_production(tmp_path, owner_password_file=secret(tmp_path, "short", "short"), worker_password_file=same)
    )
    assert any("nrm_owner is shorter than 16" in fault for fault in faults)
    faults = production_faults(as_production(tmp_path, worker_password_file=same, statistics_password_file=same))
    assert any("nrm_statistics and nrm_worker have the same password" in fault for fault in faults)


@pytest.mark.parametrize("mode", [0o604, 0o644, 0o620, 0o602])
def test_a_password_that_others_of_the_machine_can_read_or_replace_is_a_fault(tmp_path: Path, mode: int) -> None:
    path = secret(tmp_path, "application")
    safe = as_production(tmp_path)
    assert production_faults(safe) == ONLY_THE_PROVIDER
    path.chmod(mode)
    assert any("nrm_application can be read by others" in fault for fault in production_faults(safe))


@pytest.mark.parametrize("password", ["aaaaaaaaaaaaaaaaaaaa", "passwordpassword"])
def test_a_password_that_nobody_drew_at_random_is_a_fault(tmp_path: Path, password: str) -> None:
    faults = production_faults(as_production(tmp_path, worker_password_file=secret(tmp_path, "worker", password)))
    assert any("nrm_worker is not a random one" in fault for fault in faults)


def test_keys_that_others_can_replace_are_a_fault(tmp_path: Path) -> None:
    settings = as_production(tmp_path)
    secret(tmp_path, "keys.json").chmod(0o644)
    assert production_faults(settings) == ONLY_THE_PROVIDER
    (tmp_path / "keys.json").chmod(0o666)
    assert any("sign tokens" in fault for fault in production_faults(settings))


def test_an_unsafe_start_tells_every_fault_at_once_and_no_value() -> None:
    with pytest.raises(ValidationError) as refused:
        Settings(environment="production", debug=True, database_url="postgresql://a:hunter2@db.example/nrm")
    told = str(refused.value)
    assert "debug must be off" in told
    assert "holds a password" in told
    assert "hunter2" not in told


def test_a_malformed_value_is_refused_without_quoting_it() -> None:
    with pytest.raises(ValidationError) as refused:
        Settings(database_url="mysql://root:hunter2@db/nrm")
    assert "hunter2" not in str(refused.value)
    with pytest.raises(ValidationError) as refused:
        Settings(port="hunter2")
    assert "hunter2" not in str(refused.value)


def test_the_environment_is_read_and_an_empty_value_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NRM_PORT", "9001")
    monkeypatch.setenv("NRM_DATABASE_URL", "")
    monkeypatch.setenv("NRM_DEFAULT_LANGUAGE", "ky")
    settings = load_settings()
    assert (settings.port, settings.database_url, settings.default_language) == (9001, None, "ky")


def test_a_misspelt_setting_is_refused() -> None:
    with pytest.raises(UnsafeSettings, match="NRM_BEHIND_TLS_PROXYY"):
        load_settings({"NRM_BEHIND_TLS_PROXYY": "true", "PATH": "/bin", "NRM_PORT": "1"})


def test_settings_never_show_the_database_password() -> None:
    settings = Settings(database_url="postgresql://a:hunter2@localhost/nrm")
    assert "hunter2" not in repr(settings)
    assert "hunter2" not in settings.model_dump_json()


def test_a_secret_loses_its_line_end_and_nothing_else(tmp_path: Path) -> None:
    assert read_secret(secret(tmp_path, "one", " two words \r\n")) == " two words "


@pytest.mark.parametrize("text", ["\n", "two\nlines", "с кириллицей"])
def test_a_file_without_one_line_of_ascii_holds_no_secret(tmp_path: Path, text: str) -> None:
    with pytest.raises(UnsafeSettings) as refused:
        read_secret(secret(tmp_path, "bad", text))
    assert text.strip() == "" or text not in str(refused.value)


@given(st.ip_addresses())
def test_loopback_is_what_the_address_says(address: IPv4Address | IPv6Address) -> None:
    assert is_loopback(str(address)) == address.is_loopback


def test_names_other_than_localhost_are_not_loopback() -> None:
    assert is_loopback("localhost")
    assert not is_loopback("localhost.example")


def test_the_manual_lists_exactly_the_settings_there_are() -> None:
    """With their defaults; one that is empty is described in words."""
    manual = (Path(__file__).parents[2] / "docs" / "operations.md").read_text()
    rows = dict(re.findall(r"^\| `NRM_([A-Z0-9_]+)` \| ([^|]+) \|", manual, flags=re.MULTILINE))
    assert {name.lower() for name in rows} == set(Settings.model_fields)
    for name, field in Settings.model_fields.items():
        default = field.get_default()
        if isinstance(default, bool | int | float | str | Path):
            assert rows[name.upper()] == f"`{str(default).lower() if isinstance(default, bool) else default}`"
