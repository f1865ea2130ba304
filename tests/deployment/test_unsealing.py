"""Real processes, in production's settings: they start sealed, custodians open them, and one word seals them all."""

import asyncio
import json
import os
import secrets
import signal
import socket
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import redirect_stderr, redirect_stdout, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from io import BufferedReader, BytesIO, StringIO, TextIOWrapper
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urlsplit, urlunsplit

import httpx
import pytest

from api import directory
from api.bootstrap import Access
from api.cli import build_parser
from api.database import Database
from api.postgres_binaries import CLEAN_ENVIRONMENT
from api.runtime import offline
from api.settings import DatabaseRole
from auth.tokens import TokenIssuer, generate_key_pair
from domain.codes import Role
from domain.sealing.shares import opened_by
from tests.api.prepared import PERSON
from tests.world import DIRECTORY

ROOT = Path(__file__).resolve().parents[2]
PROGRAM = [sys.executable, "-c", "from api.cli import main; main()"]
PATIENCE = 60.0
WITHIN = 5.0
"""Seconds within which nothing opens any more, beside those that the program needs to start."""

BODY = {"entry_channel": "ngo", "person": PERSON, "compartments": {"identity": {"given_name": "Fictional"}}}


class Done(NamedTuple):
    """What a command did."""

    code: int
    out: str
    err: str


@dataclass
class Installation:
    """Processes of one installation, its custodians, and a client."""

    folder: Path
    environment: dict[str, str]
    issuer: TokenIssuer
    mnemonics: list[str] = field(default_factory=list)
    running: dict[int, "subprocess.Popen[bytes]"] = field(default_factory=dict)

    async def nrm(self, *words: str, given: str = "") -> Done:
        """Run a command beside the processes, with something on its standard input."""
        return await asyncio.to_thread(self._nrm, words, given)

    def _nrm(self, words: Sequence[str], given: str) -> Done:
        with (
            pytest.MonkeyPatch.context() as patch,
            redirect_stdout(StringIO()) as out,
            redirect_stderr(StringIO()) as err,
        ):
            for name, value in self.environment.items():
                patch.setenv(name, value)
            patch.setattr(sys, "stdin", TextIOWrapper(BufferedReader(BytesIO(given.encode()))))
            arguments = build_parser().parse_args(words)
            return Done(arguments.run(arguments), out.getvalue(), err.getvalue())

    def start(self) -> int:
        """Start a replica of the API, and return its port."""
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port: int = probe.getsockname()[1]
        with (self.folder / f"{port}.log").open("wb") as log:
            self.running[port] = subprocess.Popen(  # noqa: S603
                [*PROGRAM, "serve"], env=self.environment | {"NRM_PORT": str(port)}, cwd=ROOT, stdout=log, stderr=log
            )
        return port

    async def ask(self, port: int, method: str, path: str, body: Any = None) -> httpx.Response:
        token = self.issuer.issue(
            subject="caseworker-alpha",
            organisation="NGO-ALPHA",
            role=Role.NGO_CASEWORKER,
            lifetime=timedelta(hours=1),
            now=datetime.now(UTC),  # noqa: TID251
            token_id="made-up",
        )
        headers = {"Authorization": f"Bearer {token}", "Idempotency-Key": secrets.token_hex(8)}
        async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", timeout=20) as client:
            return await client.request(method, path, json=body, headers=headers)

    async def health(self, port: int) -> str:
        end = time.monotonic() + PATIENCE
        while True:
            try:
                return str((await self.ask(port, "GET", "/health/ready")).json()["status"])
            except httpx.TransportError:
                assert time.monotonic() < end, (self.folder / f"{port}.log").read_text()
                await asyncio.sleep(0.1)

    def memory(self, port: int) -> bytes:
        """Return the memory that a process has written to, as root or a debugger of the same user sees it."""
        pid = self.running[port].pid
        parts = []
        with Path(f"/proc/{pid}/mem").open("rb", 0) as memory:
            for line in Path(f"/proc/{pid}/maps").read_text().splitlines():
                span, rights = line.split()[:2]
                if rights.startswith("rw"):
                    start, end = (int(number, 16) for number in span.split("-"))
                    memory.seek(start)
                    with suppress(OSError):  # given back since the list was made: nothing is there any more
                        parts.append(memory.read(end - start))
        return b"".join(parts)


def without_password(url: str) -> str:
    """Return an address that production takes: passwords come from files."""
    parts = urlsplit(url)
    user, _, where = parts.netloc.rpartition("@")
    return urlunsplit(parts._replace(netloc=f"{user.partition(':')[0]}@{where}"))


@pytest.fixture
async def installation(database_access: Access, tmp_path: Path) -> AsyncIterator[Installation]:
    private_pem, public_pem = generate_key_pair()
    (tmp_path / "tokens.json").write_text(json.dumps({"made-up": public_pem}))
    environment = {
        "PATH": CLEAN_ENVIRONMENT["PATH"],
        "NRM_ENVIRONMENT": "production",
        "NRM_DATABASE_URL": without_password(database_access.url),
        "NRM_DATABASE_PRIVATE": "true",
        "NRM_DATA_DIR": str(tmp_path / "data"),
        "NRM_KEY_PROVIDER": "shares",
        "NRM_KEY_FILE": str(tmp_path / "keys.sealed"),
        "NRM_TOKEN_PUBLIC_KEYS_FILE": str(tmp_path / "tokens.json"),
        "NRM_TOKEN_ISSUER": "https://issuer.invalid",
        "NRM_AUDIT_KEY_FILE": str(tmp_path / "audit-key"),
        "NRM_AUDIT_SINK": f"file:{tmp_path / 'openings'}",
    }
    for role in (DatabaseRole.APPLICATION, DatabaseRole.STATISTICS, DatabaseRole.ROTATOR):
        path = tmp_path / role
        path.write_text(database_access.passwords[role])
        path.chmod(0o600)
        environment[f"NRM_{role.removeprefix('nrm_').upper()}_PASSWORD_FILE"] = str(path)
    database = Database(database_access.dsns)
    async with database.sessions(DatabaseRole.OWNER)() as session:
        await directory.load(DIRECTORY, session, offline())
    await database.close()
    made = Installation(tmp_path, environment, TokenIssuer(private_pem, "made-up", "https://issuer.invalid", "nrm"))
    key = await made.nrm("audit", "key", "--name", "nrm.example/kg", "--output", environment["NRM_AUDIT_KEY_FILE"])
    assert key.code == 0, key.err
    yield made
    for process in made.running.values():
        process.kill()
        process.wait()


@pytest.fixture
async def begun(installation: Installation) -> Installation:
    """Hold the ceremony; the mnemonics go to files, since no terminal is here."""
    words = ("keys", "init", "--custodians", "5", "--quorum", "3")
    refused = await installation.nrm(*words)
    assert refused.code == 1
    assert "terminal only" in refused.err
    into = installation.folder / "custodians"
    done = await installation.nrm(*words, "--into", str(into))
    assert done.code == 0, done.err
    installation.mnemonics = [path.read_text().strip() for path in sorted(into.iterdir())]
    assert len(installation.mnemonics) == 5
    assert not any(mnemonic in done.out + done.err for mnemonic in installation.mnemonics)
    return installation


async def test_replicas_start_sealed_are_opened_by_custodians_rotate_and_are_sealed_by_one_word(
    begun: Installation,
) -> None:
    ports = [begun.start(), begun.start()]
    assert [await begun.health(port) for port in ports] == ["sealed", "sealed"]
    assert (await begun.ask(ports[0], "POST", "/v1/cases", BODY)).status_code == 503
    assert (await begun.ask(ports[0], "GET", "/v1/cases")).status_code == 200

    for number, mnemonic in enumerate(begun.mnemonics[1:4], 1):
        given = await begun.nrm("unseal", given=mnemonic + "\n")
        assert given.code == 0, given.err
        assert given.out.count("open" if number == 3 else f"sealed, {number} of 3") == 2
    assert [await begun.health(port) for port in ports] == ["ready", "ready"]
    case = (await begun.ask(ports[0], "POST", "/v1/cases", BODY)).json()["reference"]
    identity = f"/v1/cases/{case}/person/identity"
    assert not (begun.folder / "openings").exists()
    assert (await begun.ask(ports[1], "GET", identity)).json()["fields"]["given_name"] == "Fictional"
    assert len((begun.folder / "openings").read_bytes().splitlines()) == 1

    await rotated(begun, ports, identity)

    at = time.monotonic()
    await begun.nrm("keys", "status")
    asked = time.monotonic()
    sealed = await begun.nrm("seal")
    codes = [(await begun.ask(port, "GET", identity)).status_code for port in ports]
    assert time.monotonic() - asked < asked - at + WITHIN
    assert (sealed.code, codes) == (0, [503, 503])
    assert sealed.out.count("sealed") == 2
    assert (await begun.nrm("keys", "status")).out.count("sealed, 0 of 3 mnemonics") == 2

    begun.running[ports[0]].send_signal(signal.SIGKILL)
    begun.running[ports[0]].wait()
    assert (await begun.nrm("seal")).out.count("serve-") == 1


async def rotated(begun: Installation, ports: list[int], identity: str) -> None:
    """Add a key, rotate, and retire the old one, while both replicas read and write."""
    quorum = "\n".join(begun.mnemonics[:3]) + "\n"
    status = (await begun.nrm("keys", "status")).out
    old = status.split("\n")[1].split()[0]
    assert f"{old}  wraps 1 data keys" in status
    assert status.count("shares, open") == 2
    assert (await begun.nrm("keys", "retire", old, given=quorum)).code == 1
    assert (await begun.nrm("keys", "add", given="\n".join(begun.mnemonics[:2]))).code == 1
    assert (await begun.nrm("keys", "add", given=quorum)).code == 0
    assert (await begun.nrm("keys", "rotate", given="\n".join(begun.mnemonics[:2]))).code == 1
    told = await begun.nrm("keys", "rotate", given=quorum)
    assert "1 data keys rewrapped" in told.out, told.err
    assert [(await begun.ask(port, "GET", identity)).status_code for port in ports] == [200, 200]
    assert (await begun.nrm("keys", "retire", old, given=quorum)).code == 0
    assert (await begun.ask(ports[0], "POST", "/v1/cases", BODY)).status_code == 201
    assert [(await begun.ask(port, "GET", identity)).status_code for port in ports] == [200, 200]


async def test_the_process_shows_no_key_and_forgets_it_when_it_is_sealed(begun: Installation) -> None:
    """What is looked through: arguments, environment, log, and the whole memory, before and after sealing."""
    opened = opened_by(begun.folder / "keys.sealed", begun.mnemonics[:3])
    assert opened is not None
    secret = {name: bytes(key) for name, key in opened.contents.keys.items()}
    secret |= {"master": bytes(opened.master), "derivation": bytes(opened.contents.derivation)}
    words = {f"mnemonic {number}": mnemonic.encode() for number, mnemonic in enumerate(begun.mnemonics)}
    port = begun.start()
    assert await begun.health(port) == "sealed"
    for mnemonic in begun.mnemonics[:3]:
        await begun.nrm("unseal", given=mnemonic)
    case = (await begun.ask(port, "POST", "/v1/cases", BODY)).json()["reference"]
    assert (await begun.ask(port, "GET", f"/v1/cases/{case}/person/identity")).status_code == 200

    place = Path(f"/proc/{begun.running[port].pid}")
    shown = b"".join((place / name).read_bytes() for name in ("cmdline", "environ"))
    shown += (begun.folder / f"{port}.log").read_bytes()
    forms = [form for key in secret.values() for form in (key, key.hex().encode())]
    assert [form for form in (*words.values(), *forms) if form in shown] == []
    core = next(line for line in (place / "limits").read_text().splitlines() if line.startswith("Max core"))
    assert core.split()[4:6] == ["0", "0"]
    assert (place / "mem").stat().st_uid == 0
    if os.geteuid() != 0:
        with pytest.raises(PermissionError):
            begun.memory(port)
        return
    before = begun.memory(port)
    assert [name for name, key in secret.items() if key not in before] == []
    assert (await begun.nrm("seal")).code == 0
    after = begun.memory(port)
    assert {name: after.count(one) for name, one in (secret | words).items() if one in after} == {}


async def test_without_a_sealed_file_production_does_not_start(installation: Installation) -> None:
    done = await asyncio.to_thread(
        subprocess.run,
        [*PROGRAM, "serve"],
        env=installation.environment,
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2
    assert "keys.sealed: cannot be opened" in done.stderr
    assert "Traceback" not in done.stderr
