"""What `docker-compose.yml` starts, started without containers: and then the primary is lost."""

import asyncio
import json
import os
import re
import secrets
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import asyncpg
import httpx
import pytest
import yaml

from api.postgres_binaries import CLEAN_ENVIRONMENT, Account, Binaries, find_binaries, server_account
from auth.tokens import TokenIssuer, generate_key_pair
from domain.audit.sink import SinkVerifier
from domain.codes import Role

ROOT = Path(__file__).resolve().parents[2]
COMPOSE: dict[str, Any] = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
SERVICES: dict[str, Any] = COMPOSE["services"]
ISSUER = "https://issuer.invalid"
PROGRAM = [sys.executable, "-c", "from api.cli import main; main()"]
PATIENCE = 90.0
"""Seconds until the test gives up: far more than anything here takes."""

APIS = ("api-1", "api-2")


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@dataclass
class Stage:
    """This machine instead of containers: what a container calls by a name or a path has another one here."""

    place: Path
    account: Account
    binaries: Binaries
    ports: dict[str, int] = field(default_factory=lambda: {name: free_port() for name in ("primary", "standby", *APIS)})
    running: dict[str, "subprocess.Popen[bytes]"] = field(default_factory=dict)

    def here(self, text: str) -> str:
        """Return what a value of the file is on this machine."""
        for name in ("primary", "standby"):
            text = text.replace(f"{name}:5432", f"127.0.0.1:{self.ports[name]}")
        text = text.replace("/run/secrets", str(self.place / "secrets")).replace("/etc/nrm", str(self.place / "etc"))
        text = text.replace("/run/keys", str(self.place / "keys")).replace("/run/sink", str(self.place / "sink"))
        text = text.replace("/var/lib/nrm", str(self.place / "openings"))
        text = text.replace("/var/lib/postgresql/18/standby", str(self.place / "standby"))
        text = re.sub("^/tmp/nrm$", str(self.place / "data"), text).replace("0.0.0.0", "127.0.0.1")  # noqa: S104
        text = re.sub(r"\$\{NRM_TOKEN_ISSUER:\?[^}]*\}", ISSUER, text)
        return re.sub(r"\$\{\w+:-([^}]*)\}", r"\1", text)

    def environment(self, service: str) -> dict[str, str]:
        return {name: self.here(value) for name, value in SERVICES[service].get("environment", {}).items()}

    def as_server(self, **more: str) -> dict[str, Any]:
        """Return how PostgreSQL's programs are run: as their own account, with nothing of ours in the environment."""
        path = f"{self.binaries.folder}:{CLEAN_ENVIRONMENT['PATH']}"
        return self.account.process() | {"env": CLEAN_ENVIRONMENT | {"PATH": path} | more}

    def server(self, name: str) -> list[str]:
        """Return the command of a server; where it listens is the machine's affair."""
        sockets = self.place / f"{name}-socket"
        self.owned(sockets)
        where = [f"--port={self.ports[name]}", "--listen_addresses=127.0.0.1", f"--unix_socket_directories={sockets}"]
        return [*(self.here(argument) for argument in SERVICES[name]["command"]), *where, "--fsync=off"]

    def owned(self, folder: Path) -> None:
        folder.mkdir(mode=0o700, exist_ok=True)
        os.chown(folder, self.account.uid, self.account.gid)

    def start(self, name: str, command: list[str], **how: Any) -> None:
        with (self.place / f"{name}.log").open("wb") as log:
            self.running[name] = subprocess.Popen(command, stdout=log, stderr=log, start_new_session=True, **how)  # noqa: S603

    def nrm(self, service: str, **changes: str) -> dict[str, Any]:
        """Return how a service of ours is run: with the settings of the file and no other."""
        return {"cwd": ROOT, "env": self.environment(service) | {"PATH": CLEAN_ENVIRONMENT["PATH"]} | changes}

    def address(self, api: str) -> str:
        return f"http://127.0.0.1:{self.ports[api]}"

    def healthy(self, api: str) -> bool:
        """Ask as the file asks inside the container."""
        check = [part.replace(":8000", f":{self.ports[api]}") for part in SERVICES["api"]["healthcheck"]["test"][2:]]
        return subprocess.run([sys.executable, *check], capture_output=True, check=False).returncode == 0  # noqa: S603

    async def until(self, holds: Any, what: str) -> None:
        end = time.monotonic() + PATIENCE
        while True:
            found = holds()
            if await found if asyncio.iscoroutine(found) else found:
                return
            assert time.monotonic() < end, f"not within {PATIENCE} s: {what}"
            await asyncio.sleep(0.1)

    async def asked(self, name: str, question: str) -> Any:
        """Ask a server as its administrator; None while it does not answer."""
        password = (self.place / "secrets" / "admin_password").read_text()
        try:
            connection = await asyncpg.connect(
                host="127.0.0.1", port=self.ports[name], user="nrm_admin", password=password, database="postgres"
            )
        except (OSError, asyncpg.PostgresError):
            return None
        try:
            return await connection.fetchval(question)
        finally:
            await connection.close()


@pytest.fixture
def stage(place: Path) -> Iterator[Stage]:
    made = Stage(place, server_account(), find_binaries(server_account()))
    for name, mode in {"secrets": 0o711, "etc": 0o711, "sink": 0o700, "openings": 0o700}.items():
        (place / name).mkdir(mode=mode)
    for source in (ROOT / "deployment" / "postgres").iterdir():
        target = place / "etc" / source.name
        target.write_bytes(source.read_bytes())
        target.chmod(0o755)
    yield made
    for process in made.running.values():
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def made_secrets(stage: Stage) -> TokenIssuer:
    """Make the files of `secrets/` as docs/operations.md tells, and return who issues tokens."""
    for name in COMPOSE["secrets"]:
        path = stage.place / "secrets" / name
        path.write_text(secrets.token_urlsafe(32))
        path.chmod(0o400)
        if name == "audit_key":
            path.unlink()
            make = [*PROGRAM, "audit", "key", "--name", "nrm.example/kg", "--output", str(path)]
            subprocess.run(make, cwd=ROOT, check=True, capture_output=True)  # noqa: S603
        if name in {"admin_password", "replication_password"}:
            os.chown(path, stage.account.uid, stage.account.gid)
    (stage.place / "keys").mkdir(mode=0o700)
    words = ["keys", "init", "--file", str(stage.place / "keys" / "keys.sealed"), "--custodians", "3", "--quorum", "2"]
    ceremony = [*PROGRAM, *words, "--into", str(stage.place / "custodians")]
    subprocess.run(ceremony, cwd=ROOT, check=True, capture_output=True)  # noqa: S603
    private_pem, public_pem = generate_key_pair()
    public = stage.place / "secrets" / "token_public_keys"
    public.chmod(0o644)
    public.write_text(json.dumps({"made-up": public_pem}))
    return TokenIssuer(private_pem, "made-up", ISSUER, "nrm")


def start_primary(stage: Stage) -> None:
    """Do what the image does at its first start: initialise, start, run what stands in its folder for that."""
    environment = stage.environment("primary")
    data = stage.place / "primary"
    stage.owned(data)
    initialise = [
        stage.binaries.program("initdb"),
        f"--pgdata={data}",
        f"--username={environment['POSTGRES_USER']}",
        f"--pwfile={environment['POSTGRES_PASSWORD_FILE']}",
        "--no-sync",
        *environment["POSTGRES_INITDB_ARGS"].split(),
    ]
    subprocess.run(initialise, check=True, capture_output=True, **stage.as_server())  # noqa: S603
    stage.start("primary", stage.server("primary"), **stage.as_server(PGDATA=str(data)))


def run_first_start_scripts(stage: Stage) -> None:
    environment = stage.environment("primary")
    script = str(stage.place / "etc" / "create-replication-role.sh")
    where = {
        "PGHOST": str(stage.place / "primary-socket"),
        "PGPORT": str(stage.ports["primary"]),
        "PGPASSWORD": Path(environment["POSTGRES_PASSWORD_FILE"]).read_text(),
    }
    subprocess.run([script], check=True, capture_output=True, **stage.as_server(**environment, **where))  # noqa: S603


def start_standby(stage: Stage) -> None:
    environment = stage.environment("standby") | {
        "PRIMARY_HOST": "127.0.0.1",
        "PRIMARY_PORT": str(stage.ports["primary"]),
        "PASSWORDS": str(stage.place / "standby-socket" / "pgpass"),
    }
    stage.owned(stage.place / "standby-socket")
    stage.owned(stage.place / "volume")
    environment["PGDATA"] = str(stage.place / "volume" / "standby")
    entrypoint = [stage.here(part) for part in SERVICES["standby"]["entrypoint"]]
    stage.start("standby", [*entrypoint, *stage.server("standby")], **stage.as_server(**environment))


def start_ours(stage: Stage) -> None:
    """Migrate, load a directory, and start what answers, what keeps openings and what acts for the clock."""
    subprocess.run([*PROGRAM, *SERVICES["migrate"]["command"][1:]], check=True, **stage.nrm("migrate"))  # noqa: S603
    load = [*PROGRAM, "directory", "load", str(ROOT / "api" / "fictional" / "directory.yaml")]
    subprocess.run(load, check=True, capture_output=True, **stage.nrm("migrate"))  # noqa: S603
    keep = [*PROGRAM, *(stage.here(word) for word in SERVICES["sink"]["command"][1:])]
    stage.start("sink", keep, **stage.nrm("sink"))
    for api in APIS:
        command = [*PROGRAM, *SERVICES["api"]["command"][1:]]
        stage.start(api, command, **stage.nrm("api", NRM_PORT=str(stage.ports[api])))
    stage.start("worker", [*PROGRAM, *SERVICES["worker"]["command"][1:]], **stage.nrm("worker"))


async def unsealed(stage: Stage) -> None:
    """Let two custodians give their mnemonics to both copies of the API."""
    for api in APIS:
        await stage.until(lambda api=api: sealed(stage, api), f"{api} runs, sealed")
        assert not stage.healthy(api)
    for custodian in ("custodian-3", "custodian-1"):
        mnemonic = (stage.place / "custodians" / custodian).read_bytes()
        done = subprocess.run([*PROGRAM, "unseal"], input=mnemonic, check=True, capture_output=True, **stage.nrm("api"))  # noqa: S603, ASYNC221
        assert done.stdout.count(b"serve-") == len(APIS)


async def sealed(stage: Stage, api: str) -> bool:
    async with httpx.AsyncClient() as client:
        try:
            answer = await client.get(f"{stage.address(api)}/health/ready")
        except httpx.TransportError:
            return False
    return bool(answer.json() == {"status": "sealed"})


def caseworker(issuer: TokenIssuer) -> dict[str, str]:
    token = issuer.issue(
        subject="caseworker-alpha",
        organisation="NGO-ALPHA",
        role=Role.NGO_CASEWORKER,
        lifetime=timedelta(hours=1),
        now=datetime.now(UTC),  # noqa: TID251
        token_id="made-up",
    )
    return {"Authorization": f"Bearer {token}"}


async def test_the_api_answers_again_by_itself_when_a_standby_takes_over(stage: Stage) -> None:
    issuer = made_secrets(stage)
    start_primary(stage)
    await stage.until(lambda: stage.asked("primary", "SELECT true"), "the primary answers")
    run_first_start_scripts(stage)
    start_standby(stage)
    await stage.until(lambda: stage.asked("standby", "SELECT pg_is_in_recovery()"), "the standby follows")

    start_ours(stage)
    await unsealed(stage)
    for api in APIS:
        await stage.until(lambda api=api: stage.healthy(api), f"{api} is healthy")

    async with httpx.AsyncClient(headers=caseworker(issuer), timeout=20) as client:
        answers: list[httpx.Response] = []

        async def opened(api: str) -> bool:
            sent = {"Idempotency-Key": secrets.token_hex(8)}
            answer = await client.post(f"{stage.address(api)}/v1/cases", json={"entry_channel": "ngo"}, headers=sent)
            answers.append(answer)
            return answer.status_code == 201

        assert await opened(APIS[0])
        case = answers[0].headers["location"]
        caught_up = "SELECT bool_and(replay_lsn = pg_current_wal_lsn()) FROM pg_stat_replication"
        await stage.until(lambda: stage.asked("primary", caught_up), "the standby has everything")

        os.killpg(stage.running["primary"].pid, signal.SIGKILL)
        stage.running["primary"].wait()
        for api in APIS * 2:
            assert not await opened(api)
            assert not stage.healthy(api)
        promote = [stage.binaries.program("pg_ctl"), "promote", f"--pgdata={stage.place / 'volume' / 'standby'}"]
        subprocess.run(promote, check=True, capture_output=True, **stage.as_server())  # noqa: S603, ASYNC221
        for api in APIS:
            await stage.until(lambda api=api: opened(api), f"{api} opens cases again")
            assert stage.healthy(api)
            assert (await client.get(f"{stage.address(api)}{case}")).status_code == 200

    sink = SinkVerifier((stage.place / "openings" / "openings").read_bytes().splitlines(keepends=True))
    assert (sink.fault, sink.lines) == (None, len(APIS)), "each look at the case was kept outside the database"
    refused = [answer for answer in answers if answer.status_code != 201]
    assert {answer.status_code for answer in refused} == {503}
    assert all(int(answer.headers["retry-after"]) > 0 for answer in refused)
    assert [name for name, process in stage.running.items() if process.poll() is not None] == ["primary"]
