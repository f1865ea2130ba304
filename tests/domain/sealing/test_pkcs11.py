"""Keys inside a hardware security module: the real SoftHSM2, and what happens when it goes away."""

import hashlib
import hmac
import secrets
import threading
from collections.abc import Iterator
from itertools import count
from pathlib import Path

import PyKCS11
import pytest

from domain.sealing import pkcs11
from domain.sealing.envelope import SealBroken
from domain.sealing.keys import key_id_of
from domain.sealing.pkcs11 import Token, TokenPlace, TokenProvider, TokenRefused, TokenSource
from domain.sealing.ring import KeyNotHeld, Sealed
from tests.softhsm import PIN, Tokens

WRAPPED = b"k" * 32
NUMBERS = count(1)


@pytest.fixture
def place(tokens: Tokens) -> TokenPlace:
    label = f"nrm-{next(NUMBERS)}"
    pin = tokens.new(label)
    return TokenPlace(tokens.found.module, label, lambda: pin.read_text().strip())


@pytest.fixture
def provider(place: TokenPlace) -> Iterator[TokenProvider]:
    made = pkcs11.create(place, secrets.token_bytes)
    yield made
    made.forget()


def opened(place: TokenPlace) -> TokenProvider:
    return TokenSource(place, secrets.token_bytes).open()


def test_what_was_wrapped_unwraps_in_another_session(place: TokenPlace, provider: TokenProvider) -> None:
    wrapped = provider.wrap(WRAPPED, b"place")
    assert len(wrapped) == 69
    assert wrapped != provider.wrap(WRAPPED, b"place")
    assert opened(place).unwrap(wrapped, b"place") == WRAPPED


def test_wrapping_is_bound_to_its_place_and_to_every_byte(provider: TokenProvider) -> None:
    wrapped = provider.wrap(WRAPPED, b"place")
    with pytest.raises(SealBroken):
        provider.unwrap(wrapped, b"another place")
    for position in range(len(wrapped)):
        flipped = bytearray(wrapped)
        flipped[position] ^= 1
        with pytest.raises(SealBroken):
            provider.unwrap(bytes(flipped), b"place")
        with pytest.raises(SealBroken):
            provider.unwrap(wrapped[:position], b"place")
    assert provider.unwrap(wrapped, b"place") == WRAPPED


def test_an_added_key_wraps_and_every_session_learns_of_it(place: TokenPlace, provider: TokenProvider) -> None:
    old = provider.wrap(WRAPPED, b"place")
    added = Token(place).add(secrets.token_bytes)
    other = opened(place)
    new = other.wrap(WRAPPED, b"place")

    assert other.key_ids == (key_id_of(old), added)
    assert key_id_of(new) == added
    assert provider.unwrap(new, b"place") == WRAPPED
    assert key_id_of(provider.rewrap(old, b"place")) == added


def test_an_older_key_is_destroyed_and_the_one_that_wraps_is_not(place: TokenPlace, provider: TokenProvider) -> None:
    old = provider.wrap(WRAPPED, b"place")
    token = Token(place)
    with pytest.raises(TokenRefused, match="not an older key"):
        token.drop(provider.key_id)
    token.add(secrets.token_bytes)
    token.drop(key_id_of(old))
    with pytest.raises(KeyNotHeld):
        opened(place).unwrap(old, b"place")


def test_derived_secrets_are_the_modules_hmac_and_stay_with_its_keys(place: TokenPlace, tokens: Tokens) -> None:
    """The module agrees with the standard library about a key that it was given instead of one that it made."""
    Token(place).ensure_derivation()
    known = secrets.token_bytes(32)
    token = Token(place)
    handle = token._session.createObject(
        [
            (PyKCS11.CKA_CLASS, PyKCS11.CKO_SECRET_KEY),
            (PyKCS11.CKA_KEY_TYPE, PyKCS11.CKK_GENERIC_SECRET),
            (PyKCS11.CKA_TOKEN, False),
            (PyKCS11.CKA_SIGN, True),
            (PyKCS11.CKA_VALUE, known),
        ]
    )
    assert token.sign(handle, b"label") == hmac.digest(known, b"label", hashlib.sha256)
    made = pkcs11.create(place, secrets.token_bytes)
    derived = made.derive("idempotency")
    token.add(secrets.token_bytes)

    assert len(derived) == 32
    assert derived != made.derive("other")
    assert opened(place).derive("idempotency") == derived
    assert tokens.folder.exists()


def test_a_beginning_that_was_cut_off_is_finished_and_a_second_one_is_refused(place: TokenPlace) -> None:
    Token(place).ensure_derivation()
    with pytest.raises(TokenRefused, match="no keys of ours"):
        opened(place)
    pkcs11.create(place, secrets.token_bytes)
    found = Token(place)._session.findObjects([(PyKCS11.CKA_LABEL, pkcs11.DERIVATION)])
    assert len(found) == 1
    with pytest.raises(TokenRefused, match="already"):
        pkcs11.create(place, secrets.token_bytes)


def test_a_wrong_pin_token_or_module_is_refused_without_telling_the_pin(place: TokenPlace, tmp_path: Path) -> None:
    wrong = [
        TokenPlace(place.module, place.label, lambda: "wrong " + PIN),
        TokenPlace(place.module, "no such token", lambda: PIN),
        TokenPlace(tmp_path / "absent.so", place.label, lambda: PIN),
    ]
    for one in wrong:
        with pytest.raises(TokenRefused) as refused:
            opened(one)
        assert PIN not in str(refused.value)
        assert refused.value.__cause__ is None


def test_a_lost_session_is_begun_again(provider: TokenProvider) -> None:
    wrapped = provider.wrap(WRAPPED, b"place")
    provider._token._session.closeSession()
    assert provider.unwrap(wrapped, b"place") == WRAPPED
    provider._token._session.closeSession()
    assert provider.unwrap(provider.wrap(WRAPPED, b"place"), b"place") == WRAPPED
    provider._token._session.closeSession()
    assert len(provider.derive("afterwards")) == 32


def test_while_the_module_is_away_everything_is_sealed_and_nothing_is_broken(
    tokens: Tokens, place: TokenPlace, provider: TokenProvider
) -> None:
    wrapped = provider.wrap(WRAPPED, b"place")
    pin = tokens.folder / f"{place.label}.pin"
    kept = pin.read_text()
    pin.write_text("the PIN was changed")
    provider._token._session.logout()
    for attempt in (
        lambda: provider.unwrap(wrapped, b"place"),
        lambda: provider.wrap(WRAPPED, b"place"),
        lambda: provider.derive("new"),
    ):
        with pytest.raises(Sealed):
            attempt()
    pin.write_text(kept)
    assert provider.unwrap(wrapped, b"place") == WRAPPED


def test_threads_take_turns(provider: TokenProvider) -> None:
    failed: list[BaseException] = []

    def work() -> None:
        try:
            for _ in range(50):
                assert provider.unwrap(provider.wrap(WRAPPED, b"place"), b"place") == WRAPPED
        except BaseException as error:  # noqa: BLE001 - told below
            failed.append(error)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failed == []


def test_who_has_forgotten_is_logged_out(provider: TokenProvider) -> None:
    wrapped = provider.wrap(WRAPPED, b"place")
    assert provider.derive("idempotency")
    provider.forget()
    assert provider.key_ids == ()
    assert provider._derived == {}
    with pytest.raises(PyKCS11.PyKCS11Error):
        provider._token._session.findObjects([])
    for attempt in (
        lambda: provider.unwrap(wrapped, b"place"),
        lambda: provider.wrap(WRAPPED, b"place"),
        lambda: provider.derive("idempotency"),
    ):
        with pytest.raises(Sealed):
            attempt()
