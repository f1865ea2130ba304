import base64
import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from hypothesis import given
from hypothesis import strategies as st

from auth.tokens import Claims, TokenIssuer, TokenRefused, TokenVerifier, generate_key_pair
from domain.codes import Role
from domain.errors import DomainError

PRIVATE, PUBLIC = generate_key_pair()
NEXT_PRIVATE, NEXT_PUBLIC = generate_key_pair()
ISSUER = TokenIssuer(PRIVATE, "key-1", "nrm", "referrals")
VERIFIER = TokenVerifier({"key-1": PUBLIC, "key-2": NEXT_PUBLIC}, "nrm", "referrals")
NOW = datetime(2026, 3, 21, 9, 30, tzinfo=UTC)


def a_token(**change: Any) -> str:
    values = {
        "subject": "staff-7",
        "organisation": "ngo-osh",
        "role": Role.NGO_CASEWORKER,
        "lifetime": timedelta(minutes=15),
        "now": NOW,
        "token_id": "token-1",
    }
    return ISSUER.issue(**values | change)


def reason(token: str, now: datetime = NOW) -> str:
    with pytest.raises(TokenRefused) as caught:
        VERIFIER.verify(token, now)
    return caught.value.reason


def test_a_token_says_who_acts_for_whom_and_how_long() -> None:
    assert VERIFIER.verify(a_token(), NOW) == Claims(
        subject="staff-7",
        organisation="ngo-osh",
        role=Role.NGO_CASEWORKER,
        token_id="token-1",
        issued_at=NOW,
        expires_at=NOW + timedelta(minutes=15),
    )


def test_a_token_says_in_its_header_what_it_is() -> None:
    header = a_token().split(".")[0]

    assert json.loads(base64.urlsafe_b64decode(header + "==")) == {"alg": "ES256", "typ": "at+jwt", "kid": "key-1"}


@given(
    seconds=st.integers(1, 12 * 3600),
    after=st.integers(0, 13 * 3600),
)
def test_a_token_lives_exactly_as_long_as_it_says(seconds: int, after: int) -> None:
    token = a_token(lifetime=timedelta(seconds=seconds))
    present = NOW + timedelta(seconds=after)

    if after < seconds:
        assert VERIFIER.verify(token, present).expires_at == NOW + timedelta(seconds=seconds)
    else:
        assert reason(token, present) == "exp"


def test_a_token_that_was_right_once_is_judged_again_and_helps_no_other_token() -> None:
    token = a_token()
    verifier = TokenVerifier({"key-1": PUBLIC}, "nrm", "referrals")
    verifier.verify(token, NOW)
    assert verifier.verify(token, NOW).token_id == "token-1"
    for other, later, refused in (
        (token, timedelta(minutes=15), "exp"),
        (token[:-40] + ("A" if token[-40] != "A" else "B") + token[-39:], timedelta(0), "signature"),
        (a_token(organisation="ngo-2").rpartition(".")[0] + "." + token.rpartition(".")[2], timedelta(0), "signature"),
    ):
        with pytest.raises(TokenRefused) as caught:
            verifier.verify(other, NOW + later)
        assert caught.value.reason == refused


def test_the_clock_of_the_caller_decides_and_not_the_machines() -> None:
    long_ago, far_ahead = datetime(2001, 1, 1, tzinfo=UTC), datetime(2090, 1, 1, tzinfo=UTC)

    assert VERIFIER.verify(a_token(now=long_ago), long_ago).issued_at == long_ago
    assert VERIFIER.verify(a_token(now=far_ahead), far_ahead).issued_at == far_ahead


def test_an_issuer_may_be_half_a_minute_ahead_and_no_more() -> None:
    assert VERIFIER.verify(a_token(now=NOW + timedelta(seconds=30)), NOW).token_id == "token-1"
    assert reason(a_token(now=NOW + timedelta(seconds=31))) == "iat"


def test_the_next_key_is_believed_beside_the_present_one_and_no_third() -> None:
    values = {"subject": "s", "organisation": "o", "role": Role.COORDINATOR, "lifetime": timedelta(hours=12)}
    successor = TokenIssuer(NEXT_PRIVATE, "key-2", "nrm", "referrals")
    stranger = TokenIssuer(NEXT_PRIVATE, "key-3", "nrm", "referrals")

    assert VERIFIER.verify(successor.issue(**values, now=NOW, token_id="t"), NOW).subject == "s"
    assert reason(stranger.issue(**values, now=NOW, token_id="t")) == "kid"


def test_another_issuer_and_another_audience_are_refused() -> None:
    values = {"subject": "s", "organisation": "o", "role": Role.COORDINATOR, "lifetime": timedelta(hours=1)}

    assert reason(TokenIssuer(PRIVATE, "key-1", "other", "referrals").issue(**values, now=NOW, token_id="t")) == "iss"
    assert reason(TokenIssuer(PRIVATE, "key-1", "nrm", "other").issue(**values, now=NOW, token_id="t")) == "aud"


@pytest.mark.parametrize(
    ("change", "because"),
    [
        ({"subject": ""}, "sub"),
        ({"subject": "x" * 201}, "sub"),
        ({"subject": "x\n"}, "sub"),
        ({"organisation": "\x00"}, "org"),
        ({"token_id": ""}, "jti"),
    ],
)
def test_a_claim_that_is_no_short_text_is_refused(change: dict[str, str], because: str) -> None:
    assert reason(a_token(**change)) == because


def test_a_refusal_tells_the_caller_nothing_and_the_log_a_code() -> None:
    with pytest.raises(DomainError) as caught:
        VERIFIER.verify("x", NOW)

    assert isinstance(caught.value, TokenRefused)
    assert (caught.value.code, caught.value.details, str(caught.value)) == ("token-refused", {}, "token-refused")
    assert caught.value.reason == "form"


@pytest.mark.parametrize("header", ["A", "AAAAA", "AB"])
def test_a_segment_has_one_spelling(header: str) -> None:
    _, payload, signature = a_token().split(".")

    assert reason(f"{header}.{payload}.{signature}") == "encoding"


@pytest.mark.parametrize("lifetime", [timedelta(0), timedelta(seconds=-1), timedelta(hours=12, seconds=1)])
def test_a_lifetime_out_of_range_is_not_issued(lifetime: timedelta) -> None:
    with pytest.raises(ValueError, match="twelve hours"):
        a_token(lifetime=lifetime)


def test_an_instant_without_time_zone_is_not_issued() -> None:
    with pytest.raises(ValueError, match="time zone"):
        a_token(now=NOW.replace(tzinfo=None))


def other_keys() -> list[Any]:
    return [
        ec.generate_private_key(ec.SECP384R1()),
        rsa.generate_private_key(public_exponent=65537, key_size=2048),
        ed25519.Ed25519PrivateKey.generate(),
    ]


@pytest.mark.parametrize("key", other_keys(), ids=["P-384", "RSA", "Ed25519"])
def test_keys_of_another_kind_are_refused_at_the_start(key: Any) -> None:
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    ).decode()
    public = (
        key.public_key()
        .public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
        .decode()
    )

    with pytest.raises(ValueError, match="P-256"):
        TokenIssuer(private, "key-1", "nrm", "referrals")
    with pytest.raises(ValueError, match="P-256"):
        TokenVerifier({"key-1": public}, "nrm", "referrals")


def test_no_key_and_no_private_key_in_the_verifier() -> None:
    with pytest.raises(ValueError, match="no key"):
        TokenVerifier({}, "nrm", "referrals")
    with pytest.raises(ValueError, match=r".+"):
        TokenVerifier({"key-1": PRIVATE}, "nrm", "referrals")
    with pytest.raises(ValueError, match=r".+"):
        TokenIssuer(PUBLIC, "key-1", "nrm", "referrals")


def test_no_key_shows_in_a_representation() -> None:
    body = PRIVATE.splitlines()[1]

    assert body not in repr(ISSUER)
    assert body not in repr(VERIFIER)
