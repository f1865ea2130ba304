"""Somebody registers a webhook to reach what is not theirs, to read what is not theirs, or to hold the service up."""

import asyncio
import json
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

import asyncpg
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from api.dispatcher import Dispatcher
from api.sending import Sender
from api.settings import DatabaseRole
from domain.webhooks.models import AttemptOutcome
from domain.webhooks.rules import Allowed
from tests.journeys.scenes import carried, referred, supported
from tests.receiver import Receiver, receiving
from tests.world import World

Attack = Callable[..., None]
Talk = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]
HOME = Allowed(frozenset({"127.0.0.1", "localhost", "receiver.example"}), development=True)
PRODUCTION = Allowed(HOME.hosts)
KINDS = ["referral_arrived", "referral_changed", "referral_recalled", "referral_overdue", "referral_expired"]
WORDS = ["Aizada", "Testova", "010203", "Testovo", "made up"]


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receiving() as found:
        yield found


@asynccontextmanager
async def talking(talk: Talk, tls: ssl.SSLContext | None = None) -> AsyncIterator[int]:
    """Yield the port of a server on this machine that speaks as it likes."""
    server = await asyncio.start_server(talk, "127.0.0.1", 0, ssl=tls)
    async with server:
        yield server.sockets[0].getsockname()[1]


def saying(answer: bytes) -> Talk:
    async def talk(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(answer)
        await writer.drain()
        writer.close()

    return talk


@pytest.mark.parametrize("allowed", [PRODUCTION, HOME])
async def test_no_name_leads_inside_whatever_it_resolves_to(
    receiver: Receiver, attack: Attack, allowed: Allowed
) -> None:
    """The resolver is the attacker's: it says the truth once, lies the next time, or says both at once."""
    inside = ["127.0.0.1", "::1", "10.0.0.1", "169.254.169.254", "::ffff:127.0.0.1", "64:ff9b::7f00:1", "0.0.0.0"]  # noqa: S104
    tried = 0
    for one in inside:
        for resolved in ([one], ["198.51.100.7", one], [one, "8.8.8.8"], ["8.8.8.8", one]):

            async def lying(_: str, __: int, told: list[str] = resolved) -> list[str]:
                return told

            sender = Sender(allowed, resolving=lying, patience=2)
            url = f"https://receiver.example:8443/{receiver.port}"
            assert await sender(url, {}, b"{}") == AttemptOutcome.NOT_ALLOWED
            tried += 1
    assert receiver.calls == []
    attack("names of webhooks that lead inside", tried=tried, succeeded=len(receiver.calls))


async def test_the_name_is_asked_once_so_that_it_cannot_change_its_mind(receiver: Receiver) -> None:
    asked: list[str] = []

    async def rebinding(host: str, _: int) -> list[str]:
        asked.append(host)
        return ["127.0.0.1"] if len(asked) == 1 else ["10.0.0.1"]

    sender = Sender(HOME, resolving=rebinding)
    url = f"http://localhost:{receiver.port}/hook"
    assert await sender(url, {}, b"{}") == AttemptOutcome.ACCEPTED
    assert asked == ["localhost"]
    assert receiver.calls[0].headers["host"] == f"localhost:{receiver.port}"
    assert await sender(url, {}, b"{}") == AttemptOutcome.NOT_ALLOWED
    assert len(receiver.calls) == 1


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_a_redirect_is_a_failure_and_is_not_followed(receiver: Receiver, status: int) -> None:
    receiver.answers = lambda _: (status, {"location": f"http://127.0.0.1:{receiver.port}/inside"})
    assert await Sender(HOME)(receiver.url, {}, b"{}") == AttemptOutcome.REDIRECTED
    assert [call.path for call in receiver.calls] == ["/hook"]


@pytest.mark.parametrize(
    ("answer", "outcome"),
    [
        (b"HTTP/1.1 200 OK\r\n\r\n", AttemptOutcome.ACCEPTED),
        (b"HTTP/1.1 204\r\n\r\n", AttemptOutcome.ACCEPTED),
        (b"HTTP/1.1 102 Processing\r\n\r\nHTTP/1.1 202 Accepted\r\n\r\n", AttemptOutcome.ACCEPTED),
        (b"HTTP/1.1 200 OK\r\ncontent-length: 99999999999\r\n\r\n" + b"x" * 1_000_000, AttemptOutcome.ACCEPTED),
        (b"HTTP/1.1 500 no\r\n\r\n", AttemptOutcome.REFUSED),
        (b"HTTP/1.1 404 no\r\n\r\n", AttemptOutcome.REFUSED),
        (b"HTTP/1.1 2000 OK\r\n\r\n", AttemptOutcome.UNREACHABLE),
        (b"HTTP/1.1 200", AttemptOutcome.UNREACHABLE),
        (b"HTTP/2 200 OK\r\n\r\n", AttemptOutcome.UNREACHABLE),
        (b"SSH-2.0-OpenSSH_9.9\r\n", AttemptOutcome.UNREACHABLE),
        (b"", AttemptOutcome.UNREACHABLE),
        (b"\n" * 100_000, AttemptOutcome.UNREACHABLE),
        (b"x" * 10_000_000, AttemptOutcome.UNREACHABLE),
        (b"HTTP/1.1 102 P\r\n" + b"a: b\r\n" * 100_000, AttemptOutcome.UNREACHABLE),
        (b"HTTP/1.1 102 P\r\n\r\n" * 100_000, AttemptOutcome.UNREACHABLE),
    ],
)
async def test_whatever_a_receiver_says_only_a_plain_2xx_is_success(answer: bytes, outcome: AttemptOutcome) -> None:
    async with talking(saying(answer)) as port:
        assert await Sender(HOME)(f"http://127.0.0.1:{port}/", {}, b"{}") == outcome


async def test_a_receiver_that_never_answers_is_given_up() -> None:
    async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()
        writer.close()

    async def dripping(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while not writer.is_closing():
            writer.write(b"HTTP/1.1 102 P\r\n\r\n")
            await asyncio.sleep(0.05)

    for talk in (silent, dripping):
        async with talking(talk) as port:
            outcome = await Sender(HOME, patience=0.3)(f"http://127.0.0.1:{port}/", {}, b"{}")
            assert outcome == AttemptOutcome.TOO_SLOW


async def test_nobody_listens_and_that_is_a_failure_like_others() -> None:
    async with talking(saying(b"")) as port:
        pass
    assert await Sender(HOME)(f"http://127.0.0.1:{port}/", {}, b"{}") == AttemptOutcome.UNREACHABLE


def certified(folder: Path, name: str) -> tuple[ssl.SSLContext, ssl.SSLContext]:
    """Return the contexts of a server with a certificate for a name, and of a client that trusts its issuer."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
    now = datetime(2026, 1, 1, tzinfo=UTC)
    named: list[x509.GeneralName] = [x509.DNSName(name) if name[0].isalpha() else x509.IPAddress(ip_address(name))]
    certificate = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now)
        .not_valid_after(now + timedelta(days=36500))
        .add_extension(x509.SubjectAlternativeName(named), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    pem = certificate.public_bytes(serialization.Encoding.PEM)
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    (folder / "server.pem").write_bytes(private + pem)
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(folder / "server.pem")
    return server, ssl.create_default_context(cadata=pem.decode())


@pytest.mark.parametrize(
    ("name", "issuer", "outcome"),
    [
        ("localhost", "trusted", AttemptOutcome.ACCEPTED),
        ("elsewhere.example", "trusted", AttemptOutcome.UNREACHABLE),
        ("127.0.0.1", "trusted", AttemptOutcome.UNREACHABLE),
        ("localhost", "unknown", AttemptOutcome.UNREACHABLE),
    ],
)
async def test_the_certificate_must_be_the_name_s_although_the_connection_goes_to_an_address(
    tmp_path: Path, name: str, issuer: str, outcome: AttemptOutcome
) -> None:
    server, client = certified(tmp_path, name)

    async def here(_: str, __: int) -> list[str]:
        return ["127.0.0.1"]

    async with talking(saying(b"HTTP/1.1 200 OK\r\n\r\n"), server) as port:
        sender = Sender(HOME, resolving=here, tls=client if issuer == "trusted" else None)
        assert await sender(f"https://localhost:{port}/", {}, b"{}") == outcome


def dispatcher(world: World) -> Dispatcher:
    assert world.runtime.webhook_key is not None
    return Dispatcher(world.runtime, Sender(world.runtime.allowed), world.runtime.webhook_key)


async def test_a_journey_s_events_hold_no_word_about_the_person_and_nothing_beyond_four_fields(
    world: World, receiver: Receiver
) -> None:
    for who in ("alpha", "north", "coordinator"):
        await world.post(who, "/webhooks", {"url": receiver.url, "kinds": KINDS})
    case, _ = await supported(world)
    reference = await referred(world, case)
    await carried(world, reference, "north", "receipt", "acceptance", "service-start")
    await world.later(timedelta(days=9)).work_off()
    assert await dispatcher(world.later(timedelta(days=9))).serve_all() > 0
    assert len(receiver.calls) >= 4
    listed = {
        (one["kind"], one["reference"])
        for who in ("alpha", "north", "coordinator")
        for one in (await world.get(who, "/notifications"))["items"]
    }
    for call in receiver.calls:
        told = json.loads(call.body)
        assert told.keys() == {"id", "kind", "reference", "occurred_at"}
        assert (told["kind"], told["reference"]) in listed
        everything = call.body.decode() + str(call.headers)
        assert [word for word in WORDS if word.casefold() in everything.casefold()] == []


@pytest.mark.parametrize("wall", [{"organisation": "SHELTER-NORTH"}, {"staff": "shelter-worker-north"}])
async def test_a_wall_that_is_raised_after_the_event_holds_it_back(
    world: World, admin: asyncpg.Connection, receiver: Receiver, wall: dict[str, str]
) -> None:
    hook = await world.post("north", "/webhooks", {"url": receiver.url, "kinds": KINDS})
    case, _ = await supported(world)
    other, _ = await supported(world)
    hidden = await referred(world, case)
    open_one = await referred(world, other)
    await world.post("alpha", f"/cases/{case}/walls", wall)
    await dispatcher(world).serve_all()
    assert [json.loads(call.body)["reference"] for call in receiver.calls] == [open_one]
    states = await admin.fetch(
        "SELECT n.reference, d.state FROM deliveries d JOIN notifications n ON n.id = d.notification_id"
    )
    assert {row["reference"]: row["state"] for row in states} == {hidden: "withheld", open_one: "delivered"}
    for state in ("withheld", "waiting", "dead", "delivered"):
        shown = await world.get("north", f"/webhooks/{hook['id']}/deliveries?state={state}")
        assert hidden not in str(shown)


async def test_only_the_worker_can_ask_for_the_events_of_a_webhook(world: World, receiver: Receiver) -> None:
    hook = await world.post("north", "/webhooks", {"url": receiver.url, "kinds": KINDS})
    case, _ = await supported(world)
    await referred(world, case)
    question = "SELECT count(*) FROM nrm_due_events($1, now() + interval '1 day', 10)"
    found = {}
    for role in (DatabaseRole.APPLICATION, DatabaseRole.WORKER):
        connection = await asyncpg.connect(world.access.dsns[role])
        found[role] = await connection.fetchval(question, hook["id"])
        await connection.close()
    assert found == {DatabaseRole.APPLICATION: 0, DatabaseRole.WORKER: 1}
