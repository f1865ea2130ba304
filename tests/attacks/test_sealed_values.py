"""Somebody may write to the database but has no key: moving, swapping and damaging sealed bytes gains nothing."""

import secrets
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from itertools import permutations, product
from pathlib import Path
from uuid import UUID

import pytest

from domain.codes import Compartment
from domain.sealing.envelope import OVERHEAD, STEP, Context, SealBroken, open_sealed, seal
from domain.sealing.keys import new_data_key, rewrap_data_key, unwrap_data_key
from domain.sealing.providers import FileProvider

Attack = Callable[..., None]

HOLDERS = (UUID(int=1), UUID(int=2))
RECORDS = (UUID(int=11), UUID(int=12))
KINDS = ("compartment", "package")
VERSIONS = (1, 2)
SECRET = "Айбек Асанов, +996 555 010203".encode()


@dataclass(frozen=True)
class Stored:
    """A sealed value, its place, and the data key that the service would use there."""

    context: Context
    key: bytes
    blob: bytes


@pytest.fixture(scope="module")
def provider(tmp_path_factory: pytest.TempPathFactory) -> FileProvider:
    return FileProvider.create(tmp_path_factory.mktemp("keys") / "keys.json", secrets.token_bytes)


@pytest.fixture(scope="module")
def database() -> list[Stored]:
    """The same secret at 192 places: the attacker may know what one value says."""
    keys = {place: secrets.token_bytes(32) for place in product(HOLDERS, Compartment, VERSIONS)}
    places = product(HOLDERS, RECORDS, KINDS, Compartment, VERSIONS, VERSIONS)
    contexts = (Context(*place) for place in places)
    values = [
        Stored(context, key, seal(SECRET, key=key, nonce=secrets.token_bytes(12), context=context))
        for context in contexts
        for key in [keys[context.holder_id, context.compartment, context.key_version]]
    ]
    rightly = opened((value.blob, value.key, value.context) for value in values)
    assert rightly == (192, 192), "each must open where it lies, or the attacks prove nothing"
    return values


def opened(attempts: Iterable[tuple[bytes, bytes, Context]]) -> tuple[int, int]:
    """Try to open each blob with the key in the context; return how often that was tried and how often it worked."""
    tried = succeeded = 0
    for blob, key, context in attempts:
        tried += 1
        try:
            open_sealed(blob, key=key, context=context)
        except SealBroken:
            continue
        succeeded += 1
    return tried, succeeded


def differing(one: Context, other: Context) -> set[str]:
    return {name for name in Context.__slots__ if getattr(one, name) != getattr(other, name)}


@pytest.mark.parametrize(
    ("name", "fields"),
    [
        ("sealed values moved to another holder", {"holder_id"}),
        ("sealed values moved to another record", {"record_id"}),
        ("sealed values moved to another kind", {"kind"}),
        ("sealed values moved to another compartment", {"compartment"}),
        ("sealed values of another key version", {"key_version"}),
        ("sealed values rolled back or forward", {"row_version"}),
    ],
)
def test_a_value_opens_only_where_it_was_sealed(
    database: list[Stored], attack: Attack, name: str, fields: set[str]
) -> None:
    pairs = [pair for pair in permutations(database, 2) if differing(pair[0].context, pair[1].context) == fields]
    tried, succeeded = opened(
        attempt
        for source, target in pairs
        for attempt in (
            (source.blob, target.key, target.context),  # what the service would do after the swap
            (source.blob, source.key, target.context),  # even if the key came along
            (source.blob, target.key, source.context),  # even if the place were forged
        )
        if attempt[1] is not source.key or attempt[2] != source.context
    )

    attack(name, tried=tried, succeeded=succeeded)


def test_a_header_of_another_value_does_not_help(database: list[Stored], attack: Attack) -> None:
    source = database[0]
    tried, succeeded = opened(
        (other.blob[:17] + source.blob[17:], source.key, source.context) for other in database[1:]
    )

    attack("sealed values under another header", tried=tried, succeeded=succeeded)


def test_every_flipped_bit_is_detected(database: list[Stored], attack: Attack) -> None:
    value = database[0]
    flips = (1 << bit for bit in range(8 * len(value.blob)))
    number = int.from_bytes(value.blob, "big")
    tried, succeeded = opened(
        ((number ^ flip).to_bytes(len(value.blob), "big"), value.key, value.context) for flip in flips
    )

    assert tried == 8 * (OVERHEAD + STEP)
    attack("sealed values with one bit flipped", tried=tried, succeeded=succeeded)


def test_every_shorter_or_longer_value_is_detected(database: list[Stored], attack: Attack) -> None:
    value = database[0]
    blob = seal(b"x" * 700, key=value.key, nonce=bytes(12), context=value.context)
    cut = [blob[:end] for end in range(len(blob))] + [blob[start:] for start in range(1, len(blob))]
    without_a_step = [blob[: 17 + start] + blob[17 + start + STEP :] for start in range(0, 3 * STEP, STEP)]
    longer = [blob + bytes(count) for count in (1, STEP)] + [blob + blob, bytes(STEP) + blob]
    tried, succeeded = opened((damaged, value.key, value.context) for damaged in cut + without_a_step + longer)

    attack("sealed values cut or lengthened", tried=tried, succeeded=succeeded)


def test_wrapped_keys_serve_nowhere_else(provider: FileProvider, attack: Attack) -> None:
    places = [
        {"holder_id": holder, "compartment": compartment, "version": version}
        for holder, compartment, version in product(HOLDERS, Compartment, VERSIONS)
    ]
    wrapped = [new_data_key(provider, random=secrets.token_bytes, **place)[1] for place in places]
    tried = succeeded = 0
    for (source, _), (_, target) in permutations(zip(wrapped, places, strict=True), 2):
        for use in (unwrap_data_key, rewrap_data_key):
            tried += 1
            try:
                use(provider, source, **target)
            except SealBroken:
                continue
            succeeded += 1

    attack("wrapped keys moved to another place", tried=tried, succeeded=succeeded)


def test_a_stolen_database_opens_with_no_other_key_file(provider: FileProvider, attack: Attack, tmp_path: Path) -> None:
    place = {"holder_id": HOLDERS[0], "compartment": Compartment.IDENTITY, "version": 1}
    wrapped = [new_data_key(provider, random=secrets.token_bytes, **place)[1] for _ in range(8)]
    thieves = [FileProvider.create(tmp_path / f"{number}.json", secrets.token_bytes) for number in range(8)]
    tried = succeeded = 0
    for thief, stolen in product(thieves, wrapped):
        claimed = stolen[:1] + bytes.fromhex(thief.key_id) + stolen[9:]
        for attempt in (stolen, claimed):
            tried += 1
            try:
                unwrap_data_key(thief, attempt, **place)
            except SealBroken:
                continue
            succeeded += 1

    attack("wrapped keys under another key file", tried=tried, succeeded=succeeded)


def test_equal_plaintexts_never_make_equal_blobs(database: list[Stored], attack: Attack) -> None:
    """Nobody can tell from the database that two cases are about the same person."""
    value = database[0]
    again = [
        seal(SECRET, key=value.key, nonce=secrets.token_bytes(12), context=replace(value.context, row_version=version))
        for version in (1, 1, 2, 3)
        for _ in range(50)
    ]
    ciphertexts = [blob[17:] for blob in again + [stored.blob for stored in database]]
    blocks = [text[start : start + 16] for text in ciphertexts for start in range(0, len(text), 16)]

    attack(
        "equality of two sealed secrets",
        tried=len(ciphertexts),
        succeeded=len(ciphertexts) - len(set(ciphertexts)) + len(blocks) - len(set(blocks)),
    )


def test_the_length_tells_only_the_step(database: list[Stored], attack: Attack) -> None:
    value = database[0]
    lengths = {
        length: len(seal(b"x" * length, key=value.key, nonce=bytes(12), context=value.context))
        for length in range(1024)
    }
    told = [length for length, sealed in lengths.items() if sealed != OVERHEAD + STEP * (length // STEP + 1)]

    assert len(set(lengths.values())) == 4
    attack("length of a sealed secret", tried=len(lengths), succeeded=len(told))


def test_no_part_of_the_secret_stands_in_what_is_stored(database: list[Stored], attack: Attack) -> None:
    parts = [SECRET[start : start + 6] for start in range(len(SECRET) - 5)]
    found = [part for part, stored in product(parts, database) if part in stored.blob]

    attack("parts of a secret in sealed bytes", tried=len(database), succeeded=len(found))
