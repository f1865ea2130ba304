"""Invented persons by the thousand, each with words that nothing else says, and where these are left behind.

`spilled` plants them through the real service: a process of its own over loopback, on a cluster of its own, with its
temporary files, its working folder, its log and its core files where they can be searched.
"""

import asyncio
import os
import resource
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import chain
from pathlib import Path
from random import Random
from typing import Any

import httpx

from api import directory
from api.bootstrap import Access, database_access, prepare
from api.database import Database
from api.development import LocalIssuer, ensure_keys
from api.runtime import build
from api.settings import DatabaseRole, Settings
from domain.codes import Role
from tests.architecture import tree
from tests.attacks.disguises import disguises

HARD, SOFT = "бгджзклмнпрстхчш", "аеиоуыэө"
HARD_LATIN, SOFT_LATIN = "bdgjklmnprstvz", "aeiou"
AT_ONCE = 4
MOST_REQUESTS = "1000000"
PROGRAM = "from api.cli import main; main()"
WORKER, RECEIVER = ("caseworker-alpha", "NGO-ALPHA"), ("caseworker-beta", "NGO-BETA")
FURTHER = 20
"""Of so many persons, one goes on: consent, referral, question, answer, acceptance, changes."""


def _word(dice: Random, hard: str, soft: str) -> str:
    return "".join(dice.choice(hard) + dice.choice(soft) for _ in range(6)).capitalize()


@dataclass(frozen=True)
class Person:
    """Somebody who never was; every word is said of nobody else.

    Attributes:
        length: Of the free text beside the words, so that lengths differ.
    """

    given: str
    family: str
    place: str
    told: str
    phone: str
    length: int

    @classmethod
    def drawn(cls, number: int) -> "Person":
        """Return the person of a number: the same at every run."""
        dice = Random(f"canary {number}")  # noqa: S311 - invented words, no secrets
        cyrillic = [_word(dice, HARD, SOFT) for _ in range(3)]
        phone = f"70{dice.randrange(10**7):07}"
        return cls(*cyrillic[:2], _word(dice, HARD_LATIN, SOFT_LATIN), cyrillic[2], phone, dice.randrange(900))

    @property
    def number(self) -> str:
        """The telephone number as it is typed."""
        return f"+996 {self.phone[:3]} {self.phone[3:]}"

    @property
    def words(self) -> tuple[str, ...]:
        """What must be found nowhere."""
        return (self.given, self.family, self.place, self.told, self.phone, f"996{self.phone}", self.number)

    @property
    def compartments(self) -> dict[str, dict[str, Any]]:
        """What is recorded of the person: every compartment says something."""
        return {
            "identity": {"given_name": self.given, "family_name": self.family, "aliases": [self.told]},
            "contact": {"phone": self.number, "contact_hours": f"{self.told} after six"},
            "location": {"address": f"{self.place} 12", "place": self.place},
            "narrative": {"account": f"{self.told} {self.given} " + "x" * self.length},
            "health": {"conditions": self.told},
            "legal": {"proceedings": f"{self.family}, {self.place}"},
        }

    @property
    def case(self) -> dict[str, Any]:
        """The body that opens a case."""
        person = {"sex": "female", "age_band": "24--26"}
        return {"entry_channel": "ngo", "person": person, "compartments": self.compartments}

    @property
    def contact(self) -> dict[str, Any]:
        """A conversation that opens two cases which say exactly the same."""
        said = {"channel": "visit", "language": "ky", "topic": "possible_trafficking"}
        own = self.compartments
        return {**said, "narrative": own["narrative"], "contact": own["contact"], "cases": [self.case] * 2}


def needles(persons: Sequence[Person], *more: str) -> dict[bytes, str]:
    """Return every form of every word of some persons, and of other words."""
    words = chain(more, chain.from_iterable(person.words for person in persons))
    return {form: word for word in words for form in disguises(word)}


@dataclass
class Spill:
    """A running service and everything that it leaves behind.

    Attributes:
        folder: Of the data, the temporary files, the working folder and the logs.
        answers: Of requests that were refused: body and headers.
    """

    folder: Path
    settings: Settings
    access: Access
    issuer: LocalIssuer
    answers: list[bytes] = field(default_factory=list)
    statuses: set[int] = field(default_factory=set)

    @property
    def log(self) -> Path:
        """What the service wrote to its standard output and error, crashes among it."""
        return self.folder / "service.log"

    @contextmanager
    def serving(self) -> Iterator[tuple[subprocess.Popen[bytes], int]]:
        """Yield a process of the service that may leave core files, and its port."""
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = int(probe.getsockname()[1])
        environment = {
            "NRM_DATA_DIR": str(self.settings.data_dir),
            "NRM_PORT": str(port),
            "NRM_REQUESTS_PER_MINUTE": MOST_REQUESTS,
            "NRM_REQUESTS_PER_MINUTE_AND_ADDRESS": MOST_REQUESTS,
            "NRM_LOG_LEVEL": "debug",
            "PATH": "/usr/bin:/bin",
            "PYTHONPATH": str(tree.ROOT),
            "PYTHONFAULTHANDLER": "1",
            "TMPDIR": str(self.folder / "temporary"),
        }
        with self.log.open("ab") as log:
            process = crashing(PROGRAM, "serve", folder=self.folder / "cwd", log=log, env=environment)
        try:
            self._wait(port)
            yield process, port
        finally:
            process.terminate()
            process.wait(20)

    def nrm(self, *arguments: str) -> None:
        """Run a command of ours on the same data."""
        environment = {
            "NRM_DATA_DIR": str(self.settings.data_dir),
            "PATH": "/usr/bin:/bin",
            "PYTHONPATH": str(tree.ROOT),
        }
        program = [sys.executable, "-c", PROGRAM, *arguments]
        subprocess.run(program, cwd=self.folder, env=environment, capture_output=True, timeout=300, check=True)  # noqa: S603

    @staticmethod
    def _wait(port: int) -> None:
        for _ in range(400):
            try:
                if httpx.get(f"http://127.0.0.1:{port}/health/ready").is_success:
                    return
            except httpx.TransportError:
                signal.sigtimedwait([], 0.05)
        raise RuntimeError("the service did not start")

    def headers(self, who: tuple[str, str] = WORKER) -> dict[str, str]:
        """Return the headers of one new request."""
        token = self.issuer.token(*who, Role.NGO_CASEWORKER)
        return {"Authorization": f"Bearer {token}", "Idempotency-Key": secrets.token_hex(12)}

    async def plant(self, port: int, persons: Sequence[Person]) -> None:
        """Record every person, and let some of them go on; every refusal is kept."""
        async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}/v1", timeout=60) as client:
            gate = asyncio.Semaphore(AT_ONCE)

            async def one(number: int, person: Person) -> None:
                async with gate:
                    opened = await client.post("/contacts", json=person.contact, headers=self.headers())
                    assert opened.status_code == 201, opened.text
                    if number % FURTHER == 0:
                        await self._goes_on(client, person, opened.json()["cases"][0])

            await asyncio.gather(*(one(number, person) for number, person in enumerate(persons)))

    async def _goes_on(self, client: httpx.AsyncClient, person: Person, case: str) -> None:
        async def send(path: str, body: Any = None, who: tuple[str, str] = WORKER, version: str = "") -> httpx.Response:
            headers = {**self.headers(who), **({"If-Match": version} if version else {})}
            answer = await client.post(path, json=body, headers=headers)
            assert answer.is_success, (path, answer.text)
            return answer

        consent = {"decision": "given", "giver": "self", "purposes": ["support"], "recipients": ["any"]}
        consent |= {"compartments": list(person.compartments), "obtained": "oral", "language": "ky"}
        await send(f"/cases/{case}/steps/inform-of-rights/completion")
        await send(f"/cases/{case}/consents", consent)
        body = {"step": "refer-for-urgent-care", "service": "psychosocial", "recipient": RECEIVER[1]}
        referral = f"/referrals/{(await send(f'/cases/{case}/referrals', body)).json()['reference']}"
        acts: list[tuple[str, Any, tuple[str, str]]] = [
            ("receipt", None, RECEIVER),
            ("question", {"text": f"{person.given}, {person.place}?"}, RECEIVER),
            ("answer", {"text": f"{person.family}, {person.phone}"}, WORKER),
            ("acceptance", None, RECEIVER),
        ]
        for act, said, who in acts:
            shown = await client.get(referral, headers=self.headers(who))
            await send(f"{referral}/{act}", said, who, shown.headers["etag"])
        opened = await client.get(f"{referral}/package", headers=self.headers(RECEIVER))
        assert person.given in opened.text, "a reading is where the words come back"
        await self._fails(client, person, case)

    async def _fails(self, client: httpx.AsyncClient, person: Person, case: str) -> None:
        """Say the words where they are refused."""
        wrong: list[tuple[str, str, Any]] = [
            ("POST", "/cases", {person.given: person.family}),
            ("POST", "/cases", {**person.case, "entry_channel": person.told}),
            ("POST", f"/cases/{case}/walls", {"organisation": person.family, "staff": person.phone}),
            ("POST", f"/cases/{case}/consents", {"decision": person.told, "giver": person.phone}),
            ("GET", f"/cases/{person.place}", None),
            ("GET", f"/{person.place}/{person.phone}", None),
            ("PATCH", f"/cases?name={person.place}", None),
        ]
        for method, path, body in wrong:
            answer = await client.request(method, path, json=body, headers=self.headers())
            assert not answer.is_success, (method, path)
            self.statuses.add(answer.status_code)
            self.answers.append(answer.content + repr(answer.headers.multi_items()).encode())

    async def crash(self, process: subprocess.Popen[bytes], port: int, number: int, persons: Sequence[Person]) -> int:
        """Kill the service by a signal that leaves core files, while it opens cases; returns its exit code."""
        async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}/v1", timeout=20) as client:
            sent = [
                asyncio.create_task(client.post("/contacts", json=one.contact, headers=self.headers()))
                for one in persons
            ]
            await asyncio.wait(sent, return_when=asyncio.FIRST_COMPLETED)
            process.send_signal(number)
            await asyncio.gather(*sent, return_exceptions=True)
        return process.wait(20)


def crashing(program: str, *arguments: str, folder: Path, log: Any, env: Mapping[str, str]) -> subprocess.Popen[bytes]:
    """Start a Python program whose crash would leave a core file in the folder."""

    def unlimited() -> None:
        most = resource.getrlimit(resource.RLIMIT_CORE)[1]
        resource.setrlimit(resource.RLIMIT_CORE, (most, most))

    return subprocess.Popen(  # noqa: S603
        [sys.executable, "-c", program, *arguments],
        cwd=folder,
        env=dict(env),
        stdout=log,
        stderr=log,
        preexec_fn=unlimited,  # noqa: PLW1509 - nothing else runs in this process between the two
    )


@contextmanager
def spilled() -> Iterator[Spill]:
    """Yield a service on a cluster of its own; all of it is gone afterwards."""
    folder = Path(tempfile.mkdtemp(prefix="nrm-canaries-"))
    folder.chmod(0o711)  # the database server runs as another account when we are root
    for name in ("temporary", "cwd", "audit"):
        (folder / name).mkdir()
    settings = Settings(data_dir=folder / "data", default_language="en")
    try:
        ensure_keys(settings)
        with database_access(settings) as access:
            asyncio.run(_country(settings, access))
            yield Spill(folder, settings, access, LocalIssuer.of(settings))
    finally:
        shutil.rmtree(folder, ignore_errors=True)


async def _country(settings: Settings, access: Access) -> None:
    await prepare(access)
    database = Database(access.dsns)
    async with database.sessions(DatabaseRole.OWNER)() as session:
        entries = directory.read(Path(directory.__file__).parent / "fictional" / "directory.yaml")
        await directory.load(entries, session, build(settings, access.dsns))
    await database.close()


def below(folder: Path) -> Iterator[bytes]:
    """Yield what is in every file below a folder."""
    for above, _, names in os.walk(folder):
        for name in names:
            path = Path(above) / name
            if path.is_file() and not path.is_symlink():
                yield path.read_bytes()
