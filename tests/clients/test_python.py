"""A client in Python, generated from the contract by a kept library, carries a person from a call to a service."""

import importlib
import sys
from collections.abc import Iterator
from contextlib import AsyncExitStack
from itertools import count
from pathlib import Path
from types import ModuleType
from typing import Any, Self

import pytest

from tests.api.described import FILE
from tests.clients.conftest import Served, run
from tests.journeys.scenes import ADULT, CONSENT, PERSON, SEALED, VICTIM

PACKAGE = "generated_nrm_client"
PEOPLE = ("hotline", "alpha", "north", "focal")
NUMBERS = count(1)


@pytest.fixture(scope="session")
async def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Generate the client; a warning of the generator is a fault of the contract."""
    made = tmp_path_factory.mktemp("python")
    (made / "config.yaml").write_text("post_hooks: []\n", encoding="utf-8")
    options = ("--path", str(FILE), "--meta", "none", "--output-path", PACKAGE, "--config", "config.yaml")
    code, printed = await run("openapi-python-client", "generate", *options, "--fail-on-warning", folder=made)
    assert code == 0, printed
    return made


@pytest.fixture
def importable(folder: Path) -> Iterator[None]:
    """Let the generated package be imported."""
    sys.path.insert(0, str(folder))
    yield
    sys.path.remove(str(folder))


def module(name: str) -> ModuleType:
    """Return a module of the generated client."""
    return importlib.import_module(f"{PACKAGE}.{name}")


def model(name: str, content: dict[str, Any]) -> Any:
    """Return what goes in, made by the generated class of that name."""
    return getattr(module("models"), name).from_dict(content)


class Staff:
    """Somebody who works with the generated client alone."""

    def __init__(self, served: Served, who: str) -> None:
        client = module("client").AuthenticatedClient
        self.client = client(base_url=served.address, token=served.token(who))

    async def __aenter__(self) -> Self:
        await self.client.__aenter__()
        return self

    async def __aexit__(self, *failure: object) -> None:
        await self.client.__aexit__(*failure)

    async def call(self, operation: str, *places: str, **sent: Any) -> Any:
        """Call one operation, `tag.name`; returns the typed answer, which must not be a problem."""
        answer = await module(f"api.{operation}").asyncio_detailed(*places, client=self.client, **sent)
        assert 200 <= answer.status_code < 300, (operation, answer.content)
        assert not isinstance(answer.parsed, module("models").Problem)
        return answer

    async def say(self, operation: str, *places: str, **sent: Any) -> Any:
        """Call an operation that changes something, with a key of its own."""
        return await self.call(operation, *places, idempotency_key=f"client-{next(NUMBERS):06}", **sent)

    async def act(self, name: str, referral: str, **sent: Any) -> Any:
        """Do one act on a referral in the version that was just read."""
        read = await self.call("referrals.read_referral", referral)
        return await self.say(f"referrals.{name}", referral, if_match=read.headers["etag"], **sent)


@pytest.mark.usefixtures("importable")
async def test_the_generated_client_carries_a_person_from_a_call_to_a_service(served: Served) -> None:
    async with AsyncExitStack() as entered:
        people = [await entered.enter_async_context(Staff(served, who)) for who in PEOPLE]
        await journey(*people)


async def journey(hotline: Staff, alpha: Staff, north: Staff, focal: Staff) -> None:
    """Play the journey with typed bodies and typed answers."""
    opens = {"entry_channel": "hotline", "person": ADULT, "compartments": SEALED}
    call = {"channel": "call", "language": "ky", "topic": "possible_trafficking", "cases": [opens]}
    contact = await hotline.say("contacts.create_contact", body=model("ContactIn", call))
    case = contact.parsed.cases[0]
    await hotline.say("cases.report_step", case, "inform-of-rights")
    await hotline.say("records.create_consent", case, body=model("ConsentIn", CONSENT))
    handing = {"step": "hand-over-case-management", "service": "case_management", "recipient": "NGO-ALPHA"}
    handed = await hotline.say("referrals.create_referral", case, body=model("ReferralIn", handing))
    await alpha.act("receive", handed.parsed.reference)
    await alpha.act("accept", handed.parsed.reference)
    await alpha.say("records.create_screening", case, body=model("ScreeningIn", {"hits": {}, "result": "indicated"}))
    await alpha.say("records.create_decision", case, body=model("DecisionIn", VICTIM))
    steps = (await alpha.call("cases.read_next_steps", case)).parsed
    assert "refer-for-shelter" in {step.step for step in steps.open_}
    asking = {"step": "refer-for-shelter", "service": "shelter", "recipient": "SHELTER-NORTH"}
    referral = (await alpha.say("referrals.create_referral", case, body=model("ReferralIn", asking))).parsed.reference
    await north.act("receive", referral)
    await north.act("accept", referral)
    package = (await north.call("referrals.read_package", referral)).parsed
    assert package.to_dict()["compartments"]["identity"] == PERSON
    await north.act("start_service", referral)
    await north.act("complete", referral, body=model("CompletionIn", {"outcome": "full"}))
    status = (await focal.call("referrals.read_referral_status", referral)).parsed
    assert (status.reference, str(status.status)) == (referral, "completed")


@pytest.mark.usefixtures("importable")
async def test_the_generated_client_types_a_refusal_as_a_problem(served: Served) -> None:
    async with Staff(served, "monitor") as monitor:
        answer = await module("api.cases.list_cases").asyncio_detailed(client=monitor.client)
    assert isinstance(answer.parsed, module("models").Problem)
    assert (answer.status_code, answer.parsed.code) == (403, "not-permitted")
