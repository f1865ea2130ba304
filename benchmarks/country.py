"""A fictional country with many referrals, served by a process of its own over loopback."""

import asyncio
import json
import shutil
import socket
import subprocess
import sys
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import asyncpg
import httpx

from api import directory
from api.bootstrap import Access, database_access, prepare
from api.database import Database
from api.development import LocalIssuer, ensure_keys
from api.runtime import Runtime, build, for_worker
from api.settings import DatabaseRole, Settings
from benchmarks.fill import fill
from benchmarks.measuring import CLIENTS
from domain.codes import Role

ROOT = Path(__file__).parent.parent
MOST_REQUESTS = "1000000"
SERVICE, UNSEALED = "from api.cli import main; main()", "from benchmarks.unsealed import serve; serve()"
SENDER, RECEIVER = "NGO-ALPHA", "SHELTER-NORTH"
WORKER, RECEIVERS_ROLE = "shelter-worker-north", Role.SHELTER_STAFF
"""Who asks for the inbox of RECEIVER."""

CASE = {
    "entry_channel": "ngo",
    "person": {"sex": "female", "age_band": "24--26", "citizenships": ["KG"], "languages": ["ky"]},
    "compartments": {
        "identity": {"given_name": "Made", "family_name": "Up"},
        "contact": {"phone": "+996 555 010203"},
        "location": {"district": "Testovo"},
        "narrative": {"account": "made up"},
    },
}
CONSENT = {
    "decision": "given",
    "giver": "self",
    "purposes": ["support", "identification"],
    "recipients": ["any"],
    "compartments": ["identity", "contact", "location", "narrative", "health", "legal"],
    "obtained": "oral",
    "language": "ky",
    "informed_of": ["purpose", "how_to_withdraw"],
}
VICTIM = {"body": "ngo", "outcome": "ActualVictimOfTrafficking", "legal_basis": "guideline-1"}


@dataclass(frozen=True)
class Country:
    """Where the service listens, who asks, and the database below it.

    Attributes:
        referrals: References of copies, each waiting for its receipt.
        scale: How many referrals there are.
        plain: Connections of the administrator, whom no policy holds: what the service is compared with.
        held: As many of the service's own role, held by every policy.
        services: As many keep-alive connections to the service.
        unsealed: As many to the same service without cryptography.
        worker: What the worker process holds.
    """

    scale: int
    tokens: dict[str, str]
    referrals: list[str]
    plain: list["asyncpg.Connection[asyncpg.Record]"]
    held: list["asyncpg.Connection[asyncpg.Record]"]
    services: list["Line"]
    unsealed: list["Line"]
    worker: Runtime

    async def ask(
        self, client: int, who: str, method: str, path: str, body: bytes = b"", **headers: str
    ) -> dict[str, Any]:
        """Send a request of one client on its own connection and return the body."""
        sent = {"Authorization": f"Bearer {self.tokens[who]}", **headers}
        return await self.services[client].ask(method, path, sent, body)


@dataclass
class Line:
    """One keep-alive connection: as little client as can be, so that the service is measured and not the client."""

    port: int
    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter

    async def ask(self, method: str, path: str, headers: dict[str, str], sent: bytes) -> dict[str, Any]:
        """Send a request and return what the body says."""
        found: dict[str, Any] = json.loads(await self.fetch(method, path, headers, sent))
        return found

    async def fetch(self, method: str, path: str, headers: dict[str, str], sent: bytes = b"") -> bytes:
        """Send a request and return the body; anything but success ends the benchmark."""
        if self.reader.at_eof():  # the service closes what was idle while the other side was measured
            self.writer.close()
            self.reader, self.writer = await asyncio.open_connection("127.0.0.1", self.port)
        head = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
        if sent:
            head += "Content-Type: application/json\r\n"
        first = f"{method} /v1{path} HTTP/1.1\r\nHost: nrm\r\n{head}Content-Length: {len(sent)}\r\n\r\n"
        self.writer.write(first.encode() + sent)
        answer = (await self.reader.readuntil(b"\r\n\r\n")).decode().lower()
        length = int(answer.split("content-length: ")[1].split("\r\n")[0])
        body = await self.reader.readexactly(length)
        if answer.split(" ")[1] not in {"200", "201"}:
            raise RuntimeError(f"{method} {path}: {answer.splitlines()[0]} {body.decode()}")
        return body


def _folder() -> Path:
    """Make a folder that the database server's account may pass through."""
    folder = Path(tempfile.mkdtemp(prefix="nrm-bench-"))
    folder.chmod(0o711)
    return folder


@asynccontextmanager
async def serving(scale: int) -> AsyncIterator[Country]:
    """Yield a country with `scale` referrals; server, database and folder are gone afterwards."""
    folder = _folder()
    settings = Settings(data_dir=folder, default_language="en")
    try:
        ensure_keys(settings)
        with database_access(settings) as access:
            await prepare(access)
            database = Database(access.dsns)
            async with database.sessions(DatabaseRole.OWNER)() as session:
                entries = directory.read(Path(directory.__file__).parent / "fictional" / "directory.yaml")
                await directory.load(entries, session, build(settings, access.dsns))
            await database.close()
            async with (
                process(folder) as port,
                process(folder, UNSEALED) as other,
                _populated(settings, access, (port, other), scale) as country,
            ):
                yield country
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@asynccontextmanager
async def process(folder: Path, program: str = SERVICE) -> AsyncIterator[int]:
    """Run a program in a process of its own; yield the port at which it is ready."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    environment = {
        "NRM_DATA_DIR": str(folder),
        "NRM_PORT": str(port),
        "NRM_REQUESTS_PER_MINUTE": MOST_REQUESTS,
        "NRM_BUDGET_FACTOR": "1000000",
        "NRM_REQUESTS_PER_MINUTE_AND_ADDRESS": MOST_REQUESTS,
        "NRM_LOG_LEVEL": "error",
        "PATH": "/usr/bin:/bin",
    }
    running = subprocess.Popen([sys.executable, "-c", program, "serve"], cwd=ROOT, env=environment)  # noqa: ASYNC220, S603
    try:
        async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}") as client:
            for _ in range(600):
                try:
                    if (await client.get("/health/ready")).is_success:
                        break
                except httpx.TransportError:
                    await asyncio.sleep(0.05)
        yield port
    finally:
        running.terminate()
        running.wait(20)


@asynccontextmanager
async def _populated(settings: Settings, access: Access, ports: tuple[int, int], scale: int) -> AsyncIterator[Country]:
    issuer = LocalIssuer.of(settings)
    tokens = {
        SENDER: issuer.token("caseworker-alpha", SENDER, Role.NGO_CASEWORKER),
        RECEIVER: issuer.token(WORKER, RECEIVER, RECEIVERS_ROLE),
    }
    await _original(ports[0], tokens[SENDER])
    plain = [await asyncpg.connect(access.admin_dsn(access.database)) for _ in range(CLIENTS)]
    own = {"server_settings": {"timezone": "UTC", "jit": "off"}}
    held = [await asyncpg.connect(access.dsns[DatabaseRole.APPLICATION], **own) for _ in range(CLIENTS)]
    await fill(plain[0], scale)
    lines, unsealed = [
        [Line(port, *await asyncio.open_connection("127.0.0.1", port)) for _ in range(CLIENTS)] for port in ports
    ]
    # Those whose clocks run out last: the sweep takes the others.
    copies = "SELECT reference FROM referrals WHERE reference ~ '^R-0000' ORDER BY reference LIMIT 50000"
    referrals = [row["reference"] for row in await plain[0].fetch(copies)]
    worker = for_worker(settings, access.dsns)
    yield Country(scale, tokens, referrals, plain, held, lines, unsealed, worker)
    await worker.database.close()
    for line in (*lines, *unsealed):
        line.writer.close()
        await line.writer.wait_closed()
    for connection in (*plain, *held):
        await connection.close()


async def _original(port: int, token: str) -> None:
    """Bring one case to a referral that waits for its receipt."""
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}/v1", timeout=30) as client:

        async def post(path: str, body: Any = None) -> Any:
            headers = {"Authorization": f"Bearer {token}", "Idempotency-Key": f"bench-{path.replace('/', '-')[-60:]}"}
            answer = (await client.post(path, json=body, headers=headers)).raise_for_status()
            return answer.json() if answer.content else None

        case = f"/cases/{(await post('/cases', CASE))['reference']}"
        await post(f"{case}/steps/inform-of-rights/completion")
        await post(f"{case}/consents", CONSENT)
        await post(f"{case}/screenings", {"hits": {}, "result": "indicated"})
        await post(f"{case}/decisions", VICTIM)
        await post(f"{case}/referrals", {"step": "refer-for-shelter", "service": "shelter", "recipient": RECEIVER})
