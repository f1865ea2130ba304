"""What `docker-compose.yml` says is what the service understands; there is no engine here to try it on."""

import asyncio
import re
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from api.cli import build_parser
from api.cli.audit_keep import serving
from api.postgres_cluster import LOGGING
from api.second_sink import FileSink
from api.settings import PREFIX, Settings, production_faults

ROOT = Path(__file__).resolve().parents[2]
COMPOSE: dict[str, Any] = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
SERVICES: dict[str, Any] = COMPOSE["services"]
OURS = sorted(name for name, service in SERVICES.items() if service["image"] == "nrm-referral")
CONFIGURED = sorted(name for name in OURS if "environment" in SERVICES[name])
MADE_UP = "a made-up secret of more than enough characters"


def settings_of(name: str, folder: Path, **changes: str) -> Settings:
    """Return the settings as the service would read them, with its secrets in a folder of ours."""
    given = SERVICES[name]["environment"] | changes
    values = {}
    for key, value in given.items():
        filled = re.sub(r"\$\{\w+:-([^}]*)\}", r"\1", value)
        filled = re.sub(r"\$\{\w+:\?[^}]*\}", "given-at-the-start", filled)
        values[key.removeprefix(PREFIX).lower()] = filled.replace("/run/secrets", str(folder))
    for secret in SERVICES[name]["secrets"]:
        (folder / secret).write_text(f"{MADE_UP}: {secret}")
        (folder / secret).chmod(0o400)
    return Settings(**values)


def test_the_services_are_there() -> None:
    assert OURS == ["api", "keys", "migrate", "sink", "worker"]
    assert CONFIGURED == ["api", "keys", "migrate", "worker"]
    assert set(SERVICES) == {"primary", "standby", *OURS}
    assert SERVICES["api"]["deploy"]["replicas"] == 2


@pytest.mark.parametrize("name", OURS)
def test_every_command_is_one_that_nrm_knows(name: str) -> None:
    program, *arguments = SERVICES[name]["command"]
    assert program == "nrm"
    assert build_parser().parse_args(arguments) is not None


@pytest.mark.parametrize("name", CONFIGURED)
def test_every_variable_is_a_setting_and_the_settings_hold(name: str, tmp_path: Path) -> None:
    names = {key for key in SERVICES[name]["environment"] if key.startswith(PREFIX)}
    assert names == set(SERVICES[name]["environment"])
    assert {key.removeprefix(PREFIX).lower() for key in names} <= set(Settings.model_fields)
    assert settings_of(name, tmp_path).database_url is not None


@pytest.mark.parametrize("name", CONFIGURED)
def test_the_configuration_is_one_that_production_takes(name: str, tmp_path: Path) -> None:
    settings = settings_of(name, tmp_path)
    assert settings.environment == "production"
    assert settings.key_provider == "shares"
    assert production_faults(settings) == []


@pytest.mark.parametrize("name", CONFIGURED)
def test_the_sockets_are_where_the_container_may_write_and_no_other_container_looks(name: str) -> None:
    place = SERVICES[name]["environment"]["NRM_DATA_DIR"]
    assert any(place.startswith(f"{writable}/") for writable in SERVICES[name]["tmpfs"])


def test_the_sealed_file_is_written_by_who_changes_keys_and_by_nobody_else() -> None:
    folders = {
        name: [mount for mount in service.get("volumes", []) if "/run/keys" in mount]
        for name, service in SERVICES.items()
    }
    assert {name: mounts for name, mounts in folders.items() if mounts} == {
        "api": ["./secrets/keys:/run/keys:ro"],
        "keys": ["./secrets/keys:/run/keys"],
    }
    assert SERVICES["keys"]["profiles"] == ["keys"]
    assert not {"admin_password", "owner_password", "application_password"} & set(SERVICES["keys"]["secrets"])


@pytest.mark.parametrize("name", sorted(SERVICES))
def test_secrets_come_from_files_and_from_nowhere_else(name: str) -> None:
    service = SERVICES[name]
    environment, given = service.get("environment", {}), set(service.get("secrets", []))
    files = {key: value for key, value in environment.items() if key.endswith("_FILE")}
    sealed = files.pop("NRM_KEY_FILE", "/run/keys/keys.sealed")
    assert sealed == "/run/keys/keys.sealed"
    assert {Path(value).parent.as_posix() for value in files.values()} <= {"/run/secrets"}
    named = {Path(value).name for value in files.values()}
    assert named - given == ({"audit_key"} if name in CONFIGURED and name != "worker" else set())
    assert given <= named
    rest = {key: value for key, value in environment.items() if key not in files}
    assert {key for key in rest if re.search("PASSWORD|SECRET|KEY", key)} <= {"NRM_KEY_PROVIDER", "NRM_KEY_FILE"}
    assert [value for value in rest.values() if re.search(r"//[^/]*:[^/]*@", value)] == []
    assert "env_file" not in service
    assert given <= set(COMPOSE["secrets"])


def test_the_worker_alone_is_given_the_key_that_signs_the_audit() -> None:
    assert [name for name in SERVICES if "audit_key" in SERVICES[name].get("secrets", [])] == ["worker"]
    assert {SERVICES[name]["environment"]["NRM_AUDIT_KEY_FILE"] for name in CONFIGURED} == {"/run/secrets/audit_key"}


def test_openings_are_kept_where_neither_the_api_nor_the_database_reaches_them() -> None:
    sink = SERVICES["sink"]
    kept = build_parser().parse_args(sink["command"][1:])
    assert {SERVICES[name]["environment"]["NRM_AUDIT_SINK"] for name in CONFIGURED} == {f"unix:{kept.listen}"}
    mounts = {name: dict(mount.split(":")[:2] for mount in SERVICES[name].get("volumes", [])) for name in SERVICES}
    assert mounts["sink"] == {"sink": str(kept.listen.parent), "openings": str(kept.output.parent)}
    assert mounts["api"]["sink"] == mounts["sink"]["sink"]
    assert [name for name in SERVICES if "openings" in mounts[name]] == ["sink"]
    assert [name for name in SERVICES if "sink" in mounts[name]] == ["sink", "api"]
    assert not {"environment", "secrets", "networks", "ports"} & set(sink)
    assert sink["network_mode"] == "none"
    made = f"install -d -o {sink['user']} -m 0700 {kept.listen.parent} {kept.output.parent}"
    assert made in (ROOT / "Dockerfile").read_text()


async def test_the_sink_is_healthy_when_somebody_listens_and_asking_keeps_nothing(tmp_path: Path) -> None:
    kept = build_parser().parse_args(SERVICES["sink"]["command"][1:])
    listen, output = tmp_path / "socket", tmp_path / "openings"
    program, *words = (
        part.replace(str(kept.listen), str(listen)) for part in SERVICES["sink"]["healthcheck"]["test"][1:]
    )
    assert program == "python"

    async def healthy() -> bool:
        asked = await asyncio.create_subprocess_exec(sys.executable, *words, stderr=asyncio.subprocess.DEVNULL)
        return await asked.wait() == 0

    assert not await healthy()
    async with serving(listen, FileSink(output)):
        assert await healthy()
    assert not output.exists()


def test_no_secret_has_a_default_and_none_is_in_the_tree() -> None:
    assert {tuple(secret) for secret in COMPOSE["secrets"].values()} == {("file",)}
    assert all(secret["file"].startswith("./secrets/") for secret in COMPOSE["secrets"].values())
    assert "secrets/" in (ROOT / ".gitignore").read_text().split()
    assert (ROOT / ".dockerignore").read_text().startswith("*\n")


def test_each_service_knows_only_the_password_it_needs() -> None:
    passwords = {name: {item for item in SERVICES[name]["secrets"] if "password" in item} for name in CONFIGURED}
    assert passwords["api"] == {"application_password", "statistics_password"}
    assert passwords["worker"] == {"worker_password"}
    assert passwords["keys"] == {"rotator_password"}
    assert len(passwords["migrate"]) == 6


@pytest.mark.parametrize("name", sorted(SERVICES))
def test_every_container_is_closed(name: str) -> None:
    service = SERVICES[name]
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert not {"privileged", "pid", "ipc", "devices"} & set(service)
    assert service.get("network_mode") == {"sink": "none"}.get(name)
    assert service.get("user") == {"primary": None, "standby": "999"}.get(name, "10001")
    assert "useradd --system --uid 10001 " in (ROOT / "Dockerfile").read_text()


def test_only_the_api_can_be_reached_and_only_from_this_machine() -> None:
    assert COMPOSE["networks"]["inside"]["internal"] is True
    networks = {name: service["networks"] for name, service in SERVICES.items() if "network_mode" not in service}
    assert {name for name, joined in networks.items() if joined != ["inside"]} == {"api"}
    assert [port for service in SERVICES.values() for port in service.get("ports", [])] == ["127.0.0.1:8000-8001:8000"]


def test_the_database_keeps_values_out_of_its_log_as_the_embedded_one_does() -> None:
    assert SERVICES["standby"]["command"] == SERVICES["primary"]["command"]
    told = dict(argument.removeprefix("--").split("=") for argument in SERVICES["primary"]["command"][1:])
    assert {name: told.get(name) for name in LOGGING} == LOGGING
    assert told["password_encryption"] == "scram-sha-256"
    assert told["timezone"] == "UTC"


def test_decisions_go_to_whichever_server_takes_writes() -> None:
    for name in CONFIGURED:
        url = SERVICES[name]["environment"]["NRM_DATABASE_URL"]
        assert url.endswith("primary:5432,standby:5432/nrm?target_session_attrs=read-write")


def test_what_is_mounted_is_there_and_cannot_be_written() -> None:
    mounts = [mount.split(":") for service in SERVICES.values() for mount in service.get("volumes", [])]
    files = [mount for mount in mounts if mount[0].startswith("./deployment/")]
    assert len(files) == 4
    assert all((ROOT / mount[0]).is_file() and mount[2] == "ro" for mount in files)
    assert all(mount[0] in COMPOSE["volumes"] for mount in mounts if not mount[0].startswith("./"))


@pytest.mark.parametrize("name", ["primary", "standby", "sink", "api"])
def test_what_others_wait_for_is_checked(name: str) -> None:
    assert SERVICES[name]["healthcheck"]["test"][0] == "CMD"


def test_nothing_starts_before_the_migrations_are_done() -> None:
    waits = {name: service.get("depends_on", {}) for name, service in SERVICES.items()}
    assert waits["migrate"] == {"primary": {"condition": "service_healthy"}}
    migrated = {"migrate": {"condition": "service_completed_successfully"}}
    assert waits["worker"] == migrated
    assert waits["api"] == migrated | {"sink": {"condition": "service_healthy"}}
