"""Signatures are the ones of the Standard Webhooks specification, and secrets are derived and never the same twice."""

import json
from datetime import UTC, datetime
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.webhooks.signing import Event, headers, secret_of, signature
from tests.receiver import verified

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
EVENT = Event(UUID(int=7), "referral_arrived", "R-7F3K-9QWD-2M4H-XE61", NOW)
KEY = bytes(range(32))


def test_the_signature_is_the_one_of_the_specification_s_example() -> None:
    secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
    given_signature = signature(secret, "msg_p5jXN8AQM9LWM0D4loKWxJek", "1614265330", b'{"test": 2432232314}')
    assert given_signature == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


def test_what_is_sent_says_that_something_happened_and_nothing_else() -> None:
    assert json.loads(EVENT.body()) == {
        "id": str(EVENT.id),
        "kind": "referral_arrived",
        "reference": "R-7F3K-9QWD-2M4H-XE61",
        "occurred_at": "2026-11-22T12:00:00+00:00",
    }


def test_the_example_for_receivers_takes_what_was_signed_with_either_of_two_secrets_and_no_third() -> None:
    old, new, older = (secret_of(KEY, EVENT.id, version) for version in (2, 3, 1))
    sent = headers(EVENT, EVENT.body(), [new, old], NOW)
    for secret in (old, new):
        assert verified(secret, sent, EVENT.body(), NOW.timestamp()) == str(EVENT.id)
    with pytest.raises(ValueError, match="not signed"):
        verified(older, sent, EVENT.body(), NOW.timestamp())


@pytest.mark.parametrize("changed", ["webhook-id", "webhook-timestamp", "body", "late"])
def test_the_example_for_receivers_refuses_what_was_changed_or_kept_for_later(changed: str) -> None:
    secret = secret_of(KEY, EVENT.id, 1)
    sent, body, now = headers(EVENT, EVENT.body(), [secret], NOW), EVENT.body(), NOW.timestamp()
    if changed == "body":
        body = body.replace(b"arrived", b"expired")
    elif changed == "late":
        now += 301
    else:
        sent[changed] = {"webhook-id": str(UUID(int=8)), "webhook-timestamp": str(int(now) + 1)}[changed]
    with pytest.raises(ValueError, match=r"not signed|too old"):
        verified(secret, sent, body, now)


@given(one=st.tuples(st.uuids(), st.integers(1, 2**32 - 1)), other=st.tuples(st.uuids(), st.integers(1, 2**32 - 1)))
def test_every_webhook_has_another_secret_in_every_version(one: tuple[UUID, int], other: tuple[UUID, int]) -> None:
    assert (secret_of(KEY, *one) == secret_of(KEY, *other)) == (one == other)
    assert secret_of(KEY, *one) != secret_of(KEY[::-1], *one)
    assert secret_of(KEY, *one).startswith("whsec_")


def test_a_short_key_signs_nothing() -> None:
    with pytest.raises(ValueError, match="at least 32 bytes"):
        secret_of(b"short", EVENT.id, 1)
