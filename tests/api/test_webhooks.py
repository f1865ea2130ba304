"""An organisation keeps its webhooks: the secret is shown once, failures become dead letters, and these come again."""

from argparse import Namespace
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

import asyncpg
import pytest

from api.cli import webhooks as operator
from api.database import Database
from api.dispatcher import Dispatcher, for_runtime
from api.sending import Sender
from api.settings import Settings
from tests.receiver import Receiver, receiving, verified
from tests.reliability.test_outbox import happened
from tests.world import World

KINDS = ["referral_arrived"]


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receiving() as found:
        yield found


async def registered(world: World, receiver: Receiver, who: str = "alpha") -> dict[str, Any]:
    made: dict[str, Any] = await world.post(who, "/webhooks", {"url": receiver.url, "kinds": KINDS}, expect=201)
    return made


async def dispatched(world: World) -> None:
    """Send everything that is due."""
    assert world.runtime.webhook_key is not None
    await Dispatcher(world.runtime, Sender(world.runtime.allowed), world.runtime.webhook_key).serve_all()


async def test_the_secret_is_shown_once_and_a_repeat_shows_the_rest(
    world: World, receiver: Receiver, admin: asyncpg.Connection
) -> None:
    body = {"url": receiver.url, "kinds": KINDS}
    first = await world.ask("alpha", "POST", "/webhooks", body, key="register-once")
    again = await world.ask("alpha", "POST", "/webhooks", body, key="register-once")
    assert (first.status_code, again.status_code) == (201, 201)
    secret = first.json()["secret"]
    assert secret.startswith("whsec_")
    assert again.json() == {**first.json(), "secret": None}
    assert again.headers["location"] == first.headers["location"]
    shown = await world.get("alpha", f"/webhooks/{first.json()['id']}")
    assert "secret" not in shown
    rows = await admin.fetch("SELECT t::text AS row FROM webhooks t UNION ALL SELECT details::text FROM audit_entries")
    bodies = await admin.fetch("SELECT body FROM idempotency_records")
    assert [row for row in [*(one["row"] for one in rows)] if secret[6:] in (row or "")] == []
    assert [one for one in bodies if secret[6:].encode() in one["body"]] == []


async def test_events_come_signed_from_the_moment_of_registration(world: World, receiver: Receiver) -> None:
    await happened(world, "alpha", 2)
    made = await registered(world, receiver)
    expected = await happened(world, "alpha", 3)
    await happened(world, "beta", 1)
    assert (await world.get("alpha", f"/webhooks/{made['id']}"))["waiting"] == 3
    await dispatched(world)
    assert sorted(receiver.ids) == sorted(expected)
    now = world.runtime.clock.present().timestamp()
    assert [verified(made["secret"], call.headers, call.body, now) for call in receiver.calls] == receiver.ids
    assert (await world.get("alpha", f"/webhooks/{made['id']}"))["waiting"] == 0


async def test_two_secrets_sign_for_a_day_after_a_change_and_then_one(world: World, receiver: Receiver) -> None:
    made = await registered(world, receiver)
    changed = await world.post("alpha", f"/webhooks/{made['id']}/secret", version=1)
    assert changed["secret"] != made["secret"]
    await happened(world, "alpha", 1)
    await dispatched(world)
    tomorrow = world.later(timedelta(hours=25))
    await happened(tomorrow, "alpha", 1)
    await dispatched(tomorrow)
    during, after = receiver.calls
    for secret in (made["secret"], changed["secret"]):
        assert verified(secret, during.headers, during.body, world.runtime.clock.present().timestamp())
    then = tomorrow.runtime.clock.present().timestamp()
    assert verified(changed["secret"], after.headers, after.body, then)
    with pytest.raises(ValueError, match="not signed"):
        verified(made["secret"], after.headers, after.body, then)


async def test_what_fails_for_three_days_is_a_dead_letter_until_it_is_offered_again(
    world: World, receiver: Receiver
) -> None:
    made = await registered(world, receiver)
    path = f"/webhooks/{made['id']}"
    one, other = await happened(world, "alpha", 2)
    receiver.answers = lambda _: (500, {})
    for hours in (0, 1, 24, 71, 72.1, 73, 73.5):
        await dispatched(world.later(timedelta(hours=hours)))
    late = world.later(timedelta(hours=74))
    dead = (await late.get("alpha", f"{path}/deliveries"))["items"]
    assert {item["event"] for item in dead} == {one, other}
    assert {(item["state"], item["outcome"], item["next_attempt_at"]) for item in dead} == {("dead", "refused", None)}
    tried = len(receiver.calls)
    await dispatched(late)
    assert len(receiver.calls) == tried
    receiver.answers = lambda _: (204, {})
    assert await late.post("alpha", f"{path}/replay", {"events": [one]}, version=1) == {"events": 1}
    later = late.later(timedelta(hours=1))
    await dispatched(later)
    assert receiver.ids[tried:] == [one]
    assert await later.post("alpha", f"{path}/replay", {}, version=2) == {"events": 1}
    await dispatched(later)
    assert receiver.ids[tried:] == [one, other]
    assert await later.post("alpha", f"{path}/replay", {}, version=3) == {"events": 0}
    listed = await later.get("alpha", f"{path}/deliveries?state=delivered")
    assert {item["event"] for item in listed["items"]} == {one, other}


async def test_while_a_webhook_is_paused_events_wait_and_once_it_has_ended_none_is_sent(
    world: World, receiver: Receiver
) -> None:
    made = await registered(world, receiver)
    path = f"/webhooks/{made['id']}"
    (first,) = await happened(world, "alpha", 1)
    await changed(world, path, "paused", 1)
    await dispatched(world)
    assert receiver.ids == []
    await changed(world, path, "active", 2)
    await dispatched(world)
    assert receiver.ids == [first]
    await happened(world, "alpha", 1)
    await changed(world, path, "ended", 3)
    await happened(world, "alpha", 1)
    await dispatched(world)
    assert receiver.ids == [first]
    stale = await world.ask("alpha", "PUT", f"{path}/status", {"status": "active"}, version=4)
    assert (stale.status_code, stale.json()["current"]) == (409, "ended")


async def changed(world: World, path: str, status: str, version: int) -> None:
    answer = await world.ask("alpha", "PUT", f"{path}/status", {"status": status}, version=version)
    assert (answer.status_code, answer.json()["status"]) == (200, status)


async def test_an_organisation_that_is_suspended_is_told_nothing_until_it_is_back(
    world: World, receiver: Receiver, admin: asyncpg.Connection
) -> None:
    await registered(world, receiver)
    await happened(world, "alpha", 1)
    await admin.execute("UPDATE organisations SET status = 'suspended' WHERE code = 'NGO-ALPHA'")
    await dispatched(world)
    assert receiver.ids == []
    await admin.execute("UPDATE organisations SET status = 'active' WHERE code = 'NGO-ALPHA'")
    await dispatched(world)
    assert len(receiver.ids) == 1


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("https://elsewhere.example/", "host"),
        ("http://receiver.example/", "scheme"),
        ("https://receiver.example:25/", "port"),
    ],
)
async def test_events_are_sent_to_allowed_hosts_alone(shared_world: World, url: str, reason: str) -> None:
    answer = await shared_world.ask("alpha", "POST", "/webhooks", {"url": url, "kinds": KINDS})
    assert answer.status_code == 422
    assert answer.json()["reason"] == reason


async def test_nobody_sees_or_changes_the_webhooks_of_another_organisation(world: World, receiver: Receiver) -> None:
    made = await registered(world, receiver)
    path = f"/webhooks/{made['id']}"
    assert (await world.get("beta", "/webhooks"))["items"] == []
    for who in ("beta", "north", "coordinator"):
        for method, rest, body in (
            ("GET", "", None),
            ("GET", "/deliveries", None),
            ("PUT", "/status", {"status": "ended"}),
            ("POST", "/secret", None),
            ("POST", "/replay", {}),
        ):
            version = None if method == "GET" else 1
            assert (await world.ask(who, method, path + rest, body, version=version)).status_code == 404
    assert len((await world.get("alpha2", "/webhooks"))["items"]) == 1


async def test_the_operator_lists_replays_and_pauses_without_any_reference(
    world: World, receiver: Receiver, admin: asyncpg.Connection, capsys: pytest.CaptureFixture[str]
) -> None:
    made = await registered(world, receiver)
    events = await happened(world, "alpha", 2)
    await admin.execute("UPDATE deliveries SET state = 'dead', outcome = 'refused'")

    async def asked(task: operator.Task, **more: Any) -> tuple[int, str]:
        runtime = replace(world.runtime, database=Database(world.access.dsns))
        code = await operator.in_one_transaction(runtime, task, Namespace(webhook=made["id"], **more))
        return code, capsys.readouterr().out

    assert "NGO-ALPHA  active  0 waiting  2 dead" in (await asked(operator.listed))[1]
    listed = (await asked(operator.dead))[1]
    assert all(event in listed for event in events)
    assert "R-" not in listed
    assert await asked(operator.replayed, event=events[0]) == (0, "1 offered again\n")
    assert await asked(operator.replayed, event=None) == (0, "1 offered again\n")
    assert await asked(operator.paused) == (0, "paused\n")
    assert (await asked(operator.paused))[0] == 1
    shown = await world.get("alpha", f"/webhooks/{made['id']}")
    assert (shown["status"], shown["waiting"], shown["version"]) == ("paused", 2, 2)
    actions = await admin.fetch(
        "SELECT action FROM audit_entries WHERE rule = 'operator' AND action LIKE 'webhook.%' ORDER BY 1"
    )
    assert [row["action"] for row in actions] == ["webhook.changed", "webhook.replayed", "webhook.replayed"]


async def test_what_was_delivered_a_month_ago_is_forgotten_and_dead_letters_are_not(
    world: World, receiver: Receiver, admin: asyncpg.Connection
) -> None:
    await registered(world, receiver)
    _, dead = await happened(world, "alpha", 2)
    await dispatched(world)
    await admin.execute("UPDATE deliveries SET state = 'dead' WHERE notification_id = $1", dead)
    for days, left in ((29, 2), (31, 1)):
        later = for_runtime(world.later(timedelta(days=days)).runtime)
        assert later is not None
        await later.tidy()
        await later.runtime.database.close()
        assert await admin.fetchval("SELECT count(*) FROM deliveries") == left


def test_without_hosts_there_is_no_dispatcher(shared_world: World) -> None:
    assert for_runtime(replace(shared_world.runtime, settings=Settings())) is None
