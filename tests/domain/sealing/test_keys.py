import secrets
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from domain.sealing.envelope import SealBroken
from domain.sealing.keys import key_id_of, new_data_key, rewrap_data_key, unwrap_data_key
from domain.sealing.providers import FileProvider

PLACE = {"holder_id": UUID(int=1), "compartment": "identity", "version": 1}


@pytest.fixture
def provider(tmp_path: Path) -> FileProvider:
    return FileProvider.create(tmp_path / "keys.json", secrets.token_bytes)


def test_a_data_key_is_32_random_bytes_and_comes_back(provider: FileProvider) -> None:
    key, wrapped = new_data_key(provider, random=secrets.token_bytes, **PLACE)
    other, _ = new_data_key(provider, random=secrets.token_bytes, **PLACE)

    assert len(key) == 32
    assert key != other
    assert key not in wrapped
    assert unwrap_data_key(provider, wrapped, **PLACE) == key


@pytest.mark.parametrize("change", [{"holder_id": UUID(int=2)}, {"compartment": "health"}, {"version": 2}])
def test_a_wrapped_key_unwraps_for_nothing_else(provider: FileProvider, change: dict[str, Any]) -> None:
    _, wrapped = new_data_key(provider, random=secrets.token_bytes, **PLACE)

    with pytest.raises(SealBroken):
        unwrap_data_key(provider, wrapped, **PLACE | change)
    with pytest.raises(SealBroken):
        rewrap_data_key(provider, wrapped, **PLACE | change)


def test_rewrapping_changes_the_wrapping_and_not_the_key(tmp_path: Path, provider: FileProvider) -> None:
    key, wrapped = new_data_key(provider, random=secrets.token_bytes, **PLACE)
    rotated = FileProvider.add_key(tmp_path / "keys.json", secrets.token_bytes)

    rewrapped = rewrap_data_key(rotated, wrapped, **PLACE)

    assert rewrapped != wrapped
    assert unwrap_data_key(rotated, rewrapped, **PLACE) == key
    assert unwrap_data_key(rotated, wrapped, **PLACE) == key
    assert (key_id_of(wrapped), key_id_of(rewrapped)) == rotated.key_ids


def test_a_wrapped_value_that_is_no_data_key_is_refused(provider: FileProvider) -> None:
    _, wrapped = new_data_key(provider, random=lambda _: b"\x00" * 12, **PLACE)

    with pytest.raises(SealBroken):
        unwrap_data_key(provider, wrapped, **PLACE)
