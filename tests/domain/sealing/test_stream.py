import secrets
from dataclasses import replace
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.sealing.envelope import SealBroken
from domain.sealing.stream import CHUNK, SEALED_CHUNK, Stream, chunks_of, filled, open_chunk, seal_chunk
from domain.sealing.streams import trimmed

KEY = secrets.token_bytes(32)
STREAM = Stream(b"s" * 16, UUID(int=1), UUID(int=2), "identity", 1, 4)
PLAINTEXT = secrets.token_bytes(CHUNK)


def sealed(number: int = 1, stream: Stream = STREAM, key: bytes = KEY) -> bytes:
    return seal_chunk(PLAINTEXT, number, key=key, nonce=secrets.token_bytes(12), stream=stream)


def test_a_chunk_opens_where_it_was_sealed_and_is_as_long_as_every_other() -> None:
    blob = sealed()
    assert open_chunk(blob, 1, key=KEY, stream=STREAM) == PLAINTEXT
    assert len(blob) == SEALED_CHUNK == CHUNK + 33
    assert sealed() != blob


@pytest.mark.parametrize(
    "other",
    [
        replace(STREAM, id=b"t" * 16),
        replace(STREAM, holder_id=UUID(int=9)),
        replace(STREAM, record_id=UUID(int=9)),
        replace(STREAM, compartment="health"),
        replace(STREAM, key_version=2),
        replace(STREAM, chunks=2),
        replace(STREAM, chunks=8),
    ],
)
def test_a_chunk_opens_in_no_other_stream_holder_record_compartment_version_or_length(other: Stream) -> None:
    with pytest.raises(SealBroken):
        open_chunk(sealed(), 1, key=KEY, stream=other)


@pytest.mark.parametrize("number", [0, 2, 3])
def test_a_chunk_opens_at_no_other_place(number: int) -> None:
    with pytest.raises(SealBroken):
        open_chunk(sealed(), number, key=KEY, stream=STREAM)


@pytest.mark.parametrize("at", [0, 4, 9, 17, CHUNK, SEALED_CHUNK - 1])
def test_a_chunk_with_one_changed_byte_does_not_open(at: int) -> None:
    blob = bytearray(sealed())
    blob[at] ^= 1
    with pytest.raises(SealBroken):
        open_chunk(bytes(blob), 1, key=KEY, stream=STREAM)


@pytest.mark.parametrize("blob", [b"", b"x" * 40, b"\2" * (SEALED_CHUNK - 1), b"\2" * (SEALED_CHUNK + 1)])
def test_what_is_no_chunk_does_not_open(blob: bytes) -> None:
    with pytest.raises(SealBroken):
        open_chunk(blob, 1, key=KEY, stream=STREAM)


def test_no_two_chunks_of_any_streams_are_bound_to_the_same_bytes() -> None:
    streams = [replace(STREAM, chunks=chunks, compartment=word) for chunks in (1, 2, 4) for word in ("health", "legal")]
    bound = [stream.associated_data(number) for stream in streams for number in range(stream.chunks)]
    assert len(set(bound)) == len(bound)


@pytest.mark.parametrize(
    ("size", "chunks"),
    [
        (0, 1),
        (1, 1),
        (CHUNK, 1),
        (CHUNK + 1, 2),
        (3 * CHUNK, 4),
        (5 * CHUNK, 8),
        (160 * CHUNK, 256),
        (256 * CHUNK, 256),
    ],
)
def test_a_content_is_sealed_in_as_many_chunks_as_the_next_power_of_two(size: int, chunks: int) -> None:
    assert chunks_of(size) == chunks


def test_up_to_sixteen_mebibytes_there_are_nine_lengths() -> None:
    assert len({chunks_of(size) for size in range(0, (16 << 20) + 1, 4096)}) == 9


@given(st.binary(max_size=64), st.integers(0, 5 * CHUNK))
def test_what_is_filled_up_is_trimmed_to_what_it_was(ending: bytes, zeros: int) -> None:
    content = bytes(zeros) + ending
    parts = list(filled(content))
    assert {len(part) for part in parts} == {CHUNK}
    assert b"".join(trimmed(parts, 0, len(content))) == content


@pytest.mark.parametrize("at", [0, CHUNK])
def test_something_behind_the_end_of_a_content_breaks_it(at: int) -> None:
    parts = list(filled(b"x" * (CHUNK + 9)))
    parts[1] = parts[1][:-1] + b"y"
    with pytest.raises(SealBroken):
        trimmed(parts[at // CHUNK :], at // CHUNK, CHUNK + 9)


@pytest.mark.parametrize(
    ("plaintext", "number", "key", "nonce"),
    [
        (b"short", 0, KEY, b"n" * 12),
        (PLAINTEXT, 4, KEY, b"n" * 12),
        (PLAINTEXT, -1, KEY, b"n" * 12),
        (PLAINTEXT, 0, b"k", b"n" * 12),
        (PLAINTEXT, 0, KEY, b"n"),
    ],
    ids=["short", "number", "negative", "key", "nonce"],
)
def test_wrong_lengths_and_numbers_are_refused(plaintext: bytes, number: int, key: bytes, nonce: bytes) -> None:
    with pytest.raises(ValueError, match=r"bytes|chunk"):
        seal_chunk(plaintext, number, key=key, nonce=nonce, stream=STREAM)
