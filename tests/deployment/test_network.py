"""The tests reach this machine and nothing else."""

import socket

import pytest


@pytest.mark.parametrize("address", [("192.0.2.1", 80), ("10.0.0.1", 5432), ("example.invalid", 443)])
@pytest.mark.parametrize("connect", ["connect", "connect_ex"])
def test_nothing_beyond_this_machine_is_reached(address: tuple[str, int], connect: str) -> None:
    with socket.socket() as outgoing, pytest.raises(RuntimeError, match="this machine only"):
        getattr(outgoing, connect)(address)


def test_loopback_is_reached() -> None:
    with (
        socket.create_server(("127.0.0.1", 0)) as listening,
        socket.create_connection(listening.getsockname()) as outgoing,
    ):
        assert outgoing.getpeername() == listening.getsockname()
