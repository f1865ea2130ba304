"""The sealed file of custodians: any quorum opens it, and nothing else does."""

import secrets
import stat
from itertools import combinations
from pathlib import Path

import pytest
from shamir_mnemonic.share import Share

from domain.sealing import key_files, shares
from domain.sealing.key_files import KeyFileRefused
from domain.sealing.keys import key_id_of
from domain.sealing.ring import KeyNotHeld
from domain.sealing.shares import SealedFile, ShareRefused, SharesProvider, SharesSource, opened_by

WRAPPED = b"k" * 32


def begun(path: Path, custodians: int = 5, quorum: int = 3) -> list[str]:
    file, mnemonics = shares.begun(custodians=custodians, quorum=quorum, random=secrets.token_bytes)
    key_files.write(path, file.text())
    return mnemonics


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "keys.sealed"


@pytest.fixture
def mnemonics(path: Path) -> list[str]:
    return begun(path)


def provider(path: Path, offered: list[str]) -> SharesProvider:
    found = SharesSource(path, secrets.token_bytes).open(offered)
    assert found is not None
    return found


def test_every_quorum_opens_the_same_keys(path: Path, mnemonics: list[str]) -> None:
    wrapped = provider(path, mnemonics[:3]).wrap(WRAPPED, b"place")
    derived = provider(path, mnemonics[:3]).derive("idempotency")

    for quorum in combinations(mnemonics, 3):
        opened = provider(path, list(quorum))
        assert opened.unwrap(wrapped, b"place") == WRAPPED
        assert opened.derive("idempotency") == derived


def test_the_file_is_private_and_tells_no_key(path: Path, mnemonics: list[str]) -> None:
    opened = opened_by(path, mnemonics[:3])
    assert opened is not None
    held = [*opened.contents.keys.values(), opened.contents.derivation, opened.master]

    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert [secret for secret in held if secret.hex() in path.read_text()] == []
    assert all(secret.hex() not in repr(opened.contents) for secret in held)


def test_wrong_mnemonics_keep_nobody_from_opening(path: Path, tmp_path: Path, mnemonics: list[str]) -> None:
    """Two forged ones, with the right ceremony and a valid checksum, lie among the true ones."""
    true = Share.from_mnemonic(mnemonics[4])
    forged = [Share(**(vars(true) | {"index": index, "value": secrets.token_bytes(32)})).mnemonic() for index in (3, 4)]
    source = SharesSource(path, secrets.token_bytes)

    assert [source.check(one) for one in forged] == forged
    assert source.open([forged[0], mnemonics[0], forged[1]]) is None
    assert source.open([forged[0], mnemonics[0], forged[1], mnemonics[1]]) is None
    assert source.open([forged[0], mnemonics[0], forged[1], mnemonics[1], mnemonics[2]]) is not None
    assert tmp_path.exists()


def test_a_mnemonic_is_taken_however_it_is_spaced_and_capitalised(path: Path, mnemonics: list[str]) -> None:
    source = SharesSource(path, secrets.token_bytes)
    assert source.check("  " + mnemonics[0].upper().replace(" ", "\t ") + "\n") == mnemonics[0]


def test_mistyped_foreign_and_costly_mnemonics_are_refused(path: Path, tmp_path: Path, mnemonics: list[str]) -> None:
    source = SharesSource(path, secrets.token_bytes)
    first, second, *rest = mnemonics[0].split()
    share = Share.from_mnemonic(mnemonics[0])
    wrong = [
        "",
        "not words",
        " ".join([second, first, *rest]),
        " ".join([first, second, *rest[:-1]]),
        begun(tmp_path / "other")[0],
        *(
            Share(**(vars(share) | change)).mnemonic()
            for change in (
                {"identifier": share.identifier ^ 1},
                {"member_threshold": 2},
                {"group_count": 2},
                {"iteration_exponent": 15},
            )
        ),
    ]
    for one in wrong:
        with pytest.raises(ShareRefused) as refused:
            source.check(one)
        assert str(refused.value) == ""


@pytest.mark.parametrize(
    "change",
    [
        {"custodians": 6},
        {"quorum": 2},
        {"quorum": 4},
        {"keys": ("0" * 16,)},
        {"sealed": "00" * 92},
    ],
)
def test_an_altered_file_does_not_open(path: Path, mnemonics: list[str], change: dict[str, object]) -> None:
    key_files.replace(path, SealedFile.read(path).model_copy(update=change).text())
    assert SharesSource(path, secrets.token_bytes).open(mnemonics) is None


def test_no_bit_of_the_sealed_part_may_change(path: Path, mnemonics: list[str]) -> None:
    file = SealedFile.read(path)
    opened = opened_by(path, mnemonics[:3])
    assert opened is not None
    sealed = bytes.fromhex(file.sealed)
    for position in range(len(sealed)):
        flipped = bytearray(sealed)
        flipped[position] ^= 1
        assert file.model_copy(update={"sealed": flipped.hex()}).open(opened.master) is None
        assert file.model_copy(update={"sealed": sealed[:position].hex() or "00"}).open(opened.master) is None
    assert file.open(opened.master) is not None


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"format": 2}', "\x00"])
def test_what_is_no_sealed_file_is_refused(path: Path, text: str) -> None:
    key_files.write(path, text)
    with pytest.raises(KeyFileRefused, match="not a sealed key file"):
        SealedFile.read(path)


def test_a_sealed_file_that_others_may_read_is_refused(path: Path, mnemonics: list[str]) -> None:
    path.chmod(0o644)
    with pytest.raises(KeyFileRefused, match="mode 0600"):
        SharesSource(path, secrets.token_bytes).check(mnemonics[0])


@pytest.mark.parametrize(("custodians", "quorum"), [(1, 1), (5, 1), (2, 3), (17, 3), (0, 0), (5, -1)])
def test_no_quorum_of_one_or_beyond_the_custodians(custodians: int, quorum: int) -> None:
    with pytest.raises(ValueError, match="quorum"):
        shares.begun(custodians=custodians, quorum=quorum, random=secrets.token_bytes)


def test_a_running_process_learns_of_a_key_that_custodians_added_and_of_one_they_dropped(
    path: Path, mnemonics: list[str]
) -> None:
    running = provider(path, mnemonics[1:4])
    old = running.wrap(WRAPPED, b"place")
    opened = opened_by(path, mnemonics[:3])
    assert opened is not None

    added = shares.add_key(path, opened, secrets.token_bytes)
    new = provider(path, mnemonics[2:]).wrap(WRAPPED, b"place")
    assert key_id_of(new) == added
    assert running.unwrap(new, b"place") == running.unwrap(old, b"place") == WRAPPED
    assert key_id_of(running.wrap(WRAPPED, b"place")) == added

    reopened = opened_by(path, mnemonics[:3])
    assert reopened is not None
    with pytest.raises(KeyFileRefused, match="wraps"):
        shares.drop_key(path, reopened, added, secrets.token_bytes)
    shares.drop_key(path, reopened, key_id_of(old), secrets.token_bytes)
    running.wrap(WRAPPED, b"place")
    with pytest.raises(KeyNotHeld):
        running.unwrap(old, b"place")


def test_new_custodians_open_the_same_keys_and_the_former_ones_open_nothing(path: Path, mnemonics: list[str]) -> None:
    wrapped = provider(path, mnemonics[:3]).wrap(WRAPPED, b"place")
    opened = opened_by(path, mnemonics[:3])
    assert opened is not None
    file, renewed = shares.shared_anew(opened, custodians=3, quorum=2, random=secrets.token_bytes)
    key_files.replace(path, file.text())

    assert provider(path, renewed[1:]).unwrap(wrapped, b"place") == WRAPPED
    assert SharesSource(path, secrets.token_bytes).open(mnemonics) is None


def test_who_has_forgotten_holds_zeros_and_opens_nothing(path: Path, mnemonics: list[str]) -> None:
    running = provider(path, mnemonics[:3])
    wrapped = running.wrap(WRAPPED, b"place")
    master, contents = running._master, running._contents
    held = [master, *contents.keys.values(), contents.derivation]
    assert all(any(secret) for secret in held)
    running.forget()

    assert {bytes(secret) for secret in held} == {bytes(32)}
    with pytest.raises(KeyNotHeld):
        running.unwrap(wrapped, b"place")
