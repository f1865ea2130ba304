"""The private socket of a process: who may speak to it, what it does, and what it never tells."""

import json
import os
import secrets
import socket
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import structlog

from api.control import Order, ask_all, controlled
from api.settings import UnsafeSettings
from domain.sealing import key_files, shares
from domain.sealing.keeper import FileSource, Keeper
from domain.sealing.providers import FileProvider
from domain.sealing.shares import SharesSource

STATUS, SEAL, UNSEAL = Order(order="status"), Order(order="seal"), Order(order="unseal")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Name a folder far below others: longer than the address of a socket may be."""
    return tmp_path / ("far-below-" * 8) / "control"


@pytest.fixture
def keeper(tmp_path: Path) -> Keeper:
    FileProvider.create(tmp_path / "keys.json", secrets.token_bytes)
    return Keeper(FileSource(tmp_path / "keys.json", secrets.token_bytes))


@pytest.fixture
def mnemonics(tmp_path: Path) -> list[str]:
    file, made = shares.begun(custodians=3, quorum=2, random=secrets.token_bytes)
    key_files.write(tmp_path / "keys.sealed", file.text())
    return made


@pytest.fixture
def several(tmp_path: Path, folder: Path, mnemonics: list[str]) -> Iterator[list[Keeper]]:
    """Give two processes of custodians, as far as their sockets are concerned."""
    assert mnemonics
    keepers = [Keeper(SharesSource(tmp_path / "keys.sealed", secrets.token_bytes)) for _ in range(2)]
    with controlled(keepers[0], folder, "serve"), controlled(keepers[1], folder, "rotate"):
        yield keepers


def test_folder_and_socket_are_private_whatever_the_umask(keeper: Keeper, folder: Path) -> None:
    before = os.umask(0)
    try:
        with controlled(keeper, folder, "serve") as path:
            assert stat.S_IMODE(folder.stat().st_mode) == 0o700
            assert stat.S_IMODE(path.stat().st_mode) == 0o600
    finally:
        os.umask(before)
    assert list(folder.iterdir()) == []


@pytest.mark.parametrize("mode", [0o701, 0o710, 0o770, 0o777])
def test_a_folder_that_others_may_enter_is_refused(keeper: Keeper, folder: Path, mode: int) -> None:
    folder.mkdir(parents=True)
    folder.chmod(mode)
    with pytest.raises(UnsafeSettings, match="0700"), controlled(keeper, folder, "serve"):
        raise AssertionError


def test_a_link_in_place_of_the_folder_is_refused(keeper: Keeper, folder: Path, tmp_path: Path) -> None:
    folder.parent.mkdir(parents=True)
    folder.symlink_to(tmp_path)
    with pytest.raises(UnsafeSettings), controlled(keeper, folder, "serve"):
        raise AssertionError


def test_every_process_seals_and_opens_again(keeper: Keeper, folder: Path) -> None:
    wrapped = keeper.wrap(b"k" * 32, b"")
    with controlled(keeper, folder, "serve"), controlled(keeper, folder, "export"):
        sealed = ask_all(folder, SEAL)
        assert {name.partition("-")[0] for name in sealed} == {"serve", "export"}
        assert [answer and answer["sealed"] for answer in sealed.values()] == [True, True]
        assert keeper.standing().sealed
        assert [answer and answer["sealed"] for answer in ask_all(folder, UNSEAL).values()] == [False, False]
    assert keeper.unwrap(wrapped, b"") == b"k" * 32


def test_custodians_open_every_process_each_giving_a_mnemonic(
    several: list[Keeper], folder: Path, mnemonics: list[str]
) -> None:
    first = ask_all(folder, Order(order="unseal", mnemonic=mnemonics[2]))
    assert [answer and (answer["sealed"], answer["offered"], answer["quorum"]) for answer in first.values()] == [
        (True, 1, 2)
    ] * 2
    ask_all(folder, Order(order="unseal", mnemonic=mnemonics[0]))
    assert [keeper.standing().sealed for keeper in several] == [False, False]


def test_a_wrong_mnemonic_is_refused_without_a_reason(
    several: list[Keeper], folder: Path, mnemonics: list[str]
) -> None:
    """A mistyped one, one of another ceremony, none at all: the same answer."""
    _, other = shares.begun(custodians=3, quorum=2, random=secrets.token_bytes)
    wrong: list[str | None] = ["not words", " ".join(reversed(mnemonics[0].split())), other[0], None]
    answers = [ask_all(folder, Order(order="unseal", mnemonic=one)) for one in wrong]
    told = {json.dumps(answer) for one in answers for answer in one.values()}
    assert len(told) == 1
    assert json.loads(told.pop())["refused"] is True
    assert all(keeper.standing().offered == 0 for keeper in several)


def test_nonsense_is_not_answered_and_nothing_stops(several: list[Keeper], folder: Path) -> None:
    path = next(folder.glob("serve-*"))
    descriptor = os.open(folder, os.O_PATH)
    for nonsense in (b"\n", b"{}\n", b'{"order": "open"}\n', b'{"order": "seal", "x": 1}\n', b"x" * 5000, b"\xff\n"):
        with socket.socket(socket.AF_UNIX) as client:
            client.connect(f"/proc/self/fd/{descriptor}/{path.name}")
            client.sendall(nonsense)
            client.shutdown(socket.SHUT_WR)
            client.settimeout(60)
            try:
                assert client.recv(100) == b""
            except ConnectionResetError:
                continue
    os.close(descriptor)
    assert len([answer for answer in ask_all(folder, STATUS).values() if answer]) == len(several)


def test_nobody_is_asked_where_nothing_runs_and_what_the_dead_left_is_removed(keeper: Keeper, folder: Path) -> None:
    assert ask_all(folder, STATUS) == {}
    with controlled(keeper, folder, "serve") as path:
        leftover = folder / "serve-1-dead.sock"
        with socket.socket(socket.AF_UNIX) as dead:
            descriptor = os.open(folder, os.O_PATH)
            dead.bind(f"/proc/self/fd/{descriptor}/{leftover.name}")
            os.close(descriptor)
        assert list(ask_all(folder, STATUS)) == [path.stem.rpartition("-")[0]]
        assert not leftover.exists()


def test_another_user_is_not_answered(keeper: Keeper, folder: Path) -> None:
    """Even one who comes past the folder: root, as another user without its rights, hands the descriptor on."""
    if os.geteuid() != 0:
        assert stat.S_IMODE(folder.parent.parent.stat().st_mode) & 0o077 == 0 or not folder.exists()
    with controlled(keeper, folder, "serve") as path:
        path.chmod(0o666)
        program = (
            "import os, socket, sys\n"
            "folder = os.open(sys.argv[1], os.O_PATH)\n"
            "if os.geteuid() == 0: os.setgroups([]); os.setresgid(*[65534] * 3); os.setresuid(*[65534] * 3)\n"
            "client = socket.socket(socket.AF_UNIX)\n"
            "client.connect(f'/proc/self/fd/{folder}/{sys.argv[2]}')\n"
            'client.sendall(b\'{"order": "seal"}\\n\')\n'
            "client.settimeout(5)\n"
            "print(client.recv(1000))\n"
        )
        done = subprocess.run(  # noqa: S603
            [sys.executable, "-c", program, str(folder), path.name], capture_output=True, text=True, check=False
        )
    if os.geteuid() == 0:
        assert done.stdout.strip() in {"b''", ""}
        assert not keeper.standing().sealed or keeper._held is None
        assert not keeper._told_to_seal


def test_what_is_logged_is_that_it_happened(several: list[Keeper], folder: Path, mnemonics: list[str]) -> None:
    with structlog.testing.capture_logs() as logged:
        for mnemonic in mnemonics[:2]:
            ask_all(folder, Order(order="unseal", mnemonic=mnemonic))
        ask_all(folder, SEAL)
    assert sorted(line["event"] for line in logged) == ["keys_opened"] * 2 + ["keys_sealed"] * 2
    assert {tuple(sorted(line)) for line in logged} == {("event", "kind", "log_level")}
    assert not any(word in str(logged) for word in mnemonics[0].split() if len(word) > 6)
    assert mnemonics[0] not in repr(Order(order="unseal", mnemonic=mnemonics[0]))
    assert len(several) == 2
