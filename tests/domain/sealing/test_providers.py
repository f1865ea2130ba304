import json
import os
import secrets
import stat
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from domain.sealing.envelope import SealBroken
from domain.sealing.key_files import KeyFileRefused
from domain.sealing.keys import key_id_of
from domain.sealing.providers import FileProvider
from domain.sealing.ring import KeyNotHeld


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "keys.json"


@pytest.fixture
def provider(path: Path) -> FileProvider:
    return FileProvider.create(path, secrets.token_bytes)


def test_a_new_file_is_readable_by_its_owner_only_whatever_the_umask(path: Path) -> None:
    before = os.umask(0)
    try:
        FileProvider.create(path, secrets.token_bytes)
    finally:
        os.umask(before)

    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_an_existing_file_is_never_replaced(path: Path, provider: FileProvider) -> None:
    before = path.read_bytes()

    with pytest.raises(KeyFileRefused, match="cannot be made"):
        FileProvider.create(path, secrets.token_bytes)
    assert path.read_bytes() == before
    assert FileProvider(path, secrets.token_bytes).key_id == provider.key_id


def test_what_was_wrapped_unwraps_after_a_restart(path: Path, provider: FileProvider) -> None:
    wrapped = provider.wrap(b"k" * 32, b"place")

    assert FileProvider(path, secrets.token_bytes).unwrap(wrapped, b"place") == b"k" * 32


def test_the_newest_key_wraps_and_every_key_unwraps(path: Path, provider: FileProvider) -> None:
    old = provider.wrap(b"k" * 32, b"place")
    rotated = FileProvider.add_key(path, secrets.token_bytes)
    new = rotated.wrap(b"k" * 32, b"place")

    assert rotated.key_ids == (provider.key_id, rotated.key_id)
    assert rotated.unwrap(old, b"place") == rotated.unwrap(new, b"place") == b"k" * 32
    assert rotated.unwrap(rotated.rewrap(old, b"place"), b"place") == b"k" * 32
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert [entry.name for entry in path.parent.iterdir()] == ["keys.json"]


def test_a_running_process_learns_of_a_key_that_was_added(path: Path, provider: FileProvider) -> None:
    rotated = FileProvider.add_key(path, secrets.token_bytes)

    assert provider.unwrap(rotated.wrap(b"k" * 32, b"place"), b"place") == b"k" * 32
    assert provider.key_id == rotated.key_id
    further = FileProvider.add_key(path, secrets.token_bytes)
    assert key_id_of(provider.wrap(b"k" * 32, b"place")) == further.key_id


def test_a_file_that_cannot_be_read_any_more_takes_no_key_from_who_has_read_it(
    path: Path, provider: FileProvider
) -> None:
    wrapped = provider.wrap(b"k" * 32, b"place")
    path.chmod(0o644)
    assert provider.unwrap(provider.wrap(b"k" * 32, b"place"), b"place") == b"k" * 32
    path.unlink()
    assert provider.unwrap(wrapped, b"place") == b"k" * 32


def test_an_older_key_is_dropped_and_what_it_wraps_is_gone(path: Path, provider: FileProvider) -> None:
    old = provider.wrap(b"k" * 32, b"place")
    with pytest.raises(KeyFileRefused, match="wraps; add another"):
        FileProvider.drop_key(path, provider.key_id, secrets.token_bytes)
    first = provider.key_id
    FileProvider.add_key(path, secrets.token_bytes)
    left = FileProvider.drop_key(path, first, secrets.token_bytes)

    with pytest.raises(KeyNotHeld):
        left.unwrap(old, b"place")
    with pytest.raises(KeyFileRefused, match="holds no key"):
        FileProvider.drop_key(path, first, secrets.token_bytes)


def test_a_ring_that_has_forgotten_opens_nothing_and_its_keys_are_zeros(provider: FileProvider) -> None:
    wrapped = provider.wrap(b"k" * 32, b"place")
    held = provider._contents
    provider.forget()

    with pytest.raises(SealBroken):
        provider.unwrap(wrapped, b"place")
    assert {bytes(one) for one in (*held.keys.values(), held.derivation)} == {bytes(32)}


def test_two_who_add_a_key_at_once_do_not_lose_one(path: Path, provider: FileProvider) -> None:
    path.with_name("keys.json.new").touch()

    with pytest.raises(KeyFileRefused, match="cannot be made"):
        FileProvider.add_key(path, secrets.token_bytes)
    assert FileProvider(path, secrets.token_bytes).key_ids == (provider.key_id,)


def test_wrapping_is_bound_to_its_place_and_to_every_byte(provider: FileProvider) -> None:
    wrapped = provider.wrap(b"k" * 32, b"place")

    assert len(wrapped) == 32 + 37
    assert wrapped != provider.wrap(b"k" * 32, b"place")
    with pytest.raises(SealBroken):
        provider.unwrap(wrapped, b"another place")
    for position in range(len(wrapped)):
        flipped = bytearray(wrapped)
        flipped[position] ^= 1
        with pytest.raises(SealBroken):
            provider.unwrap(bytes(flipped), b"place")
        with pytest.raises(SealBroken):
            provider.unwrap(wrapped[:position], b"place")


def test_a_key_that_wraps_for_another_id_is_refused(path: Path, provider: FileProvider) -> None:
    """The id of the key is bound, so two keys with exchanged ids unwrap nothing."""
    wrapped = provider.wrap(b"k" * 32, b"place")
    FileProvider.add_key(path, secrets.token_bytes)
    contents = json.loads(path.read_text())
    contents["keys"][0]["secret"], contents["keys"][1]["secret"] = (
        contents["keys"][1]["secret"],
        contents["keys"][0]["secret"],
    )
    path.write_text(json.dumps(contents))

    with pytest.raises(SealBroken):
        FileProvider(path, secrets.token_bytes).unwrap(wrapped, b"place")


def test_derived_secrets_are_stable_separate_and_no_keys(path: Path, provider: FileProvider) -> None:
    cursors, fingerprints = provider.derive("cursors"), provider.derive("fingerprints")
    rotated = FileProvider.add_key(path, secrets.token_bytes)
    contents = json.loads(path.read_text())
    held = {contents["derivation"], *(key["secret"] for key in contents["keys"])}

    assert len(cursors) == 32
    assert cursors != fingerprints
    assert rotated.derive("cursors") == cursors
    assert held.isdisjoint({cursors.hex(), fingerprints.hex()})


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660, 0o601, 0o644])
def test_a_file_that_others_may_touch_is_refused(path: Path, provider: FileProvider, mode: int) -> None:
    path.chmod(mode)

    with pytest.raises(KeyFileRefused, match="mode 0600"):
        FileProvider(path, secrets.token_bytes)
    assert provider.is_for_development


def test_links_folders_pipes_and_absent_files_are_refused(tmp_path: Path, path: Path, provider: FileProvider) -> None:
    link, pipe = tmp_path / "link.json", tmp_path / "pipe.json"
    link.symlink_to(path)
    os.mkfifo(pipe, 0o600)

    for refused in (link, pipe, tmp_path, tmp_path / "absent.json"):
        with pytest.raises(KeyFileRefused):
            FileProvider(refused, secrets.token_bytes)
    assert provider.key_ids


def test_somebody_elses_file_is_refused(path: Path, provider: FileProvider, monkeypatch: pytest.MonkeyPatch) -> None:
    ours = os.geteuid()
    monkeypatch.setattr(os, "geteuid", lambda: ours + 1)
    if ours == 0:
        os.chown(path, 4711, -1)

    with pytest.raises(KeyFileRefused, match="somebody else"):
        FileProvider(path, secrets.token_bytes)
    assert provider.key_ids


@pytest.mark.parametrize(
    "damage",
    [
        lambda _: "",
        lambda _: "[]",
        lambda _: "not json",
        lambda keys: json.dumps(keys | {"format": 2}),
        lambda keys: json.dumps(keys | {"keys": []}),
        lambda keys: json.dumps(keys | {"extra": 1}),
        lambda keys: json.dumps(keys | {"derivation": "00"}),
        lambda keys: json.dumps(keys | {"keys": [keys["keys"][0] | {"secret": "0" * 63}]}),
        lambda keys: json.dumps(keys | {"keys": [keys["keys"][0] | {"id": "0" * 16 + "\n"}]}),
        lambda keys: json.dumps(keys | {"keys": keys["keys"] * 2}),
    ],
)
def test_a_damaged_file_is_refused_and_the_message_holds_no_secret(
    path: Path, provider: FileProvider, damage: Callable[[dict[str, Any]], str]
) -> None:
    contents = json.loads(path.read_text())
    path.write_text(damage(contents))

    with pytest.raises(KeyFileRefused) as caught:
        FileProvider(path, secrets.token_bytes)
    assert contents["derivation"] not in str(caught.value)
    assert contents["keys"][0]["secret"] not in str(caught.value)
    assert caught.value.__cause__ is None
    assert provider.key_ids


def test_no_secret_shows_in_a_representation(path: Path, provider: FileProvider) -> None:
    contents = json.loads(path.read_text())

    assert contents["keys"][0]["secret"] not in repr(provider)
    assert contents["derivation"] not in repr(provider)
