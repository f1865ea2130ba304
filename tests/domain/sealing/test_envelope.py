from dataclasses import astuple, replace
from typing import Any
from uuid import UUID

import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESGCMSIV
from hypothesis import given
from hypothesis import strategies as st

from domain.sealing.envelope import (
    MAX_PLAINTEXT,
    OVERHEAD,
    STEP,
    Context,
    SealBroken,
    fingerprint,
    length_prefixed,
    open_sealed,
    seal,
    sealed_key_version,
)

KEY = bytes(range(32))
NONCE = bytes(12)
CONTEXT = Context(
    holder_id=UUID(int=1),
    record_id=UUID(int=2),
    kind="compartment",
    compartment="identity",
    key_version=3,
    row_version=4,
)

contexts = st.builds(
    Context,
    holder_id=st.uuids(),
    record_id=st.uuids(),
    kind=st.text(st.characters(codec="utf-8"), max_size=5),
    compartment=st.text(st.characters(codec="utf-8"), max_size=5),
    key_version=st.integers(1, 2**32 - 1),
    row_version=st.integers(0, 2**63 - 1),
)


@given(plaintext=st.binary(max_size=3 * STEP), key=st.binary(min_size=32, max_size=32), context=contexts)
def test_what_is_sealed_opens_where_it_lies(plaintext: bytes, key: bytes, context: Context) -> None:
    blob = seal(plaintext, key=key, nonce=NONCE, context=context)

    assert open_sealed(blob, key=key, context=context) == plaintext
    assert sealed_key_version(blob) == context.key_version


@given(plaintext=st.binary(max_size=3 * STEP))
def test_the_length_shows_only_in_steps_of_256(plaintext: bytes) -> None:
    blob = seal(plaintext, key=KEY, nonce=NONCE, context=CONTEXT)

    assert len(blob) - OVERHEAD == (len(plaintext) // STEP + 1) * STEP
    assert OVERHEAD == 33


@pytest.mark.parametrize("plaintext", [b"", b"\x80", b"\x80\x00", b"\x00" * 300, b"\x80" * 255, b"x" * 255, b"x" * 256])
def test_padding_is_unambiguous_where_the_plaintext_looks_like_padding(plaintext: bytes) -> None:
    assert open_sealed(seal(plaintext, key=KEY, nonce=NONCE, context=CONTEXT), key=KEY, context=CONTEXT) == plaintext


def test_the_longest_value_fits_and_one_byte_more_does_not() -> None:
    blob = seal(b"x" * MAX_PLAINTEXT, key=KEY, nonce=NONCE, context=CONTEXT)

    assert open_sealed(blob, key=KEY, context=CONTEXT) == b"x" * MAX_PLAINTEXT
    with pytest.raises(ValueError, match="64 KiB"):
        seal(b"x" * (MAX_PLAINTEXT + 1), key=KEY, nonce=NONCE, context=CONTEXT)


@given(one=contexts, other=contexts)
def test_no_two_contexts_share_bytes(one: Context, other: Context) -> None:
    assert (one == other) == (one.associated_data() == other.associated_data())


@given(
    one=st.lists(st.binary(max_size=6), max_size=4),
    other=st.lists(st.binary(max_size=6), max_size=4),
)
def test_no_two_sequences_of_fields_share_bytes(one: list[bytes], other: list[bytes]) -> None:
    assert (one == other) == (length_prefixed(*one) == length_prefixed(*other))


@pytest.mark.parametrize(
    "change",
    [
        {"holder_id": UUID(int=9)},
        {"record_id": UUID(int=9)},
        {"kind": "package"},
        {"compartment": "health"},
        {"key_version": 9},
        {"row_version": 9},
        {"kind": "compartmenti", "compartment": "dentity"},
        {"holder_id": UUID(int=2), "record_id": UUID(int=1)},
    ],
)
def test_a_value_opens_in_no_other_context(change: dict[str, Any]) -> None:
    blob = seal(b"Aida", key=KEY, nonce=NONCE, context=CONTEXT)

    assert len(astuple(CONTEXT)) == 6
    with pytest.raises(SealBroken):
        open_sealed(blob, key=KEY, context=replace(CONTEXT, **change))


def test_a_value_does_not_open_with_another_key_and_the_refusal_says_nothing() -> None:
    blob = seal(b"Aida", key=KEY, nonce=NONCE, context=CONTEXT)

    with pytest.raises(SealBroken) as caught:
        open_sealed(blob, key=bytes(32), context=CONTEXT)
    assert caught.value.code == "seal-broken"
    assert caught.value.details == {}
    assert caught.value.__cause__ is None


@pytest.mark.parametrize(
    "blob", [b"", b"\x01", bytes(OVERHEAD + STEP), b"\x01" + bytes(OVERHEAD + STEP), bytes(70_000)]
)
def test_what_is_no_sealed_value_is_refused(blob: bytes) -> None:
    with pytest.raises(SealBroken):
        open_sealed(blob, key=KEY, context=CONTEXT)


@pytest.mark.parametrize("padded", [bytes(STEP), b"x" * STEP, b"x\x80" + bytes(2 * STEP - 2)])
def test_padding_that_we_do_not_write_is_refused(padded: bytes) -> None:
    ours = seal(b"", key=KEY, nonce=NONCE, context=CONTEXT)
    forged = ours[:17] + AESGCMSIV(KEY).encrypt(NONCE, padded, CONTEXT.associated_data())

    with pytest.raises(SealBroken):
        open_sealed(forged, key=KEY, context=CONTEXT)


def test_keys_and_nonces_of_a_wrong_length_are_refused() -> None:
    with pytest.raises(ValueError, match="32 bytes"):
        seal(b"", key=KEY[:16], nonce=NONCE, context=CONTEXT)
    with pytest.raises(ValueError, match="32 bytes"):
        open_sealed(b"", key=KEY[:16], context=CONTEXT)
    with pytest.raises(ValueError, match="12 bytes"):
        seal(b"", key=KEY, nonce=bytes(16), context=CONTEXT)


@pytest.mark.parametrize(
    "change", [{"key_version": 0}, {"key_version": 2**32}, {"row_version": -1}, {"row_version": 2**63}]
)
def test_versions_out_of_range_are_refused(change: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="version is between"):
        replace(CONTEXT, **change)


def test_the_fingerprint_is_the_sha_256_of_the_blob() -> None:
    assert fingerprint(b"abc").hex() == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"


def test_the_cipher_is_the_one_of_rfc_8452() -> None:
    """Test vector of appendix C.2 (AEAD_AES_256_GCM_SIV, 8 bytes of plaintext, no associated data)."""
    key = bytes.fromhex("01" + "00" * 31)
    nonce = bytes.fromhex("03" + "00" * 11)

    sealed = AESGCMSIV(key).encrypt(nonce, bytes.fromhex("0100000000000000"), b"")

    assert sealed.hex() == "c2ef328e5c71c83b843122130f7364b761e0b97427e3df28"
