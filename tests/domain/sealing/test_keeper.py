"""The keeper of a process's keys: sealed until it is opened, and sealed again the moment that somebody says so."""

import secrets
import threading
from itertools import permutations
from pathlib import Path

import pytest

from domain.sealing import key_files, shares
from domain.sealing.keeper import MOST_OFFERED, FileSource, Keeper, Standing
from domain.sealing.key_files import KeyFileRefused
from domain.sealing.providers import FileProvider
from domain.sealing.ring import Sealed
from domain.sealing.shares import ShareRefused, SharesSource

WRAPPED = b"k" * 32


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "keys"


@pytest.fixture
def mnemonics(path: Path) -> list[str]:
    file, made = shares.begun(custodians=4, quorum=3, random=secrets.token_bytes)
    key_files.write(path, file.text())
    return made


@pytest.fixture
def keeper(path: Path) -> Keeper:
    return Keeper(SharesSource(path, secrets.token_bytes))


@pytest.fixture
def open_keeper(path: Path) -> Keeper:
    FileProvider.create(path, secrets.token_bytes)
    return Keeper(FileSource(path, secrets.token_bytes))


def refuses_everything(keeper: Keeper) -> bool:
    for attempt in (
        lambda: keeper.wrap(WRAPPED, b""),
        lambda: keeper.unwrap(b"x" * 69, b""),
        lambda: keeper.rewrap(b"x" * 69, b""),
        lambda: keeper.derive("idempotency"),
        lambda: keeper.key_id,
    ):
        with pytest.raises(Sealed):
            attempt()
    return keeper.standing().sealed


def test_it_is_sealed_until_the_last_of_a_quorum_and_says_how_far_it_is(keeper: Keeper, mnemonics: list[str]) -> None:
    for given in range(3):
        assert keeper.standing() == Standing("shares", sealed=True, offered=given, quorum=3)
        assert refuses_everything(keeper)
        keeper.offer(mnemonics[given])
    assert keeper.unwrap(keeper.wrap(WRAPPED, b"place"), b"place") == WRAPPED
    assert keeper.standing() == Standing("shares", sealed=False, quorum=3, key_ids=(keeper.key_id,))
    assert not keeper.is_for_development


def test_custodians_come_in_any_order(path: Path, mnemonics: list[str]) -> None:
    for order in permutations(mnemonics, 3):
        keeper = Keeper(SharesSource(path, secrets.token_bytes))
        for mnemonic in order:
            keeper.offer(mnemonic)
        assert not keeper.standing().sealed


def test_the_same_mnemonic_counts_once(keeper: Keeper, mnemonics: list[str]) -> None:
    for _ in range(5):
        keeper.offer(mnemonics[0])
    assert keeper.standing().offered == 1
    assert refuses_everything(keeper)


def test_it_forgets_what_was_offered_when_it_is_sealed(keeper: Keeper, mnemonics: list[str]) -> None:
    keeper.offer(mnemonics[0])
    keeper.offer(mnemonics[1])
    keeper.seal()
    keeper.offer(mnemonics[2])
    assert keeper.standing().offered == 1
    assert refuses_everything(keeper)


def test_it_keeps_only_so_many_and_can_begin_again(keeper: Keeper, mnemonics: list[str]) -> None:
    share = shares.Share.from_mnemonic(mnemonics[0])
    for _ in range(MOST_OFFERED):
        keeper.offer(shares.Share(**(vars(share) | {"value": secrets.token_bytes(32)})).mnemonic())
    with pytest.raises(ShareRefused):
        keeper.offer(mnemonics[0])
    keeper.seal()
    for mnemonic in mnemonics[1:]:
        keeper.offer(mnemonic)
    assert not keeper.standing().sealed


def test_a_source_without_a_quorum_opens_when_it_is_needed_and_after_sealing_only_when_told(
    open_keeper: Keeper,
) -> None:
    wrapped = open_keeper.wrap(WRAPPED, b"place")
    open_keeper.seal()
    assert refuses_everything(open_keeper)
    open_keeper.unseal()
    assert open_keeper.unwrap(wrapped, b"place") == WRAPPED


def test_custodians_cannot_be_gone_round(keeper: Keeper, mnemonics: list[str]) -> None:
    with pytest.raises(Sealed):
        keeper.unseal()
    assert refuses_everything(keeper)
    assert len(mnemonics) == 4


def test_a_quorum_opens_again_what_is_open_without_a_gap(keeper: Keeper, path: Path, mnemonics: list[str]) -> None:
    for mnemonic in mnemonics[:3]:
        keeper.offer(mnemonic)
    wrapped = keeper.wrap(WRAPPED, b"place")
    opened = shares.opened_by(path, mnemonics[:3])
    assert opened is not None
    file, renewed = shares.shared_anew(opened, custodians=2, quorum=2, random=secrets.token_bytes)
    key_files.replace(path, file.text())
    for mnemonic in renewed:
        assert keeper.unwrap(wrapped, b"place") == WRAPPED
        keeper.offer(mnemonic)
    assert keeper.unwrap(wrapped, b"place") == WRAPPED


def test_without_a_file_it_says_so_at_the_start_and_stays_sealed(path: Path) -> None:
    for source in (SharesSource(path, secrets.token_bytes), FileSource(path, secrets.token_bytes)):
        keeper = Keeper(source)
        with pytest.raises(KeyFileRefused):
            keeper.prepared()
        assert refuses_everything(keeper)


def test_nothing_is_ever_wrapped_under_a_key_that_is_half_forgotten(open_keeper: Keeper, path: Path) -> None:
    """Threads wrap while another seals and unseals: whatever was wrapped opens under the key of the file."""
    stop, wrapped, failed = threading.Event(), list[bytes](), list[BaseException]()

    def work() -> None:
        while not stop.is_set():
            try:
                wrapped.append(open_keeper.wrap(WRAPPED, b"place"))
            except Sealed:
                continue
            except BaseException as error:  # noqa: BLE001 - told below
                failed.append(error)
                return

    threads = [threading.Thread(target=work) for _ in range(3)]
    for thread in threads:
        thread.start()
    for _ in range(300):
        open_keeper.seal()
        open_keeper.unseal()
    stop.set()
    for thread in threads:
        thread.join()
    fresh = FileProvider(path, secrets.token_bytes)
    assert failed == []
    assert wrapped
    assert {fresh.unwrap(one, b"place") for one in wrapped} == {WRAPPED}
