"""Sealed pages: bound to their place, of one length, and a blanked pad takes its vector with it."""

import secrets
from pathlib import Path
from uuid import UUID

import numpy as np
import pytest

from domain.duplicates.pages import (
    MOST_FOUND,
    SEALING,
    SLOTS,
    open_finding,
    open_page,
    open_statement,
    open_vector,
    seal_finding,
    seal_page,
    seal_statement,
    seal_vector,
)
from domain.duplicates.vectors import BYTES
from domain.sealing.envelope import SealBroken
from domain.sealing.providers import FileProvider

PAGE, OTHER = UUID(int=99), UUID(int=98)


@pytest.fixture
def keys(tmp_path: Path) -> FileProvider:
    return FileProvider.create(tmp_path / "keys.json", secrets.token_bytes)


def members(count: int) -> list[tuple[UUID, bytes]]:
    return [(UUID(int=number + 1), secrets.token_bytes(BYTES)) for number in range(count)]


def test_a_page_opens_where_it_lies_and_gives_back_every_vector(keys: FileProvider) -> None:
    put = members(300)
    sealed, pads = seal_page(put, PAGE, 1, keys, secrets.token_bytes)
    ids, vectors = open_page(sealed, pads, PAGE, 1, keys.derive(SEALING))
    assert [(UUID(bytes=one), row.tobytes()) for one, row in zip(ids, vectors, strict=True) if one] == put


@pytest.mark.parametrize(("page_id", "version"), [(OTHER, 1), (PAGE, 2)])
def test_a_page_opens_nowhere_else_and_in_no_other_version(keys: FileProvider, page_id: UUID, version: int) -> None:
    sealed, pads = seal_page(members(3), PAGE, 1, keys, secrets.token_bytes)
    with pytest.raises(SealBroken):
        open_page(sealed, pads, page_id, version, keys.derive(SEALING))


def test_pages_have_one_length_however_many_they_hold(keys: FileProvider) -> None:
    pages = [seal_page(members(count), PAGE, 1, keys, secrets.token_bytes) for count in (1, 200, SLOTS)]
    assert len({(len(sealed), len(pads)) for sealed, pads in pages}) == 1


def test_a_blanked_pad_leaves_nothing_of_its_vector_and_all_of_the_others(keys: FileProvider) -> None:
    put = members(3)
    sealed, pads = seal_page(put, PAGE, 1, keys, secrets.token_bytes)
    blanked = pads[:BYTES] + bytes(BYTES) + pads[2 * BYTES :]
    ids, vectors = open_page(sealed, blanked, PAGE, 1, keys.derive(SEALING))
    assert (ids[1], vectors[1].any()) == (b"", np.False_)
    assert (vectors[0].tobytes(), vectors[2].tobytes()) == (put[0][1], put[2][1])


def test_equal_vectors_are_unlike_in_a_page_and_from_page_to_page(keys: FileProvider) -> None:
    same = secrets.token_bytes(BYTES)
    put = [(UUID(int=1), same), (UUID(int=2), same)]
    first, second = [seal_page(put, PAGE, 1, keys, secrets.token_bytes)[0] for _ in range(2)]
    chunks = [one[place : place + 16] for one in (first, second) for place in range(0, len(one) - 16, 16)]
    assert len(set(chunks)) == len(chunks)


def test_an_entry_is_bound_to_its_case_and_version(keys: FileProvider) -> None:
    vector = secrets.token_bytes(BYTES)
    sealed = seal_vector(vector, PAGE, 3, keys, secrets.token_bytes)
    assert open_vector(sealed, PAGE, 3, keys) == vector
    for case_id, version in ((OTHER, 3), (PAGE, 2)):
        with pytest.raises(SealBroken):
            open_vector(sealed, case_id, version, keys)


@pytest.mark.parametrize("count", [0, 1, MOST_FOUND, 3 * MOST_FOUND])
def test_a_finding_has_one_length_whatever_was_found(keys: FileProvider, count: int) -> None:
    found = [(UUID(int=number + 1), 0.9) for number in range(count)]
    sealed = seal_finding(PAGE, found, OTHER, keys, secrets.token_bytes)
    assert len(sealed) == len(seal_finding(PAGE, [], OTHER, keys, secrets.token_bytes))
    asked, told = open_finding(sealed, OTHER, keys.derive(SEALING))
    assert (asked, [one for one, _ in told]) == (PAGE, [one for one, _ in found[:MOST_FOUND]])


def test_what_was_said_is_bound_to_who_said_it(keys: FileProvider) -> None:
    sealed = seal_statement(b"same", PAGE, UUID(int=1), keys, secrets.token_bytes)
    assert open_statement(sealed, PAGE, UUID(int=1), keys.derive(SEALING)) == b"same"
    with pytest.raises(SealBroken):
        open_statement(sealed, PAGE, UUID(int=2), keys.derive(SEALING))
