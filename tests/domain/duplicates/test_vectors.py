"""Vectors: alike for one person, unlike without the key, and the same scores however they are reckoned."""

import secrets
from collections.abc import Mapping
from typing import Any
from uuid import UUID

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.duplicates.index import WORDS, Index, likenesses
from domain.duplicates.pages import MOST_FOUND, SLOTS
from domain.duplicates.vectors import BITS, BYTES, Features, dice, vector, weights

KEY = b"k" * 32
PERSON: Mapping[str, Any] = {
    "family_name": "Жээнбекова",
    "given_name": "Айгүл",
    "patronymic": "Асановна",
    "birth_date": "1999-02-01",
}


def made(identity: Mapping[str, Any], district: str = "Ош", key: bytes = KEY) -> bytes:
    found = vector(Features(identity, district, ("KG",)), key, weights())
    assert found is not None
    return found


@pytest.mark.parametrize(
    "other",
    [
        {**PERSON, "family_name": "Zheenbekova", "given_name": "Aigul", "patronymic": "Asanovna"},
        {**PERSON, "family_name": "Айгүл", "given_name": "Жээнбекова"},
        {key: value for key, value in PERSON.items() if key != "patronymic"},
        {**PERSON, "birth_date": "1998"},
        {**PERSON, "family_name": "Жээнбеков"},
        {**PERSON, "given_name": "Айгул"},
        {"latin_name": "Jeenbekova Aygul", "birth_date": "1999"},
    ],
    ids=["Latin", "swapped", "no patronymic", "year before", "ending", "typing", "Latin name alone"],
)
def test_one_person_written_in_two_ways_is_alike_enough(other: Mapping[str, Any]) -> None:
    assert dice(made(PERSON), made(other)) >= weights().threshold


@pytest.mark.parametrize(
    "other",
    [
        {**PERSON, "given_name": "Нурзат", "birth_date": "2004-01-01"},
        {**PERSON, "family_name": "Токтосунова", "birth_date": "1985-01-01"},
        {"family_name": "Токтосунов", "given_name": "Бакыт", "birth_date": "1999-02-01"},
    ],
    ids=["sister", "same first name", "same birthday"],
)
def test_another_person_is_not(other: Mapping[str, Any]) -> None:
    assert dice(made(PERSON), made(other)) < weights().threshold


def test_a_year_district_or_citizenship_moves_the_score() -> None:
    far = made({**PERSON, "birth_date": "1960"})
    near = made({**PERSON, "birth_date": "2000"})
    assert dice(made(PERSON), far) < dice(made(PERSON), near) < 1.0
    assert dice(made(PERSON), made(PERSON, district="Нарын")) < 1.0
    assert dice(made(PERSON), made(PERSON)) == 1.0


def test_without_a_name_there_is_no_vector() -> None:
    assert vector(Features({"birth_date": "1999"}, "Ош", ("KG",)), KEY, weights()) is None
    assert vector(Features({"given_name": "уулу"}), KEY, weights()) is None


def test_another_key_gives_unrelated_bits() -> None:
    one, other = made(PERSON), made(PERSON, key=secrets.token_bytes(32))
    density = int.from_bytes(one, "little").bit_count() / BITS
    assert dice(one, other) < density + 0.15


def test_what_is_not_known_sets_no_bit() -> None:
    unknown = vector(Features(PERSON, "", ("not_asked",)), KEY, weights())
    assert unknown == vector(Features(PERSON), KEY, weights())


def laid_out(vectors: list[bytes]) -> tuple[Any, Any]:
    rows = np.frombuffer(b"".join(vectors), np.uint64).reshape(-1, WORDS)
    return np.ascontiguousarray(rows.T), np.bitwise_count(rows).sum(axis=1, dtype=np.uint16)


@given(st.lists(st.binary(min_size=BYTES, max_size=BYTES), min_size=1, max_size=40))
def test_the_scan_reckons_the_same_scores_as_one_by_one(vectors: list[bytes]) -> None:
    wanted, *others = [*vectors, bytes(BYTES)]
    scores = likenesses(*laid_out(others), wanted).tolist()
    assert scores == pytest.approx([dice(wanted, other) for other in others], abs=1e-6)


def test_the_index_reports_the_likest_first_no_more_than_fit_and_never_the_asker() -> None:
    index = Index()
    people = [made({**PERSON, "patronymic": "Асан" + "бек" * number}) for number in range(40)]
    rows = np.zeros((SLOTS, WORDS), np.uint64)
    rows[: len(people)] = np.frombuffer(b"".join(people), np.uint64).reshape(-1, WORDS)
    ids = [UUID(int=number + 1).bytes for number in range(len(people))] + [b""] * (SLOTS - len(people))
    index.put(UUID(int=7), (1, 0), ids, rows)
    found = index.like(UUID(int=1), people[0], 0.1)
    assert len(found) == MOST_FOUND
    assert [score for _, score in found] == sorted((score for _, score in found), reverse=True)
    assert UUID(int=1) not in dict(found)
    index.outdated({})
    assert index.like(UUID(int=1), people[0], 0.1) == []


def test_wiping_overwrites_every_vector() -> None:
    index = Index()
    rows = np.full((SLOTS, WORDS), 2**64 - 1, np.uint64)
    index.put(UUID(int=7), (1, 0), [UUID(int=1).bytes] * SLOTS, rows)
    memory = index.columns
    assert memory.any()
    index.wipe()
    assert not memory.any()
    assert len(index) == 0
